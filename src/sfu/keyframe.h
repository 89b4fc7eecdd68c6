/* Key frame requests of a track: merged, and at most one a second. A source that goes on and answers none of them is stalled:
 * whoever does not watch it yet cannot begin.
 *
 * Timer: the publisher's; due at keyframe_deadline while a wish waits for its second. */
#pragma once
#include "base/time.h"
#include <stdbool.h>

#define KEYFRAME_INTERVAL MP_S(1)
#define KEYFRAME_TRIES    5 /* with 30 % of the packets lost on both ways, one in thirty fails them all */

struct keyframe {
    bool wanted;
    unsigned vain; /* requests since the last key frame, of a source that goes on */
    mp_time last;  /* request; 0: none yet */
};

static inline void keyframe_want(struct keyframe *k) { k->wanted = true; }
static inline void keyframe_arrived(struct keyframe *k)
{
    k->wanted = false;
    k->vain = 0;
}
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
