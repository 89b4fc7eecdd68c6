/* Protocol detection by first bytes, and the front over loopback, with plain sockets as clients, so that they
 * can misbehave. */
#include "net/front.h"
#include "base/limits.h"
#include "net/first_bytes.h"
#include "tests/unit/counter.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 8000
#define COOKIE      0x21, 0x12, 0xa4, 0x42
#define TXID        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12

static const uint8_t turn[] = {0, 3, 0, 0, COOKIE, TXID};       /* Allocate */
static const uint8_t plain_stun[] = {0, 1, 0, 0, COOKIE, TXID}; /* Binding */
static const uint8_t ice[] = {0, 20, 0, 1, 0, 0, COOKIE, TXID}; /* Binding in a frame */
static const uint8_t request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/* A view of an exact allocation, so that a sanitizer sees reads past its end. */
static enum first_bytes decide(const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, data, len);
    enum first_bytes r = first_bytes(exact, len);
    free(exact);
    return r;
}

/* A real ClientHello, with this ALPN (in wire form) if any. */
static size_t hello(uint8_t *out, size_t size, const char *alpn, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem()), *bytes = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, in, bytes);
    SSL_set_max_proto_version(ssl, version);
    SSL_set_tlsext_host_name(ssl, "monoport.example");
    if (alpn)
        CHECK_EQ(SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn)), 0);
    SSL_connect(ssl);
    int n = BIO_read(bytes, out, (int)size);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return (size_t)n;
}

/* The same handshake bytes in records of `record` bytes. */
static size_t fragment(uint8_t *out, const uint8_t *whole, size_t len, size_t record)
{
    size_t n = 0;
    for (size_t at = 5; at < len; at += record) {
        size_t here = len - at < record ? len - at : record;
        memcpy(out + n, whole, 3);
        put16(out + n + 3, (uint16_t)here);
        memcpy(out + n + 5, whole + at, here);
        n += 5 + here;
    }
    return n;
}

static void each_first_byte_is_decided(void)
{
    for (int first = 0; first < 256; first++) {
        uint8_t data[64] = {(uint8_t)first, 1, 0, 8, COOKIE};
        enum first_bytes one = decide(data, 1), all = decide(data, sizeof data);
        bool letter = first >= 'A' && first <= 'Z';
        CHECK_EQ(one, letter ? FIRST_HTTP : first == 22 || first <= 5 ? FIRST_MORE : FIRST_NONE);
        CHECK_EQ(all, letter ? FIRST_HTTP : first < 2 ? FIRST_TURN : FIRST_NONE);
    }
    CHECK_EQ(first_bytes(NULL, 0), FIRST_MORE);
}

/* The result for a prefix is the final one, or that more bytes are needed. */
static void check_prefixes(const uint8_t *data, size_t len, enum first_bytes whole, size_t told_at)
{
    for (size_t n = 0; n <= len; n++)
        CHECK_EQ(decide(data, n), n < told_at ? FIRST_MORE : whole);
}

static void a_prefix_waits_for_the_rest(void)
{
    uint8_t out[8192];
    check_prefixes(turn, sizeof turn, FIRST_TURN, 8);
    check_prefixes(plain_stun, sizeof plain_stun, FIRST_TURN, 8);
    check_prefixes(ice, sizeof ice, FIRST_ICE, sizeof ice);
    check_prefixes(request, sizeof request - 1, FIRST_HTTP, 1);
    size_t n = hello(out, sizeof out, "\x02h2\x08http/1.1", TLS1_3_VERSION);
    check_prefixes(out, n, FIRST_TLS, n);
}

static void hello_is_whole_in_any_records(void)
{
    static const char *const alpn[] = {"\x02h2\x08http/1.1", "\x09stun.turn", NULL};
    uint8_t whole[8192], parts[16384];
    for (size_t i = 0; i < sizeof alpn / sizeof *alpn; i++)
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            size_t n = hello(whole, sizeof whole, alpn[i], version);
            CHECK_EQ(decide(whole, n), FIRST_TLS);
            for (size_t record = 1; record < n; record += record < 64 ? 1 : 37) {
                size_t m = fragment(parts, whole, n, record);
                if (m > FIRST_BYTES_MAX)
                    continue;
                CHECK_EQ(decide(parts, m), FIRST_TLS);
                CHECK_EQ(decide(parts, m - 1), FIRST_MORE);
            }
        }
    static const uint8_t old[] = {22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3, [43] = 0, 0, 2, 0, 47, 1, 0};
    CHECK_EQ(decide(old, sizeof old), FIRST_TLS); /* without extensions */
    static const uint8_t cut[] = {22, 3, 1, 0, 4, 1, 0, 0, 0};
    CHECK_EQ(decide(cut, sizeof cut), FIRST_NONE);
}

