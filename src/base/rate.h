/* A token bucket. */
#pragma once
#include "base/time.h"
#include <stdbool.h>

struct rate {
    double tokens;
    mp_time last;
};

/* Takes `cost` from a bucket that fills with `per_s` a second up to `burst`. False: it holds less. An
 * all-zero bucket counts as full. */
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

/* For a cost that is known only afterwards: the bucket may become negative. Until it has filled up to 0
 * again, rate_take refuses even a cost of 0. */
static inline void rate_spend(struct rate *r, double cost) { r->tokens -= cost; }
