/* Counts the TCP port's connections by address (IPv6: network) and their rate, whatever protocol they carry.
 * The code that accepts a connection asks here once its protocol is known; the code that finally closes it
 * reports that. So each address has one limit, not one for each protocol and thread. From any thread. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include <stdbool.h>

struct arrivals;
struct arrivals_limits {  /* of one address; 0: none */
    unsigned connections; /* at the same time */
    unsigned connections_per_s;
};

struct arrivals *arrivals_new(const struct arrivals_limits *); /* NULL: no memory */
void arrivals_free(struct arrivals *);                         /* may be NULL */
/* True: counted. Always true if `arrivals` is NULL: then nothing is counted. */
bool arrivals_take(struct arrivals *, const struct address *, mp_time now);
/* Counts a connection over the limit that gets an error message: up to as many again. False: over that too,
 * not counted. */
bool arrivals_take_to_refuse(struct arrivals *, const struct address *);
/* Call once for each counted connection. */
void arrivals_leave(struct arrivals *, const struct address *);
