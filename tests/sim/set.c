#include "tests/sim/set.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 4096

static struct set_entry *place(const struct set *s, uint64_t key)
{
    size_t i = mix(key, 1) & (s->size - 1);
    while (s->entries[i].key && s->entries[i].key != key)
        i = (i + 1) & (s->size - 1);
    return &s->entries[i];
}

static void grow(struct set *s)
{
    struct set old = *s;
    s->size = old.size ? old.size * 2 : SIZE_FIRST;
    s->entries = calloc(s->size, sizeof *s->entries);
    INVARIANT(s->entries != NULL);
    for (size_t i = 0; i < old.size; i++)
        if (old.entries[i].key)
            *place(s, old.entries[i].key) = old.entries[i];
    free(old.entries);
}

struct set_entry *set_put(struct set *s, uint64_t key, bool *added)
{
    key = key ? key : 1;
    if (s->count * 2 >= s->size)
        grow(s);
    struct set_entry *e = place(s, key);
    *added = e->key == 0;
    s->count += *added;
    e->key = key;
    return e;
}

const struct set_entry *set_find(const struct set *s, uint64_t key)
{
    struct set_entry *e = s->size ? place(s, key ? key : 1) : NULL;
    return e && e->key ? e : NULL;
}

void set_free(struct set *s)
{
    free(s->entries);
    *s = (struct set){0};
}

uint64_t mix_bytes(uint64_t h, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t word;
    h = mix(h, len);
    for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = mix(h, word);
    }
    word = 0;
    if (len)
        memcpy(&word, p, len);
    return mix(h, word);
}
