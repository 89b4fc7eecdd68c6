/* How one client shows the pictures that it receives, and the `view` messages that tell it
 * (docs/signaling.md). The sizes are those of the simulcast layers. */
#pragma once
#include "load/options.h"
#include <jansson.h>

#define VIEWS_STEP_EVERY MP_S(2)

struct views {
    const struct options *options;
    unsigned number;  /* of the client */
    json_t *pictures; /* mid of each section with a picture, and its sender */
    char speaker[64]; /* empty: nobody spoke yet */
    unsigned steps;
    mp_time step_at; /* 0: not begun */
    uint64_t told;   /* messages */
};

void views_begin(struct views *, const struct options *, unsigned number);
void views_end(struct views *);
/* The server's offer: its description and its list of streams. True: tell the views. */
bool views_offer(struct views *, const char *sdp, size_t len, json_t *streams);
/* Who speaks now; NULL: nobody. True: tell the views. */
bool views_speaker(struct views *, const char *id);
/* True: the client's wishes have changed with time; tell the views. */
bool views_step(struct views *, mp_time now);
/* The `tracks` of a `view` message. NULL: there is nothing to tell. */
json_t *views_tracks(struct views *);
