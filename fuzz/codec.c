/* Payload descriptors of every codec; the first byte says which. */
#include "proto/codec.h"
#include "fuzz/fuzz.h"

void fuzz_codec(const uint8_t *data, size_t len)
{
    struct bytes s = {data, len};
    enum codec codec = (enum codec)(script_u8(&s) % (CODEC_AV1 + 1));
    struct codec_info info = codec_inspect(codec, s.data, s.len);
    INVARIANT(info.temporal < 8);
    INVARIANT(info.valid || (!info.keyframe && !info.start && !info.leads));
    INVARIANT(!info.keyframe || codec_is_video(codec));
    enum codec named = codec_parse((const char *)s.data, s.len);
    INVARIANT(named == CODEC_NONE || codec_parse(codec_name(named), strlen(codec_name(named))) == named);
}
