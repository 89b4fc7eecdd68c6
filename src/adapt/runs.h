/* The record of packets sent to one viewer, by runs, and the matching of transport-wide feedback against it.
 * The sender calls runs_sent once a run; the reader of a feedback packet calls runs_begin, runs_receipt for
 * each status in order, and reads the groups. No status of a peer reaches beyond this record: numbers that
 * were not sent, second receipts and times that go back are counted and change nothing else. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNS_KEPT   128     /* a power of two */
#define RUN_PACKETS 16      /* a longer run takes several entries */
#define RUNS_LATE   MP_S(1) /* an arrival further behind the newest one is ignored */
#define RUNS_RESTART                                                                                         \
    MP_S(10) /* an arrival further from the newest one begins another clock of the receiver */

enum { RUN_PROBE = 1, RUN_RTX = 2 };

struct run { /* packets with consecutive transport-wide numbers, sent by one call */
    uint16_t first;
    uint8_t count;    /* 1 to RUN_PACKETS */
    uint8_t flags;    /* RUN_PROBE, RUN_RTX */
    uint16_t size;    /* bytes of each packet but the last */
    uint16_t last;    /* bytes of the last packet */
    uint16_t arrived; /* bit i: a receipt of packet i was seen */
    uint16_t missed;  /* bit i: a feedback said that packet i had not arrived */
    uint32_t sent;    /* in 4 us, modulo 2^32 */
};
_Static_assert(sizeof(struct run) == 16, "128 runs take 2 KiB of each viewer");

struct runs { /* zero: nothing was sent */
    struct run ring[RUNS_KEPT];
    uint32_t end;            /* runs written, ever */
    uint32_t hint;           /* the run that the last status matched */
    uint32_t newest_arrival; /* in 250 us, modulo 2^32 */
    bool heard;              /* newest_arrival is set */
    uint32_t unknown;        /* statuses of numbers that are not in the record */
    uint32_t repeated;       /* receipts of packets that had one */
    uint32_t reversed;       /* receipts whose arrival lies more than RUNS_LATE behind the newest */
    uint32_t restarted;      /* clocks that began anew */
};

/* What one feedback said of one run. A run whose packets are told by two feedbacks has a group in each. */
struct group {
    mp_time sent;        /* on the caller's clock, in steps of 4 us */
    uint32_t earliest;   /* arrival of its first packet: 250 us, modulo 2^32, on the receiver's clock */
    uint32_t arrival;    /* of the packet that arrived last */
    uint32_t bytes;      /* of the packets that arrived */
    uint32_t lost_bytes; /* of packets that are told missing for the first time */
    uint32_t late_bytes; /* part of `bytes` that an earlier feedback told missing */
    uint8_t arrived, lost;
    uint8_t flags; /* of the run */
};

struct groups { /* for one feedback; on the caller's stack */
    struct group list[RUNS_KEPT];
    size_t count;
    mp_time now;
    uint32_t last;  /* the run of the last group */
    bool restarted; /* the receiver's clock began anew: compare no arrival with an earlier one */
};

/* `count` packets (0: nothing happens) of `size` bytes, the last one of `last` bytes, with the numbers from
 * `first` on, were sent at `now`. A `first` that does not continue the numbers clears the record. */
void runs_sent(struct runs *, uint16_t first, unsigned count, uint16_t size, uint16_t last, unsigned flags,
               mp_time now);

void runs_begin(struct groups *, mp_time now);
/* One status, in the order of the feedback. `arrival` (only if received): 250 us, modulo 2^32. After a false
 * `received` the packet counts as lost until a later receipt. */
void runs_receipt(struct runs *, struct groups *, uint16_t number, bool received, uint32_t arrival);
