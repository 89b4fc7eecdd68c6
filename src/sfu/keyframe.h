/* Key frame requests of a track: merged, and at most one a second.
 *
 * Timer: the publisher's; due at keyframe_deadline while a wish waits for its second. */
#pragma once
#include "mptime.h"
#include <stdbool.h>

#define KEYFRAME_INTERVAL MP_S(1)

struct keyframe {
    bool wanted;
    mp_time last; /* request; 0: none yet */
};

static inline void keyframe_want(struct keyframe *k) { k->wanted = true; }
static inline void keyframe_arrived(struct keyframe *k) { k->wanted = false; }
static inline mp_time keyframe_deadline(const struct keyframe *k)
{
    return !k->wanted ? MP_NEVER : k->last ? k->last + KEYFRAME_INTERVAL : 0;
}
/* True: send a request now. */
static inline bool keyframe_due(struct keyframe *k, mp_time now)
{
    if (keyframe_deadline(k) > now)
        return false;
    k->wanted = false;
    k->last = now;
    return true;
}
