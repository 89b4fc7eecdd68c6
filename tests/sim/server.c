#include "tests/sim/server.h"
#include "base/check.h"
#include "crypto/crypto.h"
#include "server/mailbox.h"
#include "signal/signaling.h"
#include "tests/sim/guest.h"
#include "tests/sim/invariants.h"
#include "tests/sim/nonces.h"
#include "tests/sim/socket.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RX_QUEUE   512 /* datagrams that a worker's socket holds */
#define INBOX_TURN 64
#define TURNS_SPIN 200 /* more turns at one moment mean that a worker loops without work */

struct received {
    struct path path;
    size_t len;
    uint8_t data[DATAGRAM_IN_MAX];
};

struct worker {
    struct event turn; /* first */
    struct sim *sim;
    unsigned number;
    struct crypto *crypto;
    struct sfu *sfu;
    struct stats stats;
    struct mailbox inbox[WORKERS + 1], events; /* inbox: [from]; the last is the control thread's */
    struct waker waker;
    struct received *queue; /* [RX_QUEUE] */
    size_t head, tail;
    mp_time stalled_until, spun_at;
    unsigned spins;
};

struct server {
    struct event control; /* first */
    mp_time busy_until;   /* the control thread has so much to do that each turn is long */
    unsigned workers;
    struct registry *registry;
    struct dtls_identity *identity;
    struct crypto *client_crypto;
    struct worker worker[WORKERS];
    const struct stats *stats[WORKERS];
    struct signaling *signaling;
    struct address addresses[SERVER_ADDRESSES];
    struct waker waker; /* the control thread's */
    struct socket *sockets;
    struct message published; /* the last, for smuggle */
};

/* --- a worker's turn, as in src/server/worker.c --- */

static void wake_worker(void *context)
{
    struct worker *w = context;
    event_before(w->sim, &w->turn,
                 mp_max(w->sim->now + between(w->sim, MP_US(2), MP_US(60)), w->stalled_until));
}

static void wake_control(void *context)
{
    struct sim *s = context;
    event_before(s, &s->server->control, s->now + between(s, MP_US(5), MP_MS(3)));
}

void server_datagram(struct sim *s, const struct path *path, const uint8_t *data, size_t len)
{
    struct server *v = s->server;
    struct worker *w = &v->worker[path_hash(path, 1) % v->workers];
    if (w->head - w->tail == RX_QUEUE || len > DATAGRAM_IN_MAX)
        return;
    struct received *r = &w->queue[w->head++ % RX_QUEUE];
    r->path = *path;
    r->len = len;
    memcpy(r->data, data, len);
    wake_worker(w);
}

static bool read_inboxes(struct worker *w)
{
    bool more = false;
    for (unsigned from = 0; from <= WORKERS; from++) {
        struct message m;
        unsigned n = 0;
        for (; n < INBOX_TURN && mailbox_peek(&w->inbox[from], &m); n++) {
            sfu_message(w->sfu, &m, w->sim->now);
            mailbox_next(&w->inbox[from]);
        }
        more |= n == INBOX_TURN;
    }
    return more;
}

static void send_all(struct worker *w)
{
    struct transmit t[TX_BATCH];
    size_t n;
    while ((n = sfu_output(w->sfu, t, TX_BATCH, w->sim->now)))
        for (size_t i = 0; i < n; i++)
            for (uint32_t at = 0, len; at < t[i].len; at += len) {
                len = t[i].segment && t[i].segment < t[i].len - at ? t[i].segment : t[i].len - at;
                check_sent(w->sim, &t[i].path, t[i].data + at, len);
                network_down(w->sim, &t[i].path, t[i].data + at, len);
            }
}

static bool tampered(struct sim *s, const struct message *m)
{
    return (m->type == MESSAGE_REPLICA_CLOSE && sabotaged(s, SABOTAGE_POOLS)) ||
           (m->type == MESSAGE_PATH_REMOVED && sabotaged(s, SABOTAGE_OWNERS));
}

