#include "server/worker.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/packet.h"
#include "base/watch.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/random.h"
#include "net/thread.h"
#include "proto/ice.h"
#include "sfu/sfu.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define INBOX_TURN  1024         /* messages of one inbox that one turn handles */
#define RINGS_TOTAL (256u << 20) /* total bytes of all rings */

struct worker {
    struct workers *all;
    unsigned number;
    pthread_t thread;
    bool started;
    struct stats stats;
    struct udp *udp;
    struct streams *streams;
    bool streams_ready; /* the loop says so */
    struct loop *loop;
    struct crypto *crypto;
    struct sfu *sfu;
    struct waker waker;
    struct mailbox *inbox; /* [from]; the last is the control thread's */
    struct mailbox events; /* to the control thread */
    mp_time now;           /* one read of the clock a turn */
    struct pulse pulse;
    mp_time load_at;
};

struct workers {
    unsigned count;
    _Atomic bool stop;
    const struct registry *registry;
    unsigned next; /* worker for the next connection without a session; used by the accepting thread */
    struct waker control;
    bool (*http)(void *control, int fd, const struct path *);
    const struct stats **stats;
    struct worker worker[];
};

/* --- one turn --- */

static void datagram(void *context, const struct path *path, const uint8_t *data, size_t len, mp_time arrival)
{
    struct worker *w = context;
    sfu_input(w->sfu, path, data, len, arrival, w->now);
}

static void frame(void *context, const struct path *path, const uint8_t *data, size_t len)
{
    struct worker *w = context;
    sfu_input(w->sfu, path, data, len, w->now, w->now);
}

/* Without a connection it makes no system call. True: there may be more. */
static bool receive_streams(struct worker *w)
{
    bool ready = w->streams_ready || streams_busy(w->streams);
    w->streams_ready = false;
    return ready && streams_receive(w->streams, w->now);
}

/* Passes messages of other threads to the core. True: an inbox may hold more. */
static bool read_inboxes(struct worker *w)
{
    bool more = false;
    for (unsigned from = 0; from <= w->all->count; from++) {
        struct message m;
        unsigned n = 0;
        for (; n < INBOX_TURN && mailbox_peek(&w->inbox[from], &m); n++) {
            sfu_message(w->sfu, &m, w->now);
            mailbox_next(&w->inbox[from]);
        }
        more |= n == INBOX_TURN;
    }
    return more;
}

/* Sends the datagrams for streams and moves the others together. Returns how many are left. */
static size_t send_streams(struct worker *w, struct transmit *t, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (t[i].path.link == LINK_UDP)
            t[left++] = t[i];
        else
            streams_send(w->streams, &t[i]);
    return left;
}

static void send_all(struct worker *w)
{
    struct transmit transmits[TX_BATCH];
    struct udp_sent sent = {0};
    size_t n;
    while ((n = sfu_output(w->sfu, transmits, TX_BATCH, w->now)))
        udp_send(w->udp, transmits, send_streams(w, transmits, n), &sent);
    if (!sent.operations && !sent.errors)
        return;
    stat_add(&w->stats.packets_out, sent.datagrams);
    stat_add(&w->stats.bytes_out, sent.bytes);
    stat_add(&w->stats.sends, sent.operations);
    stat_add(&w->stats.drops[DROP_SEND], sent.errors);
}

static void post_all(struct worker *w)
{
    struct message m;
    while (sfu_emit(w->sfu, &m)) {
        struct mailbox *to = m.to == TO_CONTROL ? &w->events : &w->all->worker[m.to].inbox[w->number];
        INVARIANT(m.to == TO_CONTROL || m.to < w->all->count);
        if (!mailbox_send(to, &m))
            stat_add(&w->stats.drops[DROP_INBOX], 1);
    }
}

/* Sends the core's messages to other threads. True: a message waits for room in an inbox. */
static bool emit_all(struct worker *w)
{
    post_all(w);
    bool waiting = !mailbox_flush(&w->events);
    for (unsigned to = 0; to < w->all->count; to++)
        waiting |= !mailbox_flush(&w->all->worker[to].inbox[w->number]);
    return waiting;
}

static bool inbox_empty(struct worker *w)
{
    struct message m;
    for (unsigned from = 0; from <= w->all->count; from++)
        if (mailbox_peek(&w->inbox[from], &m))
            return false;
    return true;
}

static void wait(struct worker *w, bool deferred)
{
    mp_time deadline = mp_min(sfu_deadline(w->sfu, w->now), streams_deadline(w->streams));
    if (deferred)
        deadline = mp_min(deadline, w->now + MP_MS(1));
    waker_sleep(&w->waker);
    if (inbox_empty(w) && !atomic_load_explicit(&w->all->stop, memory_order_relaxed)) {
        mp_time now = clock_now(), until = mp_max(now, mp_min(deadline, now + WATCH_BEAT));
        pulse_turn(&w->pulse, until);
        loop_wait(w->loop, until - now);
    }
    waker_awake(&w->waker);
}

