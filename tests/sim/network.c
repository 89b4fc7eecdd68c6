#include "tests/sim/network.h"
#include "base/check.h"
#include "proto/demux.h"
#include "tests/sim/guest.h"
#include "tests/sim/invariants.h"
#include "tests/sim/server.h"
#include <stdlib.h>
#include <string.h>

#define MAPPINGS_MAX 32
#define PORT_FIRST   40000
#define PORTS        24 /* few, so that guests soon reuse ports of others */

struct mapping {
    struct host *host; /* NULL: free */
    struct address server;
    uint16_t port;
    mp_time used;
};

struct nat {
    enum nat_kind kind;
    struct address outside;
    mp_time idle_max;
    uint16_t next_port;
    struct mapping mappings[MAPPINGS_MAX];
};

struct network {
    unsigned nat_count;
    struct nat nats[];
};

struct datagram {
    struct event event;
    struct path path; /* as the receiver sees it */
    struct host *from, *to;
    bool genuine; /* as the sender made it */
    size_t len;
    uint8_t data[];
};

/* --- NATs --- */

struct network *network_new(struct sim *s, unsigned nats)
{
    struct network *n = calloc(1, sizeof *n + nats * sizeof n->nats[0]);
    INVARIANT(n != NULL);
    n->nat_count = nats;
    for (unsigned i = 0; i < nats; i++) {
        INVARIANT(address_parse(&n->nats[i].outside, "203.0.113.0", 0));
        n->nats[i].outside.ip[15] = (uint8_t)(1 + i);
    }
    return n;
}

void network_free(struct network *n) { free(n); }

struct nat *network_nat(struct network *n, unsigned number) { return &n->nats[number]; }

void nat_setup(struct nat *nat, enum nat_kind kind, mp_time idle_max)
{
    nat->kind = kind;
    nat->idle_max = idle_max;
}

enum nat_kind nat_kind(const struct nat *nat) { return nat->kind; }

void nat_forget(struct nat *nat, const struct host *host)
{
    for (unsigned i = 0; i < MAPPINGS_MAX; i++)
        if (nat->mappings[i].host == host)
            nat->mappings[i].host = NULL;
}

struct address network_server(unsigned number)
{
    struct address a;
    INVARIANT(address_parse(&a, "198.51.100.1", SERVER_PORT));
    a.ip[15] = (uint8_t)(1 + number);
    return a;
}

static bool port_used(const struct nat *nat, uint16_t port)
{
    for (unsigned i = 0; i < MAPPINGS_MAX; i++)
        if (nat->mappings[i].host && nat->mappings[i].port == port)
            return true;
    return false;
}

static struct mapping *mapping_new(struct nat *nat, struct host *host, const struct address *server,
                                   mp_time now)
{
    struct mapping *oldest = &nat->mappings[0];
    for (unsigned i = 0; i < MAPPINGS_MAX; i++) {
        struct mapping *m = &nat->mappings[i];
        if (m->host && now - m->used > nat->idle_max)
            m->host = NULL;
        if (!m->host || (oldest->host && m->used < oldest->used))
            oldest = m;
    }
    oldest->host = NULL;
    do
        nat->next_port = (uint16_t)((nat->next_port + 1) % (MAPPINGS_MAX + PORTS));
    while (port_used(nat, (uint16_t)(PORT_FIRST + nat->next_port)));
    *oldest = (struct mapping){
        .host = host, .server = *server, .port = (uint16_t)(PORT_FIRST + nat->next_port), .used = now};
    return oldest;
}

static struct mapping *mapping_find(struct nat *nat, const struct host *host, const struct address *server,
                                    mp_time now)
{
    for (unsigned i = 0; i < MAPPINGS_MAX; i++) {
        struct mapping *m = &nat->mappings[i];
        if (m->host == host && now - m->used <= nat->idle_max &&
            (nat->kind != NAT_SYMMETRIC || address_equal(&m->server, server)))
            return m;
    }
    return NULL;
}

/* The address that a datagram of the host leaves with. */
static struct address outside(struct host *host, const struct address *server, mp_time now)
{
    struct nat *nat = host->nat;
    if (!nat || nat->kind == NAT_NONE)
        return host->inside;
    struct mapping *m = mapping_find(nat, host, server, now);
    if (!m)
        m = mapping_new(nat, host, server, now);
    m->used = now;
    struct address a = nat->outside;
    a.port = m->port;
    return a;
}

static struct host *through(struct nat *nat, const struct path *path, mp_time now)
{
    for (unsigned i = 0; i < MAPPINGS_MAX; i++) {
        struct mapping *m = &nat->mappings[i];
        if (m->host && m->port == path->remote.port && now - m->used <= nat->idle_max &&
            (nat->kind != NAT_SYMMETRIC || address_equal(&m->server, &path->local))) {
            m->used = now;
            return m->host;
        }
    }
    return NULL;
}

