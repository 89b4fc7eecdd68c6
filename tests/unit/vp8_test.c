#include "proto/vp8.h"
#include "base/prng.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

static struct vp8_descriptor d;

static bool parses(const char *hex)
{
    uint8_t p[64];
    size_t len = unhex(p, hex);
    return vp8_parse(&d, (struct bytes){exact(p, len), len});
}

/* Descriptors of github.com/pion/rtp, codecs/vp8_packet_test.go. */
static void descriptors_of_pion_are_read(void)
{
    CHECK(parses("00 11 22 33 44 55 66 90"));
    CHECK(d.len == 1 && !d.start && !d.picture_id_at && !d.tl0_at && d.key_index == -1);
    CHECK(parses("80 00 00 00"));
    CHECK_EQ(d.len, 2);
    CHECK(parses("80 80 00 00"));
    CHECK(d.len == 3 && d.picture_id_at == 2 && !d.wide && d.picture_id == 0);
    CHECK(parses("80 80 81 20 90"));
    CHECK(d.len == 4 && d.wide && d.picture_id == 0x120);
    CHECK(parses("80 40 00 00"));
    CHECK(d.len == 3 && d.tl0_at == 2);
    CHECK(parses("80 20 00 00") && d.layered && d.len == 3);
    CHECK(parses("80 10 00 00") && !d.layered && d.key_index == 0 && d.len == 3);
    CHECK(parses("00 2a 94"));
    CHECK(!parses("ff ff 00 00"));
    CHECK(!parses("81 81 94"));
    CHECK(!parses("80 80 2a")); /* nothing behind it */
}

/* RFC 7741 4.2, all fields at once. */
static void every_field_is_read(void)
{
    CHECK(parses("b0 f0 9234 56 b7 01"));
    CHECK(d.start && d.discardable && !d.keyframe && d.wide && d.layered && d.sync);
    CHECK_EQ(d.picture_id, 0x1234);
    CHECK_EQ(d.tl0, 0x56);
    CHECK_EQ(d.temporal, 2);
    CHECK_EQ(d.key_index, 0x17);
    CHECK_EQ(d.len, 6);
    CHECK_EQ(d.len, VP8_DESCRIPTOR_MAX);
    CHECK(d.picture_id_at == 2 && d.tl0_at == 4);
}

static void layers_without_their_bit_are_not_told(void)
{
    CHECK(parses("90 10 ff 01")); /* K alone: TID and Y are no facts */
    CHECK(d.temporal == 0 && !d.sync && d.key_index == 31);
    CHECK(parses("90 20 ff 01")); /* T alone: KEYIDX is none */
    CHECK(d.temporal == 3 && d.sync && d.key_index == -1);
}

/* The frame header of RFC 6386 9.1: 640x360, then the same with scales. */
static void a_key_frame_tells_its_size(void)
{
    CHECK(parses("10 50 42 00 9d012a 8002 6801"));
    CHECK(d.keyframe && d.width == 640 && d.height == 360);
    CHECK(parses("10 50 42 00 9d012a 8042 68c1"));
    CHECK(d.width == 640 && d.height == 360);
    CHECK(parses("10 50 42 00 9d012a ffff ffff"));
    CHECK(d.width == 16383 && d.height == 16383);
    CHECK(parses("90 80 05 50 42 00 9d012a 8002 6801"));
    CHECK(d.width == 640 && d.height == 360);
}

static void no_size_is_told_without_a_whole_header(void)
{
    CHECK(parses("10 50 42 00 9d012a 8002 68") && d.keyframe && d.width == 0); /* cut off */
    CHECK(parses("10 50 42 00 9d012b 8002 6801") && d.width == 0);             /* another start code */
    CHECK(parses("10 51 42 00 9d012a 8002 6801") && !d.keyframe && d.width == 0);
    CHECK(parses("00 50 42 00 9d012a 8002 6801") && !d.keyframe && d.width == 0);
    CHECK(parses("11 50 42 00 9d012a 8002 6801") && !d.keyframe && d.width == 0); /* partition 1 */
}

static void rewrite(uint8_t *p, const char *hex, uint16_t picture_id, uint8_t tl0)
{
    size_t len = unhex(p, hex);
    CHECK(vp8_parse(&d, (struct bytes){p, len}));
    vp8_rewrite(p, &d, picture_id, tl0);
    CHECK(vp8_parse(&d, (struct bytes){p, len}));
}

