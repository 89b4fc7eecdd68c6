#include "proto/demux.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

/* RFC 7983 7 and RFC 5761 4, implemented a second time, simply. */
static enum datagram_kind expected(uint8_t first, uint8_t second, size_t len)
{
    if (first <= 3 && len >= 20)
        return DATAGRAM_STUN;
    if (first >= 20 && first <= 63 && len >= 13)
        return DATAGRAM_DTLS;
    if (first >= 64 && first <= 79 && len >= 4)
        return DATAGRAM_TURN_CHANNEL;
    if (first >= 128 && first <= 191) {
        if (second >= 192 && second <= 223)
            return len >= 8 ? DATAGRAM_RTCP : DATAGRAM_UNKNOWN;
        return len >= 12 ? DATAGRAM_RTP : DATAGRAM_UNKNOWN;
    }
    return DATAGRAM_UNKNOWN;
}

static void sweep(size_t from, size_t to)
{
    static uint8_t p[1500];
    for (int first = 0; first < 256; first++)
        for (int second = 0; second < 256; second += 8)
            for (size_t len = from; len <= to; len++) {
                p[0] = (uint8_t)first;
                p[1] = (uint8_t)second;
                enum datagram_kind want = expected(p[0], p[1], len);
                if (demux(exact(p, len), len) != want)
                    CHECK_EQ(demux(p, len), want);
            }
}

static void every_first_byte_short(void) { sweep(0, 64); }

static void every_first_byte_long(void)
{
    for (size_t len = 1200; len <= 1500; len += 25)
        sweep(len, len);
}

static void second_byte_tells_rtcp_from_rtp(void)
{
    for (int second = 0; second < 256; second++) {
        uint8_t p[12] = {0x80, (uint8_t)second};
        CHECK_EQ(demux(p, sizeof p), second >= 192 && second <= 223 ? DATAGRAM_RTCP : DATAGRAM_RTP);
    }
}

static void empty_datagram_is_unknown(void) { CHECK_EQ(demux(exact("", 0), 0), DATAGRAM_UNKNOWN); }

TEST_MAIN(TEST(every_first_byte_short), TEST(every_first_byte_long), TEST(second_byte_tells_rtcp_from_rtp),
          TEST(empty_datagram_is_unknown))
