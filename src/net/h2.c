#include "net/h2.h"
#include "base/limits.h"
#include <ctype.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESPONSE_HEADERS_MAX 32

struct h2_text {
    char *data;
    size_t len, size;
};

struct request {
    struct request *next;
    int32_t id;
    bool head, complete, refused, asked; /* asked: passed to the web server */
    bool expects;                        /* sends its body only after a 100 response (RFC 9110 10.1.1) */
    uint64_t announced;                  /* length of its body; 0: not known */
    char method[16], path[H2_PATH_MAX], authority[256];
    struct h2_text headers, body;
};

struct h2 {
    nghttp2_session *session;
    struct request *first;   /* in order of arrival; incomplete ones are skipped */
    size_t held;             /* bytes of requests */
    struct request *current; /* the one that the web server processes; NULL: none, or its stream was closed */
    struct h2_text sent;     /* its text */
    bool busy;               /* the web server has not answered yet */
    bool reusable;
    bool failed;
    /* the response */
    bool has_head, until_end, deferred, ended;
    uint64_t remaining;
    size_t head_len, body_len, body_at;
    char head[H2_RESPONSE_CHUNK];
    uint8_t body[H2_RESPONSE_CHUNK];
};

/* --- texts --- */

static bool text_add(struct h2_text *t, const void *data, size_t len)
{
    if (t->size - t->len < len + 1) {
        size_t size = 2 * t->size + len + 256;
        char *more = realloc(t->data, size);
        if (!more)
            return false;
        t->data = more;
        t->size = size;
    }
    if (len)
        memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = 0;
    return true;
}

static void text_free(struct h2_text *t)
{
    free(t->data);
    *t = (struct h2_text){NULL, 0, 0};
}

/* --- requests --- */

static void request_free(struct h2 *h, struct request *r)
{
    struct request **link = &h->first;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    h->held -= r->headers.len + r->body.len;
    if (h->current == r)
        h->current = NULL;
    text_free(&r->headers);
    text_free(&r->body);
    free(r);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *f, void *context)
{
    struct h2 *h = context;
    if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct request *r = calloc(1, sizeof *r), **link = &h->first;
    if (!r)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    while (*link)
        link = &(*link)->next;
    *link = r;
    r->id = f->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, r->id, r);
    return 0;
}

/* Whether the value may stand in a line of HTTP/1.1 unchanged. */
static bool is_plain(const uint8_t *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (value[i] <= ' ' || value[i] == 127)
            return false;
    return len > 0;
}

static bool take_pseudo(struct request *r, const uint8_t *name, const uint8_t *value, size_t len)
{
    static const struct {
        const char *name;
        size_t at, size;
    } fields[] = {{":method", offsetof(struct request, method), sizeof r->method},
                  {":path", offsetof(struct request, path), sizeof r->path},
                  {":authority", offsetof(struct request, authority), sizeof r->authority}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp((const char *)name, fields[i].name) != 0)
            continue;
        if (len >= fields[i].size || !is_plain(value, len))
            return false;
        memcpy((char *)r + fields[i].at, value, len + 1);
    }
    return true;
}

/* Headers of the connection, and those that the translation writes itself. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {"host",
                                        "content-length",
                                        "expect",
                                        "te",
                                        "connection",
                                        "upgrade",
                                        "keep-alive",
                                        "proxy-connection",
                                        "transfer-encoding",
                                        "http2-settings"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static void take_ours(struct request *r, const char *name, const char *value)
{
    if (strcmp(name, "expect") == 0)
        r->expects = strcasecmp(value, "100-continue") == 0;
    else if (strcmp(name, "content-length") == 0) /* nghttp2 has checked that it is a number */
        r->announced = strtoull(value, NULL, 10);
}

/* nghttp2 has validated names and values (RFC 9113 8.2.1): they contain no line ends. */
static bool take_header(struct h2 *h, struct request *r, const uint8_t *name, size_t name_len,
                        const uint8_t *value, size_t len)
{
    if (*name == ':')
        return take_pseudo(r, name, value, len);
    if (strcmp((const char *)name, "host") == 0 && !*r->authority && len < sizeof r->authority &&
        is_plain(value, len))
        memcpy(r->authority, value, len + 1);
    if (is_ours((const char *)name)) {
        take_ours(r, (const char *)name, (const char *)value);
        return true;
    }
    size_t before = r->headers.len;
    bool taken = before + name_len + len + 4 <= H2_HEADERS_MAX && text_add(&r->headers, name, name_len) &&
                 text_add(&r->headers, ": ", 2) && text_add(&r->headers, value, len) &&
                 text_add(&r->headers, "\r\n", 2);
    h->held += r->headers.len - before;
    return taken;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t len, uint8_t flags, void *context)
{
    struct h2 *h = context;
    struct request *r = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
    if (!r || f->headers.cat != NGHTTP2_HCAT_REQUEST) /* trailers */
        return 0;
    r->refused |= !take_header(h, r, name, name_len, value, len);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                   void *context)
{
    struct h2 *h = context;
    struct request *r = nghttp2_session_get_stream_user_data(session, id);
    if (!r || r->complete)
        return 0;
    if (r->body.len + len > HTTP_BODY_MAX) /* see `begun` */
        r->complete = true;
    if (!text_add(&r->body, data, len))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    h->held += len;
    return 0;
}

