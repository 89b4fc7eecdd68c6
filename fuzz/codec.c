/* Payload descriptors of every codec; the first byte chooses. */
#include "proto/codec.h"
#include "fuzz/fuzz.h"
#include "proto/h264.h"
#include "proto/vp8.h"
#include "proto/vp9.h"

/* A descriptor rewritten in place, or widened, has the new numbers and is otherwise unchanged. */
static void check_vp8(struct bytes b)
{
    struct vp8_descriptor d, again;
    uint8_t copy[64], wide[VP8_DESCRIPTOR_MAX + sizeof copy];
    if (!vp8_parse(&d, b))
        return;
    INVARIANT(d.len <= VP8_DESCRIPTOR_MAX && d.len < b.len && d.width < 1 << 14 && d.height < 1 << 14);
    size_t len = b.len < sizeof copy ? b.len : sizeof copy;
    memcpy(copy, b.data, len);
    size_t n = vp8_write(wide, copy, &d, 0x1234, 0x56);
    INVARIANT(n == d.len || n == d.len + 1u);
    memcpy(wide + n, copy + d.len, len - d.len);
    INVARIANT(vp8_parse(&again, (struct bytes){wide, n + len - d.len}));
    INVARIANT(again.picture_id == (d.picture_id_at ? 0x1234 : 0) && again.tl0 == (d.tl0_at ? 0x56 : 0));
    INVARIANT(again.temporal == d.temporal && again.keyframe == d.keyframe && again.width == d.width);
    vp8_rewrite(copy, &d, 0x1234, 0x56);
    INVARIANT(vp8_parse(&again, (struct bytes){copy, len}) && again.len == d.len);
    INVARIANT(again.picture_id == (d.wide ? 0x1234 : d.picture_id_at ? 0x34 : 0));
}

static void check_vp9(struct bytes b)
{
    struct vp9_descriptor d;
    struct vp9_structure s;
    if (!vp9_parse(&d, &s, b))
        return;
    INVARIANT(d.len > 0 && d.len < b.len && d.temporal < 8 && d.spatial < VP9_SPATIAL_MAX);
    INVARIANT(s.spatial_layers <= VP9_SPATIAL_MAX && s.temporal_layers <= 8);
    INVARIANT(d.reference_count <= VP9_REFERENCES_MAX && vp9_is_needed(&d, d.spatial, d.temporal));
}

static void check_h264(struct bytes b)
{
    uint16_t width, height;
    INVARIANT(!h264_size(b, &width, &height) || (width && height));
}

void fuzz_codec(const uint8_t *data, size_t len)
{
    struct bytes s = {data, len};
    enum codec codec = (enum codec)(script_u8(&s) % (CODEC_AV1 + 1));
    struct codec_info info = codec_inspect(codec, s.data, s.len);
    INVARIANT(info.temporal < 8);
    INVARIANT(info.valid || (!info.keyframe && !info.start && !info.leads && !info.discardable));
    INVARIANT(!info.keyframe || codec_is_video(codec));
    if (codec == CODEC_VP8)
        check_vp8(s);
    if (codec == CODEC_VP9)
        check_vp9(s);
    if (codec == CODEC_H264)
        check_h264(s);
    enum codec named = codec_parse((const char *)s.data, s.len);
    INVARIANT(named == CODEC_NONE || codec_parse(codec_name(named), strlen(codec_name(named))) == named);
}
