/* A viewer's transport-wide feedback, as browsers send it: which packets arrived, and when. It reads the
 * plain header of encrypted packets. */
#pragma once
#include "proto/twcc.h"

#define FEEDBACK_LATER 1024 /* arrivals that a narrow line delays; a power of two */

struct feedback_arrival {
    mp_time at;
    uint16_t number;
};

struct feedback {
    struct twcc_record arrivals;
    uint32_t media; /* SSRC of the newest packet */
    struct feedback_arrival later[FEEDBACK_LATER];
    unsigned later_first, later_count;
};

/* One encrypted RTP packet. Without the extension that numbers it: does nothing. Its arrival may be still to
 * come, but not before that of the packet before. */
void feedback_packet(struct feedback *, const uint8_t *, size_t len, mp_time arrival, mp_time now);
/* The next feedback packet about the arrivals until `now`. 0: all were told. Call it until then. */
size_t feedback_write(struct feedback *, uint8_t *out, size_t size, uint32_t sender, mp_time now);
