# shellcheck shell=bash
# As http-proxy, but the proxy passes only connections that begin as TLS does: many companies.

title='only a CONNECT proxy, only TLS'
maps='no answer' filters='no answer' tcp=proxy-tls scheme=https reached_at=monoport.lab
behind port-restricted tls-proxy
connect_proxy "${nats[0]}"
