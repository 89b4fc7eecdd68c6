/* VP9 payloads (RFC 9628): the descriptor's facts, those of the scalability structure, and who needs a packet
 * when layers are dropped. */
#pragma once
#include "proto/codec.h"

#define VP9_SPATIAL_MAX    8
#define VP9_REFERENCES_MAX 3

struct vp9_structure {                                        /* 4.2.1 */
    uint8_t spatial_layers;                                   /* 1-8; 0: the packet has no structure */
    uint8_t temporal_layers;                                  /* of its picture group; 0: it names no group */
    bool sized;                                               /* width and height are told */
    uint16_t width[VP9_SPATIAL_MAX], height[VP9_SPATIAL_MAX]; /* as told: 0 and 65535 are possible */
};

struct vp9_descriptor {
    uint16_t len;        /* bytes of the descriptor; the VP9 payload follows */
    bool predicted;      /* P: refers to frames of earlier pictures */
    bool flexible;       /* F: the references are told */
    bool begins, ends;   /* B, E: first and last packet of a frame, that is of one spatial layer */
    bool passed_over;    /* Z: no higher spatial layer refers to this frame, now or later */
    bool has_picture_id; /* I */
    bool wide;           /* it has 15 bits, else 7 */
    bool layered;        /* L: the four below are told; else they are 0 */
    bool switching_up; /* U: later frames of this and lower temporal layers need no earlier one above them */
    bool inter_layer;  /* D: refers to the spatial layer below, of the same picture */
    uint8_t temporal, spatial;
    bool has_tl0;
    uint8_t tl0;         /* TL0PICIDX: number of the temporal layer 0 picture */
    uint16_t picture_id; /* 0 if not told */
    uint8_t reference_count;
    uint8_t references[VP9_REFERENCES_MAX]; /* P_DIFF: so many pictures back */
};

/* False: cut off, a fourth reference, or no payload behind it. `structure` may be NULL. */
bool vp9_parse(struct vp9_descriptor *, struct vp9_structure *, struct bytes payload);

/* Whether a viewer of one spatial and temporal layer needs the packet. Frames of a lower spatial layer
 * that no higher one refers to (K-SVC between key frames) are not needed, if the picture has the viewer's
 * layer. */
static inline bool vp9_is_needed(const struct vp9_descriptor *d, uint8_t spatial, uint8_t temporal)
{
    return d->temporal <= temporal && (d->spatial == spatial || (d->spatial < spatial && !d->passed_over));
}

/* The RTP marker of a packet for such a viewer: set on the last packet of a picture (5.1), which is the
 * last one of the highest layer sent. `marker` is the publisher's, for pictures without the viewer's
 * layer. */
static inline bool vp9_marker(const struct vp9_descriptor *d, uint8_t spatial, bool marker)
{
    return marker || (d->ends && d->spatial == spatial);
}

struct codec_info vp9_inspect(struct bytes payload);
