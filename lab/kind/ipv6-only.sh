# shellcheck shell=bash
# IPv6 and nothing else, behind a firewall that lets only answers in. The peer has IPv4 and nothing else.
#
#   client ── firewall ── internet

title='IPv6 only'
maps=none filters=address-port reached_at=2001:db8:0:1::10
nat=firewall-$home
host "$nat"
wire "$client" eth - "$nat" lan -
address "$client" eth "2001:db8:$home:1::2/64"
address "$nat" lan "2001:db8:$home:1::1/64"
gateway "$client" "2001:db8:$home:1::1"
uplink "$nat" wan
uplink6 "$nat" wan
nat "$nat" firewall
outer=2001:db8:$home:1::2
nats=("$nat")
