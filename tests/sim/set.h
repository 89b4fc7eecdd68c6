/* A set of 64-bit keys, each with a value; it grows. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct set_entry {
    uint64_t key, value; /* key 0: free */
};

struct set {
    struct set_entry *entries;
    size_t count, size; /* size: a power of two */
};

/* The entry of a key; `added`: it is new, with value 0. */
struct set_entry *set_put(struct set *, uint64_t key, bool *added);
const struct set_entry *set_find(const struct set *, uint64_t key); /* NULL: not there */
void set_free(struct set *);

static inline uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}
uint64_t mix_bytes(uint64_t h, const void *, size_t len);
