/* One run: clients join at a rate; it waits until all of them receive their streams, measures, waits for
 * packets in flight, and leaves. With --churn, clients join and leave at random times until the wanted number
 * of stays is over. This thread has the signaling sockets; the media threads have the rest. */
#include "base/check.h"
#include "crypto/crypto.h"
#include "load/join.h"
#include "load/media.h"
#include "load/report.h"
#include "load/socket.h"
#include "load/stay.h"
#include "net/clock.h"
#include "net/random.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define JOIN_TIMEOUT MP_S(20)   /* after the last join began */
#define DRAIN        MP_MS(300) /* for the last packets in flight */
#define GOODBYE      MP_S(1)    /* for the server to close the sessions of clients that left */
#define COMPLAINTS   5          /* failures reported one by one */

enum state { JOINING, CHURNING, MEASURING, DRAINING, LEAVING, DONE };

struct member {
    struct join *join;
    mp_time begun; /* 0: not yet */
    bool open, failed;
    bool ended; /* its stay is over: ignore its socket */
    unsigned stays, failures;
    struct stay stay;
    mp_time again_at; /* time of its next join; 0: it is in the room, or will not return */
    mp_time lost_at;  /* time when it lost the server; 0: it receives its streams */
};

struct load_run {
    const struct options *options;
    unsigned clients, begun, open, failed, lost, complaints;
    struct member *members;
    struct sockets *sockets;
    struct media *media[LOAD_THREADS_MAX];
    enum state state;
    mp_time started, state_at, told_at;
    uint64_t told_sent, told_received;
    struct rusage usage;
    struct prng prng;
    uint8_t fingerprint[32];
    struct join_io join_io;
    struct results results;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number) { interrupted = 1; }

/* --- from sockets and signaling --- */

static struct media *media_of(struct load_run *r, unsigned number)
{
    INVARIANT(r->options->threads > 0);
    return r->media[number % r->options->threads];
}

/* --- stays --- */

static void failed(void *context, unsigned number, const char *why);

/* Closes its sockets without a goodbye and ends its media. */
static void end_stay(struct load_run *r, unsigned number, mp_time now, mp_time pause)
{
    struct member *m = &r->members[number];
    m->ended = true;
    m->stay.at = 0;
    m->again_at = now + pause;
    if (!media_disconnect(media_of(r, number), number))
        m->failed = true;
}

static void lose(struct load_run *r, unsigned number)
{
    struct member *m = &r->members[number];
    mp_time now = clock_now();
    if (!m->lost_at) {
        m->lost_at = now;
        r->lost++;
    }
    sockets_cut(r->sockets, number);
    end_stay(r, number, now, stay_pause(m->failures++, &r->prng));
}

static void begin_stay(struct load_run *r, unsigned number, mp_time now)
{
    struct member *m = &r->members[number];
    join_free(m->join);
    m->join =
        join_new(r->options, &r->join_io, number, media_peer(media_of(r, number), number), r->fingerprint);
    m->stay = r->options->churn ? stay_draw(&r->prng) : (struct stay){.end = STAY_FOR_EVER};
    m->begun = now;
    m->again_at = 0;
    m->ended = false;
    m->stays++;
    if (!m->join || !sockets_open(r->sockets, number))
        failed(r, number, "no connection");
}

/* The client reached this point of its stay. */
static void got_to(struct load_run *r, unsigned number, enum stay_end what, mp_time now)
{
    struct stay *s = &r->members[number].stay;
    if (s->end == what && !s->at)
        s->at = now + s->after;
}

static void failed(void *context, unsigned number, const char *why)
{
    struct load_run *r = context;
    struct member *m = &r->members[number];
    if (m->failed || m->ended || r->state >= LEAVING)
        return;
    if (r->options->rejoin && r->state == MEASURING) {
        lose(r, number);
        return;
    }
    m->failed = true;
    r->failed++;
    if (r->complaints++ < COMPLAINTS)
        fprintf(stderr, "monoport-load: client %u: %s\n", number + 1, why);
}

