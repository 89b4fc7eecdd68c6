/* Frames, the queue of a slow connection, and a worker's streams over real sockets; time is the test's. */
#include "net/stream.h"
#include "base/callers.h"
#include "base/limits.h"
#include "crypto/certificate.h"
#include "net/arrivals.h"
#include "net/frame_queue.h"
#include "net/tls.h"
#include "tests/unit/test.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 8000

/* --- frames --- */

static size_t write_frame(uint8_t *out, enum frame_format format, const uint8_t *datagram, size_t len)
{
    uint8_t header[FRAME_HEADER_MAX];
    size_t behind, n;
    CHECK(frame_write(header, &n, &behind, format, datagram, len));
    memcpy(out, header, n);
    memcpy(out + n, datagram, len);
    memset(out + n + len, 0, behind);
    return n + len + behind;
}

/* A datagram of `len` bytes that the format can carry; 0: there is none of that length. */
static size_t datagram(uint8_t *out, enum frame_format format, size_t len, bool channel)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(128 + i % 64);
    if (format == FRAME_RFC4571)
        return len;
    if (len < (channel ? 4u : 20u) || (!channel && len % 4))
        return 0;
    put16(out, channel ? 0x4001 : 0x0016);
    put16(out + 2, (uint16_t)(len - (channel ? 4 : 20)));
    return len;
}

static void frames_of_every_length_round_trip(void)
{
    static uint8_t in[STREAM_FRAME_MAX], out[STREAM_FRAME_MAX + 8];
    struct frame f;
    for (size_t len = 1; len <= STREAM_DATAGRAM_MAX; len++)
        for (int kind = 0; kind < 3; kind++) {
            enum frame_format format = kind ? FRAME_TURN : FRAME_RFC4571;
            if (!datagram(in, format, len, kind == 2) && kind)
                continue;
            size_t n = write_frame(out, format, in, len);
            CHECK_EQ(frame_read(&f, format, out, n), FRAME_OK);
            CHECK(f.size == n && f.len == len && memcmp(out + f.start, in, len) == 0);
            for (size_t cut = 0; cut < 5 && cut < n; cut++)
                CHECK(frame_read(&f, format, out, cut) != FRAME_BAD);
        }
}

static void frames_over_the_bound_are_refused(void)
{
    struct frame f;
    uint8_t head[4];
    for (unsigned len = 0; len <= UINT16_MAX; len++) {
        put16(head, (uint16_t)len);
        CHECK_EQ(frame_read(&f, FRAME_RFC4571, head, 2), len <= STREAM_DATAGRAM_MAX ? FRAME_OK : FRAME_BAD);
        put16(head, 0x4fff);
        put16(head + 2, (uint16_t)len);
        CHECK_EQ(frame_read(&f, FRAME_TURN, head, 4), len + 4 <= STREAM_DATAGRAM_MAX ? FRAME_OK : FRAME_BAD);
        put16(head, 0x0003);
        CHECK_EQ(frame_read(&f, FRAME_TURN, head, 4),
                 len % 4 == 0 && len + 20 <= STREAM_DATAGRAM_MAX ? FRAME_OK : FRAME_BAD);
    }
    for (unsigned first = 0; first < 256; first++) {
        memcpy(head, (uint8_t[]){(uint8_t)first, 0, 0, 8}, 4);
        CHECK_EQ(frame_read(&f, FRAME_TURN, head, 4),
                 first < 4 || (first >= 64 && first < 80) ? FRAME_OK : FRAME_BAD);
    }
}

/* --- the queue --- */

static void add(struct frame_queue *q, uint8_t first, uint32_t number, size_t len)
{
    uint8_t d[STREAM_FRAME_MAX], header[FRAME_HEADER_MAX];
    size_t behind, n;
    memset(d, 0, len);
    d[0] = first;
    put32(d + 1, number);
    CHECK(frame_write(header, &n, &behind, FRAME_RFC4571, d, len));
    frame_queue_add(q, FRAME_RFC4571, (struct bytes){header, n}, (struct bytes){d, len}, behind);
}

/* Takes all frames and returns their count; `checks`: those that are not media; also the first and last
 * numbers of media. */
static unsigned drain(struct frame_queue *q, unsigned *checks, uint32_t *first, uint32_t *last)
{
    static uint8_t out[20000];
    unsigned count = 0;
    size_t n;
    struct frame f;
    *checks = 0;
    *first = UINT32_MAX;
    while ((n = frame_queue_take(q, FRAME_RFC4571, out, sizeof out)))
        for (size_t at = 0; at < n; at += f.size, count++) {
            CHECK_EQ(frame_read(&f, FRAME_RFC4571, out + at, n - at), FRAME_OK);
            CHECK(at + f.size <= n); /* never a part of one */
            uint32_t number = get32(out + at + f.start + 1);
            if (out[at + f.start] < 128) {
                ++*checks;
                continue;
            }
            if (*first == UINT32_MAX)
                *first = number;
            else
                CHECK_EQ(number, *last + 1); /* in order, without a gap */
            *last = number;
        }
    return count;
}

