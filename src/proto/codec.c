#include "proto/codec.h"
#include <strings.h>

static const char *const names[] = {[CODEC_NONE] = "",   [CODEC_OPUS] = "opus", [CODEC_VP8] = "VP8",
                                    [CODEC_VP9] = "VP9", [CODEC_H264] = "H264", [CODEC_AV1] = "AV1"};

const char *codec_name(enum codec c) { return names[c]; }

enum codec codec_parse(const char *name, size_t len)
{
    for (int c = CODEC_OPUS; c <= CODEC_AV1; c++)
        if (len == strlen(names[c]) && strncasecmp(name, names[c], len) == 0)
            return (enum codec)c;
    return CODEC_NONE;
}

bool codec_is_video(enum codec c) { return c >= CODEC_VP8; }

/* The next `n` bytes; NULL: there are not as many. */
static const uint8_t *take(struct bytes *b, size_t n)
{
    if (b->len < n)
        return NULL;
    const uint8_t *p = b->data;
    b->data += n;
    b->len -= n;
    return p;
}

/* VP8's and VP9's PictureID: the first bit tells whether it has 7 or 15 bits. */
static bool skip_picture_id(struct bytes *b)
{
    const uint8_t *p = take(b, 1);
    return p && (!(*p & 0x80) || take(b, 1));
}

/* RFC 7741 4.2:
 *   |X|R|N|S|R| PID |   S: a partition starts, PID: which one
 *   |I|L|T|K|  RSV  |   where X
 *   |M| PictureID   |   where I, another byte where M
 *   |   TL0PICIDX   |   where L
 *   |TID|Y| KEYIDX  |   where T or K
 * and 4.3, of the payload header where S and PID 0: its lowest bit is 0 in a key frame. */
static struct codec_info inspect_vp8(struct bytes b)
{
    struct codec_info info = {0}, bad = {0};
    const uint8_t *first = take(&b, 1), *p;
    if (!first)
        return bad;
    if (*first & 0x80) {
        const uint8_t *x = take(&b, 1);
        if (!x || (*x & 0x80 && !skip_picture_id(&b)) || (*x & 0x40 && !take(&b, 1)))
            return bad;
        if (*x & 0x30) {
            if (!(p = take(&b, 1)))
                return bad;
            info.temporal = *x & 0x20 ? *p >> 6 : 0;
        }
    }
    if (!(p = take(&b, 1))) /* no payload */
        return bad;
    info.valid = true;
    info.start = (*first & 0x17) == 0x10;
    info.keyframe = info.start && !(*p & 1);
    return info;
}

/* RFC 9628 4.2.1: the scalability structure.
 *   | N_S |Y|G|-|-|-|   spatial layers - 1; Y: width and height of each; G: a picture group follows
 *   |      N_G      |   pictures of the group, each: | TID |U| R |-|-| and R reference differences */
static bool skip_vp9_structure(struct bytes *b)
{
    const uint8_t *head = take(b, 1), *p;
    if (!head)
        return false;
    if (*head & 0x10 && !take(b, 4 * ((size_t)(*head >> 5) + 1)))
        return false;
    if (!(*head & 0x08))
        return true;
    if (!(p = take(b, 1)))
        return false;
    for (unsigned pictures = *p; pictures; pictures--)
        if (!(p = take(b, 1)) || !take(b, *p >> 2 & 3))
            return false;
    return true;
}

/* Up to three reference differences, each telling whether another follows. */
static bool skip_vp9_references(struct bytes *b)
{
    for (int i = 0; i < 3; i++) {
        const uint8_t *p = take(b, 1);
        if (!p)
            return false;
        if (!(*p & 1))
            return true;
    }
    return false;
}

/* RFC 9628 4.2:
 *   |I|P|L|F|B|E|V|Z|   P: predicted from other pictures, F: flexible mode, B: a frame starts, V: structure
 *   |M| PICTURE ID  |   where I, another byte where M
 *   | TID |U| SID |D|   where L
 *   |   TL0PICIDX   |   where L and not F
 *   |  P_DIFF     |N|   where F and P, up to three
 * A key frame is not predicted and starts on the lowest spatial layer; the layers above it only lean on that
 * (D). */
