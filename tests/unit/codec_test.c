#include "proto/codec.h"
#include "base/prng.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

static struct codec_info inspect(enum codec c, const char *hex)
{
    uint8_t p[256];
    size_t len = unhex(p, hex);
    return codec_inspect(c, exact(p, len), len);
}

/* "-": invalid; else letters for k(ey frame), s(tart) and l(eads), and the temporal layer. */
static bool says(enum codec c, const char *hex, const char *want)
{
    struct codec_info i = inspect(c, hex);
    char text[8];
    snprintf(text, sizeof text, "%s%s%s%u", i.keyframe ? "k" : "", i.start ? "s" : "", i.leads ? "l" : "",
             i.temporal);
    if (!i.valid)
        strcpy(text, i.keyframe || i.start || i.leads || i.temporal ? "!" : "-");
    if (strcmp(text, want) != 0)
        printf("# %s: %s, not %s\n", hex, text, want);
    return strcmp(text, want) == 0;
}

static void names_are_known_in_any_case(void)
{
    CHECK_EQ(codec_parse("OPUS", 4), CODEC_OPUS);
    CHECK_EQ(codec_parse("vp8", 3), CODEC_VP8);
    CHECK_EQ(codec_parse("VP9", 3), CODEC_VP9);
    CHECK_EQ(codec_parse("h264", 4), CODEC_H264);
    CHECK_EQ(codec_parse("AV1X", 3), CODEC_AV1);
    CHECK_EQ(codec_parse("AV1X", 4), CODEC_NONE);
    CHECK_EQ(codec_parse("", 0), CODEC_NONE);
    CHECK_EQ(codec_parse("rtx", 3), CODEC_NONE);
    for (int c = CODEC_OPUS; c <= CODEC_AV1; c++) {
        const char *name = codec_name((enum codec)c);
        CHECK_EQ(codec_parse(name, strlen(name)), c);
        CHECK_EQ(codec_is_video((enum codec)c), c != CODEC_OPUS);
    }
    CHECK(!codec_is_video(CODEC_NONE));
}

static void vp8_key_frame_starts_partition_0(void)
{
    CHECK(says(CODEC_VP8, "10 00", "ks0"));
    CHECK(says(CODEC_VP8, "10 01", "s0"));  /* P bit: an interframe */
    CHECK(says(CODEC_VP8, "00 00", "0"));   /* goes on */
    CHECK(says(CODEC_VP8, "11 00", "0"));   /* partition 1 starts */
    CHECK(says(CODEC_VP8, "30 00", "ks0")); /* N: not referenced */
    CHECK(says(CODEC_VP8, "10 90 9d012a", "ks0"));
}

static void vp8_short_payloads_are_invalid(void)
{
    static const char *const hex[] = {
        "",         "10",       "90",          "90 80",          "90 00",
        "90 80 01", "90 80 81", "90 80 81 02", "90 40",          "90 40 01",
        "90 20",    "90 20 00", "90 10 00",    "90 f0 81 02 03", "90 f0 81 02 03 04"};
    for (size_t i = 0; i < sizeof hex / sizeof *hex; i++)
        CHECK(says(CODEC_VP8, hex[i], "-"));
}

static void vp8_descriptor_bits_are_walked(void)
{
    for (unsigned x = 0; x < 256; x += 16)
        for (unsigned wide = 0; wide < 2; wide++) {
            uint8_t p[16];
            size_t len = 0;
            p[len++] = 0x90;
            p[len++] = (uint8_t)x;
            if (x & 0x80) {
                p[len++] = wide ? 0x81 : 0x01;
                if (wide)
                    p[len++] = 0xff;
            }
            if (x & 0x40)
                p[len++] = 0xff;
            if (x & 0x30)
                p[len++] = 0x9f; /* TID 2 */
            for (size_t cut = 0; cut <= len; cut++)
                CHECK(!codec_inspect(CODEC_VP8, exact(p, cut), cut).valid);
            p[len++] = 0x00;
            struct codec_info i = codec_inspect(CODEC_VP8, exact(p, len), len);
            CHECK(i.valid && i.keyframe && i.start);
            CHECK_EQ(i.temporal, x & 0x20 ? 2 : 0);
        }
}