static void opened(void *context, unsigned number)
{
    struct load_run *r = context;
    struct member *m = &r->members[number];
    m->open = true;
    r->open++;
    if (m->ended)
        return;
    got_to(r, number, STAY_OPENED, clock_now());
    if (m->stay.end == STAY_OPENED)
        return;
    join_opened(m->join);
    got_to(r, number, STAY_OFFERED, clock_now());
}

static void text(void *context, unsigned number, const char *data, size_t len)
{
    struct load_run *r = context;
    if (!r->members[number].ended)
        join_text(r->members[number].join, data, len);
}

static void closed(void *context, unsigned number, const char *why)
{
    struct load_run *r = context;
    r->open -= r->members[number].open;
    r->members[number].open = false;
    failed(r, number, why ? why : "the server closed the connection");
}

static void say_by_socket(void *context, unsigned number, const char *data, size_t len)
{
    struct load_run *r = context;
    sockets_send(r->sockets, number, data, len);
}

static void connect_media(void *context, unsigned number, const struct media_remote *remote)
{
    struct load_run *r = context;
    struct member *m = &r->members[number];
    struct media_remote mine = *remote;
    mine.stay = m->stays;
    got_to(r, number, STAY_ANSWERED, clock_now());
    got_to(r, number, STAY_HANDSHAKE, clock_now());
    if (m->stay.end != STAY_ANSWERED && !media_connect(media_of(r, number), number, &mine))
        failed(r, number, "out of memory");
}

/* --- progress --- */

static void sum(const struct load_run *r, uint64_t *complete, uint64_t *broken, uint64_t *sent,
                uint64_t *received, uint64_t *gaps)
{
    *complete = *broken = *sent = *received = *gaps = 0;
    for (unsigned i = 0; i < r->options->threads; i++) {
        const struct media_progress *p = media_progress(r->media[i]);
        *complete += atomic_load_explicit(&p->complete, memory_order_relaxed);
        *broken += atomic_load_explicit(&p->failed, memory_order_relaxed);
        *sent += atomic_load_explicit(&p->sent, memory_order_relaxed);
        *received += atomic_load_explicit(&p->received, memory_order_relaxed);
        *gaps += atomic_load_explicit(&p->gaps, memory_order_relaxed);
    }
}

static void tell(struct load_run *r, mp_time now)
{
    uint64_t complete, broken, sent, received, gaps;
    double passed = (double)(now - r->told_at) / 1e9;
    if (passed < 1)
        return;
    sum(r, &complete, &broken, &sent, &received, &gaps);
    fprintf(stderr, "%4.0f s  joined %llu/%u, %llu failed  out %.0f/s  in %.0f/s  missing %llu\n",
            (double)(now - r->started) / 1e9, (unsigned long long)complete, r->clients,
            (unsigned long long)(broken + r->failed), (double)(sent - r->told_sent) / passed,
            (double)(received - r->told_received) / passed, (unsigned long long)gaps);
    r->told_sent = sent;
    r->told_received = received;
    r->told_at = now;
}

/* --- the course of a run --- */

static void enter(struct load_run *r, enum state state, mp_time now)
{
    r->state = state;
    r->state_at = now;
}

static void begin_joins(struct load_run *r, mp_time now)
{
    double due = 1 + (double)(now - r->started) / 1e9 * r->options->join_rate;
    while (r->begun < r->clients && r->begun < due) {
        begin_stay(r, r->begun++, now);
        r->results.stays++;
    }
}

static void look_after(struct load_run *r, unsigned number, mp_time now)
{
    struct member *m = &r->members[number];
    const struct media_peer *p = media_peer(media_of(r, number), number);
    if (m->again_at && m->again_at <= now && !m->open &&
        (!r->options->churn || r->results.stays < r->options->churn)) {
        begin_stay(r, number, now);
        r->results.stays++;
    }
    if (m->ended || m->failed)
        return;
    if (m->stay.end == STAY_CONNECTED && atomic_load(&p->stay_connected) == m->stays)
        got_to(r, number, STAY_CONNECTED, now);
    if (m->lost_at && atomic_load(&p->stay_complete) == m->stays) {
        histogram_add(&r->results.back, now - m->lost_at);
        m->lost_at = 0;
        m->failures = 0;
        if (!--r->lost)
            fprintf(stderr, "monoport-load: back again: %llu\n", (unsigned long long)r->results.back.count);
    }
    if (r->options->views == VIEWS_STEP)
        join_step(m->join, now);
    if (r->options->churn && now - m->begun > JOIN_TIMEOUT)
        failed(r, number, "it does not get so far");
    if (m->stay.at && m->stay.at <= now) {
        r->results.connected += m->stay.end == STAY_CONNECTED;
        if (m->stay.goodbye)
            join_leave(m->join);
        else
            sockets_cut(r->sockets, number);
        end_stay(r, number, now, 0);
    }
}

