#include "tests/sim/faults.h"
#include "base/limits.h"
#include "crypto/crypto.h"
#include "proto/stun.h"
#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/numbers.h"
#include "tests/sim/server.h"
#include "tests/sim/socket.h"
#include <stdio.h>

/* --- links --- */

static struct link_profile draw(struct sim *s, bool healed)
{
    static const uint32_t losses[] = {0, 0, 50, 100, 200, 500, 1000, 2000};
    struct link_profile p = {.delay = between(s, MP_US(100), below(s, 3) ? MP_MS(40) : MP_MS(200))};
    if (healed)
        return p;
    p.jitter = below(s, 2) ? between(s, 0, MP_MS(40)) : 0;
    p.rate_bps = below(s, 3) ? 0 : 1000000 + below(s, 8000000);
    p.queue_max = MP_MS(50 + below(s, 400));
    p.loss = losses[below(s, 8)];
    p.burst_begin = below(s, 3) ? 0 : 10 + below(s, 60);
    p.burst_end = 500 + below(s, 3000);
    p.reorder = below(s, 3) ? 0 : below(s, 800);
    p.duplicate = below(s, 3) ? 0 : below(s, 800);
    p.flip = below(s, 3) ? 0 : below(s, 300);
    return p;
}

void fault_links(struct sim *s, struct guest *g, bool healed)
{
    struct host *h = guest_host(g);
    h->up.profile = draw(s, healed);
    h->down.profile = draw(s, healed);
    h->up.burst = h->down.burst = false;
}

static void new_links(struct sim *s, struct guest *g)
{
    tell(s, "guest %u: other links", g->number);
    fault_links(s, g, false);
}

/* --- hosts --- */

static void outage(struct sim *s, struct guest *g)
{
    static const int seconds[] = {1, 2, 5, 10, 29, 32, 40};
    struct host *h = guest_host(g);
    mp_time span = MP_S(seconds[below(s, 7)]);
    tell(s, "guest %u: outage of %lld s", g->number, (long long)(span / MP_S(1)));
    h->out_until = s->now + span;
}

static void rebinding(struct sim *s, struct guest *g)
{
    tell(s, "guest %u: its NAT forgets it", g->number);
    if (g->host.nat)
        nat_forget(g->host.nat, &g->host);
}

/* Moves a guest to another network: another NAT or none, other links. */
static void moves(struct sim *s, struct guest *g)
{
    tell(s, "guest %u: moves to another network", g->number);
    rebinding(s, g);
    g->host.inside.port = (uint16_t)(50000 + below(s, 64) * GUESTS_MAX + g->number);
    g->host.nat = below(s, 3) ? network_nat(s->network, 0) : NULL;
    fault_links(s, g, false);
}

/* --- users --- */

void fault_join(struct sim *s, struct guest *g, unsigned rooms)
{
    static const enum guest_role roles[] = {GUEST_CALL, GUEST_CALL, GUEST_CALL, GUEST_STREAM, GUEST_WATCH};
    guest_want(s, g, below(s, rooms), roles[below(s, 5)], s->now + between(s, 0, MP_S(4)));
}

static void comes_or_goes(struct sim *s, struct guest *g)
{
    if (g->wanted)
        guest_unwant(s, g, (enum guest_end)below(s, 3));
    else
        fault_join(s, g, ROOMS_COUNT);
    tell(s, "guest %u: %s", g->number, g->wanted ? "wants to come" : "is gone");
}

static void other_room(struct sim *s, struct guest *g)
{
    tell(s, "guest %u: goes to another room", g->number);
    guest_unwant(s, g, (enum guest_end)below(s, 2));
    fault_join(s, g, ROOMS_COUNT);
}

/* The server and the guest notice the socket's end at different times, in either order, and each message is
 * delayed too. */
static void socket_breaks(struct sim *s, struct guest *g)
{
    tell(s, "guest %u: its socket breaks", g->number);
    if (!g->socket)
        return;
    socket_close(s, g->socket, true, between(s, 0, FAULT_LASTS - MP_S(1)));
    socket_close(s, g->socket, false, between(s, 0, FAULT_LASTS - MP_S(1)));
}

/* --- publishers --- */

