/* The addresses of this machine. */
#pragma once
#include "path.h"
#include <stddef.h>

/* Every usable one: of interfaces that are up, not loopback, not link-local; IPv4 first. Returns how many. */
size_t addresses_of_machine(struct address *out, size_t max);