/* True: the wanted number of stays is over and all sockets are closed, or no client will return. */
static bool churned(const struct load_run *r)
{
    bool here = false, all_failed = true;
    for (unsigned i = 0; i < r->clients; i++) {
        here |= !r->members[i].ended && !r->members[i].failed;
        all_failed &= r->members[i].failed;
    }
    return all_failed || (r->results.stays >= r->options->churn && !here && !r->open);
}

static void set_phase(struct load_run *r, enum media_phase phase)
{
    for (unsigned i = 0; i < r->options->threads; i++)
        media_set_phase(r->media[i], phase);
}

static void measure(struct load_run *r, mp_time now, uint64_t complete)
{
    fprintf(stderr, "monoport-load: %llu of %u joined within %.1f s, measuring for %u s\n",
            (unsigned long long)complete, r->clients, (double)(now - r->started) / 1e9, r->options->seconds);
    set_phase(r, MEDIA_MEASURING);
    getrusage(RUSAGE_SELF, &r->usage);
    enter(r, MEASURING, now);
}

static double seconds_between(struct timeval a, struct timeval b)
{
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_usec - a.tv_usec) / 1e6;
}

static void measured(struct load_run *r, mp_time now)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    r->results.cpu_user = seconds_between(r->usage.ru_utime, usage.ru_utime);
    r->results.cpu_system = seconds_between(r->usage.ru_stime, usage.ru_stime);
    r->results.seconds = (double)mp_max(now - r->state_at, MP_MS(1)) / 1e9;
    set_phase(r, MEDIA_DRAINING);
    enter(r, DRAINING, now);
}

static void leave(struct load_run *r, mp_time now)
{
    enter(r, LEAVING, now);
    for (unsigned i = 0; i < r->options->threads; i++)
        media_stop(r->media[i]);
    for (unsigned i = 0; i < r->clients; i++)
        if (r->members[i].open)
            join_leave(r->members[i].join);
}

static void tick(void *context)
{
    struct load_run *r = context;
    mp_time now = clock_now(), since = now - r->state_at;
    uint64_t complete, broken, sent, received, gaps;
    if (interrupted && r->state < DRAINING)
        r->results.interrupted = true;
    for (unsigned i = 0; i < r->begun && r->state < DRAINING; i++)
        look_after(r, i, now);
    switch (r->state) {
    case CHURNING:
        begin_joins(r, now);
        if (r->results.interrupted || churned(r)) {
            r->results.seconds = (double)(now - r->started) / 1e9;
            leave(r, now);
        }
        break;
    case JOINING:
        if (!r->results.interrupted)
            begin_joins(r, now);
        sum(r, &complete, &broken, &sent, &received, &gaps);
        bool all = complete + broken + r->failed >= r->clients;
        bool late = r->begun == r->clients && now - r->members[r->clients - 1].begun > JOIN_TIMEOUT;
        if ((all || late) && !complete)
            measured(r, now); /* nothing to wait for */
        else if (r->results.interrupted || all || late)
            measure(r, now, complete);
        break;
    case MEASURING:
        if (r->results.interrupted || since >= MP_S(r->options->seconds))
            measured(r, now);
        break;
    case DRAINING:
        if (since >= DRAIN)
            leave(r, now);
        break;
    case LEAVING:
        if (!r->open || since >= GOODBYE)
            enter(r, DONE, now);
        break;
    case DONE: break;
    }
    if (r->state < DRAINING)
        tell(r, now);
}

/* --- results --- */

