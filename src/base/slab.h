/* Long-lived objects of one size, allocated together. They stay apart from short-lived allocations, such as
 * the thousand pieces of a handshake, and large pages hold them if there are many. For one thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct slab_chunk;
struct slab {
    size_t size;          /* size of an object: a multiple of the cache line */
    void *free;           /* free objects, each pointing to the next */
    uint8_t *fresh, *end; /* unused part of the newest chunk: its memory is not resident yet */
    struct slab_chunk *chunks;
    size_t chunk, used; /* bytes of the next chunk; objects in use */
};

void slab_init(struct slab *, size_t size);
void *slab_take(struct slab *);        /* all zero, on a cache line of its own; NULL: no memory */
void slab_give(struct slab *, void *); /* NULL: nothing happens. The caller wipes secrets */
void slab_free(struct slab *);         /* every object must be back */
