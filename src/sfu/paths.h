/* Which session's datagrams come by a path, and which worker owns it. A path enters only after
 * something authentic came by it: a check, or media. */
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
    uint32_t free, fresh, capacity; /* entries[fresh..] were never touched: memory is spent on first use */
    uint64_t key;
};

bool paths_init(struct paths *, size_t capacity, uint64_t key);
void paths_free(struct paths *);
const struct path_entry *paths_find(const struct paths *, const struct path *); /* NULL: unknown */
/* Adds, or points the path to another session: the latest authenticated check wins. False: full. */
bool paths_set(struct paths *, const struct path *, uint32_t session, unsigned owner);
/* Takes the path out if it still belongs to that session. */
void paths_remove(struct paths *, const struct path *, uint32_t session);
