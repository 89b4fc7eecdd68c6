/* Deadlines: a binary heap of nodes that are members of the objects to wake. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    mp_time at;
    size_t index; /* place in the heap + 1; 0: not in it */
};

struct heap_place {
    mp_time at; /* a copy of the node's, so that a comparison touches no node */
    struct heap_node *node;
};

struct heap {
    struct heap_place *places;
    size_t count, capacity;
};

bool heap_init(struct heap *, size_t capacity); /* false: no memory */
void heap_free(struct heap *);
/* Puts the node at `at`, moves it there, or takes it out when `at` is MP_NEVER. */
void heap_set(struct heap *, struct heap_node *, mp_time at);
static inline mp_time heap_next(const struct heap *h) { return h->count ? h->places[0].at : MP_NEVER; }
/* Takes out and returns the earliest node that is due at `now`; NULL: none is. */
struct heap_node *heap_pop(struct heap *, mp_time now);
