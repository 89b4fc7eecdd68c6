/* Whether packets wait on a viewer's line all the time: the least delay of the last eighth to quarter of a
 * second, above the least of the last 10 to 20 s. Jitter delays some packets, a queue that stands delays
 * all of them; so this tells apart what the slope of adapt/trend.h does not. Of a run, the packet counts that
 * arrived first: the others wait behind it even on an idle line. The delay counts as a queue
 * above 10 ms and above three times what the least delay of one eighth differs from that of the next.
 * estimate.c calls standing_add once a feedback. */
#pragma once
#include "adapt/runs.h"

struct standing {                   /* zero: nothing was acknowledged */
    mp_time base[2];                /* least delays of this and the last 10 s, against an arbitrary origin */
    mp_time least[2];               /* of this and the last eighth of a second */
    mp_time base_since, slot_since; /* times of sending */
    double noise;                   /* ns: mean step of the least delay */
    mp_time arrival, last_sent;     /* of the last group */
    uint32_t last_arrival;          /* 250 us, modulo 2^32 */
    bool heard;
};

void standing_add(struct standing *, const struct groups *);
mp_time standing_delay(const struct standing *); /* 0: none, or not known */
mp_time standing_limit(const struct standing *); /* a standing_delay above it is a queue */
