#include "proto/vp9.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

static struct vp9_descriptor d;
static struct vp9_structure s;

static bool parses(const char *hex)
{
    uint8_t p[1500];
    size_t len = unhex(p, hex);
    return vp9_parse(&d, &s, (struct bytes){exact(p, len), len});
}

/* Descriptors of github.com/pion/rtp, codecs/vp9_packet_test.go. */
static void descriptors_of_pion_are_read(void)
{
    CHECK(parses("00 aa"));
    CHECK(d.len == 1 && !d.has_picture_id && !d.layered && !d.begins && !d.ends && !s.spatial_layers);
    CHECK(parses("80 02 aa"));
    CHECK(d.has_picture_id && !d.wide && d.picture_id == 2);
    CHECK(parses("80 81ff aa"));
    CHECK(d.wide && d.picture_id == 0x1ff);
    CHECK(!parses("80 81") && !parses("80"));
    CHECK(parses("a0 02 23 01 aa"));
    CHECK(d.layered && d.temporal == 1 && d.spatial == 1 && d.inter_layer && !d.switching_up);
    CHECK(d.has_tl0 && d.tl0 == 1);
    CHECK(parses("b0 02 23 01 aa"));
    CHECK(d.flexible && d.spatial == 1 && !d.has_tl0 && d.len == 3);
    CHECK(!parses("a0 02 23") && !parses("a0 02"));
    CHECK(parses("d0 02 03 04 aa"));
    CHECK(d.predicted && d.reference_count == 2 && d.references[0] == 1 && d.references[1] == 2);
    CHECK(!parses("d0 02 03 05 07 09 10 aa"));
    CHECK(!parses("d0 02 03") && !parses("d0 02") && !parses("d0"));
}

static void bits_of_the_first_byte_are_read(void)
{
    CHECK(parses("0d aa") && d.begins && d.ends && d.passed_over);
    CHECK(parses("04 aa") && !d.begins && d.ends && !d.passed_over);
    CHECK(parses("09 aa") && d.begins && !d.ends && d.passed_over);
    CHECK(parses("02 07 aa") && !d.begins && !d.ends && !d.passed_over && s.spatial_layers == 1);
    CHECK(parses("40 aa") && d.predicted && !d.begins && d.reference_count == 0);
    CHECK(parses("a0 02 50 01 aa") && d.temporal == 2 && d.switching_up && d.spatial == 0 && !d.inter_layer);
}

/* The same file: sizes of two layers; groups of two and one pictures; reserved bits. */
static void structures_of_pion_are_read(void)
{
    CHECK(parses("0a 30 0280 0168 0500 02d0 aa"));
    CHECK(s.spatial_layers == 2 && s.sized && s.temporal_layers == 0);
    CHECK(s.width[0] == 640 && s.height[0] == 360 && s.width[1] == 1280 && s.height[1] == 720);
    CHECK_EQ(d.len, 10);
    CHECK(parses("0a 28 02 10 44 21 aa"));
    CHECK(s.spatial_layers == 2 && !s.sized && s.temporal_layers == 3);
    CHECK(parses("0a 27 aa") && s.spatial_layers == 2 && !s.sized);
    CHECK(parses("fe 11 51 02 58 0001 0002 0003 0004 0005 0006 01 14 03 aa"));
    CHECK(s.spatial_layers == 3 && s.width[2] == 5 && s.height[2] == 6 && s.temporal_layers == 1);
    CHECK(d.flexible && d.reference_count == 1 && d.references[0] == 1 && d.temporal == 2);
    CHECK(parses("de 12 04 38 0007 0008 0009 000a 01 14 05 bb"));
    CHECK(s.spatial_layers == 2 && s.width[1] == 9 && !d.layered);
    CHECK(!parses("0a 10") && !parses("0a 30 0280 0168 0500 02d0"));
}

/* RFC 9628 4.2.1 at its bounds. */
static void the_largest_structures_are_read(void)
{
    uint8_t p[1500] = {0x0a, 0xf8};
    size_t len = 2;
    memset(p + len, 0xff, 32);
    len += 32;
    p[len++] = 0xff;
    for (int i = 0; i < 255; i++, len += 4)
        memset(p + len, 0xfc, 4); /* temporal layer 7, three references */
    p[len] = 0xaa;
    CHECK(!vp9_parse(&d, &s, (struct bytes){exact(p, len), len}));
    CHECK(vp9_parse(&d, &s, (struct bytes){exact(p, len + 1), len + 1}));
    CHECK(s.spatial_layers == 8 && s.temporal_layers == 8 && s.width[7] == 65535 && s.height[7] == 65535);
    CHECK_EQ(d.len, len);
    CHECK(vp9_parse(&d, NULL, (struct bytes){p, len + 1}));
}

static struct vp9_descriptor at(uint8_t spatial, uint8_t temporal)
{
    return (struct vp9_descriptor){.spatial = spatial, .temporal = temporal, .ends = true};
}

static void layers_above_a_viewers_are_not_needed(void)
{
    for (uint8_t spatial = 0; spatial < 3; spatial++)
        for (uint8_t temporal = 0; temporal < 3; temporal++) {
            struct vp9_descriptor p = at(spatial, temporal);
            CHECK_EQ(vp9_is_needed(&p, 1, 1), spatial <= 1 && temporal <= 1);
        }
}

/* RFC 9628 4.2, Z: a receiver of a higher layer does not need the frame. */
static void a_frame_passed_over_is_needed_on_its_own_layer_only(void)
{
    struct vp9_descriptor p = at(0, 0);
    p.passed_over = true;
    CHECK(vp9_is_needed(&p, 0, 0));
    CHECK(!vp9_is_needed(&p, 1, 0));
}

/* RFC 9628 5.1 and 4.1: the marker ends the picture, of which a viewer has the layers up to its own. */
static void the_marker_is_on_the_last_packet_of_the_highest_layer_sent(void)
{
    struct vp9_descriptor p = at(1, 0);
    CHECK(vp9_marker(&p, 1, false));
    CHECK(!vp9_marker(&p, 2, false));
    CHECK(vp9_marker(&p, 2, true)); /* a picture without layer 2 */
    p.ends = false;
    CHECK(!vp9_marker(&p, 1, false));
}

TEST_MAIN(TEST(descriptors_of_pion_are_read), TEST(bits_of_the_first_byte_are_read),
          TEST(structures_of_pion_are_read), TEST(the_largest_structures_are_read),
          TEST(layers_above_a_viewers_are_not_needed),
          TEST(a_frame_passed_over_is_needed_on_its_own_layer_only),
          TEST(the_marker_is_on_the_last_packet_of_the_highest_layer_sent))