/* The host that a datagram of the server reaches; NULL: none. */
static struct host *inside(struct sim *s, const struct path *path)
{
    for (unsigned i = 0; i < s->network->nat_count; i++)
        if (memcmp(s->network->nats[i].outside.ip, path->remote.ip, sizeof path->remote.ip) == 0)
            return through(&s->network->nats[i], path, s->now);
    for (unsigned i = 0; i < s->guest_count; i++) {
        struct host *h = guest_host(s->guests[i]);
        if ((!h->nat || h->nat->kind == NAT_NONE) && address_equal(&h->inside, &path->remote))
            return h;
    }
    return NULL;
}

struct address network_outside(const struct sim *s, const struct host *host)
{
    struct address none = {.port = 0}, server = network_server(0);
    if (!host->nat || host->nat->kind == NAT_NONE)
        return host->inside;
    const struct mapping *m = mapping_find(host->nat, host, &server, s->now);
    if (!m)
        return none;
    struct address a = host->nat->outside;
    a.port = m->port;
    return a;
}

/* --- links --- */

static void arrive(struct sim *s, struct event *e)
{
    struct datagram *d = (struct datagram *)e;
    uint64_t h = mix((uint64_t)s->now, d->path.remote.port | (uint64_t)d->path.remote.ip[15] << 16);
    trace(s, mix_bytes(h, d->data, d->len));
    s->result.datagrams++;
    if (d->to) {
        guest_datagram(s, d->to->guest, d->data, d->len);
    } else {
        if (d->genuine)
            note_datagram(s, &d->path.remote, d->len, d->from && demux(d->data, d->len) == DATAGRAM_STUN);
        else
            note_stranger(s, &d->path.remote, d->len);
        server_datagram(s, &d->path, d->data, d->len);
    }
    free(d);
}

static void launch(struct sim *s, const struct datagram *like, const uint8_t *data, bool flip, mp_time at)
{
    struct datagram *d = malloc(sizeof *d + like->len);
    INVARIANT(d != NULL);
    *d = *like;
    d->event = (struct event){.run = arrive};
    memcpy(d->data, data, d->len);
    if (flip && d->len) {
        d->data[below(s, (uint32_t)d->len)] ^= (uint8_t)(1 << below(s, 8));
        d->genuine = false;
    }
    event_at(s, &d->event, at);
}

static bool lost(struct sim *s, struct link *l)
{
    const struct link_profile *p = &l->profile;
    if (chance(s, l->burst ? p->burst_end : p->burst_begin))
        l->burst = !l->burst;
    return l->burst ? below(s, 8) != 0 : chance(s, p->loss);
}

static void carry(struct sim *s, struct link *l, const struct datagram *d, const uint8_t *data)
{
    const struct link_profile *p = &l->profile;
    mp_time begin = mp_max(l->free_at, s->now);
    if (lost(s, l) || (p->rate_bps && begin - s->now > p->queue_max))
        return;
    if (p->rate_bps)
        l->free_at = begin + (mp_time)((d->len + 28) * 8000000000ull / p->rate_bps);
    mp_time at = mp_max(l->free_at, s->now) + p->delay + (p->jitter ? between(s, 0, p->jitter) : 0);
    if (chance(s, p->reorder))
        at += between(s, MP_MS(1), MP_MS(60));
    else /* jitter alone keeps the order, as in a queue */
        l->last_at = at = mp_max(at, l->last_at + 1);
    launch(s, d, data, chance(s, p->flip), at);
    if (chance(s, p->duplicate))
        launch(s, d, data, false, at + between(s, MP_US(1), MP_MS(20)));
}

void network_up(struct sim *s, struct host *host, const struct address *server, const uint8_t *data,
                size_t len)
{
    struct datagram d = {.path = {.local = *server, .remote = outside(host, server, s->now)},
                         .from = host,
                         .genuine = true,
                         .len = len};
    if (s->now >= host->out_until)
        carry(s, &host->up, &d, data);
}

/* Loses all media to one guest. */
static bool silenced(struct sim *s, const struct host *host, const uint8_t *data, size_t len)
{
    return host->guest == s->guests[0] && demux(data, len) == DATAGRAM_RTP && sabotaged(s, SABOTAGE_DECODING);
}

void network_down(struct sim *s, const struct path *path, const uint8_t *data, size_t len)
{
    struct host *host = inside(s, path);
    struct datagram d = {.path = *path, .to = host, .genuine = true, .len = len};
    if (host && s->now >= host->out_until && !silenced(s, host, data, len))
        carry(s, &host->down, &d, data);
}

void network_forged(struct sim *s, const struct path *path, const uint8_t *data, size_t len)
{
    struct datagram d = {.path = *path, .len = len};
    launch(s, &d, data, false, s->now + between(s, MP_MS(1), MP_MS(50)));
}
