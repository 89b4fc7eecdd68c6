#include "proto/rtcp.h"
#include "base/prng.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

/* The first packet of `p`, which must be the only one. */
static bool one(struct rtcp_view *v, const uint8_t *p, size_t len)
{
    size_t at = 0;
    return rtcp_next(v, exact(p, len), len, &at) && at == len;
}

static void compound_is_walked(void)
{
    uint8_t p[256];
    struct rtcp_view v;
    struct rtcp_sr sr = {.ntp = 1};
    size_t len = rtcp_write_sr(p, sizeof p, 1, &sr, NULL, 0), at = 0;
    len += rtcp_write_sdes(p + len, sizeof p - len, 1, "name");
    len += rtcp_write_pli(p + len, sizeof p - len, 1, 2);
    len += rtcp_write_bye(p + len, sizeof p - len, 1);
    const uint8_t types[] = {RTCP_SR, RTCP_SDES, RTCP_PSFB, RTCP_BYE};
    const uint8_t *e = exact(p, len);
    for (int i = 0; i < 4; i++) {
        CHECK(rtcp_next(&v, e, len, &at));
        CHECK_EQ(v.type, types[i]);
        CHECK_EQ(v.ssrc, 1);
    }
    CHECK(!rtcp_next(&v, e, len, &at));
    CHECK_EQ(at, len);
}

static void lengths_that_lie_end_the_walk(void)
{
    uint8_t p[64];
    struct rtcp_view v;
    size_t len = unhex(p, "80c90001 00000001 80cb0009 00000002"), at = 0;
    const uint8_t *e = exact(p, len);
    CHECK(rtcp_next(&v, e, len, &at));
    CHECK_EQ(at, 8);
    CHECK(!rtcp_next(&v, e, len, &at));
    CHECK_EQ(at, 8);
    for (unsigned words = 0; words <= 0xffff; words += 13) { /* alone: right only where it ends inside */
        put16(p + 2, (uint16_t)words);
        at = 0;
        CHECK_EQ(rtcp_next(&v, e = exact(p, 8), 8, &at), words < 2);
        CHECK(at <= 8);
    }
}

static void other_versions_end_the_walk(void)
{
    uint8_t p[8] = {0, RTCP_RR, 0, 1};
    struct rtcp_view v;
    for (int version = 0; version < 4; version++) {
        p[0] = (uint8_t)(version << 6);
        CHECK_EQ(one(&v, p, sizeof p), version == 2);
    }
}

static void packet_of_four_bytes_has_no_ssrc(void)
{
    uint8_t p[4] = {0x80, RTCP_BYE, 0, 0};
    struct rtcp_view v;
    uint32_t ssrc;
    CHECK(one(&v, p, sizeof p));
    CHECK_EQ(v.ssrc, 0);
    CHECK_EQ(v.body.len, 0);
    CHECK(!rtcp_bye(&v, 0, &ssrc) && !rtcp_media_ssrc(&v, &ssrc));
}

static void padding_is_taken_off(void)
{
    uint8_t p[64];
    struct rtcp_view v;
    size_t len = unhex(p, "a0c90003 00000001 00000000 00000008");
    CHECK_EQ(len, 16);
    CHECK(one(&v, p, 16));
    CHECK_EQ(v.body.len, 4);
    for (int pad = 0; pad < 256; pad++) {
        p[15] = (uint8_t)pad;
        CHECK_EQ(one(&v, p, 16), pad >= 1 && pad <= 12);
    }
    p[15] = 9; /* of the SSRC three bytes are left: there is none */
    CHECK(one(&v, p, 16) && v.body.len == 3);
    CHECK_EQ(v.ssrc, 0);
    uint8_t bare[4] = {0xa0, RTCP_RR, 0, 0};
    CHECK(!one(&v, bare, sizeof bare));
}

/* As libwebrtc sends several transport-wide feedback packets in one datagram. */
static void every_packet_of_a_compound_may_be_padded(void)
{
    uint8_t p[64];
    struct rtcp_view v;
    size_t at = 0,
           len =
               unhex(p, "afcd0004 00000001 00000002 00000000 00000002  afcd0003 00000001 00000002 00000001");
    CHECK(rtcp_next(&v, p, len, &at));
    CHECK_EQ(v.body.len, 14);
    CHECK(rtcp_next(&v, p, len, &at));
    CHECK_EQ(v.body.len, 11);
    CHECK_EQ(at, len);
}

