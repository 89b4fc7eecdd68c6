/* Codecs: the few facts about a payload that the server needs, above all where a key frame starts. */
#pragma once
#include "base/bytes.h"
#include <stdbool.h>

enum codec { CODEC_NONE, CODEC_OPUS, CODEC_VP8, CODEC_VP9, CODEC_H264, CODEC_AV1 };

const char *codec_name(enum codec);                   /* as in a=rtpmap: "opus", "VP8", … */
enum codec codec_parse(const char *name, size_t len); /* ignores case; CODEC_NONE: unknown */
bool codec_is_video(enum codec);

struct codec_info {
    bool valid;       /* the descriptor parses */
    bool keyframe;    /* a key frame's picture starts in this packet; H.264: an IDR picture's */
    bool leads;       /* H.264: only NAL units that precede a picture (parameter sets, SEI, delimiters) */
    bool start;       /* first packet of a frame, if the descriptor tells */
    bool discardable; /* VP8, H.264: no other picture refers to this packet's */
    uint8_t temporal; /* temporal layer; 0 if not told */
};

/* Looks into one RTP payload (RFC 7741, RFC 9628, RFC 6184 with STAP-A and FU-A, AOM's AV1 RTP
 * specification). Never reads past `len`. */
struct codec_info codec_inspect(enum codec, const uint8_t *payload, size_t len);
