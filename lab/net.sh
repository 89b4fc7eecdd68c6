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

# IPv4 until `address` is given another: without link-local addresses there is no neighbour discovery among the packets that are counted.
settle() {
	setting "$1" net/ipv6/conf/all/disable_ipv6 1
	setting "$1" net/ipv6/conf/default/disable_ipv6 1
	ip -n "$1" link set lo up
}

# setting HOST NAME VALUE: a kernel setting; one that this kernel lacks (no IPv6 at all) needs no setting.
setting() {
	on "$1" sh -c '[ ! -e "/proc/sys/$1" ] || echo "$2" >"/proc/sys/$1"' setting "$2" "$3"
}

# wire HOST INTERFACE ADDRESS/BITS HOST INTERFACE ADDRESS/BITS: a cable between two hosts; `-` is an end without an address.
wire() {
	ip -n "$1" link add "$2" type veth peer name "$5" netns "$4"
	[ "$3" = - ] || ip -n "$1" address add "$3" dev "$2"
	[ "$6" = - ] || ip -n "$4" address add "$6" dev "$5"
	ip -n "$1" link set "$2" up
	ip -n "$4" link set "$5" up
}

# bridge HOST NAME ADDRESS/BITS INTERFACE…: its cables meet in one network, in which it has this address.
bridge() {
	local host=$1 name=$2
	ip -n "$host" link add "$name" type bridge
	ip -n "$host" address add "$3" dev "$name"
	for port in "${@:4}"; do ip -n "$host" link set "$port" master "$name" up; done
	ip -n "$host" link set "$name" up
}

# address HOST INTERFACE ADDRESS/BITS: one more. An IPv6 one switches IPv6 on there; it is not tried for duplicates first, which takes a second.
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

# gateway HOST ADDRESS [DESTINATION]: its way to there; without a destination to everywhere else.
gateway() {
	case $2 in
	*:*) ip -n "$1" -6 route add "${3:-default}" via "$2" ;;
	*) ip -n "$1" route add "${3:-default}" via "$2" ;;
	esac
}

# router HOST: it forwards.
router() {
	setting "$1" net/ipv4/ip_forward 1
	setting "$1" net/ipv6/conf/all/forwarding 1
}

# nat HOST KIND…: what comes in by its interface `lan` leaves by `wan` as lab/nat/KIND.nft says. Those files know the server's address and port as $server and $port;
# where it has another one behind a NAT of its own, that is $inner.
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
