/* A connection to the web server as a stream: a client's bytes in pieces, over a pair of sockets; reads the
 * answers as a client would. The first two bytes choose the pace; all others are the client's.
 *
 * Invariants: answers are valid HTTP/1.1, and WebSocket frames after a 101; handlers get only valid UTF-8
 * text within the limits, and the end of each WebSocket once. */
#include "http/web.h"
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "http/frames.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MOST 2048
#define ROUNDS_END   8 /* turns after which a connection closed by its client is freed */

static struct web *web;
static uint32_t pace;
static int opened, closed;

static struct {
    struct frames frames;
    char head[16];
    size_t have;
    bool upgraded, over;
    char end[4]; /* the last bytes, to find the head's end */
} client;

static uint32_t draw(uint32_t below)
{
    pace ^= pace << 13;
    pace ^= pace >> 17;
    pace ^= pace << 5;
    return pace % below;
}

/* --- the server's side --- */

static bool on_opened(void *context, struct web_socket *s, const struct web_peer *peer, void **user)
{
    INVARIANT(strlen(peer->host) < sizeof peer->host);
    if (strcmp(peer->origin, "http://evil.example") == 0)
        return false;
    *user = &web;
    opened++;
    web_send(s, "hello", 5);
    return true;
}

static void on_text(void *context, struct web_socket *s, void *user, const char *text, size_t len)
{
    struct utf8 u = {0};
    INVARIANT(user == &web && len <= MESSAGE_MOST);
    INVARIANT(utf8_check(&u, (const uint8_t *)text, len) && utf8_is_whole(&u));
    if (len && *text == 'c')
        web_close(s, 4000, "as asked");
    else
        web_send(s, text, len);
}

static void on_too_large(void *context, struct web_socket *s, void *user) { web_send(s, "too large", 9); }

static void on_closed(void *context, struct web_socket *s, void *user)
{
    INVARIANT(user == &web);
    closed++;
}

static bool on_get(void *context, const char *path, const struct web_peer *peer, struct web_response *r)
{
    if (*path != '/' || strlen(path) > 3)
        return false;
    *r = (struct web_response){.status = 200, .content_type = "text/plain", .body = strdup("ok\n"), .len = 3};
    return true;
}

static void on_request(void *context, const struct web_request *q, struct web_response *r)
{
    INVARIANT(q->len <= HTTP_BODY_MAX && q->body[q->len] == 0 && strncmp(q->path, "/t", 2) == 0);
    r->status = q->len ? 201 : 204;
    r->headers = strdup("location: /t/1\n");
}

static char *on_headers(void *context, const char *path, const struct web_peer *peer)
{
    return strdup("x-ours: 1\n");
}
static void on_nothing(void *context) {}

static struct web *make(void)
{
    static const char *const paths[] = {"/t", NULL};
    static const struct web_handler handler = {NULL,   on_opened,  on_text,    on_too_large, on_closed,
                                               on_get, on_request, on_headers, on_nothing,   on_nothing};
    static const uint8_t page[] = "page";
    static const struct web_asset asset = {"/index.html", "text/html", "\"p\"", page, NULL, 4, 0, false};
    static const char *const apps[] = {"/", NULL};
    struct web_config c = {.limits = {.message = MESSAGE_MOST, .queue = 8192},
                           .websocket_path = "/sdp",
                           .request_paths = paths,
                           .app_paths = apps,
                           .assets = &asset,
                           .asset_count = 1};
    const char *error;
    return web_new(&c, &handler, &error);
}

static void turn(void)
{
    web_wake(web); /* it does not sleep */
    web_service(web);
}

/* --- the client's side --- */

static void take_frames(uint8_t *data, size_t n)
{
    for (enum frame_event e; (e = frames_read(&client.frames, &data, &n)) != FRAME_MORE;) {
        INVARIANT(e != FRAME_WRONG && !client.over);
        client.over |= e == FRAME_CONTROL && client.frames.opcode == FRAME_CLOSE;
    }
}

/* The first bytes are a status line; frames follow the head of a 101. */
static void take_byte(uint8_t *byte)
{
    static const char version[] = "HTTP/1.1 ";
    if (client.upgraded) {
        take_frames(byte, 1);
        return;
    }
    if (client.have < sizeof version - 1)
        INVARIANT(*byte == (uint8_t)version[client.have]);
    if (client.have < sizeof client.head)
        client.head[client.have++] = (char)*byte;
    memmove(client.end, client.end + 1, 3);
    client.end[3] = (char)*byte;
    if (memcmp(client.end, "\r\n\r\n", 4) != 0)
        return;
    client.upgraded = client.have >= 12 && memcmp(client.head + 9, "101", 3) == 0;
    if (client.have >= 12 && memcmp(client.head + 9, "100", 3) == 0) /* another one follows */
        client.have = 0;
    else if (client.have >= 12 &&
             (memcmp(client.head + 9, "204", 3) == 0 || memcmp(client.head + 9, "304", 3) == 0))
        client.have = 0;
}

static void hear(int fd)
{
    static uint8_t bytes[4096];
    ssize_t n = recv(fd, bytes, 1 + draw(sizeof bytes), MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++)
        take_byte(&bytes[i]);
}

static void talk(int fd, struct bytes s)
{
    while (s.len) {
        size_t n = draw(4) ? 1 + draw(512) : s.len;
        ssize_t sent = send(fd, s.data, n < s.len ? n : s.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            s.data += sent;
            s.len -= (size_t)sent;
        }
        turn();
        if (draw(4))
            hear(fd);
        if (sent < 0)
            break;
    }
}

void fuzz_web(const uint8_t *data, size_t len)
{
    int pair[2];
    struct path path = {0};
    struct bytes s = {data, len};
    pace = script_u16(&s) | 0x10000;
    if (!web)
        web = make();
    INVARIANT(web && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    memset(&client, 0, sizeof client);
    opened = closed = 0;
    address_parse(&path.remote, "127.0.0.1", 5000);
    path.local = path.remote;
    INVARIANT(web_adopt(web, pair[1], &path));
    talk(pair[0], s);
    turn();
    hear(pair[0]);
    close(pair[0]);
    for (int i = 0; i < ROUNDS_END && (i < 2 || opened != closed); i++)
        turn();
    INVARIANT(opened == closed && opened <= 1);
}