static void post_all(struct worker *w)
{
    struct message m;
    while (sfu_emit(w->sfu, &m)) {
        struct mailbox *to = m.to == TO_CONTROL ? &w->events : &w->sim->server->worker[m.to].inbox[w->number];
        INVARIANT(m.to == TO_CONTROL || m.to < w->sim->server->workers);
        trace(w->sim, (uint64_t)m.type << 32 | m.session);
        if (m.type == MESSAGE_ENDED && sabotaged(w->sim, SABOTAGE_CONNECTION))
            m.reason = END_DTLS_FAILED;
        check_event(w->sim, &m);
        if (!tampered(w->sim, &m) && !mailbox_send(to, &m))
            stat_add(&w->stats.drops[DROP_INBOX], 1);
    }
}

/* True: a message waits for room. */
static bool emit_all(struct worker *w)
{
    post_all(w);
    bool waiting = !mailbox_flush(&w->events);
    for (unsigned to = 0; to < w->sim->server->workers; to++)
        waiting |= !mailbox_flush(&w->sim->server->worker[to].inbox[w->number]);
    return waiting;
}

static void check_spin(struct worker *w)
{
    w->spins = w->spun_at == w->sim->now ? w->spins + 1 : 0;
    w->spun_at = w->sim->now;
    if (w->spins > TURNS_SPIN)
        violated(w->sim, "deadlines", "worker %u turns and turns", w->number);
}

static void turn(struct sim *s, struct event *e)
{
    struct worker *w = (struct worker *)e;
    bool more = false;
    for (unsigned n = 0; n < RX_BATCH && w->tail != w->head; n++) {
        struct received *r = &w->queue[w->tail++ % RX_QUEUE];
        sfu_input(w->sfu, &r->path, r->data, r->len, s->now, s->now);
    }
    more = w->tail != w->head;
    more |= read_inboxes(w);
    if (sfu_deadline(w->sfu, s->now) <= s->now)
        sfu_timeout(w->sfu, s->now);
    emit_all(w);
    send_all(w);
    bool deferred = emit_all(w);
    waker_sleep(&w->waker);
    mp_time at = sfu_deadline(w->sfu, s->now);
    if (deferred)
        at = mp_min(at, s->now + MP_MS(1));
    if (sabotaged(s, SABOTAGE_DEADLINES))
        at = s->now;
    if (more)
        at = s->now + MP_US(10);
    check_spin(w);
    if (at != MP_NEVER)
        event_before(s, e, mp_max(at, s->now));
    check_owners(s);
}

void server_stall(struct sim *s, unsigned worker, mp_time until)
{
    struct worker *w = &s->server->worker[worker];
    w->stalled_until = until;
    event_at(s, &w->turn, until);
}

void server_wake(struct sim *s, unsigned worker) { wake_worker(&s->server->worker[worker]); }

void server_busy(struct sim *s, mp_time until) { s->server->busy_until = until; }

/* --- the control thread, as in src/server/control.c --- */

static void flush_commands(struct sim *s)
{
    bool waiting = false;
    for (unsigned i = 0; i < s->server->workers; i++)
        waiting |= !mailbox_flush(&s->server->worker[i].inbox[WORKERS]);
    mp_time at = signal_deadline(s->server->signaling);
    if (waiting)
        at = mp_min(at, s->now + MP_MS(5));
    mp_time turn = s->now < s->server->busy_until ? between(s, MP_MS(1), MP_MS(30)) : 0;
    if (at != MP_NEVER)
        event_before(s, &s->server->control, mp_max(at, s->now + turn));
}

static void control(struct sim *s, struct event *e)
{
    struct server *v = s->server;
    struct message m;
    for (unsigned i = 0; i < v->workers; i++)
        while (mailbox_peek(&v->worker[i].events, &m)) {
            mailbox_next(&v->worker[i].events);
            signal_event(v->signaling, &m, s->now);
        }
    waker_sleep(&v->waker);
    if (signal_deadline(v->signaling) <= s->now)
        signal_timeout(v->signaling, s->now);
    for (unsigned n = s->now < v->busy_until ? 1 : 1 + below(s, 8); n && signal_go_on(v->signaling, s->now);
         n--)
        ;
    flush_commands(s);
}

