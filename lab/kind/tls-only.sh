# shellcheck shell=bash
# TCP to the server's port, and only if it begins as TLS does.

title='only TLS to the one port'
maps='no answer' filters='no answer' tcp=tls scheme=https
behind port-restricted tls-only
