/* The kind of a datagram, by its first byte (RFC 7983 7; RFC 5761 4 separates RTCP from RTP). */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum datagram_kind {
    DATAGRAM_UNKNOWN,
    DATAGRAM_STUN,
    DATAGRAM_DTLS,
    DATAGRAM_TURN_CHANNEL,
    DATAGRAM_RTP,
    DATAGRAM_RTCP
};

/* Never reads past `len`. Shorter than the smallest packet of its kind (STUN 20, DTLS 13, channel 4, RTP
 * 12, RTCP 8): UNKNOWN. */
enum datagram_kind demux(const uint8_t *, size_t len);
