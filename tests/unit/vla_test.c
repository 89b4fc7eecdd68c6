#include "proto/vla.h"
#include "base/prng.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

static struct vla v;

static bool parses(const char *hex)
{
    uint8_t p[256];
    size_t len = unhex(p, hex);
    return vla_parse(&v, (struct bytes){exact(p, len), len});
}

/* Values of github.com/pion/rtp, vlaextension_test.go. */
static void three_streams_of_pion_are_read(void)
{
    static const uint32_t kbps[3][2] = {{150, 0}, {240, 400}, {720, 1200}};
    CHECK(parses("21149601f0019003d005b009"));
    CHECK(v.stream == 0 && v.stream_count == 3 && v.layer_count == 3 && !v.sized);
    for (unsigned i = 0; i < 3; i++) {
        const struct vla_layer *l = &v.layers[i];
        CHECK(l->stream == i && l->spatial == 0 && l->temporal_count == (i ? 2 : 1));
        CHECK(l->kbps[0] == kbps[i][0] && l->kbps[1] == kbps[i][1] && l->width == 0 && l->fps == 0);
    }
}

static void sizes_of_pion_are_read(void)
{
    static const uint32_t sizes[3][2] = {{320, 180}, {640, 360}, {1280, 720}};
    CHECK(parses("a1149601f0019003d005b009013f00b31e027f01671e04ff02cf1e"));
    CHECK(v.stream == 2 && v.sized);
    for (unsigned i = 0; i < 3; i++)
        CHECK(v.layers[i].width == sizes[i][0] && v.layers[i].height == sizes[i][1] && v.layers[i].fps == 30);
}

/* libwebrtc, docs/native-code/rtp-hdrext/video-layers-allocation00: the note at its end. */
static void a_single_zero_says_that_nothing_is_sent(void)
{
    CHECK(parses("00"));
    CHECK(v.layer_count == 0 && v.stream_count == 1);
}

/* The same: masks of each stream where they differ, in one byte, or two for more than two streams. */
static void masks_of_each_stream_are_read(void)
{
    CHECK(parses("10 10 00 05")); /* stream 1 is inactive */
    CHECK(v.stream_count == 2 && v.layer_count == 1 && v.layers[0].stream == 0 && v.layers[0].kbps[0] == 5);
    CHECK(parses("50 01 00 05") && v.layers[0].stream == 1);
    CHECK(parses("30 0013 00 05 06 07"));
    CHECK(v.stream_count == 4 && v.layer_count == 3 && v.layers[0].stream == 2 && v.layers[1].stream == 3);
    CHECK(v.layers[1].spatial == 0 && v.layers[2].spatial == 1 && v.layers[2].kbps[0] == 7);
    CHECK(parses("20 1010 00 05 06")); /* three streams: the fourth mask is none of theirs */
    CHECK(v.layer_count == 2 && v.layers[1].stream == 2);
    CHECK(parses("20 101f 00 05 06") && v.layer_count == 2);
}

static void layers_of_svc_are_read(void)
{
    CHECK(parses("07 a8 01 02 03 04 05 06 07 08 09"));
    CHECK(v.stream_count == 1 && v.layer_count == 3);
    CHECK(v.layers[2].spatial == 2 && v.layers[2].temporal_count == 3 && v.layers[2].kbps[2] == 9);
}

/* All 16: four bytes of counts, 64 rates. */
static void the_most_layers_are_read(void)
{
    uint8_t p[256] = {0x3f, 0xff, 0xff, 0xff, 0xff};
    size_t len = 5;
    for (int i = 0; i < 64; i++)
        p[len++] = (uint8_t)(i + 1);
    memset(p + len, 0xff, 80);
    CHECK(vla_parse(&v, (struct bytes){exact(p, len), len}) && !v.sized);
    CHECK(v.layer_count == 16 && v.layers[15].kbps[3] == 64 && v.layers[15].temporal_count == 4);
    len += 80;
    CHECK(vla_parse(&v, (struct bytes){exact(p, len), len}) && v.sized);
    CHECK(v.layers[15].width == 65536 && v.layers[15].height == 65536 && v.layers[15].fps == 255);
}

static void rates_beyond_belief_are_refused(void)
{
    CHECK(parses("01 00 c0843d")); /* 1,000,000 kbit/s */
    CHECK_EQ(v.layers[0].kbps[0], VLA_KBPS_MAX);
    CHECK(!parses("01 00 c1843d"));
    CHECK(!parses("01 00 ffffffff0f"));
    CHECK(!parses("01 00 ffffffffffffffffff01"));
    CHECK_EQ(v.layer_count, 0);
}

static void every_cut_but_that_of_the_sizes_is_refused(void)
{
    uint8_t p[64];
    size_t len = unhex(p, "a1149601f0019003d005b009013f00b31e027f01671e04ff02cf1e");
    for (size_t cut = 0; cut <= len + 1; cut++)
        CHECK_EQ(vla_parse(&v, (struct bytes){exact(p, cut), cut}), cut == 12 || cut == len);
}

static void contradictions_are_refused(void)
{
    CHECK(!parses(""));
    CHECK(!parses("41 00 05")); /* stream 1 of one */
    CHECK(!parses("10 00 05")); /* no layer, yet a rate */
    CHECK(!parses("10 00"));
    CHECK(!parses("00 00"));
    CHECK(!parses("20 00"));
    CHECK(!parses("10"));
    CHECK(!parses("01"));
}

static void random_values_are_survived(void)
{
    struct prng r;
    prng_seed(&r, 11);
    for (int round = 0; round < 50000; round++) {
        uint8_t p[24];
        size_t len = prng_below(&r, sizeof p);
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = (uint8_t)prng_next(&r);
        if (!vla_parse(&v, (struct bytes){exact(p, len), len}))
            CHECK(v.layer_count == 0);
        else
            CHECK(v.stream < v.stream_count && v.layer_count <= VLA_LAYERS_MAX);
    }
}

TEST_MAIN(TEST(three_streams_of_pion_are_read), TEST(sizes_of_pion_are_read),
          TEST(a_single_zero_says_that_nothing_is_sent), TEST(masks_of_each_stream_are_read),
          TEST(layers_of_svc_are_read), TEST(the_most_layers_are_read), TEST(rates_beyond_belief_are_refused),
          TEST(every_cut_but_that_of_the_sizes_is_refused), TEST(contradictions_are_refused),
          TEST(random_values_are_survived))
