/* Timer: the earliest of: a new attempt, the transport's own, the next packet or request, and the time to
 * give up. */
#include "tests/sim/guest.h"
#include "base/check.h"
#include "crypto/crypto.h"
#include "tests/sim/guest_internal.h"
#include "tests/sim/invariants.h"
#include "tests/sim/server.h"
#include "tests/sim/socket.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MAX MP_S(20) /* these two as web/client/limits.ts has them */
#define SILENCE_MAX MP_S(10)
#define AGAIN_MIN   MP_MS(250)
#define AGAIN_MAX   MP_MS(1000)

static void due(struct sim *s, struct event *e);

struct guest *guest_new(struct sim *s, unsigned number, struct nat *nat)
{
    struct guest *g = calloc(1, sizeof *g);
    INVARIANT(g != NULL);
    g->timer.run = due;
    g->number = number;
    g->host = (struct host){.guest = g, .nat = nat};
    INVARIANT(
        address_parse(&g->host.inside, nat && nat_kind(nat) != NAT_NONE ? "192.168.1.0" : "192.0.2.0", 0));
    g->host.inside.ip[15] = (uint8_t)(10 + number);
    g->host.inside.port = (uint16_t)(50000 + number);
    g->again_at = g->report_at = MP_NEVER;
    g->identity = dtls_identity_new();
    INVARIANT(g->identity != NULL);
    return g;
}

static void forget(struct guest *g)
{
    client_free(g->client);
    g->client = NULL;
    for (unsigned i = 0; i < ENCODERS; i++)
        encoder_free(&g->encoders[i]);
    for (unsigned i = 0; i < DECODERS_MAX; i++)
        decoder_free(&g->decoders[i]);
    g->report_at = MP_NEVER;
    g->heard_at = 0;
    g->muted = false;
    g->roster.count = 0;
}

void guest_free(struct guest *g)
{
    forget(g);
    dtls_identity_free(g->identity);
    free(g);
}

struct host *guest_host(struct guest *g) { return &g->host; }

bool guest_connected(const struct guest *g)
{
    return g->client && client_state(g->client) == CLIENT_CONNECTED;
}

/* --- user actions --- */

void guest_want(struct sim *s, struct guest *g, unsigned room, enum guest_role role, mp_time at)
{
    g->wanted = true;
    g->room = room;
    g->role = role;
    g->again_at = at;
    guest_plan(s, g);
}

static void give_up_socket(struct sim *s, struct guest *g, enum guest_end how)
{
    struct socket *k = g->socket;
    if (!k)
        return;
    if (how == GUEST_LEAVES)
        guest_say_leave(s, g);
    /* Nothing reports a vanished host to the server; its pings detect it. */
    socket_close(s, k, true, how == GUEST_VANISHES ? between(s, MP_S(20), MP_S(50)) : 0);
    k->guest = NULL;
    g->socket = NULL;
}

void guest_lost(struct sim *s, struct guest *g, enum guest_end how)
{
    give_up_socket(s, g, how);
    forget(g);
    g->again_at = g->wanted ? s->now + between(s, AGAIN_MIN, AGAIN_MAX) : MP_NEVER;
    guest_plan(s, g);
}

void guest_unwant(struct sim *s, struct guest *g, enum guest_end how)
{
    g->wanted = false;
    guest_lost(s, g, how);
}

void guest_closed(struct sim *s, struct guest *g)
{
    tell(s, "guest %u: its socket is closed", g->number);
    guest_lost(s, g, GUEST_CLOSES);
}

/* --- the connection --- */

/* The camera once more, in one small packet a picture; the higher layer always has more to send. */
static void add_layer(struct sim *s, struct guest *g)
{
    struct encoder *high = &g->encoders[1], *low = &g->encoders[2];
    struct content who = high->stamp;
    who.layer = 1;
    encoder_init(low, true, high->rtx_ssrc != 0, &who, &s->prng);
    low->interval = high->interval;
    low->parts_max = 1;
    low->size_max = PAYLOAD_MIN + 50;
    high->size_max = PAYLOAD_MAX;
    g->sources[1].low_ssrc = low->ssrc;
    g->sources[1].low_rtx_ssrc = low->rtx_ssrc;
}

