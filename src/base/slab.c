#include "base/slab.h"
#include "base/check.h"
#include "base/prefetch.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A small server needs little memory; then chunks grow up to one large page each, which also causes fewer TLB
 * misses. */
#define CHUNK_FIRST ((size_t)32 << 10)
#define CHUNK_LARGE ((size_t)2 << 20)

/* AddressSanitizer detects use after slab_give only if each object is an allocation of its own. */
#if defined __SANITIZE_ADDRESS__
#define ONE_BY_ONE 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define ONE_BY_ONE 1
#endif
#endif
#ifndef ONE_BY_ONE
#define ONE_BY_ONE 0
#endif

struct slab_chunk {
    _Alignas(CACHE_LINE) struct slab_chunk *next;
};

void slab_init(struct slab *s, size_t size)
{
    INVARIANT(size > 0 && size <= CHUNK_FIRST / 4);
    *s = (struct slab){.size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE, .chunk = CHUNK_FIRST};
}

static void *aligned(size_t alignment, size_t size)
{
    void *p;
    return posix_memalign(&p, alignment, size) == 0 ? p : NULL;
}

static bool grow(struct slab *s)
{
    struct slab_chunk *c = aligned(s->chunk == CHUNK_LARGE ? CHUNK_LARGE : CACHE_LINE, s->chunk);
    if (!c)
        return false;
    if (s->chunk == CHUNK_LARGE)
        madvise(c, CHUNK_LARGE, MADV_HUGEPAGE);
    c->next = s->chunks;
    s->chunks = c;
    s->fresh = (uint8_t *)(c + 1);
    s->end = (uint8_t *)c + s->chunk;
    if (s->chunk < CHUNK_LARGE)
        s->chunk *= 2;
    return true;
}

static void *place(struct slab *s)
{
    void *object = s->free;
    if (ONE_BY_ONE)
        return aligned(CACHE_LINE, s->size);
    if (object) {
        memcpy(&s->free, object, sizeof s->free);
        return object;
    }
    if ((size_t)(s->end - s->fresh) < s->size && !grow(s))
        return NULL;
    object = s->fresh;
    s->fresh += s->size;
    return object;
}

void *slab_take(struct slab *s)
{
    void *object = place(s);
    if (!object)
        return NULL;
    s->used++;
    return memset(object, 0, s->size);
}

void slab_give(struct slab *s, void *object)
{
    if (!object)
        return;
    INVARIANT(s->used > 0);
    s->used--;
    if (ONE_BY_ONE) {
        free(object);
        return;
    }
    memcpy(object, &s->free, sizeof s->free);
    s->free = object;
}

void slab_free(struct slab *s)
{
    INVARIANT(s->used == 0);
    while (s->chunks) {
        struct slab_chunk *c = s->chunks;
        s->chunks = c->next;
        free(c);
    }
    *s = (struct slab){0};
}
