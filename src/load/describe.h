/* Session descriptions of a client: offers like Chromium's, answers to the server's offers, and what is read
 * from its answer. */
#pragma once
#include "load/media.h"
#include "proto/sdp/sdp.h"

struct description { /* of one client */
    const char *ufrag, *password;
    uint8_t fingerprint[32];
    const struct source *sources; /* what it sends, audio first */
    unsigned source_count;
    bool receives;
    bool without_rtx; /* it offers no retransmission stream */
};

/* What the client wants to send, or for a viewer one section of each kind. free() it; NULL: no memory. */
char *describe_offer(const struct description *, bool audio, bool video);
/* Takes whatever the server's offer sends. free() it; NULL: no memory, or not a description. */
char *describe_answer(const struct description *, const char *offer, size_t len);
/* Fills credentials, fingerprint and candidate from the server's answer; of its candidates the one with the
 * ip of `near` is preferred, then one of its family. NULL: good; else what is missing. */
const char *describe_read(struct media_remote *, const char *answer, size_t len, const struct address *near);
