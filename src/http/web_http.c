#include "base/log.h"
#include "http/web_internal.h"
#include "net/clock.h"
#include "net/tls.h"
#include <stdlib.h>
#include <time.h>

#define PATH_SIZE   512
#define HEADER_SIZE 512
#define HEAD_SIZE   8192
#define TEXT_TYPE   "text/plain; charset=utf-8"

struct http_answer {
    unsigned status;
    const char *content_type, *etag, *cache, *upgrade;
    char *further; /* "name: value\n" each */
    bool gzip, vary, last;
    const uint8_t *data;
    size_t len;
    char *owned; /* freed when it was sent */
};

/* --- the client --- */

/* Whether a proxy forwarded the request, so that its source address is not the client's. */
static bool is_forwarded(const struct http_request *q)
{
    return request_has(q, "x-forwarded-for") || request_has(q, "x-real-ip") || request_has(q, "via") ||
           request_has(q, "forwarded");
}

bool web_http_peer(const struct connection *c, const struct http_request *q, struct web_peer *p)
{
    memset(p, 0, sizeof *p);
    p->local = c->path.local;
    p->remote = c->path.remote;
    p->secure = c->secure;
    p->forwarded = is_forwarded(q);
    if (q->authority.len)
        memcpy(p->host, q->authority.data, q->authority.len); /* request_parse has seen that it fits */
    return request_field(q, "origin", p->origin, sizeof p->origin) &&
           request_field(q, "authorization", p->authorization, sizeof p->authorization);
}

/* Whether Accept-Encoding has gzip, and not with q=0 (RFC 9110 12.5.3). */
static bool accepts_gzip(const struct http_request *q)
{
    char value[256];
    if (!request_field(q, "accept-encoding", value, sizeof value))
        return false;
    char *rest = value, *item;
    while ((item = strsep(&rest, ","))) {
        item += strspn(item, " \t");
        size_t n = strcspn(item, "; \t");
        char *weight = strstr(item, "q=");
        if ((n == 4 && strncasecmp(item, "gzip", 4) == 0) || (n == 1 && *item == '*'))
            return !weight || strtod(weight + 2, NULL) > 0;
    }
    return false;
}

/* If-None-Match compares weakly (RFC 9110 13.1.2): only the part in quotes counts, at any place in the
 * list. */
static bool client_has(const struct http_request *q, const char *etag)
{
    char value[512];
    const char *opaque = strchr(etag, '"');
    if (!request_field(q, "if-none-match", value, sizeof value))
        return false;
    return strcmp(value, "*") == 0 || (opaque && strstr(value, opaque));
}

/* --- answers --- */

static const char *reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } table[] = {{200, "OK"},
                 {201, "Created"},
                 {204, "No Content"},
                 {304, "Not Modified"},
                 {308, "Permanent Redirect"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {406, "Not Acceptable"},
                 {409, "Conflict"},
                 {411, "Length Required"},
                 {412, "Precondition Failed"},
                 {413, "Content Too Large"},
                 {414, "URI Too Long"},
                 {415, "Unsupported Media Type"},
                 {417, "Expectation Failed"},
                 {422, "Unprocessable Content"},
                 {426, "Upgrade Required"},
                 {428, "Precondition Required"},
                 {429, "Too Many Requests"},
                 {431, "Request Header Fields Too Large"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {503, "Service Unavailable"},
                 {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].text;
    return "";
}

/* 'self' covers the WebSocket; a camera's preview and remote streams are media without an address. */
static const char of_all[] =
    "server: monoport\r\n"
    "x-content-type-options: nosniff\r\n"
    "referrer-policy: no-referrer\r\n"
    "permissions-policy: camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()\r\n"
    "content-security-policy: default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: mediastream:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'\r\n";

struct http_head {
    char text[HEAD_SIZE];
    size_t len; /* HEAD_SIZE: it did not fit */
};

static void add(struct http_head *h, const char *name, const char *value)
{
    if (!value || h->len == sizeof h->text)
        return;
    size_t room = sizeof h->text - h->len;
    int n = snprintf(h->text + h->len, room, "%s: %s\r\n", name, value);
    h->len += (size_t)n < room ? (size_t)n : room;
}

/* Cuts the text into its lines. */
static void add_further(struct http_head *h, char *lines)
{
    char *line;
    while ((line = strsep(&lines, "\n"))) {
        char *colon = strstr(line, ": ");
        if (!colon)
            continue;
        *colon = 0;
        add(h, line, colon + 2);
    }
}

/* RFC 9110 6.6.1 */
static void add_date(struct http_head *h)
{
    char text[40];
    struct tm t;
    time_t now = clock_wall();
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &t));
    add(h, "date", text);
}

