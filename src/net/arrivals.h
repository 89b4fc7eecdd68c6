/* The TCP port's connections by address (IPv6: network): how many stand and how often they come, whatever they carry. The front
 * counts one when it knows what it is, and whoever closes it at last says so. So a limit is one for each address, and not one for
 * each protocol and worker. */
#pragma once
#include "mptime.h"
#include "path.h"
#include <stdbool.h>

struct arrivals;
struct arrivals_limits {      /* of one address; 0: none */
    unsigned connections;     /* at the same time */
    unsigned connections_per_s;
};

struct arrivals *arrivals_new(const struct arrivals_limits *); /* NULL: no memory */
void arrivals_free(struct arrivals *);
/* From the front's thread. True: it is counted. */
bool arrivals_take(struct arrivals *, const struct address *, mp_time now);
/* From any thread, once for each that was counted. NULL: nobody counts. */
void arrivals_leave(struct arrivals *, const struct address *);
