# shellcheck shell=bash
# A symmetric NAT whose mappings live 30 s without a packet. The call is also left alone for longer than that.

title='symmetric, forgets after 30 s'
maps=address-port filters=address-port forgets_s=30 seconds_idle=40
behind forgetful