static bool is_too_large(const struct request *r)
{
    return r->announced > HTTP_BODY_MAX || r->body.len > HTTP_BODY_MAX;
}

/* The head is complete. Does not wait for a body that is too large: the web server sees its length and
 * refuses it. */
static int begun(nghttp2_session *session, struct request *r)
{
    nghttp2_nv go_on = {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "100", 7, 3,
                        NGHTTP2_NV_FLAG_NONE};
    if (r->refused || !*r->path || !*r->method) /* CONNECT, or over the limits */
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, r->id, NGHTTP2_HTTP_1_1_REQUIRED);
    r->complete |= is_too_large(r);
    if (!r->expects || r->complete)
        return 0;
    return nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, r->id, NULL, &go_on, 1, NULL) < 0
               ? NGHTTP2_ERR_CALLBACK_FAILURE
               : 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *context)
{
    struct h2 *h = context;
    bool last = f->hd.flags & NGHTTP2_FLAG_END_STREAM &&
                (f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA);
    struct request *r = last ? nghttp2_session_get_stream_user_data(session, f->hd.stream_id) : NULL;
    if (h->held > H2_HELD_MAX)
        return nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    if (r)
        r->complete = true;
    if (f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    r = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
    return r ? begun(session, r) : 0;
}

/* Frames fit h2_output's buffer. */
static ssize_t data_length(nghttp2_session *session, uint8_t type, int32_t id, int32_t session_window,
                           int32_t stream_window, uint32_t frame_max, void *context)
{
    return H2_RESPONSE_CHUNK;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *context)
{
    struct request *r = nghttp2_session_get_stream_user_data(session, id);
    if (r)
        request_free(context, r);
    return 0;
}

/* --- life --- */

struct h2 *h2_new(void)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADERS_MAX},
    };
    struct h2 *h = calloc(1, sizeof *h);
    nghttp2_session_callbacks *callbacks = NULL;
    if (!h || nghttp2_session_callbacks_new(&callbacks) != 0) {
        free(h);
        return NULL;
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, data_length);
    bool made = nghttp2_session_server_new(&h->session, callbacks, h) == 0 &&
                nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, 2) == 0;
    nghttp2_session_callbacks_del(callbacks);
    if (made)
        return h;
    h2_free(h);
    return NULL;
}

void h2_free(struct h2 *h)
{
    if (!h)
        return;
    while (h->first)
        request_free(h, h->first);
    nghttp2_session_del(h->session);
    text_free(&h->sent);
    free(h);
}

/* --- the client's side --- */

bool h2_input(struct h2 *h, const uint8_t *data, size_t len)
{
    h->failed |= nghttp2_session_mem_recv(h->session, data, len) != (ssize_t)len;
    return !h2_is_over(h);
}

size_t h2_output(struct h2 *h, uint8_t *out, size_t size)
{
    const uint8_t *data;
    size_t len = 0;
    while (size - len >= H2_OUTPUT_MIN) {
        ssize_t n = nghttp2_session_mem_send(h->session, &data);
        if (n <= 0 || (size_t)n > size - len) {
            h->failed |= n != 0;
            break;
        }
        memcpy(out + len, data, (size_t)n);
        len += (size_t)n;
    }
    return len;
}

bool h2_is_over(struct h2 *h)
{
    return h->failed || (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session));
}

void h2_goodbye(struct h2 *h)
{
    h->failed |= nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR) != 0;
}

/* --- requests for the web server --- */

static bool write_request(struct h2 *h, const struct request *r)
{
    char line[sizeof r->method + sizeof r->path + sizeof r->authority + 96];
    bool has_body = r->body.len || strcmp(r->method, "POST") == 0 || strcmp(r->method, "PATCH") == 0;
    bool too_large = is_too_large(r);
    unsigned long long length = r->announced > r->body.len ? r->announced : r->body.len;
    int n = snprintf(line, sizeof line, "%s %s HTTP/1.1\r\n", r->method, r->path);
    if (*r->authority)
        n += snprintf(line + n, sizeof line - (size_t)n, "host: %s\r\n", r->authority);
    if (has_body)
        n += snprintf(line + n, sizeof line - (size_t)n, "content-length: %llu\r\n",
                      too_large ? length : r->body.len);
    h->sent.len = 0;
    return text_add(&h->sent, line, (size_t)n) && text_add(&h->sent, r->headers.data, r->headers.len) &&
           text_add(&h->sent, "\r\n", 2) && (too_large || text_add(&h->sent, r->body.data, r->body.len));
}

size_t h2_request(struct h2 *h, const char **text)
{
    struct request *r = h->first;
    while (r && (!r->complete || r->refused || r->asked))
        r = r->next;
    if (h->busy || !r || !write_request(h, r))
        return 0;
    h->current = r;
    r->asked = true;
    r->head = strcmp(r->method, "HEAD") == 0;
    h->busy = h->reusable = true;
    h->has_head = h->until_end = h->deferred = h->ended = false;
    h->head_len = h->body_len = h->body_at = 0;
    *text = h->sent.data;
    return h->sent.len;
}

