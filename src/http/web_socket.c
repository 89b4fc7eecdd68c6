/* WebSockets: whole messages in, a bounded queue out.
 *
 * Timer: the server pings a socket that was silent for config.silence, which also keeps NAT and proxy state
 * alive, and closes it after the same time again. A closing socket has CLOSE_GRACE to read its queue and to
 * answer the close frame; then it lingers (web.c), or ends if the client did not even read the close frame.
 */
#include "base/limits.h"
#include "http/accept_key.h"
#include "http/frames.h"
#include "http/web_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define CLOSE_GRACE   MP_S(2)
#define PIECES_A_SEND 16

struct web_message { /* bytes to send */
    struct web_message *next;
    size_t len, charge; /* charge: bytes that count against the queue's limit */
    uint8_t data[];
};

struct web_socket {
    struct connection *connection;
    void *user;
    bool established, closing;
    bool told;                         /* the peer has sent its close frame, or invalid data */
    bool heard;                        /* since the last check */
    bool pinged, doubted;              /* doubted: until the next check, which happens earlier */
    struct web_message *first, **last; /* queue */
    size_t sent;                       /* bytes of its first */
    size_t owed;
    struct web_message *pong; /* in the queue, not even partly sent */
    struct frames in;
    char *partial; /* the incomplete incoming message */
    size_t partial_len, partial_size;
    unsigned fragments; /* of that message so far */
};

/* --- the queue --- */

static struct web_message *message_new(size_t head, const void *text, size_t len)
{
    struct web_message *m = malloc(sizeof *m + head + len);
    if (!m)
        return NULL;
    *m = (struct web_message){.len = head + len};
    if (len)
        memcpy(m->data + head, text, len);
    return m;
}

static struct web_message *frame_new(enum frame_opcode opcode, const void *text, size_t len)
{
    uint8_t head[FRAME_HEAD_MAX];
    size_t n = frames_head(head, opcode, len, NULL);
    struct web_message *m = message_new(n, text, len);
    if (m)
        memcpy(m->data, head, n);
    return m;
}

/* Messages of a turn are sent at its end, in as few segments as possible: several messages answer a join. */
static void flush_later(struct web_socket *s)
{
    if (s->established)
        web_queue_add(&s->connection->web->unflushed, s->connection);
}

static void enqueue(struct web_socket *s, struct web_message *m)
{
    *s->last = m;
    s->last = &m->next;
    s->owed += m->charge;
    flush_later(s);
}

static void take_first(struct web_socket *s)
{
    struct web_message *m = s->first;
    s->first = m->next;
    if (!s->first)
        s->last = &s->first;
    s->owed -= m->charge;
    s->sent = 0;
    free(m);
}

/* Drops the queue, except a message that was partly sent. */
static void drop_queue(struct web_socket *s)
{
    struct web_message **keep = s->sent ? &s->first->next : &s->first, *m;
    while ((m = *keep)) {
        *keep = m->next;
        s->owed -= m->charge;
        free(m);
    }
    s->last = keep;
    s->pong = NULL;
}

static void socket_free(struct web_socket *s)
{
    s->sent = 0;
    drop_queue(s);
    free(s->partial);
    free(s);
}

/* --- the handshake --- */

/* Accepts the first subprotocol that the client offers. */
static void subprotocol(const struct http_request *q, char out[96])
{
    char list[64];
    out[0] = 0;
    if (!request_field(q, "sec-websocket-protocol", list, sizeof list) || !*list)
        return;
    size_t at = strspn(list, ", \t"), n = strcspn(list + at, ", \t");
    if (n)
        snprintf(out, 96, "sec-websocket-protocol: %.*s\r\n", (int)n, list + at);
}

static struct web_message *switching(const struct http_request *q, const char *accept)
{
    char text[256], protocol[96];
    subprotocol(q, protocol);
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                     "sec-websocket-accept: %s\r\n%s\r\n",
                     accept, protocol);
    return message_new(0, text, (size_t)n);
}

static void establish(struct web_socket *s, struct web_message *first)
{
    struct connection *c = s->connection;
    first->next = s->first;
    if (!s->first)
        s->last = &first->next;
    s->first = first;
    s->established = true;
    c->socket = s;
    c->state = IS_SOCKET;
    heap_set(&c->web->timers, &c->timer, c->web->now + (s->closing ? CLOSE_GRACE : c->web->config.silence));
    flush_later(s);
}

static struct web_socket *socket_new(struct connection *c)
{
    struct web_socket *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->connection = c;
    s->last = &s->first;
    s->in.from_client = true;
    return s;
}

