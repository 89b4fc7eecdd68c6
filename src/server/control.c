#include "server/control.h"
#include "base/check.h"
#include "base/log.h"
#include "base/watch.h"
#include "net/clock.h"
#include "net/front.h"
#include "net/random.h"
#include "server/announce.h"
#include "server/worker.h"
#include "sfu/registry.h"
#include "sfu/turn/relay_config.h"
#include "signal/signaling.h"
#include "signal/whip.h"
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define API        "/api/v1/"
#define API_BEFORE "/api/"

#define GOODBYE MP_MS(1000) /* time for clients to close when the server stops */
#define FLUSH   MP_MS(5)    /* time until commands for a full inbox are sent again */
/* time that a turn of the loop may spend on waiting work before it serves the sockets again */
#define GO_ON MP_MS(5)

struct control {
    const struct config *config;
    struct web *web;
    struct workers *workers;
    struct signaling *signaling;
    struct whip *whip;
    struct relay_config relay;
    struct announce announce;
    size_t sockets;
    mp_time go_on_until;       /* end of that time in this turn; 0: not begun */
    const struct front *front; /* while it accepts */
    const struct watch *watch; /* while serving */
    struct pulse pulse;
};

/* --- from the web server --- */

static void go_on(struct control *c)
{
    mp_time now = clock_now();
    if (!c->go_on_until)
        c->go_on_until = now + GO_ON;
    while (now < c->go_on_until && signal_go_on(c->signaling, now))
        now = clock_now();
}

/* Sleeps until signaling has work, or until commands for a full inbox are to be sent again. */
static void plan(struct control *c)
{
    if (!c->workers) /* stopping */
        return;
    go_on(c);
    whip_turn(c->whip, clock_now());
    mp_time deadline = mp_min(signal_deadline(c->signaling), whip_deadline(c->whip));
    mp_time in = deadline == MP_NEVER ? MP_NEVER : mp_max(deadline - clock_now(), 0);
    if (!workers_flush(c->workers))
        in = mp_min(in, FLUSH);
    web_set_timer(c->web, in);
}

/* Workers send no wake-up for messages that may wait: those are read before any other message is handled. */
static void hear_workers(struct control *c)
{
    struct message m;
    while (c->workers && workers_event(c->workers, &m))
        signal_event(c->signaling, &m, clock_now());
}

static void log_refused(const struct web_peer *peer)
{
    char from[ADDRESS_TEXT_SIZE], quoted[2][160];
    static struct log_limit limit;
    if (log_allow(&limit, 5, clock_now()))
        log_line(LOG_LEVEL_WARN, "refused a page of another site", "origin=%s host=%s address=%s",
                 log_quote(quoted[0], sizeof quoted[0], peer->origin),
                 log_quote(quoted[1], sizeof quoted[1], peer->host), address_text(&peer->remote, from));
}

static struct signal_client client_of(const struct control *c, const struct web_peer *peer, void *socket)
{
    return (struct signal_client){
        .socket = socket,
        .local = peer->local,
        .remote = peer->remote,
        .host = peer->host,
        .forwarded = peer->forwarded,
        .guest = !access_origin(&c->config->access, peer->origin, peer->host, peer->secure)};
}

/* Takes changed addresses of announced names, for new clients. */
static void take_addresses(struct control *c)
{
    if (announce_changed(&c->announce, &c->relay))
        signal_addresses(c->signaling, c->announce.addresses, c->announce.count);
}

static bool opened(void *context, struct web_socket *socket, const struct web_peer *peer, void **user)
{
    struct control *c = context;
    struct signal_client client = client_of(c, peer, socket);
    if (client.guest && !access_takes_guests(&c->config->access)) {
        log_refused(peer);
        return false;
    }
    take_addresses(c);
    *user = signal_opened(c->signaling, &client, clock_now());
    c->sockets += *user != NULL;
    return *user != NULL;
}

