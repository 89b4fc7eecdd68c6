/* The kind of a datagram by its first byte (RFC 7983 7). */
#include "proto/demux.h"
#include "fuzz/fuzz.h"

void fuzz_demux(const uint8_t *data, size_t len)
{
    static const size_t least[] = {[DATAGRAM_STUN] = 20,
                                   [DATAGRAM_DTLS] = 13,
                                   [DATAGRAM_TURN_CHANNEL] = 4,
                                   [DATAGRAM_RTP] = 12,
                                   [DATAGRAM_RTCP] = 8};
    enum datagram_kind kind = demux(data, len);
    INVARIANT(len >= least[kind]);
    INVARIANT(kind != DATAGRAM_STUN || data[0] < 4);
    INVARIANT(kind != DATAGRAM_DTLS || (data[0] >= 20 && data[0] < 64));
    INVARIANT(kind != DATAGRAM_TURN_CHANNEL || (data[0] >= 64 && data[0] < 80));
    INVARIANT((kind != DATAGRAM_RTP && kind != DATAGRAM_RTCP) || (data[0] >= 128 && data[0] < 192));
}
