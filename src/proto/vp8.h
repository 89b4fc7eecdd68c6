/* VP8 payloads (RFC 7741): the descriptor's facts, and its numbers rewritten, so that pictures are numbered
 * without a jump back when a viewer's layer changes. */
#pragma once
#include "proto/codec.h"

#define VP8_DESCRIPTOR_MAX 6 /* bytes */

struct vp8_descriptor {
    uint8_t len;            /* bytes of the descriptor; the VP8 payload follows */
    uint8_t picture_id_at;  /* offset of PictureID; 0: there is none */
    uint8_t tl0_at;         /* offset of TL0PICIDX; 0: there is none */
    bool wide;              /* PictureID has 15 bits, else 7 */
    bool start;             /* the frame's first packet: S, and PID 0 */
    bool keyframe;          /* and it is a key frame's */
    bool discardable;       /* N: no other frame refers to this one */
    bool layered;           /* T: TID and Y are told */
    bool sync;              /* Y: refers to layer 0 only, so a viewer may step up to this layer here */
    uint16_t picture_id;    /* 0 if not told */
    uint8_t tl0;            /* TL0PICIDX: number of the layer 0 frame that this one needs; 0 if not told */
    uint8_t temporal;       /* TID; 0 if not told */
    int8_t key_index;       /* KEYIDX; -1: not told */
    uint16_t width, height; /* of a key frame whose header is in this packet; 0: not told */
};

/* False: the descriptor is cut off, or no payload follows it. */
bool vp8_parse(struct vp8_descriptor *, struct bytes payload);

/* Writes the numbers over those of the payload that was parsed. A number that is absent stays absent. A
 * PictureID of 7 bits keeps its width and takes the lowest 7 bits of `picture_id`: its pictures repeat a
 * number after 128, so a viewer whose pictures were numbered with 15 bits needs vp8_write. */
void vp8_rewrite(uint8_t *payload, const struct vp8_descriptor *, uint16_t picture_id, uint8_t tl0);

/* Writes the same descriptor with these numbers to `out`, PictureID with 15 bits: one byte longer than the
 * parsed one, if that had 7. For a caller with room for the byte: one who copies the payload anyway, or
 * writes over the bytes before it. A number that is absent stays absent. Returns the length. */
size_t vp8_write(uint8_t out[VP8_DESCRIPTOR_MAX], const uint8_t *payload, const struct vp8_descriptor *,
                 uint16_t picture_id, uint8_t tl0);

struct codec_info vp8_inspect(struct bytes payload);
