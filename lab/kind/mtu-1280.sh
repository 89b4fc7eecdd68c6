# shellcheck shell=bash
# A path with an MTU of 1280 bytes that sends no ICMP about it.
#
#   client ── nat ── internet

title='MTU 1280, ICMP dropped'
maps=endpoint filters=address-port mtu=1280
behind port-restricted mtu-1280

# On a link of the lab a run of equal datagrams travels as one packet (UDP segmentation), which no real link does: the
# rule would measure the whole run.
ip -n internet link set "home-$home" gso_max_segs 1
ip -n "$client" link set eth gso_max_segs 1
