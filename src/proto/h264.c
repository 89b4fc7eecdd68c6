#include "proto/h264.h"
#include "proto/bits.h"
#include "proto/reader.h"

enum {
    NAL_SLICE = 1, /* up to NAL_IDR: slices and their partitions */
    NAL_IDR = 5,
    NAL_SEI = 6,
    NAL_SPS = 7,
    NAL_PPS = 8,
    NAL_DELIMITER = 9,
    NAL_SPS_EXTENSION = 13,
    NAL_SUBSET_SPS = 15,
    NAL_SINGLE_MAX = 23,
    NAL_STAP_A = 24,
    NAL_FU_A = 28
};

static uint8_t nal_type(uint8_t header) { return header & 0x1f; }

static bool nal_slice(uint8_t type) { return type >= NAL_SLICE && type <= NAL_IDR; }

/* A slice whose nal_ref_idc is 0: its picture is no other's reference (H.264 7.4.1). */
static bool nal_discardable(uint8_t header, uint8_t type)
{
    enum { NRI = 0x60 };
    return nal_slice(type) && type != NAL_IDR && !(header & NRI);
}

/* The first slice of an IDR picture: its first_mb_in_slice is 0, the Exp-Golomb code of one set bit (H.264
 * 7.3.3). `body` follows the NAL unit's header. Parameter sets alone are no key frame: encoders repeat them
 * before other pictures too. */
static bool nal_starts_key(uint8_t type, struct bytes body)
{
    return type == NAL_IDR && body.len && body.data[0] & 0x80;
}

/* H.264 7.4.1.2.3: NAL units that precede a primary coded picture in its access unit. */
static bool nal_leads(uint8_t type)
{
    return (type >= NAL_SEI && type <= NAL_DELIMITER) || type == NAL_SPS_EXTENSION || type == NAL_SUBSET_SPS;
}

static struct codec_info inspect_stap_a(struct bytes b)
{
    struct codec_info info = {.leads = true}, bad = {0};
    bool referred = false;
    while (b.len) {
        const uint8_t *size = bytes_take(&b, 2), *nal = size ? bytes_take(&b, get16(size)) : NULL;
        if (!nal || get16(size) == 0 || nal_type(*nal) == 0 || nal_type(*nal) > NAL_SINGLE_MAX)
            return bad;
        info.valid = true;
        info.leads &= nal_leads(nal_type(*nal));
        info.discardable |= nal_discardable(*nal, nal_type(*nal));
        referred |= nal_slice(nal_type(*nal)) && !nal_discardable(*nal, nal_type(*nal));
        if (nal_starts_key(nal_type(*nal), (struct bytes){nal + 1, get16(size) - 1u}))
            info.keyframe = true;
    }
    info.discardable &= !referred;
    return info.valid ? info : bad;
}

/* |F|NRI| 28 |  |S|E|R| type |: 5.8. */
static struct codec_info inspect_fu_a(uint8_t indicator, struct bytes b)
{
    const uint8_t *head = bytes_take(&b, 1);
    if (!head)
        return (struct codec_info){0};
    return (struct codec_info){.valid = true,
                               .keyframe = *head & 0x80 && nal_starts_key(nal_type(*head), b),
                               .leads = nal_leads(nal_type(*head)),
                               .discardable = nal_discardable(indicator, nal_type(*head))};
}

/* H.264 does not tell where a frame starts. */
struct codec_info h264_inspect(struct bytes payload)
{
    const uint8_t *header = bytes_take(&payload, 1);
    uint8_t type = header ? nal_type(*header) : 0;
    if (type == NAL_STAP_A)
        return inspect_stap_a(payload);
    if (type == NAL_FU_A)
        return inspect_fu_a(*header, payload);
    if (type == 0 || type > NAL_SINGLE_MAX)
        return (struct codec_info){0};
    return (struct codec_info){.valid = true,
                               .keyframe = nal_starts_key(type, payload),
                               .leads = nal_leads(type),
                               .discardable = nal_discardable(*header, type)};
}

/* --- the size, from a sequence parameter set --- */

#define SPS_MAX         512 /* bytes read of one; encoders write 10-40 */
#define CYCLE_MAX       255 /* num_ref_frames_in_pic_order_cnt_cycle */
#define MACROBLOCK      16
#define CHROMA_444      3
#define MACROBLOCKS_MAX 4096 /* in a row or column: 65536 pixels */

/* H.264 7.3.1: a NAL unit's payload without its emulation prevention bytes, the 3 of each 00 00 03. */
static size_t unescape(uint8_t out[SPS_MAX], struct bytes nal)
{
    size_t len = 0, zeros = 0;
    for (size_t i = 0; i < nal.len && len < SPS_MAX; i++) {
        uint8_t c = nal.data[i];
        bool extra = zeros >= 2 && c == 3;
        zeros = c == 0 ? zeros + 1 : 0;
        if (!extra)
            out[len++] = c;
    }
    return len;
}

/* Exp-Golomb codes, 9.1: as many zeros, then a one and as many bits. */
static uint32_t read_ue(struct bits *b)
{
    unsigned zeros = 0;
    while (!b->over && zeros <= 32 && !bits_read(b, 1))
        zeros++;
    b->over |= zeros > 31;
    return b->over ? 0 : (uint32_t)((1u << zeros) - 1 + bits_read(b, zeros));
}