static void publisher(struct sim *s, struct guest *g)
{
    struct encoder *e = &g->encoders[below(s, g->layered ? ENCODERS : 2)];
    if (!e->on)
        return;
    if (e->index > 8 && sabotaged(s, SABOTAGE_NONCES))
        e->index -= 8;
    if (sabotaged(s, SABOTAGE_CONTINUITY))
        e->stamp.frame++;
    switch (below(s, 5)) {
    case 0: /* one layer of a layered guest */
        e->silent_until = s->now + between(s, MP_MS(200), g->layered ? MP_S(4) : MP_S(8));
        break;
    case 1: e->index += 1 + below(s, 4000); break;
    case 2: e->timestamp = (uint32_t)prng_next(&s->prng); break;
    case 3: e->keyframe_wanted = true; break;
    default: /* the publisher does not repeat packets of the old SSRC */
        e->ssrc = (uint32_t)prng_next(&s->prng) | 1;
        e->index = below(s, 0x8000);
        e->keyframe_wanted = true;
        e->stamp.part = e->stamp.parts;
        for (unsigned i = 0; i < SENT_KEPT; i++)
            e->kept[i].len = 0;
    }
    tell(s, "guest %u: its encoder has a fault", g->number);
}

/* Mutes and unmutes faster than the server reports it. */
static void mutes(struct sim *s, struct guest *g)
{
    unsigned times = 1 + below(s, 20);
    tell(s, "guest %u: mutes and unmutes %u times", g->number, times);
    guest_mute(s, g, times);
}

/* --- the server's machine --- */

/* The control thread does one piece of work at a time, and each takes long. */
static void busy(struct sim *s)
{
    tell(s, "the control thread has much to do");
    server_busy(s, s->now + between(s, MP_MS(100), FAULT_LASTS));
}

static void stall(struct sim *s)
{
    unsigned w = below(s, server_workers(s));
    tell(s, "worker %u stands still", w);
    server_stall(s, w, s->now + between(s, MP_MS(1), MP_MS(900)));
}

/* --- viewers' lines --- */

/* A few streams pause or resume, as when lines become narrow or wide. */
static void streams_pause(struct sim *s)
{
    for (unsigned n = 1 + below(s, 6); n; n--)
        numbers_toggle(s);
}

/* --- strangers --- */

static size_t forge_check(struct sim *s, uint8_t *out, size_t size, const char *ufrag, const char *own,
                          const char *password)
{
    struct stun_writer w;
    struct hmac_sha1 key;
    uint8_t txid[STUN_TXID_SIZE] = {(uint8_t)below(s, 256)};
    char username[80];
    snprintf(username, sizeof username, "%s:%s", ufrag, own);
    hmac_sha1_key(&key, (const uint8_t *)password, strlen(password));
    stun_begin(&w, out, size, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&w, STUN_ATTR_USERNAME, username, strlen(username));
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 0x7effffff);
    stun_add_u64(&w, STUN_ATTR_CONTROLLING, prng_next(&s->prng));
    stun_add(&w, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&w, &key);
    stun_add_fingerprint(&w);
    return stun_end(&w);
}

/* Attacks without a password: checks of a session whose ufrag the attacker saw, plain Binding requests, and
 * datagrams with any first byte. */
static void stranger(struct sim *s)
{
    struct path path = {.local = network_server(below(s, SERVER_ADDRESSES)), .remote = network_server(0)};
    uint8_t data[1500];
    path.remote.ip[14] = 7;
    path.remote.ip[15] = (uint8_t)below(s, 4);
    path.remote.port = (uint16_t)(1024 + below(s, 8));
    const struct credentials *c = some_session(s, below(s, 64));
    bool knows = c && sabotaged(s, SABOTAGE_AUTHENTICATION);
    tell(s, "a stranger sends");
    for (unsigned n = 1 + below(s, 20); n; n--) {
        size_t len = below(s, sizeof data);
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)prng_next(&s->prng);
        if (c && (knows || below(s, 2)))
            len = forge_check(s, data, sizeof data, c->ufrag, knows ? s->guests[c->guest]->ufrag : "evil",
                              knows ? c->password : "no such password, though");
        network_forged(s, &path, data, len);
    }
}

void fault_one(struct sim *s)
{
    static void (*const faults[])(struct sim *, struct guest *) = {
        new_links,     new_links,     outage,     rebinding,     rebinding, moves,     comes_or_goes,
        comes_or_goes, comes_or_goes, other_room, socket_breaks, publisher, publisher, mutes};
    unsigned kinds = sizeof faults / sizeof *faults, kind = below(s, kinds + 6);
    s->result.faults++;
    if (kind < kinds)
        faults[kind](s, s->guests[below(s, s->guest_count)]);
    else if (kind == kinds)
        stall(s);
    else if (kind == kinds + 1)
        busy(s);
    else if (kind <= kinds + 3)
        streams_pause(s);
    else
        stranger(s);
}
