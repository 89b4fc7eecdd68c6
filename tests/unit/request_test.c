/* The head of a request: RFC 9110, 9112. */
#include "http/request.h"
#include "tests/unit/test.h"

static struct http_request q;

static unsigned parse(const char *head)
{
    size_t seen = 0, len = strlen(head);
    if (request_head_length(head, len, &seen) != len)
        return 999;
    return request_parse(&q, head, len);
}

static bool is(struct http_text t, const char *text) { return t.data && request_is(t, text); }

#define HOST "Host: a.example\r\n"

static void a_head_ends_at_its_empty_line_wherever_it_is_cut(void)
{
    static const char text[] = "GET / HTTP/1.1\r\n" HOST "\r\nGET /next";
    size_t whole = sizeof text - 1 - strlen("GET /next"), seen = 0;
    for (size_t n = 0; n < whole; n++)
        CHECK_EQ(request_head_length(text, n, &seen), 0);
    CHECK_EQ(seen, whole - 1); /* so that the server does not parse a head again for each byte */
    CHECK_EQ(request_head_length(text, whole, &seen), whole);
    seen = 0;
    CHECK_EQ(request_head_length(text, sizeof text - 1, &seen), whole);
}

/* RFC 9112 2.2: a bare CR or LF, and RFC 9110 5.5: NUL and other control characters, are told before the
 * head ends. */
