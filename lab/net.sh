# shellcheck shell=bash
# The words in which a topology is written. Each host is a network namespace; `server` is the one that the lab's command
# runs in. Addresses come from the documentation ranges (RFC 5737) for what plays the internet, and from RFC 1918 behind NATs.

lab_nat=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/nat

# on HOST COMMAND…: run it there. Not `ip netns exec`: that mounts a new /sys, which a user namespace may not.
on() {
	local host=$1
	shift
	nsenter --net="/run/netns/$host" -- "$@"
}

# The namespace that this script itself is in becomes the host `server`.
server_host() {
	ip netns attach server $$
	settle server
}

# host NAME: a new one, with nothing but a loopback.
host() {
	ip netns add "$1"
	settle "$1"
}

# The lab is IPv4: without link-local addresses there is no neighbour discovery among the packets that are counted.
settle() {
	setting "$1" net/ipv6/conf/all/disable_ipv6 1
	setting "$1" net/ipv6/conf/default/disable_ipv6 1
	ip -n "$1" link set lo up
}

# setting HOST NAME VALUE: a kernel setting; one that this kernel lacks (no IPv6 at all) needs no setting.
setting() {
	on "$1" sh -c '[ ! -e "/proc/sys/$1" ] || echo "$2" >"/proc/sys/$1"' setting "$2" "$3"
}

# wire HOST INTERFACE ADDRESS/BITS HOST INTERFACE ADDRESS/BITS: a cable between two hosts.
wire() {
	ip -n "$1" link add "$2" type veth peer name "$5" netns "$4"
	ip -n "$1" address add "$3" dev "$2"
	ip -n "$4" address add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# gateway HOST ADDRESS: its way to everywhere else.
gateway() {
	ip -n "$1" route add default via "$2"
}

# router HOST: it forwards.
router() {
	setting "$1" net/ipv4/ip_forward 1
}

# nat HOST KIND: what comes in by its interface `lan` leaves by `wan` as lab/nat/KIND.nft says.
nat() {
	router "$1"
	on "$1" nft -f "$lab_nat/$2.nft"
}
