#include "signal/state.h"
#include <stdlib.h>

static uint64_t hash_text(const struct signaling *s, const char *text)
{
    uint64_t h = s->hash_key;
    for (; *text; text++)
        h = map_hash(h ^ (uint8_t)*text, s->hash_key);
    return h;
}

static bool room_equal(const void *owner, uint32_t value, const void *key)
{
    return strcmp(((const struct signaling *)owner)->rooms[value]->name, key) == 0;
}

static bool participant_equal(const void *owner, uint32_t value, const void *key)
{
    return strcmp(((const struct signaling *)owner)->participants[value]->id, key) == 0;
}

static uint32_t *free_list(size_t count)
{
    uint32_t *list = malloc(count * sizeof *list);
    for (size_t i = 0; list && i < count; i++)
        list[i] = (uint32_t)(count - 1 - i);
    return list;
}

bool rooms_init(struct signaling *s)
{
    for (int i = 0; i <= TURN_LATER; i++)
        TAILQ_INIT(&s->turns[i]);
    TAILQ_INIT(&s->resting);
    TAILQ_INIT(&s->viewings);
    TAILQ_INIT(&s->deciding);
    turns_init(&s->lobby);
    size_t participants = registry_size(s->config.registry);
    s->rooms = calloc(s->config.limits.rooms, sizeof *s->rooms);
    s->participants = calloc(participants, sizeof *s->participants);
    s->by_slot = calloc(participants, sizeof *s->by_slot);
    s->room_free = free_list(s->config.limits.rooms);
    s->participant_free = free_list(participants);
    s->room_free_count = s->config.limits.rooms;
    s->participant_free_count = participants;
    return s->rooms && s->participants && s->by_slot && s->room_free && s->participant_free &&
           map_init(&s->room_names, s->config.limits.rooms, room_equal, s) &&
           map_init(&s->participant_ids, participants, participant_equal, s);
}

void rooms_free(struct signaling *s)
{
    map_free(&s->room_names);
    map_free(&s->participant_ids);
    free(s->rooms);
    free(s->participants);
    free(s->by_slot);
    free(s->room_free);
    free(s->participant_free);
}

static struct room *room_get(struct signaling *s, const char *name)
{
    uint64_t hash = hash_text(s, name);
    uint32_t i = map_find(&s->room_names, hash, name);
    if (i != MAP_NONE)
        return s->rooms[i];
    struct room *room = s->room_free_count ? calloc(1, sizeof *room) : NULL;
    if (!room)
        return NULL;
    turns_init(room);
    memcpy(room->name, name, strnlen(name, sizeof room->name - 1));
    room->index = s->room_free[--s->room_free_count];
    s->rooms[room->index] = room;
    s->room_count++;
    map_add(&s->room_names, hash, room->index);
    return room;
}

static void room_release(struct signaling *s, struct room *room)
{
    if (room->participants)
        return;
    map_remove(&s->room_names, hash_text(s, room->name), room->name);
    s->rooms[room->index] = NULL;
    s->room_free[s->room_free_count++] = room->index;
    s->room_count--;
    say_listing_changed(room);
    turns_forget(s, room);
    speakers_forget(s, room);
    free(room);
}

enum join_result room_join(struct signaling *s, struct participant *p, const char *name)
{
    uint64_t hash = hash_text(s, p->id);
    if (map_find(&s->participant_ids, hash, p->id) != MAP_NONE)
        return JOIN_PEER_TAKEN;
    if (!s->participant_free_count)
        return JOIN_SERVER_FULL;
    struct room *room = room_get(s, name);
    if (!room)
        return s->room_free_count ? JOIN_NO_MEMORY : JOIN_SERVER_FULL;
    if (room->count >= s->config.limits.participants)
        return JOIN_ROOM_FULL;
    p->index = s->participant_free[--s->participant_free_count];
    s->participants[p->index] = p;
    s->participant_count++;
    map_add(&s->participant_ids, hash, p->index);
    words_leave(p);
    p->room = room;
    words_wait(p);
    p->arrival = ++s->arrivals;
    room->count++;
    p->next = room->participants;
    p->link = &room->participants;
    if (p->next)
        p->next->link = &p->next;
    room->participants = p;
    p->joined = true;
    return JOIN_OK;
}

struct participant *participant_find(const struct signaling *s, const char *id)
{
    uint32_t i = map_find(&s->participant_ids, hash_text(s, id), id);
    return i == MAP_NONE ? NULL : s->participants[i];
}

void room_leave(struct signaling *s, struct participant *p)
{
    map_remove(&s->participant_ids, hash_text(s, p->id), p->id);
    s->participants[p->index] = NULL;
    s->participant_free[s->participant_free_count++] = p->index;
    s->participant_count--;
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    p->room->count--;
    words_leave(p);
    room_release(s, p->room);
    p->room = NULL;
    words_wait(p);
    p->joined = false;
}

#define AUDIENCE_INTERVAL MP_S(2) /* a changed count is not urgent, and everybody is told */

static void audience_add(struct participant *p, size_t one, mp_time now)
{
    p->room->audience += one;
    p->room->audience_changed = true;
    p->signaling->audience_at = mp_min(p->signaling->audience_at, now + AUDIENCE_INTERVAL);
}

/* `one` more of its kind, or fewer. */
static void list_add(struct participant *p, size_t one, mp_time now)
{
    bool watcher = p->role == ROLE_WATCH;
    if (p->listed)
        say_listing_changed(p->room);
    if (p->listed && watcher)
        p->room->watchers_listed += one;
    else if (!p->listed)
        audience_add(p, one, now);
}

void room_list(struct participant *p, mp_time now)
{
    p->listed = p->role != ROLE_WATCH || p->room->watchers_listed < WATCHERS_LISTED_MAX;
    list_add(p, 1, now);
}

void room_unlist(struct participant *p, mp_time now) { list_add(p, (size_t)-1, now); }
