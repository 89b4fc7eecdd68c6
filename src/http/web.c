/* In each turn the thread sends waiting output, then sleeps until a connection, a timer or another thread
 * needs it.
 *
 * A turn's work is bounded: the thread accepts WEB_ADOPTIONS_A_TURN connections, reads RECEIVE_SIZE bytes of
 * each of EVENTS_A_TURN, and sends WEB_CHUNKS_A_TURN pieces of answers; the next turn continues with the
 * rest. So no message waits behind thousands of files.
 *
 * Timers: the one of web_set_timer, and one of each connection. An HTTP connection has PATIENCE for a whole
 * request, and between two pieces of an answer that it reads; a WebSocket has its own timer (web_socket.c); a
 * connection whose output is complete has LINGER to end. */
#include "base/limits.h"
#include "http/web_internal.h"
#include "net/arrivals.h"
#include "net/clock.h"
#include "net/loop.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE MP_S(20)
#define LINGER   MP_S(10)
/* the media of a vanished client ends after 30 s without a check in any case */
#define SILENCE         MP_S(20)
#define DOUBT           MP_S(5) /* a phone that changes its cell is unreachable for 2 s */
#define EVENTS_A_TURN   256
#define DESCRIPTORS_OWN 64 /* not for connections */

/* --- queues --- */

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
}

void web_queue_add(struct queue *q, struct connection *c)
{
    if (c->link)
        return;
    c->next = NULL;
    c->link = q->last;
    *q->last = c;
    q->last = &c->next;
}

void web_queue_remove(struct queue *q, struct connection *c)
{
    if (!c->link)
        return;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    else
        q->last = c->link;
    c->link = NULL;
}

struct connection *web_queue_take(struct queue *q)
{
    struct connection *c = q->first;
    if (c)
        web_queue_remove(q, c);
    return c;
}

/* --- connections --- */

void web_connection_end(struct connection *c)
{
    struct web *w = c->web;
    web_socket_closed(c);
    web_reply_end(c);
    web_request_free(c);
    heap_set(&w->timers, &c->timer, MP_NEVER);
    w->connections--;
    if (c->counted)
        arrivals_leave(w->config.arrivals, &c->path.remote);
    close(c->fd);
    free(c);
}

void web_connection_await(struct connection *c, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (c->events != events)
        epoll_ctl(c->web->epoll, EPOLL_CTL_MOD, c->fd, &e);
    c->events = events;
}

void web_connection_moved(struct connection *c)
{
    heap_set(&c->web->timers, &c->timer, c->web->now + PATIENCE);
}

bool web_connection_linger(struct connection *c)
{
    web_socket_closed(c);
    web_request_free(c);
    c->state = LINGERS;
    web_connection_await(c, EPOLLIN);
    heap_set(&c->web->timers, &c->timer, c->web->now + LINGER);
    return shutdown(c->fd, SHUT_WR) == 0;
}