static void begin(struct sim *s, struct guest *g)
{
    g->life++;
    g->again_at = MP_NEVER;
    g->opened_at = s->now;
    g->server = network_server(below(s, SERVER_ADDRESSES));
    g->ssrc = (uint32_t)prng_next(&s->prng) | 1;
    snprintf(g->id, sizeof g->id, "guest-%u-%u", g->number, g->life);
    snprintf(g->ufrag, sizeof g->ufrag, "%08x", (uint32_t)prng_next(&s->prng));
    snprintf(g->password, sizeof g->password, "%016llx%016llx", (unsigned long long)prng_next(&s->prng),
             (unsigned long long)prng_next(&s->prng));
    g->description = (struct description){.ufrag = g->ufrag,
                                          .password = g->password,
                                          .sources = g->sources,
                                          .receives = guest_watches(g),
                                          .without_rtx = g->without_rtx};
    dtls_identity_fingerprint(g->identity, g->description.fingerprint);
    for (unsigned i = 0; i < 2 && guest_publishes(g); i++) {
        struct content who = {.room = g->room, .guest = g->number, .life = g->life};
        encoder_init(&g->encoders[i], i == 1, !g->description.without_rtx, &who, &s->prng);
        g->sources[i] = (struct source){.video = i == 1,
                                        .client = g->number,
                                        .ssrc = g->encoders[i].ssrc,
                                        .rtx_ssrc = g->encoders[i].rtx_ssrc};
        g->description.source_count++;
    }
    if (g->layered && guest_publishes(g))
        add_layer(s, g);
    g->socket = socket_open(s, g);
    s->result.joins++;
    tell(s, "guest %u: attempt %u, room %u", g->number, g->life, g->room);
    guest_say_join(s, g);
}

void guest_connect(struct sim *s, struct guest *g, const struct media_remote *remote)
{
    struct client_config config = {.path = {.local = g->host.inside, .remote = remote->server},
                                   .ufrag = g->ufrag,
                                   .password = g->password,
                                   .remote_ufrag = remote->remote_ufrag,
                                   .remote_password = remote->remote_password,
                                   .remote_fingerprint = remote->fingerprint,
                                   .identity = g->identity,
                                   .crypto = server_client_crypto(s),
                                   .cm_only = below(s, 4) == 0,
                                   .seed = prng_next(&s->prng),
                                   .context = g,
                                   .rtp = guest_rtp,
                                   .rtcp = guest_rtcp};
    g->client = client_new(&config, s->now);
    INVARIANT(g->client != NULL);
    note_session(s, g, remote->remote_ufrag, remote->remote_password);
}

static void flush(struct sim *s, struct guest *g)
{
    uint8_t data[1500];
    size_t len;
    while (g->client && (len = client_output(g->client, data, sizeof data)))
        guest_send(s, g, data, len);
}

void guest_send(struct sim *s, struct guest *g, const uint8_t *data, size_t len)
{
    network_up(s, &g->host, &client_path(g->client)->remote, data, len);
}

/* Checks the state of the transport. */
static void look(struct sim *s, struct guest *g, enum client_state before)
{
    enum client_state state = client_state(g->client);
    flush(s, g);
    if (state == CLIENT_CONNECTED && before != state) {
        tell(s, "guest %u: connected", g->number);
        guest_media_start(s, g);
    } else if (state == CLIENT_FAILED) {
        tell(s, "guest %u: its transport failed", g->number);
        note_failed(s, g);
        guest_lost(s, g, GUEST_LEAVES);
        return;
    }
    guest_plan(s, g);
}

void guest_datagram(struct sim *s, struct guest *g, const uint8_t *data, size_t len)
{
    if (!g->client)
        return;
    enum client_state before = client_state(g->client);
    uint32_t life = g->life;
    guest_now(s);
    client_input(g->client, data, len, s->now);
    if (g->life != life || !g->client)
        return;
    g->heard_at = s->now;
    look(s, g, before);
}

/* --- time --- */

static mp_time gives_up_at(const struct guest *g)
{
    return guest_connected(g) ? g->heard_at + SILENCE_MAX : g->opened_at + CONNECT_MAX;
}

void guest_plan(struct sim *s, struct guest *g)
{
    mp_time at = g->again_at;
    if (g->socket)
        at = mp_min(at, gives_up_at(g));
    if (g->client)
        at = mp_min(at, client_deadline(g->client));
    if (guest_connected(g))
        at = mp_min(at, guest_media_deadline(g));
    event_at(s, &g->timer, at == MP_NEVER ? at : mp_max(at, s->now));
}

static void due(struct sim *s, struct event *e)
{
    struct guest *g = (struct guest *)e;
    if (g->again_at <= s->now && g->wanted)
        begin(s, g);
    if (g->socket && gives_up_at(g) <= s->now) {
        tell(s, "guest %u: gives up", g->number);
        guest_lost(s, g, GUEST_CLOSES);
        return;
    }
    if (g->client && client_deadline(g->client) <= s->now) {
        enum client_state before = client_state(g->client);
        client_timeout(g->client, s->now);
        look(s, g, before);
    }
    if (guest_connected(g))
        guest_media_timeout(s, g);
    guest_plan(s, g);
}
