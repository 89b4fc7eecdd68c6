#include "proto/h264.h"
#include "base/prng.h"
#include "proto/bits.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

static bool is_discardable(const char *hex)
{
    uint8_t p[64];
    size_t len = unhex(p, hex);
    return codec_inspect(CODEC_H264, exact(p, len), len).discardable;
}

static void size_is(const char *hex, unsigned width, unsigned height)
{
    uint8_t p[256];
    uint16_t w = 0, h = 0;
    size_t len = unhex(p, hex);
    CHECK_EQ(h264_size((struct bytes){exact(p, len), len}, &w, &h), width != 0);
    CHECK_EQ(w, width);
    CHECK_EQ(h, height);
}

/* Parameter sets of libwebrtc, common_video/h264/sps_parser_unittest.cc. */
#define HD    "67 7a001fbcd9405005ba10000003 00c000002ae0f1831960"
#define VGA   "67 7a001ebcd940a02ff8984000000301800000 5683c58b6580"
#define WEIRD "67 7a000dbcd943433e5e1000000300600000 15a0f1429960"
#define LISTS "67 64002aad84010c20086100430802184010c200843b503c0113f2cdc04040500000001000000 1e840"

static void sizes_of_parameter_sets(void)
{
    size_is(HD, 1280, 720);
    size_is(VGA, 640, 360);
    size_is(WEIRD, 200, 400);
    size_is(LISTS, 1920, 1080);
    /* github.com, UxPlay's trace of an AirPlay mirror: 1088 lines, 8 cropped */
    size_is("27 640028ac131450168089f966e020202040", 1440, 1080);
    /* github.com, SharpVideo's H264SpsParserTest: encoders' streams */
    size_is("67 640033ac7284407802 27e5c04400000300040000 0300f03c60c61180", 1920, 1080);
    size_is("67 42c016a6110507e9b2000003000200000300641e2c5c2300", 320, 240);
}

static void a_set_in_an_aggregate_or_a_fragment_tells_its_size(void)
{
    size_is("78 0002 09f0 0018 " HD " 0002 68ce", 1280, 720);
    size_is("7c 87 7a001fbcd9405005ba1000000300c000002ae0f1831960", 1280, 720);
    size_is("7c 07 7a001fbcd9405005ba1000000300c000002ae0f1831960", 0, 0); /* not its start */
    size_is("7c 88 7a001fbcd9405005ba1000000300c000002ae0f1831960", 0, 0); /* of another type */
    size_is("78 0002 09f0", 0, 0);
    size_is("78 0000 0001 67", 0, 0);
    size_is("78 0004 67", 0, 0);
    size_is("68 ce", 0, 0);
    size_is("7c", 0, 0);
    size_is("", 0, 0);
}

static void every_cut_of_a_set_is_refused_or_the_same(void)
{
    uint8_t p[64];
    size_t len = unhex(p, WEIRD), needed = 0;
    for (size_t cut = 0; cut <= len; cut++) {
        uint16_t w, h;
        bool told = h264_size((struct bytes){exact(p, cut), cut}, &w, &h);
        CHECK(!told || (w == 200 && h == 400));
        needed = told ? needed : cut;
    }
    CHECK(needed > 8 && needed < len); /* the parser needs nothing after the size */
}

/* --- sets made for a case --- */

static uint8_t set[256];
static size_t set_bits;

static void u(uint32_t v, unsigned n)
{
    bits_write(set, set_bits, v, n);
    set_bits += n;
}

static void ue(uint32_t v)
{
    unsigned n = 0;
    for (uint64_t x = (uint64_t)v + 1; x > 1; x >>= 1)
        n++;
    u(0, n);
    u(1, 1);
    u(v + 1 - (1u << n), n);
}

static void begin_set(uint8_t profile)
{
    memset(set, 0, sizeof set);
    set_bits = 0;
    u(0x67, 8);
    u(profile, 8);
    u(0x1fff, 16); /* no zeros that need escaping */
    ue(0);
}

static void end_set(uint32_t columns, uint32_t rows, bool fields, const uint32_t crops[4])
{
    ue(1);
    u(0, 1);
    ue(columns - 1);
    ue(rows - 1);
    u(!fields, 1);
    if (fields)
        u(1, 1);
    u(1, 1);
    u(crops != NULL, 1);
    for (int i = 0; crops && i < 4; i++)
        ue(crops[i]);
    u(1, 1);
}

