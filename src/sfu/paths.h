/* The session and the owning worker of each path. The worker adds a path only after an authenticated datagram
 * came by it: a check, or media. */
#pragma once
#include "base/map.h"
#include "base/path.h"
#include <stdbool.h>
#include <stdint.h>

struct path_entry {
    struct path path;
    uint32_t session, next_free;
    uint8_t owner; /* worker */
};

struct paths {
    struct map map;
    struct path_entry *entries;
    uint32_t free, fresh, capacity; /* entries[fresh..] are unused, their memory not resident */
    uint64_t key;
};

bool paths_init(struct paths *, size_t capacity, uint64_t key);
void paths_free(struct paths *);
const struct path_entry *paths_find(const struct paths *, const struct path *); /* NULL: unknown */
/* Adds the path, or assigns it to another session: the latest authenticated check wins. False: full. */
bool paths_set(struct paths *, const struct path *, uint32_t session, unsigned owner);
/* Removes the path if it still belongs to that session. */
void paths_remove(struct paths *, const struct path *, uint32_t session);
