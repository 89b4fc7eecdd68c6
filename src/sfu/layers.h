/* Selects the layer of a simulcast source (several SSRCs of one m= section) that viewers get: of the layers
 * that flow, the one with the highest measured bitrate, because descriptions do not tell it. A new layer
 * takes over at its next key frame, which is requested meanwhile; sequence numbers and timestamps continue,
 * as for a source that changes its SSRC (incoming.h). No timer: a silent layer is replaced when a packet of
 * another one arrives. */
#pragma once
#include "base/limits.h"
#include "base/time.h"
#include "sfu/lead.h"
#include <stddef.h>
#include <stdint.h>

#define LAYER_SILENT MP_S(1)     /* a layer without packets for this long does not flow */
#define LAYER_SPAN   MP_MS(1000) /* span of the bitrate measurement */
#define LAYER_GAIN   1.3         /* factor by which a layer must exceed the present one */

struct layer {
    uint32_t ssrc, rid; /* rid: a hash of its name (RFC 8852); 0: no name */
    mp_time heard, since;
    double bytes, bps; /* bytes in this span; bps of the previous one, 0: not known yet */
};

struct layers {
    struct layer list[LAYERS_MAX];
    uint8_t count;
    uint32_t wanted;   /* SSRC of the layer that will take over; 0: none */
    struct lead ahead; /* packets of that layer that may precede its key frame */
};

uint32_t layers_rid(const uint8_t *name, size_t len); /* 0: no name */
/* A packet of a layer arrived. A known rid with another SSRC is a restart of that layer. False: too many
 * layers. */
bool layers_heard(struct layers *, uint32_t ssrc, uint32_t rid, size_t len, mp_time now);
/* The SSRC to forward; `present`: the one forwarded so far. */
uint32_t layers_best(const struct layers *, uint32_t present, mp_time now);
uint32_t layers_rid_of(const struct layers *, uint32_t ssrc); /* 0: none */
