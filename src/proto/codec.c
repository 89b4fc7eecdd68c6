#include "proto/codec.h"
#include "proto/av1.h"
#include "proto/h264.h"
#include "proto/vp8.h"
#include "proto/vp9.h"
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

struct codec_info codec_inspect(enum codec c, const uint8_t *payload, size_t len)
{
    struct bytes b = {payload, len};
    switch (c) {
    case CODEC_OPUS: return (struct codec_info){.valid = len > 0, .start = len > 0};
    case CODEC_VP8: return vp8_inspect(b);
    case CODEC_VP9: return vp9_inspect(b);
    case CODEC_H264: return h264_inspect(b);
    case CODEC_AV1: return av1_inspect(b);
    case CODEC_NONE: break;
    }
    return (struct codec_info){0};
}
