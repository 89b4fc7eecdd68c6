/* Start in order, stop in reverse. */
#include "clock.h"
#include "config.h"
#include "control.h"
#include "crypto.h"
#include "log.h"
#include "registry.h"
#include "udp.h"
#include "web.h"
#include "web_assets.h"
#include "worker.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static const char *const app_paths[] = {"/", "/stream", "/watch", NULL};

static volatile int stop;
static struct web *stop_wakes;

static void on_stop(int signal)
{
    stop = 1;
    web_wake(stop_wakes);
}

static void write_line(enum log_level level, const char *line)
{
    char time[25];
    fprintf(stderr, "time=%s %s\n", clock_text(time), line);
}

static void wake_web(void *web) { web_wake(web); }

static int fail(const struct config *config, const char *what, const char *why)
{
    char text[ADDRESS_TEXT_SIZE];
    fprintf(stderr, "monoport: %s %s: %s\n", what, address_text(&config->listen, text), why);
    return 2;
}

static void install_signals(struct web *web)
{
    stop_wakes = web;
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_stop}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_stop}, NULL);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
}

static void forget_signals(void)
{
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

static int serve(const struct config *config, struct dtls_identity *identity, struct registry *registry,
                 struct control *control, const struct web_handler *handler)
{
    uint8_t fingerprint[32];
    const char *error = "out of memory";
    int result = 2;
    if (!udp_probe(&config->listen, &error))
        return fail(config, "cannot listen on UDP", error);
    struct web *web = web_new(&(struct web_config){.listen = config->listen,
                                                   .websocket_path = "/sdp",
                                                   .assets = web_assets,
                                                   .asset_count = web_asset_count,
                                                   .app_paths = app_paths},
                              handler, &error);
    if (!web)
        return fail(config, "cannot listen on TCP", error);
    struct workers *workers = workers_start(&(struct workers_config){.count = config->workers,
                                                                     .listen = config->listen,
                                                                     .registry = registry,
                                                                     .identity = identity,
                                                                     .relay = control_relay(control),
                                                                     .cipher = config->cipher,
                                                                     .sending = config->sending,
                                                                     .packets = PACKET_POOL(config->sessions_max),
                                                                     .wake_control = wake_web,
                                                                     .control = web},
                                            &error);
    if (!workers) {
        fail(config, "cannot start workers on UDP", error);
        goto close_web;
    }
    dtls_identity_fingerprint(identity, fingerprint);
    if (!control_start(control, web, workers, registry, fingerprint)) {
        fail(config, "cannot start signaling for", "out of memory");
        goto stop_workers;
    }
    install_signals(web);
    log_line(LOG_LEVEL_INFO, "ready", "version=%s port=%u workers=%u sessions_max=%u url=http://localhost:%u/",
             MONOPORT_VERSION, config->port, config->workers, config->sessions_max, config->port);
    control_run(control, &stop);
    forget_signals();
    result = 0;
stop_workers:
    control_detach(control);
    workers_stop(workers);
close_web:
    web_free(web);
    return result;
}

int main(int argc, char **argv)
{
    struct config config;
    struct web_handler handler;
    switch (config_load(&config, argc, argv, environ)) {
    case CONFIG_DONE: return 0;
    case CONFIG_ERROR: return 2;
    case CONFIG_RUN: break;
    }
    log_setup(config.log_level, write_line);
    struct dtls_identity *identity = dtls_identity_new();
    struct registry *registry = registry_new(config.sessions_max);
    struct control *control = control_new(&config, &handler);
    int result = 2;
    if (identity && registry && control)
        result = serve(&config, identity, registry, control, &handler);
    else
        fputs("monoport: out of memory\n", stderr);
    if (control)
        control_free(control);
    if (registry)
        registry_free(registry);
    if (identity)
        dtls_identity_free(identity);
    return result;
}
