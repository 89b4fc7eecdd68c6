#include "sfu/paths.h"
#include "base/check.h"
#include <stdlib.h>

static bool entry_equal(const void *owner, uint32_t value, const void *key)
{
    const struct paths *p = owner;
    return path_equal(&p->entries[value].path, key);
}

bool paths_init(struct paths *p, size_t capacity, uint64_t key)
{
    p->key = key;
    p->free = MAP_NONE;
    p->fresh = 0;
    p->capacity = (uint32_t)capacity;
    p->entries = calloc(capacity, sizeof *p->entries);
    return p->entries && map_init(&p->map, capacity, entry_equal, p);
}

void paths_free(struct paths *p)
{
    free(p->entries);
    map_free(&p->map);
}

const struct path_entry *paths_find(const struct paths *p, const struct path *path)
{
    uint32_t i = map_find(&p->map, path_hash(path, p->key), path);
    return i == MAP_NONE ? NULL : &p->entries[i];
}

bool paths_set(struct paths *p, const struct path *path, uint32_t session, unsigned owner)
{
    uint64_t hash = path_hash(path, p->key);
    uint32_t i = map_find(&p->map, hash, path);
    if (i == MAP_NONE) {
        if (p->free == MAP_NONE && p->fresh == p->capacity)
            return false;
        i = p->free == MAP_NONE ? p->fresh++ : p->free;
        if (i == p->free)
            p->free = p->entries[i].next_free;
        p->entries[i].path = *path;
        bool added = map_add(&p->map, hash, i);
        INVARIANT(added);
    }
    p->entries[i].session = session;
    p->entries[i].owner = (uint8_t)owner;
    return true;
}

void paths_remove(struct paths *p, const struct path *path, uint32_t session)
{
    uint64_t hash = path_hash(path, p->key);
    uint32_t i = map_find(&p->map, hash, path);
    if (i == MAP_NONE || p->entries[i].session != session)
        return;
    map_remove(&p->map, hash, path);
    p->entries[i].next_free = p->free;
    p->free = i;
}