static void a_full_queue_loses_old_media_and_keeps_the_rest(void)
{
    struct frame_queue q = {0};
    unsigned checks, count;
    uint32_t first, last;
    for (uint32_t i = 0; i < 5000; i++) {
        add(&q, 0x80, i, 100 + i % 1300);
        if (i % 500 == 0)
            add(&q, 0, 0, 100); /* a check's answer */
        CHECK(q.len <= STREAM_QUEUE_SIZE);
    }
    count = drain(&q, &checks, &first, &last);
    CHECK_EQ(checks, 10);
    CHECK_EQ(last, 4999);
    CHECK(first > 4500 && count == 10 + last - first + 1);
    CHECK_EQ(q.dropped, first);
    CHECK(q.data == NULL); /* its memory is given back */
}

static void a_queue_full_of_what_must_stay_takes_no_more(void)
{
    struct frame_queue q = {0};
    unsigned checks;
    uint32_t first, last;
    for (uint32_t i = 0; i < 1000; i++)
        add(&q, 20, i, 1000);
    CHECK(q.dropped > 0);
    unsigned count = drain(&q, &checks, &first, &last);
    CHECK(count == checks && count + q.dropped == 1000);
    frame_queue_free(&q);
}

/* --- streams --- */

static struct {
    struct streams *streams;
    struct arrivals *arrivals;
    mp_time now;
    unsigned datagrams, gone, http;
    size_t bytes;
    struct path path; /* of the last */
    uint8_t last[STREAM_FRAME_MAX];
    size_t last_len;
    bool known;
    int http_fd;
} t;

static void on_datagram(void *context, const struct path *path, const uint8_t *data, size_t len)
{
    t.datagrams++;
    t.bytes += len;
    t.path = *path;
    t.last_len = len;
    memcpy(t.last, data, len);
}
static bool on_known(void *context, const struct path *path) { return t.known; }
static void on_gone(void *context, const struct path *path) { t.gone++; }
static bool on_http(void *context, int fd, const struct path *path)
{
    t.http++;
    t.http_fd = fd;
    return true;
}

static void open_counted_streams(struct tls *tls, struct arrivals *arrivals)
{
    memset(&t, 0, sizeof t);
    t.arrivals = arrivals;
    t.now = MP_S(100);
    t.streams = streams_new(&(struct streams_config){.worker = 3,
                                                     .tls = tls,
                                                     .arrivals = arrivals,
                                                     .datagram = on_datagram,
                                                     .known = on_known,
                                                     .gone = on_gone,
                                                     .http = on_http});
    CHECK(t.streams != NULL);
}

static void open_streams(struct tls *tls) { open_counted_streams(tls, NULL); }

/* The client's end of a new connection. */
static int connection(enum stream_kind kind)
{
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct stream_connection c = {.fd = pair[0], .kind = kind, .path.remote.port = 4711};
    CHECK(streams_give(t.streams, &c));
    streams_receive(t.streams, t.now);
    return pair[1];
}

static void turns(void)
{
    for (int i = 0; i < 20; i++)
        streams_receive(t.streams, t.now);
}

