# shellcheck shell=bash
# TCP to the server's port, and only connections that begin as TLS does. The browser uses the server's name, as for a host
# with a certificate: Firefox uses no TURN over TLS at a bare address.

title='only TLS to the one port'
maps='no answer' filters='no answer' tcp=tls scheme=https reached_at=monoport.lab
behind port-restricted tls-only