/* --- responses --- */

bool h2_awaits(const struct h2 *h) { return h->busy && h->current && !h->ended && h->body_at == h->body_len; }

bool h2_busy(const struct h2 *h) { return h->busy; }

bool h2_finish(struct h2 *h)
{
    if (!h->busy || (h->current && !(h->ended && h->body_at == h->body_len)))
        return false;
    h->busy = false;
    h->current = NULL;
    return true;
}

bool h2_reusable(const struct h2 *h) { return h->reusable && h->ended && !h->until_end; }

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *context)
{
    struct h2 *h = context;
    size_t n = h->body_len - h->body_at;
    if (!h->current || h->current->id != id) /* the answer was cut */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (n == 0 && !h->ended) {
        h->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    n = n < size ? n : size;
    memcpy(out, h->body + h->body_at, n);
    h->body_at += n;
    if (h->ended && h->body_at == h->body_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static void h2_resume(struct h2 *h)
{
    if (h->deferred && h->current)
        nghttp2_session_resume_data(h->session, h->current->id);
    h->deferred = false;
}

struct h2_head {
    char status[4];
    nghttp2_nv headers[1 + RESPONSE_HEADERS_MAX];
    size_t count;
    bool has_length;
};

/* "name: value" of h->head; changes the name to lower case, as HTTP/2 requires. */
static bool take_line(struct h2 *h, struct h2_head *head, char *line)
{
    char *colon = strchr(line, ':');
    if (!colon || head->count == RESPONSE_HEADERS_MAX)
        return false;
    *colon = 0;
    char *value = colon + 1 + strspn(colon + 1, " ");
    for (char *p = line; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (strcmp(line, "content-length") == 0) {
        h->remaining = strtoull(value, NULL, 10);
        head->has_length = true;
    } else if (strcmp(line, "connection") == 0) {
        h->reusable &= strcasecmp(value, "close") != 0;
        return true;
    } else if (is_ours(line)) {
        return true;
    }
    head->headers[head->count++] =
        (nghttp2_nv){(uint8_t *)line, (uint8_t *)value, strlen(line), strlen(value), NGHTTP2_NV_FLAG_NONE};
    return true;
}

/* The response's head is complete: h->head up to its empty line. */
static bool submit(struct h2 *h)
{
    struct h2_head head = {.count = 1};
    char *rest = h->head, *line = strsep(&rest, "\n");
    if (sscanf(line, "HTTP/1.1 %3[0-9]", head.status) != 1)
        return false;
    head.headers[0] = (nghttp2_nv){(uint8_t *)":status", (uint8_t *)head.status, 7, strlen(head.status),
                                   NGHTTP2_NV_FLAG_NONE};
    while ((line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = 0;
        if (*line && !take_line(h, &head, line))
            return false;
    }
    bool bodyless = h->current->head || strcmp(head.status, "304") == 0 || strcmp(head.status, "204") == 0;
    h->until_end = !bodyless && !head.has_length;
    h->ended = bodyless || (head.has_length && h->remaining == 0);
    nghttp2_data_provider body = {.read_callback = read_body};
    return nghttp2_submit_response(h->session, h->current->id, head.headers, head.count,
                                   h->ended ? NULL : &body) == 0;
}

static bool take_body(struct h2 *h, const uint8_t *data, size_t len)
{
    if (len == 0)
        return true;
    if (h->ended || (!h->until_end && len > h->remaining))
        return false;
    memcpy(h->body, data, len);
    h->body_len = len;
    h->body_at = 0;
    h->remaining -= h->until_end ? 0 : len;
    h->ended = !h->until_end && h->remaining == 0;
    h2_resume(h);
    return true;
}

bool h2_response(struct h2 *h, const uint8_t *data, size_t len)
{
    static const char end[] = "\r\n\r\n";
    if (!h2_awaits(h) || len > H2_RESPONSE_CHUNK)
        return false;
    if (h->has_head)
        return take_body(h, data, len);
    size_t before = h->head_len, n = len < sizeof h->head - 1 - before ? len : sizeof h->head - 1 - before;
    memcpy(h->head + before, data, n);
    h->head_len += n;
    h->head[h->head_len] = 0;
    char *stop = strstr(h->head, end);
    if (!stop)
        return h->head_len < sizeof h->head - 1;
    *stop = 0;
    h->has_head = true;
    size_t used = (size_t)(stop - h->head) + sizeof end - 1 - before; /* of `data` */
    return submit(h) && take_body(h, data + used, len - used);
}

void h2_response_cut(struct h2 *h)
{
    h->reusable = false;
    if (!h->busy)
        return;
    if (h->current && h->has_head && h->until_end) {
        h->ended = true;
        h2_resume(h);
    } else if (h->current && !(h->has_head && h->ended)) {
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, h->current->id, NGHTTP2_INTERNAL_ERROR);
        h->current = NULL;
    }
}