static void sender_report_round_trips(void)
{
    uint8_t p[1024];
    struct rtcp_view v;
    struct rtcp_report r[31], back;
    struct rtcp_sr sr = {0x0123456789abcdef, 1, 2, 3}, sr_back;
    struct prng rnd;
    prng_seed(&rnd, 1);
    for (size_t i = 0; i < 31; i++)
        r[i] = (struct rtcp_report){.ssrc = (uint32_t)prng_next(&rnd),
                                    .fraction_lost = (uint8_t)i,
                                    .lost = (int32_t)prng_below(&rnd, 1 << 24) - (1 << 23),
                                    .seq_ext_max = (uint32_t)prng_next(&rnd),
                                    .jitter = (uint32_t)prng_next(&rnd),
                                    .lsr = (uint32_t)prng_next(&rnd),
                                    .dlsr = (uint32_t)prng_next(&rnd)};
    for (int kind = 0; kind < 2; kind++)
        for (size_t count = 0; count <= 31; count++) {
            size_t want = (kind ? 8 : 28) + 24 * count;
            size_t len =
                kind ? rtcp_write_rr(p, want, 77, r, count) : rtcp_write_sr(p, want, 77, &sr, r, count);
            CHECK_EQ(len, want);
            CHECK_EQ(kind ? rtcp_write_rr(p, want - 1, 77, r, count)
                          : rtcp_write_sr(p, want - 1, 77, &sr, r, count),
                     0);
            CHECK(one(&v, p, len));
            CHECK_EQ(v.ssrc, 77);
            CHECK_EQ(rtcp_sr(&v, &sr_back), kind == 0);
            if (kind == 0)
                CHECK(sr_back.ntp == sr.ntp && sr_back.rtp == 1 && sr_back.packets == 2 &&
                      sr_back.octets == 3);
            for (size_t i = 0; i < count; i++) {
                CHECK(rtcp_report(&v, i, &back));
                CHECK(back.ssrc == r[i].ssrc && back.fraction_lost == r[i].fraction_lost &&
                      back.lost == r[i].lost && back.seq_ext_max == r[i].seq_ext_max &&
                      back.jitter == r[i].jitter && back.lsr == r[i].lsr && back.dlsr == r[i].dlsr);
            }
            CHECK(!rtcp_report(&v, count, &back));
        }
}

static void lost_count_is_clamped_to_24_bits(void)
{
    uint8_t p[64];
    struct rtcp_view v;
    struct rtcp_report r = {.lost = INT32_MAX}, back;
    CHECK(one(&v, p, rtcp_write_rr(p, sizeof p, 1, &r, 1)) && rtcp_report(&v, 0, &back));
    CHECK_EQ(back.lost, 0x7fffff);
    r.lost = INT32_MIN;
    CHECK(one(&v, p, rtcp_write_rr(p, sizeof p, 1, &r, 1)) && rtcp_report(&v, 0, &back));
    CHECK_EQ(back.lost, -0x800000);
}

static void report_count_that_lies_yields_what_is_there(void)
{
    uint8_t p[64];
    struct rtcp_view v;
    struct rtcp_report r = {.ssrc = 5}, back;
    size_t len = rtcp_write_rr(p, sizeof p, 1, &r, 1);
    p[0] |= 31;
    CHECK(one(&v, p, len));
    CHECK(rtcp_report(&v, 0, &back) && !rtcp_report(&v, 1, &back));
}

static void bye_with_a_reason_names_its_ssrcs(void)
{
    uint8_t p[64];
    struct rtcp_view v;
    uint32_t ssrc;
    size_t len = unhex(p, "82cb0004 00000001 00000002 ff 627965 00000000"); /* the reason says 255 bytes */
    CHECK(one(&v, p, len));
    CHECK(rtcp_bye(&v, 0, &ssrc) && ssrc == 1);
    CHECK(rtcp_bye(&v, 1, &ssrc) && ssrc == 2);
    CHECK(!rtcp_bye(&v, 2, &ssrc));
    len = unhex(p, "9fcb0001 00000001"); /* 31 SSRCs in 4 bytes */
    CHECK(one(&v, p, len));
    CHECK(rtcp_bye(&v, 0, &ssrc) && !rtcp_bye(&v, 1, &ssrc));
}

struct seqs {
    uint16_t seq[4096];
    size_t count;
};

static void note(void *context, uint16_t seq)
{
    struct seqs *s = context;
    s->seq[s->count++] = seq;
}

