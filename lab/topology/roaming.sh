# shellcheck shell=bash
# A publisher at home, a viewer with two ways out, and a server behind a 1:1 NAT, as in a cloud.
#
#   client1 ──────── nat1 ───────────┐                          dnat
#   10.0.1.2      .1   198.51.100.10 │                    203.0.113.10  172.16.0.1
#                                    ├── internet ───────────── cloud ─────────── server
#   client2 ──┬───── nat2 ───────────┤                                          172.16.0.10
#   10.0.2.2  │   .1    192.0.2.10   │
#   10.0.3.2  └───── nat3 ───────────┘
#                 .1    192.0.2.74

export LAB_SERVER=203.0.113.10 LAB_INNER=172.16.0.10

server_host
for name in internet cloud nat1 nat2 nat3 client1 client2; do host "$name"; done

wire server  eth  172.16.0.10/24    cloud    lan    172.16.0.1/24
wire cloud   wan  203.0.113.10/24   internet server 203.0.113.1/24
wire nat1    wan  198.51.100.10/24  internet home1  198.51.100.1/24
wire nat2    wan  192.0.2.10/26     internet home2  192.0.2.1/26
wire nat3    wan  192.0.2.74/26     internet home3  192.0.2.65/26
wire client1 eth  10.0.1.2/24       nat1     lan    10.0.1.1/24
wire client2 eth  10.0.2.2/24       nat2     lan    10.0.2.1/24
wire client2 wlan -                 nat3     lan    10.0.3.1/24

router internet
nat nat1 symmetric
nat nat2 symmetric
nat nat3 symmetric
nat cloud one-to-one

gateway server 172.16.0.1
gateway cloud 203.0.113.1
gateway nat1 198.51.100.1
gateway nat2 192.0.2.1
gateway nat3 192.0.2.65
gateway client1 10.0.1.1
gateway client2 10.0.2.1
ip -n client2 link set wlan down

export LAB_CLIENTS='client1/nat1/198.51.100.10 client2/nat2/192.0.2.10'
