# shellcheck shell=bash
# Both sides of a call behind the same symmetric NAT: the call must need neither side's inner address, nor hairpinning.
#
#   client ────┐
#              ├── nat ── internet
#   neighbour ─┘

title='both behind one symmetric NAT'
maps=address-port filters=address-port
behind symmetric
with_neighbour