static void vp9_non_flexible_mode(void)
{
    CHECK(says(CODEC_VP9, "08 aa", "ks0"));
    CHECK(says(CODEC_VP9, "00 aa", "0"));
    CHECK(says(CODEC_VP9, "48 aa", "s0"));
    CHECK(says(CODEC_VP9, "88 01 aa", "ks0"));
    CHECK(says(CODEC_VP9, "88 81 01 aa", "ks0"));
    CHECK(says(CODEC_VP9, "a8 01 40 07 aa", "ks2")); /* TID 2, SID 0, TL0PICIDX */
    CHECK(says(CODEC_VP9, "a8 01 43 07 aa", "s2"));  /* SID 1 leans on the layer below */
    CHECK(says(CODEC_VP9, "e8 01 20 07 aa", "s1"));
    CHECK(says(CODEC_VP9, "a8 01 40 07", "-"));
    CHECK(says(CODEC_VP9, "a8 01 40", "-"));
    CHECK(says(CODEC_VP9, "a8 81 01", "-"));
    CHECK(says(CODEC_VP9, "08", "-"));
    CHECK(says(CODEC_VP9, "", "-"));
}

static void vp9_flexible_mode(void)
{
    CHECK(says(CODEC_VP9, "b8 01 40 aa", "ks2"));         /* no TL0PICIDX */
    CHECK(says(CODEC_VP9, "f8 01 40 02 aa", "s2"));       /* one reference */
    CHECK(says(CODEC_VP9, "f8 01 40 03 05 06 aa", "s2")); /* three */
    CHECK(says(CODEC_VP9, "f8 01 40 03 05 07 aa", "-"));  /* a fourth */
    CHECK(says(CODEC_VP9, "f8 01 40 03 05", "-"));
    CHECK(says(CODEC_VP9, "f8 01 40 02", "-"));
}

static void vp9_scalability_structure_is_skipped(void)
{
    CHECK(says(CODEC_VP9, "0a 00 aa", "ks0"));
    CHECK(says(CODEC_VP9, "0a 00", "-"));
    CHECK(says(CODEC_VP9, "0a", "-"));
    /* 2 spatial layers with sizes, 3 pictures with 0, 1 and 2 references */
    CHECK(says(CODEC_VP9, "8a 01 38 0140 00b4 0280 0168 03 00 24 01 48 01 02 aa", "ks0"));
    CHECK(says(CODEC_VP9, "8a 01 38 0140 00b4 0280 0168 03 00 24 01 48 01 02", "-"));
    CHECK(says(CODEC_VP9, "8a 01 38 0140 00b4 0280 0168 03 00 24 01 48 01", "-"));
    CHECK(says(CODEC_VP9, "8a 01 38 0140 00b4 0280 01", "-"));
    CHECK(says(CODEC_VP9, "0a 08 00 aa", "ks0"));
    CHECK(says(CODEC_VP9, "0a 08 ff 0c 0c 0c 0c", "-"));
}

