/* Of a source that comes in several layers (simulcast: SSRCs of one m= section), which one viewers are sent: the one of the highest bitrate
 * among those that flow, as it really comes, for descriptions do not tell. Another takes over at its next key frame, which the publisher
 * is asked for meanwhile, and goes on in the same numbers and times, as a source does that changed its SSRC (incoming.h).
 *
 * No timer: a layer that falls silent gives way when another one is heard. */
#pragma once
#include "base/limits.h"
#include "base/time.h"
#include "sfu/lead.h"
#include <stddef.h>
#include <stdint.h>

#define LAYER_SILENT MP_S(1)      /* a layer that sends nothing for so long does not flow */
#define LAYER_SPAN   MP_MS(1000)  /* over which its bitrate is measured */
#define LAYER_GAIN   1.3          /* so much more than the present one has another to have */

struct layer {
    uint32_t ssrc, rid; /* rid: a hash of its name (RFC 8852); 0: it said none */
    mp_time heard, since;
    double bytes, bps; /* bytes since then; bps of the span before, 0: not known yet */
};

struct layers {
    struct layer list[LAYERS_MAX];
    uint8_t count;
    uint32_t wanted;   /* SSRC of the layer that is to take over; 0: none */
    struct lead ahead; /* of that layer: what may lead to its key frame */
};

uint32_t layer_rid(const uint8_t *name, size_t len); /* 0: no name */
/* A packet of a layer came. A known rid under another SSRC is that layer, started anew. False: more layers than there may be. */
bool layers_heard(struct layers *, uint32_t ssrc, uint32_t rid, size_t len, mp_time now);
/* Which one should be forwarded, if `now` it is `present`. */
uint32_t layers_best(const struct layers *, uint32_t present, mp_time now);
uint32_t layers_rid_of(const struct layers *, uint32_t ssrc); /* 0: none */
