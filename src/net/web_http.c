#include "tls.h"
#include "web_internal.h"
#include <ctype.h>
#include <stdlib.h>

#define PATH_SIZE 512

struct head {
    unsigned status;
    const char *content_type, *etag, *cache, *location;
    char *further; /* "name: value\n" each */
    bool gzip, vary, close;
    size_t len;
};

/* --- who asks --- */

/* Proxies put an end to addresses: what comes through one comes from anywhere. */
static bool is_forwarded(struct lws *wsi)
{
    static const enum lws_token_indexes said[] = {WSI_TOKEN_X_FORWARDED_FOR, WSI_TOKEN_HTTP_X_REAL_IP, WSI_TOKEN_HTTP_VIA};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (lws_hdr_total_length(wsi, said[i]) > 0)
            return true;
    return lws_hdr_custom_length(wsi, "forwarded:", 10) >= 0;
}

bool http_peer(const struct connection *c, struct web_peer *p)
{
    memset(p, 0, sizeof *p);
    p->local = c->path.local;
    p->remote = c->path.remote;
    p->forwarded = is_forwarded(c->wsi);
    return lws_hdr_copy(c->wsi, p->host, sizeof p->host, WSI_TOKEN_HOST) >= 0 &&
           lws_hdr_copy(c->wsi, p->origin, sizeof p->origin, WSI_TOKEN_ORIGIN) >= 0 &&
           lws_hdr_copy(c->wsi, p->authorization, sizeof p->authorization, WSI_TOKEN_HTTP_AUTHORIZATION) >= 0;
}

/* Whether Accept-Encoding has gzip, and not with q=0 (RFC 9110 12.5.3). */
static bool accepts_gzip(struct lws *wsi)
{
    char value[256];
    if (lws_hdr_copy(wsi, value, sizeof value, WSI_TOKEN_HTTP_ACCEPT_ENCODING) <= 0)
        return false;
    char *rest = value, *item;
    while ((item = strsep(&rest, ","))) {
        item += strspn(item, " \t");
        size_t n = strcspn(item, "; \t");
        char *q = strstr(item, "q=");
        if ((n == 4 && strncasecmp(item, "gzip", 4) == 0) || (n == 1 && *item == '*'))
            return !q || strtod(q + 2, NULL) > 0;
    }
    return false;
}

/* If-None-Match compares weakly (RFC 9110 13.1.2): what counts is the part in quotes, wherever it is in the
 * list. */
static bool client_has(struct lws *wsi, const char *etag)
{
    char value[512];
    const char *opaque = strchr(etag, '"');
    if (lws_hdr_copy(wsi, value, sizeof value, WSI_TOKEN_HTTP_IF_NONE_MATCH) <= 0)
        return false;
    return strcmp(value, "*") == 0 || (opaque && strstr(value, opaque));
}

/* --- answers --- */

struct header_block {
    struct lws *wsi;
    unsigned char *start, *at, *end;
    bool failed;
};

static void add(struct header_block *b, const char *name, const char *value)
{
    if (value)
        b->failed |=
            lws_add_http_header_by_name(b->wsi, (const unsigned char *)name, (const unsigned char *)value,
                                        (int)strlen(value), &b->at, b->end) != 0;
}

/* Cuts the text into its lines. */
static void add_further(struct header_block *b, char *lines)
{
    char name[64], *line;
    while ((line = strsep(&lines, "\n"))) {
        char *value = strstr(line, ": ");
        if (!value)
            continue;
        snprintf(name, sizeof name, "%.*s:", (int)(value - line), line);
        add(b, name, value + 2);
    }
}