static int32_t read_se(struct bits *b)
{
    uint32_t k = read_ue(b);
    return k & 1 ? (int32_t)(k / 2 + 1) : -(int32_t)(k / 2);
}

static bool has_chroma_format(uint32_t profile)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    return memchr(profiles, (int)profile, sizeof profiles) != NULL;
}

/* 7.3.2.1.1.1: a list ends early where the next scale would be 0. */
static void skip_scaling_list(struct bits *b, unsigned count)
{
    uint32_t last = 8, next = 8;
    for (unsigned i = 0; i < count && next && !b->over; i++) {
        next = (last + (uint32_t)read_se(b)) & 0xff;
        last = next ? next : last;
    }
}

struct chroma {
    uint32_t format;
    bool planes; /* coded apart, each as if there were no chroma */
};

static struct chroma read_chroma(struct bits *b)
{
    struct chroma c = {.format = read_ue(b)};
    c.planes = c.format == CHROMA_444 && bits_read(b, 1);
    read_ue(b); /* bit depths */
    read_ue(b);
    bits_read(b, 1);
    if (bits_read(b, 1))
        for (unsigned i = 0; i < (c.format == CHROMA_444 ? 12u : 8u); i++)
            if (bits_read(b, 1))
                skip_scaling_list(b, i < 6 ? 16 : 64);
    return c;
}

static bool skip_picture_order(struct bits *b)
{
    uint32_t type = read_ue(b), cycle;
    if (type == 0)
        read_ue(b);
    if (type != 1)
        return !b->over;
    bits_read(b, 1);
    read_se(b);
    read_se(b);
    if ((cycle = read_ue(b)) > CYCLE_MAX)
        return false;
    while (cycle-- && !b->over)
        read_se(b);
    return !b->over;
}

/* One dimension: `before` and `behind` are cropped, in units. */
static bool crop(uint32_t size, uint32_t before, uint32_t behind, unsigned unit, uint16_t *out)
{
    uint64_t cut = ((uint64_t)before + behind) * unit;
    if (cut >= size || size - cut > UINT16_MAX)
        return false;
    *out = (uint16_t)(size - cut);
    return true;
}

static bool read_size(struct bits *b, struct chroma c, uint16_t *width, uint16_t *height)
{
    uint32_t columns = read_ue(b), rows = read_ue(b), edges[4] = {0};
    unsigned fields = bits_read(b, 1) ? 1 : 2; /* a map unit is a pair of rows where fields may be coded */
    if (fields == 2)
        bits_read(b, 1);
    bits_read(b, 1);
    if (bits_read(b, 1))
        for (int i = 0; i < 4; i++)
            edges[i] = read_ue(b);
    if (b->over || columns >= MACROBLOCKS_MAX || rows >= MACROBLOCKS_MAX)
        return false;
    bool halved = !c.planes && (c.format == 1 || c.format == 2);
    unsigned across = halved ? 2 : 1, down = halved && c.format == 1 ? 2 : 1;
    uint16_t w, h;
    if (!crop((columns + 1) * MACROBLOCK, edges[0], edges[1], across, &w) ||
        !crop((rows + 1) * MACROBLOCK * fields, edges[2], edges[3], down * fields, &h))
        return false;
    *width = w;
    *height = h;
    return true;
}

static bool sps_size(struct bytes nal, uint16_t *width, uint16_t *height)
{
    uint8_t plain[SPS_MAX];
    struct bits b = bits_of((struct bytes){plain, unescape(plain, nal)});
    struct chroma c = {.format = 1};
    uint32_t profile = bits_read(&b, 8);
    bits_read(&b, 16); /* constraints and level */
    read_ue(&b);       /* id */
    if (has_chroma_format(profile))
        c = read_chroma(&b);
    read_ue(&b); /* log2_max_frame_num */
    if (c.format > CHROMA_444 || !skip_picture_order(&b))
        return false;
    read_ue(&b); /* max_num_ref_frames, and whether there may be gaps */
    bits_read(&b, 1);
    return read_size(&b, c, width, height);
}

static bool stap_a_size(struct bytes b, uint16_t *width, uint16_t *height)
{
    for (const uint8_t *size, *nal; (size = bytes_take(&b, 2)) && (nal = bytes_take(&b, get16(size)));)
        if (get16(size) && nal_type(*nal) == NAL_SPS)
            return sps_size((struct bytes){nal + 1, get16(size) - 1u}, width, height);
    return false;
}

bool h264_size(struct bytes b, uint16_t *width, uint16_t *height)
{
    enum { START = 0x80 };
    const uint8_t *header = bytes_take(&b, 1), *fragment;
    if (!header)
        return false;
    if (nal_type(*header) == NAL_STAP_A)
        return stap_a_size(b, width, height);
    if (nal_type(*header) == NAL_FU_A)
        return (fragment = bytes_take(&b, 1)) && *fragment & START && nal_type(*fragment) == NAL_SPS &&
               sps_size(b, width, height);
    return nal_type(*header) == NAL_SPS && sps_size(b, width, height);
}