static void note_streams(struct worker *w)
{
    const struct stream_counts *c = streams_counts(w->streams);
    stat_set(&w->stats.streams, streams_open(w->streams));
    stat_set(&w->stats.streams_opened, c->opened);
    stat_set(&w->stats.streams_refused, c->refused);
    stat_set(&w->stats.streams_tls_failed, c->tls_failed);
    stat_set(&w->stats.streams_malformed, c->malformed);
    stat_set(&w->stats.streams_silent, c->silent);
    stat_set(&w->stats.stream_frames_in, c->frames_in);
    stat_set(&w->stats.stream_frames_out, c->frames_out);
    stat_set(&w->stats.stream_bytes_in, c->bytes_in);
    stat_set(&w->stats.stream_bytes_out, c->bytes_out);
    stat_set(&w->stats.drops[DROP_STREAM_FULL], c->dropped);
    stat_set(&w->stats.drops[DROP_STREAM_FRAME], c->unframed);
}

static void note_load(struct worker *w)
{
    if (w->now < w->load_at)
        return;
    stat_set(&w->stats.busy_ns, (uint64_t)clock_thread_cpu());
    stat_add(&w->stats.drops[DROP_SOCKET], udp_dropped(w->udp));
    w->load_at = w->now + MP_MS(500);
}

static void *run(void *context)
{
    struct worker *w = context;
    bool more = false, deferred = false;
    while (!atomic_load_explicit(&w->all->stop, memory_order_relaxed)) {
        if (!more)
            wait(w, deferred);
        w->now = clock_now();
        pulse_turn(&w->pulse, w->now);
        more = udp_receive(w->udp, datagram, w, w->now) == RX_BATCH;
        more |= receive_streams(w);
        more |= read_inboxes(w);
        if (sfu_deadline(w->sfu, w->now) <= w->now)
            sfu_timeout(w->sfu, w->now);
        if (streams_deadline(w->streams) <= w->now)
            streams_timeout(w->streams, w->now);
        emit_all(w); /* first the messages: other workers then send in parallel */
        send_all(w);
        deferred = emit_all(w);
        note_streams(w);
        note_load(w);
    }
    return NULL;
}

/* --- start and stop --- */

static void wake_worker(void *context)
{
    struct worker *w = context;
    loop_wake(w->loop);
}

static size_t ring_size(unsigned workers)
{
    size_t size = RING_SIZE;
    while (size > 65536 && (size_t)workers * (workers + 1) * size > RINGS_TOTAL)
        size /= 2;
    return size;
}

static bool known(void *context, const struct path *path)
{
    const struct worker *w = context;
    return sfu_knows(w->sfu, path);
}

static void gone(void *context, const struct path *path)
{
    struct worker *w = context;
    if (w->sfu)
        sfu_gone(w->sfu, path);
}

static bool http(void *context, int fd, const struct path *path)
{
    const struct worker *w = context;
    return w->all->http(w->all->control.context, fd, path);
}

static bool open_loop(struct worker *w, const struct workers_config *c)
{
    w->streams = streams_new(&(struct streams_config){.worker = w->number,
                                                      .tls = c->tls,
                                                      .arrivals = c->arrivals,
                                                      .context = w,
                                                      .datagram = frame,
                                                      .known = known,
                                                      .gone = gone,
                                                      .http = http});
    w->loop = loop_new();
    return w->streams && w->loop && loop_add(w->loop, udp_fd(w->udp), NULL) &&
           loop_add(w->loop, streams_fd(w->streams), &w->streams_ready);
}

/* Upper bound of all workers' packets and rings; untouched memory costs nothing. */
static size_t pool_size(const struct workers_config *c)
{
    return c->count * c->packets * sizeof(struct packet);
}

static size_t rings_size(unsigned workers) { return (size_t)workers * (workers + 2) * ring_size(workers); }

static bool worker_open(struct worker *w, const struct workers_config *c, const char **error)
{
    uint64_t seed;
    w->waker = (struct waker){.wake = wake_worker, .context = w};
    w->udp = udp_open(&c->listen, c->sending, error);
    if (!w->udp)
        return false;
    *error = "out of memory or descriptors";
    w->crypto = crypto_new(c->cipher);
    w->inbox = calloc(c->count + 1, sizeof *w->inbox);
    if (!open_loop(w, c) || !w->crypto || !w->inbox ||
        !mailbox_init(&w->events, ring_size(c->count), &w->all->control))
        return false;
    for (unsigned from = 0; from <= c->count; from++)
        if (!mailbox_init(&w->inbox[from], ring_size(c->count), &w->waker))
            return false;
    random_bytes((uint8_t *)&seed, sizeof seed);
    struct sfu_config config = {.worker = w->number,
                                .workers = c->count,
                                .registry = c->registry,
                                .crypto = w->crypto,
                                .identity = c->identity,
                                .relay = c->relay,
                                .stats = &w->stats,
                                .packets = c->packets,
                                .publish_bps = c->publish_bps,
                                .seed = seed,
                                .wall = clock_wall_ntp()};
    random_bytes(config.secret, sizeof config.secret);
    w->sfu = sfu_new(&config);
    explicit_bzero(&config, sizeof config);
    return w->sfu != NULL;
}

