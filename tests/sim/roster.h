/* Who is in a guest's room, as the server tells it. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#define ROSTER_MAX 128 /* with everybody who vanished and was not missed yet */

struct roster {
    struct entry {
        char id[40];
        bool muted;
    } entries[ROSTER_MAX];
    unsigned count;
};

/* False: the message makes no sense after those before. */
bool roster_take(struct roster *, const char *type, const json_t *message);
const struct entry *roster_find(const struct roster *, const char *id); /* NULL: not there */
