/* What a stream misses and when to ask for it (RFC 4585 6.2.1).
 *
 * Timer: each missing number is asked for after NACK_DELAY, or where packets overtake each other after as long as they were
 * late before, then again after a round trip, but at least NACK_AGAIN, which doubles with every second try: a sender whose
 * pacer has a queue, or whose answers are lost, gets time where a round trip is short. After NACK_TRIES_MAX (0.6 s or as
 * many round trips) only a key frame helps. */
#pragma once
#include "base/limits.h"
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACK_DELAY     MP_MS(4)
#define NACK_DELAY_MAX MP_MS(60)
#define NACK_AGAIN     MP_MS(10)

struct missing {
    int64_t seq;
    mp_time noticed, at, asked;
    uint8_t tries;
};

struct nack {
    struct missing missing[NACK_MISSING_MAX]; /* ascending */
    size_t count;
    mp_time next;  /* of all `at`, the earliest; only where count > 0 */
    mp_time late;  /* how late what was overtaken came, lately */
    bool overflow; /* a gap larger than the list, or given up: only a key frame helps */
};

void nack_gap(struct nack *, int64_t from, int64_t to, mp_time now); /* [from, to), at least one, did not come */
/* It came after all, late or `again`. Returns the time since it was asked for once, 0: not asked, or more than once. */
mp_time nack_found(struct nack *, int64_t seq, bool again, mp_time now);
mp_time nack_deadline(const struct nack *);
/* Fills what is due, ascending, and plans the next try in `rtt` or later. */
size_t nack_due(struct nack *, uint16_t *seqs, size_t max, int64_t offset, mp_time rtt, mp_time now);
