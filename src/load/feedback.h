/* A viewer's transport-wide feedback, as browsers send it: which packets arrived, and when. It reads the
 * plain header of encrypted packets. */
#pragma once
#include "proto/twcc.h"

struct feedback {
    struct twcc_record arrivals;
    uint32_t media; /* SSRC of the newest packet */
};

/* One encrypted RTP packet. Without the extension that numbers it: does nothing. */
void feedback_packet(struct feedback *, const uint8_t *, size_t len, mp_time arrival);
/* The next feedback packet about the arrivals so far. 0: all were told. Call it until then. */
size_t feedback_write(struct feedback *, uint8_t *out, size_t size, uint32_t sender);
