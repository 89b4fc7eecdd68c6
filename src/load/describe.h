/* Session descriptions of a client: offers like Chromium's, answers to the server's offers, and the parser of
 * its answers. */
#pragma once
#include "load/media.h"
#include "proto/sdp/sdp.h"

struct description { /* of one client */
    const char *ufrag, *password;
    uint8_t fingerprint[32];
    const struct source *sources; /* its streams, audio first; the layers of its video in order */
    unsigned source_count;
    bool receives;
    bool without_rtx; /* offers no retransmission stream */
    bool feedback;    /* its answers promise transport-wide feedback */
};

/* An offer of what the client sends, or for a viewer one section of each kind. free() it; NULL: no memory. */
char *describe_offer(const struct description *, bool audio, bool video);
/* An answer that accepts everything in the server's offer. free() it; NULL: no memory, or not a
 * description. */
char *describe_answer(const struct description *, const char *offer, size_t len);
/* Fills credentials, fingerprint and candidate from the server's answer. It prefers the candidate with the ip
 * of `near`, then one of its family. NULL: success; else the name of the missing part. */
const char *describe_read(struct media_remote *, const char *answer, size_t len, const struct address *near);
