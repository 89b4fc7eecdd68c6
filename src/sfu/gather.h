/* Frame batching. A frame's packets arrive at short intervals, and a quick worker reads the first before the
 * last has arrived; sent at once, each would be a run of its own for every viewer. So the worker waits for
 * the rest of a frame if it is about to arrive. This delays no picture: half a frame cannot be shown, and the
 * last packet (the marker) sends the whole frame at once. */
#pragma once
#include "base/time.h"

struct packet;
struct sfu;
struct track;

struct track_queue {
    struct track *first, *last;
};

enum gather_state { GATHER_NONE /* nothing is pending */, GATHER_WAITS, GATHER_READY };

struct gather { /* of a track */
    enum gather_state state;
    struct track *next; /* queue of its state */
    mp_time until;      /* GATHER_WAITS: the time to send without the rest */
    mp_time gap;        /* smoothed interval between packets of a frame */
    mp_time arrival;    /* of the newest packet */
    uint32_t timestamp; /* of the newest packet */
};

/* Call after adding a packet to the pending ones. */
void gather_packet(struct sfu *, struct track *, const struct packet *, mp_time now);
/* its pending packets were sent: removes the first ready track */
void gather_sent(struct sfu *);
void gather_forget(struct sfu *, struct track *); /* nothing is pending any more */
void gather_timeout(struct sfu *, mp_time now);
mp_time gather_deadline(const struct sfu *);
