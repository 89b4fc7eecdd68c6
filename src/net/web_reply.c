/* Sends the bodies of answers, a piece of each waiting connection at the end of a turn, first come, first served.
 *
 * While an answer is on its way the library neither reads from the client nor writes to it: the client's next request is not
 * looked at before this answer has left, so what one does not take does not pile up here, and the library, which turns
 * without rest while it has read what it may not use yet, sleeps. */
#include "limits.h"
#include "web_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static void reply_free(struct reply *r)
{
    free(r->owned);
    memset(r, 0, sizeof *r);
}

static void enqueue(struct connection *c)
{
    struct web *w = c->web;
    c->queued = true;
    c->next = NULL;
    *w->last_sender = c;
    w->last_sender = &c->next;
}

static void dequeue(struct connection *c)
{
    struct web *w = c->web;
    struct connection **link = &w->sender;
    while (*link != c)
        link = &(*link)->next;
    if (!(*link = c->next))
        w->last_sender = link;
    c->queued = false;
}

static void writable(struct ev_loop *loop, ev_io *io, int events)
{
    ev_io_stop(loop, io);
    enqueue(io->data);
}

static void end(struct connection *c)
{
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

/* All has left, and the head of the next answer has room. */
static void complete(struct connection *c)
{
    reply_free(&c->reply);
    if (lws_rx_flow_control(c->wsi, 1) != 0 || lws_http_transaction_completed(c->wsi) != 0)
        end(c);
    else
        connection_moved(c);
}

static void send_piece(struct connection *c)
{
    struct reply *r = &c->reply;
    size_t rest = r->len - r->sent;
    if (rest == 0) {
        complete(c);
        return;
    }
    ssize_t n = send(c->fd, r->data + r->sent, rest < CHUNK_SIZE ? rest : CHUNK_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        end(c);
        return;
    }
    if (n > 0) {
        r->sent += (size_t)n;
        connection_moved(c);
    }
    ev_io_start(c->web->loop, &r->writable);
}

void replies_go_on(struct web *w)
{
    for (unsigned i = 0; i < WEB_CHUNKS_A_TURN && w->sender; i++) {
        struct connection *c = w->sender;
        dequeue(c);
        send_piece(c);
    }
    if (w->sender)
        web_wake(w);
}

bool reply_begin(struct connection *c, const uint8_t *data, size_t len, char *owned)
{
    reply_free(&c->reply);
    c->reply = (struct reply){.data = data, .len = len, .owned = owned};
    ev_io_init(&c->reply.writable, writable, c->fd, EV_WRITE);
    c->reply.writable.data = c;
    if (len)
        enqueue(c);
    else
        ev_io_start(c->web->loop, &c->reply.writable);
    return lws_rx_flow_control(c->wsi, 0) == 0;
}

void reply_end(struct connection *c)
{
    ev_io_stop(c->web->loop, &c->reply.writable);
    if (c->queued)
        dequeue(c);
    reply_free(&c->reply);
}
