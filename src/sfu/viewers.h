/* A track's viewers on this worker, and the progress of the current drain. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sfu;
struct subscription;

struct viewers {
    struct subscription **list; /* each has its index here in `place` */
    uint32_t count, room;
    uint32_t turn; /* index of the current viewer; those before it got all pending packets */
    size_t packet; /* the current viewer's next packet: an index of the track's pending packets */
};

bool viewers_add(struct viewers *, struct subscription *); /* false: no memory */
void viewers_remove(struct viewers *, struct subscription *);
void viewers_free(struct viewers *); /* after the last one was removed */

void viewers_begin(struct viewers *); /* starts a drain: packets are pending for all of them */
/* The current viewer; NULL: all were served. */
static inline struct subscription *viewers_current(const struct viewers *v)
{
    return v->turn < v->count ? v->list[v->turn] : NULL;
}
void viewers_next(struct sfu *, struct viewers *); /* only while there is a current one */