static bool is_closed(int fd)
{
    char c;
    turns();
    return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void datagrams_arrive_whole_however_they_are_cut(void)
{
    uint8_t d[STREAM_FRAME_MAX], bytes[16384];
    open_streams(NULL);
    int ice = connection(STREAM_ICE), turn = connection(STREAM_TURN);
    for (size_t piece = 1; piece < 3000; piece += piece < 8 ? 1 : 271) {
        for (int kind = 0; kind < 2; kind++) {
            enum frame_format format = kind ? FRAME_TURN : FRAME_RFC4571;
            size_t n = 0, sum = 0;
            unsigned before = t.datagrams;
            size_t bytes_before = t.bytes;
            for (size_t len = 20; len <= 1500; len += 185) {
                size_t m = datagram(d, format, len, true);
                n += write_frame(bytes + n, format, d, m);
                sum += m;
            }
            for (size_t at = 0; at < n; at += piece) {
                size_t here = n - at < piece ? n - at : piece;
                CHECK_EQ(send(kind ? turn : ice, bytes + at, here, 0), (ssize_t)here);
                streams_receive(t.streams, t.now);
            }
            turns();
            CHECK_EQ(t.datagrams - before, 9);
            CHECK_EQ(t.bytes - bytes_before, sum);
            CHECK_EQ(link_kind(t.path.link), kind == STREAM_ICE ? LINK_STREAM : LINK_TURN);
            CHECK_EQ(link_worker(t.path.link), 3);
            CHECK_EQ(t.path.remote.port, 4711);
        }
    }
    CHECK_EQ(send(ice, "\0\0\0\0", 4, 0), 4); /* empty frames are nothing */
    turns();
    CHECK_EQ(streams_open(t.streams), 2);
    streams_free(t.streams);
    close(ice);
    close(turn);
}

static void frames_too_long_close_the_connection(void)
{
    open_streams(NULL);
    int a = connection(STREAM_ICE), b = connection(STREAM_TURN);
    CHECK_EQ(send(a, "\xff\xff", 2, 0), 2);
    CHECK_EQ(send(b, "\xff\xff\xff\xff", 4, 0), 4);
    CHECK(is_closed(a) && is_closed(b));
    CHECK_EQ(streams_counts(t.streams)->malformed, 2);
    CHECK(t.gone == 2 && streams_open(t.streams) == 0);
    streams_free(t.streams);
    close(a);
    close(b);
}

/* Opens a stream that is known by its first datagram; returns the client's end. */
static int talking(enum stream_kind kind)
{
    uint8_t d[64], bytes[128];
    int fd = connection(kind);
    enum frame_format format = kind == STREAM_ICE ? FRAME_RFC4571 : FRAME_TURN;
    size_t n = write_frame(bytes, format, d, datagram(d, format, 40, true));
    CHECK_EQ(send(fd, bytes, n, 0), (ssize_t)n);
    turns();
    CHECK_EQ(t.datagrams, 1);
    return fd;
}

static void nobody_keeps_a_connection_that_he_does_not_use(void)
{
    open_streams(NULL);
    int fd = talking(STREAM_ICE);
    CHECK_EQ(streams_deadline(t.streams), t.now + STREAM_GRACE);
    t.known = true;
    streams_timeout(t.streams, t.now += STREAM_GRACE);
    CHECK_EQ(streams_open(t.streams), 1);
    CHECK_EQ(streams_deadline(t.streams), t.now + STREAM_LOOK);
    t.known = false; /* its session ended */
    streams_timeout(t.streams, t.now += STREAM_LOOK);
    CHECK_EQ(streams_open(t.streams), 0);
    CHECK(is_closed(fd) && t.gone == 1);
    CHECK_EQ(streams_deadline(t.streams), MP_NEVER);
    close(fd);
    fd = connection(STREAM_ICE);
    close(fd);
    turns();
    CHECK_EQ(streams_open(t.streams), 0);
    struct transmit late = {.path = t.path, .data = (const uint8_t *)"x", .len = 1, .segment = 1};
    streams_send(t.streams, &late); /* the core may not know yet */
    streams_free(t.streams);
}

static size_t read_frames(int fd, uint8_t *buffer, size_t *have, unsigned *count)
{
    struct frame f;
    size_t total = 0;
    ssize_t n;
    while ((n = recv(fd, buffer + *have, 60000 - *have, MSG_DONTWAIT)) > 0) {
        size_t at = 0;
        *have += (size_t)n;
        total += (size_t)n;
        while (frame_read(&f, FRAME_RFC4571, buffer + at, *have - at) == FRAME_OK && f.size <= *have - at) {
            for (size_t i = 1; i < f.len; i++)
                if (buffer[at + f.start + i] != (uint8_t)f.len)
                    CHECK(!"a frame is torn");
            at += f.size;
            ++*count;
        }
        memmove(buffer, buffer + at, *have - at);
        *have -= at;
    }
    return total;
}

/* Sends a run of 8 datagrams of 1000 bytes and one shorter, each filled with its own length. */
static void send_run(void)
{
    static uint8_t run[9000];
    uint16_t len = 0;
    for (int i = 0; i < 9; i++) {
        size_t n = i < 8 ? 1000 : 300;
        memset(run + len, (uint8_t)n, n);
        run[len] = 0x80;
        len = (uint16_t)(len + n);
    }
    streams_send(t.streams, &(struct transmit){.path = t.path, .data = run, .len = len, .segment = 1000});
}

static void a_run_leaves_as_frames(void)
{
    static uint8_t buffer[60000];
    size_t have = 0;
    unsigned count = 0;
    open_streams(NULL);
    int fd = talking(STREAM_ICE);
    send_run();
    CHECK_EQ(read_frames(fd, buffer, &have, &count), 9 * 2 + 8300);
    CHECK(count == 9 && have == 0);
    streams_free(t.streams);
    close(fd);
}

/* The queue is bounded; afterwards the connection continues with whole frames, the newest ones. */
static void a_stalled_connection_is_bounded_and_recovers(void)
{
    static uint8_t buffer[60000];
    size_t have = 0, total = 0;
    unsigned count = 0;
    open_streams(NULL);
    int fd = talking(STREAM_ICE);
    for (int i = 0; i < 1000; i++)
        send_run();
    const struct stream_counts *c = streams_counts(t.streams);
    CHECK(c->dropped > 8000 && c->frames_out == 9000);
    for (int i = 0; i < 1000; i++) {
        turns();
        total += read_frames(fd, buffer, &have, &count);
    }
    printf("# %zu bytes in %u frames were kept of 8.3 MB\n", total, count);
    CHECK_EQ(count + c->dropped, 9000);
    CHECK(have == 0 && total < 2 * STREAM_QUEUE_SIZE + 600000); /* the queue, and the kernel's buffer */
    count = 0;
    send_run();
    read_frames(fd, buffer, &have, &count);
    CHECK_EQ(count, 9);
    streams_free(t.streams);
    close(fd);
}

static void strangers_are_bounded(void)
{
    static int fds[STREAM_STRANGERS_MAX + 10];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 3 * STREAM_STRANGERS_MAX) {
        printf("# too few descriptors\n");
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    open_streams(NULL);
    for (size_t i = 0; i < STREAM_STRANGERS_MAX + 10; i++)
        fds[i] = connection(STREAM_ICE);
    CHECK_EQ(streams_open(t.streams), STREAM_STRANGERS_MAX);
    for (int i = 0; i < 10; i++) /* the oldest made room */
        CHECK(is_closed(fds[i]));
    CHECK(!is_closed(fds[10]));
    t.known = true; /* used connections take no stranger's slot and are not closed */
    int one = connection(STREAM_ICE);
    CHECK_EQ(streams_open(t.streams), STREAM_STRANGERS_MAX + 1);
    close(one);
    streams_free(t.streams);
    for (size_t i = 0; i < STREAM_STRANGERS_MAX + 10; i++)
        close(fds[i]);
}

/* --- TLS --- */

static char state[] = "/tmp/monoport-stream-XXXXXX", pem[64];

static bool make(FILE *f) { return certificate_write(f, "DNS:localhost"); }

static struct tls *open_tls(void)
{
    char error[TLS_ERROR_SIZE];
    strcpy(state + sizeof state - 7, "XXXXXX");
    CHECK(mkdtemp(state) != NULL);
    snprintf(pem, sizeof pem, "%s/self-signed.pem", state);
    struct tls *tls =
        tls_new(&(struct tls_config){.certificate = "", .key = "", .state = state, .make = make}, error);
    CHECK(tls != NULL);
    return tls;
}

static void close_tls(struct tls *tls)
{
    tls_free(tls);
    unlink(pem);
    rmdir(state);
}

/* The client's end of TLS on `fd`, its handshake done. */
static SSL *handshake_offering(int fd, const char *alpn)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set_fd(ssl, fd);
    if (*alpn)
        SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
    for (int i = 0; i < 100 && SSL_connect(ssl) != 1; i++)
        streams_receive(t.streams, t.now);
    CHECK(SSL_is_init_finished(ssl));
    ERR_clear_error();
    return ssl;
}