static void hellos_that_lie_are_refused(void)
{
    uint8_t whole[8192], bad[8192];
    size_t n = hello(whole, sizeof whole, "\x02h2", TLS1_3_VERSION);
    unsigned refused = 0;
    for (size_t at = 1; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bad, whole, n);
            bad[at] ^= (uint8_t)(1 << bit);
            enum first_bytes r = decide(bad, n);
            CHECK(r == FIRST_NONE || r == FIRST_MORE || r == FIRST_TLS);
            refused += r == FIRST_NONE;
        }
    CHECK(refused > 30);
    memset(bad, 0xff, sizeof bad);
    memcpy(bad, (uint8_t[]){22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0}, 9); /* longer than the limit */
    CHECK_EQ(decide(bad, 9), FIRST_NONE);
    memcpy(bad, (uint8_t[]){22, 3, 1, 0, 0}, 5); /* empty records for ever */
    CHECK_EQ(decide(bad, 5), FIRST_NONE);
    memcpy(bad, (uint8_t[]){22, 3, 1, 0x41, 0}, 5); /* RFC 8446 5.1: 2^14 at the most */
    CHECK_EQ(decide(bad, 5), FIRST_NONE);
}

static void frames_that_are_no_check_are_refused(void)
{
    uint8_t data[1600] = {0, 0, 0, 1, 0, 0, COOKIE};
    for (unsigned len = 0; len <= 0x5ff; len++) {
        put16(data, (uint16_t)len);
        enum first_bytes r = decide(data, sizeof data);
        CHECK_EQ(r, len >= 20 && len <= DATAGRAM_IN_MAX ? FIRST_ICE : FIRST_NONE);
    }
    put16(data, 100);
    data[3] = 2; /* not a Binding request */
    CHECK_EQ(decide(data, sizeof data), FIRST_NONE);
}

static void inside_tls_are_http_and_turn_alone(void)
{
    uint8_t out[8192];
    CHECK_EQ(first_bytes_inside(request, 1), FIRST_HTTP);
    CHECK_EQ(first_bytes_inside(turn, sizeof turn), FIRST_TURN);
    CHECK_EQ(first_bytes_inside(turn, 7), FIRST_MORE);
    CHECK_EQ(first_bytes_inside(ice, sizeof ice), FIRST_NONE);
    CHECK_EQ(first_bytes_inside(NULL, 0), FIRST_MORE);
    size_t n = hello(out, sizeof out, NULL, TLS1_3_VERSION);
    CHECK_EQ(first_bytes_inside(out, n), FIRST_NONE);
    CHECK_EQ(first_bytes_inside(out, 1), FIRST_NONE);
}

/* --- the front itself --- */

static struct {
    struct front *front;
    uint16_t port;
    _Atomic int web, stream;
    _Atomic int kind;
    _Atomic size_t first; /* first bytes passed to the stream callback */
    int fd;
} f;

static bool on_stream(void *context, const struct stream_connection *c, const uint8_t *first, size_t len)
{
    f.kind = (int)c->kind;
    f.first = len;
    f.fd = c->fd;
    counter_raise(&f.stream);
    return true;
}

static bool on_web(void *context, int fd, const struct path *path)
{
    f.fd = fd;
    counter_raise(&f.web);
    return true;
}

static void start(mp_time patience)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    const char *error = NULL;
    struct front_config c = {.stream = on_stream, .web = on_web, .patience = patience};
    memset(&f, 0, sizeof f);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* a free port */
    bind(fd, (struct sockaddr *)&a, sizeof a);
    getsockname(fd, (struct sockaddr *)&a, &n);
    close(fd);
    f.port = c.listen.port = ntohs(a.sin_port);
    f.front = front_new(&c, &error);
    CHECK(f.front && front_start(f.front));
}