static bool send_head(struct connection *c, const struct head *h)
{
    unsigned char *start = c->web->buffer + LWS_PRE;
    struct header_block b = {c->wsi, start, start, start + CHUNK_SIZE, false};
    b.failed = lws_add_http_header_status(c->wsi, h->status, &b.at, b.end) != 0;
    add(&b, "content-type:", h->content_type);
    add(&b, "etag:", h->etag);
    add(&b, "cache-control:", h->cache);
    add(&b, "content-encoding:", h->gzip ? "gzip" : NULL);
    add(&b, "vary:", h->vary ? "accept-encoding" : NULL);
    add(&b, "allow:", h->status == 405 && !h->further ? "GET, HEAD" : NULL);
    add(&b, "www-authenticate:", h->status == 401 ? "Bearer" : NULL);
    add(&b, "upgrade:", h->status == 426 ? "websocket" : NULL);
    add(&b, "sec-websocket-version:", h->status == 426 ? "13" : NULL);
    add(&b, "connection:", h->close ? "close" : NULL);
    add(&b, "location:", h->location);
    add_further(&b, h->further);
    /* RFC 6797 7.2: over TLS only; and never with a certificate that its user will want to click away */
    add(&b, "strict-transport-security:",
        c->secure && !tls_self_signed(c->web->config.tls) ? "max-age=31536000" : NULL);
    if (h->status != 304 && h->status != 204)
        b.failed |= lws_add_http_header_content_length(c->wsi, h->len, &b.at, b.end) != 0;
    return !b.failed && lws_finalize_write_http_header(c->wsi, b.start, &b.at, b.end) == 0;
}

/* `owned` is freed here or with the reply. */
static int answer(struct connection *c, const struct head *h, const uint8_t *data, char *owned)
{
    bool bodyless = h->status == 304 || lws_hdr_total_length(c->wsi, WSI_TOKEN_HEAD_URI) > 0;
    if (!send_head(c, h)) {
        free(owned);
        return -1;
    }
    return reply_begin(c, data, bodyless ? 0 : h->len, owned) ? 0 : -1;
}

static const char *status_text(unsigned status)
{
    switch (status) {
    case 400: return "bad request\n";
    case 401: return "a token is needed\n";
    case 403: return "forbidden\n";
    case 404: return "not found\n";
    case 405: return "method not allowed\n";
    case 411: return "the length of the body is missing\n";
    case 413: return "the body is too large\n";
    case 429: return "too many connections from this address\n";
    case 426: return "a WebSocket is served here\n";
    default: return "error\n";
    }
}

static struct head error_head(unsigned status, bool close)
{
    return (struct head){.status = status,
                         .content_type = "text/plain; charset=utf-8",
                         .cache = "no-store",
                         .close = close,
                         .len = strlen(status_text(status))};
}

static int answer_error(struct connection *c, unsigned status)
{
    struct head h = error_head(status, false);
    return answer(c, &h, (const uint8_t *)status_text(status), NULL);
}

void http_refuse(struct connection *c, unsigned status)
{
    struct head h = error_head(status, true);
    if (!send_head(c, &h) || lws_hdr_total_length(c->wsi, WSI_TOKEN_HEAD_URI))
        return;
    memcpy(c->web->buffer + LWS_PRE, status_text(status), h.len);
    lws_write(c->wsi, c->web->buffer + LWS_PRE, h.len, LWS_WRITE_HTTP_FINAL);
}

/* --- in the clear --- */

bool http_must_redirect(const struct connection *c)
{
    return !c->secure && !c->web->config.plain && !address_is_loopback(&c->path.remote);
}

/* A host with or without a port, and nothing that would end the header or the URL's authority. */
static bool is_host(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr(".:-_[]", *p))
            return false;
    return *text != 0;
}

int http_query(struct lws *wsi, char *query, size_t size)
{
    int len = 0, room = (int)size;
    query[0] = 0;
    for (int i = 0; lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++) {
        if (i)
            query[len++] = '&';
        int n = lws_hdr_copy_fragment(wsi, query + len, room - 1 - len, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0 || len + n >= room - 1)
            return -1;
        len += n;
    }
    return len;
}

/* RFC 3986 2.1: the library gives URLs without their escapes. `kept`: what needs none here besides letters and digits. */
static void put_escaped(FILE *f, const char *text, const char *kept)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        fprintf(f, isalnum(*p) || strchr(kept, *p) ? "%c" : "%%%02X", *p);
}

