# shellcheck shell=bash
# One outer port for each inner one, open to the addresses and ports that the client has sent to: most homes.

title='port-restricted cone'
maps=endpoint filters=address-port
behind port-restricted
