# shellcheck shell=bash
# One outer port for each inner one, open to the addresses that the client has sent to.

title='address-restricted cone'
maps=endpoint filters=address
behind address-restricted
