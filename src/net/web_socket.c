/* WebSockets: whole messages in, a bounded queue out.
 *
 * Timers: a socket that is being closed ends CLOSE_GRACE later, whatever its peer does. One that was silent for config.silence is sent a
 * ping, which keeps its way through NATs and proxies open, and is closed when it stays silent as long again. */
#include "limits.h"
#include "web_internal.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define CLOSE_GRACE       2.0 /* s */
#define CLOSE_REASON_SIZE 124 /* RFC 6455 5.5: control frames carry 125 bytes, two of them are the code */
#define CLOSE_UNSUPPORTED 1003
#define CLOSE_POLICY      1008
#define CLOSE_TOO_LARGE   1009
#define CLOSE_INTERNAL    1011

struct message {
    struct message *next;
    size_t len;
    unsigned char data[]; /* LWS_PRE bytes for the frame's header, then the text */
};

struct web_socket {
    struct web *web;
    struct lws *wsi;
    void *user;
    bool established, closing, close_sent;
    uint16_t close_code;
    char close_reason[CLOSE_REASON_SIZE];
    ev_timer kill, silence;
    bool heard;       /* since the last look */
    bool ping_wanted; /* when the library has room for it */
    bool pinged;
    bool unflushed; /* in web->unflushed */
    struct web_socket *unflushed_next;
    struct message *first, **last; /* queue */
    size_t owed, in_flight;        /* bytes; in_flight of them are with libwebsockets */
    char *partial;                 /* the message that is coming in, in fragments */
    size_t partial_len, partial_size;
    unsigned fragments; /* of that message, so far */
};

static void drop_queue(struct web_socket *s)
{
    while (s->first) {
        struct message *m = s->first;
        s->first = m->next;
        s->owed -= m->len;
        free(m);
    }
    s->last = &s->first;
}

static void socket_free(struct web_socket *s)
{
    struct web_socket **link = &s->web->unflushed;
    while (s->unflushed && *link != s)
        link = &(*link)->unflushed_next;
    if (s->unflushed)
        *link = s->unflushed_next;
    ev_timer_stop(s->web->loop, &s->kill);
    ev_timer_stop(s->web->loop, &s->silence);
    drop_queue(s);
    free(s->partial);
    free(s);
}

