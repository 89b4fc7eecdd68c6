#include "base/heap.h"
#include "base/check.h"
#include <stdlib.h>

bool heap_init(struct heap *h, size_t capacity)
{
    *h = (struct heap){.places = malloc(capacity * sizeof *h->places), .capacity = capacity};
    return h->places != NULL;
}

void heap_free(struct heap *h)
{
    free(h->places);
    *h = (struct heap){0};
}

static void place(struct heap *h, struct heap_place p, size_t i)
{
    h->places[i] = p;
    p.node->index = i + 1;
}

static void sift(struct heap *h, struct heap_node *n, size_t i)
{
    struct heap_place *places = h->places;
    while (i > 0 && places[(i - 1) / 2].at > n->at) {
        place(h, places[(i - 1) / 2], i);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && places[child + 1].at < places[child].at)
            child++;
        if (places[child].at >= n->at)
            break;
        place(h, places[child], i);
        i = child;
    }
    place(h, (struct heap_place){n->at, n}, i);
}

static void take_out(struct heap *h, struct heap_node *n)
{
    size_t i = n->index - 1;
    struct heap_node *last = h->places[--h->count].node;
    n->index = 0;
    if (last != n)
        sift(h, last, i);
}

void heap_set(struct heap *h, struct heap_node *n, mp_time at)
{
    n->at = at;
    if (at == MP_NEVER) {
        if (n->index)
            take_out(h, n);
        return;
    }
    if (!n->index) {
        INVARIANT(h->count < h->capacity);
        n->index = ++h->count;
    }
    sift(h, n, n->index - 1);
}

struct heap_node *heap_pop(struct heap *h, mp_time now)
{
    struct heap_node *n = h->count ? h->places[0].node : NULL;
    if (!n || n->at > now)
        return NULL;
    take_out(h, n);
    return n;
}
