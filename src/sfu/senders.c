#include "sfu/senders.h"
#include "base/map.h"
#include "sfu/arrival.h"
#include <stdlib.h>

bool senders_init(struct senders *s, size_t capacity, uint64_t key)
{
    size_t size = 16;
    while (size < capacity)
        size *= 2;
    *s = (struct senders){.chains = calloc(size, sizeof *s->chains), .mask = size - 1, .key = key};
    return s->chains != NULL;
}

void senders_free(struct senders *s) { free(s->chains); }

static uint64_t hash_placed(const struct senders *s, uint32_t ssrc, const struct address *place)
{
    return map_hash(ssrc ^ address_network_hash(place, s->key), s->key);
}

static uint64_t hash_alone(const struct senders *s, uint32_t ssrc) { return map_hash(ssrc, ~s->key); }

static void enter(struct senders *s, struct sender_entry *e, uint64_t hash)
{
    struct sender_entry **chain = &s->chains[hash & s->mask];
    e->hash = hash;
    e->next = *chain;
    e->link = chain;
    if (e->next)
        e->next->link = &e->next;
    *chain = e;
}

static void leave(struct sender_entry *e)
{
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
}

void sender_add(struct senders *s, struct sender *sender, struct session *session, uint32_t ssrc,
                const struct address *place)
{
    *sender =
        (struct sender){.session = session, .ssrc = ssrc, .placed.sender = sender, .alone.sender = sender};
    enter(s, &sender->placed, hash_placed(s, ssrc, place));
    enter(s, &sender->alone, hash_alone(s, ssrc));
}

void sender_move(struct senders *s, struct sender *sender, const struct address *place)
{
    leave(&sender->placed);
    enter(s, &sender->placed, hash_placed(s, sender->ssrc, place));
}

void sender_remove(struct sender *sender)
{
    leave(&sender->placed);
    leave(&sender->alone);
}

static bool is_among(struct session *const found[], size_t count, const struct session *session)
{
    for (size_t i = 0; i < count; i++)
        if (found[i] == session)
            return true;
    return false;
}

size_t senders_find(const struct senders *s, uint32_t ssrc, const struct arrival *arrival,
                    sender_expects *expects, struct session *found[SENDER_TRIES_MAX])
{
    const uint64_t hashes[] = {hash_placed(s, ssrc, &arrival->path->remote), hash_alone(s, ssrc)};
    size_t count = 0;
    for (int h = 0; h < 2; h++) {
        const struct sender_entry *e = s->chains[hashes[h] & s->mask];
        for (int steps = 0; e && steps < SENDER_STEPS_MAX && count < SENDER_TRIES_MAX; e = e->next, steps++) {
            struct session *session = e->sender->session;
            if (e->hash == hashes[h] && e->sender->ssrc == ssrc && !is_among(found, count, session) &&
                expects(session, arrival))
                found[count++] = session;
        }
    }
    return count;
}