static struct codec_info inspect_vp9(struct bytes b)
{
    enum { I = 0x80, P = 0x40, L = 0x20, F = 0x10, B = 0x08, V = 0x02 };
    struct codec_info info = {0}, bad = {0};
    const uint8_t *first = take(&b, 1);
    uint8_t spatial = 0;
    if (!first || (*first & I && !skip_picture_id(&b)))
        return bad;
    if (*first & L) {
        const uint8_t *layer = take(&b, 1);
        if (!layer || (!(*first & F) && !take(&b, 1)))
            return bad;
        info.temporal = *layer >> 5;
        spatial = *layer >> 1 & 7;
    }
    if ((*first & (F | P)) == (F | P) && !skip_vp9_references(&b))
        return bad;
    if ((*first & V && !skip_vp9_structure(&b)) || b.len == 0)
        return bad;
    info.valid = true;
    info.start = *first & B;
    info.keyframe = info.start && !(*first & P) && spatial == 0;
    return info;
}

/* --- H.264, RFC 6184 5 --- */

enum {
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
    while (b.len) {
        const uint8_t *size = take(&b, 2), *nal = size ? take(&b, get16(size)) : NULL;
        if (!nal || get16(size) == 0 || nal_type(*nal) == 0 || nal_type(*nal) > NAL_SINGLE_MAX)
            return bad;
        info.valid = true;
        info.leads &= nal_leads(nal_type(*nal));
        if (nal_starts_key(nal_type(*nal), (struct bytes){nal + 1, get16(size) - 1u}))
            info.keyframe = true;
    }
    return info.valid ? info : bad;
}

/* |F|NRI| 28 |  |S|E|R| type |: 5.8. */
static struct codec_info inspect_fu_a(struct bytes b)
{
    const uint8_t *head = take(&b, 1);
    if (!head)
        return (struct codec_info){0};
    return (struct codec_info){.valid = true,
                               .keyframe = *head & 0x80 && nal_starts_key(nal_type(*head), b),
                               .leads = nal_leads(nal_type(*head))};
}

/* H.264 does not tell where a frame starts. */
static struct codec_info inspect_h264(struct bytes b)
{
    const uint8_t *header = take(&b, 1);
    uint8_t type = header ? nal_type(*header) : 0;
    if (type == NAL_STAP_A)
        return inspect_stap_a(b);
    if (type == NAL_FU_A)
        return inspect_fu_a(b);
    if (type == 0 || type > NAL_SINGLE_MAX)
        return (struct codec_info){0};
    return (struct codec_info){.valid = true, .keyframe = nal_starts_key(type, b), .leads = nal_leads(type)};
}

/* --- AV1, AOM's RTP specification 4.4 --- */

/* leb128 of the AV1 bitstream, 4.10.5; more than 32 bits are no length of anything. */
static bool take_leb128(struct bytes *b, size_t *value)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        const uint8_t *p = take(b, 1);
        if (!p)
            return false;
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p & 0x80)) {
            *value = (size_t)v;
            return v <= UINT32_MAX;
        }
    }
    return false;
}

/* An OBU element; `last`: it has no length and takes the rest. */
static bool take_element(struct bytes *b, bool last, struct bytes *element)
{
    size_t len = b->len;
    if (!last && !take_leb128(b, &len))
        return false;
    element->len = len;
    element->data = take(b, len);
    return element->data && (!last || len);
}

/* The aggregation header |Z|Y| W |N|-|-|-|: Z: the first element goes on with an OBU of the packet before; W:
 * how many elements, the last without a length, or 0: each has one; N: a coded video sequence starts, that is
 * a key frame. An OBU's header, 5.3.2 of the bitstream: |0| type |X|S|-|, and where X | TID |SID|---|. */
static struct codec_info inspect_av1(struct bytes b)
{
    struct codec_info info = {0}, bad = {0};
    const uint8_t *head = take(&b, 1);
    if (!head || b.len == 0)
        return bad;
    bool continued = *head & 0x80, sequence = *head & 0x08;
    unsigned count = *head >> 4 & 3;
    if (continued && sequence)
        return bad;
    for (unsigned i = 1; count ? i <= count : b.len > 0; i++) {
        struct bytes obu;
        if (!take_element(&b, i == count, &obu))
            return bad;
        bool whole = i > 1 || !continued;
        if (whole && obu.len >= 2 && obu.data[0] & 0x04 && info.temporal == 0)
            info.temporal = obu.data[1] >> 5;
    }
    info.valid = true;
    info.keyframe = info.start = sequence;
    return info;
}

struct codec_info codec_inspect(enum codec c, const uint8_t *payload, size_t len)
{
    struct bytes b = {payload, len};
    switch (c) {
    case CODEC_OPUS: return (struct codec_info){.valid = len > 0, .start = len > 0};
    case CODEC_VP8: return inspect_vp8(b);
    case CODEC_VP9: return inspect_vp9(b);
    case CODEC_H264: return inspect_h264(b);
    case CODEC_AV1: return inspect_av1(b);
    case CODEC_NONE: break;
    }
    return (struct codec_info){0};
}
