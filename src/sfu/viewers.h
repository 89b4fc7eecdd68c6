/* A track's viewers on this worker, and how far the drain that is going on has come with them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sfu;
struct subscription;

struct viewers {
    struct subscription **list; /* each knows its place in it */
    uint32_t count, room;
    uint32_t turn; /* whose turn it is; those before were given all that is pending */
    size_t packet; /* what that one gets next: an index of the track's pending packets */
};

bool viewers_add(struct viewers *, struct subscription *); /* false: no memory */
void viewers_remove(struct viewers *, struct subscription *);
void viewers_free(struct viewers *); /* when the last has gone */

void viewers_begin(struct viewers *); /* there is something pending for each of them */
/* Whose turn it is; NULL: everybody was served. */
static inline struct subscription *viewers_current(const struct viewers *v)
{
    return v->turn < v->count ? v->list[v->turn] : NULL;
}
void viewers_next(struct sfu *, struct viewers *);
