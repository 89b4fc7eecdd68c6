#include "net/stream.h"
#include "base/check.h"
#include "net/arrivals.h"
#include "net/first_bytes.h"
#include "net/stream_internal.h"
#include "net/tls.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_A_ROUND 64
#define INBOX_SIZE     65536
#define INDEX_BITS     14
#define TAG_WAKE       UINT64_MAX
#define TAG_BRIDGE     (1ull << 32)

_Static_assert(STREAM_TABLE_MAX <= 1 << INDEX_BITS, "an index fits its link");

/* --- the table --- */

struct streams *streams_new(const struct streams_config *config)
{
    struct streams *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->config = *config;
    set->epoll = epoll_create1(EPOLL_CLOEXEC);
    set->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    set->table = calloc(STREAM_TABLE_MAX, sizeof *set->table);
    set->generation = calloc(STREAM_TABLE_MAX, sizeof *set->generation);
    set->free = calloc(STREAM_TABLE_MAX, sizeof *set->free);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = TAG_WAKE};
    if (set->epoll < 0 || set->wake < 0 || !set->table || !set->generation || !set->free ||
        !heap_init(&set->timers, STREAM_TABLE_MAX) || !ring_init(&set->inbox, INBOX_SIZE) ||
        epoll_ctl(set->epoll, EPOLL_CTL_ADD, set->wake, &e) != 0) {
        streams_free(set);
        return NULL;
    }
    for (uint32_t i = 0; i < STREAM_TABLE_MAX; i++)
        set->free[i] = i;
    set->free_count = STREAM_TABLE_MAX;
    return set;
}

/* Closes a connection that has no stream. */
static void turn_away(struct streams *set, const struct stream_connection *c)
{
    close(c->fd);
    arrivals_leave(set->config.arrivals, &c->path.remote);
}

static void close_waiting(struct streams *set)
{
    const uint8_t *data;
    struct stream_connection c;
    size_t len;
    while (set->inbox.data && (data = ring_peek(&set->inbox, &len))) {
        memcpy(&c, data, sizeof c);
        ring_pop(&set->inbox);
        turn_away(set, &c);
    }
}

void streams_free(struct streams *set)
{
    if (!set)
        return;
    for (size_t i = 0; set->table && i < STREAM_TABLE_MAX; i++)
        if (set->table[i])
            stream_close(set->table[i]);
    close_waiting(set);
    if (set->epoll >= 0)
        close(set->epoll);
    if (set->wake >= 0)
        close(set->wake);
    ring_free(&set->inbox);
    heap_free(&set->timers);
    free(set->table);
    free(set->generation);
    free(set->free);
    free(set);
}

bool streams_give(struct streams *set, const struct stream_connection *c)
{
    uint64_t one = 1;
    if (!ring_push(&set->inbox, c, sizeof *c, NULL, 0)) {
        turn_away(set, c);
        return false;
    }
    (void)!write(set->wake, &one, sizeof one);
    return true;
}

static struct stream *find(struct streams *set, uint32_t id)
{
    uint32_t i = id & ((1u << INDEX_BITS) - 1);
    struct stream *s = set->table[i];
    return s && link_id(s->path.link) == id ? s : NULL;
}

uint64_t stream_tag(const struct stream *s) { return link_id(s->path.link); }

uint64_t stream_bridge_tag(const struct stream *s) { return stream_tag(s) | TAG_BRIDGE; }

/* --- strangers: connections that no authenticated client uses, oldest first --- */

static void stranger_leaves(struct stream *s)
{
    struct streams *set = s->set;
    if (!s->stranger)
        return;
    *(s->older ? &s->older->younger : &set->oldest) = s->younger;
    *(s->younger ? &s->younger->older : &set->youngest) = s->older;
    s->stranger = false;
    set->strangers--;
}

static void stranger_comes(struct stream *s)
{
    struct streams *set = s->set;
    s->stranger = true;
    s->older = set->youngest;
    s->younger = NULL;
    *(set->youngest ? &set->youngest->younger : &set->oldest) = s;
    set->youngest = s;
    set->strangers++;
}

/* Checks a connection. False: no authenticated client uses it. */
static bool is_used(struct stream *s)
{
    struct streams *set = s->set;
    if (!bridge_is_used(s) && (s->phase != PHASE_FRAMES || !set->config.known(set->config.context, &s->path)))
        return false;
    stranger_leaves(s);
    return true;
}

