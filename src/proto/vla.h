/* Video layers allocation, an RTP header extension of libwebrtc
 * (http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00): which layers of a source its
 * sender produces now, over all its RTP streams, and what each may take. The sender's intention, not a
 * measurement. */
#pragma once
#include "base/bytes.h"

#define VLA_STREAMS_MAX  4
#define VLA_SPATIAL_MAX  4
#define VLA_TEMPORAL_MAX 4
#define VLA_LAYERS_MAX   (VLA_STREAMS_MAX * VLA_SPATIAL_MAX)
#define VLA_KBPS_MAX     1000000 /* more is not believed, and libwebrtc refuses it too */

struct vla_layer {
    uint8_t stream, spatial;
    uint8_t temporal_count;          /* 1-4 */
    uint8_t fps;                     /* at most; 0 if not told */
    uint32_t width, height;          /* 1-65536; 0: not told */
    uint32_t kbps[VLA_TEMPORAL_MAX]; /* to receive up to this temporal layer, with the layers below it */
};

struct vla {
    uint8_t stream;                          /* the RTP stream, from 0, that this came on */
    uint8_t stream_count;                    /* 1-4 */
    bool sized;                              /* sizes and frame rates are told */
    uint8_t layer_count;                     /* 0: nothing is sent */
    struct vla_layer layers[VLA_LAYERS_MAX]; /* the active ones, by stream, then by spatial layer */
};

/* False: cut off, bytes left over, a rate over VLA_KBPS_MAX, or a stream number that is not below the
 * count; then nothing is told. */
bool vla_parse(struct vla *, struct bytes value);
