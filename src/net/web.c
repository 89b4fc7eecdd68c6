/* The loop is libev's (epoll), and libwebsockets a guest in it: its own loop polls every socket at each turn.
 *
 * Timers: the one of web_set_timer, one that accepts again after the process had no file descriptors left,
 * and a tick, because libwebsockets' glue arms its timer for libev only once: what it wants sooner than that
 * is seen to when it next has something to do. Its own timeouts are of many seconds. */
#include "limits.h"
#include "log.h"
#include "web_internal.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64
#define ACCEPT_PAUSE   0.2 /* s */
#define TICK           1.0 /* s */
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

static void woken(struct ev_loop *loop, ev_async *wake, int events)
{
    struct web *w = wake->data;
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

static void resume_accepting(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct web *w = timer->data;
    lws_rx_flow_control(w->listener, 1);
}

static void turned(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    sockets_flush(prepare->data);
}

static bool start_loop(struct web *w)
{
    w->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    if (!w->loop)
        return false;
    ev_async_init(&w->wake, woken);
    ev_timer_init(&w->timer, timer_came, 0, 0);
    ev_timer_init(&w->resume, resume_accepting, 0, 0);
    ev_timer_init(&w->tick, tick, TICK, TICK);
    w->wake.data = w->timer.data = w->resume.data = w->tick.data = w;
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

/* --- listening --- */

static int bind_to(int family, const struct address *a, bool dual)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, only6 = !dual;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    if (fd < 0)
        return -1;
    memcpy(&v6.sin6_addr, a->ip, 16);
    memcpy(&v4.sin_addr, a->ip + 12, 4);
    /* A server that is started again must not wait for its old connections' ends. */
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (family == AF_INET6)
        ok = ok && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6) == 0 &&
             bind(fd, (struct sockaddr *)&v6, sizeof v6) == 0;
    else
        ok = ok && bind(fd, (struct sockaddr *)&v4, sizeof v4) == 0;
    if (ok && listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int open_listener(const struct address *a)
{
    static const struct address any;
    if (memcmp(a->ip, any.ip, sizeof any.ip) != 0)
        return bind_to(address_is_v4(a) ? AF_INET : AF_INET6, a, false);
    int fd = bind_to(AF_INET6, a, true);
    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = bind_to(AF_INET, a, false);
    return fd;
}

/* Without descriptors the listening socket stays readable: waiting a little keeps the loop from spinning. */
static void pause_accepting(struct web *w)
{
    if (may_log())
        log_line(LOG_LEVEL_WARN, "cannot accept connections", "error=\"%s\"", strerror(errno));
    lws_rx_flow_control(w->listener, 0);
    start_timer(w, &w->resume, ACCEPT_PAUSE);
}

static void adopt(struct web *w, int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    int on = 1;
    if (!c || w->connections >= w->connections_max) {
        free(c);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->web = w;
    w->adopting = c;
    w->connections++;
    lws_adopt_desc_t d = {.vh = lws_get_vhost(w->listener),
                          .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP,
                          .fd.sockfd = fd,
                          .opaque = c};
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&d);
    if (wsi) {
        c->wsi = wsi;
    } else if (w->adopting) { /* it failed before libwebsockets made it a connection that it destroys */
        w->connections--;
        free(c);
    }
    w->adopting = NULL;
}

static void accept_some(struct web *w)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(w->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            adopt(w, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(w);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* --- libwebsockets --- */

static void connection_free(struct connection *c)
{
    if (!c)
        return;
    socket_closed(c);
    http_reply_free(&c->reply);
    c->web->connections--;
    if (c->web->adopting == c)
        c->web->adopting = NULL;
    free(c);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct web *w = lws_context_user(lws_get_context(wsi));
    struct connection *c = lws_get_opaque_user_data(wsi);
    if (c)
        c->wsi = wsi;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE: accept_some(w); return 0;
    case LWS_CALLBACK_HTTP: return http_request(c, in, len);
    case LWS_CALLBACK_HTTP_WRITEABLE: return http_write(c);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return socket_upgrade(c);
    case LWS_CALLBACK_ESTABLISHED: socket_established(c); return 0;
    case LWS_CALLBACK_RECEIVE: return socket_receive(c, in, len);
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
    {NULL, NULL, "content-security-policy:",
     "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; worker-src 'self' "
     "blob:; "
     "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"},
};

/* Each ping costs a look at all descriptors (the library polls), so not more often than a dead client needs
 * to be noticed: its media ends after 30 s without a check anyway. */
static const lws_retry_bo_t idle_policy = {.secs_since_valid_ping = 25, .secs_since_valid_hangup = 40};

static bool start_library(struct web *w)
{
    const struct lws_protocols protocols[] = {
        {.name = w->subprotocol, .callback = on_event, .rx_buffer_size = 4096, .tx_packet_size = CHUNK_SIZE},
        {.name = NULL}};
    struct rlimit limit = {.rlim_cur = DESCRIPTORS_FAST};
    getrlimit(RLIMIT_NOFILE, &limit);
    bool slow = limit.rlim_cur > DESCRIPTORS_FAST;
    unsigned most = slow ? DESCRIPTORS_SLOW : (unsigned)limit.rlim_cur;
    w->connections_max = most > 2 * DESCRIPTORS_OWN ? most - DESCRIPTORS_OWN : most / 2;
    void *loops[] = {w->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, /* we accept, see accept_some */
        .protocols = protocols,
        .headers = headers,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8 |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | LWS_SERVER_OPTION_LIBEV,
        .foreign_loops = loops,
        .user = w,
        .server_string = "monoport",
        .retry_and_idle_policy = &idle_policy,
        .fd_limit_per_thread = slow ? DESCRIPTORS_SLOW : 0,
        .pt_serv_buf_size = 8192,
        .max_http_header_data = 8192,
        .timeout_secs = 20,
        .timeout_secs_ah_idle = 10,
        .keepalive_timeout = 30,
    };
    snprintf(w->subprotocol, sizeof w->subprotocol, "monoport");
    lws_set_log_level(LLL_ERR | (log_enabled(LOG_LEVEL_DEBUG) ? LLL_WARN | LLL_NOTICE : 0), log_library);
    w->context = lws_create_context(&info);
    struct lws_vhost *vhost = w->context ? lws_create_vhost(w->context, &info) : NULL;
    if (!vhost)
        return false;
    lws_sock_file_fd_type fd = {.filefd = w->listen_fd};
    w->listener = lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, fd, NULL, NULL);
    return w->listener != NULL;
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
    w->listen_fd = open_listener(&config->listen);
    if (w->listen_fd < 0) {
        *error = strerror(errno);
        free(w);
        return NULL;
    }
    *error = "no epoll";
    if (start_loop(w)) {
        if (start_library(w))
            return w;
        *error = "the web library did not start (has it its libwebsockets-evlib-ev?)";
        stop(w);
    }
    if (!w->listener)
        close(w->listen_fd);
    free(w);
    return NULL;
}

void web_free(struct web *w)
{
    if (!w)
        return;
    stop(w); /* closes all, the listening socket too */
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

void web_stop_accepting(struct web *w)
{
    if (!w->listener)
        return;
    ev_timer_stop(w->loop, &w->resume);
    lws_set_timeout(w->listener, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
    w->listener = NULL;
}
