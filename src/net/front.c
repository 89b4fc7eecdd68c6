#include "net/front.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/watch.h"
#include "net/addresses.h"
#include "net/arrivals.h"
#include "net/clock.h"
#include "net/first_bytes.h"
#include "net/random.h"
#include "net/thread.h"
#include "net/tls.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64
#define EVENTS_A_TURN  64
#define SOURCES        1024 /* buckets of addresses; addresses in one bucket share its limit */

/* A connection whose protocol is not known yet. */
struct pending {
    struct pending *older, *younger;               /* of all */
    struct pending *source_older, *source_younger; /* of its bucket */
    struct front_source *source;
    mp_time until;
    int fd;
    struct path path;
};

struct front_source {
    struct pending *oldest, *youngest;
    unsigned count;
};

/* X(name, help): the front's thread writes them, any thread may read them. */
#define FRONT_COUNTERS(X)                                                                                    \
    X(accepted, "Connections accepted")                                                                      \
    X(http, "Connections that speak HTTP in the clear")                                                      \
    X(tls, "Connections by TLS")                                                                             \
    X(ice, "ICE-TCP connections")                                                                            \
    X(turn, "TURN connections in the clear")                                                                 \
    X(silent, "Connections closed: no first bytes in time")                                                  \
    X(crowded, "Connections closed: newer ones needed their place")                                          \
    X(unknown, "Connections closed: first bytes of no protocol")                                             \
    X(limited, "Connections closed: their address has too many, or had too many lately")                     \
    X(refused, "Connections closed: who they are for has no room")                                           \
    X(exhausted, "Times that the process had no descriptors left")

struct front_counts {
#define X(name, help) _Atomic uint64_t name;
    FRONT_COUNTERS(X)
#undef X
    _Atomic uint64_t pending; /* connections now */
};

struct front {
    struct front_config config;
    struct front_counts counts;
    pthread_t thread;
    struct pulse pulse;
    bool started;
    int listener, epoll, wake;
    _Atomic bool stop, refresh;
    bool paused; /* not accepting: no descriptors */
    mp_time now, resume_at, refresh_at;
    uint64_t key;
    struct pending *oldest, *youngest;
    unsigned count, most;
    struct front_source sources[SOURCES];
    struct log_limit log_limit;
    uint8_t bytes[FIRST_BYTES_MAX];
};

static void count(_Atomic uint64_t *c) { atomic_fetch_add_explicit(c, 1, memory_order_relaxed); }

/* --- listening --- */

