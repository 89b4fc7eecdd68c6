/* HTTP/2 into HTTP/1.1 and back, against nghttp2's client; the web server is the test. */
#include "net/h2.h"
#include "base/limits.h"
#include "tests/unit/test.h"
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#define STREAMS 64

static struct {
    struct h2 *h;
    nghttp2_session *client;
    struct {
        char status[4], interim[4], headers[2048], body[HTTP_BODY_MAX * 2];
        size_t len;
        bool closed;
        uint32_t error;
    } streams[2 * STREAMS];
    bool over;
    const char *upload;
    size_t upload_left;
} t;

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t nl,
                     const uint8_t *value, size_t vl, uint8_t flags, void *user)
{
    int32_t id = f->hd.stream_id;
    if (strcmp((const char *)name, ":status") == 0)
        memcpy(*value == '1' ? t.streams[id].interim : t.streams[id].status, value, 4);
    else
        strcat(strcat(strcat(strcat(t.streams[id].headers, (const char *)name), "="), (const char *)value),
               ";");
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user)
{
    CHECK(t.streams[id].len + len <= sizeof t.streams[id].body);
    memcpy(t.streams[id].body + t.streams[id].len, data, len);
    t.streams[id].len += len;
    return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t error, void *user)
{
    t.streams[id].closed = true;
    t.streams[id].error = error;
    return 0;
}

