/* AOM's dependency descriptor (AV1 RTP payload specification, appendix A): which frames and layers a frame
 * needs, and for which decode targets it is needed. A decode target is a set of layers that a receiver may
 * decode; a chain is a sequence of frames without which the targets that it protects cannot be decoded.
 *
 * Frames refer to templates of a structure, which comes with key frames. The caller keeps the structure of
 * each stream. Everything costs at most a constant for each bit of the descriptor, whatever its counts
 * claim. */
#pragma once
#include "base/bytes.h"

#define DD_TEMPLATES_MAX  64
#define DD_TARGETS_MAX    32
#define DD_CHAINS_MAX     32
#define DD_SPATIAL_MAX    4
#define DD_TEMPORAL_MAX   8
#define DD_REFERENCES_MAX 8   /* of one frame: AV1 has 7, VP9 3 */
#define DD_SIZE_MAX       255 /* bytes of the two-byte form of an RTP header extension */

/* What a frame is to each target, bit by target: absent where not present; required where present and
 * neither of the other two. */
struct dd_targets {
    uint32_t present, switches, discardable;
};

struct dd_template {
    uint8_t spatial, temporal;
    uint8_t reference_count;
    uint8_t references[DD_REFERENCES_MAX]; /* FDIFF: 1-16 frame numbers back */
    struct dd_targets targets;
    uint8_t chains[DD_CHAINS_MAX]; /* frame numbers back to the chain's frame before; 0: none is needed */
};

struct dd_structure {
    uint8_t template_count; /* 0: none came yet */
    uint8_t first_id;       /* of template 0 */
    uint8_t target_count, chain_count, spatial_count;
    uint8_t protected_by[DD_TARGETS_MAX]; /* chain of each target, if there are chains */
    uint8_t target_spatial[DD_TARGETS_MAX],
        target_temporal[DD_TARGETS_MAX]; /* highest layers of each target */
    bool sized;
    uint32_t width[DD_SPATIAL_MAX], height[DD_SPATIAL_MAX]; /* 1-65536 */
    struct dd_template templates[DD_TEMPLATES_MAX];
    uint16_t bits; /* the structure as it came, to know it again: behind the flags */
    uint8_t raw[DD_SIZE_MAX];
};

struct dd_frame {
    bool begins, ends; /* first and last packet of the frame */
    bool structured;   /* a structure came with it: a key frame's first packet */
    bool changed;      /* and it is another than the kept one was */
    bool active_told;  /* else as the packet before said */
    uint8_t template_id, spatial, temporal;
    uint16_t number;
    uint32_t active; /* decode targets that the sender still produces, bit by target */
    struct dd_targets targets;
    uint8_t reference_count, chain_count;
    uint16_t references[DD_REFERENCES_MAX]; /* frame numbers back, 1-4096 */
    uint8_t chains[DD_CHAINS_MAX]; /* frame numbers back to the chain's frame before; 0: none is needed */
    uint32_t width, height;        /* of its spatial layer; 0: not told */
    uint16_t active_at;            /* for dd_write_active: bits before the mask, or its place */
    uint16_t bits;                 /* that the descriptor uses; padding follows */
};

/* The decode target with the highest layers that are not over these; -1: there is none. */
int dd_target_of(const struct dd_structure *, uint8_t spatial, uint8_t temporal);

enum dd_status {
    DD_OK,
    /* No structure came yet, or it lacks the frame's template: a packet of before or behind a change of
     * structures. begins, ends, template_id and number are told. */
    DD_UNKNOWN,
    DD_BAD, /* cut off, or out of range: nothing is told */
};

/* Parses a descriptor. A structure in it replaces the kept one, unless it is bad; one that is the same,
 * bit by bit, as the kept one is not parsed again. */
enum dd_status dd_parse(struct dd_frame *, struct dd_structure *, struct bytes descriptor);

/* Writes a descriptor, which dd_parse took (DD_OK) for `frame`, with this mask of active decode targets:
 * over the one that it has, or added. Returns its length: at most 5 bytes more than before; 0: over
 * `size`. */
size_t dd_write_active(uint8_t *out, size_t size, struct bytes descriptor, const struct dd_frame *frame,
                       const struct dd_structure *, uint32_t active);
