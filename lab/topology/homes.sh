# shellcheck shell=bash
# An internet with the server, a peer, a STUN service and any number of homes, each of a kind: lab/kind/KIND.sh.
# LAB_KINDS names the kinds, in order; the same one may come twice. Everything outside is dual stack but the peer.
#
#   client-1 ── nat-1 ──────────────┐ 198.51.100.4n+2/30
#   10.0.n.2                        │                        203.0.113.10   server
#   client-2 ── nat-2 ── carrier-2 ─┼── internet ───────────  192.0.2.10    peer
#   …                               │                         192.0.2.66    stun, with 192.0.2.67 as its second address
#   client-N (no NAT) ──────────────┘
#
# In IPv6: 2001:db8:0:S::/64 for those to the right, 2001:db8:n::/48 for home n.

# shellcheck source=../home.sh
. "$(dirname "${BASH_SOURCE[0]}")/../home.sh"

export LAB_SERVER=203.0.113.10 LAB_PEER=peer LAB_STUN=192.0.2.66,192.0.2.67 LAB_STUN6=2001:db8:0:3::66,2001:db8:0:3::67

server_host
for name in internet peer stun; do host "$name"; done
wire server wan 203.0.113.10/24  internet server 203.0.113.1/24
wire peer   eth 192.0.2.10/26    internet peer   192.0.2.1/26
wire stun   eth 192.0.2.66/26    internet stun   192.0.2.65/26
address stun     eth    192.0.2.67/26
address server   wan    2001:db8:0:1::10/64
address internet server 2001:db8:0:1::1/64
address stun     eth    2001:db8:0:3::66/64
address stun     eth    2001:db8:0:3::67/64
address internet stun   2001:db8:0:3::1/64
router internet
gateway server 203.0.113.1
gateway server 2001:db8:0:1::1
gateway peer 192.0.2.1
gateway stun 192.0.2.65
gateway stun 2001:db8:0:3::1

# Both kinds of address: a client uses the name where it must choose between them.
echo "203.0.113.10 monoport.lab" >>/etc/hosts
echo "2001:db8:0:1::10 monoport.lab" >>/etc/hosts

build_homes
