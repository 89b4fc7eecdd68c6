/* The TCP port's connections by address (IPv6: network): how many stand and how often they come, whatever they carry. Who takes one in
 * asks here when it is known what it is, and whoever closes it at last says so. So a limit is one for each address, and not one for
 * each protocol and thread. From any thread. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include <stdbool.h>

struct arrivals;
struct arrivals_limits {      /* of one address; 0: none */
    unsigned connections;     /* at the same time */
    unsigned connections_per_s;
};

struct arrivals *arrivals_new(const struct arrivals_limits *); /* NULL: no memory */
void arrivals_free(struct arrivals *);                         /* may be NULL */
/* True: it is counted. Always, where `arrivals` is NULL: nobody counts. */
bool arrivals_take(struct arrivals *, const struct address *, mp_time now);
/* One that was not taken, and is to be told so: those count too, up to as many again. False: there are so many, and it is not counted. */
bool arrivals_take_to_refuse(struct arrivals *, const struct address *);
/* Once for each that was counted. */
void arrivals_leave(struct arrivals *, const struct address *);
