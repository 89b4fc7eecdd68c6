#include "base/check.h"
#include "bench/micro.h"
#include "proto/codec.h"
#include "proto/dd.h"
#include "proto/red.h"
#include "proto/vla.h"

#define PACKETS 10000

/* Of a frame in layers, as browsers send them: no packet shorter than the parsers look. */
static const uint8_t vp8[] = {0x90, 0xf0, 0x92, 0x34, 0x56, 0x97, 0x01, 0xaa, 0xaa, 0xaa},
                     vp9[] = {0xec, 0x92, 0x34, 0x51, 0x02, 0xaa}, h264[] = {0x7c, 0x01, 0x9a, 0xaa},
                     av1[] = {0x10, 0x34, 0x40, 0xaa};
static const struct {
    enum codec codec;
    const uint8_t *payload;
    size_t len;
} payloads[] = {{CODEC_VP8, vp8, sizeof vp8},
                {CODEC_VP9, vp9, sizeof vp9},
                {CODEC_H264, h264, sizeof h264},
                {CODEC_AV1, av1, sizeof av1}};

static void measure_inspection(void)
{
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        struct micro m = {0};
        for (int repeat = 0; repeat < MICRO_REPEAT; repeat++) {
            micro_begin(&m);
            for (int p = 0; p < PACKETS; p++)
                INVARIANT(codec_inspect(payloads[i].codec, payloads[i].payload, payloads[i].len).valid);
            micro_end(&m, PACKETS);
        }
        micro_print(&m, "look into a payload", codec_name(payloads[i].codec));
    }
}

/* Chromium's L3T3, as in tests/unit/dd_test.c. */
static const uint8_t structure[] = {
    0xc1, 0x01, 0x72, 0x80, 0x08, 0x14, 0x85, 0x21, 0x4e, 0xaf, 0xff, 0xaa, 0xaa, 0x86, 0x3c, 0xf0,
    0x43, 0x0c, 0x10, 0xc3, 0x02, 0xaf, 0xc0, 0xaa, 0xa0, 0x06, 0x3c, 0x00, 0x43, 0x00, 0x10, 0xc0,
    0x02, 0xa0, 0x00, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x1d, 0x95, 0x49, 0x26, 0xe0, 0x82,
    0xb0, 0x4a, 0x09, 0x41, 0xb8, 0x20, 0xac, 0x12, 0x82, 0x50, 0x31, 0x57, 0xf9, 0x74, 0x00, 0x0c,
    0xa8, 0x64, 0x33, 0x0e, 0x22, 0x22, 0x22, 0xec, 0xa8, 0x65, 0x53, 0x04, 0x22, 0x42, 0x30, 0xec,
    0xa8, 0x77, 0x53, 0x00, 0x77, 0x00, 0x42, 0x00, 0xef, 0x00, 0x86, 0x01, 0xdf, 0x01, 0x0d};
static const uint8_t frame[] = {0x86, 0x01, 0x73, 0x40, 0xfc};

static void measure_descriptor(const char *how, struct bytes d, bool anew, bool rewritten)
{
    struct micro m = {0};
    struct dd_structure s = {0};
    struct dd_frame f;
    uint8_t out[DD_SIZE_MAX];
    INVARIANT(dd_parse(&f, &s, (struct bytes){structure, sizeof structure}) == DD_OK);
    for (int repeat = 0; repeat < MICRO_REPEAT; repeat++) {
        micro_begin(&m);
        for (int p = 0; p < PACKETS; p++) {
            if (anew)
                s.raw[10] ^= 1; /* not taken for the same */
            INVARIANT(dd_parse(&f, &s, d) == DD_OK);
            if (rewritten)
                INVARIANT(dd_write_active(out, sizeof out, d, &f, &s, 7) > 0);
        }
        micro_end(&m, PACKETS);
    }
    micro_print(&m, "dependency descriptor", how);
}

static void measure_others(void)
{
    static const uint8_t value[] = {0x21, 0x14, 0x96, 0x01, 0xf0, 0x01, 0x90, 0x03, 0xd0, 0x05, 0xb0, 0x09};
    static uint8_t redundant[9 + 3 * 120] = {0xef, 0x1e, 0, 120, 0xef, 0x0f, 0, 120, 0x6f}, out[1200];
    struct micro allocation = {0}, blocks = {0};
    struct vla v;
    struct red_block b[RED_BLOCKS_MAX];
    for (int repeat = 0; repeat < MICRO_REPEAT; repeat++) {
        micro_begin(&allocation);
        for (int p = 0; p < PACKETS; p++)
            INVARIANT(vla_parse(&v, (struct bytes){value, sizeof value}));
        micro_end(&allocation, PACKETS);
        micro_begin(&blocks);
        for (int p = 0; p < PACKETS; p++) {
            size_t count = red_parse(b, (struct bytes){redundant, sizeof redundant}, 63);
            INVARIANT(red_write(out, sizeof out, b, count) == sizeof redundant);
        }
        micro_end(&blocks, PACKETS);
    }
    micro_print(&allocation, "layers allocation", "three streams, five rates");
    micro_print(&blocks, "RED", "parsed and written, three blocks of 120 bytes");
}

void micro_codec(void)
{
    struct bytes with = {structure, sizeof structure}, without = {frame, sizeof frame};
    measure_inspection();
    measure_descriptor("a frame", without, false, false);
    measure_descriptor("a frame, mask rewritten", without, false, true);
    measure_descriptor("a structure of L3T3, the same again", with, false, false);
    measure_descriptor("a structure of L3T3, another", with, true, false);
    measure_others();
}
