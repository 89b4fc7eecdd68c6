/* A hash map of fixed capacity from 64-bit hashes to 32-bit values. The owner of the values decides whether
 * two keys are equal, so paths, ids and names use one map. Linear probing, deletion by shifting back. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NONE UINT32_MAX

typedef bool map_equal(const void *owner, uint32_t value, const void *key);

struct map_slot {
    uint64_t hash;
    uint32_t value; /* MAP_NONE: free */
};

struct map {
    struct map_slot *slots;
    size_t mask, count, capacity;
    map_equal *equal;
    const void *owner;
};

/* `capacity` entries at the most. False: no memory. */
bool map_init(struct map *, size_t capacity, map_equal *, const void *owner);
void map_free(struct map *);
uint32_t map_find(const struct map *, uint64_t hash, const void *key); /* MAP_NONE: not there */
/* The key must not be there. False: full. */
bool map_add(struct map *, uint64_t hash, uint32_t value);
bool map_remove(struct map *, uint64_t hash, const void *key); /* false: it was not there */

/* A hash for keys that are integers (a mixing step; keyed, as peers choose SSRCs). */
static inline uint64_t map_hash(uint64_t v, uint64_t key)
{
    v ^= key;
    v ^= v >> 33;
    v *= 0xff51afd7ed558ccdull;
    v ^= v >> 33;
    v *= 0xc4ceb9fe1a85ec53ull;
    return v ^ v >> 33;
}