static SSL *handshake(int fd) { return handshake_offering(fd, ""); }

/* Reads all received frames, and whether the connection ended; the type of the last. */
static int last_frame(SSL *ssl, bool *ended)
{
    static uint8_t in[4096];
    size_t len = 0, at = 0;
    int n, type = -1;
    while ((n = SSL_read(ssl, in + len, (int)(sizeof in - len))) > 0)
        len += (size_t)n;
    *ended = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN;
    ERR_clear_error();
    for (; at + 9 <= len; at += 9 + ((size_t)in[at] << 16 | (size_t)in[at + 1] << 8 | in[at + 2]))
        type = in[at + 3];
    return at == len ? type : -1;
}

static void an_idle_client_of_http2_is_told_goaway(void)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    bool ended;
    struct tls *tls = open_tls();
    open_streams(tls);
    int fd = connection(STREAM_TLS);
    SSL *ssl = handshake_offering(fd, "\x02h2");
    CHECK_EQ(SSL_write(ssl, preface, sizeof preface - 1), sizeof preface - 1);
    turns();
    CHECK_EQ(last_frame(ssl, &ended), 4); /* SETTINGS */
    streams_timeout(t.streams, t.now + MP_S(59));
    CHECK(last_frame(ssl, &ended) == -1 && !ended);
    streams_timeout(t.streams, t.now + MP_S(65));
    CHECK(last_frame(ssl, &ended) == 7 && ended); /* GOAWAY */
    CHECK_EQ(streams_open(t.streams), 1);         /* it may still be on its way */
    streams_timeout(t.streams, t.now + MP_S(76));
    CHECK_EQ(streams_open(t.streams), 0);
    SSL_free(ssl);
    streams_free(t.streams);
    close(fd);
    close_tls(tls);
}

