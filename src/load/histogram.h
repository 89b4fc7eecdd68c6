/* Durations by logarithm: 32 steps to each doubling, so a quantile has an error of about 3 % at most. */
#pragma once
#include "base/time.h"
#include <stdint.h>

#define HISTOGRAM_STEPS   32
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 40)

struct histogram {
    uint64_t count;
    mp_time min, max;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *, mp_time);
void histogram_merge(struct histogram *, const struct histogram *);
mp_time histogram_quantile(const struct histogram *, double q); /* 0: it is empty */