static bool open_socket(struct connection *c, const struct http_request *q, const struct web_peer *peer,
                        const char *accept)
{
    struct web_handler *h = &c->web->handler;
    struct web_socket *s = socket_new(c);
    struct web_message *first = s ? switching(q, accept) : NULL;
    if (!first) {
        free(s);
        return web_http_refuse(c, q, 503);
    }
    if (!h->opened(h->context, s, peer, &s->user)) {
        free(first);
        socket_free(s);
        return web_http_refuse(c, q, 403);
    }
    establish(s, first);
    return true;
}

bool web_socket_upgrade(struct connection *c, const struct http_request *q)
{
    struct web_peer peer;
    char path[HTTP_HOST_SIZE], version[8], key[WEBSOCKET_KEY_SIZE], accept[WEBSOCKET_ACCEPT_SIZE];
    if (request_decode(q->path, path, sizeof path) != 0 || strcmp(path, c->web->config.websocket_path) != 0)
        return web_http_refuse(c, q, 404);
    if (!request_field(q, "sec-websocket-version", version, sizeof version) || strcmp(version, "13") != 0)
        return web_http_refuse(c, q, 426);
    if (!request_field(q, "sec-websocket-key", key, sizeof key) || !accept_key(accept, key) ||
        !web_http_peer(c, q, &peer))
        return web_http_refuse(c, q, 400);
    return open_socket(c, q, &peer, accept);
}

void web_socket_closed(struct connection *c)
{
    struct web_socket *s = c->socket;
    if (!s)
        return;
    web_queue_remove(&c->web->unflushed, c);
    c->socket = NULL;
    s->closing = true; /* discards further messages of the handler */
    s->established = false;
    c->web->handler.closed(c->web->handler.context, s, s->user);
    socket_free(s);
}

/* --- input --- */

static bool append(struct web_socket *s, const uint8_t *data, size_t len)
{
    if (s->partial_size - s->partial_len < len) {
        size_t size = (s->partial_len + len) * 2;
        char *partial = realloc(s->partial, size);
        if (!partial)
            return false;
        s->partial = partial;
        s->partial_size = size;
    }
    if (len)
        memcpy(s->partial + s->partial_len, data, len);
    s->partial_len += len;
    return true;
}

static void take_message(struct web_socket *s)
{
    struct web_handler *h = &s->connection->web->handler;
    const struct frames *f = &s->in;
    if (f->ends && s->partial_len == 0) {
        h->text(h->context, s, s->user, (const char *)f->data, f->len);
        return;
    }
    if (!append(s, f->data, f->len)) {
        web_close(s, CLOSE_INTERNAL, "out of memory");
        return;
    }
    if (!f->ends)
        return;
    char *text = s->partial;
    size_t len = s->partial_len;
    /* most sockets send one large message, the offer: frees the buffer */
    s->partial = NULL;
    s->partial_len = s->partial_size = 0;
    h->text(h->context, s, s->user, text, len);
    free(text);
}

/* Checked by the frame's head, before any of it is stored. */
static void frame_begins(struct web_socket *s)
{
    struct web_handler *h = &s->connection->web->handler;
    const struct frames *f = &s->in;
    s->fragments = f->first ? 1 : s->fragments + 1;
    if (f->opcode == FRAME_BINARY) {
        web_close(s, CLOSE_UNSUPPORTED, "text only");
    } else if (!f->final && s->fragments > WS_FRAGMENTS_MAX) {
        web_close(s, CLOSE_POLICY, "too many fragments");
    } else if (f->length > s->connection->web->config.limits.message - s->partial_len) {
        h->too_large(h->context, s, s->user);
        web_close(s, CLOSE_TOO_LARGE, "message too large");
    }
}

/* RFC 6455 5.5.3: answers only the last of several pings. */
static void answer_ping(struct web_socket *s)
{
    const struct frames *f = &s->in;
    if (s->pong) {
        s->pong->len = frames_head(s->pong->data, FRAME_PONG, f->len, NULL) + f->len;
        memcpy(s->pong->data + s->pong->len - f->len, f->data, f->len);
        return;
    }
    char room[FRAME_CONTROL_MAX] = {0};
    struct web_message *m = frame_new(FRAME_PONG, room, sizeof room);
    if (!m)
        return;
    s->pong = m;
    answer_ping(s);
    enqueue(s, m);
}

static void control_came(struct web_socket *s)
{
    const struct frames *f = &s->in;
    if (f->opcode == FRAME_CLOSE) {
        s->told = true;
        web_close(s, f->code == CLOSE_NONE ? CLOSE_NORMAL : f->code, "");
        flush_later(s);
    } else if (f->opcode == FRAME_PING && !s->closing) {
        answer_ping(s);
    }
}

