# shellcheck shell=bash
# Functions for the kinds of home (lab/kind). A home is a client host and the network between it and the internet.
# A kind's file sets these variables and calls one of the functions below:
#
#   title                a short description of the kind
#   maps, filters        what the probe must find, in the terms of RFC 4787: none, endpoint, address, address-port; 'no answer' where UDP does not pass
#   tcp                  the destinations that the probe must find open for TCP: anywhere (the default), server (only there),
#                        tls (only there, only TLS), proxy (only there, by CONNECT), proxy-tls (the same, only TLS), none
#   outer                the address that others see (the functions below set it)
#   reached_at           how the client names the server, if not by its IPv4 address
#   forgets_s, mtu       the probe must also find these: seconds until the NAT drops a silent mapping, longest datagram
#   neighbour            a second host beside the client, for the peer of its call
#   scheme               https, where the page can only be loaded over it
#   proxy                the proxy of browsers there, if they need one
#   seconds_idle         the call must also last so many seconds with nothing but checks on its path

lab_kind=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/kind

# build_homes: builds the homes of LAB_KINDS and describes them in LAB_HOMES.
build_homes() {
	local homes=() kind
	for kind in $LAB_KINDS; do build_home "$kind"; done
	LAB_HOMES=$(IFS=,; echo "[${homes[*]}]")
	export LAB_HOMES
}

# build_home KIND: builds the next home, number `home`, and adds its description in JSON to `homes`.
build_home() {
	local title maps filters tcp=anywhere outer reached_at=$LAB_SERVER scheme=http proxy='' forgets_s=null mtu=null neighbour='' seconds_idle=0 nats=()
	home=$((${#homes[@]} + 1))
	client=client-$home
	host "$client"
	# shellcheck source=/dev/null
	. "$lab_kind/$1.sh"
	local list
	list=$(printf ',"%s"' "${nats[@]}")
	local text
	printf -v text '"%s":"%s",' kind "$1" title "$title" maps "$maps" filters "$filters" tcp "$tcp" client "$client" neighbour "$neighbour" \
		outer "$outer" server "$reached_at" scheme "$scheme" proxy "$proxy"
	homes+=("{$text\"forgets_s\":$forgets_s,\"mtu\":$mtu,\"seconds_idle\":$seconds_idle,\"nats\":[$([ ${#nats[@]} = 0 ] || echo "${list#,}")]}")
}

# uplink HOST INTERFACE: connects the home to the internet.
uplink() {
	outer=198.51.100.$((4 * home + 2))
	wire "$1" "$2" "$outer/30" internet "home-$home" "198.51.100.$((4 * home + 1))/30"
	gateway "$1" "198.51.100.$((4 * home + 1))"
}

# uplink6 HOST INTERFACE: the same for IPv6: routes all of the home's addresses by HOST.
uplink6() {
	address "$1" "$2" "2001:db8:$home::2/64"
	address internet "home-$home" "2001:db8:$home::1/64"
	gateway "$1" "2001:db8:$home::1"
	gateway internet "2001:db8:$home::2" "2001:db8:$home::/48"
}

# behind KIND…: the client in a home network behind a NAT with the rules of lab/nat/KIND.nft (all of them).
behind() {
	local nat=nat-$home
	host "$nat"
	wire "$client" eth "10.0.$home.2/24" "$nat" lan "10.0.$home.1/24"
	gateway "$client" "10.0.$home.1"
	uplink "$nat" wan
	nat "$nat" "$@"
	nats=("$nat")
}

# behind_carrier KIND KIND: a home NAT of the first kind behind the provider's of the second (RFC 6598 addresses between them).
behind_carrier() {
	local nat=nat-$home carrier=carrier-$home
	host "$nat"
	host "$carrier"
	wire "$client" eth "10.0.$home.2/24" "$nat" lan "10.0.$home.1/24"
	gateway "$client" "10.0.$home.1"
	wire "$nat" wan "100.64.$home.2/24" "$carrier" lan "100.64.$home.1/24"
	gateway "$nat" "100.64.$home.1"
	uplink "$carrier" wan
	nat "$nat" "$1"
	nat "$carrier" "$2"
	nats=("$nat" "$carrier")
}

# with_neighbour: another host beside the client; the cables of the two meet in a bridge, the NAT's new `lan`.
with_neighbour() {
	local nat=${nats[0]}
	neighbour=neighbour-$home
	host "$neighbour"
	ip -n "$nat" link set lan down
	ip -n "$nat" address flush dev lan
	ip -n "$nat" link set lan name lan-1
	wire "$neighbour" eth "10.0.$home.3/24" "$nat" lan-2 -
	bridge "$nat" lan "10.0.$home.1/24" lan-1 lan-2
	gateway "$neighbour" "10.0.$home.1"
}

# connect_proxy HOST: a proxy on the home's router, for CONNECT to the server's port alone.
connect_proxy() {
	proxy=http://10.0.$home.1:8888
	cat >"/run/proxy-$home.conf" <<-END
		Port 8888
		Listen 10.0.$home.1
		Timeout 600
		MaxClients 100
		LogFile "/run/proxy-$home.log"
		LogLevel Critical
		ConnectPort 8000
	END
	on "$1" tinyproxy -c "/run/proxy-$home.conf"
}
