/* When a track's new packets go out. A frame's packets come one close behind the other, and a worker that is quick reads
 * the first before the last is there; sent as they come, each of them is a run of its own for every viewer. So the rest of
 * a frame is waited for where it is about to come: nobody can show half a frame, and its last packet (the marker) goes out
 * when it comes, with all of it. */
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
    struct track *next; /* in the queue of its state */
    mp_time until;      /* GATHER_WAITS: then without the rest */
    mp_time gap;        /* from one packet of a frame to the next, smoothed */
    mp_time arrival;    /* of the newest packet */
    uint32_t timestamp; /* likewise */
};

/* A packet was added to what is pending. */
void gather_packet(struct sfu *, struct track *, const struct packet *, mp_time now);
void gather_sent(struct sfu *);                   /* the first of the ready: its viewers have what was pending */
void gather_forget(struct sfu *, struct track *); /* nothing is pending any more */
void gather_timeout(struct sfu *, mp_time now);
mp_time gather_deadline(const struct sfu *);
