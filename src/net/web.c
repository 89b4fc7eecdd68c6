/* The loop is libev's (epoll), and libwebsockets a guest in it: its own loop polls every socket at each turn.
 *
 * A turn's work is bounded: it takes in WEB_ADOPTIONS_A_TURN connections and sends WEB_CHUNKS_A_TURN pieces
 * of answers, what is left waits for the next one. So nobody's message stands behind thousands of files.
 *
 * Timers: the one of web_set_timer; a connection that speaks HTTP has PATIENCE from one thing that it does to
 * the next; and a tick, because libwebsockets' glue arms its timer for libev only once: what it wants sooner
 * than that is seen to when it next has something to do. Its own timeouts are of many seconds. */
#include "clock.h"
#include "limits.h"
#include "log.h"
#include "random.h"
#include "tls.h"
#include "web_internal.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 20.0     /* s */
#define SILENCE  MP_S(20) /* media of a client that is gone ends after 30 s without a check anyway */
#define RECEIVE_SIZE                                                                                         \
    1024 /* bytes that the library keeps room for with each WebSocket; an offer comes in several pieces */
#define DESCRIPTORS_FAST                                                                                     \
    65536 /* libwebsockets' tables have a slot for each possible descriptor up to here … */
#define DESCRIPTORS_SLOW 16384 /* … and are searched where the limit is higher, so that they stay small */
#define DESCRIPTORS_OWN  64    /* of those, not for connections */

static struct log_limit log_limit;

static bool may_log(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return log_allow(&log_limit, 5, MP_S(t.tv_sec) + t.tv_nsec);
}

/* What libwebsockets calls errors is mostly what peers did. */
static void log_library(int level, const char *text)
{
    char line[256], quoted[256];
    enum log_level to = level == LLL_ERR ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;
    if (!log_enabled(to) || !may_log())
        return;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    log_line(to, "web library", "text=%s", log_quote(quoted, sizeof quoted, line));
}

/* --- the loop --- */

static void start_timer(struct web *w, ev_timer *timer, double seconds)
{
    ev_timer_stop(w->loop, timer);
    ev_timer_set(timer, seconds, 0);
    ev_timer_start(w->loop, timer);
}

static void adopt_some(struct web *);

static void woken(struct ev_loop *loop, ev_async *wake, int events)
{
    struct web *w = wake->data;
    adopt_some(w);
    w->handler.woken(w->handler.context);
}

static void timer_came(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct web *w = timer->data;
    w->handler.timer(w->handler.context);
}

static void tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct web *w = timer->data;
    lws_cancel_service(w->context);
}

static void turned(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    sockets_flush(prepare->data);
    replies_go_on(prepare->data);
}

static bool start_loop(struct web *w)
{
    w->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!w->loop)
        return false;
    ev_async_init(&w->wake, woken);
    ev_timer_init(&w->timer, timer_came, 0, 0);
    ev_timer_init(&w->tick, tick, (double)WEB_TICK / 1e9, (double)WEB_TICK / 1e9);
    w->wake.data = w->timer.data = w->tick.data = w;
    ev_prepare_init(&w->turned, turned);
    w->turned.data = w;
    ev_async_start(w->loop, &w->wake);
    ev_prepare_start(w->loop, &w->turned);
    ev_timer_start(w->loop, &w->tick);
    return true;
}

static void stop(struct web *w)
{
    if (w->context)
        lws_context_destroy(w->context);
    ev_loop_destroy(w->loop);
}

/* --- connections --- */

static void connection_free(struct connection *c)
{
    if (!c)
        return;
    ev_timer_stop(c->web->loop, &c->patience);
    socket_closed(c);
    reply_end(c);
    http_body_free(c);
    c->web->connections--;
    if (c->caller)
        c->caller->count--;
    if (c->web->adopting == c)
        c->web->adopting = NULL;
    free(c);
}

/* The library closes it, hard, as soon as it looks at its timers. */
static void patience_ended(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct connection *c = timer->data;
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(c->web->context);
}

/* The library has set a timer as well, in the one sorted list of all, which it walks for each: with thousands
 * of connections that was three quarters of this thread's work. Ours is in libev's heap. */
void connection_moved(struct connection *c)
{
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    ev_timer_again(c->web->loop, &c->patience);
}

static int moved(struct connection *c, int result)
{
    if (result == 0) /* else it is being closed, by the library's timer */
        connection_moved(c);
    return result;
}

static void adopt(struct connection *c)
{
    struct web *w = c->web;
    int on = 1, unsent = STREAM_UNSENT_MAX;
    /* by TLS the front counted it: here it may be one of many requests of a connection */
    struct caller *caller = c->secure ? NULL : callers_find(&w->callers, &c->path.remote);
    unsigned most = caller ? w->config.limits.connections : 0;
    c->crowded = !caller_take(caller, w->config.limits.connections_per_s, clock_now()) ||
                 (most && caller->count >= most);
    /* who has too many is told so, but not without end */
    if (most && caller->count >= 2 * most) {
        close(c->fd);
        connection_free(c);
        return;
    }
    c->caller = caller;
    if (caller)
        caller->count++;
    /* these fail on a bridge's socket, which needs none */
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    w->adopting = c;
    lws_adopt_desc_t d = {
        .vh = w->vhost, .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP, .fd.sockfd = c->fd, .opaque = c};
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&d);
    if (wsi) {
        c->wsi = wsi;
        connection_moved(c);
    } else if (w->adopting) { /* it failed before libwebsockets made it a connection that it destroys */
        connection_free(c);
    }
    w->adopting = NULL;
}

