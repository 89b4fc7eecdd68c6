/* Which tracks a viewer is sent, so that all of them fit the estimate of its line: adapt/allocate.h decides,
 * and subscriptions are paused and resumed. The control plane is told in which form the viewer gets each
 * picture.
 *
 * A viewer whose client never sent transport-wide feedback gets everything: nothing would show that its line
 * bears more again. A track that sends nothing is left as it is.
 *
 * Timer: the session's, at downlink_deadline. The next allocation is due when the published estimate changed,
 * the set of subscriptions or a view did, and ALLOCATE_EVERY after the last one. */
#pragma once
#include "adapt/allocate.h"
#include "sfu/message.h"

struct session;
struct sfu;
struct subscription;

#define ALLOCATE_EVERY MP_MS(500)
#define VIEWING_EVERY  MP_MS(500) /* forms that change faster are told together */
#define SILENT_AFTER   MP_S(3)    /* a track without packets for so long sends nothing */

struct tile { /* a picture, as one viewer shows and gets it */
    struct allocate_source source;
    struct viewing told;
    mp_time since; /* of the subscription */
};

/* After subscription_new, and before subscription_free. */
void viewing_subscribed(struct sfu *, struct session *, struct subscription *, mp_time now);
void viewing_unsubscribed(struct sfu *, struct session *, struct subscription *);
/* The viewer shows the track like this. */
void viewing_view(struct session *, uint32_t track, const struct view *, mp_time now);
void viewing_timeout(struct sfu *, struct session *, mp_time now);
