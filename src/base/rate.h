/* A token bucket. */
#pragma once
#include "mptime.h"
#include <stdbool.h>

struct rate {
    double tokens;
    mp_time last;
};

/* True, and `cost` is taken, where a bucket that fills with `per_s` a second up to `burst` holds it. A bucket
 * of zero bytes counts as full. */
static inline bool rate_take(struct rate *r, double cost, double per_s, double burst, mp_time now)
{
    if (r->last == 0)
        r->tokens = burst;
    else if (now > r->last)
        r->tokens += (double)(now - r->last) * per_s / 1e9;
    if (r->tokens > burst)
        r->tokens = burst;
    r->last = now ? now : 1;
    if (r->tokens < cost)
        return false;
    r->tokens -= cost;
    return true;
}

/* For what is known to cost so much only when it is done: the bucket may owe. Until it owes nothing any more, rate_take refuses
 * even what costs 0. */
static inline void rate_spend(struct rate *r, double cost) { r->tokens -= cost; }