bool web_adopt(struct web *w, int fd, const struct path *path, bool secure)
{
    bool room = w->connections++ < w->connections_max;
    struct connection *c = room ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        w->connections--;
        close(fd);
        return false;
    }
    *c = (struct connection){.web = w, .fd = fd, .path = *path, .secure = secure};
    ev_timer_init(&c->patience, patience_ended, 0, PATIENCE);
    c->patience.data = c;
    pthread_mutex_lock(&w->lock);
    *w->last = c;
    w->last = &c->next;
    pthread_mutex_unlock(&w->lock);
    web_wake(w);
    return true;
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

/* --- libwebsockets --- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct connection *c = lws_get_opaque_user_data(wsi);
    if (c)
        c->wsi = wsi;
    switch (reason) {
    case LWS_CALLBACK_HTTP: return moved(c, http_request(c, in, len));
    case LWS_CALLBACK_HTTP_BODY: return moved(c, body_data(c, in, len));
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return moved(c, body_complete(c));
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return socket_upgrade(c, in);
    case LWS_CALLBACK_ESTABLISHED:
        ev_timer_stop(c->web->loop, &c->patience);
        socket_established(c);
        return 0;
    case LWS_CALLBACK_RECEIVE: return socket_receive(c, in, len);
    case LWS_CALLBACK_RECEIVE_PONG: socket_heard(c); return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE: return socket_write(c);
    case LWS_CALLBACK_CLOSED: socket_closed(c); return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        connection_free(c);
        return 0;
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT: libwebsockets would give us a tunnel */
    case LWS_CALLBACK_RAW_RX: return -1;
    default: return 0;
    }
}

/* 'self' covers the WebSocket; a camera's preview and remote streams are media without an address. */
static const struct lws_protocol_vhost_options headers[] = {
    {&headers[1], NULL, "x-content-type-options:", "nosniff"},
    {&headers[2], NULL, "referrer-policy:", "no-referrer"},
    {&headers[3], NULL, "permissions-policy:",
     "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()"},
    {NULL, NULL, "content-security-policy:",
     "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; worker-src 'self' "
     "blob:; "
     "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"},
};

/* The library's own pings would stand in one sorted list with all its other timers, which each join searches: ours are libev's. */
static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};

static bool start_library(struct web *w)
{
    const struct lws_protocols protocols[] = {
        {.name = w->subprotocol, .callback = on_event, .rx_buffer_size = RECEIVE_SIZE, .tx_packet_size = CHUNK_SIZE},
        {.name = NULL}};
    struct rlimit limit = {.rlim_cur = DESCRIPTORS_FAST};
    getrlimit(RLIMIT_NOFILE, &limit);
    bool slow = limit.rlim_cur > DESCRIPTORS_FAST;
    unsigned most = slow ? DESCRIPTORS_SLOW : (unsigned)limit.rlim_cur;
    w->connections_max = most > 2 * DESCRIPTORS_OWN ? most - DESCRIPTORS_OWN : most / 2;
    void *loops[] = {w->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, /* the front accepts, see web_adopt */
        .protocols = protocols,
        .headers = headers,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_LIBEV,
        .foreign_loops = loops,
        .user = w,
        .server_string = "monoport",
        .retry_and_idle_policy = &no_pings,
        .fd_limit_per_thread = slow ? DESCRIPTORS_SLOW : 0,
        .pt_serv_buf_size = 8192,
        .max_http_header_data = 8192,
        .timeout_secs = 20,
        .timeout_secs_ah_idle = 10, /* for a request's head to be whole */
        .keepalive_timeout = 20,    /* after a handshake that was refused */
    };
    snprintf(w->subprotocol, sizeof w->subprotocol, "monoport");
    lws_set_log_level(LLL_ERR | (log_enabled(LOG_LEVEL_DEBUG) ? LLL_WARN | LLL_NOTICE : 0), log_library);
    w->context = lws_create_context(&info);
    if (!w->context)
        return false;
    w->vhost = lws_create_vhost(w->context, &info);
    return w->vhost != NULL;
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
    if (!w->config.limits.message)
        w->config.limits.message = WS_MESSAGE_MAX;
    if (!w->config.limits.queue)
        w->config.limits.queue = WS_QUEUE_MAX;
    if (!w->config.silence)
        w->config.silence = SILENCE;
    random_bytes((uint8_t *)&w->callers.key, sizeof w->callers.key);
    pthread_mutex_init(&w->lock, NULL);
    w->last = &w->first;
    w->last_sender = &w->sender;
    *error = "no epoll";
    if (start_loop(w)) {
        if (start_library(w))
            return w;
        *error = "the web library did not start (has it its libwebsockets-evlib-ev?)";
        stop(w);
    }
    free(w);
    return NULL;
}

void web_free(struct web *w)
{
    if (!w)
        return;
    for (struct connection *c; (c = next_adoption(w));) {
        close(c->fd);
        connection_free(c);
    }
    stop(w);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void web_service(struct web *w)
{
    ev_run(w->loop, EVRUN_ONCE);
}

void web_wake(struct web *w)
{
    ev_async_send(w->loop, &w->wake);
}

void web_set_timer(struct web *w, mp_time in)
{
    if (in == MP_NEVER) {
        ev_timer_stop(w->loop, &w->timer);
    } else { /* a microsecond later rather than earlier: whoever asked for a deadline then finds it passed */
        ev_now_update(w->loop);
        start_timer(w, &w->timer, (double)(in > 0 ? in + MP_US(1) : 0) / 1e9);
    }
}
