# shellcheck shell=bash
# The two of a call behind the same symmetric NAT: neither may need the other's inner address, nor the NAT to hairpin.
#
#   client ────┐
#              ├── nat ── internet
#   neighbour ─┘

title='both behind one symmetric NAT'
maps=address-port filters=address-port
behind symmetric
with_neighbour
