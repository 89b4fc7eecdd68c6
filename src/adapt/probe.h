/* Probes: a viewer's line is tried with padding above its estimate, only while a higher layer is wanted.
 *
 * A probe is a cluster of at least 15 ms, 5 packets and 3 sends: one GSO run would measure a token bucket,
 * not the line. What arrives proves a rate: the lower one of sending and arrival, if 80 % of packets and
 * bytes arrived. Padding costs at most 5 % of what the viewer was sent (and 12 KB at the beginning);
 * within that the next probe follows a failed one after at most 2 s, and a good one at once.
 *
 * The owner of the viewer calls:
 *
 * - probe_want on the grid, while the allocation has a next step that the estimate does not allow
 * - probe_due at probe_next: so many bytes of padding are due (retransmissions of recent packets, or
 *   padding-only packets)
 * - probe_sent before the estimate_sent of each run, which gets RUN_PROBE if it returns true
 * - probe_feedback for each feedback, after estimate_feedback; a rate goes to estimate_probed
 * - probe_cancel instead of sending
 * - probe_changed when the viewer's path moved: the next probe may begin at once */
#pragma once
#include "adapt/runs.h"

#define PROBE_GAP    MP_MS(1800)
#define PROBE_SHARE  20    /* padding is at most one part in 20 of what is sent */
#define PROBE_CREDIT 12000 /* bytes at the beginning */

enum probe_kind { PROBE_MEDIA, PROBE_PADDING };

struct probe {              /* probe_init */
    mp_time next;           /* no cluster begins before it */
    mp_time began, ended;   /* the cluster; 0: none; not ended */
    uint32_t goal;          /* bit/s */
    uint32_t least;         /* bytes of the cluster */
    int32_t credit, shares; /* bytes of padding that may be sent; bytes sent that are not yet a byte of it */
    uint32_t sends, packets, bytes, last_bytes;
    mp_time last_send;
    uint32_t told_packets, told_bytes, first_bytes; /* arrived; in the group that arrived first */
    uint32_t first_arrival, last_arrival;           /* 250 us, modulo 2^32 */
    uint32_t good, failed;                          /* clusters, ever */
};

void probe_init(struct probe *);
/* `step_bps`: what the next step needs in all; `most_bps`: estimate_probe_most. True: a cluster began. */
bool probe_want(struct probe *, uint32_t estimate_bps, uint32_t step_bps, uint32_t most_bps, mp_time now);
mp_time probe_next(const struct probe *); /* MP_NEVER: no padding is due */
uint32_t probe_due(const struct probe *, mp_time now);
bool probe_sent(struct probe *, enum probe_kind, unsigned packets, uint32_t bytes, mp_time now);
/* A rate that the line bears, or 0. `overuse`: estimate_overuse, which ends the cluster as failed. */
uint32_t probe_feedback(struct probe *, const struct groups *, bool overuse, mp_time rtt, mp_time now);
/* The padding of this cluster cannot be sent, or nothing is wanted any more: it ends as failed. */
void probe_cancel(struct probe *, mp_time now);
void probe_changed(struct probe *, mp_time now);