bool web_socket_input(struct connection *c, uint8_t *data, size_t len)
{
    struct web_socket *s = c->socket;
    s->heard = true;
    while (!s->told) {
        enum frame_event event = frames_read(&s->in, &data, &len);
        if (event == FRAME_MORE)
            return true;
        if (event == FRAME_WRONG) {
            s->told = true;
            web_close(s, s->in.code, s->in.why);
            flush_later(s);
        } else if (event == FRAME_CONTROL) {
            control_came(s);
        } else if (!s->closing && event == FRAME_BEGINS) {
            frame_begins(s);
        } else if (!s->closing) {
            take_message(s);
        }
    }
    return true;
}

/* --- output --- */

static ssize_t send_some(struct web_socket *s)
{
    struct iovec parts[PIECES_A_SEND];
    struct msghdr m = {.msg_iov = parts};
    size_t skip = s->sent;
    for (struct web_message *i = s->first; i && m.msg_iovlen < PIECES_A_SEND; i = i->next) {
        parts[m.msg_iovlen++] = (struct iovec){i->data + skip, i->len - skip};
        skip = 0;
    }
    return sendmsg(s->connection->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void have_sent(struct web_socket *s, size_t n)
{
    while (n) {
        size_t rest = s->first->len - s->sent, part = n < rest ? n : rest;
        if (s->pong == s->first)
            s->pong = NULL;
        s->sent += part;
        n -= part;
        if (s->sent == s->first->len)
            take_first(s);
    }
}

/* After sending the close frame, waits for the peer's own, or for CLOSE_GRACE. */
bool web_socket_flush(struct connection *c)
{
    struct web_socket *s = c->socket;
    while (s->first) {
        ssize_t n = send_some(s);
        if (n < 0 && errno == EAGAIN) {
            web_connection_await(c, EPOLLIN | EPOLLOUT);
            return true;
        }
        if (n < 0 && errno != EINTR)
            return false;
        have_sent(s, n > 0 ? (size_t)n : 0);
    }
    if (s->closing && s->told)
        return web_connection_linger(c);
    web_connection_await(c, EPOLLIN);
    return true;
}

void web_sockets_flush(struct web *w)
{
    struct connection *c;
    while ((c = web_queue_take(&w->unflushed)))
        if (!web_socket_flush(c))
            web_connection_end(c);
}

void web_send(struct web_socket *s, const char *text, size_t len)
{
    if (s->closing)
        return;
    size_t most = s->connection->web->config.limits.queue;
    struct web_message *m = len <= most && s->owed <= most - len ? frame_new(FRAME_TEXT, text, len) : NULL;
    if (!m) {
        drop_queue(s);
        web_close(s, CLOSE_POLICY, "too slow");
        return;
    }
    m->charge = len;
    enqueue(s, m);
}

void web_set_user(struct web_socket *s, void *user) { s->user = user; }

/* --- the end --- */

void web_close(struct web_socket *s, uint16_t code, const char *reason)
{
    uint8_t payload[FRAME_CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t len = strnlen(reason, sizeof payload - 2);
    if (s->closing)
        return;
    s->closing = true;
    memcpy(payload + 2, reason, len);
    struct web_message *m = frame_new(FRAME_CLOSE, payload, 2 + len);
    if (m)
        enqueue(s, m);
    if (s->established)
        heap_set(&s->connection->web->timers, &s->connection->timer,
                 s->connection->web->now + (m ? CLOSE_GRACE : 0));
}

static void ping(struct web_socket *s, mp_time patience)
{
    struct connection *c = s->connection;
    struct web_message *m = frame_new(FRAME_PING, NULL, 0);
    s->pinged = true;
    s->heard = false;
    if (m)
        enqueue(s, m);
    heap_set(&c->web->timers, &c->timer, c->web->now + patience);
}

static bool look(struct web_socket *s)
{
    struct connection *c = s->connection;
    if (!s->heard && s->pinged)
        return false;
    s->doubted = false;
    if (!s->heard) {
        ping(s, c->web->config.silence);
        return true;
    }
    s->pinged = s->heard = false;
    heap_set(&c->web->timers, &c->timer, c->web->now + c->web->config.silence);
    return true;
}

void web_doubt(struct web_socket *s)
{
    if (s->closing || !s->established || s->doubted)
        return;
    s->doubted = true;
    ping(s, s->connection->web->config.doubt);
}

bool web_socket_timeout(struct connection *c)
{
    struct web_socket *s = c->socket;
    if (!s->closing)
        return look(s);
    return !s->first && web_connection_linger(c);
}
