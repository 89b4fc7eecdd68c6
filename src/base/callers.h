/* How much one address may have, and ask for by the second. Addresses share buckets, and with them their bounds: nothing is
 * allocated for a stranger. This machine has no bounds: behind a proxy, everybody is this machine. */
#pragma once
#include "limits.h"
#include "path.h"
#include "rate.h"

struct caller {
    unsigned count; /* what it has now */
    struct rate rate;
};

struct callers {
    uint64_t key; /* random: who shares a bucket is not theirs to choose */
    struct caller list[CALLER_BUCKETS];
};

/* NULL: no bounds. */
static inline struct caller *callers_find(struct callers *s, const struct address *a)
{
    return address_is_loopback(a) ? NULL : &s->list[network_hash(a, s->key) % CALLER_BUCKETS];
}

/* Whether it may ask once more: `per_s` times a second (0: as often as it likes), and CALLER_BURST_S seconds' worth at once. */
static inline bool caller_take(struct caller *s, unsigned per_s, mp_time now)
{
    return !s || !per_s || rate_take(&s->rate, 1, per_s, (double)per_s * CALLER_BURST_S, now);
}
