#include "base/map.h"
#include "base/check.h"
#include <stdlib.h>

bool map_init(struct map *m, size_t capacity, map_equal *equal, const void *owner)
{
    size_t size = 8;
    while (size < capacity + capacity / 2 + 1) /* at most two thirds full */
        size *= 2;
    *m = (struct map){.slots = malloc(size * sizeof *m->slots),
                      .mask = size - 1,
                      .capacity = capacity,
                      .equal = equal,
                      .owner = owner};
    if (!m->slots)
        return false;
    for (size_t i = 0; i < size; i++)
        m->slots[i].value = MAP_NONE;
    return true;
}

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

static size_t find_slot(const struct map *m, uint64_t hash, const void *key)
{
    for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
        const struct map_slot *s = &m->slots[i];
        if (s->value == MAP_NONE)
            return SIZE_MAX;
        if (s->hash == hash && m->equal(m->owner, s->value, key))
            return i;
    }
}

uint32_t map_find(const struct map *m, uint64_t hash, const void *key)
{
    size_t i = find_slot(m, hash, key);
    return i == SIZE_MAX ? MAP_NONE : m->slots[i].value;
}

bool map_add(struct map *m, uint64_t hash, uint32_t value)
{
    INVARIANT(value != MAP_NONE);
    if (m->count >= m->capacity)
        return false;
    size_t i = hash & m->mask;
    while (m->slots[i].value != MAP_NONE)
        i = (i + 1) & m->mask;
    m->slots[i] = (struct map_slot){hash, value};
    m->count++;
    return true;
}

bool map_remove(struct map *m, uint64_t hash, const void *key)
{
    size_t hole = find_slot(m, hash, key);
    if (hole == SIZE_MAX)
        return false;
    /* Shift back the entries that the hole would separate from their own start. */
    for (size_t i = (hole + 1) & m->mask; m->slots[i].value != MAP_NONE; i = (i + 1) & m->mask) {
        size_t home = m->slots[i].hash & m->mask;
        if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].value = MAP_NONE;
    m->count--;
    return true;
}