/* Frees `s`. */
static void end(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct web_socket *s = timer->data;
    lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static void look(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct web_socket *s = timer->data;
    if (!s->established || s->closing)
        return;
    if (!s->heard && s->pinged) {
        end(loop, timer, events);
        return;
    }
    s->ping_wanted = s->pinged = !s->heard;
    s->heard = false;
    if (s->ping_wanted)
        lws_callback_on_writable(s->wsi);
}

static void end_in(struct web_socket *s, double seconds)
{
    ev_timer_stop(s->web->loop, &s->kill);
    ev_timer_set(&s->kill, seconds, 0);
    ev_timer_start(s->web->loop, &s->kill);
}

/* Sends it what waits, or its close frame, at the end of the turn. */
static void flush_later(struct web_socket *s)
{
    if (!s->established || s->unflushed)
        return;
    s->unflushed = true;
    s->unflushed_next = s->web->unflushed;
    s->web->unflushed = s;
}

/* --- the handshake --- */

/* libwebsockets answers only to names that it knows. Ours is whatever the client calls it, so we lend it that
 * name; its look-up follows at once. */
static void take_subprotocol(struct web *w, struct lws *wsi)
{
    char list[128];
    if (lws_hdr_copy(wsi, list, sizeof list, WSI_TOKEN_PROTOCOL) <= 0)
        return;
    size_t at = strspn(list, ", \t"), n = strcspn(list + at, ", \t");
    if (n > 0 && n < sizeof w->subprotocol)
        snprintf(w->subprotocol, sizeof w->subprotocol, "%.*s", (int)n, list + at);
}

static bool header_is(struct lws *wsi, enum lws_token_indexes token, const char *value)
{
    char text[128];
    return lws_hdr_copy(wsi, text, sizeof text, token) > 0 && strcasecmp(text, value) == 0;
}

static int refuse(struct connection *c, unsigned status)
{
    http_refuse(c, status);
    return 1;
}

int socket_upgrade(struct connection *c, char *to)
{
    struct web *w = c->web;
    struct web_peer peer;
    /* An upgrade that is not offered is ignored (RFC 9110 7.8). `to` is the library's own copy of the header:
     * when it says nothing, the library goes on with the request. */
    if (header_is(c->wsi, WSI_TOKEN_UPGRADE, "h2c")) {
        *to = 0;
        return 0;
    }
    /* After an unknown upgrade libwebsockets has answered already and asks all the same, its headers gone. */
    if (!header_is(c->wsi, WSI_TOKEN_UPGRADE, "websocket") || c->socket)
        return -1;
    if (http_must_redirect(c)) {
        http_redirect(c);
        return 1;
    }
    if (!header_is(c->wsi, WSI_TOKEN_GET_URI, w->config.websocket_path))
        return refuse(c, 404);
    if (c->crowded)
        return refuse(c, 429);
    if (!header_is(c->wsi, WSI_TOKEN_VERSION, "13"))
        return refuse(c, 426);
    if (!http_peer(c, &peer))
        return refuse(c, 400);
    struct web_socket *s = calloc(1, sizeof *s);
    if (!s)
        return -1;
    s->web = w;
    s->wsi = c->wsi;
    s->last = &s->first;
    ev_timer_init(&s->kill, end, 0, 0);
    double silence = (double)w->config.silence / 1e9;
    ev_timer_init(&s->silence, look, silence, silence);
    s->kill.data = s->silence.data = s;
    if (!w->handler.opened(w->handler.context, s, &peer, &s->user)) {
        socket_free(s);
        return refuse(c, 403);
    }
    c->socket = s;
    take_subprotocol(w, c->wsi);
    return 0;
}

void socket_established(struct connection *c)
{
    c->socket->established = true;
    ev_timer_start(c->web->loop, &c->socket->silence);
    flush_later(c->socket);
}

void socket_closed(struct connection *c)
{
    struct web_socket *s = c->socket;
    if (!s)
        return;
    c->socket = NULL;
    s->closing = true; /* what the handler still sends goes nowhere */
    s->established = false;
    c->web->handler.closed(c->web->handler.context, s, s->user);
    socket_free(s);
}

/* --- in --- */

void socket_heard(struct connection *c)
{
    if (c->socket)
        c->socket->heard = true;
}

static bool append(struct web_socket *s, const char *data, size_t len)
{
    if (s->partial_size - s->partial_len < len) {
        size_t size = (s->partial_len + len) * 2;
        char *partial = realloc(s->partial, size);
        if (!partial)
            return false;
        s->partial = partial;
        s->partial_size = size;
    }
    memcpy(s->partial + s->partial_len, data, len);
    s->partial_len += len;
    return true;
}

static void take_fragment(struct web_socket *s, const char *data, size_t len)
{
    struct web_handler *h = &s->web->handler;
    bool final = lws_is_final_fragment(s->wsi);
    s->fragments = final ? 0 : s->fragments;
    if (final && s->partial_len == 0) {
        h->text(h->context, s, s->user, data, len);
        return;
    }
    if (!append(s, data, len)) {
        web_close(s, CLOSE_INTERNAL, "out of memory");
        return;
    }
    if (!final)
        return;
    char *text = s->partial;
    size_t text_len = s->partial_len;
    s->partial =
        NULL; /* most sockets send one large message, the offer: nobody keeps a buffer for the next */
    s->partial_len = s->partial_size = 0;
    h->text(h->context, s, s->user, text, text_len);
    free(text);
}

int socket_receive(struct connection *c, const char *data, size_t len)
{
    struct web_socket *s = c->socket;
    size_t most = c->web->config.limits.message;
    size_t rest = lws_remaining_packet_payload(c->wsi); /* of this frame, as its header promised */
    socket_heard(c);
    if (!s || s->closing)
        return 0;
    if (lws_frame_is_binary(c->wsi)) {
        web_close(s, CLOSE_UNSUPPORTED, "text only");
    } else if (!rest && !lws_is_final_fragment(c->wsi) && ++s->fragments > WS_FRAGMENTS_MAX) {
        web_close(s, CLOSE_POLICY, "too many fragments");
    } else if (len > most - s->partial_len || rest > most - s->partial_len - len) {
        s->web->handler.too_large(s->web->handler.context, s, s->user);
        web_close(s, CLOSE_TOO_LARGE, "message too large");
    } else {
        take_fragment(s, data, len);
    }
    return 0;
}

/* --- out --- */

/* libwebsockets keeps what the kernel does not take at once, and says when it has gone. False: the connection
 * is lost. */
static bool give_first(struct web_socket *s)
{
    struct message *m = s->first;
    s->first = m->next;
    if (!s->first)
        s->last = &s->first;
    bool given = lws_write(s->wsi, m->data + LWS_PRE, m->len, LWS_WRITE_TEXT) >= 0;
    if (lws_partial_buffered(s->wsi))
        s->in_flight = m->len;
    else
        s->owed -= m->len;
    free(m);
    if (!given) {
        s->closing = true;
        end_in(s, 0);
    }
    return given;
}

/* What was sent in a turn leaves at its end, in as few segments as it takes: a join is answered by several
 * messages. */
void sockets_flush(struct web *w)
{
    struct web_socket *s;
    while ((s = w->unflushed)) {
        w->unflushed = s->unflushed_next;
        s->unflushed = false;
        bool several = s->first && s->first->next;
        if (several)
            setsockopt(lws_get_socket_fd(s->wsi), IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int));
        while (s->first && !s->in_flight && give_first(s))
            ;
        if (several)
            setsockopt(lws_get_socket_fd(s->wsi), IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof(int));
        if (s->closing && !s->first)
            lws_callback_on_writable(s->wsi);
    }
}

