/* How many earlier blocks the packets of a viewer's sounds carry (RED, RFC 2198), by the loss on its line.
 * More than 2 % within 2 s: one; more than 8 %: two. They stay until less than 1 % was lost for 10 s: a line
 * that loses now and then would otherwise go back and forth. */
#pragma once
#include "base/time.h"
#include <stdint.h>

#define REDUNDANCY_MAX 2 /* blocks */

struct redundancy { /* zero: nothing is known */
    mp_time from;   /* begin of the present window; 0: none */
    uint32_t arrived, lost;
    mp_time clean_since; /* begin of the first window with little loss; 0: the last one lost more */
    uint8_t lost_share;  /* of 256, in the last window */
    uint8_t blocks;
};

/* The viewer told that so many packets arrived, and so many did not. */
void redundancy_note(struct redundancy *, uint32_t arrived, uint32_t lost, mp_time now);