static int dial(void)
{
    struct sockaddr_in a = {AF_INET, htons(f.port), {htonl(INADDR_LOOPBACK)}, {0}};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static bool ends(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;
    return poll(&p, 1, PATIENCE_MS) == 1 && recv(fd, &c, 1, 0) <= 0;
}

static bool is_open(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

/* Sends it byte by byte; the receiving module finds all of it unread. */
static void check_handed_over(const uint8_t *data, size_t len, _Atomic int *to, int kind)
{
    uint8_t read_back[256];
    int fd = dial(), before = *to;
    for (size_t i = 0; i < len; i++)
        CHECK_EQ(send(fd, data + i, 1, 0), 1);
    CHECK(counter_reaches(to, before + 1));
    CHECK_EQ(*to, before + 1);
    CHECK_EQ(f.kind, kind);
    size_t got = 0;
    while (got < len) {
        struct pollfd p = {.fd = f.fd, .events = POLLIN};
        CHECK_EQ(poll(&p, 1, PATIENCE_MS), 1);
        ssize_t n = recv(f.fd, read_back + got, sizeof read_back - got, MSG_DONTWAIT);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    CHECK(got == len && memcmp(read_back, data, len) == 0);
    close(f.fd);
    close(fd);
}

static void connections_go_where_their_bytes_say(void)
{
    start(0);
    check_handed_over(request, sizeof request - 1, &f.web, false);
    check_handed_over(turn, sizeof turn, &f.stream, STREAM_TURN);
    check_handed_over(ice, sizeof ice, &f.stream, STREAM_ICE);
    CHECK_EQ(f.first, sizeof ice); /* all of it: the ufrag in it names a worker */
    front_free(f.front);
}

static void nonsense_and_tls_without_a_certificate_are_closed(void)
{
    static const uint8_t tls[] = {22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3, [43] = 0, 0, 2, 0, 47, 1, 0};
    start(0);
    int a = dial(), b = dial();
    CHECK_EQ(send(a, "\xff", 1, 0), 1);
    CHECK_EQ(send(b, tls, sizeof tls, 0), (ssize_t)sizeof tls);
    CHECK(ends(a) && ends(b));
    CHECK_EQ(f.web + f.stream, 0);
    close(a);
    close(b);
    front_free(f.front);
}

static void silence_ends(void)
{
    start(MP_MS(200));
    int silent = dial(), half = dial();
    CHECK_EQ(send(half, turn, 5, 0), 5);
    CHECK(ends(silent) && ends(half));
    close(silent);
    close(half);
    front_free(f.front);
}

/* The front closes the oldest of the same address to make room, and still serves connections that send
 * bytes. */
static void a_crowd_of_silent_ones_is_bounded(void)
{
    struct rlimit limit;
    static int crowd[FRONT_PENDING_SOURCE + 20];
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &limit);
    start(0);
    for (int i = 0; i < FRONT_PENDING_SOURCE + 20; i++)
        crowd[i] = dial();
    for (int i = 0; i < 20; i++)
        CHECK(ends(crowd[i]));
    check_handed_over(request, sizeof request - 1, &f.web, false); /* and the 21st made room for it */
    CHECK(ends(crowd[20]));
    for (int i = 21; i < FRONT_PENDING_SOURCE + 20; i++)
        CHECK(is_open(crowd[i]));
    front_free(f.front);
    for (int i = 0; i < FRONT_PENDING_SOURCE + 20; i++)
        close(crowd[i]);
}

static void it_rests_without_a_certificate(void)
{
    start(MP_S(1));
    clock_t used = clock();
    /* The span of the measurement: past the time when it would look at the certificate's files. */
    usleep((FRONT_REFRESH + MP_MS(400)) / 1000);
    CHECK(clock() - used < CLOCKS_PER_SEC / 10);
    front_free(f.front);
}

TEST_MAIN(TEST(each_first_byte_is_decided), TEST(a_prefix_waits_for_the_rest),
          TEST(hello_is_whole_in_any_records), TEST(hellos_that_lie_are_refused),
          TEST(frames_that_are_no_check_are_refused), TEST(inside_tls_are_http_and_turn_alone),
          TEST(connections_go_where_their_bytes_say), TEST(nonsense_and_tls_without_a_certificate_are_closed),
          TEST(silence_ends), TEST(a_crowd_of_silent_ones_is_bounded), TEST(it_rests_without_a_certificate))
