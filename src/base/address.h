/* Addresses. An IPv4 address is kept in its IPv4-mapped IPv6 form, so one client is one identity
 * whichever family its socket has. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct address {
    uint8_t ip[16];
    uint16_t port; /* host order */
};

#define ADDRESS_TEXT_SIZE 64 /* "[ipv6%scope]:port" and its end */

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, 16) == 0;
}

bool address_is_v4(const struct address *);
bool address_is_loopback(const struct address *);
/* Hash of the network of the ip, without port. All limits by address count by it. A /64 of IPv6 is one
 * customer, who can make any number of addresses in it; an IPv4 address is a network of its own. */
uint64_t address_network_hash(const struct address *, uint64_t key);

/* The ip as text ("192.0.2.1", "2001:db8::1"), without port. Returns `text`. */
const char *address_ip_text(const struct address *, char text[ADDRESS_TEXT_SIZE]);
/* "192.0.2.1:5000", "[2001:db8::1]:5000". Returns `text`. */
const char *address_text(const struct address *, char text[ADDRESS_TEXT_SIZE]);
/* Parses an IP literal of either family; brackets around IPv6 are accepted. False: not an address. */
bool address_parse(struct address *, const char *ip, uint16_t port);