static int64_t end_of(void *context, unsigned client, bool video)
{
    struct load_run *r = context;
    if (client >= r->options->publishers || options_adapts(r->options))
        return 0;
    const struct media_peer *p = media_peer(media_of(r, client), client);
    for (unsigned i = 0; i < p->source_count; i++)
        if (p->sources[i].video == video)
            return (int64_t)p->sources[i].index;
    return 0;
}

static void count_joins(struct load_run *r)
{
    for (unsigned i = 0; i < r->clients; i++) {
        const struct media_peer *p = media_peer(media_of(r, i), i);
        r->results.views += r->members[i].join ? join_views(r->members[i].join) : 0;
        if (r->options->churn
                ? r->members[i].failed
                : !p->complete_at || p->failed || r->members[i].failed || r->members[i].lost_at) {
            r->results.failed++;
            continue;
        }
        r->results.joined++;
        if (r->members[i].stays > 1)
            continue;
        histogram_add(&r->results.join_time,
                      (p->media_at ? p->media_at : p->connected_at) - r->members[i].begun);
    }
}

static int report(struct load_run *r)
{
    for (unsigned i = 0; i < r->options->threads; i++)
        report_add(&r->results, r->media[i], i, r->options->threads, end_of, r);
    count_joins(r);
    report_table(&r->results);
    bool written = !r->options->json || report_json(&r->results, r->options->json);
    return written && report_good(&r->results) ? 0 : 1;
}

/* --- life --- */

static bool raise_limit(unsigned clients)
{
    struct rlimit limit;
    rlim_t wanted = 2 * (rlim_t)clients + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted; /* succeeds for root */
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static const char *open_run(struct load_run *r, struct dtls_identity *identity)
{
    static const struct socket_handler handler = {
        .opened = opened, .text = text, .closed = closed, .tick = tick};
    struct socket_handler h = handler;
    uint32_t id;
    r->join_io =
        (struct join_io){.context = r, .send = say_by_socket, .connect = connect_media, .failed = failed};
    h.context = r;
    random_bytes((uint8_t *)&id, sizeof id);
    prng_seed(&r->prng, id);
    dtls_identity_fingerprint(identity, r->fingerprint);
    if (!raise_limit(r->clients))
        return "too few file descriptors: raise the limit (ulimit -n)";
    r->members = calloc(r->clients, sizeof *r->members);
    for (unsigned i = 0; i < r->options->threads; i++)
        if (!(r->media[i] = media_start(r->options, i, id, identity)))
            return "cannot start a media thread";
    r->sockets = sockets_new(r->options, &h, r->clients);
    return r->members && r->sockets ? NULL : "out of memory";
}

static void close_run(struct load_run *r)
{
    if (r->sockets)
        sockets_free(r->sockets);
    for (unsigned i = 0; i < r->options->threads; i++)
        if (r->media[i])
            media_free(r->media[i]);
    for (unsigned i = 0; r->members && i < r->clients; i++)
        join_free(r->members[i].join);
    free(r->members);
}

int main(int argc, char **argv)
{
    static struct load_run run;
    static struct options options;
    struct sigaction ending = {.sa_handler = on_signal,
                               .sa_flags = SA_RESETHAND}; /* a second signal ends the process at once */
    switch (options_read(&options, argc, argv)) {
    case OPTIONS_HELP: return 0;
    case OPTIONS_ERROR: return 2;
    case OPTIONS_RUN: break;
    }
    sigaction(SIGINT, &ending, NULL);
    sigaction(SIGTERM, &ending, NULL);
    struct dtls_identity *identity = dtls_identity_new();
    run.options = run.results.options = &options;
    run.clients = options_clients(&options);
    const char *error = identity ? open_run(&run, identity) : "out of memory";
    if (error) {
        fprintf(stderr, "monoport-load: %s\n", error);
        return 1; /* started threads end with the process */
    }
    run.started = run.told_at = run.state_at = clock_now();
    if (options.churn)
        run.state = CHURNING;
    while (run.state != DONE)
        sockets_service(run.sockets);
    int code = report(&run);
    close_run(&run);
    dtls_identity_free(identity);
    return code;
}