static void nack_sets_round_trip(void)
{
    struct prng r;
    prng_seed(&r, 9);
    for (int round = 0; round < 3000; round++) {
        struct seqs want = {.count = 0}, got = {.count = 0};
        uint16_t seq = round & 1 ? (uint16_t)(65536 - prng_below(&r, 300)) : (uint16_t)prng_next(&r);
        for (size_t n = 1 + prng_below(&r, 256); n; n--) {
            want.seq[want.count++] = seq;
            seq = (uint16_t)(seq + 1 + prng_below(&r, prng_below(&r, 4) ? 3 : 40));
        }
        for (size_t done = 0; done < want.count;) { /* in packets that hold up to 20 entries */
            uint8_t p[12 + 80];
            struct rtcp_view v;
            size_t used, len = rtcp_write_nack(p, 12 + 4 + prng_below(&r, 77), 1, 2, want.seq + done,
                                               want.count - done, &used);
            uint32_t media;
            CHECK(len >= 16 && used > 0);
            CHECK(one(&v, p, len));
            CHECK(rtcp_media_ssrc(&v, &media) && media == 2);
            CHECK_EQ(rtcp_nack(&v, note, &got, 4096), used);
            done += used;
        }
        CHECK_EQ(got.count, want.count);
        CHECK_BYTES(got.seq, want.seq, want.count * sizeof *want.seq);
    }
}

static void nack_is_packed_into_these_bytes(void)
{
    uint8_t p[64], want[64];
    const uint16_t seqs[] = {65530, 65535, 10, 11, 12};
    size_t used, len = rtcp_write_nack(p, sizeof p, 1, 2, seqs, 5, &used);
    CHECK_EQ(unhex(want, "81cd0004 00000001 00000002 fffa8010 000b0001"), len);
    CHECK_EQ(used, 5);
    CHECK_BYTES(p, want, len);
    CHECK_EQ(rtcp_write_nack(p, 15, 1, 2, seqs, 5, &used), 0);
    CHECK_EQ(used, 0);
    CHECK_EQ(rtcp_write_nack(p, 64, 1, 2, seqs, 0, &used), 0);
}

static void nack_tells_no_more_than_asked(void)
{
    uint8_t p[1200] = {0x81, RTCP_RTPFB};
    struct rtcp_view v;
    struct seqs got = {.count = 0};
    memset(p + 12, 0xff, sizeof p - 12);
    put16(p + 2, sizeof p / 4 - 1);
    CHECK(one(&v, p, sizeof p));
    CHECK_EQ(rtcp_nack(&v, note, &got, 100), 100);
    CHECK_EQ(got.count, 100);
    CHECK_EQ(rtcp_nack(&v, note, &got, 0), 0);
    v.type = RTCP_PSFB;
    CHECK_EQ(rtcp_nack(&v, note, &got, 100), 0);
}

static void fir_entries_are_read(void)
{
    uint8_t p[64];
    struct rtcp_view v;
    uint32_t ssrc;
    uint8_t command;
    size_t len = unhex(p, "84ce0007 00000001 00000000 0000000a 07000000 0000000b 08000000 0000000c");
    CHECK(one(&v, p, len));
    CHECK(rtcp_fir(&v, 0, &ssrc, &command) && ssrc == 10 && command == 7);
    CHECK(rtcp_fir(&v, 1, &ssrc, &command) && ssrc == 11 && command == 8);
    CHECK(!rtcp_fir(&v, 2, &ssrc, &command)); /* half an entry */
    len = unhex(p, "84ce0001 00000001");
    CHECK(one(&v, p, len) && !rtcp_fir(&v, 0, &ssrc, &command));
    len = unhex(p, "a4ce0002 00000001 00000001"); /* padded: a byte less than the two SSRCs take */
    CHECK(one(&v, p, len) && v.body.len == 7 && !rtcp_fir(&v, 0, &ssrc, &command));
}

static void small_writers_write_these_bytes(void)
{
    uint8_t p[64], want[64];
    size_t len = rtcp_write_pli(p, 12, 1, 2);
    CHECK_EQ(unhex(want, "81ce0002 00000001 00000002"), len);
    CHECK_BYTES(p, want, len);
    CHECK_EQ(rtcp_write_pli(p, 11, 1, 2), 0);
    len = rtcp_write_bye(p, 8, 3);
    CHECK_EQ(unhex(want, "81cb0001 00000003"), len);
    CHECK_BYTES(p, want, len);
    CHECK_EQ(rtcp_write_bye(p, 7, 3), 0);
    /* An item that fills its words still gets a word of zeros to end the chunk. */
    len = rtcp_write_sdes(p, 64, 4, "ab");
    CHECK_EQ(unhex(want, "81ca0003 00000004 01026162 00000000"), len);
    CHECK_BYTES(p, want, len);
    len = rtcp_write_sdes(p, 64, 4, "a");
    CHECK_EQ(unhex(want, "81ca0002 00000004 01016100"), len);
    CHECK_BYTES(p, want, len);
    CHECK_EQ(rtcp_write_sdes(p, 11, 4, "a"), 0);
}

