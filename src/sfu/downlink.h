/* The line from this server to one viewer: the record of the packets sent, and the estimate of its rate. A
 * session has it from its first subscription on; the viewer's worker alone uses it. The control plane is told
 * the estimate. What the viewer is sent follows it: see viewing.h.
 *
 * Timer: the session's, at downlink_deadline: on the grid, while packets are sent, feedback is expected, or
 * somebody called downlink_wake. */
#pragma once
#include "adapt/estimate.h"
#include "adapt/probe.h"
#include "adapt/redundancy.h"
#include "base/rate.h"
#include <stdbool.h>

struct rtcp_view;
struct session;
struct sfu;

#define FEEDBACK_PER_S 40 /* browsers report ten to twenty times a second */
#define FEEDBACK_BURST 20
#define DOWNLINK_TICK  MP_MS(100)

struct downlink {
    struct estimate estimate;
    struct redundancy redundancy; /* for its sounds */
    mp_time tick_at;              /* MP_NEVER: nothing to measure */
    bool probing;                 /* a cluster of padding is being sent */
    uint32_t unearned;            /* bytes that `probe` was not told of yet */
    struct probe probe;
    struct rate feedback_rate;
    mp_time told_at; /* the control plane was told `told_bps` and `told_cause`; 0: nothing yet */
    uint32_t told_bps;
    uint8_t told_cause;
    bool heard;  /* the client told something of the line */
    bool fell;   /* the published estimate, since the last allocation */
    bool proven; /* a probe proved it, since the last allocation */
    bool idle;   /* nothing was sent between the last two ticks */
    /* viewing.c's */
    mp_time allocate_at, viewing_at; /* not before it: the next allocation; news of forms */
    mp_time ping_at;                 /* nor a packet to see whether a silent client is there */
    uint32_t wanted_bps;             /* the estimate that the next rise needs; 0: nothing is wanted */
    uint32_t rtx_bps, rtx_bytes;     /* retransmissions: smoothed; since the last tick */
};
_Static_assert(sizeof(struct downlink) <= ESTIMATE_BYTES, "a viewer's line takes 4 KiB");

/* Packets with consecutive transport-wide numbers that one call sent. Sizes are bytes of UDP payload. */
struct downlink_run {
    uint16_t first;
    unsigned count;
    uint16_t size, last; /* of each packet but the last; of the last */
    bool numbered;       /* false: the viewer does not take transport-wide numbers in this stream */
    bool retransmission, padding;
};

struct downlink *downlink_new(struct sfu *); /* NULL: no memory */
void downlink_free(struct sfu *, struct downlink *);

void downlink_sent(struct sfu *, struct session *, const struct downlink_run *, mp_time now);
/* Transport-wide feedback. Malformed reports and those over FEEDBACK_PER_S are counted and dropped. */
void downlink_feedback(struct sfu *, struct session *, const struct rtcp_view *, mp_time now);
/* A receiver report about subscriptions. `fraction_lost`: of 256, the worst of them. */
void downlink_report(struct session *, uint8_t fraction_lost, mp_time now);
void downlink_remb(struct session *, uint64_t bps);

/* The client told of packets by transport-wide feedback, ever. */
bool downlink_is_known(const struct session *);

/* On the grid, while something is wanted: tries whether the line bears d->wanted_bps. */
void downlink_probe(struct session *, mp_time now);
/* Bytes of padding that are due now; 0: none. The caller sends them, or cancels the probe. */
uint32_t downlink_padding(const struct session *, mp_time now);
void downlink_cancel(struct session *, mp_time now);
/* The viewer has another path. */
void downlink_moved(struct session *, mp_time now);

mp_time downlink_deadline(const struct session *); /* MP_NEVER: none */
void downlink_wake(struct session *, mp_time at);  /* the timer is due then, or before */
/* True: it was due, and the estimate is that of now. */
bool downlink_timeout(struct sfu *, struct session *, mp_time now);
