/* The layers of a publisher's simulcast, and the pictures of one layer as libwebrtc's VP8 encoder makes them:
 * numbered, in three temporal layers, key frames several times larger than the others. */
#pragma once
#include "base/prng.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIMULCAST_MAX       3
#define PICTURES_DESCRIPTOR 6 /* bytes of a VP8 descriptor with all numbers (RFC 7741 4.2) */

struct simulcast_layer {
    char rid[2];
    uint32_t bps; /* at the usual rate */
    uint16_t width, height;
};
extern const struct simulcast_layer simulcast[SIMULCAST_MAX]; /* the smallest first */

/* Bit/s of all `layers` together at the usual rate. */
uint32_t simulcast_bps(unsigned layers);
/* The share of one of `layers` in a rate of all together. */
uint32_t simulcast_share(unsigned layer, unsigned layers, uint32_t bps);

struct pictures {
    uint16_t id;    /* PictureID, 15 bits */
    uint8_t tl0;    /* TL0PICIDX */
    unsigned place; /* pictures since the key frame */
    bool key;
};

void pictures_init(struct pictures *, struct prng *);
void pictures_next(struct pictures *, bool key); /* call before the other functions */
/* Size of this picture, in mean pictures. */
double pictures_share(const struct pictures *);
/* What is left of a picture's size after it saved some of it for a key frame: *owed < 0 comes nearer to 0. */
double pictures_save(double size, double *owed);
/* The descriptor without the S bit. Returns PICTURES_DESCRIPTOR. */
size_t pictures_write(const struct pictures *, uint8_t *out);
