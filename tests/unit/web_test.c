/* The web server behind the front, over loopback: its loop runs in a thread; clients are plain sockets, so
 * that they can misbehave. */
#include "http/web.h"
#include "base/callers.h"
#include "base/limits.h"
#include "net/arrivals.h"
#include "net/front.h"
#include "tests/unit/counter.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 8000 /* ms after which expected data counts as missing */

static struct {
    struct web *web;
    struct arrivals *arrivals;
    struct front *front;
    uint16_t port;
    pthread_t thread;
    _Atomic bool stop, stranger; /* connections appear to come from another address */
    _Atomic int opened, closed, too_large, woken, timers, handed_over, busy;
    _Atomic size_t longest;
    struct web_peer peer;
} server;

static const uint8_t page[] = "<!doctype html><title>page</title>";
static uint8_t script[100000];
static const uint8_t script_gzip[] = "not really gzip";
static const struct web_asset assets[] = {
    {"/index.html", "text/html; charset=utf-8", "W/\"page\"", page, NULL, sizeof page - 1, 0, false},
    {"/assets/a-123.js", "text/javascript; charset=utf-8", "W/\"script\"", script, script_gzip, sizeof script,
     sizeof script_gzip - 1, true},
};
static const char *const app_paths[] = {"/", "/watch", NULL};
static const char *const request_paths[] = {"/take/", NULL};

/* --- the server's side --- */

static bool on_opened(void *context, struct web_socket *s, const struct web_peer *peer, void **user)
{
    if (strcmp(peer->origin, "http://evil.example") == 0)
        return false;
    server.peer = *peer;
    *user = &server;
    counter_raise(&server.opened);
    web_send(s, "hello", 5);
    return true;
}

static void on_text(void *context, struct web_socket *s, void *user, const char *text, size_t len)
{
    if (len > server.longest)
        server.longest = len;
    if (len == 5 && memcmp(text, "flood", 5) == 0) {
        static char block[65536];
        memset(block, 'x', sizeof block);
        for (int i = 0; i < 2000; i++)
            web_send(s, block, sizeof block);
    } else if (len == 5 && memcmp(text, "close", 5) == 0) {
        web_send(s, "last", 4);
        web_close(s, 4000, "as asked");
    } else if (len == 5 && memcmp(text, "doubt", 5) == 0) {
        for (int i = 0; i < 3; i++) /* once */
            web_doubt(s);
    } else if (len == 5 && memcmp(text, "timer", 5) == 0) {
        web_set_timer(server.web, MP_MS(20));
    } else {
        web_send(s, text, len);
    }
}

static void on_too_large(void *context, struct web_socket *s, void *user)
{
    counter_raise(&server.too_large);
    web_send(s, "too large", 9);
}

static void on_closed(void *context, struct web_socket *s, void *user)
{
    if (user != &server)
        abort();
    web_send(s, "nobody hears this", 17);
    counter_raise(&server.closed);
}

static pthread_mutex_t business = PTHREAD_MUTEX_INITIALIZER;

static bool on_get(void *context, const char *path, const struct web_peer *peer, struct web_response *r)
{
    if (strcmp(path, "/busy") == 0) {
        counter_raise(&server.busy);
        pthread_mutex_lock(&business);
        pthread_mutex_unlock(&business);
    }
    if (strcmp(path, "/healthz") != 0)
        return false;
    *r = (struct web_response){
        .status = 200, .content_type = "text/plain; charset=utf-8", .body = strdup("ok\n"), .len = 3};
    return true;
}

/* Answers with the request and the length of its body. */
static void on_request(void *context, const struct web_request *q, struct web_response *r)
{
    static const char *const names[] = {[WEB_POST] = "POST",
                                        [WEB_PATCH] = "PATCH",
                                        [WEB_DELETE] = "DELETE",
                                        [WEB_OPTIONS] = "OPTIONS",
                                        [WEB_PUT] = "PUT"};
    if (strcmp(q->path, "/take/nothing") == 0)
        return;
    *r = (struct web_response){.status = q->len ? 201 : 204,
                               .content_type = "text/plain",
                               .headers = strdup("location: /take/7\nlink: <a>\nlink: <b>\n")};
    int n =
        asprintf(&r->body, "%s %s?%s %s %s %zu %c%c", names[q->method], q->path, q->query, q->content_type,
                 q->if_match, q->len, q->len ? q->body[0] : '-', q->len ? q->body[q->len - 1] : '-');
    r->len = (size_t)n;
    if (!q->len) {
        free(r->body);
        r->body = NULL;
    }
}

/* Headers that a refusal under one of request_paths contains too. */
static char *on_headers(void *context, const char *path, const struct web_peer *peer)
{
    char *headers;
    return asprintf(&headers, "access-control-allow-origin: %s\nx-path: %s\n", peer->origin, path) < 0
               ? NULL
               : headers;
}

static void on_woken(void *context) { counter_raise(&server.woken); }
static void on_timer(void *context) { counter_raise(&server.timers); }

static const struct web_handler handler = {NULL,   on_opened,  on_text,    on_too_large, on_closed,
                                           on_get, on_request, on_headers, on_woken,     on_timer};

static void *serve(void *unused)
{
    while (!server.stop)
        web_service(server.web);
    return NULL;
}

static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bind(fd, (struct sockaddr *)&a, sizeof a);
    getsockname(fd, (struct sockaddr *)&a, &n);
    close(fd);
    return ntohs(a.sin_port);
}

static struct web_limits limits;    /* of the next server */
static struct arrivals_limits most; /* of the next server */
static mp_time silence, doubt;      /* of the next server */

static struct web *new_web(const char **error)
{
    struct web_config c = {.limits = limits,
                           .arrivals = server.arrivals = arrivals_new(&most),
                           .silence = silence,
                           .doubt = doubt,
                           .plain = most.connections ||
                                    most.connections_per_s, /* strangers are not sent to https */
                           .websocket_path = "/sdp",
                           .request_paths = request_paths,
                           .assets = assets,
                           .asset_count = 2,
                           .app_paths = app_paths};
    return web_new(&c, &handler, error);
}

static bool take_web(void *context, int fd, const struct path *path)
{
    struct path from = *path;
    if (server.stranger)
        address_parse(&from.remote, "203.0.113.7", path->remote.port);
    counter_raise(&server.handed_over);
    return web_adopt(server.web, fd, &from);
}

