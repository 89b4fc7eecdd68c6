#include "proto/rtp.h"
#include "base/prng.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

static bool parse(struct rtp_view *v, const uint8_t *p, size_t len)
{
    return rtp_parse(v, exact(p, len), len);
}

static void plain_packet_is_read(void)
{
    uint8_t p[64];
    struct rtp_view v;
    size_t len = unhex(p, "80 e0 12 34  00 01 02 03  de ad be ef  aa bb cc");
    CHECK(parse(&v, p, len));
    CHECK_EQ(v.len, 15);
    CHECK_EQ(v.header_len, 12);
    CHECK_EQ(v.payload_len, 3);
    CHECK_EQ(v.padding, 0);
    CHECK_EQ(v.payload_type, 0x60);
    CHECK(v.marker);
    CHECK_EQ(v.seq, 0x1234);
    CHECK_EQ(v.timestamp, 0x00010203);
    CHECK_EQ(v.ssrc, 0xdeadbeef);
    CHECK_EQ(v.extension_profile, 0);
    CHECK(!v.extensions.data);
    CHECK_EQ(rtp_header_len(p, len), 12);
}

static void other_versions_are_refused(void)
{
    uint8_t p[16] = {0};
    struct rtp_view v;
    for (int version = 0; version < 4; version++) {
        p[0] = (uint8_t)(version << 6);
        CHECK_EQ(parse(&v, p, sizeof p), version == 2);
        CHECK_EQ(rtp_header_len(p, sizeof p), version == 2 ? 12 : 0);
    }
}

static void csrcs_belong_to_the_header(void)
{
    uint8_t p[80] = {0x8f};
    struct rtp_view v;
    CHECK(parse(&v, p, 72));
    CHECK_EQ(v.header_len, 72);
    CHECK_EQ(v.payload_len, 0);
    CHECK(parse(&v, p, 80));
    CHECK_EQ(v.payload_len, 8);
    CHECK(!parse(&v, p, 71));
    CHECK_EQ(rtp_header_len(exact(p, 71), 71), 0);
}

static void padding_is_taken_off(void)
{
    uint8_t p[32];
    struct rtp_view v;
    size_t len = unhex(p, "a0 60 0001 00000000 00000001 11 22 00 00 03");
    CHECK(parse(&v, p, len));
    CHECK_EQ(v.payload_len, 2);
    CHECK_EQ(v.padding, 3);
}

static void packet_of_padding_alone_is_a_probe(void)
{
    uint8_t p[12 + 255] = {0xa0};
    struct rtp_view v;
    p[sizeof p - 1] = 255;
    CHECK(parse(&v, p, sizeof p));
    CHECK_EQ(v.payload_len, 0);
    CHECK_EQ(v.padding, 255);
}

static void padding_that_lies_is_refused(void)
{
    uint8_t p[12 + 4] = {0xa0};
    struct rtp_view v;
    for (int pad = 0; pad < 256; pad++) {
        p[sizeof p - 1] = (uint8_t)pad;
        CHECK_EQ(parse(&v, p, sizeof p), pad >= 1 && pad <= 4);
    }
    CHECK(!parse(&v, p, 12)); /* the P bit, and nothing behind the header */
}

static void extension_longer_than_the_packet_is_refused(void)
{
    uint8_t p[64];
    struct rtp_view v;
    size_t len = unhex(p, "90 60 0001 00000000 00000001 bede 0002 10000000 00000000");
    CHECK(parse(&v, p, len));
    CHECK_EQ(v.header_len, 24);
    CHECK_EQ(v.extensions.len, 8);
    for (unsigned words = 3; words <= 0xffff; words = words * 3) {
        put16(p + 14, (uint16_t)words);
        CHECK(!parse(&v, p, len));
        CHECK_EQ(rtp_header_len(exact(p, len), len), 0);
    }
}

static const struct rtp_extension_ids ids = {.id = {4, 2, 3, 1, 12, 10, 11, 9}};

static void one_byte_extensions_are_found(void)
{
    uint8_t p[64];
    struct rtp_view v;
    struct bytes b, all[EXT_COUNT];
    /* 3: two bytes, padding, 1: one byte, 4: "ab", 3 again: the first counts */
    size_t len =
        unhex(p, "90 60 0001 00000000 00000001 bede 0004 31 0102  00 00  10 85  41 61 62  30 ff 00 00 00 00");
    CHECK_EQ(len, 32);
    CHECK(parse(&v, p, len));
    CHECK(rtp_extension_find(&v, 3, &b) && bytes_equal(b, "\1\2", 2));
    CHECK(rtp_extension_find(&v, 1, &b) && bytes_equal(b, "\x85", 1));
    CHECK(rtp_extension_find(&v, 4, &b) && bytes_equal(b, "ab", 2));
    CHECK(!rtp_extension_find(&v, 2, &b));
    CHECK(!rtp_extension_find(&v, 0, &b));
    rtp_extensions_read(&v, &ids, all);
    CHECK(bytes_equal(all[EXT_MID], "ab", 2));
    CHECK(bytes_equal(all[EXT_TRANSPORT_CC], "\1\2", 2));
    CHECK(bytes_equal(all[EXT_AUDIO_LEVEL], "\x85", 1));
    CHECK(!all[EXT_ABS_SEND_TIME].data);
    CHECK(!all[EXT_DEPENDENCY].data);
}

