/* Addresses and paths. An IPv4 address is kept in its IPv4-mapped IPv6 form, so one client is one identity
 * whichever family its socket has. */
#pragma once
#include "base/link.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
    uint8_t ip[16];
    uint16_t port; /* host order */
};

struct path {
    struct address local, remote; /* local.ip is all zero if the receiving address is unknown */
    uint32_t link;                /* LINK_UDP, or the link that carries its datagrams */
};

#define ADDRESS_TEXT_SIZE 64 /* "[ipv6%scope]:port" and its end */

bool address_is_v4(const struct address *);
bool address_equal(const struct address *, const struct address *);
bool address_is_loopback(const struct address *);
bool path_equal(const struct path *, const struct path *);
/* Keyed hashes: a sender cannot choose addresses that collide. */
uint64_t path_hash(const struct path *, uint64_t key);
/* Hash of the network of the ip, without port. All limits by address count by it. A /64 of IPv6 is one
 * customer, who can make any number of addresses in it; an IPv4 address is a network of its own. */
uint64_t network_hash(const struct address *, uint64_t key);

/* The ip as text ("192.0.2.1", "2001:db8::1"), without port. Returns `text`. */
const char *address_ip_text(const struct address *, char text[ADDRESS_TEXT_SIZE]);
/* "192.0.2.1:5000", "[2001:db8::1]:5000". Returns `text`. */
const char *address_text(const struct address *, char text[ADDRESS_TEXT_SIZE]);
/* Parses an IP literal of either family; brackets around IPv6 are accepted. False: not an address. */
bool address_parse(struct address *, const char *ip, uint16_t port);
