# shellcheck shell=bash
# A symmetric NAT behind another: the home's and the provider's.
#
#   client ── nat ── carrier ── internet

title='carrier-grade (symmetric twice)'
maps=address-port filters=address-port
behind_carrier symmetric symmetric
