/* HTTP inside TLS: decrypted here, spoken to by the web server over a socket pair. Each direction holds one read at
 * the most; who does not take it is not read from.
 *
 * Timer: when the web server has said its last, its client has BRIDGE_LINGER to take it: a connection that is closed
 * with something unread is reset, and what was on its way with it. */
#include "stream_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* As much as the web server takes. Less than 0: it is gone. */
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
    if (n > 0 && b->upgraded && !mask_check(&b->mask, s->set->in, (size_t)n)) {
        s->set->counts.malformed++;
        return false;
    }
    return n >= 0 && give_or_keep(b, s->set->in, (size_t)n);
}

/* A client waits for this before it sends a frame (RFC 6455 4.1), and for one answer before it asks again: it stands alone. */
static bool is_upgrade(const uint8_t *answer, size_t len)
{
    static const char line[] = "HTTP/1.1 101 ";
    return len >= sizeof line - 1 && memcmp(answer, line, sizeof line - 1) == 0;
}

/* The web server has said its last, and all of it was sent. */
static bool say_goodbye(struct stream *s)
{
    struct bridge *b = s->bridge;
    SSL_shutdown(s->ssl);
    shutdown(s->fd, SHUT_WR);
    close(b->fd);
    b->fd = -1;
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
    if (n > 0) {
        b->upgraded = b->upgraded || is_upgrade(s->set->out, (size_t)n);
        return stream_begin(s, s->set->out, (size_t)n);
    }
    b->ended |= n == 0;
    if (!b->ended)
        return errno == EAGAIN || errno == EINTR;
    return say_goodbye(s);
}

/* What a client still says goes nowhere. */
static bool linger(struct stream *s)
{
    ssize_t n = recv(s->fd, s->set->in, sizeof s->set->in, MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

bool bridge_moved(struct stream *s)
{
    if (s->bridge->fd < 0)
        return linger(s);
    return carry_in(s) && carry_out(s);
}

bool bridge_open(struct stream *s, const uint8_t *data, size_t len)
{
    int pair[2];
    struct streams *set = s->set;
    s->bridge = calloc(1, sizeof *s->bridge);
    if (!s->bridge || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        free(s->bridge);
        s->bridge = NULL;
        return false;
    }
    struct bridge *b = s->bridge;
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = stream_tag(s, true)};
    b->fd = pair[0];
    b->events = EPOLLIN;
    s->phase = PHASE_BRIDGE;
    if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, b->fd, &e) != 0 || !give_or_keep(b, data, len)) {
        close(pair[1]);
        return false;
    }
    return set->config.http(set->config.context, pair[1], &s->path) && bridge_moved(s);
}

void bridge_close(struct stream *s)
{
    if (!s->bridge)
        return;
    if (s->bridge->fd >= 0)
        close(s->bridge->fd);
    free(s->bridge->data);
    free(s->bridge);
    s->bridge = NULL;
}
