# shellcheck shell=bash
# Two homes and a server. Each home is behind a symmetric NAT; the internet between them routes and filters nothing.
#
#   client1 ──────── nat1 ───────────┐
#   10.0.1.2      .1   198.51.100.10 │
#                                    ├── internet ────────── server
#   client2 ──────── nat2 ───────────┘   .1 everywhere       203.0.113.10
#   10.0.2.2      .1    192.0.2.10

server_host
for name in internet nat1 nat2 client1 client2; do host "$name"; done

wire server  wan 203.0.113.10/24   internet server 203.0.113.1/24
wire nat1    wan 198.51.100.10/24  internet home1  198.51.100.1/24
wire nat2    wan 192.0.2.10/24     internet home2  192.0.2.1/24
wire client1 eth 10.0.1.2/24       nat1     lan    10.0.1.1/24
wire client2 eth 10.0.2.2/24       nat2     lan    10.0.2.1/24

router internet
nat nat1 symmetric
nat nat2 symmetric

gateway server 203.0.113.1
gateway nat1 198.51.100.1
gateway nat2 192.0.2.1
gateway client1 10.0.1.1
gateway client2 10.0.2.1

export LAB_SERVER=203.0.113.10
# Each client as HOST/NAT/OUTER-ADDRESS.
export LAB_CLIENTS='client1/nat1/198.51.100.10 client2/nat2/192.0.2.10'
