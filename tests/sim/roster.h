/* The participants of a guest's room, as the server reports them. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#define ROSTER_MAX 128 /* including vanished guests that the server has not removed yet */

struct roster {
    struct entry {
        char id[40];
        bool muted;
    } entries[ROSTER_MAX];
    unsigned count;
};

/* False: the message contradicts an earlier one. */
bool roster_take(struct roster *, const char *type, const json_t *message);
const struct entry *roster_find(const struct roster *, const char *id); /* NULL: not there */
