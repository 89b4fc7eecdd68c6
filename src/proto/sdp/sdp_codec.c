#include "proto/sdp/sdp_parse.h"

bool sdp_fmtp(struct text fmtp, const char *name, struct text *value)
{
    while (fmtp.len) {
        struct text parameter = text_until(&fmtp, ';');
        while (parameter.len && *parameter.data == ' ')
            text_skip(&parameter, 1);
        while (parameter.len && parameter.data[parameter.len - 1] == ' ')
            parameter.len--;
        struct text key = text_until(&parameter, '=');
        if (text_is_nocase(key, name)) {
            *value = parameter;
            return true;
        }
    }
    return false;
}

bool sdp_rid_takes(const struct sdp_rid *rid, uint8_t payload_type)
{
    struct text formats = rid->formats;
    uint32_t pt;
    while (formats.len)
        if (text_number(text_until(&formats, ','), 127, &pt) && pt == payload_type)
            return true;
    return !rid->formats.len;
}

/* A numeric parameter; its default if it is absent. False: not a number. */
static bool fmtp_number(struct text fmtp, const char *name, uint32_t standard, uint32_t *v)
{
    struct text text;
    *v = standard;
    return !sdp_fmtp(fmtp, name, &text) || text_number(text, UINT32_MAX, v);
}

static bool same_number(const struct sdp_codec *a, const struct sdp_codec *b, const char *name,
                        uint32_t standard)
{
    uint32_t x, y;
    return fmtp_number(a->fmtp, name, standard, &x) && fmtp_number(b->fmtp, name, standard, &y) && x == y;
}

enum h264_profile {
    H264_CONSTRAINED_BASELINE = 1,
    H264_BASELINE,
    H264_MAIN,
    H264_HIGH,
    H264_CONSTRAINED_HIGH
};

/* RFC 6184 8.1, table 5: one profile has several spellings of profile_idc and the constraint flags in
 * profile-iop. */
static const struct {
    uint8_t idc, mask, iop, profile;
} h264_profiles[] = {
    {0x42, 0x4f, 0x40, H264_CONSTRAINED_BASELINE},
    {0x4d, 0x8f, 0x80, H264_CONSTRAINED_BASELINE},
    {0x58, 0xcf, 0xc0, H264_CONSTRAINED_BASELINE},
    {0x42, 0x4f, 0x00, H264_BASELINE},
    {0x58, 0xcf, 0x80, H264_BASELINE},
    {0x4d, 0xaf, 0x00, H264_MAIN},
    {0x64, 0xff, 0x00, H264_HIGH},
    {0x64, 0xff, 0x0c, H264_CONSTRAINED_HIGH},
};

/* A number that is equal for equal profiles; it excludes the level (the last two digits). -1: malformed. */
static int h264_profile(struct text fmtp)
{
    struct text t;
    int id = 0;
    if (!sdp_fmtp(fmtp, "profile-level-id", &t))
        return H264_BASELINE; /* the default of RFC 6184 8.1 */
    if (t.len != 6)
        return -1;
    for (size_t i = 0; i < 6; i++) {
        int digit = text_hex(t.data[i]);
        if (digit < 0)
            return -1;
        id = id << 4 | digit;
    }
    for (size_t i = 0; i < sizeof h264_profiles / sizeof *h264_profiles; i++)
        if (id >> 16 == h264_profiles[i].idc && (id >> 8 & h264_profiles[i].mask) == h264_profiles[i].iop)
            return h264_profiles[i].profile;
    return 0x10000 | id >> 8; /* another profile: equals only itself */
}

bool sdp_codec_matches(const struct sdp_codec *a, const struct sdp_codec *b)
{
    if (a->codec == CODEC_NONE || a->codec != b->codec || a->clock_rate != b->clock_rate)
        return false;
    switch (a->codec) {
    case CODEC_H264: {
        int profile = h264_profile(a->fmtp);
        return profile >= 0 && profile == h264_profile(b->fmtp) && same_number(a, b, "packetization-mode", 0);
    }
    case CODEC_VP9: return same_number(a, b, "profile-id", 0);
    case CODEC_AV1: return same_number(a, b, "profile", 0);
    default: return true;
    }
}
