#include "proto/demux.h"

/* The smallest whole packet of each kind: a STUN header, a DTLS record header, a TURN channel header, an RTP
 * header, an RTCP header with the sender's SSRC. */
enum { STUN_MIN = 20, DTLS_MIN = 13, CHANNEL_MIN = 4, RTP_MIN = 12, RTCP_MIN = 8 };

/* RFC 7983 7:    [0..3] STUN   [16..19] ZRTP   [20..63] DTLS   [64..79] TURN channel   [128..191] RTP, RTCP
 * RFC 5761 4: the second byte of RTCP is 192 to 223, which RTP leaves alone by not using payload types 64
 * to 95. */
enum datagram_kind demux(const uint8_t *p, size_t len)
{
    if (len < CHANNEL_MIN)
        return DATAGRAM_UNKNOWN;
    if (p[0] <= 3)
        return len >= STUN_MIN ? DATAGRAM_STUN : DATAGRAM_UNKNOWN;
    if (p[0] >= 20 && p[0] <= 63)
        return len >= DTLS_MIN ? DATAGRAM_DTLS : DATAGRAM_UNKNOWN;
    if (p[0] >= 64 && p[0] <= 79)
        return DATAGRAM_TURN_CHANNEL;
    if (p[0] < 128 || p[0] > 191)
        return DATAGRAM_UNKNOWN;
    if (p[1] >= 192 && p[1] <= 223)
        return len >= RTCP_MIN ? DATAGRAM_RTCP : DATAGRAM_UNKNOWN;
    return len >= RTP_MIN ? DATAGRAM_RTP : DATAGRAM_UNKNOWN;
}
