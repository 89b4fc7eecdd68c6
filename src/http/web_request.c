/* Collects requests: the head, then the body, up to the length accepted with the head. Bytes after a request
 * wait until the server has answered it. */
#include "http/web_internal.h"
#include <stdlib.h>
#include <sys/socket.h>

static void forget(struct incoming *in) { in->seen = in->head = in->body = 0; }

void web_request_free(struct connection *c)
{
    free(c->in.data);
    c->in = (struct incoming){0};
}

/* Reserves room for a 0 at the end. */
static bool append(struct incoming *in, const uint8_t *data, size_t len)
{
    if (in->size - in->len <= len) {
        size_t size = (in->len ? 2 * in->len : 0) + len + 1;
        char *more = realloc(in->data, size);
        if (!more)
            return false;
        in->data = more;
        in->size = size;
    }
    memcpy(in->data + in->len, data, len);
    in->len += len;
    return true;
}

/* Removes the first bytes. */
static void request_drop(struct connection *c, size_t n)
{
    struct incoming *in = &c->in;
    forget(in);
    if (n == in->len) {
        web_request_free(c);
        return;
    }
    memmove(in->data, in->data + n, in->len - n);
    in->len -= n;
}

/* RFC 9112 2.2: ignores empty lines before a request. */
static void skip_empty_lines(struct connection *c)
{
    size_t n = 0;
    while (c->in.len - n >= 2 && memcmp(c->in.data + n, "\r\n", 2) == 0)
        n += 2;
    if (n && !c->in.head)
        request_drop(c, n);
}

/* RFC 9110 10.1.1. The kernel has room for it, because no other output is pending. */
static bool say_continue(struct connection *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    return send(c->fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof text - 1;
}

/* The head is complete. Answers the request, or waits for its body. */
static bool begin(struct connection *c)
{
    struct http_request q;
    struct incoming *in = &c->in;
    unsigned wrong = request_parse(&q, in->data, in->head);
    if (wrong)
        return web_http_refuse(c, NULL, wrong);
    if (!web_http_begin(c, &q, &in->body))
        return false;
    if (c->state != AWAITS_REQUEST)
        return true;
    return !q.expects || in->len > in->head || say_continue(c);
}

/* Answers a request with its complete body. */
static bool complete(struct connection *c)
{
    struct http_request q;
    struct incoming *in = &c->in;
    size_t end = in->head + in->body;
    char next = in->data[end];
    request_parse(&q, in->data, in->head);
    in->data[end] = 0;
    bool goes_on = web_http_complete(c, &q, in->data + in->head, in->body);
    in->data[end] = next;
    return goes_on;
}

static bool find_head(struct connection *c)
{
    struct incoming *in = &c->in;
    size_t n = request_head_length(in->data, in->len, &in->seen);
    if (n == HTTP_HEAD_WRONG)
        return web_http_refuse(c, NULL, 400);
    if (n > HTTP_HEAD_MAX || (!n && in->len > HTTP_HEAD_MAX))
        return web_http_refuse(c, NULL, 431);
    in->head = n;
    return !n || begin(c);
}

/* The bytes behind the head are WebSocket frames. */
static bool pass_on(struct connection *c)
{
    struct incoming in = c->in;
    c->in = (struct incoming){0};
    bool goes_on = web_socket_input(c, (uint8_t *)in.data + in.head, in.len - in.head);
    free(in.data);
    return goes_on;
}

bool web_request_next(struct connection *c)
{
    struct incoming *in = &c->in;
    skip_empty_lines(c);
    if (!in->len)
        return true;
    if (!in->head && !find_head(c))
        return false;
    if (c->state == IS_SOCKET)
        return pass_on(c);
    if (c->state == AWAITS_REQUEST && in->body && in->len >= in->head + in->body && !complete(c))
        return false;
    if (c->state == ANSWERS)
        request_drop(c, in->head + in->body);
    return true;
}

bool web_request_input(struct connection *c, const uint8_t *data, size_t len)
{
    if (!c->in.len)
        web_connection_moved(c);
    return append(&c->in, data, len) && web_request_next(c);
}