static void text(void *context, struct web_socket *socket, void *user, const char *data, size_t len)
{
    struct control *c = context;
    if (!user) /* the participant has a new socket */
        return;
    hear_workers(c);
    signal_text(c->signaling, user, data, len, clock_now());
    plan(c);
}

static void too_large(void *context, struct web_socket *socket, void *user)
{
    struct control *c = context;
    if (!user)
        return;
    signal_too_large(c->signaling, user, clock_now());
}

static void closed(void *context, struct web_socket *socket, void *user)
{
    struct control *c = context;
    hear_workers(c);
    if (user)
        signal_closed(c->signaling, user, clock_now());
    c->sockets--;
    plan(c);
}

static bool answer(struct web_response *r, const char *type, char *body, size_t len)
{
    *r = (struct web_response){.status = body ? 200 : 503, .content_type = type, .body = body, .len = len};
    return true;
}

static char *metrics(struct control *c, size_t *len)
{
    size_t rooms_len;
    char *text = NULL, *rooms = signal_metrics(c->signaling, &rooms_len, clock_now());
    FILE *f = rooms ? open_memstream(&text, len) : NULL;
    if (f) {
        fputs(rooms, f);
        if (c->front)
            front_metrics(c->front, f);
        if (c->watch)
            watch_metrics(c->watch, f, clock_now());
        if (fclose(f) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(rooms);
    return text;
}

/* Whether this request may be answered; otherwise fills `response` with the error. */
static bool admitted(const struct control *c, enum access_who who, const struct web_peer *peer,
                     struct web_response *response)
{
    struct access_request request = {.local = peer->local,
                                     .remote = peer->remote,
                                     .host = peer->host,
                                     .authorization = peer->authorization,
                                     .forwarded = peer->forwarded};
    if (access_may(&c->config->access, who, &request, clock_wall()))
        return true;
    bool tokens = c->config->access.key_len > 0;
    const char *why = tokens ? "an admin's token is needed\n" : "not from here\n";
    answer(response, "text/plain; charset=utf-8", strdup(why), strlen(why));
    response->status = tokens ? 401 : 403;
    return false;
}

/* Whether the client may know all of the server's addresses: yes if everybody may join. */
static bool may_know_all(const struct control *c, const struct web_peer *peer)
{
    struct grant g;
    const struct access *a = &c->config->access;
    return !a->key_len || access_bearer(a, peer->authorization, clock_wall(), &g);
}

/* API "sessions/ID/timeline" */
static bool timeline_path(const char *path, const char *api, uint32_t *session)
{
    static const char before[] = "sessions/", after[] = "/timeline";
    size_t n = strlen(api);
    char *end;
    if (strncmp(path, api, n) != 0 || strncmp(path + n, before, sizeof before - 1) != 0 ||
        !isdigit((unsigned char)path[n + sizeof before - 1]))
        return false;
    unsigned long id = strtoul(path + n + sizeof before - 1, &end, 10);
    *session = (uint32_t)id;
    return id < SESSION_NONE && strcmp(end, after) == 0;
}

/* A path from before the API had a version. */
static bool moved(uint32_t session, struct web_response *response)
{
    char *headers = NULL;
    if (asprintf(&headers, "location: " API "sessions/%u/timeline\n", session) < 0)
        return false;
    *response =
        (struct web_response){.status = 308, .content_type = "text/plain; charset=utf-8", .headers = headers};
    return true;
}

static bool whip(struct control *c, const struct whip_request *q, struct web_response *out)
{
    struct whip_response r;
    if (!whip_request(c->whip, q, &r, clock_now()))
        return false;
    plan(c);
    *out = (struct web_response){.status = r.status,
                                 .content_type = r.content_type,
                                 .body = r.body,
                                 .len = r.len,
                                 .headers = r.headers};
    return true;
}

/* For a load balancer: 503 while a thread is stalled. */
static bool health(const struct control *c, struct web_response *response)
{
    const char *sick = c->watch ? watch_sick(c->watch, clock_now()) : NULL;
    char text[64];
    snprintf(text, sizeof text, "%s%s\n", sick ? sick : "ok", sick ? " stands still" : "");
    answer(response, "text/plain; charset=utf-8", strdup(text), strlen(text));
    if (sick)
        response->status = 503;
    return true;
}

static bool get(void *context, const char *path, const struct web_peer *peer, struct web_response *response)
{
    struct control *c = context;
    size_t len = 0;
    uint32_t session;
    if (strcmp(path, "/healthz") == 0)
        return health(c, response);
    if (strcmp(path, "/network.json") == 0) {
        struct signal_client client = client_of(c, peer, NULL);
        char *body = signal_network(c->signaling, &client, may_know_all(c, peer), &len);
        return answer(response, "application/json", body, len);
    }
    if (timeline_path(path, API_BEFORE, &session))
        return moved(session, response);
    if (strncmp(path, API, strlen(API)) == 0 && !admitted(c, c->config->api, peer, response))
        return true;
    hear_workers(c);
    if (timeline_path(path, API, &session)) {
        char *body = signal_timeline(c->signaling, session, &len);
        return body && answer(response, "application/json", body, len);
    }
    if (strcmp(path, "/metrics") == 0) {
        if (!admitted(c, c->config->metrics, peer, response))
            return true;
        char *body = metrics(c, &len);
        return answer(response, "text/plain; version=0.0.4; charset=utf-8", body, len);
    }
    return whip(c,
                &(struct whip_request){.method = WHIP_OTHER,
                                       .path = path,
                                       .host = peer->host,
                                       .origin = peer->origin,
                                       .secure = peer->secure},
                response);
}

static void request(void *context, const struct web_request *q, struct web_response *out)
{
    take_addresses(context);
    hear_workers(context);
    static const enum whip_method methods[] = {[WEB_POST] = WHIP_POST,
                                               [WEB_PATCH] = WHIP_PATCH,
                                               [WEB_DELETE] = WHIP_DELETE,
                                               [WEB_OPTIONS] = WHIP_OPTIONS,
                                               [WEB_PUT] = WHIP_OTHER};
    whip(context,
         &(struct whip_request){.method = methods[q->method],
                                .path = q->path,
                                .query = q->query,
                                .host = q->peer->host,
                                .origin = q->peer->origin,
                                .secure = q->peer->secure,
                                .authorization = q->peer->authorization,
                                .content_type = q->content_type,
                                .if_match = q->if_match,
                                .local = q->peer->local,
                                .remote = q->peer->remote,
                                .body = q->body,
                                .len = q->len},
         out);
}

/* All paths of request_paths are WHIP's. */
static char *headers(void *context, const char *path, const struct web_peer *peer)
{
    struct control *c = context;
    return whip_headers(
        c->whip, &(struct whip_request){
                     .path = path, .host = peer->host, .origin = peer->origin, .secure = peer->secure});
}

static void woken(void *context)
{
    struct control *c = context;
    hear_workers(c);
    plan(c);
}

static void timer(void *context)
{
    struct control *c = context;
    hear_workers(c);
    signal_timeout(c->signaling, clock_now());
    plan(c);
}

/* --- from signaling --- */

static void io_send(void *context, void *socket, const char *data, size_t len)
{
    struct control *c = context;
    if (whip_is(c->whip, socket))
        whip_send(c->whip, socket, data, len);
    else
        web_send(socket, data, len);
}

static void io_close(void *context, void *socket, uint16_t code, const char *reason)
{
    struct control *c = context;
    if (whip_is(c->whip, socket))
        whip_close(c->whip, socket);
    else
        web_close(socket, code, reason);
}

static void io_doubt(void *context, void *socket)
{
    struct control *c = context;
    if (!whip_is(c->whip, socket))
        web_doubt(socket);
}

static void io_attach(void *context, void *socket, struct participant *p) { web_set_user(socket, p); }

static void io_command(void *context, const struct message *m)
{
    struct control *c = context;
    if (!c->workers)
        return;
    workers_command(c->workers, m);
}

static void io_random(void *context, uint8_t *out, size_t len) { random_bytes(out, len); }

static int64_t io_wall(void *context) { return clock_wall(); }

/* --- life --- */

static void make_secret(const struct config *config, struct hmac_sha1 *secret)
{
    uint8_t random[32];
    random_bytes(random, sizeof random);
    if (*config->turn_secret)
        hmac_sha1_key(secret, (const uint8_t *)config->turn_secret, strlen(config->turn_secret));
    else
        hmac_sha1_key(secret, random, sizeof random);
    explicit_bzero(random, sizeof random);
}

/* Our own code refuses a client if memory is short; jansson would write an incomplete text. So the process
 * ends and is restarted. */
static void *json_memory(size_t size)
{
    void *memory = malloc(size);
    INVARIANT(memory || !size);
    return memory;
}

struct control *control_new(const struct config *config, struct web_handler *handler)
{
    json_set_alloc_funcs(json_memory, free);
    struct control *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->config = config;
    announce_start(&c->announce, config, &c->relay);
    make_secret(config, &c->relay.secret);
    *handler = (struct web_handler){.context = c,
                                    .opened = opened,
                                    .text = text,
                                    .too_large = too_large,
                                    .closed = closed,
                                    .get = get,
                                    .request = request,
                                    .headers = headers,
                                    .woken = woken,
                                    .timer = timer};
    return c;
}

const struct relay_config *control_relay(const struct control *c) { return &c->relay; }

bool control_start(struct control *c, struct web *web, struct workers *workers, struct registry *registry,
                   const uint8_t fingerprint[32])
{
    c->web = web;
    c->workers = workers;
    struct signal_config config = {.registry = registry,
                                   .stats = workers_stats(workers),
                                   .workers = c->config->workers,
                                   .addresses = c->announce.addresses,
                                   .address_count = c->announce.count,
                                   .announced = c->relay.announced,
                                   .turn_secret = &c->relay.secret,
                                   .wall = clock_wall_ntp(),
                                   .port = c->config->port,
                                   .access = &c->config->access,
                                   .limits = c->config->limits,
                                   .probe_port = c->config->probe_port,
                                   .version = MONOPORT_VERSION,
                                   .packets = PACKET_POOL(c->config->sessions_max)};
    struct signal_io io = {.context = c,
                           .send = io_send,
                           .close = io_close,
                           .doubt = io_doubt,
                           .attach = io_attach,
                           .command = io_command,
                           .random = io_random,
                           .wall = io_wall};
    memcpy(config.fingerprint, fingerprint, sizeof config.fingerprint);
    announce_say_needs(&c->announce);
    c->signaling = signal_new(&config, &io);
    c->whip = c->signaling ? whip_new(c->signaling, c->config->sessions_max < WHIP_RESOURCES_MAX
                                                        ? c->config->sessions_max
                                                        : WHIP_RESOURCES_MAX)
                           : NULL;
    return c->whip != NULL;
}

const struct pulse *control_pulse(const struct control *c) { return &c->pulse; }

void control_run(struct control *c, const struct front *front, const struct watch *watch,
                 volatile const int *stop)
{
    c->front = front;
    c->watch = watch;
    while (!*stop) {
        pulse_turn(&c->pulse, clock_now() + WEB_TICK);
        c->go_on_until = 0;
        web_service(c->web);
    }
    pulse_turn(&c->pulse, 0);
    c->front = NULL;
    c->watch = NULL;
}

void control_goodbye(struct control *c)
{
    log_line(LOG_LEVEL_INFO, "stopping", "sockets=%zu", c->sockets);
    signal_shutdown(c->signaling, clock_now());
    whip_close_all(c->whip, clock_now());
    for (mp_time end = clock_now() + GOODBYE; c->sockets && clock_now() < end;)
        web_service(c->web);
}

void control_detach(struct control *c) { c->workers = NULL; }

void control_free(struct control *c)
{
    if (c->whip) {
        whip_close_all(c->whip, clock_now());
        whip_free(c->whip);
    }
    if (c->signaling)
        signal_free(c->signaling);
    announce_stop(&c->announce);
    free(c);
}
