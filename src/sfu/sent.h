/* How the last packets of a stream were written for a viewer that has no stream for retransmissions (RTX):
 * sound, and the pictures of a viewer without RTX. A retransmission to such a viewer has the number of the
 * original, and SRTP must never protect two different packets under one number (RFC 3711 9.1, RFC 7714
 * 8.1: two such packets reveal the key stream and the authentication key). So the server sends the same
 * packet, byte for byte, or none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The fields of a viewer's copy that do not follow from its subscription and the track's packet. */
struct sent {
    uint32_t number; /* the viewer's extended one, its low bits */
    uint8_t send_time[3], padding;
    uint16_t transport_seq;
    uint8_t blocks; /* earlier ones in the packet (redundant.h) */
    bool kept;
};

struct sent_log {
    uint32_t mask;
    struct sent list[];
};

/* Of the last `size` packets, a power of two: as many as the track's history has. NULL: no memory. */
struct sent_log *sent_log_new(size_t size);
void sent_keep(struct sent_log *, int64_t number, const struct sent *);
const struct sent *sent_find(const struct sent_log *, int64_t number); /* NULL: not known any more */