/* The first decrypted bytes decide the protocol. */
static void alpn_is_agreed_on_and_decides_nothing(void)
{
    static const struct {
        const char *offered, *agreed;
    } cases[] = {{"\x08http/1.1", "http/1.1"}, /* Firefox's TURN by way of a proxy */
                 {"\x08http/1.1\x09stun.turn", "stun.turn"},
                 {"\x06webrtc", ""},
                 {"", ""}};
    static const uint8_t turn[20] = {0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned http = 0; http < 2; http++) {
            const unsigned char *agreed;
            unsigned len;
            struct tls *tls = open_tls();
            open_streams(tls);
            int fd = connection(STREAM_TLS);
            SSL *ssl = handshake_offering(fd, cases[i].offered);
            SSL_get0_alpn_selected(ssl, &agreed, &len);
            CHECK(len == strlen(cases[i].agreed) && (!len || memcmp(agreed, cases[i].agreed, len) == 0));
            CHECK(http ? SSL_write(ssl, "GET / HTTP/1.1\r\n", 16) == 16 : SSL_write(ssl, turn, 20) == 20);
            turns();
            CHECK(t.http == http && t.datagrams == !http);
            SSL_free(ssl);
            streams_free(t.streams);
            close(fd);
            if (http)
                close(t.http_fd);
            close_tls(tls);
        }
}

static void turn_inside_tls_is_frames(void)
{
    uint8_t d[1500], bytes[1600], back[20000];
    struct tls *tls = open_tls();
    open_streams(tls);
    int fd = connection(STREAM_TLS);
    SSL *ssl = handshake(fd);
    size_t n = write_frame(bytes, FRAME_TURN, d, datagram(d, FRAME_TURN, 20, false));
    put32(bytes + 4, 0x2112a442);
    for (size_t i = 0; i < n; i++) { /* a record for each byte */
        CHECK_EQ(SSL_write(ssl, bytes + i, 1), 1);
        streams_receive(t.streams, t.now);
    }
    turns();
    CHECK(t.datagrams == 1 && t.last_len == 20);
    for (size_t len = 4; len <= 1500; len += 211) {
        n = write_frame(bytes, FRAME_TURN, d, datagram(d, FRAME_TURN, len, true));
        CHECK_EQ(SSL_write(ssl, bytes, (int)n), (int)n);
    }
    turns();
    CHECK_EQ(t.datagrams, 9);
    CHECK(memcmp(t.last, d, t.last_len) == 0);
    datagram(d, FRAME_TURN, 101, true);
    streams_send(t.streams, &(struct transmit){.path = t.path, .data = d, .len = 101, .segment = 101});
    CHECK_EQ(SSL_read(ssl, back, sizeof back), 104); /* ChannelData is padded on a stream */
    CHECK(memcmp(back, d, 101) == 0);
    SSL_free(ssl);
    streams_free(t.streams);
    close(fd);
    close_tls(tls);
}

/* Reads all output to the client; checks that it consists of frames, each with the contents of `d`. */
static unsigned frames_read(int fd, SSL *ssl, enum frame_format format)
{
    static uint8_t plain[60000];
    struct frame f;
    size_t have = 0;
    unsigned count = 0;
    for (int quiet = 0; quiet < 20; quiet++) {
        ssize_t r;
        turns();
        while ((r = ssl ? SSL_read(ssl, plain + have, (int)(sizeof plain - have))
                        : recv(fd, plain + have, sizeof plain - have, MSG_DONTWAIT)) > 0) {
            size_t at = 0;
            have += (size_t)r;
            quiet = 0;
            while (frame_read(&f, format, plain + at, have - at) == FRAME_OK && f.size <= have - at) {
                CHECK(f.len >= 1);
                at += f.size;
                count++;
            }
            memmove(plain, plain + at, have - at);
            have -= at;
        }
        ERR_clear_error();
    }
    CHECK_EQ(have, 0);
    return count;
}

/* Every first byte in every kind of length, by a connection that reads nothing, so that all but the first
 * wait in the queue. */
static unsigned push_everything(void)
{
    static uint8_t d[PACKET_SIZE];
    static const uint16_t lengths[] = {1, 2, 3, 4, 5, 19, 20, 21, 24, 100, 1200, 1232, 1500, PACKET_SIZE};
    unsigned pushed = 0;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (unsigned first = 0; first < 256; first++) {
            uint16_t len = lengths[i];
            memset(d, (int)(first * 7), sizeof d);
            d[0] = (uint8_t)first;
            streams_send(t.streams,
                         &(struct transmit){.path = t.path, .data = d, .len = len, .segment = len});
            pushed++;
        }
    return pushed;
}

/* A TURN connection can carry only TURN messages: the server drops other datagrams for it, and nothing
 * else. */
