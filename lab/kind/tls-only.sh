# shellcheck shell=bash
# TCP to the server's port, and only if it begins as TLS does. The server is asked for by its name, as a host with a certificate is:
# Firefox takes no TURN over TLS at a bare address.

title='only TLS to the one port'
maps='no answer' filters='no answer' tcp=tls scheme=https reached_at=monoport.lab
behind port-restricted tls-only
