#include "proto/h264.h"
#include "proto/reader.h"

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
        const uint8_t *size = bytes_take(&b, 2), *nal = size ? bytes_take(&b, get16(size)) : NULL;
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
    const uint8_t *head = bytes_take(&b, 1);
    if (!head)
        return (struct codec_info){0};
    return (struct codec_info){.valid = true,
                               .keyframe = *head & 0x80 && nal_starts_key(nal_type(*head), b),
                               .leads = nal_leads(nal_type(*head))};
}

/* H.264 does not tell where a frame starts. */
struct codec_info h264_inspect(struct bytes b)
{
    const uint8_t *header = bytes_take(&b, 1);
    uint8_t type = header ? nal_type(*header) : 0;
    if (type == NAL_STAP_A)
        return inspect_stap_a(b);
    if (type == NAL_FU_A)
        return inspect_fu_a(b);
    if (type == 0 || type > NAL_SINGLE_MAX)
        return (struct codec_info){0};
    return (struct codec_info){.valid = true, .keyframe = nal_starts_key(type, b), .leads = nal_leads(type)};
}
