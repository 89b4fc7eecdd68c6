/* Start in order, stop in reverse. */
#include "base/log.h"
#include "crypto/certificate.h"
#include "crypto/crypto.h"
#include "http/web.h"
#include "net/addresses.h"
#include "net/arrivals.h"
#include "net/clock.h"
#include "net/front.h"
#include "net/privileges.h"
#include "net/tls.h"
#include "net/udp.h"
#include "server/config.h"
#include "server/control.h"
#include "server/probe_port.h"
#include "server/watchdog.h"
#include "server/web_assets.h"
#include "server/worker.h"
#include "sfu/registry.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *const request_paths[] = {"/whip/", "/whep/", "/resource/", NULL};
static const char *const app_paths[] = {"/", "/stream", "/watch", NULL};

struct server {
    const struct config *config;
    struct dtls_identity *identity;
    struct registry *registry;
    struct control *control;
    struct tls *tls; /* NULL: not available */
    struct arrivals *arrivals;
    struct web *web;
    struct workers *workers;
    struct front *front;
    struct probe_port *probe_port; /* NULL: not configured */
    struct watchdog *watchdog;
};

#define DESCRIPTORS 65536 /* one for each connection; many systems allow 1024 by default */

static volatile int stop;
static struct web *stop_wakes;
static struct front *hangup_wakes;

static void on_stop(int signal)
{
    stop = 1;
    web_wake(stop_wakes);
}

static void on_hangup(int signal) { front_refresh(hangup_wakes); }

/* A pipe that poll reports as writable takes PIPE_BUF bytes without blocking. */
static bool write_text(const char *text, int len)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && out.revents & POLLOUT && write(STDERR_FILENO, text, (size_t)len) == len;
}

/* If the reader of the log stops, the server drops lines and counts them, but no thread waits. */
static void write_line(enum log_level level, const char *line)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static unsigned lost;
    char time[25], text[640], lines_lost[80];
    int len = snprintf(text, sizeof text, "time=%s %s\n", clock_text(time), line);
    pthread_mutex_lock(&mutex);
    int also = lost ? snprintf(lines_lost, sizeof lines_lost,
                               "time=%s level=warn event=\"log lines lost\" count=%u\n", time, lost)
                    : 0;
    if (also && write_text(lines_lost, also))
        lost = 0;
    lost += lost || !write_text(text, len);
    pthread_mutex_unlock(&mutex);
}

static void wake_web(void *web) { web_wake(web); }

static int fail(const struct config *config, const char *what, const char *why)
{
    char text[ADDRESS_TEXT_SIZE];
    fprintf(stderr, "monoport: %s %s: %s\n", what, address_text(&config->listen, text), why);
    return 2;
}

static void install_signals(struct web *web, struct front *front)
{
    stop_wakes = web;
    hangup_wakes = front;
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_stop}, NULL);
    sigaction(SIGHUP, &(struct sigaction){.sa_handler = on_hangup}, NULL);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