static void what_its_framing_cannot_carry_is_dropped(void)
{
    struct tls *tls = open_tls();
    for (int kind = STREAM_ICE; kind <= STREAM_TLS; kind++) {
        uint8_t d[64] = {0}, bytes[64];
        enum frame_format format = kind == STREAM_ICE ? FRAME_RFC4571 : FRAME_TURN;
        open_streams(tls);
        int fd = connection((enum stream_kind)kind);
        SSL *ssl = kind == STREAM_TLS ? handshake(fd) : NULL;
        datagram(d, FRAME_TURN, 20, false);
        put32(d + 4, 0x2112a442);
        size_t n = write_frame(bytes, format, d, 20);
        CHECK_EQ(ssl ? SSL_write(ssl, bytes, (int)n) : send(fd, bytes, n, 0), (ssize_t)n);
        turns();
        unsigned pushed = push_everything(), came = frames_read(fd, ssl, format);
        const struct stream_counts *c = streams_counts(t.streams);
        CHECK_EQ(came + c->dropped + c->unframed, pushed);
        CHECK(kind == STREAM_ICE ? c->unframed == 0 && came > 0 : c->unframed > pushed / 2);
        streams_send(t.streams, &(struct transmit){.path = t.path, .data = d, .len = 20, .segment = 20});
        CHECK_EQ(frames_read(fd, ssl, format), 1); /* it goes on */
        if (ssl)
            SSL_free(ssl);
        streams_free(t.streams);
        close(fd);
    }
    close_tls(tls);
}

static void a_stalled_tls_connection_recovers_too(void)
{
    static uint8_t plain[60000];
    uint8_t d[1500], bytes[64];
    struct frame f;
    size_t have = 0;
    unsigned count = 0;
    struct tls *tls = open_tls();
    open_streams(tls);
    int fd = connection(STREAM_TLS);
    SSL *ssl = handshake(fd);
    size_t n = write_frame(bytes, FRAME_TURN, d, datagram(d, FRAME_TURN, 20, false));
    put32(bytes + 4, 0x2112a442);
    CHECK_EQ(SSL_write(ssl, bytes, (int)n), (int)n);
    turns();
    datagram(d, FRAME_TURN, 1201, true);
    for (int i = 0; i < 5000; i++)
        streams_send(t.streams, &(struct transmit){.path = t.path, .data = d, .len = 1201, .segment = 1201});
    for (int i = 0; i < 2000; i++) {
        int r;
        turns();
        while ((r = SSL_read(ssl, plain + have, (int)(sizeof plain - have))) > 0) {
            size_t at = 0;
            have += (size_t)r;
            while (frame_read(&f, FRAME_TURN, plain + at, have - at) == FRAME_OK && f.size <= have - at) {
                CHECK(f.len == 1201 && memcmp(plain + at, d, 1201) == 0);
                at += f.size;
                count++;
            }
            memmove(plain, plain + at, have - at);
            have -= at;
        }
        ERR_clear_error();
    }
    CHECK(have == 0 && streams_counts(t.streams)->dropped > 0);
    CHECK_EQ(count + streams_counts(t.streams)->dropped, 5000);
    SSL_free(ssl);
    streams_free(t.streams);
    close(fd);
    close_tls(tls);
}

static void http_inside_tls_is_bridged(void)
{
    static uint8_t big[200000], back[200000];
    struct tls *tls = open_tls();
    char text[64];
    open_streams(tls);
    int fd = connection(STREAM_TLS);
    SSL *ssl = handshake(fd);
    CHECK_EQ(SSL_write(ssl, "GET / HTTP/1.1\r\n", 16), 16);
    turns();
    CHECK_EQ(t.http, 1);
    CHECK_EQ(SSL_write(ssl, "Host: x\r\n\r\n", 11), 11);
    turns();
    ssize_t n = recv(t.http_fd, text, sizeof text, MSG_DONTWAIT);
    CHECK(n == 27 && memcmp(text, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27) == 0);
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7 + i / 256);
    size_t sent = 0, got = 0;
    for (int i = 0; i < 10000 && got < sizeof big; i++) { /* more than all buffers on the path hold */
        if (sent < sizeof big) {
            ssize_t m = send(t.http_fd, big + sent, sizeof big - sent, MSG_DONTWAIT);
            if (m > 0 && (sent += (size_t)m) == sizeof big)
                shutdown(t.http_fd, SHUT_WR); /* its output must still arrive */
        }
        turns();
        int r = SSL_read(ssl, back + got, (int)(sizeof back - got));
        got += r > 0 ? (size_t)r : 0;
        ERR_clear_error();
    }
    CHECK(got == sizeof big && memcmp(big, back, got) == 0);
    turns();
    CHECK_EQ(SSL_read(ssl, back, 1), 0); /* closed, in order */
    CHECK_EQ(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
    CHECK_EQ(streams_open(t.streams), 1); /* a reset would lose the data in flight */
    CHECK_EQ(send(fd, big, 1000, 0), 1000);
    turns();
    CHECK(!is_closed(fd) || recv(fd, back, 1, MSG_DONTWAIT) == 0);
    CHECK_EQ(streams_open(t.streams), 1);
    streams_timeout(t.streams, t.now + MP_S(10) - 1);
    CHECK_EQ(streams_open(t.streams), 1);
    streams_timeout(t.streams, t.now + MP_S(10));
    CHECK_EQ(streams_open(t.streams), 0);
    SSL_free(ssl);
    streams_free(t.streams);
    close(fd);
    close(t.http_fd);
    close_tls(tls);
}