static void numbers_are_rewritten_in_place(void)
{
    uint8_t p[64], want[64];
    rewrite(p, "90 f0 9234 56 97 01aa", 0x7fff, 0xff);
    CHECK(d.picture_id == 0x7fff && d.tl0 == 0xff && d.wide && d.temporal == 2 && d.key_index == 0x17);
    unhex(want, "90 f0 ffff ff 97 01aa");
    CHECK_BYTES(p, want, 8);
    rewrite(p, "90 f0 9234 56 97 01aa", 0x8001, 0); /* a number beyond 15 bits wraps */
    CHECK_EQ(d.picture_id, 1);
    rewrite(p, "90 c0 05 06 01", 0x0181, 7); /* 7 bits stay 7 bits */
    CHECK(!d.wide && d.picture_id == 1 && d.tl0 == 7);
    rewrite(p, "90 40 06 01", 99, 7);
    CHECK(!d.picture_id_at && d.tl0 == 7);
    rewrite(p, "90 20 40 01", 99, 7); /* neither is there */
    unhex(want, "90 20 40 01");
    CHECK_BYTES(p, want, 4);
}

static size_t widen(uint8_t *out, const char *hex, uint16_t picture_id, uint8_t tl0)
{
    uint8_t p[64];
    size_t len = unhex(p, hex);
    CHECK(vp8_parse(&d, (struct bytes){p, len}));
    return vp8_write(out, exact(p, len), &d, picture_id, tl0);
}

static void a_picture_id_of_7_bits_is_widened(void)
{
    uint8_t out[VP8_DESCRIPTOR_MAX], want[64];
    CHECK_EQ(widen(out, "90 f0 05 56 97 01aa", 0x1234, 0x78), 6);
    unhex(want, "90 f0 9234 78 97");
    CHECK_BYTES(out, want, 6);
    CHECK_EQ(widen(out, "90 80 05 01aa", 0x1234, 0x78), 4);
    unhex(want, "90 80 9234");
    CHECK_BYTES(out, want, 4);
    CHECK_EQ(widen(out, "90 f0 8005 56 97 01aa", 0x1234, 0x78), 6); /* is wide already */
    unhex(want, "90 f0 9234 78 97");
    CHECK_BYTES(out, want, 6);
    CHECK_EQ(widen(out, "10 01", 1, 1), 1); /* absent stays absent */
    CHECK_EQ(out[0], 0x10);
    CHECK_EQ(widen(out, "90 60 56 97 01aa", 1, 0x78), 4);
    unhex(want, "90 60 78 97");
    CHECK_BYTES(out, want, 4);
}

static void random_descriptors_keep_their_other_facts(void)
{
    struct prng r;
    prng_seed(&r, 8);
    for (int round = 0; round < 20000; round++) {
        uint8_t p[16], out[VP8_DESCRIPTOR_MAX + 16];
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = (uint8_t)prng_next(&r);
        size_t len = prng_below(&r, sizeof p);
        struct vp8_descriptor a, b;
        if (!vp8_parse(&a, (struct bytes){exact(p, len), len}))
            continue;
        size_t n = vp8_write(out, p, &a, 0x2345, 0x67);
        memcpy(out + n, p + a.len, len - a.len);
        CHECK(n <= VP8_DESCRIPTOR_MAX && vp8_parse(&b, (struct bytes){out, n + len - a.len}));
        CHECK_EQ(b.len, n);
        CHECK_EQ(b.picture_id, a.picture_id_at ? 0x2345 : 0);
        CHECK_EQ(b.tl0, a.tl0_at ? 0x67 : 0);
        CHECK(b.temporal == a.temporal && b.sync == a.sync && b.key_index == a.key_index &&
              b.keyframe == a.keyframe && b.width == a.width && b.height == a.height &&
              b.discardable == a.discardable);
    }
}

TEST_MAIN(TEST(descriptors_of_pion_are_read), TEST(every_field_is_read),
          TEST(layers_without_their_bit_are_not_told), TEST(a_key_frame_tells_its_size),
          TEST(no_size_is_told_without_a_whole_header), TEST(numbers_are_rewritten_in_place),
          TEST(a_picture_id_of_7_bits_is_widened), TEST(random_descriptors_keep_their_other_facts))