static bool make_room(struct streams *set)
{
    while (set->oldest && (set->strangers >= STREAM_STRANGERS_MAX || !set->free_count)) {
        struct stream *s = set->oldest;
        if (is_used(s))
            continue;
        set->counts.silent++;
        stream_close(s);
    }
    return set->free_count > 0;
}

/* --- life --- */

void stream_wait(struct stream *s)
{
    struct streams *set = s->set;
    struct bridge *b = s->bridge;
    bool out = s->begun || s->queue.len || s->tls_wants == SSL_ERROR_WANT_WRITE;
    bool in = s->tls_wants != SSL_ERROR_WANT_WRITE && !(b && b->len);
    uint32_t events = (in ? EPOLLIN : 0u) | (out ? EPOLLOUT : 0u);
    struct epoll_event e = {.events = events, .data.u64 = stream_tag(s)};
    if (events != s->events && epoll_ctl(set->epoll, EPOLL_CTL_MOD, s->fd, &e) == 0)
        s->events = events;
    if (!b || b->h2 || b->fd < 0)
        return;
    events = (s->begun || b->ended ? 0u : EPOLLIN) | (b->len ? EPOLLOUT : 0u);
    e = (struct epoll_event){.events = events, .data.u64 = stream_bridge_tag(s)};
    if (events != b->events && epoll_ctl(set->epoll, EPOLL_CTL_MOD, b->fd, &e) == 0)
        b->events = events;
}

/* Keeps little unsent data in the kernel, because the server cannot drop late media there. */
static void set_options(int fd)
{
    int on = 1, unsent = STREAM_UNSENT_MAX;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static struct stream *stream_new(struct streams *set, const struct stream_connection *c)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->set = set;
    s->fd = c->fd;
    s->path = c->path;
    s->phase = c->kind == STREAM_TLS ? PHASE_TLS : PHASE_FRAMES;
    s->format = c->kind == STREAM_ICE ? FRAME_RFC4571 : FRAME_TURN;
    s->events = EPOLLIN;
    if (c->kind == STREAM_TLS && !(s->ssl = tls_accept(set->config.tls, c->fd))) {
        free(s);
        return NULL;
    }
    return s;
}

static void stream_open(struct streams *set, const struct stream_connection *c)
{
    struct stream *s = make_room(set) ? stream_new(set, c) : NULL;
    if (!s) {
        set->counts.refused++;
        turn_away(set, c);
        return;
    }
    uint32_t i = set->free[set->free_head++ % STREAM_TABLE_MAX];
    set->free_count--;
    set->table[i] = s;
    set->open++;
    set->counts.opened++;
    s->path.link = link_make(c->kind == STREAM_ICE ? LINK_STREAM : LINK_TURN, set->config.worker,
                             i | ++set->generation[i] << INDEX_BITS);
    set_options(s->fd);
    stranger_comes(s);
    heap_set(&set->timers, &s->timer, set->now + STREAM_GRACE);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = stream_tag(s)};
    if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, s->fd, &e) != 0)
        stream_close(s);
}

void stream_close(struct stream *s)
{
    struct streams *set = s->set;
    struct path path = s->path;
    uint32_t i = link_id(path.link) & ((1u << INDEX_BITS) - 1);
    heap_set(&set->timers, &s->timer, MP_NEVER);
    stranger_leaves(s);
    bridge_close(s);
    frame_queue_free(&s->queue);
    if (s->ssl)
        SSL_free(s->ssl);
    close(s->fd);
    free(s->partial);
    free(s->begun);
    free(s);
    set->table[i] = NULL;
    set->free[(set->free_head + set->free_count++) % STREAM_TABLE_MAX] = i;
    set->open--;
    set->counts.closed++;
    arrivals_leave(set->config.arrivals, &path.remote);
    set->config.gone(set->config.context, &path);
}

/* --- input --- */

/* Keeps an incomplete frame until its rest arrives. */
static bool keep_partial(struct stream *s, const uint8_t *data, size_t len)
{
    INVARIANT(len <= STREAM_FRAME_MAX);
    if (len && !s->partial && !(s->partial = malloc(STREAM_FRAME_MAX)))
        return false;
    if (len)
        memcpy(s->partial, data, len);
    s->partial_len = len;
    return true;
}

