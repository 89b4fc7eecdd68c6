# shellcheck shell=bash
# Broken dual stack: an IPv6 address and a route, but no packet ever comes back. The browser loads the page by host name.

title='IPv4, and IPv6 that leads nowhere'
maps=endpoint filters=address-port reached_at=monoport.lab
behind port-restricted ipv6-broken
address "$client" eth "2001:db8:$home:1::2/64"
address "${nats[0]}" lan "2001:db8:$home:1::1/64"
gateway "$client" "2001:db8:$home:1::1"
uplink6 "${nats[0]}" wan
