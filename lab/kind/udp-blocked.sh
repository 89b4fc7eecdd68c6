# shellcheck shell=bash
# The firewall drops UDP and passes all TCP: many offices.

title='UDP blocked'
maps='no answer' filters='no answer'
behind port-restricted no-udp