static void add_length(struct http_head *h, size_t len)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", len);
    add(h, "content-length", text);
}

/* RFC 6797 7.2: over TLS only; and never with a self-signed certificate, which a browser could then not
 * accept as an exception. */
static bool is_strict(const struct connection *c)
{
    return c->secure && !tls_self_signed(c->web->config.tls);
}

static void write_head(const struct connection *c, struct http_head *h, const struct http_answer *a)
{
    h->len = (size_t)snprintf(h->text, sizeof h->text, "HTTP/1.1 %u %s\r\n%s", a->status, reason(a->status),
                              of_all);
    add_date(h);
    add(h, "content-type", a->content_type);
    add(h, "etag", a->etag);
    add(h, "cache-control", a->cache);
    add(h, "content-encoding", a->gzip ? "gzip" : NULL);
    add(h, "vary", a->vary ? "accept-encoding" : NULL);
    add(h, "allow",
        a->status == 405 && !(a->further && strcasestr(a->further, "allow: ")) ? "GET, HEAD" : NULL);
    add(h, "www-authenticate", a->status == 401 ? "Bearer" : NULL);
    add(h, "upgrade", a->upgrade);
    add(h, "connection", a->upgrade ? "upgrade" : NULL);
    add(h, "connection", a->last ? "close" : NULL);
    add(h, "strict-transport-security", is_strict(c) ? "max-age=31536000" : NULL);
    add_further(h, a->further);
    if (a->status != 304 && a->status != 204)
        add_length(h, a->len);
}

/* Takes the answer's owned memory. `q` NULL: the request is unknown. */
static bool send_answer(struct connection *c, const struct http_request *q, struct http_answer *a)
{
    struct http_head h;
    struct reply r = {.data = a->data, .owned = a->owned};
    bool bodyless = a->status == 304 || a->status == 204 || (q && request_is(q->method, "HEAD"));
    a->last |= !q || !q->persistent;
    write_head(c, &h, a);
    free(a->further);
    r.len = bodyless ? 0 : a->len;
    r.last = a->last;
    r.head_len = h.len + 2;
    r.head = h.len + 2 < sizeof h.text ? malloc(r.head_len) : NULL;
    if (!r.head) {
        free(a->owned);
        return false;
    }
    memcpy(r.head, h.text, h.len);
    memcpy(r.head + h.len, "\r\n", 2);
    return web_reply_begin(c, &r);
}

static const char *status_text(unsigned status)
{
    switch (status) {
    case 400: return "bad request\n";
    case 401: return "a token is required\n";
    case 403: return "forbidden\n";
    case 404: return "not found\n";
    case 405: return "method not allowed\n";
    case 411: return "the length of the body is missing\n";
    case 413: return "the body is too large\n";
    case 414: return "the path or the query is too long\n";
    case 417: return "unsupported expectation\n";
    case 426: return "a WebSocket is served here\n";
    case 429: return "too many connections from this address\n";
    case 431: return "the head of the request is too large\n";
    default: return "error\n";
    }
}

static bool is_taken(const struct web *w, const char *path)
{
    for (const char *const *p = w->config.request_paths; p && *p; p++)
        if (strncmp(path, *p, strlen(*p)) == 0)
            return true;
    return false;
}

/* Adds the handler's headers to an answer that the handler did not make. */
static char *headers_of(const struct connection *c, const struct http_request *q)
{
    const struct web_handler *h = &c->web->handler;
    char path[PATH_SIZE];
    struct web_peer peer;
    if (!q || !h->headers || request_decode(q->path, path, sizeof path) != 0 || !is_taken(c->web, path) ||
        !web_http_peer(c, q, &peer))
        return NULL;
    return h->headers(h->context, path, &peer);
}

