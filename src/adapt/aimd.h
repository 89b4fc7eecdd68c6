/* The rate that a viewer's line bears as far as delay tells: it falls to 0.85 of the acknowledged rate
 * when a queue grows, waits while the queue drains, and rises by 8 % a second, or by about a packet a
 * response time near the rate at which queues grew before (draft-ietf-rmcat-gcc-02 5.5; bounds as in
 * libwebrtc). It rises to no more than 1.5 of the acknowledged rate, so a viewer that is sent little keeps
 * the rate that it has. estimate.c calls aimd_update once a feedback. */
#pragma once
#include "adapt/trend.h"

struct aimd { /* set `bps` and `most` to begin */
    double bps, most;
    double capacity,
        deviation;     /* kbit/s: mean of the acknowledged rates at which queues grew; 0: not known */
    mp_time updated;   /* 0: never */
    mp_time decreased; /* 0: never */
};

/* `acked`: 0 if not known. */
void aimd_update(struct aimd *, enum trend_state, uint32_t acked, mp_time rtt, mp_time now);