static void bytes_of_no_head_are_found_at_once(void)
{
    static const struct {
        const char *text;
        size_t len;
    } wrong[] = {{"GET / HTTP/1.1\n", 15}, {"GET /\rx", 7}, {"\x16\x03\x01", 3}, {"GET /\0", 6},
                 {"a: \x7f", 4},           {"\n", 1},       {"\rx", 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t seen = 0;
        CHECK(request_head_length(wrong[i].text, wrong[i].len, &seen) == HTTP_HEAD_WRONG);
        seen = wrong[i].len > 1 ? wrong[i].len - 1 : 0; /* the last byte shows it, whatever came with it */
        CHECK(request_head_length(wrong[i].text, wrong[i].len, &seen) == HTTP_HEAD_WRONG);
    }
}

/* RFC 9112 3.2 */
static void targets_of_every_form(void)
{
    CHECK_EQ(parse("GET /a%20b?x=%26&y HTTP/1.1\r\n" HOST "\r\n"), 0);
    CHECK(is(q.method, "GET") && is(q.path, "/a%20b") && is(q.query, "x=%26&y") &&
          is(q.authority, "a.example"));
    CHECK_EQ(parse("POST http://b.example:8000/whip/r?n=1 HTTP/1.1\r\n" HOST "\r\n"),
             0); /* 3.2.2: Host does not count */
    CHECK(is(q.path, "/whip/r") && is(q.query, "n=1") && is(q.authority, "b.example:8000"));
    CHECK_EQ(parse("GET HTTPS://[2001:db8::1]:1 HTTP/1.1\r\n" HOST "\r\n"), 0);
    CHECK(is(q.path, "/") && !q.query.data && is(q.authority, "[2001:db8::1]:1"));
    CHECK_EQ(parse("GET http://b?x HTTP/1.1\r\n" HOST "\r\n"), 0);
    CHECK(is(q.path, "/") && is(q.query, "x") && is(q.authority, "b"));
    CHECK(parse("GET http://b HTTP/1.1\r\n" HOST "\r\n") == 0 && is(q.authority, "b") && is(q.path, "/"));
    CHECK(parse("GET https://c HTTP/1.1\r\n" HOST "\r\n") == 0 && is(q.authority, "c") && is(q.path, "/"));
    CHECK(parse("GET /d HTTP/1.1\r\n" HOST "\r\n") == 0 && !q.query.data && !is(q.authority, "c"));
    CHECK_EQ(parse("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 0);
    CHECK(is(q.path, "*"));
    CHECK_EQ(parse("CONNECT c.example:443 HTTP/1.1\r\n" HOST "\r\n"), 0);
    CHECK(is(q.path, "") && is(q.authority, "c.example:443"));
    static const char *const wrong[] = {
        "*",          "a",           "../a",         "//",         "ftp://b/",
        "http://",    "https://",    "http:///a",    "https:///a", "http:/b/c",
        "https:/b/c", "http:?b/c/d", "https:?b/c/d", "abcdefghij", "http://u@b/",
        "/a#b",       "/\xc3\xb6",   "/a b",         "",           "http://b\\c/"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char head[256];
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n" HOST "\r\n", wrong[i]);
        unsigned status = parse(head);
        if (status != (strcmp(wrong[i], "//") ? 400 : 0))
            printf("# %s: %u\n", wrong[i], status);
        CHECK_EQ(status, strcmp(wrong[i], "//") ? 400 : 0); /* a path of two empty segments is one */
    }
}

/* RFC 9112 3: single blanks between method, target and version; 2.3: the version. */
static void a_request_line_has_one_form(void)
{
    static const struct {
        const char *line;
        unsigned status;
    } lines[] = {{"GET / HTTP/1.1", 0},    {"GET / HTTP/1.0", 0},    {"GET / HTTP/1.9", 0},
                 {"GET / HTTP/2.0", 505},  {"GET / HTTP/3.0", 505},  {"GET / http/1.1", 400},
                 {"GET / HTTP/1.10", 400}, {"GET / HTTP/1", 400},    {"GET /", 400},
                 {"GET  / HTTP/1.1", 400}, {"GET /  HTTP/1.1", 400}, {" GET / HTTP/1.1", 400},
                 {"GET / HTTP/1.1 ", 400}, {"G(T / HTTP/1.1", 400},  {"GET\t/ HTTP/1.1", 400},
                 {"FOO-1 / HTTP/1.1", 0}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char head[128];
        snprintf(head, sizeof head, "%s\r\n" HOST "\r\n", lines[i].line);
        CHECK_EQ(parse(head), lines[i].status);
    }
    CHECK_EQ(parse("\r\n\r\n"), 400); /* whoever asks has passed over empty lines (2.2) */
}

/* RFC 9112 3.2, RFC 9110 7.2 */
static void a_host_is_named_once(void)
{
    CHECK_EQ(parse("GET / HTTP/1.1\r\n\r\n"), 400);
    CHECK_EQ(parse("GET http://a/ HTTP/1.1\r\n\r\n"), 400);
    CHECK_EQ(parse("GET / HTTP/1.0\r\n\r\n"), 0);
    CHECK_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), 400);
    CHECK_EQ(parse("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
    CHECK_EQ(parse("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400);
    CHECK_EQ(parse("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
    CHECK_EQ(parse("GET / HTTP/1.1\r\nHost: @a\r\n\r\n"), 400);
    CHECK_EQ(parse("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0);
    char head[2 * HTTP_HOST_SIZE], host[HTTP_HOST_SIZE + 1] = {0};
    /* the buffer has room for its terminator */
    for (size_t len = HTTP_HOST_SIZE - 1; len <= HTTP_HOST_SIZE; len++) {
        memset(host, 'h', len);
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
        CHECK_EQ(parse(head), len < HTTP_HOST_SIZE ? 0 : 400);
    }
}

/* RFC 9112 5, 5.1, 5.2 */
static void fields_have_one_form(void)
{
    static const char *const wrong[] = {"A : b", "A\t: b", " A: b", ": b", "A", "A(: b", "A: b\r\n c"};
    char head[4096], value[64];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\n" HOST "%s\r\n\r\n", wrong[i]);
        CHECK_EQ(parse(head), 400);
    }
    CHECK_EQ(parse("GET / HTTP/1.1\r\n" HOST "A:b\r\nx: 1 , 2\t \r\nX:\r\nX:  3\r\n\r\n"), 0);
    CHECK(request_field(&q, "a", value, sizeof value) && strcmp(value, "b") == 0);
    CHECK(request_field(&q, "x", value, sizeof value) && strcmp(value, "1 , 2, , 3") == 0);
    CHECK(request_lists(&q, "X", "2") && request_lists(&q, "x", "3") && !request_lists(&q, "x", "1 , 2") &&
          !request_lists(&q, "y", "2"));
    CHECK(request_has(&q, "X") && !request_has(&q, "Y") && request_field(&q, "y", value, sizeof value) &&
          !*value);
    CHECK(!request_field(&q, "x", value, 10) && request_field(&q, "x", value, 11));
    size_t n = (size_t)snprintf(head, sizeof head, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 1; i < HTTP_FIELDS_MAX; i++)
        n += (size_t)snprintf(head + n, sizeof head - n, "f%d: x\r\n", i);
    strcpy(head + n, "\r\n");
    CHECK_EQ(parse(head), 0);
    strcpy(head + n, "g: x\r\n\r\n");
    CHECK_EQ(parse(head), 431);
}

/* RFC 9112 6.1-6.3: refuses a length that two parsers may read differently. */
static void a_body_has_one_length(void)
{
    static const struct {
        const char *fields;
        unsigned status;
    } bodies[] = {{"Content-Length: 3\r\n", 0},
                  {"Content-Length: 3\r\nContent-Length: 3\r\n", 400},
                  {"Content-Length: 3, 3\r\n", 400},
                  {"Content-Length: +3\r\n", 400},
                  {"Content-Length: 0x3\r\n", 400},
                  {"Content-Length:\r\n", 400},
                  {"Content-Length : 3\r\n", 400},
                  {"Transfer-Encoding: chunked\r\n", 0},
                  {"Transfer-Encoding: Chunked\r\n", 0},
                  {"Transfer-Encoding : chunked\r\nContent-Length: 3\r\n", 400},
                  {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400},
                  {"Content-Length: 3\r\nTransfer-Encoding: gzip\r\n", 400},
                  {"Transfer-Encoding: gzip, chunked\r\n", 501},
                  {"Transfer-Encoding: gzip\r\n", 400},
                  {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
                  {"Transfer-Encoding: xchunked\r\n", 400},
                  {"Transfer-Encoding:\r\n", 400}};
    char head[256];
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\n" HOST "%s\r\n", bodies[i].fields);
        unsigned status = parse(head);
        if (status != bodies[i].status)
            printf("# %s", bodies[i].fields);
        CHECK_EQ(status, bodies[i].status);
    }
    CHECK_EQ(parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    CHECK_EQ(parse("POST / HTTP/1.1\r\n" HOST "Content-Length: 007\r\n\r\n"), 0);
    CHECK(q.has_length && q.length == 7 && !q.chunked);
    CHECK_EQ(parse("POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551616\r\n\r\n"), 0);
    CHECK(q.length == (size_t)-1);
    CHECK_EQ(parse("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999999\r\n\r\n"), 0);
    CHECK(q.length == (size_t)-1);
    CHECK_EQ(parse("POST / HTTP/1.1\r\n" HOST "\r\n"), 0);
    CHECK(!q.has_length && q.length == 0);
}

/* RFC 9110 5.3: a field that is not a list occurs once. */
static void single_values_come_once(void)
{
    static const char *const once[] = {"Authorization", "Content-Type", "Origin", "Sec-WebSocket-Key",
                                       "Sec-WebSocket-Version"};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        char head[256];
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\n" HOST "%s: a\r\n%s: a\r\n\r\n", once[i], once[i]);
        CHECK_EQ(parse(head), 400);
    }
    CHECK_EQ(parse("GET / HTTP/1.1\r\n" HOST "If-Match: \"a\"\r\nIf-Match: \"b\"\r\n\r\n"), 0);
}

/* RFC 9110 10.1.1, RFC 9112 9.3 */
static void expectations_and_persistence(void)
{
    CHECK_EQ(parse("POST / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"), 0);
    CHECK(q.expects && q.persistent);
    CHECK_EQ(parse("POST / HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n"), 417);
    CHECK_EQ(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), 0);
    CHECK(!q.expects && !q.persistent);
    CHECK_EQ(parse("GET / HTTP/1.1\r\n" HOST "Connection: x, Close\r\n\r\n"), 0);
    CHECK(!q.persistent);
}

/* RFC 3986 2.1 */
static void escapes_are_decoded_once(void)
{
    static const struct {
        const char *text, *out;
        unsigned status;
    } texts[] = {{"/a%20b", "/a b", 0},
                 {"a+b", "a+b", 0},
                 {"%2B%26%2f", "+&/", 0},
                 {"%2541", "%41", 0},
                 {"%c3%B6", "\xc3\xb6", 0},
                 {"%00", "", 400},
                 {"a%", "", 400},
                 {"a%4", "", 400},
                 {"%4g", "", 400},
                 {"%%41", "", 400},
                 {"", "", 0},
                 {"12345678", "", 414}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char out[8] = "";
        struct http_text t = {texts[i].text, strlen(texts[i].text)};
        CHECK_EQ(request_decode(t, out, sizeof out), texts[i].status);
        CHECK(texts[i].status || strcmp(out, texts[i].out) == 0);
    }
}

TEST_MAIN(TEST(a_head_ends_at_its_empty_line_wherever_it_is_cut), TEST(bytes_of_no_head_are_found_at_once),
          TEST(targets_of_every_form), TEST(a_request_line_has_one_form), TEST(a_host_is_named_once),
          TEST(fields_have_one_form), TEST(a_body_has_one_length), TEST(single_values_come_once),
          TEST(expectations_and_persistence), TEST(escapes_are_decoded_once))
