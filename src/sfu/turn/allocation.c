#include "sfu/turn/allocation.h"
#include "base/check.h"
#include "base/link.h"
#include <stdlib.h>

#define PORT_FIRST 1024
#define PORT_COUNT (65536 - PORT_FIRST)

#define INDEX_BITS 14
_Static_assert(RELAY_ALLOCATIONS_MAX <= 1 << INDEX_BITS && INDEX_BITS + 8 <= LINK_ID_BITS,
               "an index and a generation fit a link");
_Static_assert(WORKERS_MAX * 512 <= PORT_COUNT, "every worker has virtual ports");

static bool client_equal(const void *owner, uint32_t value, const void *key)
{
    return path_equal(&((const struct allocations *)owner)->items[value]->client, key);
}

/* --- virtual ports --- each worker has a part of them, so that no two allocations of a machine share one. */

static bool port_used(const struct allocations *t, uint32_t i) { return t->ports[i / 8] >> (i % 8) & 1; }

/* Continues after the last port given out, so that a freed port stays unused as long as possible. 0: none is
 * free. */
static uint16_t port_take(struct allocations *t, bool even)
{
    for (uint32_t n = 0; n < t->port_count; n++) {
        uint16_t i = (uint16_t)((t->port_next + n) % t->port_count), port = (uint16_t)(t->port_first + i);
        if (port_used(t, i) || (even && port % 2))
            continue;
        t->ports[i / 8] |= (uint8_t)(1u << i % 8);
        t->port_next = (uint16_t)((i + 1) % t->port_count);
        return port;
    }
    return 0;
}

static void port_give(struct allocations *t, uint16_t port)
{
    uint32_t i = (uint32_t)(port - t->port_first);
    t->ports[i / 8] &= (uint8_t) ~(1u << i % 8);
}

/* --- table --- */

bool allocations_init(struct allocations *t, unsigned worker, unsigned workers, uint16_t media_port,
                      size_t max, uint64_t hash_key)
{
    INVARIANT(max > 0 && max <= RELAY_ALLOCATIONS_MAX);
    t->worker = worker;
    t->hash_key = hash_key;
    t->port_count = (uint16_t)(PORT_COUNT / workers);
    t->port_first = (uint16_t)(PORT_FIRST + worker * t->port_count);
    t->capacity = t->free_count = max < t->port_count ? max : t->port_count;
    t->items = calloc(t->capacity, sizeof *t->items);
    t->free = calloc(t->capacity, sizeof *t->free);
    t->generations = calloc(t->capacity, 1);
    t->ports = calloc(t->port_count / 8 + 1u, 1);
    if (!t->items || !t->free || !t->generations || !t->ports || !heap_init(&t->timers, t->capacity) ||
        !map_init(&t->by_client, t->capacity, client_equal, t))
        return false;
    for (size_t i = 0; i < t->capacity; i++)
        t->free[i] = (uint32_t)(t->capacity - 1 - i);
    memset(t->users, 0xff, sizeof t->users);
    memset(t->networks, 0xff, sizeof t->networks);
    if (media_port >= t->port_first && media_port - t->port_first < t->port_count)
        t->ports[(media_port - t->port_first) / 8] |= (uint8_t)(1u << (media_port - t->port_first) % 8);
    return true;
}

void allocations_free(struct allocations *t)
{
    for (size_t i = 0; t->items && i < t->capacity; i++)
        if (t->items[i])
            allocation_end(t, t->items[i]);
    map_free(&t->by_client);
    heap_free(&t->timers);
    free(t->items);
    free(t->free);
    free(t->generations);
    free(t->ports);
}

struct allocation *allocation_of_client(const struct allocations *t, const struct path *client)
{
    uint32_t i = map_find(&t->by_client, path_hash(client, t->hash_key), client);
    return i == MAP_NONE ? NULL : t->items[i];
}

struct allocation *allocation_of_link(const struct allocations *t, uint32_t link)
{
    uint32_t i = link_id(link) & ((1u << INDEX_BITS) - 1);
    struct allocation *a = i < t->capacity ? t->items[i] : NULL;
    return a && a->link == link ? a : NULL;
}

/* --- quotas of users and networks --- */

static uint64_t hash_text(struct bytes text, uint64_t key)
{
    uint64_t h = key;
    for (size_t i = 0; i < text.len; i++)
        h = map_hash(h ^ text.data[i], key);
    return h;
}

static size_t count_user(const struct allocations *t, uint64_t user)
{
    size_t n = 0;
    for (uint32_t i = t->users[user % RELAY_BUCKETS]; i != MAP_NONE; i = t->items[i]->user_next)
        n += t->items[i]->user == user;
    return n;
}

static size_t count_network(const struct allocations *t, uint64_t network)
{
    size_t n = 0;
    for (uint32_t i = t->networks[network % RELAY_BUCKETS]; i != MAP_NONE; i = t->items[i]->network_next)
        n += t->items[i]->network == network;
    return n;
}

static void list(struct allocations *t, struct allocation *a)
{
    uint32_t *user = &t->users[a->user % RELAY_BUCKETS], *network = &t->networks[a->network % RELAY_BUCKETS];
    a->user_next = *user;
    a->network_next = *network;
    *user = *network = a->index;
}

static void unlist(struct allocations *t, struct allocation *a)
{
    uint32_t *user = &t->users[a->user % RELAY_BUCKETS], *network = &t->networks[a->network % RELAY_BUCKETS];
    while (*user != a->index)
        user = &t->items[*user]->user_next;
    while (*network != a->index)
        network = &t->items[*network]->network_next;
    *user = a->user_next;
    *network = a->network_next;
}