static void worker_close(struct worker *w)
{
    streams_free(w->streams);
    if (w->sfu)
        sfu_free(w->sfu);
    if (w->crypto)
        crypto_free(w->crypto);
    for (unsigned from = 0; w->inbox && from <= w->all->count; from++)
        mailbox_free(&w->inbox[from]);
    free(w->inbox);
    mailbox_free(&w->events);
    loop_free(w->loop);
    udp_close(w->udp);
}

static const char *thread_name(const struct worker *w, char name[16])
{
    snprintf(name, 16, "worker %u", w->number);
    return name;
}

static bool start_thread(struct worker *w, const char **error)
{
    char name[16];
    w->started = thread_start(&w->thread, thread_name(w, name), run, w);
    if (!w->started)
        *error = "no room for another thread";
    return w->started;
}

struct workers *workers_new(const struct workers_config *c, const char **error)
{
    struct workers *all = calloc(1, sizeof *all + c->count * sizeof all->worker[0]);
    *error = "out of memory";
    if (!all || !(all->stats = calloc(c->count, sizeof *all->stats))) {
        free(all);
        return NULL;
    }
    all->count = c->count;
    all->registry = c->registry;
    all->http = c->http;
    all->control = (struct waker){.sleeping = true, .wake = c->wake_control, .context = c->control};
    for (unsigned i = 0; i < c->count; i++) {
        all->worker[i].all = all;
        all->worker[i].number = i;
        all->stats[i] = &all->worker[i].stats;
    }
    /* Opens every socket before any thread starts: the kernel spreads flows over the open sockets. */
    for (unsigned i = 0; i < c->count; i++)
        if (!worker_open(&all->worker[i], c, error)) {
            workers_stop(all);
            return NULL;
        }
    log_line(LOG_LEVEL_INFO, "pools", "packets=%zu packets_mib=%zu rings_mib=%zu", c->count * c->packets,
             pool_size(c) >> 20, rings_size(c->count) >> 20);
    return all;
}

bool workers_start(struct workers *all, const char **error)
{
    for (unsigned i = 0; i < all->count; i++)
        if (!start_thread(&all->worker[i], error))
            return false;
    log_line(LOG_LEVEL_INFO, "workers started", "count=%u cipher=\"%s\"", all->count,
             crypto_name(all->worker[0].crypto));
    return true;
}

void workers_watch(const struct workers *all, struct watch *watch)
{
    char name[16];
    for (unsigned i = 0; i < all->count; i++)
        watch_add(watch, thread_name(&all->worker[i], name), &all->worker[i].pulse);
}

void workers_stop(struct workers *all)
{
    atomic_store(&all->stop, true);
    for (unsigned i = 0; i < all->count; i++)
        if (all->worker[i].started)
            loop_wake(all->worker[i].loop);
    for (unsigned i = 0; i < all->count; i++)
        if (all->worker[i].started)
            pthread_join(all->worker[i].thread, NULL);
    for (unsigned i = 0; i < all->count; i++)
        worker_close(&all->worker[i]);
    free(all->stats);
    free(all);
}

/* The owner of the session that an ICE-TCP connection's first check names; OWNER_NONE: no owner yet, or no
 * such session. */
static unsigned owner_of(const struct workers *all, const uint8_t *frame, size_t len)
{
    struct stun_view v;
    struct session_credentials credentials;
    struct bytes ufrag;
    uint32_t session;
    unsigned owner = OWNER_NONE;
    size_t n = len < 2 ? 0 : get16(frame);
    if (n && n <= len - 2 && stun_parse(&v, frame + 2, n) == STUN_OK && v.username.data &&
        ice_username_local(v.username, &ufrag))
        registry_find(all->registry, ufrag, &session, &owner, &credentials);
    explicit_bzero(&credentials, sizeof credentials);
    return owner;
}

bool workers_give(struct workers *all, const struct stream_connection *c, const uint8_t *first, size_t len)
{
    unsigned to = c->kind == STREAM_ICE ? owner_of(all, first, len) : OWNER_NONE;
    if (to >= all->count)
        to = all->next++ % all->count;
    return streams_give(all->worker[to].streams, c);
}

const struct stats *const *workers_stats(const struct workers *all) { return all->stats; }

void workers_command(struct workers *all, const struct message *m)
{
    INVARIANT(m->to < all->count);
    struct mailbox *to = &all->worker[m->to].inbox[all->count];
    mailbox_send(to, m);
    mailbox_flush(to);
}

bool workers_event(struct workers *all, struct message *m)
{
    for (unsigned i = 0; i < all->count; i++)
        if (mailbox_peek(&all->worker[i].events, m)) {
            /* events have no payload, so a copy of the struct is complete */
            mailbox_next(&all->worker[i].events);
            return true;
        }
    /* From now on writers wake us again; check once more for earlier messages. */
    if (!atomic_exchange(&all->control.sleeping, true))
        return workers_event(all, m);
    return false;
}

bool workers_flush(struct workers *all)
{
    bool done = true;
    for (unsigned i = 0; i < all->count; i++)
        done &= mailbox_flush(&all->worker[i].inbox[all->count]);
    return done;
}
