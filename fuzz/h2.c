/* HTTP/2 as a stream: a client's bytes in pieces, requests that a web server answers, correctly or not, and a
 * socket that accepts any number of bytes. The first two bytes seed the pace; all others are the client's.
 *
 * Invariants: each request becomes exactly one HTTP/1.1 request, whatever the client sent, and the output
 * consists of valid frames. */
#include "net/h2.h"
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS_MAX   256 /* answers to one piece of input */
#define FRAME_HEADER 9   /* RFC 9113 4.1 */
#define FRAME_MAX    16384
#define FRAME_LAST   9 /* CONTINUATION */

static struct h2 *h2;
static uint32_t pace;

static struct {
    uint8_t header[FRAME_HEADER];
    size_t have, left; /* bytes of the header; bytes of the payload that are still to come */
    bool settings;     /* the first frame was that */
} out;

static struct {
    const char *text; /* NULL: no answer is pending */
    size_t len, at;
} answer;

static uint32_t draw(uint32_t below)
{
    pace ^= pace << 13;
    pace ^= pace >> 17;
    pace ^= pace << 5;
    return pace % below;
}

/* --- requests --- */

static const char *line_end(const char *at, const char *end)
{
    for (const char *p = at; p < end; p++) {
        INVARIANT(*p && *p != '\n');
        if (*p == '\r') {
            INVARIANT(p + 1 < end && p[1] == '\n');
            return p;
        }
    }
    INVARIANT(!"a line without an end");
    return NULL;
}

/* METHOD PATH HTTP/1.1, without characters that would end either early. */
static void check_request_line(const char *at, const char *end)
{
    static const char version[] = " HTTP/1.1";
    size_t spaces = 0, n = (size_t)(end - at);
    for (const char *p = at; p < end; p++)
        spaces += *p == ' ';
    INVARIANT(spaces == 2 && *at != ' ' && n > sizeof version - 1);
    INVARIANT(memcmp(end - (sizeof version - 1), version, sizeof version - 1) == 0);
}

/* One length and no chunks, so that no part of the body is another request. */
static void check_request(const char *text, size_t len)
{
    const char *end = text + len, *at = text, *stop = line_end(at, end);
    size_t lengths = 0, hosts = 0, expected = 0;
    check_request_line(at, stop);
    for (at = stop + 2; (stop = line_end(at, end)) != at; at = stop + 2) {
        const char *colon = memchr(at, ':', (size_t)(stop - at));
        INVARIANT(colon && colon > at);
        size_t name = (size_t)(colon - at);
        INVARIANT(!(name == 17 && strncasecmp(at, "transfer-encoding", name) == 0));
        INVARIANT(!(name == 7 && strncasecmp(at, "upgrade", name) == 0));
        INVARIANT(!(name == 10 && strncasecmp(at, "connection", name) == 0));
        hosts += name == 4 && strncasecmp(at, "host", name) == 0;
        if (name == 14 && strncasecmp(at, "content-length", name) == 0) {
            expected = strtoul(colon + 1, NULL, 10);
            lengths++;
        }
    }
    size_t body = (size_t)(end - at) - 2;
    INVARIANT(lengths <= 1 && hosts <= 1);
    INVARIANT(body == expected ||
              (body == 0 && expected > HTTP_BODY_MAX)); /* the web server refuses by its length */
    INVARIANT((size_t)(at - text) <= H2_PATH_MAX + H2_HEADERS_MAX + 512);
}

/* --- answers --- */

static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n",
    "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 201 Created\r\nLocation: /a\r\nlink: <a>\r\nlink: <b>\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 413 \r\nconnection: close\r\ncontent-length: 9\r\n\r\ntoo large",
    "HTTP/1.1 200 OK\r\n\r\nuntil its end, which comes when it comes",
    "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nmore than three",
    "HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\nless than that",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 3",
    "what is this",
};

static void ask(void)
{
    const char *text;
    bool finished = h2_finish(h2);
    INVARIANT(!finished || !h2_busy(h2));
    (void)h2_reusable(h2);
    size_t len = h2_request(h2, &text);
    if (!len)
        return;
    check_request(text, len);
    INVARIANT(h2_busy(h2));
    answer.text = answers[draw(sizeof answers / sizeof *answers)];
    answer.len = strlen(answer.text);
    answer.at = 0;
}

/* Sends a piece of the answer; after the last one, keeps or closes the connection. */
static bool respond(void)
{
    if (!answer.text || !h2_awaits(h2))
        return false;
    size_t rest = answer.len - answer.at, n = rest ? 1 + draw((uint32_t)rest) : 0;
    bool taken = n && h2_response(h2, (const uint8_t *)answer.text + answer.at, n);
    answer.at += n;
    if (taken)
        return true;
    h2_response_cut(h2);
    answer.text = NULL;
    return true;
}

/* --- output --- */

static void take_byte(uint8_t byte)
{
    if (out.left) {
        out.left--;
        return;
    }
    out.header[out.have++] = byte;
    if (out.have < FRAME_HEADER)
        return;
    out.have = 0;
    out.left = (size_t)out.header[0] << 16 | (size_t)out.header[1] << 8 | out.header[2];
    INVARIANT(out.left <= FRAME_MAX && out.header[3] <= FRAME_LAST);
    INVARIANT(out.settings || out.header[3] == 4);
    out.settings = true;
}

static bool send_some(void)
{
    static uint8_t bytes[STREAM_TLS_CHUNK];
    size_t size = H2_OUTPUT_MIN + draw(sizeof bytes - H2_OUTPUT_MIN + 1), n = h2_output(h2, bytes, size);
    INVARIANT(n <= size);
    for (size_t i = 0; i < n; i++)
        take_byte(bytes[i]);
    return n > 0;
}

/* --- the whole --- */

/* As the bridge does, with a socket that is not always writable; at the end it is, until all output is
 * sent. */
static void translate(bool at_the_end)
{
    bool more = true;
    for (int i = 0; i < ROUNDS_MAX && more && (at_the_end || draw(8)); i++) {
        ask();
        more = respond();
        if (at_the_end || draw(4))
            more |= send_some();
    }
}

void fuzz_h2(const uint8_t *data, size_t len)
{
    struct bytes s = {data, len};
    pace = script_u16(&s) | 0x10000;
    memset(&out, 0, sizeof out);
    memset(&answer, 0, sizeof answer);
    h2 = h2_new();
    INVARIANT(h2);
    for (bool open = true; open && s.len;) {
        size_t n = draw(4) ? 1 + draw(512) : s.len;
        n = n < s.len ? n : s.len;
        open = h2_input(h2, s.data, n);
        s.data += n;
        s.len -= n;
        translate(false);
    }
    translate(true);
    INVARIANT(out.settings);
    h2_free(h2);
}