static void every_length_of_random_compounds_is_survived(void)
{
    static const uint8_t kinds[] = {200, 201, 202, 203, 204, 205, 206, 207};
    struct prng r;
    prng_seed(&r, 4);
    for (int round = 0; round < 3000; round++) {
        uint8_t p[128];
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = (uint8_t)prng_next(&r);
        for (size_t at = 0; at + 4 <= sizeof p;) {
            size_t words = prng_below(&r, 12);
            p[at] = (uint8_t)(0x80 | (p[at] & (prng_below(&r, 8) ? 0x1f : 0x3f)));
            p[at + 1] = kinds[prng_below(&r, 8)];
            put16(p + at + 2, (uint16_t)words);
            at += 4 + 4 * words;
        }
        for (size_t len = 0; len <= sizeof p; len++) {
            const uint8_t *e = exact(p, len);
            struct rtcp_view v;
            struct seqs got;
            size_t steps = 0;
            for (size_t at = 0; rtcp_next(&v, e, len, &at); steps++) {
                struct rtcp_sr sr;
                struct rtcp_report rep;
                uint32_t ssrc;
                uint8_t command;
                CHECK(v.body.data + v.body.len <= e + at && at <= len);
                rtcp_sr(&v, &sr);
                rtcp_media_ssrc(&v, &ssrc);
                for (size_t i = 0; i < 33; i++) {
                    rtcp_report(&v, i, &rep);
                    rtcp_bye(&v, i, &ssrc);
                    rtcp_fir(&v, i, &ssrc, &command);
                }
                uint64_t bps;
                rtcp_remb(&v, &bps);
                got.count = 0;
                rtcp_nack(&v, note, &got, 4096);
            }
            CHECK(steps <= len / 4);
        }
    }
}

/* draft-alvestrand-rmcat-remb-03 2.2. */
static void remb_is_mantissa_and_exponent(void)
{
    uint8_t packet[] = {0x8f, 206, 0,   5,   0, 0,    0,    1,    0, 0, 0,    0,
                        'R',  'E', 'M', 'B', 1, 0x09, 0x86, 0xa0, 0, 0, 0x90, 0};
    struct rtcp_view v;
    uint64_t bps;
    size_t at = 0;
    CHECK(rtcp_next(&v, packet, sizeof packet, &at));
    CHECK(rtcp_remb(&v, &bps) && bps == 400000); /* 100,000 << 2 */
    packet[17] = 0xff;                           /* an exponent of 63 */
    CHECK(rtcp_remb(&v, &bps) && bps == UINT64_MAX);
    packet[17] = packet[18] = packet[19] = 0;
    CHECK(rtcp_remb(&v, &bps) && bps == 0);
    packet[12] = 'r';
    CHECK(!rtcp_remb(&v, &bps));
    packet[12] = 'R';
    packet[3] = 3; /* ends behind the name */
    at = 0;
    CHECK(rtcp_next(&v, packet, 16, &at));
    CHECK(!rtcp_remb(&v, &bps));
}

TEST_MAIN(TEST(compound_is_walked), TEST(lengths_that_lie_end_the_walk), TEST(other_versions_end_the_walk),
          TEST(packet_of_four_bytes_has_no_ssrc), TEST(padding_is_taken_off),
          TEST(every_packet_of_a_compound_may_be_padded), TEST(sender_report_round_trips),
          TEST(lost_count_is_clamped_to_24_bits), TEST(report_count_that_lies_yields_what_is_there),
          TEST(bye_with_a_reason_names_its_ssrcs), TEST(nack_sets_round_trip),
          TEST(nack_is_packed_into_these_bytes), TEST(nack_tells_no_more_than_asked),
          TEST(fir_entries_are_read), TEST(remb_is_mantissa_and_exponent),
          TEST(small_writers_write_these_bytes), TEST(every_length_of_random_compounds_is_survived))
