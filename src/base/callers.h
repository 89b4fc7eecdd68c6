/* Limits for one address: its connections, sessions and rates. Addresses share buckets, and with them their
 * limits: an unauthenticated sender causes no allocation. Loopback has no limits: behind a proxy, every
 * client has a loopback address. */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include "base/rate.h"

struct caller {
    unsigned count; /* connections or sessions now */
    struct rate rate;
};

struct callers {
    uint64_t key; /* random, so that a client cannot choose whose bucket it shares */
    struct caller list[CALLER_BUCKETS];
};

/* NULL: no limits. */
static inline struct caller *callers_find(struct callers *s, const struct address *a)
{
    return address_is_loopback(a) ? NULL : &s->list[address_network_hash(a, s->key) % CALLER_BUCKETS];
}

/* Whether the address may act once more: `per_s` times a second (0: no limit), with a burst of CALLER_BURST_S
 * seconds' worth. */
static inline bool caller_take(struct caller *s, unsigned per_s, mp_time now)
{
    return !s || !per_s || rate_take(&s->rate, 1, per_s, (double)per_s * CALLER_BURST_S, now);
}