static bool set_says(unsigned width, unsigned height)
{
    uint16_t w = 0, h = 0;
    uint8_t escaped[512];
    size_t len = 0, zeros = 0;
    for (size_t i = 0; i < (set_bits + 7) / 8; i++) {
        if (zeros >= 2 && set[i] <= 3) {
            escaped[len++] = 3;
            zeros = 0;
        }
        zeros = set[i] ? 0 : zeros + 1;
        escaped[len++] = set[i];
    }
    bool told = h264_size((struct bytes){exact(escaped, len), len}, &w, &h);
    if (told != (width != 0) || w != width || h != height)
        printf("# %u x %u\n", w, h);
    return told == (width != 0) && w == width && h == height;
}

static void baseline(uint32_t columns, uint32_t rows, bool fields, const uint32_t crops[4])
{
    begin_set(66);
    ue(0);
    ue(2);
    end_set(columns, rows, fields, crops);
}

/* H.264 7.4.2.1.1, equations 7-18 to 7-22. */
static void cropping_units_follow_chroma_and_fields(void)
{
    static const uint32_t crops[4] = {1, 2, 3, 4};
    static const struct {
        uint32_t chroma;
        bool planes;
        unsigned across, down;
    } of[] = {{0, false, 1, 1}, {1, false, 2, 2}, {2, false, 2, 1}, {3, false, 1, 1}, {3, true, 1, 1}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (int fields = 0; fields < 2; fields++) {
            begin_set(100);
            ue(of[i].chroma);
            if (of[i].chroma == 3)
                u(of[i].planes, 1);
            ue(0);
            ue(0);
            u(0, 2);
            ue(0);
            ue(0);
            ue(4);
            end_set(40, 30, fields, crops);
            CHECK(set_says(640 - 3 * of[i].across, (480 - 7 * of[i].down) << fields));
        }
}

static void picture_order_types_are_walked(void)
{
    for (uint32_t type = 0; type < 3; type++) {
        begin_set(66);
        ue(0);
        ue(type);
        if (type == 0)
            ue(4);
        if (type == 1) {
            u(1, 1);
            ue(3);
            ue(4);
            ue(3);
            ue(5);
            ue(0);
            ue(0x7fffffff); /* the longest code: 31 zeros */
        }
        end_set(40, 30, false, NULL);
        CHECK(set_says(640, 480));
    }
}

/* H.264 7.3.2.1.1: twelve lists for 4:4:4, else eight. */
static void walk_scaling_lists(uint32_t chroma, int lists)
{
    begin_set(100);
    ue(chroma);
    if (chroma == 3)
        u(0, 1);
    ue(0);
    ue(0);
    u(0, 1);
    u(1, 1);
    for (int list = 0; list < lists; list++) {
        u(list % 3 != 0, 1);
        if (list % 3 == 1) /* whole */
            for (int i = 0; i < (list < 6 ? 16 : 64); i++)
                ue(i % 2 ? 1 : 2); /* +1, -1 */
        if (list % 3 == 2)         /* ends at once: 8 - 8 */
            ue(16);
    }
    ue(0);
    ue(2);
    end_set(40, 30, false, NULL);
    CHECK(set_says(640, 480));
}

static void scaling_lists_are_walked(void)
{
    for (uint32_t chroma = 0; chroma < 3; chroma++)
        walk_scaling_lists(chroma, 8);
    walk_scaling_lists(3, 12);
}

/* H.264 7.3.2.1.1. */
static void chroma_is_read_for_the_profiles_that_have_it(void)
{
    static const uint8_t with[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    for (unsigned profile = 0; profile < 256; profile++) {
        bool has = memchr(with, (int)profile, sizeof with) != NULL;
        begin_set((uint8_t)profile);
        if (has) {
            ue(1);
            ue(0);
            ue(0);
            u(0, 2);
        }
        ue(0);
        ue(2);
        end_set(40, 30, false, NULL);
        CHECK(set_says(640, 480));
    }
}

static void sizes_out_of_range_are_refused(void)
{
    static const uint32_t all[4] = {0, 320, 0, 0}, over[4] = {UINT32_MAX - 1, 1, 0, 0},
                          rest[4] = {0, 319, 0, 0}, fewer[4] = {0, 20, 0, 20};
    baseline(4095, 4095, false, NULL);
    CHECK(set_says(65520, 65520));
    baseline(4096, 1, false, NULL);
    CHECK(set_says(0, 0));
    baseline(1, 2048, true, NULL);
    CHECK(set_says(0, 0));
    baseline(1, 4097, false, NULL);
    CHECK(set_says(0, 0));
    baseline(4096, 4096, false, fewer); /* the largest, and one more */
    CHECK(set_says(65496, 65496));
    baseline(4097, 4096, false, fewer);
    CHECK(set_says(0, 0));
    baseline(4096, 4097, false, fewer);
    CHECK(set_says(0, 0));
    baseline(40, 30, false, rest);
    CHECK(set_says(2, 480));
    baseline(40, 30, false, all);
    CHECK(set_says(0, 0));
    baseline(40, 30, false, over);
    CHECK(set_says(0, 0));
}

static void hostile_sets_are_refused(void)
{
    begin_set(66); /* a cycle of 2^31 - 2 */
    ue(0);
    ue(1);
    u(0, 1);
    ue(0);
    ue(0);
    ue(0x7ffffffe);
    end_set(40, 30, false, NULL);
    CHECK(set_says(0, 0));
    begin_set(100); /* chroma format 4 */
    ue(4);
    ue(0);
    ue(0);
    u(0, 2);
    ue(0);
    ue(2);
    end_set(40, 30, false, NULL);
    CHECK(set_says(0, 0));
    begin_set(66); /* a code of 40 zeros */
    u(0, 20);
    u(0, 20);
    u(UINT32_MAX, 32);
    u(UINT32_MAX, 32);
    CHECK(set_says(0, 0));
    begin_set(66); /* longer than the parser reads */
    CHECK(set_says(0, 0));
}

static void a_set_is_read_up_to_a_bound(void)
{
    static uint8_t p[1400];
    uint16_t w, h;
    memset(p, 0xff, sizeof p);
    p[0] = 0x67;
    p[1] = 100;
    CHECK(!h264_size((struct bytes){exact(p, sizeof p), sizeof p}, &w, &h) || w);
    memset(p + 1, 0, sizeof p - 1);
    CHECK(!h264_size((struct bytes){exact(p, sizeof p), sizeof p}, &w, &h));
}

static void random_sets_are_survived(void)
{
    struct prng r;
    prng_seed(&r, 9);
    for (int round = 0; round < 20000; round++) {
        uint8_t p[64];
        uint16_t w = 0, h = 0;
        size_t len = 1 + prng_below(&r, sizeof p - 1);
        for (size_t i = 0; i < len; i++)
            p[i] = (uint8_t)prng_next(&r);
        p[0] = 0x67;
        if (round & 1 && len > 1)
            p[1] = 100;
        if (h264_size((struct bytes){exact(p, len), len}, &w, &h))
            CHECK(w && h);
    }
}

/* H.264 7.4.1: nal_ref_idc 0. */
static void slices_without_references_are_discardable(void)
{
    CHECK(is_discardable("01 9a"));
    CHECK(!is_discardable("21 9a"));
    CHECK(!is_discardable("61 9a"));
    CHECK(!is_discardable("05 88")); /* an IDR picture never is */
    CHECK(!is_discardable("09 f0"));
    CHECK(!is_discardable("06 05")); /* SEI belongs to the picture behind it */
    CHECK(is_discardable("1c 81 9a"));
    CHECK(is_discardable("1c 01 9a"));
    CHECK(!is_discardable("5c 81 9a"));
    CHECK(is_discardable("18 0002 0605 0002 019a"));
    CHECK(!is_discardable("78 0002 019a 0002 419a"));
    CHECK(!is_discardable("18 0002 0605"));
    CHECK(is_discardable("18 0002 019a 0001 0a")); /* 7.3.2.5: an end of sequence has no more than a header */
}

TEST_MAIN(TEST(sizes_of_parameter_sets), TEST(a_set_in_an_aggregate_or_a_fragment_tells_its_size),
          TEST(every_cut_of_a_set_is_refused_or_the_same), TEST(cropping_units_follow_chroma_and_fields),
          TEST(picture_order_types_are_walked), TEST(scaling_lists_are_walked),
          TEST(chroma_is_read_for_the_profiles_that_have_it), TEST(sizes_out_of_range_are_refused),
          TEST(hostile_sets_are_refused), TEST(a_set_is_read_up_to_a_bound), TEST(random_sets_are_survived),
          TEST(slices_without_references_are_discardable))