static bool take_stream(void *context, const struct stream_connection *c, const uint8_t *first, size_t len)
{
    close(c->fd);
    return false;
}

static struct front *new_front(uint16_t port, const char *listen_to, const char **error)
{
    struct front_config c = {.stream = take_stream, .web = take_web, .patience = MP_S(1)};
    if (listen_to)
        address_parse(&c.listen, listen_to, port);
    c.listen.port = port;
    struct front *f = front_new(&c, error);
    if (f && !front_start(f)) {
        front_free(f);
        f = NULL;
    }
    return f;
}

static void start(void)
{
    const char *error = NULL;
    memset(&server, 0, sizeof server);
    server.port = free_port();
    server.web = new_web(&error);
    server.front = server.web ? new_front(server.port, NULL, &error) : NULL;
    if (!server.front || pthread_create(&server.thread, NULL, serve, NULL) != 0) {
        printf("Bail out! %s\n", error ? error : "no thread");
        exit(1);
    }
}

static void stop(void)
{
    front_free(server.front);
    server.stop = true;
    web_wake(server.web);
    pthread_join(server.thread, NULL);
    web_free(server.web);
    arrivals_free(server.arrivals);
    CHECK_EQ(server.opened, server.closed);
}

/* --- the client's side --- */

static int dial(int family)
{
    struct sockaddr_in v4 = {AF_INET, htons(server.port), {htonl(INADDR_LOOPBACK)}, {0}};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(server.port), .sin6_addr = in6addr_loopback};
    int fd = socket(family, SOCK_STREAM, 0);
    struct timeval patience = {PATIENCE / 1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int e = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof v4)
                              : connect(fd, (struct sockaddr *)&v6, sizeof v6);
    if (e == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_all(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool recv_all(int fd, void *data, size_t len)
{
    char *p = data;
    while (len) {
        ssize_t n = recv(fd, p, len, 0);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static char reply[256 * 1024];
static size_t reply_len;

/* Sends a request and reads until the other end closes; the requests here say "connection: close". */
static const char *ask(const char *request)
{
    int fd = dial(AF_INET);
    ssize_t n;
    reply_len = 0;
    send_all(fd, request, strlen(request));
    while (reply_len < sizeof reply - 1 &&
           (n = recv(fd, reply + reply_len, sizeof reply - 1 - reply_len, 0)) > 0)
        reply_len += (size_t)n;
    reply[reply_len] = 0;
    close(fd);
    return reply;
}

#define REQUEST(line, headers) line " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" headers "\r\n"

static bool has(const char *text) { return strcasestr(reply, text) != NULL; }

static int upgrade(const char *path, const char *headers)
{
    char request[1024], answer[2048];
    size_t n = 0;
    int fd = dial(AF_INET);
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: room.example:%u\r\nUpgrade: websocket\r\nConnection: keep-alive, "
             "Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             path, server.port, headers);
    send_all(fd, request, strlen(request));
    while (n < sizeof answer - 1 && recv(fd, answer + n, 1, 0) == 1) {
        answer[++n] = 0;
        if (strstr(answer, "\r\n\r\n"))
            break;
    }
    snprintf(reply, sizeof reply, "%s", n ? answer : "");
    if (strstr(answer, " 101 "))
        return fd;
    close(fd);
    return -1;
}

static bool frames_head(int fd, uint8_t first, uint64_t len)
{
    uint8_t h[14] = {first};
    size_t n = 2;
    if (len < 126) {
        h[1] = (uint8_t)(0x80 | len);
    } else if (len < 65536) {
        h[1] = 0x80 | 126;
        h[2] = (uint8_t)(len >> 8);
        h[3] = (uint8_t)len;
        n = 4;
    } else {
        h[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++)
            h[2 + i] = (uint8_t)(len >> (56 - 8 * i));
        n = 10;
    }
    return send_all(fd, h, n + 4); /* the mask is zero: the payload stands as it is */
}

static bool frame(int fd, uint8_t first, const void *data, size_t len)
{
    return frames_head(fd, first, len) && send_all(fd, data, len);
}

#define TEXT   0x81
#define BINARY 0x82
#define CLOSE  0x88
#define PING   0x89
#define PONG   0x8a

/* Returns the first byte of the next frame, -1 at the end; the payload is in `reply`. */
static int next_frame(int fd)
{
    uint8_t h[2], more[8] = {0};
    reply_len = 0;
    if (!recv_all(fd, h, 2))
        return -1;
    uint64_t len = h[1] & 0x7f;
    size_t n = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (n && !recv_all(fd, more, n))
        return -1;
    for (size_t i = 0; i < n; i++)
        len = (i ? len << 8 : 0) | more[i];
    if (len >= sizeof reply || !recv_all(fd, reply, len))
        return -1;
    reply[len] = 0;
    reply_len = len;
    return h[0];
}

static bool gets_text(int fd, const char *text) { return next_frame(fd) == TEXT && strcmp(reply, text) == 0; }
static bool gets_close(int fd, unsigned code)
{
    int first;
    while ((first = next_frame(fd)) == TEXT)
        ;
    return first == CLOSE && reply_len >= 2 && (unsigned)((uint8_t)reply[0] << 8 | (uint8_t)reply[1]) == code;
}

static int opened_socket(void)
{
    int fd = upgrade("/sdp", "");
    CHECK(fd >= 0 && gets_text(fd, "hello"));
    return fd;
}

/* --- HTTP --- */

static void assets_are_served(void)
{
    start();
    ask(REQUEST("GET /", ""));
    CHECK(has("HTTP/1.1 200") && has("content-type: text/html") && has("cache-control: no-cache") &&
          has("<title>page"));
    CHECK(has("x-content-type-options: nosniff") && has("content-security-policy:") &&
          has("referrer-policy:") && has("permissions-policy: camera=(self), microphone=(self)"));
    CHECK(strstr(ask(REQUEST("GET /watch?room=a&name=b", "")), "<title>page") != NULL);
    ask(REQUEST("GET /assets/a-123.js", ""));
    CHECK(has("200 OK") && has("immutable") && has("vary: accept-encoding") && !has("content-encoding"));
    CHECK(reply_len > sizeof script && memcmp(reply + reply_len - sizeof script, script, sizeof script) == 0);
    ask(REQUEST("GET /assets/a-123.js", "Accept-Encoding: br, gzip;q=0.8\r\n"));
    CHECK(has("content-encoding: gzip") && has("\r\n\r\nnot really gzip") && has("content-length: 15"));
    ask(REQUEST("GET /assets/a-123.js", "Accept-Encoding: gzip;q=0, br\r\n"));
    CHECK(!has("content-encoding"));
    stop();
}

static void etags_save_the_body(void)
{
    start();
    ask(REQUEST("GET /assets/a-123.js", "If-None-Match: \"x\", \"script\"\r\n"));
    CHECK(has("304 Not Modified") && has("etag: W/\"script\"") && strstr(reply, "\r\n\r\n")[4] == 0);
    ask(REQUEST("GET /assets/a-123.js", "If-None-Match: W/\"other\"\r\n"));
    CHECK(has("200 OK"));
    ask(REQUEST("HEAD /assets/a-123.js", ""));
    CHECK(has("200 OK") && has("content-length: 100000") && strstr(reply, "\r\n\r\n")[4] == 0);
    stop();
}

static void the_rest_is_asked_of_the_handler(void)
{
    start();
    CHECK(strstr(ask(REQUEST("GET /healthz", "")), "\r\n\r\nok\n") && has("no-store"));
    CHECK(strstr(ask(REQUEST("HEAD /healthz", "")), "content-length: 3") && !strstr(reply, "ok\n"));
    static const char *const missing[] = {REQUEST("GET /nothing", ""),
                                          REQUEST("GET /../../etc/passwd", ""),
                                          REQUEST("GET /%2e%2e%2f%2e%2e%2fetc/passwd", ""),
                                          REQUEST("GET /..%5c..%5cetc/passwd", ""),
                                          REQUEST("GET /assets/", ""),
                                          REQUEST("GET /....//index.html", ""),
                                          REQUEST("GET /index.html%00.js", "")};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        ask(missing[i]);
        CHECK(has("HTTP/1.1 40") || reply_len == 0);
        CHECK(reply_len < 1024 && !has("200 OK"));
    }
    ask(REQUEST("GET /sdp", ""));
    CHECK(has(" 426 "));
    stop();
}

static void bodies_are_taken_whole_and_bounded(void)
{
    static char big[HTTP_BODY_MAX + 512];
    start();
    ask(REQUEST("POST /take/a%20b?x=1&y=%41",
                "Content-Type: application/sdp\r\nIf-Match: \"e\"\r\nContent-Length: 3\r\n") "abc");
    CHECK(has(" 201 ") && has("POST /take/a b?x=1&y=%41 application/sdp \"e\" 3 ac"));
    CHECK(has("location: /take/7\r\n") && has("link: <a>\r\n") && has("link: <b>\r\n"));
    ask(REQUEST("PATCH /take/7", "Content-Length: 1\r\n") "x");
    CHECK(has(" 201 ") && has("PATCH /take/7? "));
    ask(REQUEST("DELETE /take/7", ""));
    CHECK(has(" 204 ") && !has("content-length"));
    ask(REQUEST("OPTIONS /take/7", ""));
    CHECK(has(" 204 "));
    ask(REQUEST("POST /take/nothing", "Content-Length: 1\r\n") "x");
    CHECK(has(" 405 "));
    ask(REQUEST("POST /take/7", ""));
    CHECK(has(" 411 "));
    ask(REQUEST("POST /take/7", "Transfer-Encoding: chunked\r\n") "1\r\nx\r\n0\r\n\r\n");
    CHECK(has(" 411 ") && !has("POST"));
    ask(REQUEST("POST /take/7", "Content-Length: 1x\r\n") "x");
    CHECK(!has(" 201 "));
    int n = snprintf(big, sizeof big, REQUEST("POST /take/7", "Content-Length: %d\r\n"), HTTP_BODY_MAX);
    memset(big + n, 'z', HTTP_BODY_MAX);
    ask(big);
    CHECK(has(" 65536 zz"));
    snprintf(big, sizeof big, REQUEST("POST /take/7", "Content-Length: %d\r\n"), HTTP_BODY_MAX + 1);
    ask(big);
    CHECK(has(" 413 "));
    ask(REQUEST("POST /taken", "Content-Length: 1\r\n") "x");
    CHECK(has(" 405 "));
    stop();
}

static void other_methods_are_refused(void)
{
    start();
    ask(REQUEST("POST /", "Content-Length: 3\r\n") "abc");
    CHECK(has(" 405 ") && has("allow: GET, HEAD"));
    ask(REQUEST("PUT /x", "Content-Length: 0\r\n"));
    CHECK(has(" 405 "));
    ask(REQUEST("OPTIONS /", ""));
    CHECK(has(" 405 ") || reply_len == 0);
    ask("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n");
    CHECK(!has(" 200 "));
    /* a body where none belongs: smuggling */
    ask(REQUEST("GET /", "Content-Length: 30\r\n") "GET /healthz HTTP/1.1\r\n\r\n");
    CHECK(has(" 400 ") && !has("ok\n"));
    ask(REQUEST("GET /", "Transfer-Encoding: chunked\r\n") "0\r\n\r\n");
    CHECK(has(" 400 "));
    /* two lengths, or none that all would read alike: RFC 9112 6.3, 7.1 */
    static const char *const two[] = {
        REQUEST("POST /take/7", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") "1\r\nx\r\n0\r\n\r\n",
        REQUEST("POST /take/7", "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n") "x",
        REQUEST("POST /take/7", "Content-Length: 1\r\nContent-Length: 30\r\n") "x",
        REQUEST("POST /take/7", "Content-Length: 1, 1\r\n") "x",
        REQUEST("POST /take/7", "Content-Length: +1\r\n") "x",
        REQUEST("POST /take/7", "Content-Length: -1\r\n") "x",
        REQUEST("POST /take/7", "Content-Length: 0x1\r\n") "x",
        REQUEST("POST /take/7", "Content-Length: 18446744073709551617\r\n") "x",
    };
    for (size_t i = 0; i < sizeof two / sizeof *two; i++) {
        ask(two[i]);
        if (has(" 201 "))
            printf("# taken: %s\n# answered: %s\n", two[i], reply);
        CHECK(!has(" 201 "));
    }
    stop();
}

static void an_upgrade_to_http2_is_ignored(void)
{
    start();
    ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" REQUEST("GET /nothing", ""));
    CHECK(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17) == 0 && has("\r\n\r\nok\n"));
    CHECK(has("ok\nHTTP/1.1 404 ")); /* the connection has stayed what it was */
    stop();
}

static void nonsense_ends_the_connection(void)
{
    static char large[64 * 1024];
    start();
    ask("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello over TLS\r\n\r\n");
    CHECK(!has("200 OK"));
    ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    CHECK(!has("200 OK"));
    ask(REQUEST("GET /", "Upgrade: teapot\r\n"));
    CHECK(!has(" 101 "));
    memset(large, 'a', sizeof large - 1);
    memcpy(large, "GET / HTTP/1.1\r\nX: ", 19);
    CHECK(!strstr(ask(large), "200 OK"));
    CHECK(strstr(ask(REQUEST("GET /healthz", "")), "200 OK") != NULL);
    stop();
}

/* The request as its handler gets it, or the status of the refusal; with the RFC section. */
static void requests_mean_what_the_rfcs_say(void)
{
    static const struct {
        const char *section, *request, *answer;
    } cases[] = {
        {"9112 3.2.2",
         "POST http://b.example/take/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nz",
         "POST /take/x?y   1 zz"},
        {"9112 3.2.2", "GET http://b.example/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
         "\r\n\r\nok\n"},
        {"9112 3.2", "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", " 400 "},
        {"9112 3.2", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", " 400 "},
        {"9112 2.3", "GET /healthz HTTP/1.0\r\n\r\n", "\r\n\r\nok\n"},
        {"9112 2.2", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n" REQUEST("GET /healthz", ""),
         "\r\n\r\nok\n"},
        {"9112 2.2", "GET /healthz HTTP/1.1\nHost: a\n\n", " 400 "},
        {"9112 5.1", REQUEST("POST /take/x", "Transfer-Encoding : chunked\r\nContent-Length: 1\r\n") "z",
         " 400 "},
        {"9112 5.2", REQUEST("GET /healthz", "A: b\r\n c\r\n"), " 400 "},
        {"9112 6.1", REQUEST("POST /take/x", "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n") "z",
         " 400 "},
        {"9112 6.3", REQUEST("POST /take/x", "Transfer-Encoding: chunked\r\n") "1\r\nz\r\n0\r\n\r\n",
         " 411 "},
        {"9110 15.6.6", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", " 505 "},
        {"3986 2.2", REQUEST("POST /take/a+b?name=A%26B+c", "Content-Length: 1\r\n") "z",
         "POST /take/a+b?name=A%26B+c   1 zz"},
        {"3986 2.1", REQUEST("GET /%00", ""), " 400 "},
        {"3986 2.1", REQUEST("GET /%4", ""), " 400 "},
        {"3986 2.1", REQUEST("POST /take/%00", "Content-Length: 1\r\n") "z", " 400 "},
        {"9110 5.3",
         REQUEST("POST /take/x", "If-Match: \"a\"\r\nif-match: \"b\"\r\nContent-Length: 1\r\n") "z",
         " \"a\", \"b\" 1 zz"},
        {"9110 10.1.1", REQUEST("POST /take/x", "Expect: a-pony\r\nContent-Length: 1\r\n") "z", " 417 "},
        {"9110 7.8", REQUEST("GET /healthz", "Upgrade: teapot\r\nConnection: upgrade\r\n"), "\r\n\r\nok\n"},
        {"9110 6.6.1", REQUEST("GET /healthz", ""), "\r\ndate: "},
    };
    start();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(cases[i].request);
        if (!has(cases[i].answer))
            printf("# RFC %s: %s\n# answered: %s\n", cases[i].section, cases[i].request, reply);
        CHECK(has(cases[i].answer));
    }
    stop();
}

/* RFC 9110 10.1.1: 100 after the server accepts the head; otherwise the refusal at once. */
static void who_expects_to_be_asked_for_the_body_is_asked(void)
{
    static const char head[] =
        "POST /take/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
                      go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char text[sizeof go_on] = "";
    start();
    int fd = dial(AF_INET);
    for (int i = 0; i < 2; i++) { /* and the connection stays */
        CHECK(send_all(fd, head, sizeof head - 1) && recv_all(fd, text, sizeof go_on - 1) &&
              strcmp(text, go_on) == 0);
        CHECK(send_all(fd, "abc", 3));
        memset(reply, 0, 4096);
        for (size_t n = 0; n < 4095 && !strstr(reply, " 3 ac") && recv(fd, reply + n, 1, 0) == 1; n++)
            ;
        CHECK(strncmp(reply, "HTTP/1.1 201 ", 13) == 0 && has(" 3 ac"));
    }
    close(fd);
    ask("POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK(strncmp(reply, "HTTP/1.1 405 ", 13) == 0 && has("connection: close"));
    ask("POST /take/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
    CHECK(strncmp(reply, "HTTP/1.1 413 ", 13) == 0);
    stop();
}

/* RFC 9112 9.6: a client that sends its whole body before it reads gets the reason for the refusal. */
static void an_early_refusal_is_not_lost_to_a_reset(void)
{
    static const char *const refused[] = {
        "POST /take/x HTTP/1.1\r\nHost: x\r\nOrigin: http://page.example\r\nContent-Length: 8000000\r\n\r\n",
        "POST /take/x HTTP/1.1\r\nHost: x\r\nOrigin: http://page.example\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PUT /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n",
    };
    static const unsigned status[] = {413, 411, 405};
    static char block[80000];
    start();
    for (int i = 0; i < 3; i++) {
        int fd = dial(AF_INET);
        bool taken = send_all(fd, refused[i], strlen(refused[i]));
        for (int n = 0; n < 100 && taken; n++)
            taken = send_all(fd, block, sizeof block);
        CHECK(taken);
        ssize_t n;
        for (reply_len = 0; (n = recv(fd, reply + reply_len, sizeof reply - 1 - reply_len, 0)) > 0;)
            reply_len += (size_t)n;
        reply[reply_len] = 0;
        CHECK_EQ(n, 0);
        CHECK_EQ(strtoul(reply + 9, NULL, 10), status[i]);
        CHECK(has("connection: close"));
        /* Fetch 3.2: a page may not see a status without this */
        CHECK(has("access-control-allow-origin: http://page.example\r\nx-path: /take/x\r\n") == (i < 2));
        close(fd);
    }
    stop();
}

/* A server without --plain, asked by another machine without TLS. */
static void the_clear_is_refused_with_words(void)
{
    start();
    server.stranger = true;
    ask(REQUEST("GET /a%26b?x=%2F&y", ""));
    CHECK(has(" 308 ") && has("location: https://localhost/a%26b?x=%2F&y\r\n"));
    ask(REQUEST("POST /take/x?n", "Content-Length: 1\r\n") "z"); /* 308 keeps the method (RFC 9110 15.4.9) */
    CHECK(has(" 308 ") && has("location: https://localhost/take/x?n\r\n"));
    ask("POST http://b.example:1/take/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nz");
    CHECK(has(" 308 ") && has("location: https://b.example:1/take/x\r\n"));
    CHECK(upgrade("/sdp", "") < 0 && has(" 426 ") && has("\r\nupgrade: TLS/1.2\r\n") &&
          has("\r\nconnection: upgrade\r\n"));
    CHECK(upgrade("/sdp", "") < 0 && has("connection: close") && has("content-length: "));
    CHECK_EQ(server.opened, 0);
    server.stranger = false;
    stop();
}

static void a_connection_is_kept_for_more_requests(void)
{
    start();
    int fd = dial(AF_INET6);
    CHECK(fd >= 0);
    for (int i = 0; i < 3; i++) {
        const char *request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        CHECK(send_all(fd, request, strlen(request)));
        reply_len = 0;
        memset(reply, 0, 4096);
        while (!strstr(reply, "ok\n") && recv(fd, reply + reply_len, 1, 0) == 1)
            reply_len++;
        CHECK(has("200 OK"));
    }
    close(fd);
    stop();
}

/* Many requests at once for the script: more output than the kernel buffers for a client that does not
 * read. */
static int asked_ahead(unsigned count)
{
    static const char request[] = "GET /assets/a-123.js HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = dial(AF_INET);
    while (count--)
        CHECK(send_all(fd, request, sizeof request - 1));
    return fd;
}

static void requests_that_come_at_once_are_answered_one_after_the_other(void)
{
    bool whole = true;
    start();
    int fd = asked_ahead(40);
    for (int i = 0; i < 40 && whole; i++) {
        char head[4096] = "";
        for (size_t n = 0; n < sizeof head - 1 && !strstr(head, "\r\n\r\n") && recv(fd, head + n, 1, 0) == 1;
             n++)
            ;
        whole = strncmp(head, "HTTP/1.1 200 OK", 15) == 0 && recv_all(fd, reply, sizeof script) &&
                memcmp(reply, script, sizeof script) == 0;
    }
    CHECK(whole);
    close(fd);
    stop();
}

static void who_asks_ahead_and_reads_nothing_costs_nothing(void)
{
    int fd[8];
    start();
    clock_t used = clock();
    for (int i = 0; i < 8; i++)
        fd[i] = asked_ahead(200);
    usleep(700000); /* the span of the measurement: no event ends it, as nothing happens */
    CHECK(clock() - used < CLOCKS_PER_SEC / 10);
    for (int i = 0; i < 8; i++)
        close(fd[i]);
    stop();
}

#define CROWD 600

/* Connections wait while the web server is busy, however many they are. */
static void a_crowd_that_comes_at_once_is_served(void)
{
    static int fd[CROWD];
    static const char busy[] = REQUEST("GET /busy", ""), request[] = REQUEST("GET /healthz", "");
    struct rlimit limit;
    int served = 0;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    start();
    pthread_mutex_lock(&business);
    int first = dial(AF_INET);
    CHECK(send_all(first, busy, sizeof busy - 1) && counter_reaches(&server.busy, 1));
    for (int i = 0; i < CROWD; i++) {
        fd[i] = dial(AF_INET);
        send_all(fd[i], request, sizeof request - 1);
    }
    CHECK(counter_reaches(&server.handed_over, 1 + CROWD));
    pthread_mutex_unlock(&business);
    for (int i = 0; i < CROWD; i++) {
        served += recv_all(fd[i], reply, 15) && memcmp(reply, "HTTP/1.1 200 OK", 15) == 0;
        close(fd[i]);
    }
    CHECK_EQ(served, CROWD);
    close(first);
    stop();
}

/* --- WebSocket --- */

static void messages_go_both_ways(void)
{
    char text[70000];
    start();
    int fd = opened_socket();
    CHECK(!strcasestr(reply, "permessage"));
    CHECK(strncmp(server.peer.host, "room.example:", 13) == 0 && server.peer.origin[0] == 0);
    CHECK(server.peer.local.port == server.port && address_is_v4(&server.peer.local) &&
          server.peer.remote.port);
    for (size_t len = 0; len < sizeof text; len = len * 3 + 1) {
        memset(text, 'a', len);
        CHECK(frame(fd, TEXT, text, len) && next_frame(fd) == TEXT && reply_len == len &&
              !memcmp(reply, text, len));
    }
    CHECK(frame(fd, PING, "p", 1) && next_frame(fd) == PONG && strcmp(reply, "p") == 0);
    CHECK(frame(fd, CLOSE, "\x03\xe8", 2) && gets_close(fd, 1000));
    CHECK(counter_reaches(&server.closed, 1));
    close(fd);
    stop();
}

static void fragments_become_one_message(void)
{
    start();
    int fd = opened_socket();
    CHECK(frame(fd, 0x01, "on", 2) && frame(fd, PING, "", 0) && next_frame(fd) == PONG);
    CHECK(frame(fd, 0x00, "", 0) && frame(fd, 0x80, "e", 1) && gets_text(fd, "one"));
    CHECK(frame(fd, TEXT, "two", 3) && gets_text(fd, "two"));
    close(fd);
    stop();
}

static void fragments_without_end_are_refused(void)
{
    start();
    int fd = opened_socket();
    for (int round = 0; round < 2; round++) { /* it is counted for each message */
        CHECK(frame(fd, 0x01, "a", 1));
        for (int i = 1; i < WS_FRAGMENTS_MAX; i++)
            CHECK(frame(fd, 0x00, "", 0));
        CHECK(frame(fd, 0x80, "b", 1) && gets_text(fd, "ab"));
    }
    CHECK(frame(fd, 0x01, "a", 1));
    for (int i = 0; i < WS_FRAGMENTS_MAX; i++)
        frame(fd, 0x00, "", 0);
    CHECK(gets_close(fd, 1008));
    close(fd);
    CHECK(counter_reaches(&server.closed, 1));
    stop();
}

/* RFC 6455 5.2-5.5, 7.4, 8.1. An invalid frame ends the connection and never counts as a message. */
static void frames_against_the_protocol_end_the_connection(void)
{
    static const struct {
        const char *what;
        size_t len;
        const char *bytes; /* behind a mask of zeros */
    } bad[] = {
        {"a compressed frame, though nobody agreed on that", 9, "\xc1\x83\0\0\0\0\xcb\x48\x05"},
        {"the second reserved bit", 7, "\xa1\x81\0\0\0\0x"},
        {"the third reserved bit", 7, "\x91\x81\0\0\0\0x"},
        {"a ping in fragments", 7, "\x09\x81\0\0\0\0x"},
        {"a ping of 126 bytes", 134, "\x89\xfe\0\x7e\0\0\0\0" /* zeros follow */},
        {"a fragment of nothing", 7, "\x80\x81\0\0\0\0x"},
        {"a message inside of another", 14, "\x01\x81\0\0\0\0x\x81\x81\0\0\0\0y"},
        {"text that ends within a character", 7, "\x81\x81\0\0\0\0\xc3"},
        {"a surrogate as UTF-8", 9, "\x81\x83\0\0\0\0\xed\xa0\x80"},
        {"a character in more bytes than it needs", 8, "\x81\x82\0\0\0\0\xc0\xaf"},
        {"a length of 2^63", 14, "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        static char sent[256];
        memset(sent, 0, sizeof sent);
        memcpy(sent, bad[i].bytes, bad[i].len < 20 ? bad[i].len : 8);
        start();
        int fd = opened_socket(), first;
        CHECK(send_all(fd, sent, bad[i].len));
        errno = 0;
        while ((first = next_frame(fd)) == TEXT)
            ;
        if ((first != CLOSE && errno == EAGAIN) || server.longest)
            printf("# %s: %s\n", bad[i].what, server.longest ? "was taken for a message" : "changed nothing");
        CHECK(first == CLOSE || errno != EAGAIN);
        close(fd); /* otherwise the server would wait for our close frame */
        CHECK(counter_reaches(&server.closed, 1));
        CHECK_EQ(server.longest, 0);
        stop();
    }
}

/* RFC 6455 5.1: "The server MUST close the connection upon receiving a frame that is not masked." */
static void frames_without_a_mask_end_the_connection(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } frames[] = {
        {"\x81\x01x", 3}, {"\x89\x00", 2}, {"\x88\x02\x03\xe8", 4}, {"\x81\x7f\0\0\x01\0\0\0\0\0x", 11}};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        start();
        int fd = opened_socket();
        CHECK(send_all(fd, frames[i].bytes, frames[i].len) && gets_close(fd, 1002));
        CHECK_EQ(next_frame(fd), -1);
        close(fd);
        CHECK(counter_reaches(&server.closed, 1));
        CHECK_EQ(server.longest, 0);
        stop();
    }
}

static void large_messages_end_at_the_limit(void)
{
    static char text[WS_MESSAGE_MAX + 1];
    memset(text, 'b', sizeof text);
    start();
    int fd = opened_socket();
    CHECK(frame(fd, TEXT, text, WS_MESSAGE_MAX - 16) && next_frame(fd) == TEXT);
    CHECK_EQ(server.longest, WS_MESSAGE_MAX - 16);
    CHECK(frame(fd, TEXT, text, WS_MESSAGE_MAX + 1) && gets_text(fd, "too large") && gets_close(fd, 1009));
    close(fd);
    fd = opened_socket(); /* detected by the header, before any payload arrives */
    CHECK(frames_head(fd, TEXT, 1ull << 40) && send_all(fd, "x", 1) && gets_text(fd, "too large") &&
          gets_close(fd, 1009));
    close(fd);
    fd = opened_socket();
    CHECK(frame(fd, 0x01, text, 10));
    for (int i = 0; i < 30; i++)
        if (!frame(fd, 0x00, text, 10000))
            break;
    CHECK(gets_text(fd, "too large") && gets_close(fd, 1009));
    close(fd);
    CHECK(counter_reaches(&server.closed, 3));
    CHECK_EQ(server.too_large, 3);
    CHECK_EQ(server.longest, WS_MESSAGE_MAX - 16);
    stop();
}

static void what_is_not_text_is_refused(void)
{
    start();
    int fd = opened_socket();
    CHECK(frame(fd, BINARY, "\x01\x02", 2) && gets_close(fd, 1003));
    close(fd);
    fd = opened_socket();
    CHECK(frame(fd, TEXT, "a\xff\xfe", 3) && gets_close(fd, 1007));
    close(fd);
    fd = opened_socket();
    CHECK(frame(fd, 0x83, "x", 1) && gets_close(fd, 1002)); /* an opcode that nobody defined */
    close(fd);
    CHECK(counter_reaches(&server.closed, 3));
    CHECK_EQ(server.longest, 0);
    stop();
}

static void a_peer_that_never_reads_is_closed(void)
{
    start();
    int fd = opened_socket();
    CHECK(frame(fd, TEXT, "flood", 5));
    CHECK(counter_reaches(&server.closed, 1)); /* although the close frame cannot be delivered */
    close(fd);
    fd = opened_socket();
    CHECK(frame(fd, TEXT, "flood", 5) && gets_close(fd, 1008)); /* this one reads, too late */
    close(fd);
    stop();
}

static void the_server_closes_after_its_last_word(void)
{
    start();
    int fd = opened_socket();
    CHECK(frame(fd, TEXT, "close", 5) && gets_text(fd, "last") && gets_close(fd, 4000));
    CHECK(strcmp(reply + 2, "as asked") == 0);
    CHECK(frame(fd, CLOSE, "\x0f\xa0", 2) && next_frame(fd) == -1);
    close(fd);
    fd = opened_socket(); /* no acknowledgement: closed all the same */
    CHECK(frame(fd, TEXT, "close", 5));
    CHECK(counter_reaches(&server.closed, 2));
    close(fd);
    stop();
}

static void a_lost_peer_is_noticed(void)
{
    struct linger hard = {1, 0};
    start();
    int fd = opened_socket();
    close(fd);
    CHECK(counter_reaches(&server.closed, 1));
    fd = opened_socket();
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd); /* a reset */
    CHECK(counter_reaches(&server.closed, 2));
    stop();
}

/* The server pings a client again and again; it keeps one that answers and closes one that does not. */
static void a_silent_peer_is_asked_then_closed(void)
{
    silence = MP_MS(100);
    start();
    int fd = opened_socket();
    for (int i = 0; i < 3; i++)
        CHECK(next_frame(fd) == PING && frame(fd, PONG, reply, reply_len));
    CHECK_EQ(server.closed, 0);
    CHECK(frame(fd, TEXT, "echo me", 7) && next_frame(fd) == TEXT);
    CHECK(next_frame(fd) == PING);
    CHECK(next_frame(fd) == -1 && counter_reaches(&server.closed, 1));
    close(fd);
    stop();
    silence = 0;
}

/* Long before its silence would tell. */
static void a_doubted_peer_is_asked_at_once_and_closed_without_an_answer(void)
{
    doubt = MP_MS(100);
    silence = MP_MS(300);
    start();
    int fd = opened_socket();
    CHECK(frame(fd, TEXT, "doubt", 5) && next_frame(fd) == PING && frame(fd, PONG, reply, reply_len));
    /* of silence: a client that answers stays */
    CHECK(next_frame(fd) == PING && frame(fd, PONG, reply, reply_len));
    CHECK_EQ(server.closed, 0);
    silence = MP_S(20);
    stop();
    close(fd);
    start();
    fd = opened_socket();
    CHECK(frame(fd, TEXT, "doubt", 5) && next_frame(fd) == PING && frame(fd, PONG, reply, reply_len));
    struct pollfd asked = {.fd = fd, .events = POLLIN};
    for (int i = 0; i < PATIENCE / 10 && poll(&asked, 1, 10) == 0; i++)
        CHECK(frame(fd, TEXT, "doubt", 5)); /* after its answer a client may be doubted again */
    CHECK(next_frame(fd) == PING);
    CHECK(next_frame(fd) == -1 && counter_reaches(&server.closed, 1));
    close(fd);
    stop();
    silence = doubt = 0;
}

/* RFC 6455 7.1.5: a reset must not overtake the close frame, so that a client that keeps sending and reads
 * late still gets the reason. */
static void a_close_frame_reaches_a_client_that_talks_without_end(void)
{
    char text[1000] = {0};
    start();
    int fd = opened_socket();
    CHECK(frame(fd, TEXT, "close", 5));
    bool taken = true;
    while (taken && server.closed == 0) /* until the close frame has waited in vain for its answer */
        taken = frame(fd, TEXT, text, sizeof text);
    for (int i = 0; i < 1000 && taken; i++)
        taken = frame(fd, TEXT, text, sizeof text);
    CHECK(taken); /* without a reset, although its client has not said a last word */
    CHECK(gets_text(fd, "last") && gets_close(fd, 4000) && next_frame(fd) == -1);
    close(fd);
    stop();
}

/* RFC 6455 5.5.1, 7.1.2: the answer to a close frame has its code. */
static void a_client_closes_and_is_answered(void)
{
    start();
    int fd = opened_socket();
    CHECK(frame(fd, CLOSE, "\x0f\xa1why", 5) && gets_close(fd, 4001) && next_frame(fd) == -1);
    close(fd);
    fd = opened_socket();
    CHECK(frame(fd, CLOSE, "", 0) && gets_close(fd, 1000));
    close(fd);
    CHECK(counter_reaches(&server.closed, 2));
    stop();
}

static void only_proper_handshakes_open(void)
{
    start();
    CHECK(upgrade("/other", "") < 0 && has(" 404 "));
    CHECK(upgrade("/", "") < 0 && has(" 404 "));
    CHECK(upgrade("/sdp", "Origin: http://evil.example\r\n") < 0 && has(" 403 "));
    ask("GET /sdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
        "7\r\n\r\n");
    CHECK(has(" 426 ") && has("sec-websocket-version: 13"));
    ask("GET /sdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
        "13\r\n\r\n");
    CHECK(has(" 400 ")); /* no key */
    ask("GET /sdp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n");
    CHECK(has(" 400 "));
    char origin[600];
    snprintf(origin, sizeof origin, "Origin: http://%0500d\r\n", 1);
    CHECK(upgrade("/sdp", origin) < 0 && has(" 400 "));
    int fd = upgrade(
        "/sdp",
        "Sec-WebSocket-Protocol: what.ever, other\r\nSec-WebSocket-Extensions: permessage-deflate\r\n");
    CHECK(fd >= 0 && has("sec-websocket-protocol: what.ever\r\n") && !has("permessage"));
    CHECK(gets_text(fd, "hello"));
    close(fd);
    fd = upgrade("/sdp?peer=1", "Origin: http://room.example\r\n");
    CHECK(fd >= 0 && !has("sec-websocket-protocol") &&
          strcmp(server.peer.origin, "http://room.example") == 0);
    close(fd);
    stop();
}

/* --- limits --- */

static void a_message_and_a_queue_are_as_large_as_configured(void)
{
    static char text[32 * 1024 + 1];
    memset(text, 'x', sizeof text);
    limits = (struct web_limits){.message = 32 * 1024, .queue = 64 * 1024};
    start();
    int fd = opened_socket();
    CHECK(frame(fd, TEXT, text, 32 * 1024) && next_frame(fd) == TEXT && reply_len == 32 * 1024);
    CHECK(frame(fd, TEXT, text, 32 * 1024 + 1) && gets_text(fd, "too large") && gets_close(fd, 1009));
    close(fd);
    fd = opened_socket();
    CHECK(frame(fd, TEXT, "flood", 5) &&
          gets_close(fd, 1008)); /* 64 KiB at a time, and it reads too slowly for that */
    close(fd);
    stop();
    limits = (struct web_limits){0};
}

static void connections_of_an_address_are_bounded(void)
{
    most = (struct arrivals_limits){.connections = 3};
    start();
    server.stranger = true;
    int fd[3];
    for (int i = 0; i < 3; i++)
        fd[i] = opened_socket();
    CHECK(upgrade("/sdp", "") < 0 && has(" 429 "));
    CHECK(strstr(ask(REQUEST("GET /healthz", "")), "too many connections") && has(" 429 "));
    server.stranger = false; /* this machine has no such bound */
    int own = opened_socket();
    close(own);
    close(fd[0]);
    CHECK(counter_reaches(&server.closed, 2));
    server.stranger = true;
    fd[0] = opened_socket();
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    stop();
    most = (struct arrivals_limits){0};
}

static void new_connections_of_an_address_are_bounded(void)
{
    most = (struct arrivals_limits){.connections_per_s = 1};
    start();
    server.stranger = true;
    int refused = 0;
    for (int i = 0; i < 3 * CALLER_BURST_S; i++) {
        ask(REQUEST("GET /healthz", ""));
        refused += has(" 429 ");
    }
    CHECK(refused >= CALLER_BURST_S); /* all but the burst, and those that a slow machine lets in */
    server.stranger = false;
    CHECK(strstr(ask(REQUEST("GET /healthz", "")), "200 OK") != NULL);
    stop();
    most = (struct arrivals_limits){0};
}

/* --- the loop --- */

static void it_can_be_woken_and_timed(void)
{
    silence = MP_MS(200);
    start();
    web_wake(server.web);
    CHECK(counter_reaches(&server.woken, 1));
    int fd = opened_socket();
    CHECK(frame(fd, TEXT, "timer", 5));
    CHECK(counter_reaches(&server.timers, 1));
    CHECK(next_frame(fd) == PING); /* later than the timer would come again */
    CHECK_EQ(server.timers, 1);
    close(fd);
    stop();
    silence = 0;
}

static void a_taken_port_is_an_error(void)
{
    const char *error = NULL;
    start();
    CHECK(new_front(server.port, NULL, &error) == NULL && error && strcmp(error, strerror(EADDRINUSE)) == 0);
    error = NULL;
    CHECK(new_front(server.port, "127.0.0.1", &error) == NULL && error);
    error = NULL;
    CHECK(new_front(free_port(), "203.0.113.1", &error) == NULL && error); /* address of no machine */
    stop();
}

static void it_listens_where_it_is_told(void)
{
    const char *error = NULL;
    memset(&server, 0, sizeof server);
    server.port = free_port();
    struct front *f = new_front(server.port, "127.0.0.1", &error);
    int fd = dial(AF_INET6);
    CHECK(f && fd < 0);
    fd = dial(AF_INET);
    CHECK(fd >= 0);
    close(fd);
    front_free(f);
    CHECK(dial(AF_INET) < 0);
}

static void it_stops_accepting(void)
{
    start();
    int fd = opened_socket();
    stop();
    char c;
    CHECK(recv(fd, &c, 1, 0) <= 0); /* freed with a client on it */
    close(fd);
    const char *error = NULL;
    struct front *f = new_front(server.port, NULL, &error);
    CHECK(f != NULL); /* the port is free again at once */
    front_free(f);
    CHECK(dial(AF_INET) < 0);
}

/* Without descriptors nothing can be accepted, and the loop must sleep all the same. */
static void a_lack_of_descriptors_does_not_spin(void)
{
    struct rlimit before, few;
    int taken[1024], n = 0, waiting[3];
    start();
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = 256;
    for (int i = 0; i < 3; i++)
        waiting[i] = socket(AF_INET, SOCK_STREAM, 0);
    setrlimit(RLIMIT_NOFILE, &few);
    while (n < 1024 && (taken[n] = dup(1)) >= 0)
        n++;
    struct sockaddr_in a = {AF_INET, htons(server.port), {htonl(INADDR_LOOPBACK)}, {0}};
    for (int i = 0; i < 3; i++)
        CHECK(connect(waiting[i], (struct sockaddr *)&a, sizeof a) == 0);
    clock_t used = clock();
    usleep(500000); /* the span of the measurement */
    CHECK(clock() - used < CLOCKS_PER_SEC / 4);
    while (n)
        close(taken[--n]);
    setrlimit(RLIMIT_NOFILE, &before);
    const char *request = REQUEST("GET /healthz", "");
    struct timeval patience = {PATIENCE / 1000, 0};
    setsockopt(waiting[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    CHECK(send_all(waiting[0], request, strlen(request)) && recv(waiting[0], reply, sizeof reply, 0) > 0);
    for (int i = 0; i < 3; i++)
        close(waiting[i]);
    stop();
}

TEST_MAIN(TEST(assets_are_served), TEST(etags_save_the_body), TEST(the_rest_is_asked_of_the_handler),
          TEST(bodies_are_taken_whole_and_bounded), TEST(other_methods_are_refused),
          TEST(nonsense_ends_the_connection), TEST(requests_mean_what_the_rfcs_say),
          TEST(who_expects_to_be_asked_for_the_body_is_asked), TEST(an_early_refusal_is_not_lost_to_a_reset),
          TEST(the_clear_is_refused_with_words), TEST(an_upgrade_to_http2_is_ignored),
          TEST(a_connection_is_kept_for_more_requests),
          TEST(requests_that_come_at_once_are_answered_one_after_the_other),
          TEST(who_asks_ahead_and_reads_nothing_costs_nothing), TEST(a_crowd_that_comes_at_once_is_served),
          TEST(messages_go_both_ways), TEST(fragments_become_one_message),
          TEST(fragments_without_end_are_refused), TEST(frames_against_the_protocol_end_the_connection),
          TEST(frames_without_a_mask_end_the_connection), TEST(large_messages_end_at_the_limit),
          TEST(what_is_not_text_is_refused), TEST(a_peer_that_never_reads_is_closed),
          TEST(the_server_closes_after_its_last_word),
          TEST(a_close_frame_reaches_a_client_that_talks_without_end), TEST(a_client_closes_and_is_answered),
          TEST(a_lost_peer_is_noticed), TEST(a_silent_peer_is_asked_then_closed),
          TEST(a_doubted_peer_is_asked_at_once_and_closed_without_an_answer),
          TEST(only_proper_handshakes_open), TEST(a_message_and_a_queue_are_as_large_as_configured),
          TEST(connections_of_an_address_are_bounded), TEST(new_connections_of_an_address_are_bounded),
          TEST(it_can_be_woken_and_timed), TEST(a_taken_port_is_an_error), TEST(it_listens_where_it_is_told),
          TEST(it_stops_accepting), TEST(a_lack_of_descriptors_does_not_spin))