static void id_15_ends_the_one_byte_form(void)
{
    uint8_t p[64];
    struct rtp_view v;
    struct bytes b;
    size_t len = unhex(p, "90 60 0001 00000000 00000001 bede 0002 10 aa  f0 bb  20 cc  00 00");
    CHECK(parse(&v, p, len));
    CHECK(rtp_extension_find(&v, 1, &b));
    CHECK(!rtp_extension_find(&v, 15, &b));
    CHECK(!rtp_extension_find(&v, 2, &b));
}

static void id_0_with_a_length_ends_the_one_byte_form(void)
{
    uint8_t p[64];
    struct rtp_view v;
    struct bytes b;
    size_t len = unhex(p, "90 60 0001 00000000 00000001 bede 0002 10 aa  01 bb bb  20 cc  00");
    CHECK(parse(&v, p, len));
    CHECK(rtp_extension_find(&v, 1, &b));
    CHECK(!rtp_extension_find(&v, 2, &b));
}

static void two_byte_extensions_are_found(void)
{
    uint8_t p[64];
    struct rtp_view v;
    struct bytes b, all[EXT_COUNT];
    for (unsigned app = 0; app < 16; app++) {
        size_t len = unhex(p, "90 60 0001 00000000 00000001 1000 0005"
                              "03 02 0102  00  01 00  04 03 616263  c8 01 07  00 00 00 00 00");
        CHECK_EQ(len, 36);
        p[13] = (uint8_t)app;
        CHECK(parse(&v, p, len));
        CHECK(rtp_extension_find(&v, 3, &b) && bytes_equal(b, "\1\2", 2));
        CHECK(rtp_extension_find(&v, 200, &b) && bytes_equal(b, "\7", 1));
        CHECK(rtp_extension_find(&v, 1, &b) && b.len == 0);
        rtp_extensions_read(&v, &ids, all);
        CHECK(bytes_equal(all[EXT_MID], "abc", 3));
        CHECK(all[EXT_AUDIO_LEVEL].data && all[EXT_AUDIO_LEVEL].len == 0);
    }
}

static void opaque_extension_holds_no_elements(void)
{
    uint8_t p[64];
    struct rtp_view v;
    struct bytes b;
    size_t len = unhex(p, "90 60 0001 00000000 00000001 1234 0001 10 aa 00 00");
    CHECK(parse(&v, p, len));
    CHECK_EQ(v.extension_profile, 0x1234);
    CHECK_EQ(v.extensions.len, 4);
    CHECK(!rtp_extension_find(&v, 1, &b));
}

static void element_longer_than_the_block_is_not_there(void)
{
    uint8_t p[64];
    struct rtp_view v;
    struct bytes b;
    size_t len = unhex(p, "90 60 0001 00000000 00000001 bede 0001 10 aa 2f bb");
    CHECK(parse(&v, p, len));
    CHECK(rtp_extension_find(&v, 1, &b));
    CHECK(!rtp_extension_find(&v, 2, &b));
    len = unhex(p, "90 60 0001 00000000 00000001 1000 0001 01 01 aa 02");
    CHECK(parse(&v, p, len));
    CHECK(rtp_extension_find(&v, 1, &b));
    CHECK(!rtp_extension_find(&v, 2, &b));
}

static void written_packet_reads_back(void)
{
    struct prng r;
    prng_seed(&r, 7);
    for (int round = 0; round < 20000; round++) {
        uint8_t out[512], values[EXT_COUNT][255];
        struct bytes value[EXT_COUNT] = {0}, back[EXT_COUNT];
        struct rtp_header h = {.marker = prng_below(&r, 2),
                               .payload_type = (uint8_t)prng_below(&r, 128),
                               .seq = (uint16_t)prng_next(&r),
                               .timestamp = (uint32_t)prng_next(&r),
                               .ssrc = (uint32_t)prng_next(&r)};
        int wanted = 0;
        for (int e = 0; e < EXT_COUNT; e++) {
            uint32_t longest = e == EXT_DEPENDENCY && prng_below(&r, 2) ? 255 : 16;
            for (int i = 0; i < 255; i++)
                values[e][i] = (uint8_t)prng_next(&r);
            if (prng_below(&r, 2)) {
                value[e] = (struct bytes){values[e], 1 + prng_below(&r, longest)};
                wanted++;
            }
        }
        size_t len = rtp_write(out, &h);
        CHECK_EQ(len, 12);
        size_t block = rtp_write_extensions(out, &ids, value);
        CHECK_EQ(block % 4, 0);
        CHECK_EQ(block > 0, wanted > 0);
        len += block;
        out[len++] = 0x55;
        struct rtp_view v;
        CHECK(parse(&v, out, len));
        CHECK_EQ(v.header_len, 12 + block);
        CHECK_EQ(v.payload_len, 1);
        CHECK(v.marker == h.marker && v.payload_type == h.payload_type && v.seq == h.seq &&
              v.timestamp == h.timestamp && v.ssrc == h.ssrc);
        rtp_extensions_read(&v, &ids, back);
        for (int e = 0; e < EXT_COUNT; e++)
            CHECK(value[e].data ? bytes_equal(back[e], value[e].data, value[e].len) : !back[e].data);
    }
}