static bool answer_text(struct connection *c, const struct http_request *q, struct http_answer *a,
                        const char *text)
{
    a->content_type = TEXT_TYPE;
    a->cache = "no-store";
    a->data = (const uint8_t *)text;
    a->len = strlen(text);
    return send_answer(c, q, a);
}

static bool answer_error(struct connection *c, const struct http_request *q, unsigned status, bool last)
{
    struct http_answer a = {.status = status, .last = last, .further = headers_of(c, q)};
    if (status == 426) { /* RFC 9110 15.5.22, RFC 6455 4.4 */
        a.upgrade = "websocket";
        a.further = strdup("sec-websocket-version: 13\n");
    }
    return answer_text(c, q, &a, status_text(status));
}

bool web_http_refuse(struct connection *c, const struct http_request *q, unsigned status)
{
    return answer_error(c, q, status, true);
}

static bool respond(struct connection *c, const struct http_request *q, const struct web_response *r)
{
    struct http_answer a = {.status = r->status,
                            .content_type = r->content_type,
                            .cache = "no-store",
                            .further = r->headers,
                            .data = (const uint8_t *)r->body,
                            .len = r->body ? r->len : 0,
                            .owned = r->body};
    return send_answer(c, q, &a);
}

/* --- in the clear --- */

static bool must_be_secure(const struct connection *c)
{
    return !c->secure && !c->web->config.plain && !address_is_loopback(&c->path.remote);
}

/* A browser that opens a WebSocket follows no redirect to another scheme and shows no body. */
static bool refuse_clear_socket(struct connection *c, const struct http_request *q)
{
    static struct log_limit limit;
    char from[ADDRESS_TEXT_SIZE];
    struct http_answer a = {.status = 426, .upgrade = "TLS/1.2", .last = true};
    if (log_allow(&limit, 1, c->web->now))
        log_line(LOG_LEVEL_WARN,
                 "refused a WebSocket without TLS: use wss://, or start the server with --plain",
                 "address=%s", address_text(&c->path.remote, from));
    return answer_text(c, q, &a, "open the WebSocket with wss://, or start the server with --plain\n");
}

/* The same request by https: 308 keeps its method. */
static bool redirect(struct connection *c, const struct http_request *q)
{
    struct http_answer a = {.status = 308, .last = true};
    bool query = q->query.data != NULL;
    if (!q->authority.len || !q->path.len || *q->path.data != '/')
        return web_http_refuse(c, q, 400);
    if (asprintf(&a.further, "location: https://%.*s%.*s%s%.*s\n", (int)q->authority.len, q->authority.data,
                 (int)q->path.len, q->path.data, query ? "?" : "", (int)q->query.len,
                 query ? q->query.data : "") < 0)
        return false;
    return answer_text(c, q, &a, "this is served by https\n");
}

/* --- GET --- */

static const struct web_asset *find_asset(const struct web *w, const char *path)
{
    for (const char *const *p = w->config.app_paths; p && *p; p++)
        if (strcmp(*p, path) == 0) {
            path = "/index.html";
            break;
        }
    for (size_t i = 0; i < w->config.asset_count; i++)
        if (strcmp(w->config.assets[i].path, path) == 0)
            return &w->config.assets[i];
    return NULL;
}

static bool answer_asset(struct connection *c, const struct http_request *q, const struct web_asset *f)
{
    struct http_answer a = {.status = client_has(q, f->etag) ? 304 : 200,
                            .content_type = f->content_type,
                            .etag = f->etag,
                            .cache = f->immutable ? "public, max-age=31536000, immutable" : "no-cache",
                            .vary = f->gzip != NULL};
    bool gzip = f->gzip && accepts_gzip(q);
    a.gzip = gzip && a.status == 200;
    a.data = gzip ? f->gzip : f->data;
    a.len = gzip ? f->gzip_len : f->len;
    return send_answer(c, q, &a);
}

