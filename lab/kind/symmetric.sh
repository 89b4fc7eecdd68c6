# shellcheck shell=bash
# Another random outer port for each destination: many companies and mobile networks.

title='symmetric'
maps=address-port filters=address-port
behind symmetric
