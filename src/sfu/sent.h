/* How the last packets of a stream were written for a viewer that has no stream for retransmissions (RTX).
 * One that it missed can only be sent again under the same number, and under one number SRTP must never
 * protect two different packets (RFC 3711 9.1, RFC 7714 8.1: two such packets give the key stream and the
 * authentication key away). So it is the same packet, byte for byte, or none. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SENT_LOG 512 /* as many as a history of pictures has */

/* What is in a viewer's copy beside what its subscription and the track's packet tell. */
struct sent {
    uint32_t seq; /* the source's, its low bits */
    uint8_t send_time[3], padding;
    uint16_t transport_seq;
    bool kept;
};

/* *log is made by the first packet; without memory nothing is kept. */
void sent_keep(struct sent **log, int64_t seq, const struct sent *);
const struct sent *sent_find(const struct sent *log, int64_t seq); /* NULL: not known any more */
