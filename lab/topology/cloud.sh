# shellcheck shell=bash
# The server is a cloud VM behind a 1:1 NAT. It has a colleague on its private network; its other clients are homes (LAB_KINDS).
#
#   server 10.1.0.10 ────┐
#                        ├── cloud ── internet ── nat-1 ── client-1
#   colleague 10.1.0.20 ─┘   203.0.113.10

# shellcheck source=../home.sh
. "$(dirname "${BASH_SOURCE[0]}")/../home.sh"

export LAB_SERVER=203.0.113.10 LAB_INNER=10.1.0.10 LAB_COLLEAGUE=colleague

server_host
for name in internet cloud colleague; do host "$name"; done
wire cloud     wan 203.0.113.10/24  internet server 203.0.113.1/24
wire server    eth 10.1.0.10/24     cloud vm -
wire colleague eth 10.1.0.20/24     cloud colleague -
bridge cloud lan 10.1.0.1/24 vm colleague
router internet
nat cloud one-to-one
gateway cloud 203.0.113.1
gateway server 10.1.0.1
gateway colleague 10.1.0.1

# The server's public host name.
echo "203.0.113.10 vm.lab" >>/etc/hosts

build_homes
