/* Media from an address without a known path. It may belong to a session of this worker that moved, to one of
 * another worker, or to none.
 *
 * Cost: a look-up passes a bounded number of entries and tries at most SENDER_TRIES_MAX sessions, each with
 * one authentication. The worker handles only ROAM_PER_S unknown datagrams a second from one network, and
 * ROAM_TOTAL_PER_S in all; a client beyond that has to wait for its next connectivity check. The worker
 * answers, stores and allocates nothing before the datagram is authentic, and then it only starts a check of
 * the new address (ice.h). */
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