static int bind_to(int family, const struct address *a, bool dual)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, only6 = !dual;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    if (fd < 0)
        return -1;
    memcpy(&v6.sin6_addr, a->ip, 16);
    memcpy(&v4.sin_addr, a->ip + 12, 4);
    /* A restarted server must not wait for the end of its old connections. */
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (family == AF_INET6)
        ok = ok && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6) == 0 &&
             bind(fd, (struct sockaddr *)&v6, sizeof v6) == 0;
    else
        ok = ok && bind(fd, (struct sockaddr *)&v4, sizeof v4) == 0;
    if (ok && listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int open_listener(const struct address *a)
{
    static const struct address any;
    if (memcmp(a->ip, any.ip, sizeof any.ip) != 0)
        return bind_to(address_is_v4(a) ? AF_INET : AF_INET6, a, false);
    int fd = bind_to(AF_INET6, a, true);
    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = bind_to(AF_INET, a, false);
    return fd;
}

/* --- pending connections --- */

static struct front_source *source_of(struct front *f, const struct address *a)
{
    return &f->sources[address_network_hash(a, f->key) % SOURCES];
}

static void pending_add(struct front *f, struct pending *p)
{
    p->older = f->youngest;
    *(f->youngest ? &f->youngest->younger : &f->oldest) = p;
    f->youngest = p;
    p->source_older = p->source->youngest;
    *(p->source->youngest ? &p->source->youngest->source_younger : &p->source->oldest) = p;
    p->source->youngest = p;
    p->source->count++;
    atomic_store_explicit(&f->counts.pending, ++f->count, memory_order_relaxed);
}

/* Removes it; the caller passes the descriptor to another module or closes it. */
static int pending_remove(struct front *f, struct pending *p)
{
    int fd = p->fd;
    *(p->older ? &p->older->younger : &f->oldest) = p->younger;
    *(p->younger ? &p->younger->older : &f->youngest) = p->older;
    *(p->source_older ? &p->source_older->source_younger : &p->source->oldest) = p->source_younger;
    *(p->source_younger ? &p->source_younger->source_older : &p->source->youngest) = p->source_older;
    p->source->count--;
    atomic_store_explicit(&f->counts.pending, --f->count, memory_order_relaxed);
    epoll_ctl(f->epoll, EPOLL_CTL_DEL, fd, NULL);
    free(p);
    return fd;
}

static void evict(struct front *f, struct pending *p, _Atomic uint64_t *why)
{
    close(pending_remove(f, p));
    count(why);
}

/* --- protocol detection --- */

static bool stream(struct front *f, const struct pending *p, enum stream_kind kind, size_t len)
{
    struct stream_connection c = {.fd = p->fd, .kind = kind, .path = p->path};
    return f->config.stream(f->config.context, &c, f->bytes, len);
}

static bool hand_over(struct front *f, const struct pending *p, enum first_bytes what, size_t len)
{
    switch (what) {
    case FIRST_HTTP: count(&f->counts.http); return f->config.web(f->config.context, p->fd, &p->path);
    case FIRST_TLS: count(&f->counts.tls); return stream(f, p, STREAM_TLS, len);
    case FIRST_ICE: count(&f->counts.ice); return stream(f, p, STREAM_ICE, len);
    default: count(&f->counts.turn); return stream(f, p, STREAM_TURN, len);
    }
}

/* Examines the received bytes. Epoll reports each new segment once, so a client that sends byte by byte costs
 * no more than that. */
static void look(struct front *f, struct pending *p)
{
    ssize_t n = recv(p->fd, f->bytes, sizeof f->bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    enum first_bytes what = n > 0 ? first_bytes(f->bytes, (size_t)n) : FIRST_NONE;
    if (what == FIRST_MORE)
        return;
    if (what == FIRST_NONE || (what == FIRST_TLS && !f->config.tls)) {
        evict(f, p, n > 0 ? &f->counts.unknown : &f->counts.silent);
        return;
    }
    if (what != FIRST_HTTP && !arrivals_take(f->config.arrivals, &p->path.remote, f->now)) {
        evict(f, p, &f->counts.limited);
        return;
    }
    struct pending copy = *p;
    pending_remove(f, p);
    if (!hand_over(f, &copy, what, (size_t)n))
        count(&f->counts.refused);
}

/* --- accepting --- */

static void pause_accepting(struct front *f)
{
    count(&f->counts.exhausted);
    if (log_allow(&f->log_limit, 1, f->now))
        log_line(LOG_LEVEL_WARN, "cannot accept connections", "error=\"%s\"", strerror(errno));
    epoll_ctl(f->epoll, EPOLL_CTL_DEL, f->listener, NULL);
    f->paused = true;
    f->resume_at = f->now + FRONT_PAUSE;
}

static void resume_accepting(struct front *f)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = f};
    f->paused = epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &e) != 0;
    f->resume_at = f->now + FRONT_PAUSE;
}

static void welcome(struct front *f, int fd, const struct sockaddr_in6 *from)
{
    struct pending *p = calloc(1, sizeof *p);
    struct sockaddr_in6 local;
    socklen_t len = sizeof local;
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = p};
    if (!p || getsockname(fd, (struct sockaddr *)&local, &len) != 0 ||
        epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        free(p);
        close(fd);
        return;
    }
    addresses_from_sockaddr(&p->path.remote, from);
    addresses_from_sockaddr(&p->path.local, &local);
    p->fd = fd;
    p->until = f->now + f->config.patience;
    p->source = source_of(f, &p->path.remote);
    if (p->source->count >= FRONT_PENDING_SOURCE)
        evict(f, p->source->oldest, &f->counts.crowded);
    else if (f->count >= f->most)
        evict(f, f->oldest, &f->counts.crowded);
    pending_add(f, p);
}