static void h264_single_units(void)
{
    CHECK(says(CODEC_H264, "65 88 84", "k0"));
    CHECK(says(CODEC_H264, "65 40 84", "0")); /* a later slice of the picture */
    CHECK(says(CODEC_H264, "67 42 c0 1f", "l0"));
    CHECK(says(CODEC_H264, "68 ce", "l0"));
    CHECK(says(CODEC_H264, "41 9a", "0"));
    CHECK(says(CODEC_H264, "09 f0", "l0"));
    CHECK(says(CODEC_H264, "06 05", "l0"));
    CHECK(says(CODEC_H264, "0c ff", "0"));
    CHECK(says(CODEC_H264, "65", "0"));
    static const char *const bad[] = {"", "00 11", "79 11", "7a 11", "7b 11", "7d 11", "7e 11", "7f 11"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(says(CODEC_H264, bad[i], "-"));
}

static void h264_stap_a(void)
{
    CHECK(says(CODEC_H264, "78 0002 6742 0002 68ce", "l0"));
    CHECK(says(CODEC_H264, "78 0002 68ce 0002 6588", "k0"));
    CHECK(says(CODEC_H264, "78 0002 68ce 0002 6540", "0"));
    CHECK(says(CODEC_H264, "78 0002 6742 0002 68ce 0002 419a", "0"));
    CHECK(says(CODEC_H264, "78 0001 06 0001 41", "0"));
    CHECK(says(CODEC_H264, "78 0001 65 0001 80", "-")); /* 0x80: type 0 */
}

static void h264_stap_a_that_lies_is_invalid(void)
{
    static const char *const bad[] = {
        "78",           "78 00",           "78 0000",           "78 0001",
        "78 0003 6742", "78 0002 6742 00", "78 0002 6742 0001", "78 0002 6742 0000",
        "78 ffff 6742", "78 0002 7842",    "78 0002 7c85"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(says(CODEC_H264, bad[i], "-"));
}

static void h264_fu_a(void)
{
    CHECK(says(CODEC_H264, "7c 85 88", "k0"));
    CHECK(says(CODEC_H264, "7c 85 40", "0")); /* a later slice */
    CHECK(says(CODEC_H264, "7c 05 88", "0")); /* the middle */
    CHECK(says(CODEC_H264, "7c 45 88", "0")); /* the end */
    CHECK(says(CODEC_H264, "7c 87", "l0"));
    CHECK(says(CODEC_H264, "7c 81 9a", "0"));
    CHECK(says(CODEC_H264, "7c 85", "0"));
    CHECK(says(CODEC_H264, "7c", "-"));
}

static void av1_sequence_starts_with_n(void)
{
    CHECK(says(CODEC_AV1, "18 0a0b", "ks0")); /* W 1: one OBU, no length */
    CHECK(says(CODEC_AV1, "10 3000", "0"));
    CHECK(says(CODEC_AV1, "28 02 0800 3000", "ks0")); /* W 2: a sequence header and a frame */
    CHECK(says(CODEC_AV1, "98 0a0b", "-"));           /* Z and N */
    CHECK(says(CODEC_AV1, "90 0a0b", "0"));
}

static void av1_elements_are_walked(void)
{
    CHECK(says(CODEC_AV1, "00 02 3000 01 30", "0"));      /* W 0: each has a length */
    CHECK(says(CODEC_AV1, "00 02 3440 aa", "-"));         /* 0xaa: a length without its end */
    CHECK(says(CODEC_AV1, "00 02 3440", "2"));            /* an extension: TID 2 */
    CHECK(says(CODEC_AV1, "80 02 3440 02 3420", "1"));    /* the first goes on and has no header */
    CHECK(says(CODEC_AV1, "30 01 30 8100 30 3000", "0")); /* a length of two bytes */
    CHECK(says(CODEC_AV1, "00 00", "0"));
}

static void av1_lengths_that_lie_are_invalid(void)
{
    static const char *const bad[] = {"",
                                      "18",
                                      "08",
                                      "00 03 3000",
                                      "00 80",
                                      "00 8080808080",
                                      "00 808080808000",
                                      "00 ffffffff1f 30",
                                      "00 ffffffff0f 30",
                                      "20 02 3000",
                                      "20 03 3000",
                                      "30 01 30 01 30",
                                      "20"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(says(CODEC_AV1, bad[i], "-"));
}

static void opus_is_never_a_key_frame(void)
{
    CHECK(says(CODEC_OPUS, "fc", "s0"));
    CHECK(says(CODEC_OPUS, "", "-"));
    CHECK(says(CODEC_NONE, "10 00", "-"));
}

static void every_length_of_random_payloads_is_survived(void)
{
    struct prng r;
    prng_seed(&r, 6);
    for (int first = 0; first < 256; first++)
        for (int round = 0; round < 40; round++) {
            uint8_t p[40];
            for (size_t i = 0; i < sizeof p; i++) /* small numbers too: they pass for lengths */
                p[i] = (uint8_t)(round & 1 ? prng_next(&r) : prng_below(&r, 8));
            p[0] = (uint8_t)first;
            for (size_t len = 0; len <= sizeof p; len++)
                for (int c = CODEC_NONE; c <= CODEC_AV1; c++) {
                    struct codec_info i = codec_inspect((enum codec)c, exact(p, len), len);
                    if (!i.valid && (i.keyframe || i.start || i.temporal))
                        CHECK(false);
                    if (i.temporal > 7)
                        CHECK(false);
                }
        }
}

TEST_MAIN(TEST(names_are_known_in_any_case), TEST(vp8_key_frame_starts_partition_0),
          TEST(vp8_short_payloads_are_invalid), TEST(vp8_descriptor_bits_are_walked),
          TEST(vp9_non_flexible_mode), TEST(vp9_flexible_mode), TEST(vp9_scalability_structure_is_skipped),
          TEST(h264_single_units), TEST(h264_stap_a), TEST(h264_stap_a_that_lies_is_invalid), TEST(h264_fu_a),
          TEST(av1_sequence_starts_with_n), TEST(av1_elements_are_walked),
          TEST(av1_lengths_that_lie_are_invalid), TEST(opus_is_never_a_key_frame),
          TEST(every_length_of_random_payloads_is_survived))