static void io_send(void *context, void *socket, const char *text, size_t len)
{
    struct socket *k = socket;
    if (k->closing)
        violated(context, "signaling", "a text for a socket that was closed");
    if (strstr(text, "\"participant-updated\"") && sabotaged(context, SABOTAGE_NEWS))
        return;
    socket_text(context, k, false, text, len);
}

static void io_close(void *context, void *socket, uint16_t code, const char *reason)
{
    struct socket *k = socket;
    struct sim *s = context;
    k->closing = true;
    socket_close(s, k, false, 0);
    /* closed by the guest, or by the server's timeout */
    socket_close(s, k, true, between(s, MP_MS(1), MP_S(2)));
}

static void io_attach(void *context, void *socket, struct participant *participant)
{
    struct socket *k = socket;
    k->participant = participant;
}

/* Subscribes a viewer to a track of another room. */
static void smuggle(struct sim *s, const struct message *m)
{
    const struct message *other = &s->server->published;
    if (m->type == MESSAGE_PUBLISH)
        s->server->published = *m;
    if (m->type != MESSAGE_SUBSCRIBE || m->session == other->session || !other->track ||
        room_of_track(s, m->track) == room_of_track(s, other->track) || !sabotaged(s, SABOTAGE_ROOM))
        return;
    struct message more = *m;
    more.track = other->track;
    more.subscribe.origin = other->to;
    more.subscribe.codec = other->publish.codec;
    more.subscribe.ssrc += 1000;
    more.subscribe.rtx_ssrc += 1000;
    mailbox_send(&s->server->worker[m->to].inbox[WORKERS], &more);
}

static void io_command(void *context, const struct message *m)
{
    struct sim *s = context;
    trace(s, (uint64_t)m->type << 40 | (uint64_t)m->to << 32 | m->track);
    note_command(s, m);
    struct mailbox *to = &s->server->worker[m->to].inbox[WORKERS];
    mailbox_send(to, m);
    mailbox_flush(to);
    if (s->options.sabotage == SABOTAGE_ROOM)
        smuggle(s, m);
}

static void io_random(void *context, uint8_t *out, size_t len)
{
    struct sim *s = context;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)prng_next(&s->prng);
}

/* --- sockets --- */

void server_keep(struct sim *s, struct socket *k)
{
    k->next = s->server->sockets;
    s->server->sockets = k;
}

void server_opened(struct sim *s, struct socket *k)
{
    struct signal_client client = {.socket = k, .local = network_server(0), .host = "monoport.example"};
    k->participant = signal_opened(s->server->signaling, &client, s->now);
    INVARIANT(k->participant != NULL);
}

void server_text(struct sim *s, struct socket *k, const char *text, size_t len)
{
    if (k->participant)
        signal_text(s->server->signaling, k->participant, text, len, s->now);
    flush_commands(s);
}

void server_closed(struct sim *s, struct socket *k)
{
    struct participant *p = k->participant;
    k->participant = NULL;
    k->closing = true;
    if (p)
        signal_closed(s->server->signaling, p, s->now);
    flush_commands(s);
}

/* --- life --- */

static void worker_open(struct sim *s, struct worker *w, unsigned number, size_t packets)
{
    struct server *v = s->server;
    *w = (struct worker){.turn = {.run = turn}, .sim = s, .number = number};
    /* small rings, so that messages that must arrive have to wait */
    size_t inbox = (size_t)8192 << below(s, 5);
    w->waker = (struct waker){.sleeping = true, .wake = wake_worker, .context = w};
    w->queue = calloc(RX_QUEUE, sizeof *w->queue);
    w->crypto = crypto_new(s->options.real_crypto ? CRYPTO_BEST : CRYPTO_NULL);
    INVARIANT(w->queue && w->crypto && mailbox_init(&w->events, inbox, &v->waker));
    for (unsigned from = 0; from <= WORKERS; from++)
        INVARIANT(mailbox_init(&w->inbox[from], inbox, &w->waker));
    w->sfu = sfu_new(&(struct sfu_config){.worker = number,
                                          .workers = v->workers,
                                          .registry = v->registry,
                                          .crypto = w->crypto,
                                          .identity = v->identity,
                                          .stats = &w->stats,
                                          .packets = packets,
                                          .seed = prng_next(&s->prng),
                                          .secret = {(uint8_t)number, 1},
                                          .wall = MP_S(3900000000)});
    INVARIANT(w->sfu != NULL);
    v->stats[number] = &w->stats;
}

