/* HTTP inside our own TLS, from clients without ALPN: decrypted here, spoken to by the web server over a
 * socket pair. Each direction holds one read at the most; who does not take it is not read from. */
#include "stream_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool hand_over(struct stream *s)
{
    struct bridge *b = s->bridge;
    while (b->at < b->len) {
        ssize_t n = send(b->fd, b->data + b->at, b->len - b->at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        b->at += (size_t)n;
    }
    b->at = b->len = 0;
    return true;
}

/* From the client to the web server. */
static bool carry_in(struct stream *s)
{
    struct bridge *b = s->bridge;
    if (!hand_over(s))
        return false;
    if (b->len)
        return true;
    ssize_t n = stream_read(s, b->data, sizeof b->data);
    if (n < 0)
        return false;
    b->len = (size_t)n;
    return hand_over(s);
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
    SSL_shutdown(s->ssl);
    return false; /* all was sent: close */
}

bool bridge_moved(struct stream *s)
{
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
    memcpy(b->data, data, len);
    b->len = len;
    s->phase = PHASE_BRIDGE;
    if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, b->fd, &e) != 0) {
        close(pair[1]);
        return false;
    }
    return set->config.http(set->config.context, pair[1], &s->path) && bridge_moved(s);
}

void bridge_close(struct stream *s)
{
    if (!s->bridge)
        return;
    close(s->bridge->fd);
    free(s->bridge);
    s->bridge = NULL;
}
