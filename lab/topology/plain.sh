# shellcheck shell=bash
# A server and one client host on one link, for tests that do not depend on NATs.
#
#   client ─────────── server
#   203.0.113.20       203.0.113.10

server_host
host client
wire server wan 203.0.113.10/24  client eth 203.0.113.20/24
gateway client 203.0.113.10

export LAB_SERVER=203.0.113.10
export LAB_CLIENTS='client//203.0.113.20'