static void what_is_no_tls_or_stops_in_it_is_closed(void)
{
    struct tls *tls = open_tls();
    open_streams(tls);
    int garbage = connection(STREAM_TLS), silent = connection(STREAM_TLS), other = connection(STREAM_TLS);
    CHECK_EQ(send(garbage, "nothing like it", 15, 0), 15);
    turns();
    CHECK_EQ(streams_open(t.streams), 2);
    CHECK_EQ(streams_counts(t.streams)->tls_failed, 1);
    SSL *ssl = handshake(other);
    CHECK_EQ(SSL_write(ssl, "\x80nonsense", 9), 9);
    turns();
    CHECK_EQ(streams_counts(t.streams)->malformed, 1);
    streams_timeout(t.streams, t.now + STREAM_GRACE);
    CHECK_EQ(streams_open(t.streams), 0);
    SSL_free(ssl);
    streams_free(t.streams);
    close(garbage);
    close(silent);
    close(other);
    close_tls(tls);
}

static int serial_of(struct tls *tls)
{
    open_streams(tls);
    int fd = connection(STREAM_TLS), serial = 0;
    SSL *ssl = handshake(fd);
    X509 *c = SSL_get1_peer_certificate(ssl);
    uint64_t number = 0;
    if (c && ASN1_INTEGER_get_uint64(&number, X509_get0_serialNumber(c)) == 1)
        serial = (int)(number & 0x7fffffff);
    X509_free(c);
    SSL_free(ssl);
    streams_free(t.streams);
    close(fd);
    return serial;
}

static void write_pem(const char *text)
{
    FILE *f = fopen(pem, "w");
    if (text)
        fputs(text, f);
    else
        make(f);
    fclose(f);
}