/* --- life --- */

static void place(struct allocations *t, struct allocation *a, const struct address *const ips[RELAYED_COUNT],
                  uint16_t port)
{
    a->index = t->free[--t->free_count];
    a->link = link_make(LINK_RELAY, t->worker, (uint32_t)++t->generations[a->index] << INDEX_BITS | a->index);
    for (int f = 0; f < RELAYED_COUNT; f++)
        if (ips[f]) {
            a->relayed[f] = *ips[f];
            a->relayed[f].port = port;
        }
    t->items[a->index] = a;
    t->count++;
    bool added = map_add(&t->by_client, path_hash(&a->client, t->hash_key), a->index);
    INVARIANT(added);
    list(t, a);
}

enum allocation_result allocation_new(struct allocations *t, const struct path *client, struct bytes username,
                                      struct bytes user, const struct address *const ips[RELAYED_COUNT],
                                      bool even, mp_time until, struct allocation **made)
{
    uint64_t user_hash = hash_text(user, t->hash_key),
             network = address_network_hash(&client->remote, t->hash_key);
    if (count_user(t, user_hash) >= RELAY_USER_ALLOCATIONS_MAX ||
        count_network(t, network) >= RELAY_NETWORK_ALLOCATIONS_MAX)
        return ALLOCATION_QUOTA;
    uint16_t port = t->free_count ? port_take(t, even) : 0;
    struct allocation *a = port ? calloc(1, sizeof *a) : NULL;
    if (!a) {
        if (port)
            port_give(t, port);
        return ALLOCATION_FULL;
    }
    INVARIANT(username.len <= sizeof a->username);
    a->client = *client;
    memcpy(a->username, username.data, username.len);
    a->username_len = (uint8_t)username.len;
    a->user = user_hash;
    a->network = network;
    place(t, a, ips, port);
    heap_set(&t->timers, &a->timer, until);
    *made = a;
    return ALLOCATION_OK;
}

void allocation_end(struct allocations *t, struct allocation *a)
{
    heap_set(&t->timers, &a->timer, MP_NEVER);
    unlist(t, a);
    map_remove(&t->by_client, path_hash(&a->client, t->hash_key), &a->client);
    port_give(t, a->relayed[a->relayed[RELAYED_V4].port ? RELAYED_V4 : RELAYED_V6].port);
    t->items[a->index] = NULL;
    t->free[t->free_count++] = a->index;
    t->count--;
    explicit_bzero(&a->key, sizeof a->key);
    free(a);
}

/* --- permissions --- */

static bool permission_is(const struct permission *p, const struct address *peer)
{
    return memcmp(p->ip, peer->ip, sizeof p->ip) == 0;
}

bool allocation_permits(const struct allocation *a, const struct address *peer, mp_time now)
{
    for (size_t i = 0; i < RELAY_PERMISSIONS_MAX; i++)
        if (a->permissions[i].until > now && permission_is(&a->permissions[i], peer))
            return true;
    return false;
}

bool allocation_has_room(const struct allocation *a, const struct turn_peer *peers, size_t count, mp_time now)
{
    size_t room = 0, wanted = 0;
    for (size_t i = 0; i < RELAY_PERMISSIONS_MAX; i++)
        room += a->permissions[i].until <= now;
    for (size_t i = 0; i < count; i++)
        wanted += !allocation_permits(a, &peers[i].address, now);
    return wanted <= room;
}

void allocation_permit(struct allocation *a, const struct address *peer, mp_time now)
{
    struct permission *place = NULL;
    for (size_t i = 0; i < RELAY_PERMISSIONS_MAX; i++) {
        struct permission *p = &a->permissions[i];
        if (p->until > now && permission_is(p, peer)) {
            place = p;
            break;
        }
        if (p->until <= now && !place)
            place = p;
    }
    INVARIANT(place != NULL);
    memcpy(place->ip, peer->ip, sizeof place->ip);
    place->until = now + PERMISSION_LIFETIME;
}

/* --- channels --- */

const struct channel *allocation_channel(const struct allocation *a, uint16_t number, mp_time now)
{
    for (size_t i = 0; i < RELAY_CHANNELS_MAX; i++)
        if (a->channels[i].number == number && a->channels[i].until > now)
            return &a->channels[i];
    return NULL;
}

const struct channel *allocation_channel_to(const struct allocation *a, const struct address *peer,
                                            mp_time now)
{
    for (size_t i = 0; i < RELAY_CHANNELS_MAX; i++)
        if (a->channels[i].until > now && address_equal(&a->channels[i].peer, peer))
            return &a->channels[i];
    return NULL;
}

enum bind_result allocation_bind(struct allocation *a, uint16_t number, const struct address *peer,
                                 mp_time now)
{
    const struct channel *by_number = allocation_channel(a, number, now),
                         *by_peer = allocation_channel_to(a, peer, now);
    if (by_number != by_peer)
        return BIND_CONFLICT;
    for (size_t i = 0; i < RELAY_CHANNELS_MAX; i++) {
        struct channel *c = &a->channels[i];
        if (by_number ? c != by_number : c->until > now)
            continue;
        *c = (struct channel){.number = number, .peer = *peer, .until = now + CHANNEL_LIFETIME};
        return BIND_OK;
    }
    return BIND_FULL;
}
