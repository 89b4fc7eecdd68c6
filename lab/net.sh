# shellcheck shell=bash
# Functions for topologies. Each host is a network namespace; the lab's command runs in `server`. Addresses of the
# simulated internet come from the documentation ranges (RFC 5737), those behind NATs from RFC 1918.

lab_nat=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/nat

# on HOST COMMAND…: runs a command there. Not by `ip netns exec`: that mounts a new /sys, which a user namespace may not.
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

# host NAME: creates a host with nothing but a loopback interface.
host() {
	ip netns add "$1"
	settle "$1"
}

# IPv4 only, until `address` adds an IPv6 address: link-local addresses would cause neighbour discovery, which tests would
# count among the packets.
settle() {
	setting "$1" net/ipv6/conf/all/disable_ipv6 1
	setting "$1" net/ipv6/conf/default/disable_ipv6 1
	ip -n "$1" link set lo up
}

# setting HOST NAME VALUE: sets a kernel parameter; does nothing where the kernel lacks it (no IPv6 at all).
setting() {
	on "$1" sh -c '[ ! -e "/proc/sys/$1" ] || echo "$2" >"/proc/sys/$1"' setting "$2" "$3"
}

# wire HOST INTERFACE ADDRESS/BITS HOST INTERFACE ADDRESS/BITS: connects two hosts; `-` means no address at that end.
wire() {
	ip -n "$1" link add "$2" type veth peer name "$5" netns "$4"
	[ "$3" = - ] || ip -n "$1" address add "$3" dev "$2"
	[ "$6" = - ] || ip -n "$4" address add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# bridge HOST NAME ADDRESS/BITS INTERFACE…: joins interfaces into one network, in which the host has this address.
bridge() {
	local host=$1 name=$2
	ip -n "$host" link add "$name" type bridge
	ip -n "$host" address add "$3" dev "$name"
	for port in "${@:4}"; do ip -n "$host" link set "$port" master "$name" up; done
	ip -n "$host" link set "$name" up
}

# address HOST INTERFACE ADDRESS/BITS: adds an address. An IPv6 address switches IPv6 on there, without duplicate address
# detection, which takes a second.
address() {
	case $3 in
	*:*)
		setting "$1" "net/ipv6/conf/$2/accept_dad" 0
		setting "$1" "net/ipv6/conf/$2/disable_ipv6" 0
		ip -n "$1" address add "$3" dev "$2" nodad
		;;
	*) ip -n "$1" address add "$3" dev "$2" ;;
	esac
}

# gateway HOST ADDRESS [DESTINATION]: sets the route to the destination, or the default route.
gateway() {
	case $2 in
	*:*) ip -n "$1" -6 route add "${3:-default}" via "$2" ;;
	*) ip -n "$1" route add "${3:-default}" via "$2" ;;
	esac
}

# router HOST: enables forwarding.
router() {
	setting "$1" net/ipv4/ip_forward 1
	setting "$1" net/ipv6/conf/all/forwarding 1
}

# nat HOST KIND…: loads the rules of lab/nat/KIND.nft, for packets from its interface `lan` to `wan`. In those files
# $server and $port are the server's address and port; $inner is its address behind its own NAT, if it has one.
nat() {
	local host=$1
	shift
	router "$host"
	for kind in "$@"; do
		on "$host" nft -I "$lab_nat" -D "server=${LAB_SERVER:-0.0.0.0}" -D "port=8000" -D "inner=${LAB_INNER:-0.0.0.0}" -f "$lab_nat/$kind.nft"
	done
}

# line HOST DEVICE ADDRESS/BITS HOST DEVICE ADDRESS/BITS: two TUN devices, between which nothing passes until build/lab-line carries it. Their
# queues are long: a program that is late for a moment loses nothing.
line() {
	for end in "$1 $2 $3" "$4 $5 $6"; do
		# shellcheck disable=SC2086
		set -- $end
		on "$1" ip tuntap add dev "$2" mode tun
		ip -n "$1" address add "$3" dev "$2"
		ip -n "$1" link set "$2" txqueuelen 5000 up
	done
}
