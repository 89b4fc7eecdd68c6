/* The kernel's addresses. */
#pragma once
#include "base/path.h"
#include <netinet/in.h>
#include <stddef.h>

/* Every usable address of this machine: of interfaces that are up, not loopback, not link-local; IPv4 first.
 * Returns how many. */
size_t addresses_of_machine(struct address *out, size_t max);

/* Converts a socket address of either family. */
void addresses_from_sockaddr(struct address *, const struct sockaddr_in6 *);
