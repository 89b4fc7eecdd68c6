#include "load/histogram.h"

/* Below HISTOGRAM_STEPS ns a bucket a ns; from there on the top bit chooses the group and the next five the
 * step. */
static unsigned bucket_of(uint64_t v)
{
    if (v < HISTOGRAM_STEPS)
        return (unsigned)v;
    unsigned shift = 63 - (unsigned)__builtin_clzll(v) - 5;
    unsigned i = (shift + 1) * HISTOGRAM_STEPS + (unsigned)(v >> shift) - HISTOGRAM_STEPS;
    return i < HISTOGRAM_BUCKETS ? i : HISTOGRAM_BUCKETS - 1;
}

static mp_time value_of(unsigned bucket)
{
    unsigned group = bucket / HISTOGRAM_STEPS, step = bucket % HISTOGRAM_STEPS;
    return group == 0 ? (mp_time)step : (mp_time)((uint64_t)(HISTOGRAM_STEPS + step) << (group - 1));
}

void histogram_add(struct histogram *h, mp_time t)
{
    t = mp_max(t, 0);
    h->buckets[bucket_of((uint64_t)t)]++;
    h->min = h->count++ ? mp_min(h->min, t) : t;
    h->max = mp_max(h->max, t);
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        to->buckets[i] += from->buckets[i];
    if (from->count)
        to->min = to->count ? mp_min(to->min, from->min) : from->min;
    to->count += from->count;
    to->max = mp_max(to->max, from->max);
}

mp_time histogram_quantile(const struct histogram *h, double q)
{
    uint64_t below = 0, wanted = (uint64_t)(q * (double)h->count);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        if ((below += h->buckets[i]) > wanted)
            return mp_min(value_of(i), h->max);
    return h->max;
}
