/* The rate at which a viewer acknowledges its packets: the bytes of at most a second, divided by the longer
 * of the time in which they were sent and the time in which they arrived, each without its longest pause.
 * Arrivals that a receiver invents cannot shorten the time of sending; receipts that it withholds can make
 * one pause, which is left out, so the rate may exceed the rate of sending by what that pause hides. The
 * owner of a viewer calls acked_add once a feedback. */
#pragma once
#include "adapt/runs.h"

#define ACKED_KEPT   64
#define ACKED_WINDOW MP_S(1)
#define ACKED_LEAST  MP_MS(150) /* shorter records give no rate */

struct acked_group {
    uint32_t sent, arrival; /* us on either clock, modulo 2^32 */
    uint32_t bytes;
};

struct acked { /* zero: nothing was acknowledged */
    struct acked_group ring[ACKED_KEPT];
    uint32_t end;   /* entries written, ever */
    uint32_t first; /* the oldest one that counts */
};

/* Notes the groups of one feedback, after runs_receipt saw all of its statuses. */
void acked_add(struct acked *, const struct groups *);
uint32_t acked_bps(const struct acked *); /* 0: not known */