static bool read_some(struct connection *c)
{
    struct web *w = c->web;
    ssize_t n = recv(c->fd, w->received, sizeof w->received, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    switch (c->state) {
    case AWAITS_REQUEST: return web_request_input(c, w->received, (size_t)n);
    case IS_SOCKET: return web_socket_input(c, w->received, (size_t)n);
    default: return true;
    }
}

static bool write_some(struct connection *c)
{
    return c->state == IS_SOCKET ? web_socket_flush(c) : web_reply_writable(c);
}

/* epoll always reports errors and the end of both directions. */
static void connection_event(struct connection *c, uint32_t events)
{
    bool goes_on = !(events & (EPOLLERR | EPOLLHUP)) || c->events & EPOLLIN;
    if (goes_on && events & EPOLLOUT)
        goes_on = write_some(c);
    if (goes_on && events & (EPOLLIN | EPOLLERR | EPOLLHUP) && c->events & EPOLLIN)
        goes_on = read_some(c);
    if (!goes_on)
        web_connection_end(c);
}

static void connection_timeout(struct connection *c)
{
    if (c->state != IS_SOCKET || !web_socket_timeout(c))
        web_connection_end(c);
}

/* --- adoption --- */

/* Whether the server accepts it; crowded: only to answer with a refusal. The front has counted TLS
 * connections already: here it may be one of many requests of a connection. */
static bool admit(struct connection *c)
{
    struct arrivals *a = c->secure ? NULL : c->web->config.arrivals;
    c->crowded = !arrivals_take(a, &c->path.remote, c->web->now);
    c->counted = a && (!c->crowded || arrivals_take_to_refuse(a, &c->path.remote));
    return !a || c->counted;
}

static void adopt(struct connection *c)
{
    struct web *w = c->web;
    int on = 1, unsent = STREAM_UNSENT_MAX;
    struct epoll_event e = {.events = c->events = EPOLLIN, .data.ptr = c};
    c->next = NULL;
    /* these fail on a bridge's socket, which needs none */
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (!admit(c) || epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
        web_connection_end(c);
    else
        web_connection_moved(c);
}

static bool queue_adoption(struct web *w, int fd, const struct path *path, bool secure)
{
    bool room = w->connections++ < w->connections_max;
    struct connection *c = room ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        w->connections--;
        close(fd);
        return false;
    }
    *c = (struct connection){.web = w, .fd = fd, .path = *path, .secure = secure};
    pthread_mutex_lock(&w->lock);
    *w->last = c;
    w->last = &c->next;
    pthread_mutex_unlock(&w->lock);
    web_wake(w);
    return true;
}

bool web_adopt(struct web *w, int fd, const struct path *path) { return queue_adoption(w, fd, path, false); }

bool web_adopt_secure(struct web *w, int fd, const struct path *path)
{
    return queue_adoption(w, fd, path, true);
}

static struct connection *next_adoption(struct web *w)
{
    pthread_mutex_lock(&w->lock);
    struct connection *c = w->first;
    if (c && !(w->first = c->next))
        w->last = &w->first;
    pthread_mutex_unlock(&w->lock);
    return c;
}

static void adopt_some(struct web *w)
{
    struct connection *c = NULL;
    for (int i = 0; i < WEB_ADOPTIONS_A_TURN && (c = next_adoption(w)); i++)
        adopt(c);
    if (c) /* there may be more */
        web_wake(w);
}

/* --- the loop --- */

static void woken(struct web *w)
{
    uint64_t count;
    (void)!read(w->event, &count, sizeof count);
    w->woken = false; /* after the read: the lines below handle a wake-up in between */
    adopt_some(w);
    w->handler.woken(w->handler.context);
}

static void timers_came(struct web *w)
{
    struct heap_node *node;
    while ((node = heap_pop(&w->timers, w->now)))
        connection_timeout((struct connection *)((char *)node - offsetof(struct connection, timer)));
    if (w->timer > w->now)
        return;
    w->timer = MP_NEVER;
    w->handler.timer(w->handler.context);
}

static mp_time sleep_time(const struct web *w)
{
    mp_time deadline = mp_min(w->timer, heap_next(&w->timers));
    if (w->senders.first || deadline <= w->now)
        return 0;
    return mp_min(deadline - w->now, WEB_TICK);
}

void web_service(struct web *w)
{
    struct epoll_event events[EVENTS_A_TURN];
    w->now = clock_now();
    web_sockets_flush(w);
    web_replies_go_on(w);
    int n = loop_events(w->epoll, events, EVENTS_A_TURN, sleep_time(w));
    w->now = clock_now();
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            connection_event(events[i].data.ptr, events[i].events);
        else
            woken(w);
    }
    timers_came(w);
}

void web_wake(struct web *w)
{
    uint64_t one = 1;
    if (!atomic_exchange(&w->woken, true))
        (void)!write(w->event, &one, sizeof one);
}

void web_set_timer(struct web *w, mp_time in) { w->timer = in == MP_NEVER ? MP_NEVER : clock_now() + in; }

/* --- life --- */

static unsigned most_connections(void)
{
    struct rlimit limit = {.rlim_cur = WEB_CONNECTIONS_MAX};
    getrlimit(RLIMIT_NOFILE, &limit);
    unsigned most = limit.rlim_cur < WEB_CONNECTIONS_MAX ? (unsigned)limit.rlim_cur : WEB_CONNECTIONS_MAX;
    return most > 2 * DESCRIPTORS_OWN ? most - DESCRIPTORS_OWN : most / 2;
}

static void web_defaults(struct web_config *c)
{
    if (!c->limits.message)
        c->limits.message = WS_MESSAGE_MAX;
    if (!c->limits.queue)
        c->limits.queue = WS_QUEUE_MAX;
    if (!c->silence)
        c->silence = SILENCE;
    if (!c->doubt)
        c->doubt = DOUBT;
}

static bool start_loop(struct web *w)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    w->connections_max = most_connections();
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return w->epoll >= 0 && w->event >= 0 && epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->event, &e) == 0 &&
           heap_init(&w->timers, w->connections_max);
}

struct web *web_new(const struct web_config *config, const struct web_handler *handler, const char **error)
{
    struct web *w = calloc(1, sizeof *w);
    if (!w) {
        *error = "out of memory";
        return NULL;
    }
    w->config = *config;
    w->handler = *handler;
    web_defaults(&w->config);
    pthread_mutex_init(&w->lock, NULL);
    w->last = &w->first;
    w->timer = MP_NEVER;
    queue_init(&w->senders);
    queue_init(&w->unflushed);
    if (start_loop(w))
        return w;
    *error = "out of memory or descriptors for the web server";
    web_free(w);
    return NULL;
}

void web_free(struct web *w)
{
    if (!w)
        return;
    for (struct connection *c; (c = next_adoption(w));)
        web_connection_end(c);
    for (struct heap_node *node; (node = heap_pop(&w->timers, MP_NEVER));)
        web_connection_end((struct connection *)((char *)node - offsetof(struct connection, timer)));
    heap_free(&w->timers);
    if (w->epoll >= 0)
        close(w->epoll);
    if (w->event >= 0)
        close(w->event);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
