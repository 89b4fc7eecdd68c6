# shellcheck shell=bash
# A path that takes 1280 bytes and does not say so.
#
#   client ── nat ── internet

title='MTU 1280, ICMP dropped'
maps=endpoint filters=address-port mtu=1280
behind port-restricted mtu-1280

# Runs of equal datagrams cross a cable of the lab in one piece (UDP segmentation), as they never do in the world: its rule would measure the run.
ip -n internet link set "home-$home" gso_max_segs 1
ip -n "$client" link set eth gso_max_segs 1