static bool answer_get(struct connection *c, const struct http_request *q)
{
    struct web *w = c->web;
    struct web_response r = {0};
    struct web_peer peer;
    char path[PATH_SIZE];
    unsigned wrong = request_decode(q->path, path, sizeof path);
    if (!web_http_peer(c, q, &peer))
        wrong = 400;
    else if (!wrong && strcmp(path, w->config.websocket_path) == 0)
        wrong = 426;
    if (wrong)
        return answer_error(c, q, wrong, false);
    const struct web_asset *asset = find_asset(w, path);
    if (asset)
        return answer_asset(c, q, asset);
    return w->handler.get(w->handler.context, path, &peer, &r) ? respond(c, q, &r)
                                                               : answer_error(c, q, 404, false);
}

/* --- other methods --- */

static bool find_method(const struct http_request *q, enum web_method *method)
{
    static const char *const names[] = {[WEB_POST] = "POST",
                                        [WEB_PATCH] = "PATCH",
                                        [WEB_DELETE] = "DELETE",
                                        [WEB_OPTIONS] = "OPTIONS",
                                        [WEB_PUT] = "PUT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (request_is(q->method, names[i])) {
            *method = (enum web_method)i;
            return true;
        }
    return false;
}

/* The status that refuses it before its body comes; 0: none does. */
static unsigned refuse_body(const struct web *w, const struct http_request *q)
{
    enum web_method method;
    char path[PATH_SIZE];
    unsigned wrong = request_decode(q->path, path, sizeof path);
    if (wrong)
        return wrong;
    if (!find_method(q, &method) || !is_taken(w, path))
        return 405;
    if (q->chunked) /* RFC 9110 15.5.12: the server may require a length before it stores anything */
        return 411;
    if (!q->has_length)
        return method == WEB_POST || method == WEB_PATCH ? 411 : 0;
    return q->length > HTTP_BODY_MAX ? 413 : 0;
}

bool web_http_complete(struct connection *c, const struct http_request *q, const char *body, size_t len)
{
    struct web_handler *h = &c->web->handler;
    struct web_peer peer;
    struct web_response r = {.status = 405};
    char path[PATH_SIZE], query[PATH_SIZE], type[HEADER_SIZE], if_match[HEADER_SIZE];
    struct web_request request = {.path = path,
                                  .query = query,
                                  .peer = &peer,
                                  .content_type = type,
                                  .if_match = if_match,
                                  .body = body,
                                  .len = len};
    if (q->query.len >= sizeof query)
        return web_http_refuse(c, q, 414);
    if (!find_method(q, &request.method) || request_decode(q->path, path, sizeof path) != 0 ||
        !web_http_peer(c, q, &peer) || !request_field(q, "content-type", type, sizeof type) ||
        !request_field(q, "if-match", if_match, sizeof if_match))
        return web_http_refuse(c, q, 400);
    snprintf(query, sizeof query, "%.*s", (int)q->query.len, q->query.len ? q->query.data : "");
    h->request(h->context, &request, &r);
    return respond(c, q, &r);
}

/* --- any --- */

/* RFC 6455 4.1, RFC 9110 7.8: the server ignores any other upgrade. */
static bool wants_socket(const struct http_request *q)
{
    return !q->old && request_is(q->method, "GET") && request_lists(q, "connection", "upgrade") &&
           request_lists(q, "upgrade", "websocket");
}

bool web_http_begin(struct connection *c, const struct http_request *q, size_t *body)
{
    bool get = request_is(q->method, "GET") || request_is(q->method, "HEAD");
    *body = 0;
    if (c->crowded)
        return web_http_refuse(c, q, 429);
    if (must_be_secure(c))
        return wants_socket(q) ? refuse_clear_socket(c, q) : redirect(c, q);
    /* no handler reads it, and ignoring a body would allow request smuggling */
    if (get && (q->chunked || q->length))
        return web_http_refuse(c, q, 400);
    if (wants_socket(q))
        return web_socket_upgrade(c, q);
    if (get)
        return answer_get(c, q);
    unsigned wrong = refuse_body(c->web, q);
    if (wrong)
        return web_http_refuse(c, q, wrong);
    *body = q->length;
    return *body || web_http_complete(c, q, "", 0);
}