void web_send(struct web_socket *s, const char *text, size_t len)
{
    if (s->closing)
        return;
    size_t most = s->web->config.limits.queue;
    struct message *m = len <= most && s->owed <= most - len ? malloc(sizeof *m + LWS_PRE + len) : NULL;
    if (!m) {
        drop_queue(s);
        web_close(s, CLOSE_POLICY, "too slow");
        return;
    }
    m->next = NULL;
    m->len = len;
    memcpy(m->data + LWS_PRE, text, len);
    *s->last = m;
    s->last = &m->next;
    s->owed += len;
    flush_later(s);
}

void web_set_user(struct web_socket *s, void *user) { s->user = user; }

void web_close(struct web_socket *s, uint16_t code, const char *reason)
{
    if (s->closing)
        return;
    s->closing = true;
    s->close_code = code;
    snprintf(s->close_reason, sizeof s->close_reason, "%s", reason);
    end_in(s, CLOSE_GRACE);
    flush_later(s);
}

/* libwebsockets calls when all that it was given before has left. The close frame goes alone, as it gives up
 * on close frames behind what it still holds. */
int socket_write(struct connection *c)
{
    struct web_socket *s = c->socket;
    if (!s)
        return -1;
    s->owed -= s->in_flight;
    s->in_flight = 0;
    if (s->ping_wanted && !s->closing) { /* one frame a call */
        unsigned char frame[LWS_PRE + 1] = {0}; /* of pongs without a payload the library does not tell */
        s->ping_wanted = false;
        lws_callback_on_writable(c->wsi);
        return lws_write(c->wsi, frame + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -1 : 0;
    }
    if (s->first) {
        flush_later(s);
        return 0;
    }
    if (!s->closing || s->close_sent)
        return 0; /* once sent: until the peer's own close frame came, or CLOSE_GRACE ended */
    s->close_sent = true;
    lws_close_reason(c->wsi, (enum lws_close_status)s->close_code, (unsigned char *)s->close_reason,
                     strlen(s->close_reason));
    return -1;
}
