#include "crypto/crypto.h"
#include "load/media_internal.h"
#include "net/clock.h"
#include "net/thread.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS 256

/* The thread reads the sockets of joined clients at fixed intervals and does not wait for them, so a packet
 * wakes no thread. On one machine the server would pay for such wake-ups, because its send call runs the
 * receive path up to our socket. The measured latency stays right: it ends at the kernel's time of
 * receipt. */
#define READ_EVERY MP_MS(10)

struct media_command {
    struct media_command *next;
    unsigned number;
    bool disconnect;
    struct media_remote remote;
};

/* --- the thread --- */

static void take_commands(struct media *m, mp_time now)
{
    pthread_mutex_lock(&m->mutex);
    struct media_command *c = m->commands;
    m->commands = NULL;
    m->commands_end = &m->commands;
    pthread_mutex_unlock(&m->mutex);
    while (c) {
        struct media_command *next = c->next;
        if (c->disconnect)
            media_peer_disconnect(m, media_peer(m, c->number));
        else
            media_peer_connect(m, media_peer(m, c->number), &c->remote, now);
        free(c);
        c = next;
    }
}

static void take_phase(struct media *m, mp_time now)
{
    enum media_phase wanted = (enum media_phase)atomic_load(&m->phase_wanted);
    if (wanted == m->phase)
        return;
    m->phase = wanted;
    if (wanted == MEDIA_MEASURING) {
        m->totals.sent = m->totals.samples = m->totals.samples_bad = m->totals.send_errors = 0;
        m->totals.ignored = m->totals.pli = m->totals.nacks = m->totals.feedbacks = 0;
    }
    for (unsigned i = 0; i < m->count; i++)
        media_peer_phase(m, &m->peers[i], now);
}

static int wait(struct media *m, struct epoll_event *events)
{
    mp_time next = mp_min(heap_next(&m->timers), m->read_at), in = mp_max(next - clock_now(), 0);
    struct timespec t = {.tv_sec = in / MP_S(1), .tv_nsec = in % MP_S(1)};
    int n = epoll_pwait2(m->epoll, events, EVENTS, &t, NULL);
    if (n < 0 && errno == ENOSYS) /* before Linux 5.11 */
        n = epoll_wait(m->epoll, events, EVENTS, (int)(in / MP_MS(1)));
    return n;
}

static void read_all(struct media *m, mp_time now)
{
    if (now < m->read_at)
        return;
    for (unsigned i = 0; i < m->count; i++)
        if (m->peers[i].client && !m->peers[i].waited)
            media_peer_read(m, &m->peers[i], now);
    m->read_at = now + READ_EVERY;
}

static void *run(void *context)
{
    struct media *m = context;
    struct epoll_event events[EVENTS];
    while (!atomic_load_explicit(&m->stop, memory_order_relaxed)) {
        int n = wait(m, events);
        mp_time now = clock_now();
        m->wall = clock_wall_unix();
        for (int i = 0; i < n; i++) {
            uint64_t count;
            if (events[i].data.ptr) {
                media_peer_read(m, events[i].data.ptr, now);
            } else if (read(m->event, &count, sizeof count) > 0) {
                take_commands(m, now);
                take_phase(m, now);
            }
        }
        read_all(m, now);
        struct heap_node *node;
        now = clock_now();
        while ((node = heap_pop(&m->timers, now)))
            media_peer_timeout(m, (struct media_peer *)((char *)node - offsetof(struct media_peer, timer)),
                               now);
    }
    return NULL;
}

/* --- from other threads --- */

static void wake(struct media *m)
{
    uint64_t one = 1;
    (void)!write(m->event, &one, sizeof one);
}

struct media_peer *media_peer(struct media *m, unsigned number)
{
    return &m->peers[number / m->options->threads];
}

static bool give(struct media *m, const struct media_command *command)
{
    struct media_command *c = malloc(sizeof *c);
    if (!c)
        return false;
    *c = *command;
    pthread_mutex_lock(&m->mutex);
    *m->commands_end = c;
    m->commands_end = &c->next;
    pthread_mutex_unlock(&m->mutex);
    wake(m);
    return true;
}

bool media_connect(struct media *m, unsigned number, const struct media_remote *remote)
{
    return give(m, &(struct media_command){.number = number, .remote = *remote});
}

bool media_disconnect(struct media *m, unsigned number)
{
    return give(m, &(struct media_command){.number = number, .disconnect = true});
}

void media_set_phase(struct media *m, enum media_phase phase)
{
    atomic_store(&m->phase_wanted, (int)phase);
    wake(m);
}

const struct media_progress *media_progress(const struct media *m) { return &m->progress; }
struct media_totals *media_totals(struct media *m) { return &m->totals; }

/* --- life --- */

static bool open_all(struct media *m)
{
    struct epoll_event wakeup = {.events = EPOLLIN};
    m->crypto = crypto_new(CRYPTO_BEST);
    m->receiver = media_receiver_new();
    m->peers = calloc(m->count ? m->count : 1, sizeof *m->peers);
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    m->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return m->crypto && m->receiver && m->peers && m->epoll >= 0 && m->event >= 0 &&
           heap_init(&m->timers, m->count + 1) && epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->event, &wakeup) == 0;
}

struct media *media_start(const struct options *o, unsigned index, uint32_t run_id,
                          struct dtls_identity *identity)
{
    struct media *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    unsigned clients = options_clients(o);
    m->options = o;
    m->index = index;
    m->count = clients / o->threads + (index < clients % o->threads);
    m->run = run_id;
    m->identity = identity;
    m->commands_end = &m->commands;
    pthread_mutex_init(&m->mutex, NULL);
    if (open_all(m)) {
        for (unsigned i = 0; i < m->count; i++)
            media_peer_init(m, &m->peers[i], i * o->threads + index);
        if (thread_start(&m->thread, "media", run, m))
            return m;
    }
    media_free(m);
    return NULL;
}

void media_stop(struct media *m)
{
    atomic_store(&m->stop, true);
    wake(m);
    pthread_join(m->thread, NULL);
}

void media_free(struct media *m)
{
    while (m->commands) {
        struct media_command *c = m->commands;
        m->commands = c->next;
        free(c);
    }
    for (unsigned i = 0; m->peers && i < m->count; i++)
        media_peer_free(&m->peers[i]);
    free(m->peers);
    heap_free(&m->timers);
    if (m->crypto)
        crypto_free(m->crypto);
    media_receiver_free(m->receiver);
    close(m->epoll);
    close(m->event);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}
