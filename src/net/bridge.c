/* HTTP inside TLS: the bridge decrypts it and exchanges it with the web server by a socket pair. Each
 * direction buffers at most one read and reads no more while its receiver is slow. HTTP/2 is translated
 * (h2.h).
 *
 * Timers: an HTTP/2 client has BRIDGE_IDLE from one answer to the next request, then it gets GOAWAY; after
 * the web server's last byte, its client has BRIDGE_LINGER to read it: closing a connection with unread input
 * resets it, and the data in flight would be lost. */
#include "net/h2.h"
#include "net/stream_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Writes as much as the web server accepts. Less than 0: it closed. */
static ssize_t give(const struct bridge *b, const uint8_t *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t n = send(b->fd, data + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? (ssize_t)at : -1;
        at += (size_t)n;
    }
    return (ssize_t)at;
}

static bool give_kept(struct bridge *b)
{
    ssize_t n = give(b, b->data + b->at, b->len - b->at);
    if (n < 0)
        return false;
    b->at += (size_t)n;
    if (b->at == b->len) {
        free(b->data);
        b->data = NULL;
        b->at = b->len = 0;
    }
    return true;
}

static bool give_or_keep(struct bridge *b, const uint8_t *data, size_t len)
{
    ssize_t n = give(b, data, len);
    if (n < 0 || (size_t)n == len)
        return n >= 0;
    b->len = len - (size_t)n;
    b->data = malloc(b->len);
    if (!b->data)
        return false;
    memcpy(b->data, data + n, b->len);
    return true;
}

/* From the client to the web server. */
static bool carry_in(struct stream *s)
{
    struct bridge *b = s->bridge;
    if (b->len && !give_kept(b))
        return false;
    if (b->len)
        return true;
    ssize_t n = stream_read(s, s->set->in, STREAM_READ_SIZE);
    return n >= 0 && give_or_keep(b, s->set->in, (size_t)n);
}

static void close_pair(struct bridge *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

/* The web server closed its end, and the bridge has sent all of its bytes. */
static bool say_goodbye(struct stream *s)
{
    SSL_shutdown(s->ssl);
    shutdown(s->fd, SHUT_WR);
    close_pair(s->bridge);
    s->bridge->ended = s->bridge->over = true;
    heap_set(&s->set->timers, &s->timer, s->set->now + BRIDGE_LINGER);
    return true;
}

/* From the web server to the client. */
static bool carry_out(struct stream *s)
{
    struct bridge *b = s->bridge;
    if (!stream_flush(s))
        return false;
    if (s->begun)
        return true;
    ssize_t n = b->ended ? 0 : recv(b->fd, s->set->out, sizeof s->set->out, MSG_DONTWAIT);
    if (n > 0)
        return stream_begin(s, s->set->out, (size_t)n);
    b->ended |= n == 0;
    if (!b->ended)
        return errno == EAGAIN || errno == EINTR;
    return say_goodbye(s);
}

/* Discards further input. */
static bool linger(struct stream *s)
{
    ssize_t n = recv(s->fd, s->set->in, sizeof s->set->in, MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Opens a new connection to the web server. `edge`: edge-triggered; the bridge reads it until it is empty. */
static bool open_pair(struct stream *s, bool edge)
{
    int pair[2];
    struct streams *set = s->set;
    struct bridge *b = s->bridge;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    b->fd = pair[0];
    b->events = EPOLLIN | (edge ? EPOLLET : 0u);
    struct epoll_event e = {.events = b->events, .data.u64 = stream_bridge_tag(s)};
    if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, b->fd, &e) != 0) {
        close(pair[1]);
        return false;
    }
    return set->config.http(set->config.context, pair[1], &s->path);
}

/* --- HTTP/2 --- */

/* A request fits the pair's buffers, because they contain nothing else. */
static void ask(struct stream *s, const char *text, size_t len)
{
    struct bridge *b = s->bridge;
    if ((b->fd >= 0 || open_pair(s, true)) && give(b, (const uint8_t *)text, len) == (ssize_t)len)
        return;
    close_pair(b);
    h2_response_cut(b->h2);
}

static void next_request(struct stream *s)
{
    struct bridge *b = s->bridge;
    const char *text;
    bool finished = h2_finish(b->h2), reusable = h2_reusable(b->h2);
    size_t len = h2_request(b->h2, &text);
    if (finished && (!len || !reusable))
        close_pair(b);
    if (len)
        ask(s, text, len);
}

/* False: there is no more to read now. */
static bool take_response(struct stream *s)
{
    struct bridge *b = s->bridge;
    if (b->fd < 0 || !h2_awaits(b->h2))
        return false;
    ssize_t n = recv(b->fd, s->set->in, H2_RESPONSE_CHUNK, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n > 0 && h2_response(b->h2, s->set->in, (size_t)n))
        return true;
    close_pair(b);
    h2_response_cut(b->h2);
    return true;
}

static bool translate(struct stream *s)
{
    struct bridge *b = s->bridge;
    struct streams *set = s->set;
    if (!stream_flush(s))
        return false;
    ssize_t n = b->over ? 0 : stream_read(s, set->in, STREAM_READ_SIZE);
    if (n < 0)
        return false;
    if (n > 0)
        b->over |= !h2_input(b->h2, set->in, (size_t)n);
    for (bool more = true; more && !s->begun;) {
        bool busy = h2_busy(b->h2);
        next_request(s);
        more = take_response(s);
        size_t len = h2_output(b->h2, set->out, sizeof set->out);
        if (len && !stream_begin(s, set->out, len))
            return false;
        if (len && busy)
            b->active = set->now;
        more |= len > 0;
    }
    b->over |= h2_is_over(b->h2);
    return !b->over || s->begun || say_goodbye(s);
}

/* --- either --- */

bool bridge_is_used(const struct stream *s)
{
    const struct bridge *b = s->bridge;
    return b && (b->h2 ? !b->over && s->set->now - b->active < BRIDGE_IDLE : b->fd >= 0);
}

/* RFC 9113 9.1: GOAWAY tells a client whose request crosses it that the server has not processed the
 * request. */
bool bridge_goodbye(struct stream *s)
{
    struct bridge *b = s->bridge;
    if (!b || !b->h2 || b->over)
        return false;
    heap_set(&s->set->timers, &s->timer, s->set->now + BRIDGE_LINGER);
    h2_goodbye(b->h2);
    return translate(s);
}

bool bridge_moved(struct stream *s)
{
    struct bridge *b = s->bridge;
    if (b->ended && b->fd < 0)
        return linger(s);
    if (b->h2)
        return translate(s);
    return carry_in(s) && carry_out(s);
}

static bool speaks_h2(const struct stream *s)
{
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(s->ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

bool bridge_open(struct stream *s, const uint8_t *data, size_t len)
{
    struct bridge *b = s->bridge = calloc(1, sizeof *b);
    if (!b)
        return false;
    b->fd = -1;
    b->active = s->set->now;
    s->phase = PHASE_BRIDGE;
    if (!speaks_h2(s))
        return open_pair(s, false) && give_or_keep(b, data, len) && bridge_moved(s);
    b->h2 = h2_new();
    if (!b->h2)
        return false;
    b->over = !h2_input(b->h2, data, len);
    return bridge_moved(s);
}

void bridge_close(struct stream *s)
{
    if (!s->bridge)
        return;
    close_pair(s->bridge);
    h2_free(s->bridge->h2);
    free(s->bridge->data);
    free(s->bridge);
    s->bridge = NULL;
}
