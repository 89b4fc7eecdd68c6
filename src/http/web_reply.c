/* Sends answers, in each turn a piece for each waiting connection, first come, first served. While it sends
 * an answer, it reads nothing from that client: the next request waits until the answer was sent, so a slow
 * client causes no backlog. */
#include "base/limits.h"
#include "http/web_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void reply_free(struct reply *r)
{
    free(r->head);
    free(r->owned);
    *r = (struct reply){0};
}

static bool complete(struct connection *c)
{
    bool last = c->reply.last;
    reply_free(&c->reply);
    if (last)
        return web_connection_linger(c);
    c->state = AWAITS_REQUEST;
    web_connection_moved(c);
    web_connection_await(c, EPOLLIN);
    return web_request_next(c);
}

/* The head, and the body with it: a small answer is one segment. */
static ssize_t send_piece(struct connection *c)
{
    struct reply *r = &c->reply;
    struct iovec parts[2];
    struct msghdr m = {.msg_iov = parts};
    size_t at = r->sent;
    if (at < r->head_len)
        parts[m.msg_iovlen++] = (struct iovec){r->head + at, r->head_len - at};
    at = at < r->head_len ? 0 : at - r->head_len;
    size_t n = r->len - at < CHUNK_SIZE ? r->len - at : CHUNK_SIZE;
    if (n)
        parts[m.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)(r->data + at), n};
    return sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool go_on(struct connection *c)
{
    struct reply *r = &c->reply;
    ssize_t n = send_piece(c);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    if (n > 0) {
        r->sent += (size_t)n;
        web_connection_moved(c);
    }
    if (r->sent == r->head_len + r->len)
        return complete(c);
    web_connection_await(c, EPOLLOUT);
    return true;
}

bool web_reply_writable(struct connection *c)
{
    web_connection_await(c, 0);
    web_queue_add(&c->web->senders, c);
    return true;
}
void web_replies_go_on(struct web *w)
{
    for (unsigned i = 0; i < WEB_CHUNKS_A_TURN && w->senders.first; i++) {
        struct connection *c = web_queue_take(&w->senders);
        if (!go_on(c))
            web_connection_end(c);
    }
}

bool web_reply_begin(struct connection *c, const struct reply *r)
{
    c->reply = *r;
    c->state = ANSWERS;
    return web_reply_writable(c);
}

void web_reply_end(struct connection *c)
{
    web_queue_remove(&c->web->senders, c);
    reply_free(&c->reply);
}
