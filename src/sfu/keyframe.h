/* Key frame requests of a track: merged, at most one a second. A source that continues but answers none is
 * stalled: new viewers of it cannot start.
 *
 * Timer: the publisher's; due at keyframe_deadline while a request waits for the interval to end. */
#pragma once
#include "base/time.h"
#include <stdbool.h>

#define KEYFRAME_INTERVAL MP_S(1)
#define KEYFRAME_TRIES    5 /* with 30 % loss in both directions, one in thirty fails all of them */

struct keyframe {
    bool wanted;
    unsigned vain; /* unanswered requests to a source that continues */
    mp_time last;  /* time of the last request; 0: none yet */
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
