/* How the last packets of a stream were written for a viewer that has no stream for retransmissions (RTX). A
 * retransmission to such a viewer has the number of the original, and SRTP must never protect two different
 * packets under one number (RFC 3711 9.1, RFC 7714 8.1: two such packets reveal the key stream and the
 * authentication key). So the server sends the same packet, byte for byte, or none. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define SENT_LOG 512 /* as many packets as a video history has */

/* The fields of a viewer's copy that do not follow from its subscription and the track's packet. */
struct sent {
    uint32_t seq; /* the source's, its low bits */
    uint8_t send_time[3], padding;
    uint16_t transport_seq;
    bool kept;
};

/* The first packet allocates *log; without memory, keeps nothing. */
void sent_keep(struct sent **log, int64_t seq, const struct sent *);
const struct sent *sent_find(const struct sent *log, int64_t seq); /* NULL: not known any more */