static void accept_some(struct front *f)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_in6 from;
        socklen_t len = sizeof from;
        int fd = accept4(f->listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            count(&f->counts.accepted);
            welcome(f, fd, &from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(
                f); /* the listening socket stays readable: waiting keeps the loop from spinning */
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* --- the thread --- */

static void timers(struct front *f)
{
    while (f->oldest && f->oldest->until <= f->now)
        evict(f, f->oldest, &f->counts.silent);
    if (f->paused && f->resume_at <= f->now)
        resume_accepting(f);
    bool asked = atomic_exchange(&f->refresh, false);
    if (!f->config.tls || (!asked && f->refresh_at > f->now))
        return;
    tls_refresh(f->config.tls, asked);
    f->refresh_at = f->now + FRONT_REFRESH;
}

static int next_ms(const struct front *f)
{
    mp_time at = f->now + WATCH_BEAT;
    if (f->config.tls)
        at = mp_min(at, f->refresh_at);
    if (f->oldest)
        at = mp_min(at, f->oldest->until);
    if (f->paused)
        at = mp_min(at, f->resume_at);
    return at <= f->now ? 0 : (int)((at - f->now) / MP_MS(1)) + 1;
}

/* Accepting may close a pending connection to make room, and the same round may contain an event of it. So
 * the thread handles the events of pending connections first and accepts last. */
static void *run(void *context)
{
    struct front *f = context;
    struct epoll_event events[EVENTS_A_TURN];
    while (!atomic_load(&f->stop)) {
        uint64_t woken;
        bool arrived = false;
        int ms = next_ms(f);
        pulse_turn(&f->pulse, f->now + MP_MS(ms));
        int n = epoll_wait(f->epoll, events, EVENTS_A_TURN, ms);
        f->now = clock_now();
        pulse_turn(&f->pulse, f->now);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr == f)
                arrived = true;
            else if (events[i].data.ptr == &f->wake)
                (void)!read(f->wake, &woken, sizeof woken);
            else
                look(f, events[i].data.ptr);
        if (arrived)
            accept_some(f);
        timers(f);
    }
    return NULL;
}

/* --- start and stop --- */

static bool open_loop(struct front *f)
{
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = &f->wake};
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (f->epoll < 0 || f->wake < 0 || epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->wake, &wake) != 0)
        return false;
    resume_accepting(f);
    return !f->paused;
}

struct front *front_new(const struct front_config *config, const char **error)
{
    struct front *f = calloc(1, sizeof *f);
    struct rlimit limit = {.rlim_cur = 4 * FRONT_PENDING_MAX};
    *error = "out of memory";
    if (!f)
        return NULL;
    f->config = *config;
    if (!f->config.patience)
        f->config.patience = FRONT_PATIENCE;
    f->now = clock_now();
    f->refresh_at = f->now + FRONT_REFRESH;
    f->epoll = f->wake = -1;
    random_bytes((uint8_t *)&f->key, sizeof f->key);
    getrlimit(RLIMIT_NOFILE, &limit); /* pending connections may have a quarter of all descriptors */
    f->most = limit.rlim_cur / 4 < FRONT_PENDING_MAX ? (unsigned)limit.rlim_cur / 4 : FRONT_PENDING_MAX;
    f->listener = open_listener(&config->listen);
    if (f->listener >= 0 && open_loop(f))
        return f;
    *error = strerror(errno);
    front_free(f);
    return NULL;
}

bool front_start(struct front *f)
{
    f->started = thread_start(&f->thread, "front", run, f);
    return f->started;
}

static void wake(struct front *f)
{
    uint64_t one = 1;
    (void)!write(f->wake, &one, sizeof one);
}

void front_free(struct front *f)
{
    if (!f)
        return;
    if (f->started) {
        atomic_store(&f->stop, true);
        wake(f);
        pthread_join(f->thread, NULL);
    }
    while (f->oldest)
        close(pending_remove(f, f->oldest));
    if (f->listener >= 0)
        close(f->listener);
    if (f->epoll >= 0)
        close(f->epoll);
    if (f->wake >= 0)
        close(f->wake);
    free(f);
}

void front_refresh(struct front *f)
{
    atomic_store(&f->refresh, true);
    wake(f);
}

const struct pulse *front_pulse(const struct front *f) { return &f->pulse; }

void front_metrics(const struct front *f, FILE *out)
{
#define X(name, help)                                                                                        \
    fprintf(out,                                                                                             \
            "# HELP monoport_front_" #name "_total " help "\n# TYPE monoport_front_" #name                   \
            "_total counter\n"                                                                               \
            "monoport_front_" #name "_total %llu\n",                                                         \
            (unsigned long long)atomic_load_explicit(&f->counts.name, memory_order_relaxed));
    FRONT_COUNTERS(X)
#undef X
    fprintf(out,
            "# HELP monoport_front_pending Connections that have not said what they are\n"
            "# TYPE monoport_front_pending gauge\nmonoport_front_pending %llu\n",
            (unsigned long long)atomic_load_explicit(&f->counts.pending, memory_order_relaxed));
}
