/* Levels of the sounds that clients publish to this worker (RFC 6464), told to the control plane.
 *
 * A sound whose level varies is told on the grid of SPEAKER_DECIDES, several in one message; a silent one
 * once, when it becomes silent; and one that is paused out of turn, when it begins to speak. One whose
 * packets have no level any more is told too: it cannot be compared with the others. The messages may be
 * dropped: the next one tells the state anew. */
#pragma once
#include "adapt/speaker.h"
#include "base/rate.h"
#include "sfu/message.h"

struct incoming;
struct packet;
struct sfu;

/* What the control plane was told last. */
enum level_state { LEVEL_UNTOLD, LEVEL_SILENT, LEVEL_LOUD, LEVEL_NONE };

struct level { /* of one stream; zero: it has sent nothing */
    struct speaker speaker;
    uint8_t told;          /* enum level_state */
    uint8_t without;       /* packets in a row without a level, LEVELS_WITHOUT at most */
    mp_time urgent_at;     /* it was told out of turn */
    bool listed;           /* in levels.heard: it is looked at when the timer expires */
    struct incoming *next; /* there */
};

struct levels {
    struct incoming *heard;
    mp_time at; /* MP_NEVER: no sound was heard */
    struct rate urgent;
};

void levels_init(struct levels *);
void levels_heard(struct sfu *, struct incoming *, const struct packet *, mp_time now);
void levels_forget(struct sfu *, struct incoming *); /* its track ends */
void levels_timeout(struct sfu *, mp_time now);