static void forget_signals(void)
{
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    /* nothing to reload during the stop, and SIGHUP must not end the process */
    sigaction(SIGHUP, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

/* --- the TCP port's certificate --- */

/* For trials on a LAN: the certificate names this machine's addresses. */
static bool make_certificate(FILE *file)
{
    struct address addresses[CANDIDATES_MAX];
    char names[CANDIDATES_MAX * (ADDRESS_TEXT_SIZE + 4) + 64], ip[ADDRESS_TEXT_SIZE];
    int n = snprintf(names, sizeof names, "DNS:localhost,IP:127.0.0.1,IP:::1");
    size_t count = addresses_of_machine(addresses, CANDIDATES_MAX);
    for (size_t i = 0; i < count; i++)
        n += snprintf(names + n, sizeof names - (size_t)n, ",IP:%s", address_ip_text(&addresses[i], ip));
    return certificate_write(file, names);
}

/* A configured certificate must work. The self-signed one need not: without a directory for it there is no
 * HTTPS. */
static bool open_tls(const struct config *config, struct tls **tls)
{
    char error[TLS_ERROR_SIZE], quoted[2 * TLS_ERROR_SIZE];
    *tls = tls_new(&(struct tls_config){.certificate = config->certificate,
                                        .key = config->key,
                                        .state = config->state,
                                        .make = make_certificate},
                   error);
    if (*tls)
        return true;
    if (*config->certificate) {
        fprintf(stderr, "monoport: certificate: %s\n", error);
        return false;
    }
    log_line(LOG_LEVEL_WARN, "no HTTPS: serving HTTP to all machines", "error=%s",
             log_quote(quoted, sizeof quoted, error));
    return true;
}

/* --- from the front --- */

static bool take_stream(void *context, const struct stream_connection *c, const uint8_t *first, size_t len)
{
    return workers_give(((struct server *)context)->workers, c, first, len);
}

static bool take_web(void *context, int fd, const struct path *path)
{
    return web_adopt(((struct server *)context)->web, fd, path);
}

static bool take_bridged(void *web, int fd, const struct path *path)
{
    return web_adopt_secure(web, fd, path);
}

/* --- life --- */

static const char *start_web(struct server *s, const struct web_handler *handler)
{
    const char *error = NULL;
    s->web = web_new(&(struct web_config){.limits = s->config->web_limits,
                                          .arrivals = s->arrivals,
                                          .tls = s->tls,
                                          .plain = s->config->plain || !s->tls,
                                          .websocket_path = "/sdp",
                                          .assets = web_assets,
                                          .asset_count = web_asset_count,
                                          .app_paths = app_paths,
                                          .request_paths = request_paths},
                     handler, &error);
    return s->web ? NULL : error;
}

static const char *open_workers(struct server *s)
{
    const char *error = NULL;
    s->workers = workers_new(&(struct workers_config){.count = s->config->workers,
                                                      .listen = s->config->listen,
                                                      .registry = s->registry,
                                                      .identity = s->identity,
                                                      .relay = control_relay(s->control),
                                                      .cipher = s->config->cipher,
                                                      .sending = s->config->sending,
                                                      .packets = PACKET_POOL(s->config->sessions_max),
                                                      .publish_bps = s->config->publish_bps,
                                                      .wake_control = wake_web,
                                                      .control = s->web,
                                                      .tls = s->tls,
                                                      .arrivals = s->arrivals,
                                                      .http = take_bridged},
                             &error);
    return s->workers ? NULL : error;
}

static const char *open_front(struct server *s)
{
    const char *error = NULL;
    s->front = front_new(&(struct front_config){.listen = s->config->listen,
                                                .tls = s->tls,
                                                .arrivals = s->arrivals,
                                                .context = s,
                                                .stream = take_stream,
                                                .web = take_web},
                         &error);
    return s->front ? NULL : error;
}

/* Every socket is bound, no thread runs yet. */
static const char *drop_privileges(const struct config *c)
{
    bool own = *c->certificate != 0;
    const char *const reads[] = {own ? c->certificate : NULL, c->key, NULL}, *const folders[] = {
                                                                                 own ? NULL : c->state, NULL};
    struct privileges p = {.user = c->user, .reads = reads, .folders = folders, .refusal = c->refused_calls};
    return c->keep_privileges ? NULL : privileges_drop(&p);
}

/* False: printed the error. */
static bool open_probe_port(struct server *s)
{
    struct config c = *s->config;
    const char *error = NULL;
    c.listen.port = c.probe_port;
    if (c.probe_port && !(s->probe_port = probe_port_open(&c.listen, &error)))
        fail(&c, "cannot listen on UDP", error);
    return s->probe_port || !c.probe_port;
}

static void run(struct server *s)
{
    const struct config *c = s->config;
    install_signals(s->web, s->front);
    log_line(LOG_LEVEL_INFO, "ready",
             "version=%s port=%u workers=%u sessions_max=%u url=http://localhost:%u/", MONOPORT_VERSION,
             c->port, c->workers, c->sessions_max, c->port);
    control_run(s->control, s->front, watchdog_watch(s->watchdog), &stop);
    forget_signals();
}

static bool start_watchdog(struct server *s)
{
    struct watch *watch = watchdog_watch(s->watchdog);
    workers_watch(s->workers, watch);
    watch_add(watch, "front", front_pulse(s->front));
    watch_add(watch, "control", control_pulse(s->control));
    if (s->probe_port)
        watch_add(watch, "probe port", probe_port_pulse(s->probe_port));
    return watchdog_start(s->watchdog);
}

static int serve(struct server *s, const struct web_handler *handler)
{
    uint8_t fingerprint[32];
    const char *error = NULL;
    int result = 2;
    if (!udp_probe(&s->config->listen, &error))
        return fail(s->config, "cannot listen on UDP", error);
    if ((error = open_front(s)))
        return fail(s->config, "cannot listen on TCP", error);
    if (!open_probe_port(s))
        goto close_front;
    if ((error = start_web(s, handler))) {
        fail(s->config, "cannot start the web server for", error);
        goto close_front;
    }
    if ((error = open_workers(s))) {
        fail(s->config, "cannot open workers on UDP", error);
        goto close_web;
    }
    if ((error = drop_privileges(s->config))) {
        fprintf(stderr, "monoport: cannot drop privileges to --user %s: %s\n", s->config->user, error);
        goto stop_workers;
    }
    if (!workers_start(s->workers, &error)) {
        fail(s->config, "cannot start workers on UDP", error);
        goto stop_workers;
    }
    dtls_identity_fingerprint(s->identity, fingerprint);
    if (!control_start(s->control, s->web, s->workers, s->registry, fingerprint) || !front_start(s->front) ||
        (s->probe_port && !probe_port_start(s->probe_port)) || !start_watchdog(s)) {
        fail(s->config, "cannot start signaling for", "out of memory");
        goto stop_workers;
    }
    run(s);
    watchdog_stop(s->watchdog);
    front_free(s->front);
    s->front = NULL;
    control_goodbye(s->control);
    result = 0;
stop_workers:
    control_detach(s->control);
    workers_stop(s->workers);
close_web:
    web_free(s->web);
close_front:
    probe_port_close(s->probe_port);
    front_free(s->front);
    return result;
}

static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct config config;
    struct web_handler handler;
    struct server server = {.config = &config};
    switch (config_load(&config, argc, argv, environ)) {
    case CONFIG_DONE: return 0;
    case CONFIG_ERROR: return 2;
    case CONFIG_RUN: break;
    }
    const char *wrong = config.access.key_len ? access_key_error(&config.access) : NULL;
    if (wrong) {
        fprintf(stderr, "monoport: --token-key: unusable key: %s\n", wrong);
        return 2;
    }
    log_setup(config.log_level, write_line);
    raise_descriptors();
    server.control = control_new(&config, &handler); /* first: the resolver process must have no copy of
                                                        the key */
    server.identity = dtls_identity_new();
    server.registry = registry_new(config.sessions_max);
    server.watchdog = watchdog_new();
    server.arrivals = arrivals_new(&config.arrivals);
    int result = 2;
    if (!server.identity || !server.registry || !server.control || !server.watchdog || !server.arrivals)
        fputs("monoport: out of memory\n", stderr);
    else if (open_tls(&config, &server.tls))
        result = serve(&server, &handler);
    tls_free(server.tls);
    arrivals_free(server.arrivals);
    watchdog_free(server.watchdog);
    if (server.control)
        control_free(server.control);
    if (server.registry)
        registry_free(server.registry);
    if (server.identity)
        dtls_identity_free(server.identity);
    return result;
}
