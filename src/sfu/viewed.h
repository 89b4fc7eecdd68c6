/* A viewer's subscriptions, by the SSRC that the viewer sees: one datagram of feedback names up to 90, and a
 * viewer may have 250. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct subscription;

struct viewed {
    struct subscription **chains;
    uint32_t size, count; /* size: of chains, a power of two; 0: none yet */
};

bool viewed_add(struct viewed *, struct subscription *); /* false: no memory */
void viewed_remove(struct viewed *, struct subscription *);
struct subscription *viewed_find(const struct viewed *, uint32_t ssrc); /* NULL: none */
