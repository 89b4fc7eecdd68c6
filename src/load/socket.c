#include "load/socket.h"
#include "base/limits.h"
#include "http/accept_key.h"
#include "http/frames.h"
#include "load/to_sockaddr.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/random.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE      MP_S(20) /* until it is open */
#define LOOK          MP_S(1)  /* interval of checks for connections that are not open yet */
#define EVENTS_A_TURN 256
#define RECEIVE_SIZE  65536
#define HEAD_SIZE     4096 /* of the server's answer to the handshake */

struct socket_message { /* bytes to send */
    struct socket_message *next;
    size_t len, sent;
    uint8_t data[];
};

struct socket {
    struct sockets *all;
    int fd; /* -1: none */
    bool open, cut;
    struct socket *next_cut;
    mp_time begun;
    char key[WEBSOCKET_KEY_SIZE];
    struct socket_message *first, **last;
    struct frames in;
    char *partial; /* received part of the handshake's answer, then of a message in pieces */
    size_t partial_len;
};

struct sockets {
    const struct options *options;
    struct socket_handler handler;
    int epoll;
    mp_time tick_at, look_at;
    struct socket *cut; /* their `closed` callback is due */
    unsigned count;
    uint8_t received[RECEIVE_SIZE];
    struct socket sockets[];
};

static unsigned number_of(const struct socket *s) { return (unsigned)(s - s->all->sockets); }

/* --- the end --- */

static void forget(struct socket *s)
{
    while (s->first) {
        struct socket_message *m = s->first;
        s->first = m->next;
        free(m);
    }
    s->last = &s->first;
    free(s->partial);
    s->partial = NULL;
    s->partial_len = 0;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->open = false;
}

static void ended(struct socket *s, const char *why)
{
    if (s->fd < 0)
        return;
    forget(s);
    s->all->handler.closed(s->all->handler.context, number_of(s), why);
}

/* --- out --- */

static void await(struct socket *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    epoll_ctl(s->all->epoll, EPOLL_CTL_MOD, s->fd, &e);
}

/* False: the connection is lost. */
static bool flush(struct socket *s)
{
    struct socket_message *m;
    while ((m = s->first)) {
        ssize_t n = send(s->fd, m->data + m->sent, m->len - m->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            await(s, EPOLLIN | EPOLLOUT);
            return true;
        }
        if (n < 0 && errno != EINTR)
            return false;
        m->sent += n > 0 ? (size_t)n : 0;
        if (m->sent < m->len)
            continue;
        if (!(s->first = m->next))
            s->last = &s->first;
        free(m);
    }
    await(s, EPOLLIN);
    return true;
}

/* Reserves room for a message of this length at the end of the queue. */
static uint8_t *enqueue(struct socket *s, size_t len)
{
    struct socket_message *m = malloc(sizeof *m + len);
    if (!m)
        return NULL;
    *m = (struct socket_message){.len = len};
    *s->last = m;
    s->last = &m->next;
    return m->data;
}

/* The next read reports a lost connection. */
static void send_frame(struct socket *s, enum frame_opcode opcode, const void *data, size_t len)
{
    uint8_t head[FRAME_HEAD_MAX], key[4];
    random_bytes(key, sizeof key);
    size_t n = frames_head(head, opcode, len, key);
    bool waits = s->first != NULL;
    uint8_t *out = enqueue(s, n + len);
    if (!out)
        return;
    memcpy(out, head, n);
    if (len)
        memcpy(out + n, data, len);
    frames_mask(out + n, len, key);
    if (!waits)
        flush(s);
}

/* --- the handshake --- */

static bool ask(struct socket *s)
{
    const struct options *o = s->all->options;
    char text[2048];
    bool v6 = strchr(o->host, ':');
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                     o->path, v6 ? "[" : "", o->host, v6 ? "]" : "", o->server.port, s->key);
    uint8_t *out = n > 0 && (size_t)n < sizeof text ? enqueue(s, (size_t)n) : NULL;
    if (out)
        memcpy(out, text, (size_t)n);
    return out != NULL;
}

/* NULL: the head is valid. */
static const char *refuse_answer(const struct socket *s, const char *head)
{
    static char status[64];
    char accept[WEBSOCKET_ACCEPT_SIZE], field[64];
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) {
        snprintf(status, sizeof status, "%.*s", (int)strcspn(head, "\r\n"), head);
        return status;
    }
    if (!accept_key(accept, s->key))
        return "no key";
    snprintf(field, sizeof field, "\r\nsec-websocket-accept: %s\r\n", accept);
    return strcasestr(head, field) ? NULL : "the handshake's answer is another's";
}

static bool append(struct socket *s, const void *data, size_t len, size_t most)
{
    char *more = s->partial_len + len <= most ? realloc(s->partial, s->partial_len + len + 1) : NULL;
    if (!more)
        return false;
    s->partial = more;
    if (len)
        memcpy(s->partial + s->partial_len, data, len);
    s->partial_len += len;
    s->partial[s->partial_len] = 0;
    return true;
}

/* --- in --- */

static bool take_payload(struct socket *s)
{
    const struct socket_handler *h = &s->all->handler;
    const struct frames *f = &s->in;
    if (f->ends && !s->partial_len) {
        h->text(h->context, number_of(s), (const char *)f->data, f->len);
        return true;
    }
    if (!append(s, f->data, f->len, 4 * WS_MESSAGE_MAX))
        return false;
    if (!f->ends)
        return true;
    size_t len = s->partial_len;
    s->partial_len = 0;
    h->text(h->context, number_of(s), s->partial, len);
    return true;
}

