/* The estimate of one viewer's line, in bits of UDP payload a second: what delay, loss, silence, the
 * client's own estimate or our queue say of it.
 *
 * The owner of the viewer, one worker, calls:
 *
 * - estimate_begin when the viewer's transport begins, and again after an ICE restart
 * - estimate_sent after each run: media, padding and retransmissions; estimate_sent_unnumbered for packets
 *   without a transport-wide number
 * - runs_begin and runs_receipt on `runs`, then estimate_feedback, for each transport-wide feedback
 * - estimate_report for each RR of a viewer without transport-wide feedback
 * - estimate_remb for each REMB
 * - estimate_queue on the grid, for a viewer over TCP or TLS
 * - estimate_probed when probe_feedback proved a rate
 * - estimate_tick on the grid; where it returns true, `result` is new and the allocation is due
 *
 * Transport-wide feedback counts above REMB and RR; a queue of ours counts above everything. A peer can
 * lower its own estimate by lies; it raises it above 1.5 of what it was sent only by what acked.h says. */
#pragma once
#include "adapt/acked.h"
#include "adapt/aimd.h"
#include "adapt/loss.h"
#include "adapt/standing.h"
#include "adapt/trend.h"

#define ESTIMATE_FIRST 1000000 /* bit/s */
#define ESTIMATE_LEAST 30000
#define ESTIMATE_BYTES 4096 /* of each viewer, with its struct probe */

enum estimate_cause {
    ESTIMATE_START,   /* nothing is known */
    ESTIMATE_RISES,   /* nothing holds it back */
    ESTIMATE_DELAY,   /* packets queue */
    ESTIMATE_LOSS,    /* the line loses an excess */
    ESTIMATE_SILENCE, /* the client acknowledges nothing */
    ESTIMATE_REMB,    /* the client says so */
    ESTIMATE_QUEUE,   /* our queue to the client grows */
    ESTIMATE_BACKLOG  /* it holds 400 ms: send the lowest layer, drop older pictures */
};

struct estimate_result {
    uint32_t bps, acked_bps; /* acked_bps 0: not known */
    enum estimate_cause cause;
    bool rising;
};

struct estimate {
    struct runs runs;
    struct acked acked;
    struct trend trend;
    struct standing standing;
    struct aimd aimd;
    struct loss loss;
    struct estimate_result result; /* published */
    enum estimate_cause cause;     /* of now */
    mp_time rtt;
    mp_time heard;      /* the last feedback; 0: none */
    mp_time arrived;    /* the last feedback that told an arrival */
    mp_time unanswered; /* the first run since then; 0: none */
    mp_time over_at;    /* the slope was overuse; 0: never */
    mp_time ticked, silent_at, queue_at;
    double before; /* the rate before the silence; 0: none is on */
    double remb;   /* 0: none */
    double sent_bps;
    uint32_t sent_bytes; /* since the last tick */
    bool own_queue;
};

void estimate_begin(struct estimate *, uint32_t most_bps);
void estimate_sent(struct estimate *, uint16_t first, unsigned count, uint16_t size, uint16_t last,
                   unsigned flags, mp_time now);
void estimate_sent_unnumbered(struct estimate *, uint32_t bytes);
/* `rtt`: 0 if not known. */
void estimate_feedback(struct estimate *, const struct groups *, mp_time rtt, mp_time now);
void estimate_report(struct estimate *, uint8_t fraction_lost, mp_time rtt, mp_time now);
void estimate_remb(struct estimate *, uint64_t bps);
/* Bytes that wait in our buffers and the kernel's; bytes that left them since the last call. */
void estimate_queue(struct estimate *, uint32_t queued, uint32_t drained, mp_time now);
void estimate_probed(struct estimate *, uint32_t bps);
bool estimate_tick(struct estimate *, mp_time now);
bool estimate_overuse(const struct estimate *, mp_time now);
/* The highest rate that a probe may have now; 0: no probe. */
uint32_t estimate_probe_most(const struct estimate *, mp_time now);
