# shellcheck shell=bash
# No NAT and no firewall: a public address of its own.
#
#   client ── internet

title='public address'
maps=none filters=endpoint
uplink "$client" eth