/* The same URL by https, malloc'ed. NULL: too long, or a Host that is none. */
static char *secure_url(const struct connection *c)
{
    struct web_peer peer;
    char *url = NULL, part[PATH_SIZE];
    size_t len;
    bool get = lws_hdr_total_length(c->wsi, WSI_TOKEN_GET_URI) > 0;
    if (!http_peer(c, &peer) || !is_host(peer.host) ||
        lws_hdr_copy(c->wsi, part, sizeof part, get ? WSI_TOKEN_GET_URI : WSI_TOKEN_HEAD_URI) <= 0)
        return NULL;
    FILE *f = open_memstream(&url, &len);
    if (!f)
        return NULL;
    fprintf(f, "https://%s", peer.host);
    put_escaped(f, part, "-._~/");
    bool whole = true;
    for (int i = 0; lws_hdr_fragment_length(c->wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0 && whole; i++) {
        whole = lws_hdr_copy_fragment(c->wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, i) > 0;
        fputc(i ? '&' : '?', f);
        put_escaped(f, part, "-._~/=");
    }
    if (fclose(f) == 0 && whole)
        return url;
    free(url);
    return NULL;
}

int http_redirect(struct connection *c)
{
    char *url = secure_url(c);
    struct head h = {.status = 308, .location = url, .cache = "no-store", .close = true};
    if (url)
        send_head(c, &h);
    else
        http_refuse(c, 400);
    free(url);
    return -1;
}

/* --- requests --- */

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

static int answer_asset(struct connection *c, const struct web_asset *a)
{
    struct head h = {.status = client_has(c->wsi, a->etag) ? 304 : 200,
                     .content_type = a->content_type,
                     .etag = a->etag,
                     .cache = a->immutable ? "public, max-age=31536000, immutable" : "no-cache",
                     .vary = a->gzip != NULL};
    bool gzip = a->gzip && accepts_gzip(c->wsi);
    h.gzip = gzip && h.status == 200;
    h.len = gzip ? a->gzip_len : a->len;
    return answer(c, &h, gzip ? a->gzip : a->data, NULL);
}

/* A request that announces a body: nothing here takes one, and a body that is passed over is how requests get
 * smuggled. */
static bool has_body(struct lws *wsi)
{
    char length[16];
    int n = lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 || n < 0 ||
           (n > 0 && strcmp(length, "0") != 0);
}

int http_respond(struct connection *c, struct web_response *r)
{
    struct head h = {.status = r->status,
                     .content_type = r->content_type,
                     .cache = "no-store",
                     .further = r->headers,
                     .len = r->body ? r->len : 0};
    int result = answer(c, &h, (const uint8_t *)r->body, r->body);
    free(r->headers);
    return result;
}

int http_request(struct connection *c, const char *in, size_t len)
{
    struct web *w = c->web;
    struct web_response r = {0};
    struct web_peer peer;
    char path[PATH_SIZE];
    bool get = lws_hdr_total_length(c->wsi, WSI_TOKEN_GET_URI) > 0 ||
               lws_hdr_total_length(c->wsi, WSI_TOKEN_HEAD_URI) > 0;
    if (c->crowded) {
        http_refuse(c, 429);
        return -1;
    }
    if (http_must_redirect(c))
        return http_redirect(c);
    if (!get)
        return body_begins(c, in, len);
    if (has_body(c->wsi) || !http_peer(c, &peer)) {
        http_refuse(c, 400);
        return -1;
    }
    if (len >= sizeof path || memchr(in, 0, len))
        return answer_error(c, 404);
    memcpy(path, in, len);
    path[len] = 0;
    if (strcmp(path, w->config.websocket_path) == 0)
        return answer_error(c, 426);
    const struct web_asset *asset = find_asset(w, path);
    if (asset)
        return answer_asset(c, asset);
    if (!w->handler.get(w->handler.context, path, &peer, &r))
        return answer_error(c, 404);
    return http_respond(c, &r);
}
