/* What one viewer is sent: which sounds, and which operating point of each picture, so that all of it fits
 * the estimate of the viewer's line. Pure: arrays in, decisions out.
 *
 * The viewer's owner calls allocate on the grid when one of these changed: the estimate (estimate_tick), a
 * measured rate by more than a tenth, the viewer's wishes, the speaker, the set of sources; and each 500
 * ms while `wanted_bps` is not 0, as rises wait for time to pass. It calls allocate_overuse when the
 * published estimate falls because of delay, loss or our queue. It keeps each struct allocate_source as
 * long as the subscription, fills the fields of the first part before each call, and reads `point` and
 * `reason`.
 *
 * Sounds come before pictures: while one of them does not fit, no picture is sent. Pictures, in this order:
 * screens and what the viewer pinned; tiles of more than half of the largest; speakers; the others by area.
 * Everyone visible gets the least point, then the first kind as much as it wants, then the others a step each
 * in turn. Falls take effect at once. A rise needs 1.1 of its sum for a second (or a probe that proved it),
 * and a source steps up in size once in 2 s. A step after which the line was overused within 8 s is barred
 * for 10, 20, then 40 s. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALLOCATE_SOURCES 64 /* at most, a call */
#define ALLOCATE_POINTS  16

enum allocate_kind { ALLOCATE_CAMERA, ALLOCATE_SCREEN };

enum allocate_reason {
    ALLOCATE_WHOLE,     /* as large as wanted */
    ALLOCATE_BANDWIDTH, /* smaller, slower or paused: the line is too slow */
    ALLOCATE_HIDDEN,    /* paused: the viewer does not show it */
    ALLOCATE_PUBLISHER  /* paused: nothing comes from the publisher */
};

struct allocate_point { /* a layer up to a temporal layer */
    uint32_t bps;       /* measured; screens: the peak of 5 s */
    uint16_t width, height;
    uint8_t fps;
    bool live; /* pictures come, and key frames when asked for */
};

struct allocate_source {
    const struct allocate_point *points; /* at most ALLOCATE_POINTS; sizes ascend, within one size rates */
    size_t point_count;
    enum allocate_kind kind;
    uint32_t width,
        height;       /* of the tile, in pixels of the screen; height 0: not told, as large as it comes */
    uint8_t most_fps; /* 0: no bound */
    uint8_t speaker;  /* 1: speaks now; 2 and more: spoke before; 0: did not */
    bool pinned, visible;
    mp_time hidden_since; /* if not visible */

    /* zero at first: paused */
    bool sent;     /* `point` is sent */
    uint8_t point; /* an index of `points` */
    enum allocate_reason reason;
    bool failed;           /* the last rise to `barred_point` or above was followed by overuse */
    uint8_t bars;          /* rises that failed in a row */
    uint8_t barred_point;  /* this point and higher ones are barred */
    mp_time barred_until;  /* 0: none is */
    mp_time raised;        /* 0: never */
    mp_time blamed;        /* the rise that was barred last */
    mp_time fits_since[2]; /* the next rise in rate, in size; 0: does not fit */
    mp_time tight_since;   /* its only point does not fit; 0: it does */
};

struct allocate_sound {
    uint32_t bps;  /* with headers and redundancy */
    uint32_t rank; /* 0: the loudest */
    bool dominant; /* the dominant speaker: never left out */
    bool left_out; /* the last decision; false at first */
    bool sent;     /* the decision */
};

struct allocate_line {
    uint32_t estimate_bps;
    uint32_t retransmitted_bps; /* measured; at most 15 % of the estimate count */
    bool proven;                /* a probe has just proven the estimate */
    bool unknown;               /* nothing was heard of the line: the least points fit, whatever they cost */
};

struct allocate_sum {
    uint32_t sound_bps, picture_bps;
    uint32_t wanted_bps; /* the estimate that the next rise needs: for probe_want. 0: nothing is wanted */
};

struct allocate_sum allocate(struct allocate_source *, size_t count, struct allocate_sound *,
                             size_t sound_count, const struct allocate_line *, mp_time now);
void allocate_overuse(struct allocate_source *, size_t count, mp_time now);
