# shellcheck shell=bash
# A path that takes 1280 bytes and does not say so.
#
#   client ── nat ── internet

title='MTU 1280, ICMP dropped'
maps=endpoint filters=address-port mtu=1280
behind port-restricted mtu-1280
