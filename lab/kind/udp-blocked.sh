# shellcheck shell=bash
# UDP is dropped, TCP goes where it likes: many offices.

title='UDP blocked'
maps='no answer' filters='no answer'
behind port-restricted no-udp
