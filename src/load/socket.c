#include "socket.h"
#include "limits.h"
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

struct message {
    struct message *next;
    size_t len;
    unsigned char data[]; /* LWS_PRE bytes for the frame's header, then the text */
};

struct socket {
    struct sockets *all;
    struct lws *wsi;
    struct message *first, **last;
    char *partial; /* the message that is coming in, in fragments */
    size_t partial_len;
};

struct sockets {
    const struct options *options;
    struct socket_handler handler;
    struct lws_context *context;
    struct lws_protocols protocols[2];
    lws_sorted_usec_list_t tick;
    bool freeing;
    unsigned count;
    char ip[ADDRESS_TEXT_SIZE];
    struct socket sockets[];
};

static unsigned number_of(const struct socket *s)
{
    return (unsigned)(s - s->all->sockets);
}

/* --- events --- */

static int write_next(struct socket *s)
{
    struct message *m = s->first;
    if (!m)
        return 0;
    int n = lws_write(s->wsi, m->data + LWS_PRE, m->len, LWS_WRITE_TEXT);
    bool good = n >= 0 && (size_t)n >= m->len;
    s->first = m->next;
    if (!s->first)
        s->last = &s->first;
    free(m);
    if (s->first)
        lws_callback_on_writable(s->wsi);
    return good ? 0 : -1;
}

static int receive(struct socket *s, const char *data, size_t len)
{
    bool whole = lws_is_final_fragment(s->wsi) && lws_remaining_packet_payload(s->wsi) == 0;
    if (whole && !s->partial_len) {
        s->all->handler.text(s->all->handler.context, number_of(s), data, len);
        return 0;
    }
    char *more =
        s->partial_len + len <= 4 * WS_MESSAGE_MAX ? realloc(s->partial, s->partial_len + len) : NULL;
    if (!more)
        return -1;
    s->partial = more;
    memcpy(s->partial + s->partial_len, data, len);
    s->partial_len += len;
    if (whole) {
        len = s->partial_len;
        s->partial_len = 0;
        s->all->handler.text(s->all->handler.context, number_of(s), s->partial, len);
    }
    return 0;
}

static void forget_messages(struct socket *s)
{
    while (s->first) {
        struct message *m = s->first;
        s->first = m->next;
        free(m);
    }
    s->last = &s->first;
    s->partial_len = 0;
}

static void ended(struct socket *s, const char *why)
{
    s->wsi = NULL;
    forget_messages(s);
    if (!s->all->freeing)
        s->all->handler.closed(s->all->handler.context, number_of(s), why);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct socket *s = lws_get_opaque_user_data(wsi);
    if (!s)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        s->all->handler.opened(s->all->handler.context, number_of(s));
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE: return receive(s, in, len);
    case LWS_CALLBACK_CLIENT_WRITEABLE: return write_next(s);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: ended(s, in ? in : "no connection"); break;
    case LWS_CALLBACK_CLIENT_CLOSED: ended(s, NULL); break;
    default: break;
    }
    return 0;
}

static void on_tick(lws_sorted_usec_list_t *sul)
{
    struct sockets *all = lws_container_of(sul, struct sockets, tick);
    lws_sul_schedule(all->context, 0, &all->tick, on_tick, SOCKETS_TICK / 1000);
    all->handler.tick(all->handler.context);
}

/* --- for the caller --- */

bool sockets_open(struct sockets *all, unsigned number)
{
    struct socket *s = &all->sockets[number];
    struct lws_client_connect_info info = {.context = all->context,
                                           .address = all->ip,
                                           .port = all->options->server.port,
                                           .path = all->options->path,
                                           .host = all->options->host,
                                           .local_protocol_name = all->protocols[0].name,
                                           .opaque_user_data = s,
                                           .pwsi = &s->wsi};
    return lws_client_connect_via_info(&info) != NULL;
}

void sockets_send(struct sockets *all, unsigned number, const char *text, size_t len)
{
    struct socket *s = &all->sockets[number];
    struct message *m = s->wsi ? malloc(sizeof *m + LWS_PRE + len) : NULL;
    if (!m)
        return;
    m->next = NULL;
    m->len = len;
    memcpy(m->data + LWS_PRE, text, len);
    *s->last = m;
    s->last = &m->next;
    lws_callback_on_writable(s->wsi);
}

void sockets_cut(struct sockets *all, unsigned number)
{
    if (all->sockets[number].wsi)
        lws_set_timeout(all->sockets[number].wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

void sockets_service(struct sockets *all)
{
    lws_service(all->context, 0);
}

struct sockets *sockets_new(const struct options *o, const struct socket_handler *handler, unsigned count)
{
    struct sockets *all = calloc(1, sizeof *all + count * sizeof all->sockets[0]);
    if (!all)
        return NULL;
    all->options = o;
    all->handler = *handler;
    all->count = count;
    all->protocols[0] = (struct lws_protocols){.name = "load", .callback = on_event, .rx_buffer_size = 16384};
    address_ip_text(&o->server, all->ip);
    for (unsigned i = 0; i < count; i++) {
        all->sockets[i].all = all;
        all->sockets[i].last = &all->sockets[i].first;
    }
    lws_set_log_level(0, NULL); /* connection errors reach `closed` */
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                             .protocols = all->protocols,
                                             .options = LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
                                             .timeout_secs = 20,
                                             .user = all};
    all->context = lws_create_context(&info);
    if (!all->context) {
        free(all);
        return NULL;
    }
    lws_sul_schedule(all->context, 0, &all->tick, on_tick, SOCKETS_TICK / 1000);
    return all;
}

void sockets_free(struct sockets *all)
{
    all->freeing = true;
    lws_sul_cancel(&all->tick);
    lws_context_destroy(all->context);
    for (unsigned i = 0; i < all->count; i++) {
        struct socket *s = &all->sockets[i];
        forget_messages(s);
        free(s->partial);
    }
    free(all);
}
