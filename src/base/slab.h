/* Objects of one size that live long, together: they do not lie scattered among what comes and goes, as a handshake's
 * thousand pieces do, and where there are many of them large pages hold them. One thread's. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct slab_chunk;
struct slab {
    size_t size;              /* of an object: whole cache lines */
    void *free;               /* objects that were given back, each pointing to the next */
    uint8_t *fresh, *end;     /* what was never touched of the newest chunk: memory is spent on first use */
    struct slab_chunk *chunks;
    size_t chunk, used;       /* bytes of the next chunk; objects that are out */
};

void slab_init(struct slab *, size_t size);
void *slab_take(struct slab *);         /* all zero, on a cache line of its own; NULL: no memory */
void slab_give(struct slab *, void *);  /* NULL: nothing. Secrets are wiped by whoever had them */
void slab_free(struct slab *);          /* every object must be back */
