#include "tests/sim/roster.h"
#include <stdio.h>
#include <string.h>

/* Its index; r->count: none. */
static unsigned place(const struct roster *r, const char *id)
{
    unsigned i = 0;
    while (i < r->count && strcmp(r->entries[i].id, id) != 0)
        i++;
    return i;
}

const struct entry *roster_find(const struct roster *r, const char *id)
{
    unsigned i = place(r, id);
    return i < r->count ? &r->entries[i] : NULL;
}

/* A guest joins, or replaces one of the same name. */
static bool note(struct roster *r, const json_t *participant, bool known)
{
    const char *id = json_string_value(json_object_get(participant, "id"));
    unsigned i = id ? place(r, id) : ROSTER_MAX;
    if (i == ROSTER_MAX || known != (i < r->count))
        return false;
    struct entry *e = &r->entries[i];
    if (!known)
        snprintf(r->entries[r->count++].id, sizeof e->id, "%s", id);
    e->muted = json_is_true(json_object_get(participant, "audioMuted"));
    return true;
}

static bool all(struct roster *r, const json_t *participants)
{
    r->count = 0;
    for (size_t i = 0; i < json_array_size(participants); i++)
        if (!note(r, json_array_get(participants, i), false))
            return false;
    return true;
}

static bool strike(struct roster *r, const char *id)
{
    unsigned i = id ? place(r, id) : r->count;
    if (i == r->count)
        return false;
    r->entries[i] = r->entries[--r->count];
    return true;
}

bool roster_take(struct roster *r, const char *type, const json_t *message)
{
    const json_t *participant = json_object_get(message, "participant");
    if (strcmp(type, "joined") == 0)
        return all(r, json_object_get(message, "participants"));
    if (strcmp(type, "participant-joined") == 0)
        return note(r, participant, false);
    if (strcmp(type, "participant-updated") == 0)
        return note(r, participant, true);
    if (strcmp(type, "participant-left") == 0)
        return strike(r, json_string_value(json_object_get(message, "id")));
    return true;
}