void server_open(struct sim *s, unsigned workers, size_t sessions)
{
    struct server *v = calloc(1, sizeof *v);
    struct signal_io io = {.context = s,
                           .send = io_send,
                           .close = io_close,
                           .attach = io_attach,
                           .command = io_command,
                           .random = io_random};
    INVARIANT(v != NULL);
    s->server = v;
    v->workers = workers;
    v->control.run = control;
    v->waker = (struct waker){.sleeping = true, .wake = wake_control, .context = s};
    v->registry = registry_new(sessions);
    v->identity = dtls_identity_new();
    v->client_crypto = crypto_new(s->options.real_crypto ? CRYPTO_BEST : CRYPTO_NULL);
    INVARIANT(v->registry && v->identity && v->client_crypto);
    size_t packets = (size_t)1024 << below(s, 4);
    for (unsigned i = 0; i < workers; i++)
        worker_open(s, &v->worker[i], i, packets);
    for (unsigned i = 0; i < SERVER_ADDRESSES; i++)
        v->addresses[i] = network_server(i);
    struct signal_config config = {.registry = v->registry,
                                   .stats = v->stats,
                                   .workers = workers,
                                   .addresses = v->addresses,
                                   .address_count = SERVER_ADDRESSES,
                                   .announced = true,
                                   .port = SERVER_PORT,
                                   .version = "0",
                                   .packets = packets};
    dtls_identity_fingerprint(v->identity, config.fingerprint);
    v->signaling = signal_new(&config, &io);
    INVARIANT(v->signaling != NULL);
}

void server_end(struct sim *s)
{
    struct server *v = s->server;
    for (struct socket *k = v->sockets; k; k = k->next)
        if (k->participant)
            signal_closed(v->signaling, k->participant, s->now);
    event_off(s, &v->control);
    for (unsigned i = 0; i < v->workers; i++)
        event_off(s, &v->worker[i].turn);
}

void server_close(struct sim *s)
{
    struct server *v = s->server;
    for (struct socket *k = v->sockets, *next; k; k = next) {
        next = k->next;
        free(k);
    }
    signal_free(v->signaling);
    for (unsigned i = 0; i < v->workers; i++) {
        struct worker *w = &v->worker[i];
        sfu_free(w->sfu);
        crypto_free(w->crypto);
        for (unsigned from = 0; from <= WORKERS; from++)
            mailbox_free(&w->inbox[from]);
        mailbox_free(&w->events);
        free(w->queue);
    }
    crypto_free(v->client_crypto);
    dtls_identity_free(v->identity);
    registry_free(v->registry);
    free(v);
}

unsigned server_workers(const struct sim *s) { return s->server->workers; }
struct registry *server_registry(const struct sim *s) { return s->server->registry; }
struct sfu *server_sfu(const struct sim *s, unsigned i) { return s->server->worker[i].sfu; }
const struct stats *server_stats(const struct sim *s, unsigned i) { return &s->server->worker[i].stats; }
struct crypto *server_client_crypto(const struct sim *s) { return s->server->client_crypto; }

long long server_metric(const struct sim *s, const char *name)
{
    char key[80];
    size_t len;
    char *text = signal_metrics(s->server->signaling, &len, s->now);
    snprintf(key, sizeof key, "\n%s ", name);
    const char *at = text ? strstr(text, key) : NULL;
    long long value = at ? atoll(at + strlen(key)) : -1;
    free(text);
    return value;
}

/* Nothing to read, and nothing that waits for room. */
static bool is_empty(struct mailbox *mailbox)
{
    struct message m;
    return !mailbox->first && !mailbox_peek(mailbox, &m);
}

bool server_quiet(const struct sim *s)
{
    for (unsigned i = 0; i < s->server->workers; i++) {
        struct worker *w = &s->server->worker[i];
        if (!is_empty(&w->events))
            return false;
        for (unsigned from = 0; from <= WORKERS; from++)
            if (!is_empty(&w->inbox[from]))
                return false;
    }
    return true;
}
