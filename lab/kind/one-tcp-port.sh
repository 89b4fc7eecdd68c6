# shellcheck shell=bash
# TCP to the server's port and nothing else.

title='only TCP to the one port'
maps='no answer' filters='no answer' tcp=server
behind port-restricted one-tcp-port