/* NULL: the connection continues. */
static const char *take_frames(struct socket *s, uint8_t *data, size_t len, bool *over)
{
    for (enum frame_event e; !s->cut && (e = frames_read(&s->in, &data, &len)) != FRAME_MORE;) {
        if (e == FRAME_WRONG)
            return s->in.why;
        if (e == FRAME_PAYLOAD && !take_payload(s))
            return "a message is too large";
        if (e == FRAME_CONTROL && s->in.opcode == FRAME_PING)
            send_frame(s, FRAME_PONG, s->in.data, s->in.len);
        if (e == FRAME_CONTROL && s->in.opcode == FRAME_CLOSE) {
            send_frame(s, FRAME_CLOSE, s->in.data, s->in.len < 2 ? 0 : 2);
            *over = true;
            return NULL;
        }
    }
    return NULL;
}

/* The answer to the handshake, and the bytes behind it. */
static const char *take_answer(struct socket *s, const uint8_t *data, size_t len, bool *over)
{
    if (!append(s, data, len, HEAD_SIZE + RECEIVE_SIZE))
        return "the handshake's answer is too large";
    char *end = strstr(s->partial, "\r\n\r\n");
    if (!end)
        return s->partial_len > HEAD_SIZE ? "the handshake's answer is too large" : NULL;
    end[2] = 0;
    const char *why = refuse_answer(s, s->partial);
    if (why)
        return why;
    char *whole = s->partial;
    size_t rest = s->partial_len - (size_t)(end + 4 - whole);
    s->partial = NULL;
    s->partial_len = 0;
    s->open = true;
    s->all->handler.opened(s->all->handler.context, number_of(s));
    why = take_frames(s, (uint8_t *)end + 4, rest, over);
    free(whole);
    return why;
}

static void receive(struct socket *s)
{
    uint8_t *data = s->all->received;
    bool over = false;
    ssize_t n = recv(s->fd, data, sizeof s->all->received, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ended(s, n < 0 ? strerror(errno) : s->open ? NULL : "no answer to the handshake");
        return;
    }
    const char *why =
        s->open ? take_frames(s, data, (size_t)n, &over) : take_answer(s, data, (size_t)n, &over);
    if (why || over)
        ended(s, why);
}

static void event(struct socket *s, uint32_t events)
{
    if (s->cut || s->fd < 0)
        return;
    if (events & EPOLLOUT && !flush(s)) {
        ended(s, "no connection");
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(s);
}

/* --- time --- */

static void end_cut(struct sockets *all)
{
    while (all->cut) {
        struct socket *s = all->cut;
        all->cut = s->next_cut;
        s->cut = false;
        ended(s, NULL);
    }
}

static void look(struct sockets *all, mp_time now)
{
    for (unsigned i = 0; i < all->count; i++) {
        struct socket *s = &all->sockets[i];
        if (s->fd >= 0 && !s->open && now - s->begun > PATIENCE)
            ended(s, "no answer in time");
    }
    all->look_at = now + LOOK;
}

void sockets_service(struct sockets *all)
{
    struct epoll_event events[EVENTS_A_TURN];
    int n =
        loop_events(all->epoll, events, EVENTS_A_TURN, all->cut ? 0 : mp_max(all->tick_at - clock_now(), 0));
    for (int i = 0; i < n; i++)
        event(events[i].data.ptr, events[i].events);
    end_cut(all);
    mp_time now = clock_now();
    if (now >= all->look_at)
        look(all, now);
    if (now < all->tick_at)
        return;
    all->tick_at = now + SOCKETS_TICK;
    all->handler.tick(all->handler.context);
}

/* --- for the caller --- */

static bool dial(struct socket *s)
{
    struct sockaddr_storage to;
    socklen_t len = to_sockaddr(&to, &s->all->options->server);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = s};
    int on = 1;
    s->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return false;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return (connect(s->fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS) &&
           epoll_ctl(s->all->epoll, EPOLL_CTL_ADD, s->fd, &e) == 0;
}

bool sockets_open(struct sockets *all, unsigned number)
{
    struct socket *s = &all->sockets[number];
    uint8_t key[16];
    random_bytes(key, sizeof key);
    EVP_EncodeBlock((uint8_t *)s->key, key, sizeof key);
    s->in = (struct frames){.from_client = false};
    s->begun = clock_now();
    if (dial(s) && ask(s))
        return true;
    forget(s);
    return false;
}

void sockets_send(struct sockets *all, unsigned number, const char *text, size_t len)
{
    struct socket *s = &all->sockets[number];
    if (s->open && !s->cut)
        send_frame(s, FRAME_TEXT, text, len);
}

void sockets_cut(struct sockets *all, unsigned number)
{
    struct socket *s = &all->sockets[number];
    if (s->fd < 0 || s->cut)
        return;
    s->cut = true;
    s->next_cut = all->cut;
    all->cut = s;
}

struct sockets *sockets_new(const struct options *o, const struct socket_handler *handler, unsigned count)
{
    struct sockets *all = calloc(1, sizeof *all + count * sizeof all->sockets[0]);
    if (!all)
        return NULL;
    all->options = o;
    all->handler = *handler;
    all->count = count;
    for (unsigned i = 0; i < count; i++) {
        all->sockets[i].all = all;
        all->sockets[i].fd = -1;
        all->sockets[i].last = &all->sockets[i].first;
    }
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (all->epoll >= 0)
        return all;
    free(all);
    return NULL;
}

void sockets_free(struct sockets *all)
{
    for (unsigned i = 0; i < all->count; i++)
        forget(&all->sockets[i]);
    close(all->epoll);
    free(all);
}
