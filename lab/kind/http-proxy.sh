# shellcheck shell=bash
# The only way out is an HTTP proxy (CONNECT, RFC 9110 9.3.6).

title='only an HTTP CONNECT proxy'
maps='no answer' filters='no answer' tcp=proxy scheme=https
behind port-restricted nothing
connect_proxy "${nats[0]}"