static void the_certificate_follows_its_file(void)
{
    char error[TLS_ERROR_SIZE];
    struct stat st;
    struct tls *tls = open_tls();
    int first = serial_of(tls);
    CHECK(stat(pem, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK(tls_self_signed(tls) && !tls_refresh(tls, false)); /* nothing changed */
    CHECK_EQ(serial_of(tls), first);
    write_pem("no certificate");
    CHECK(!tls_refresh(tls, false));
    CHECK_EQ(serial_of(tls), first); /* the old one stays */
    write_pem(NULL);
    CHECK(tls_refresh(tls, false));
    int second = serial_of(tls);
    CHECK(second != first);
    tls_free(tls);
    tls = tls_new(&(struct tls_config){.certificate = "", .key = "", .state = state, .make = make}, error);
    CHECK(tls && serial_of(tls) == second); /* kept, not made again */
    tls_free(tls);
    tls = tls_new(&(struct tls_config){.certificate = pem, .key = pem, .state = state}, error);
    CHECK(tls && !tls_self_signed(tls));
    tls_free(tls);
    tls = tls_new(&(struct tls_config){.certificate = pem, .key = "/no/such/file", .state = state}, error);
    CHECK(!tls && strstr(error, "/no/such/file"));
    tls = tls_new(&(struct tls_config){.certificate = "", .key = "", .state = "/proc/nowhere", .make = make},
                  error);
    CHECK(!tls && strstr(error, "/proc/nowhere"));
    close_tls(NULL);
}

/* --- how many, and how often --- */

static void fill(struct arrivals *a, const struct address *from, unsigned most)
{
    for (unsigned i = 0; i < most; i++)
        CHECK(arrivals_take(a, from, t.now));
    CHECK(!arrivals_take(a, from, t.now));
}

static void an_address_has_its_share_and_its_network_the_same(void)
{
    struct arrivals *a = arrivals_new(&(struct arrivals_limits){.connections = 4});
    struct address v4, other, v6, neighbour, mapped, here;
    address_parse(&v4, "203.0.113.9", 1);
    address_parse(&mapped, "::ffff:203.0.113.9", 2);
    address_parse(&other, "203.0.113.10", 1);
    address_parse(&v6, "2001:db8:1:2::1", 1);
    address_parse(&neighbour, "2001:db8:1:2:ffff::2", 1);
    address_parse(&here, "127.0.0.1", 1);
    fill(a, &v4, 4);
    CHECK(!arrivals_take(a, &mapped, t.now));
    fill(a, &other, 4);
    fill(a, &v6, 4);
    CHECK(!arrivals_take(a, &neighbour, t.now));
    arrivals_leave(a, &neighbour);
    CHECK(arrivals_take(a, &v6, t.now) && !arrivals_take(a, &v6, t.now));
    for (int i = 0; i < 100; i++)
        CHECK(arrivals_take(a, &here, t.now)); /* a proxy stands for all clients */
    arrivals_free(a);
}

static void an_address_comes_as_often_as_it_may(void)
{
    struct arrivals *a = arrivals_new(&(struct arrivals_limits){.connections_per_s = 2});
    struct address from;
    address_parse(&from, "203.0.113.9", 1);
    t.now = MP_S(100);
    fill(a, &from, 2 * CALLER_BURST_S);
    t.now += MP_MS(500);
    fill(a, &from, 1);
    t.now += MP_S(60);
    fill(a, &from, 2 * CALLER_BURST_S);
    arrivals_free(a);
}

/* Closed by its client, by us, refused, and never accepted. */
static void whoever_is_closed_leaves_the_arrivals(void)
{
    struct arrivals *a = arrivals_new(&(struct arrivals_limits){.connections = 4});
    struct address from = {.port = 4711};
    open_counted_streams(NULL, a);
    fill(a, &from, 4);
    int gone = connection(STREAM_ICE), silent = connection(STREAM_TURN), wrong = connection(STREAM_ICE);
    CHECK(!arrivals_take(a, &from, t.now));
    close(gone);
    turns();
    fill(a, &from, 1);
    CHECK_EQ(send(wrong, "\xff\xff\xff\xff", 4, 0), 4);
    turns();
    fill(a, &from, 1);
    t.now += STREAM_GRACE;
    streams_timeout(t.streams, t.now);
    CHECK(is_closed(silent));
    fill(a, &from, 1);
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    CHECK(streams_give(t.streams,
                       &(struct stream_connection){.fd = pair[0], .kind = STREAM_ICE, .path.remote = from}));
    streams_free(t.streams); /* which has not read it yet */
    fill(a, &from, 1);
    arrivals_free(a);
    close(silent);
    close(wrong);
    close(pair[1]);
}

static unsigned answered(const int *fds, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        struct pollfd p = {.fd = fds[i], .events = POLLIN};
        n += poll(&p, 1, 0) == 1;
    }
    return n;
}

static void handshakes_of_a_round_are_bounded_and_frames_do_not_wait(void)
{
    enum { CLIENTS = 5 * STREAM_HANDSHAKES };
    struct tls *tls = open_tls();
    SSL *ssl[CLIENTS];
    int fds[CLIENTS];
    uint8_t d[200], bytes[256];
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    open_streams(tls);
    int turn = connection(STREAM_TURN);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = connection(STREAM_TLS);
    for (int i = 0; i < CLIENTS; i++) {
        ssl[i] = SSL_new(ctx);
        SSL_set_fd(ssl[i], fds[i]);
        SSL_connect(ssl[i]);
    }
    size_t n = write_frame(bytes, FRAME_TURN, d, datagram(d, FRAME_TURN, 100, true));
    CHECK_EQ(send(turn, bytes, n, 0), (ssize_t)n);
    for (unsigned rounds = 1; rounds <= 5; rounds++) {
        CHECK_EQ(streams_receive(t.streams, t.now), rounds < 5); /* there is more */
        CHECK_EQ(answered(fds, CLIENTS), rounds * STREAM_HANDSHAKES);
        CHECK_EQ(t.datagrams, 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        SSL_free(ssl[i]);
        close(fds[i]);
    }
    close(turn);
    SSL_CTX_free(ctx);
    streams_free(t.streams);
    close_tls(tls);
}

TEST_MAIN(TEST(frames_of_every_length_round_trip), TEST(frames_over_the_bound_are_refused),
          TEST(a_full_queue_loses_old_media_and_keeps_the_rest),
          TEST(a_queue_full_of_what_must_stay_takes_no_more),
          TEST(datagrams_arrive_whole_however_they_are_cut), TEST(frames_too_long_close_the_connection),
          TEST(nobody_keeps_a_connection_that_he_does_not_use), TEST(a_run_leaves_as_frames),
          TEST(a_stalled_connection_is_bounded_and_recovers), TEST(strangers_are_bounded),
          TEST(turn_inside_tls_is_frames), TEST(what_its_framing_cannot_carry_is_dropped),
          TEST(a_stalled_tls_connection_recovers_too), TEST(http_inside_tls_is_bridged),
          TEST(an_idle_client_of_http2_is_told_goaway), TEST(alpn_is_agreed_on_and_decides_nothing),
          TEST(what_is_no_tls_or_stops_in_it_is_closed), TEST(the_certificate_follows_its_file),
          TEST(an_address_has_its_share_and_its_network_the_same), TEST(an_address_comes_as_often_as_it_may),
          TEST(whoever_is_closed_leaves_the_arrivals),
          TEST(handshakes_of_a_round_are_bounded_and_frames_do_not_wait))
