/* Missing packets of a stream, and their NACKs (RFC 4585 6.2.1).
 *
 * Timer: each missing number is requested after NACK_DELAY, or, if packets overtake each other, after as long
 * as earlier ones were late. It is requested again after a round trip, but at least NACK_AGAIN, which doubles
 * with every second try: with a short round trip this gives time to a sender whose pacer has a queue or whose
 * answers are lost. After NACK_TRIES_MAX (0.6 s or as many round trips) only a key frame helps. */
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
    mp_time next;  /* the earliest `at`; valid if count > 0 */
    mp_time late;  /* recent lateness of overtaken packets */
    bool overflow; /* a gap exceeded the list, or tries ran out: only a key frame helps */
};

void nack_gap(struct nack *, int64_t from, int64_t to, mp_time now); /* [from, to) are missing, at least
                                                                        one */
/* The packet arrived late or `again`. Returns the time since its only request, 0: not requested, or more than
 * once. */
mp_time nack_found(struct nack *, int64_t seq, bool again, mp_time now);
mp_time nack_deadline(const struct nack *);
/* Fills the due numbers, ascending, and plans the next try after `rtt` or later. */
size_t nack_due(struct nack *, uint16_t *seqs, size_t max, int64_t offset, mp_time rtt, mp_time now);
