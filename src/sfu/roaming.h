/* Media from an address that no path is known for: a session of this worker that moved, one of another
 * worker, or nobody's.
 *
 * What it may cost: a look-up passes a bounded number of entries and tries at most SENDER_TRIES_MAX sessions,
 * each with one authentication; only ROAM_PER_S unknown datagrams a second and sender network, and
 * ROAM_TOTAL_PER_S in all, are looked at or shown to the other workers. Whoever is beyond that is found by
 * its next connectivity check. Nothing is answered, learned or allocated before the datagram authenticated,
 * and then only a check of the new address starts (ice.h). */
#pragma once
#include "base/path.h"
#include "base/rate.h"
#include "base/time.h"
#include "sfu/senders.h"

struct arrival;
struct sfu;

#define ROAM_PER_S       20.0
#define ROAM_BURST       40.0
#define ROAM_TOTAL_PER_S 1000.0
#define ROAM_TOTAL_BURST 1000.0
#define ROAM_BUCKETS     1024

struct roaming {
    struct senders senders;
    struct rate total, by_place[ROAM_BUCKETS];
};

bool roaming_init(struct sfu *); /* false: no memory */
void roaming_free(struct sfu *);
/* A datagram of SRTP or SRTCP by an unknown path. */
void roaming_input(struct sfu *, const struct arrival *, mp_time now);
