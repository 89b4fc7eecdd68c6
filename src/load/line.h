/* A narrow line to one viewer, emulated where its datagrams arrive: a queue in front of a rate. Nothing
 * waits: line_take says when such a line would have delivered a datagram; that time is its arrival. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_QUEUE_TIME MP_MS(200) /* what would wait longer for its first bit to leave is lost */

struct line {
    uint32_t bps; /* 0: no line, datagrams arrive when they come */
    mp_time free; /* the last bit of the datagrams so far leaves then */
};

/* A datagram of `len` bytes came. It counts with its IPv4 and UDP headers. False: the queue is full, the
 * datagram is lost. Else *arrival is when its last bit arrives. */
bool line_take(struct line *, size_t len, mp_time now, mp_time *arrival);