static ssize_t upload(nghttp2_session *s, int32_t id, uint8_t *out, size_t size, uint32_t *flags,
                      nghttp2_data_source *source, void *user)
{
    size_t n = t.upload_left < size ? t.upload_left : size;
    memset(out, 'b', n);
    t.upload_left -= n;
    if (!t.upload_left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static void begin(void)
{
    nghttp2_session_callbacks *c;
    memset(&t, 0, sizeof t);
    t.h = h2_new();
    nghttp2_session_callbacks_new(&c);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
    nghttp2_session_client_new(&t.client, c, NULL);
    nghttp2_session_callbacks_del(c);
    nghttp2_submit_settings(t.client, 0, NULL, 0);
}

static void end(void)
{
    nghttp2_session_del(t.client);
    h2_free(t.h);
}

/* Bytes both ways until none are left. */
static void settle(void)
{
    static uint8_t out[H2_OUTPUT_MIN * 2];
    const uint8_t *data;
    for (bool moved = true; moved;) {
        ssize_t n = nghttp2_session_mem_send(t.client, &data);
        for (ssize_t at = 0; at < n; at += 100) /* in whatever pieces */
            t.over |= !h2_input(t.h, data + at, (size_t)(n - at < 100 ? n - at : 100));
        size_t m = h2_output(t.h, out, sizeof out);
        if (m)
            CHECK_EQ(nghttp2_session_mem_recv(t.client, out, m), m);
        moved = n > 0 || m > 0;
    }
}

#define NV(n, v)                                                                                             \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v), 0                        \
    }

static int32_t request(const char *method, const char *path, const char *name, const char *value, size_t body)
{
    nghttp2_nv nv[] = {NV(":method", method), NV(":scheme", "https"), NV(":authority", "h:1"),
                       NV(":path", path), NV(name, value)};
    nghttp2_data_provider p = {.read_callback = upload};
    t.upload_left = body;
    return nghttp2_submit_request(t.client, NULL, nv, 5, body ? &p : NULL, NULL);
}

static bool asked(const char *text)
{
    const char *got;
    size_t len = h2_request(t.h, &got);
    bool same = len == strlen(text) && memcmp(got, text, len) == 0;
    if (!same)
        printf("# asked: %.*s\n", (int)len, got);
    return same;
}

static bool respond(const char *text)
{
    for (size_t at = 0, n = strlen(text); at < n; at += 7) {
        settle();
        if (!h2_awaits(t.h) || !h2_response(t.h, (const uint8_t *)text + at, n - at < 7 ? n - at : 7))
            return false;
    }
    settle();
    return true;
}

static void request_is_said_in_http_1_1_and_its_answer_comes_back(void)
{
    const char *none;
    begin();
    int32_t id = request("GET", "/a?b=c", "accept", "x", 0);
    settle();
    CHECK(asked("GET /a?b=c HTTP/1.1\r\nhost: h:1\r\naccept: x\r\n\r\n"));
    CHECK_EQ(h2_request(t.h, &none), 0);
    CHECK(respond(
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello"));
    CHECK(strcmp(t.streams[id].status, "200") == 0 && t.streams[id].closed && t.streams[id].error == 0);
    CHECK(strcmp(t.streams[id].headers, "content-type=text/x;content-length=5;") == 0);
    CHECK(t.streams[id].len == 5 && memcmp(t.streams[id].body, "hello", 5) == 0);
    CHECK(h2_finish(t.h) && h2_reusable(t.h) && !h2_busy(t.h));
    end();
}

static void requests_wait_for_each_other(void)
{
    begin();
    int32_t a = request("GET", "/a", "x", "1", 0), b = request("HEAD", "/b", "x", "2", 0),
            c = request("GET", "/c", "x", "3", 0);
    settle();
    CHECK(asked("GET /a HTTP/1.1\r\nhost: h:1\r\nx: 1\r\n\r\n"));
    CHECK(respond("HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\n\r\n") && h2_finish(t.h) && h2_reusable(t.h));
    CHECK(asked("HEAD /b HTTP/1.1\r\nhost: h:1\r\nx: 2\r\n\r\n"));
    CHECK(respond("HTTP/1.1 200 OK\r\ncontent-length: 99\r\nconnection: close\r\n\r\n") && h2_finish(t.h));
    CHECK(!h2_reusable(t.h));
    CHECK(asked("GET /c HTTP/1.1\r\nhost: h:1\r\nx: 3\r\n\r\n"));
    CHECK(respond("HTTP/1.1 200 OK\r\n\r\nuntil the end") && !h2_finish(t.h));
    h2_response_cut(t.h);
    settle();
    CHECK(h2_finish(t.h) && !h2_reusable(t.h));
    CHECK(strcmp(t.streams[a].status, "304") == 0 && t.streams[a].closed && t.streams[b].closed &&
          !t.streams[b].len);
    CHECK(t.streams[c].closed && t.streams[c].error == 0 && t.streams[c].len == 13);
    end();
}

static void large_bodies_pass_both_ways(void)
{
    static char text[HTTP_BODY_MAX + 200], body[HTTP_BODY_MAX];
    const char *got;
    begin();
    int32_t id = request("POST", "/whip/r", "content-type", "application/sdp", HTTP_BODY_MAX);
    settle();
    size_t len = h2_request(t.h, &got);
    int head = snprintf(
        text, sizeof text,
        "POST /whip/r HTTP/1.1\r\nhost: h:1\r\ncontent-length: %d\r\ncontent-type: application/sdp\r\n\r\n",
        HTTP_BODY_MAX);
    memset(text + head, 'b', HTTP_BODY_MAX);
    CHECK(len == (size_t)head + HTTP_BODY_MAX && memcmp(text, got, len) == 0);
    snprintf(text, sizeof text, "HTTP/1.1 201 Created\r\ncontent-length: %zu\r\n\r\n", sizeof body);
    CHECK(respond(text));
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)(i * 31 >> 3);
    for (size_t at = 0; at < sizeof body; at += H2_RESPONSE_CHUNK) {
        CHECK(h2_awaits(t.h) && h2_response(t.h, (uint8_t *)body + at, H2_RESPONSE_CHUNK));
        settle();
    }
    CHECK(h2_finish(t.h) && h2_reusable(t.h));
    CHECK(t.streams[id].closed && t.streams[id].len == sizeof body &&
          memcmp(t.streams[id].body, body, sizeof body) == 0);
    id = request("POST", "/whip/r", "content-type", "application/sdp", HTTP_BODY_MAX + 1);
    settle();
    len = h2_request(t.h, &got); /* the web server sees the length and refuses it */
    CHECK(len && strstr(got, "content-length: 65537\r\n") && memcmp(got + len - 4, "\r\n\r\n", 4) == 0);
    CHECK(respond("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n") && h2_finish(t.h));
    CHECK_EQ(h2_request(t.h, &got), 0); /* once */
    end();
}

static ssize_t upload_without_end(nghttp2_session *s, int32_t id, uint8_t *out, size_t size, uint32_t *flags,
                                  nghttp2_data_source *source, void *user)
{
    size_t n = t.upload_left < size ? t.upload_left : size;
    memset(out, 'b', n);
    t.upload_left -= n;
    return n ? (ssize_t)n : NGHTTP2_ERR_DEFERRED;
}

/* The server answers at the first byte over the bound: the end of the body may never arrive. */
static void body_that_is_too_large_is_refused_before_its_end(void)
{
    nghttp2_nv nv[] = {NV(":method", "POST"), NV(":scheme", "https"), NV(":authority", "h:1"),
                       NV(":path", "/whip/r")};
    nghttp2_data_provider p = {.read_callback = upload_without_end};
    const char *got;
    for (size_t more = 0; more < 2; more++) {
        begin();
        t.upload_left = HTTP_BODY_MAX + more;
        int32_t id = nghttp2_submit_request(t.client, NULL, nv, 4, &p, NULL);
        settle();
        CHECK_EQ(t.upload_left, 0);
        size_t len = h2_request(t.h, &got);
        CHECK_EQ(len != 0, more);
        if (len) {
            CHECK(strstr(got, "content-length: 65537\r\n"));
            CHECK(respond("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n"));
            CHECK(strcmp(t.streams[id].status, "413") == 0);
        }
        end();
    }
}

/* RFC 9110 10.1.1 over RFC 9113 8.1: 100 before the body, or the refusal at once. */
static void body_that_has_to_be_asked_for_is_asked_for(void)
{
    nghttp2_nv nv[] = {NV(":method", "POST"),  NV(":scheme", "https"),       NV(":authority", "h:1"),
                       NV(":path", "/whip/r"), NV("expect", "100-continue"), NV("content-length", "3")};
    const char *got;
    begin();
    int32_t id = nghttp2_submit_headers(t.client, 0, -1, NULL, nv, 6, NULL);
    settle();
    CHECK(strcmp(t.streams[id].interim, "100") == 0 && h2_request(t.h, &got) == 0);
    nghttp2_data_provider p = {.read_callback = upload};
    t.upload_left = 3;
    nghttp2_submit_data(t.client, NGHTTP2_FLAG_END_STREAM, id, &p);
    settle();
    CHECK(asked("POST /whip/r HTTP/1.1\r\nhost: h:1\r\ncontent-length: 3\r\n\r\nbbb"));
    CHECK(respond("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n") && h2_finish(t.h));
    CHECK(strcmp(t.streams[id].status, "201") == 0 && t.streams[id].closed);
    nv[5].value = (uint8_t *)(uintptr_t) "65537";
    nv[5].valuelen = 5;
    id = nghttp2_submit_headers(t.client, 0, -1, NULL, nv, 6, NULL);
    settle();
    CHECK(!*t.streams[id].interim &&
          asked("POST /whip/r HTTP/1.1\r\nhost: h:1\r\ncontent-length: 65537\r\n\r\n"));
    CHECK(respond("HTTP/1.1 413 \r\nconnection: close\r\ncontent-length: 2\r\n\r\nno"));
    CHECK(strcmp(t.streams[id].status, "413") == 0 && t.streams[id].len == 2);
    end();
}

static void client_that_takes_nothing_holds_one_chunk(void)
{
    static uint8_t chunk[H2_RESPONSE_CHUNK];
    nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    begin();
    nghttp2_submit_settings(t.client, 0, &none, 1);
    int32_t id = request("GET", "/", "x", "1", 0);
    settle();
    CHECK(asked("GET / HTTP/1.1\r\nhost: h:1\r\nx: 1\r\n\r\n"));
    CHECK(respond("HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n"));
    CHECK(h2_awaits(t.h) && h2_response(t.h, chunk, sizeof chunk));
    settle();
    CHECK(!h2_awaits(t.h) && t.streams[id].len == 0);
    nghttp2_submit_rst_stream(t.client, 0, id, NGHTTP2_CANCEL); /* and then wants nothing any more */
    settle();
    CHECK(!h2_awaits(t.h) && h2_finish(t.h) && !h2_reusable(t.h));
    end();
}

static void what_is_no_honest_request_is_refused(void)
{
    static char longer[H2_PATH_MAX + 1], value[4000];
    const char *none;
    memset(longer, '/', sizeof longer - 1);
    memset(value, 'v', sizeof value - 1);
    begin();
    int32_t ids[] = {request("GET", longer, "x", "1", 0), request("GET", "/ HTTP/1.1", "x", "1", 0),
                     request("A\tB", "/", "x", "1", 0)};
    nghttp2_nv big[] = {NV(":method", "GET"), NV(":scheme", "https"), NV(":authority", "h:1"),
                        NV(":path", "/"),     NV("a", value),         NV("b", value),
                        NV("c", value)};
    nghttp2_nv tunnel[] = {NV(":method", "CONNECT"), NV(":authority", "h:1")};
    int32_t many = nghttp2_submit_request(t.client, NULL, big, 7, NULL, NULL);
    int32_t connect = nghttp2_submit_request(t.client, NULL, tunnel, 2, NULL, NULL);
    settle();
    for (size_t i = 0; i < 3; i++)
        CHECK(t.streams[ids[i]].closed && t.streams[ids[i]].error);
    CHECK_EQ(t.streams[many].error, NGHTTP2_HTTP_1_1_REQUIRED);
    CHECK_EQ(t.streams[connect].error, NGHTTP2_HTTP_1_1_REQUIRED);
    CHECK_EQ(h2_request(t.h, &none), 0);
    CHECK(!t.over);
    end();
}

static void requests_of_one_connection_are_bounded(void)
{
    const char *text;
    begin();
    nghttp2_nv nv[] = {NV(":method", "POST"), NV(":scheme", "https"), NV(":path", "/whip/r")};
    for (int i = 0; i < H2_STREAMS_MAX + 8; i++) /* begun, and never ended */
        nghttp2_submit_headers(t.client, 0, -1, NULL, nv, 3, NULL);
    settle();
    CHECK_EQ(h2_request(t.h, &text), 0);
    CHECK(!t.over); /* the client respects the limit */
    end();
    begin();
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(h2_is_over(t.h), i > 3);
        request("POST", "/whip/r", "x", "1", HTTP_BODY_MAX - 1);
        settle();
    }
    CHECK(h2_is_over(t.h)); /* unread data must not accumulate */
    end();
}

static void server_that_goes_silent_ends_the_stream_alone(void)
{
    begin();
    int32_t a = request("GET", "/a", "x", "1", 0), b = request("GET", "/b", "x", "1", 0);
    settle();
    CHECK(asked("GET /a HTTP/1.1\r\nhost: h:1\r\nx: 1\r\n\r\n"));
    CHECK(respond("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhal"));
    h2_response_cut(t.h);
    settle();
    CHECK(t.streams[a].closed && t.streams[a].error == NGHTTP2_INTERNAL_ERROR && !t.streams[b].closed);
    CHECK(h2_finish(t.h) && asked("GET /b HTTP/1.1\r\nhost: h:1\r\nx: 1\r\n\r\n"));
    CHECK(!respond("HTTP/2 200\r\n\r\n"));
    h2_response_cut(t.h);
    settle();
    CHECK(t.streams[b].error == NGHTTP2_INTERNAL_ERROR && !t.over);
    end();
}

static void bytes_that_are_no_http_2_end_it(void)
{
    static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n",
                                      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\0\0\0\0\0\0"};
    for (int i = 0; i < 2; i++) {
        struct h2 *h = h2_new();
        uint8_t out[2 * H2_OUTPUT_MIN];
        h2_input(h, (const uint8_t *)bad[i], i ? 33 : strlen(bad[i]));
        while (h2_output(h, out, sizeof out))
            ;
        CHECK(h2_is_over(h));
        h2_free(h);
    }
}

static void a_goodbye_is_the_last_word(void)
{
    const char *text;
    begin();
    settle();
    h2_goodbye(t.h);
    request("GET", "/", "a", "b", 0); /* it crosses the GOAWAY */
    settle();
    CHECK(h2_is_over(t.h) && h2_request(t.h, &text) == 0);
    CHECK(!nghttp2_session_check_request_allowed(t.client)); /* it has heard GOAWAY */
    end();
}

TEST_MAIN(TEST(request_is_said_in_http_1_1_and_its_answer_comes_back), TEST(requests_wait_for_each_other),
          TEST(large_bodies_pass_both_ways), TEST(body_that_is_too_large_is_refused_before_its_end),
          TEST(body_that_has_to_be_asked_for_is_asked_for), TEST(client_that_takes_nothing_holds_one_chunk),
          TEST(what_is_no_honest_request_is_refused), TEST(requests_of_one_connection_are_bounded),
          TEST(server_that_goes_silent_ends_the_stream_alone), TEST(bytes_that_are_no_http_2_end_it),
          TEST(a_goodbye_is_the_last_word))