static void what_one_byte_form_cannot_say_is_left_out(void)
{
    uint8_t out[64], big[17] = {0};
    struct rtp_header h = {0};
    struct rtp_extension_ids wide = {.id = {15, 1, 2, 0, 200}};
    struct bytes value[EXT_COUNT] = {{big, 1}, {big, 0}, {big, 17}, {big, 1}, {big, 1}};
    rtp_write(out, &h);
    CHECK_EQ(rtp_write_extensions(out, &wide, value), 0);
    CHECK_EQ(out[0], 0x80);
}

static void written_bytes_are_these(void)
{
    uint8_t out[64], want[64];
    struct rtp_header h = {
        .padding = true, .marker = true, .payload_type = 111, .seq = 2, .timestamp = 3, .ssrc = 4};
    struct bytes value[EXT_COUNT] = {
        [EXT_MID] = {(const uint8_t *)"0", 1}, [EXT_TRANSPORT_CC] = {(const uint8_t *)"\1\2", 2}};
    size_t len = rtp_write(out, &h);
    len += rtp_write_extensions(out, &ids, value);
    CHECK_EQ(unhex(want, "b0 ef 0002 00000003 00000004 bede 0002 40 30 31 01 02 00 00 00"), len);
    CHECK_BYTES(out, want, len);
    value[EXT_DEPENDENCY] = (struct bytes){(const uint8_t *)"0123456789abcdefg", 17}; /* RFC 8285 4.3 */
    len = rtp_write(out, &h);
    len += rtp_write_extensions(out, &ids, value);
    CHECK_EQ(unhex(want, "b0 ef 0002 00000003 00000004 1000 0007 04 01 30 03 02 01 02 0c 11"
                         "3031323334353637383961626364656667 00 00"),
             len);
    CHECK_BYTES(out, want, len);
}

/* For any bytes, views stay inside the packet, and the lengths of its parts add up. */
static void every_length_of_random_packets_is_survived(void)
{
    struct prng r;
    prng_seed(&r, 3);
    for (int round = 0; round < 2000; round++) {
        uint8_t p[96];
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = (uint8_t)prng_next(&r);
        p[0] = (uint8_t)(0x80 | (p[0] & 0x3f));
        if (round & 1)
            p[0] &= 0xf3;
        size_t at = 12 + 4 * (size_t)(p[0] & 15);
        if (at + 4 <= sizeof p) {
            put16(p + at, round & 2 ? 0xbede : 0x1003);
            put16(p + at + 2, (uint16_t)prng_below(&r, 12));
        }
        for (size_t len = 0; len <= sizeof p; len++) {
            struct rtp_view v;
            struct bytes all[EXT_COUNT], b;
            const uint8_t *e = exact(p, len);
            if (!rtp_parse(&v, e, len))
                continue;
            CHECK_EQ(v.header_len + v.payload_len + v.padding, len);
            CHECK_EQ(v.header_len, rtp_header_len(e, len));
            rtp_extensions_read(&v, &ids, all);
            for (int x = 0; x < EXT_COUNT; x++)
                CHECK(!all[x].data || (all[x].data >= e && all[x].data + all[x].len <= e + v.header_len));
            for (int id = 0; id < 256; id++)
                if (rtp_extension_find(&v, (uint8_t)id, &b))
                    CHECK(b.data + b.len <= e + v.header_len);
        }
    }
}

/* RFC 6464 3; the values of github.com/pion/rtp, audiolevelextension_test.go, and its bounds. */
static void an_audio_level_is_voice_and_distance(void)
{
    CHECK(audio_level_of(0x88).voice && audio_level_of(0x88).below == 8);
    CHECK(!audio_level_of(0x08).voice && audio_level_of(0x08).below == 8);
    CHECK(!audio_level_of(0x7f).voice && audio_level_of(0x7f).below == 127);
    CHECK(audio_level_of(0x80).voice && audio_level_of(0x80).below == 0);
}

TEST_MAIN(TEST(an_audio_level_is_voice_and_distance), TEST(plain_packet_is_read),
          TEST(other_versions_are_refused), TEST(csrcs_belong_to_the_header), TEST(padding_is_taken_off),
          TEST(packet_of_padding_alone_is_a_probe), TEST(padding_that_lies_is_refused),
          TEST(extension_longer_than_the_packet_is_refused), TEST(one_byte_extensions_are_found),
          TEST(id_15_ends_the_one_byte_form), TEST(id_0_with_a_length_ends_the_one_byte_form),
          TEST(two_byte_extensions_are_found), TEST(opaque_extension_holds_no_elements),
          TEST(element_longer_than_the_block_is_not_there), TEST(written_packet_reads_back),
          TEST(what_one_byte_form_cannot_say_is_left_out), TEST(written_bytes_are_these),
          TEST(every_length_of_random_packets_is_survived))
