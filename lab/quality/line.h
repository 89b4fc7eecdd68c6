/* One direction of an emulated line: packets in, decisions out. No clock and no descriptor in here; the same
 * packets at the same times with the same seed yield the same decisions, whenever the caller asks for them.
 *
 *   line_push ── loss ── queue (bounded) ── rate ── delay, jitter ── line_pop
 *
 * A packet is lost before the queue, so it takes nothing of the rate. The queue drops what does not fit (drop
 * tail). The rate counts whole IP packets. Without `reorder` a packet never overtakes another: jitter then
 * makes clumps. A change of settings takes effect at its time: what is in the queue goes on at the new rate,
 * what has left it keeps the delay that it was given. */
#pragma once
#include "base/prng.h"
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_QUEUE   4096 /* packets that wait for the rate */
#define LINE_FLIGHT  8192 /* packets that wait for their delay to pass */
#define LINE_CHANGES 64

/* How the share `loss` of all packets is chosen. */
enum line_loss {
    LINE_RANDOM,   /* each packet by itself */
    LINE_BURSTS,   /* bursts of exactly `burst` packets */
    LINE_GEOMETRIC /* Gilbert's model: bursts of `burst` packets in the mean, their lengths geometric */
};

struct line_settings {
    uint64_t bps;          /* 0: no limit */
    uint32_t queue_bytes;  /* 0: no bound of this kind */
    mp_time queue_time;    /* from a packet's coming to its last bit, at the rate of now; 0: no bound */
    mp_time delay, jitter; /* each packet: delay + 0…jitter, uniform */
    bool reorder;          /* jitter may change the order */
    double loss;           /* 0…1 */
    enum line_loss kind;
    uint32_t burst; /* packets, at least 1 unless kind is LINE_RANDOM */
};

/* From `at` on, counted from line_begin. The first one is there from the start. */
struct line_change {
    mp_time at;
    struct line_settings settings;
};

/* Since line_counts was called last. bytes are those of IP packets. came = left + lost + full + waiting. */
struct line_counts {
    uint64_t came, came_bytes, left, left_bytes;
    uint64_t lost, full;        /* by loss; as they did not fit into the queue */
    mp_time wait_sum, wait_max; /* of packets that left the queue: from their coming to their last bit */
    uint64_t waited;
};

enum line_verdict { LINE_TAKEN, LINE_LOST, LINE_FULL };

struct line_waiting {
    void *packet;
    uint32_t size;
    mp_time came;
};

struct line_flying {
    void *packet;
    uint32_t size;
    mp_time at;
    uint64_t order; /* those of one time leave as they came */
};

struct line {
    struct line_change changes[LINE_CHANGES];
    size_t change_count, change_next;
    struct line_settings settings;
    mp_time begun; /* MP_NEVER before line_begin */
    mp_time clock; /* everything up to it is decided */
    struct prng loss_prng, jitter_prng;
    uint32_t losing; /* further packets of the burst */
    bool bad;        /* Gilbert's state */
    struct line_waiting queue[LINE_QUEUE];
    uint32_t queue_first, queue_count;
    uint64_t queued_bytes;
    uint64_t head_left; /* of the first in the queue: bits × 10⁹, so that `bps` of them pass in a ns */
    struct line_flying flight[LINE_FLIGHT]; /* a heap, the next to leave first */
    uint32_t flight_count;
    uint64_t order;
    mp_time last_leave;
    struct line_counts counts;
};

/* With the settings of changes[0]; `changes` are 1 to LINE_CHANGES, in the order of their times. Two lines of
 * one seed that differ in `stream` are independent. */
void line_init(struct line *l, const struct line_change *changes, size_t count, uint64_t seed,
               uint64_t stream, mp_time now);

/* The schedule's clock starts. */
void line_begin(struct line *l, mp_time now);

/* LINE_TAKEN: the line keeps `packet` until line_pop; otherwise it stays the caller's. */
enum line_verdict line_push(struct line *l, void *packet, uint32_t size, mp_time now);

/* The next packet that has arrived at the other end by `now`, or NULL. `*due`, if not NULL: when it was to
 * arrive. */
void *line_pop(struct line *l, uint32_t *size, mp_time *due, mp_time now);

/* When line_pop has something next, or the queue moves; MP_NEVER if nothing is on the line. */
mp_time line_next(const struct line *l);

/* What was counted since the last call. */
struct line_counts line_counts(struct line *l, mp_time now);

/* "rate=500k queue=100ms delay=20ms jitter=50ms reorder loss=5% bursts=10": changes the settings that it
 * names. rate: bit/s with k or M, or "unlimited"; queue: ms, or bytes as "30000B"; bursts=N: of exactly N,
 * geometric=N: of N in the mean; "random", "in-order" undo. NULL, or what is wrong: a place in `text`. */
const char *line_parse(struct line_settings *s, const char *text);