static bool take_frames(struct stream *s, const uint8_t *data, size_t len)
{
    struct streams *set = s->set;
    struct frame f;
    while (len) {
        enum frame_result r = frame_read(&f, s->format, data, len);
        if (r == FRAME_BAD) {
            set->counts.malformed++;
            return false;
        }
        if (r == FRAME_MORE || f.size > len)
            break;
        if (f.len) {
            set->counts.frames_in++;
            set->config.datagram(set->config.context, &s->path, data + f.start, f.len);
        }
        data += f.size;
        len -= f.size;
    }
    return keep_partial(s, data, len);
}

static bool take_first(struct stream *s, const uint8_t *data, size_t len)
{
    switch (first_bytes_inside(data, len)) {
    case FIRST_MORE: return keep_partial(s, data, len);
    case FIRST_HTTP: return bridge_open(s, data, len);
    case FIRST_TURN:
        s->phase = PHASE_FRAMES;
        s->format = FRAME_TURN;
        return take_frames(s, data, len);
    default: s->set->counts.malformed++; return false;
    }
}

static bool take_bytes(struct stream *s)
{
    uint8_t *in = s->set->in;
    size_t before = s->partial_len;
    ssize_t n = stream_read(s, in + before, STREAM_READ_SIZE);
    if (n <= 0)
        return n == 0;
    if (before)
        memcpy(in, s->partial, before);
    s->partial_len = 0;
    return s->phase == PHASE_FIRST ? take_first(s, in, before + (size_t)n)
                                   : take_frames(s, in, before + (size_t)n);
}

static bool moved(struct stream *s, uint32_t events)
{
    if (s->phase == PHASE_TLS && !stream_handshake(s))
        return false;
    if (s->phase == PHASE_TLS)
        return true;
    if (s->phase == PHASE_BRIDGE)
        return bridge_moved(s);
    if ((events & EPOLLOUT || s->tls_wants == SSL_ERROR_WANT_WRITE) && !stream_flush(s))
        return false;
    return !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || take_bytes(s);
}

static void take_connections(struct streams *set)
{
    const uint8_t *data;
    struct stream_connection c;
    uint64_t count;
    size_t len;
    (void)!read(set->wake, &count, sizeof count);
    while ((data = ring_peek(&set->inbox, &len))) {
        memcpy(&c, data, sizeof c);
        ring_pop(&set->inbox);
        stream_open(set, &c);
    }
}

int streams_fd(const struct streams *set) { return set->epoll; }

bool streams_busy(struct streams *set)
{
    size_t len;
    return set->open || ring_peek(&set->inbox, &len) != NULL;
}

bool streams_receive(struct streams *set, mp_time now)
{
    struct epoll_event events[EVENTS_A_ROUND];
    unsigned handshakes = 0;
    int n = epoll_wait(set->epoll, events, EVENTS_A_ROUND, 0);
    set->now = now;
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 == TAG_WAKE) {
            take_connections(set);
            continue;
        }
        struct stream *s = find(set, (uint32_t)events[i].data.u64);
        if (s && s->phase == PHASE_TLS && handshakes++ >= STREAM_HANDSHAKES)
            continue; /* epoll reports it again */
        if (s && !moved(s, events[i].events))
            stream_close(s);
        else if (s)
            stream_wait(s);
    }
    return n == EVENTS_A_ROUND || handshakes > STREAM_HANDSHAKES;
}

void streams_send(struct streams *set, const struct transmit *t)
{
    struct stream *s = find(set, link_id(t->path.link));
    if (!s || s->phase != PHASE_FRAMES)
        return;
    if (stream_push(s, t))
        stream_wait(s);
    else
        stream_close(s);
}

/* --- time --- */

mp_time streams_deadline(const struct streams *set) { return heap_next(&set->timers); }

void streams_timeout(struct streams *set, mp_time now)
{
    struct heap_node *node;
    set->now = now;
    while ((node = heap_pop(&set->timers, now))) {
        struct stream *s = (struct stream *)node;
        if (is_used(s)) {
            heap_set(&set->timers, &s->timer, s->bridge && !s->bridge->h2 ? MP_NEVER : now + STREAM_LOOK);
        } else if (bridge_goodbye(s)) {
            stream_wait(s);
        } else {
            set->counts.silent++;
            stream_close(s);
        }
    }
}

const struct stream_counts *streams_counts(const struct streams *set) { return &set->counts; }

size_t streams_open(const struct streams *set) { return set->open; }
