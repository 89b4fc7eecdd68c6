# shellcheck shell=bash
# A server, publishers on a clean cable, and viewers behind an emulated line, whose packets build/lab-line carries.
#
#   publisher 192.0.2.10 ────┐
#                            ├── internet ═══ line ═══ viewer
#   server    203.0.113.10 ──┘  198.51.100.1          198.51.100.2

server_host
for name in internet publisher viewer; do host "$name"; done
wire server    wan 203.0.113.10/24  internet server    203.0.113.1/24
wire publisher eth 192.0.2.10/24    internet publisher 192.0.2.1/24
line internet line 198.51.100.1/24  viewer line 198.51.100.2/24
router internet
gateway server 203.0.113.1
gateway publisher 192.0.2.1
gateway viewer 198.51.100.1

export LAB_SERVER=203.0.113.10
export LAB_CLIENTS='publisher//192.0.2.10 viewer//198.51.100.2'
