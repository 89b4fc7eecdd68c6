/* Requests that are no GET: their bodies are collected, bounded, and given to the handler whole. */
#include "limits.h"
#include "web_internal.h"
#include <stdlib.h>

#define PATH_SIZE   512
#define HEADER_SIZE 128

struct pending { /* a request of which the body is still coming */
    enum web_method method;
    char path[PATH_SIZE], query[PATH_SIZE], content_type[HEADER_SIZE], if_match[HEADER_SIZE];
    struct web_peer peer;
    size_t expected, len;
    char body[];
};

static bool find_method(struct lws *wsi, enum web_method *method)
{
    char *uri;
    int len;
    switch (lws_http_get_uri_and_method(wsi, &uri, &len)) {
    case LWSHUMETH_POST: *method = WEB_POST; return true;
    case LWSHUMETH_PATCH: *method = WEB_PATCH; return true;
    case LWSHUMETH_DELETE: *method = WEB_DELETE; return true;
    case LWSHUMETH_OPTIONS: *method = WEB_OPTIONS; return true;
    case LWSHUMETH_PUT: *method = WEB_PUT; return true;
    default: return false;
    }
}

static bool is_taken(const struct web *w, const char *path, size_t len)
{
    for (const char *const *p = w->config.request_paths; p && *p; p++)
        if (len >= strlen(*p) && memcmp(path, *p, strlen(*p)) == 0)
            return true;
    return false;
}

/* How long the body is going to be; 0: there is none. An error's status, where that cannot be told or is too
 * much. */
static unsigned body_length(struct lws *wsi, enum web_method method, size_t *length)
{
    char text[16];
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    *length = 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
        return 411; /* the library does not take chunks apart */
    if (n == 0)
        return method == WEB_POST || method == WEB_PATCH ? 411 : 0;
    if (n < 0 || strspn(text, "0123456789") != (size_t)n)
        return n < 0 ? 413 : 400;
    *length = strtoul(text, NULL, 10);
    return *length > HTTP_BODY_MAX ? 413 : 0;
}

static int dispatch(struct connection *c)
{
    struct pending *p = c->pending;
    struct web_response r = {.status = 405};
    struct web_request request = {.method = p->method,
                                  .path = p->path,
                                  .query = p->query,
                                  .peer = &p->peer,
                                  .content_type = p->content_type,
                                  .if_match = p->if_match,
                                  .body = p->body,
                                  .len = p->len};
    c->pending = NULL;
    c->web->handler.request(c->web->handler.context, &request, &r);
    free(p);
    return http_respond(c, &r);
}

static bool read_head(struct connection *c, struct pending *p, const char *path, size_t len)
{
    memcpy(p->path, path, len);
    return http_query(c->wsi, p->query, sizeof p->query) >= 0 && http_peer(c, &p->peer) &&
           lws_hdr_copy(c->wsi, p->content_type, sizeof p->content_type, WSI_TOKEN_HTTP_CONTENT_TYPE) >= 0 &&
           lws_hdr_copy(c->wsi, p->if_match, sizeof p->if_match, WSI_TOKEN_HTTP_IF_MATCH) >= 0;
}

int body_begins(struct connection *c, const char *path, size_t len)
{
    enum web_method method;
    size_t length;
    unsigned wrong = 0;
    http_body_free(c);
    if (!find_method(c->wsi, &method) || !is_taken(c->web, path, len))
        wrong = 405;
    else if (len >= PATH_SIZE || memchr(path, 0, len))
        wrong = 404;
    else
        wrong = body_length(c->wsi, method, &length);
    struct pending *p = wrong ? NULL : calloc(1, sizeof *p + length + 1);
    if (!wrong && !p)
        wrong = 503;
    if (!wrong && !read_head(c, p, path, len))
        wrong = 400;
    if (wrong) { /* what follows is the body of a request that nobody takes: the connection ends */
        free(p);
        http_refuse(c, wrong);
        return -1;
    }
    p->method = method;
    p->expected = length;
    c->pending = p;
    return length ? 0 : dispatch(c);
}

int body_data(struct connection *c, const char *data, size_t len)
{
    struct pending *p = c->pending;
    if (!p || len > p->expected - p->len)
        return -1;
    memcpy(p->body + p->len, data, len);
    p->len += len;
    return 0;
}

int body_complete(struct connection *c)
{
    if (!c->pending)
        return 0; /* it had none and is answered */
    return c->pending->len == c->pending->expected ? dispatch(c) : -1;
}

void http_body_free(struct connection *c)
{
    free(c->pending);
    c->pending = NULL;
}
