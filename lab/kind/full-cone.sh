# shellcheck shell=bash
# One outer port for each inner one, open to everybody.

title='full cone'
maps=endpoint filters=endpoint
behind full-cone
