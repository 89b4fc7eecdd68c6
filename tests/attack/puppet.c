/* A remote-controlled WebRTC client: one UDP socket and the client transport, driven by lines on standard
 * input. Tests use it as a peer that misbehaves as no browser would. tests/e2e/lib/puppet.mjs starts it and
 * does the signaling.
 *
 *   puppet [ADDRESS [PORT]]               prints "ready PORT FINGERPRINT" and reads commands:
 *     connect ADDRESS PORT UFRAG PASSWORD FINGERPRINT OWN-UFRAG OWN-PASSWORD
 *     send SSRC PT SEQ COUNT MS TAG HOW   RTP packets, one each MS, payload of the byte TAG; HOW is their
 *                                         fault: good (none), flip (one byte, another in each), bare (no
 *                                         tag), thrice (each three times), old (all 3000 back)
 *     rtcp HEX                            a compound RTCP packet, encrypted
 *     raw ADDRESS PORT HEX                a datagram, unchanged
 *     hold 0|1                            1: checks without USE-CANDIDATE
 *     move ADDRESS                        opens a new socket there, sends from it from now on, and prints
 *                                         "moved PORT"
 *     silence                             sends nothing from now on
 *     outage 0|1                          1: neither sends nor receives
 *     count                               prints "count JSON": the received packets
 *   It prints "state NAME" when the transport's state changes and "sent" when a send is complete. It ends at
 *   the end of its input.
 *
 *   puppet flood KIND COUNT SOURCES ADDRESS PORT [USERNAME [PASSWORD]]
 *     COUNT datagrams from SOURCES sockets of 127.0.9.0/24, or with 0 each from a new one. KIND: "stun", a
 *     check for USERNAME (none: random ones) under PASSWORD (none: a wrong one); "hello", a ClientHello;
 *     "rtp", random SSRCs; "mix", those in turn with plain Binding requests, Allocates and noise. Prints
 *     "flood SENT-BYTES RECEIVED-BYTES". */
#include "base/limits.h"
#include "base/prng.h"
#include "client/client.h"
#include "crypto/crypto.h"
#include "net/clock.h"
#include "net/random.h"
#include "proto/srtp.h"
#include "proto/stun.h"
#include "proto/turn.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAMS_MAX 16
#define SOURCES_MAX 512
#define LINE_SIZE   8192

struct heard { /* one SSRC */
    uint32_t ssrc;
    uint64_t packets, twice, tags[256];
    uint16_t highest;
    uint8_t seen[65536 / 8];
};

struct sending {
    uint32_t ssrc, left;
    int64_t seq, number;
    mp_time every, at;
    uint8_t payload_type, tag;
    char how[8];
};

struct puppet {
    int fd;
    bool silent, outage;
    struct address own;
    struct dtls_identity *identity;
    struct crypto *crypto;
    struct client *client;
    enum client_state state;
    struct sending sending;
    struct heard *heard[STREAMS_MAX];
    unsigned heard_count;
    uint64_t datagrams, bytes, rtcp, pli;
};

/* --- sockets --- */

static struct sockaddr_in to_socket(const struct address *a)
{
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&s.sin_addr, a->ip + 12, 4);
    return s;
}

static int socket_at(const char *ip, uint16_t port, struct address *own)
{
    struct address a;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), room = 1 << 20;
    if (!address_parse(&a, ip, port))
        exit(2);
    struct sockaddr_in s = to_socket(&a);
    socklen_t size = sizeof s;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (fd < 0 || bind(fd, (struct sockaddr *)&s, sizeof s) < 0 ||
        getsockname(fd, (struct sockaddr *)&s, &size) < 0) {
        perror("puppet: bind");
        exit(1);
    }
    a.port = ntohs(s.sin_port);
    *own = a;
    return fd;
}

static void send_to(int fd, const struct address *to, const uint8_t *data, size_t len)
{
    struct sockaddr_in s = to_socket(to);
    sendto(fd, data, len, 0, (struct sockaddr *)&s, sizeof s);
}

/* --- what comes in --- */

static void heard_rtp(void *context, const uint8_t *packet, size_t len, mp_time now)
{
    struct puppet *p = context;
    struct heard *h = NULL;
    uint32_t ssrc = get32(packet + 8);
    uint16_t seq = get16(packet + 2);
    for (unsigned i = 0; i < p->heard_count; i++)
        if (p->heard[i]->ssrc == ssrc)
            h = p->heard[i];
    if (!h && p->heard_count < STREAMS_MAX && (h = calloc(1, sizeof *h))) {
        h->ssrc = ssrc;
        p->heard[p->heard_count++] = h;
    }
    if (!h)
        return;
    /* What lies ahead is new, whatever the number was used for one round ago. */
    if (!h->packets++)
        h->highest = seq;
    for (; (int16_t)(seq - h->highest) > 0; h->seen[h->highest / 8] &= (uint8_t) ~(1u << (h->highest % 8)))
        h->highest++;
    h->twice += h->seen[seq / 8] >> (seq % 8) & 1;
    h->seen[seq / 8] |= (uint8_t)(1u << (seq % 8));
    h->tags[packet[len - 1]]++;
}

static void heard_rtcp(void *context, const uint8_t *packet, size_t len, mp_time now)
{
    struct puppet *p = context;
    p->rtcp++;
    for (size_t at = 0; at + 4 <= len; at += 4 + 4 * (size_t)get16(packet + at + 2))
        p->pli += packet[at + 1] == 206 && (packet[at] & 31) == 1;
}

static void read_socket(struct puppet *p)
{
    uint8_t data[2048];
    ssize_t n;
    while ((n = recv(p->fd, data, sizeof data, 0)) >= 0) {
        if (p->outage)
            continue;
        p->datagrams++;
        p->bytes += (uint64_t)n;
        if (p->client)
            client_input(p->client, data, (size_t)n, clock_now());
    }
}

static void say_count(const struct puppet *p)
{
    printf("count {\"datagrams\":%llu,\"bytes\":%llu,\"rtcp\":%llu,\"pli\":%llu,\"streams\":[",
           (unsigned long long)p->datagrams, (unsigned long long)p->bytes, (unsigned long long)p->rtcp,
           (unsigned long long)p->pli);
    for (unsigned i = 0; i < p->heard_count; i++) {
        const struct heard *h = p->heard[i];
        const char *comma = "";
        printf("%s{\"ssrc\":%u,\"packets\":%llu,\"twice\":%llu,\"tags\":{", i ? "," : "", h->ssrc,
               (unsigned long long)h->packets, (unsigned long long)h->twice);
        for (int t = 0; t < 256; t++)
            if (h->tags[t]) {
                printf("%s\"%d\":%llu", comma, t, (unsigned long long)h->tags[t]);
                comma = ",";
            }
        printf("}}");
    }
    printf("]}\n");
}

/* --- what goes out --- */

static void drain(struct puppet *p)
{
    static const char *const names[] = {"checking", "handshake", "connected", "failed"};
    uint8_t out[PACKET_SIZE];
    size_t len;
    while (p->client && (len = client_output(p->client, out, sizeof out)))
        if (!p->silent && !p->outage)
            send_to(p->fd, &client_path(p->client)->remote, out, len);
    if (p->client && client_state(p->client) != p->state) {
        p->state = client_state(p->client);
        printf("state %s\n", names[p->state]);
    }
}

static void send_one(struct puppet *p)
{
    struct sending *s = &p->sending;
    uint8_t plain[160] = {0x80, s->payload_type}, out[sizeof plain + SRTP_OVERHEAD_MAX];
    int64_t seq = s->seq + (strcmp(s->how, "old") == 0 ? s->number - 3000 : s->number);
    put16(plain + 2, (uint16_t)seq);
    put32(plain + 4, (uint32_t)(seq * 960));
    put32(plain + 8, s->ssrc);
    memset(plain + 12, s->tag, sizeof plain - 12);
    size_t len = client_rtp(p->client, plain, sizeof plain, (uint64_t)seq, out);
    if (strcmp(s->how, "flip") == 0)
        out[(size_t)s->number % len] ^= (uint8_t)(1u << (s->number % 7));
    if (strcmp(s->how, "bare") == 0)
        len = sizeof plain;
    for (int times = strcmp(s->how, "thrice") == 0 ? 3 : 1; times > 0; times--)
        send_to(p->fd, &client_path(p->client)->remote, out, len);
    s->number++;
    if (--s->left == 0)
        printf("sent\n");
}

static void send_due(struct puppet *p, mp_time now)
{
    while (p->sending.left && p->sending.at <= now && p->client) {
        send_one(p);
        p->sending.at += p->sending.every;
    }
}

/* --- the strings --- */

static size_t from_hex(uint8_t *out, size_t size, const char *hex)
{
    size_t n = 0;
    unsigned byte;
    for (; n < size && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
        out[n] = (uint8_t)byte;
    return n;
}

static void connect_to(struct puppet *p, const char *arguments)
{
    char ip[64], ufrag[64], password[64], fingerprint[96], own_ufrag[64], own_password[64];
    unsigned port;
    struct client_config c = {
        .identity = p->identity, .crypto = p->crypto, .context = p, .rtp = heard_rtp, .rtcp = heard_rtcp};
    if (p->client ||
        sscanf(arguments, "%63s %u %63s %63s %95s %63s %63s", ip, &port, ufrag, password, fingerprint,
               own_ufrag, own_password) != 7 ||
        !address_parse(&c.path.remote, ip, (uint16_t)port))
        exit(2);
    c.path.local = p->own;
    c.ufrag = own_ufrag;
    c.password = own_password;
    c.remote_ufrag = ufrag;
    c.remote_password = password;
    snprintf(c.remote_fingerprint.hash, sizeof c.remote_fingerprint.hash, "sha-256");
    c.remote_fingerprint.len = from_hex(c.remote_fingerprint.value, 32, fingerprint);
    random_bytes((uint8_t *)&c.seed, sizeof c.seed);
    p->client = client_new(&c, clock_now());
}

static void start_sending(struct puppet *p, const char *arguments)
{
    unsigned payload_type, count, ms, tag;
    struct sending s = {.at = clock_now()};
    if (p->state != CLIENT_CONNECTED || sscanf(arguments, "%u %u %ld %u %u %u %7s", &s.ssrc, &payload_type,
                                               &s.seq, &count, &ms, &tag, s.how) != 7)
        exit(2);
    s.payload_type = (uint8_t)payload_type;
    s.left = count;
    s.every = MP_MS(ms);
    s.tag = (uint8_t)tag;
    p->sending = s;
}

static void send_rtcp(struct puppet *p, const char *hex)
{
    uint8_t plain[1024], out[sizeof plain + SRTCP_OVERHEAD_MAX];
    size_t len = client_rtcp(p->client, plain, from_hex(plain, sizeof plain, hex), out);
    send_to(p->fd, &client_path(p->client)->remote, out, len);
}

static void send_raw(struct puppet *p, const char *arguments)
{
    char ip[64];
    unsigned port;
    int at = 0;
    uint8_t out[1500];
    struct address to;
    if (sscanf(arguments, "%63s %u %n", ip, &port, &at) != 2 || !address_parse(&to, ip, (uint16_t)port))
        exit(2);
    send_to(p->fd, &to, out, from_hex(out, sizeof out, arguments + at));
}

static void move(struct puppet *p, const char *ip)
{
    close(p->fd);
    p->fd = socket_at(ip, 0, &p->own);
    if (p->client)
        client_move(p->client, &p->own);
    printf("moved %u\n", p->own.port);
}

static void command(struct puppet *p, char *line)
{
    char *arguments = strchr(line, ' ');
    if (arguments)
        *arguments++ = 0;
    else
        arguments = line + strlen(line);
    if (strcmp(line, "connect") == 0)
        connect_to(p, arguments);
    else if (strcmp(line, "send") == 0)
        start_sending(p, arguments);
    else if (strcmp(line, "rtcp") == 0)
        send_rtcp(p, arguments);
    else if (strcmp(line, "raw") == 0)
        send_raw(p, arguments);
    else if (strcmp(line, "hold") == 0)
        client_hold_nomination(p->client, *arguments == '1');
    else if (strcmp(line, "move") == 0)
        move(p, arguments);
    else if (strcmp(line, "silence") == 0)
        p->silent = true;
    else if (strcmp(line, "outage") == 0)
        p->outage = *arguments == '1';
    else if (strcmp(line, "count") == 0)
        say_count(p);
    else
        exit(2);
}

/* False: the end of input. */
static bool read_commands(struct puppet *p)
{
    static char buffer[LINE_SIZE];
    static size_t used;
    ssize_t n = read(0, buffer + used, sizeof buffer - 1 - used);
    if (n <= 0)
        return false;
    used += (size_t)n;
    buffer[used] = 0;
    char *line = buffer, *end;
    while ((end = strchr(line, '\n'))) {
        *end = 0;
        command(p, line);
        line = end + 1;
    }
    used -= (size_t)(line - buffer);
    memmove(buffer, line, used);
    return true;
}

static int wait_ms(const struct puppet *p, mp_time now)
{
    mp_time next = p->client ? client_deadline(p->client) : MP_NEVER;
    if (p->sending.left)
        next = mp_min(next, p->sending.at);
    return next == MP_NEVER ? -1 : next <= now ? 0 : (int)((next - now + MP_MS(1) - 1) / MP_MS(1));
}

static int play(const char *ip, uint16_t port)
{
    struct puppet p = {.identity = dtls_identity_new(), .crypto = crypto_new(CRYPTO_BEST)};
    uint8_t fingerprint[32];
    p.fd = socket_at(ip, port, &p.own);
    dtls_identity_fingerprint(p.identity, fingerprint);
    printf("ready %u ", p.own.port);
    for (int i = 0; i < 32; i++)
        printf("%02X", fingerprint[i]);
    printf("\n");
    for (bool open = true; open;) {
        struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = p.fd, .events = POLLIN}};
        poll(fds, 2, wait_ms(&p, clock_now()));
        read_socket(&p);
        if (fds[0].revents)
            open = read_commands(&p);
        mp_time now = clock_now();
        if (p.client && client_deadline(p.client) <= now)
            client_timeout(p.client, now);
        send_due(&p, now);
        drain(&p);
    }
    client_free(p.client);
    for (unsigned i = 0; i < p.heard_count; i++)
        free(p.heard[i]);
    crypto_free(p.crypto);
    dtls_identity_free(p.identity);
    close(p.fd);
    return 0;
}

/* --- floods --- */

static size_t flood_stun(uint8_t *out, size_t size, const char *username, const char *password,
                         struct prng *prng)
{
    struct stun_writer w;
    struct hmac_sha1 key;
    uint64_t random[3] = {prng_next(prng), prng_next(prng), prng_next(prng)};
    char name[64];
    snprintf(name, sizeof name, "%012llx:them", (unsigned long long)(prng_next(prng) >> 16));
    if (*username)
        snprintf(name, sizeof name, "%s", username);
    hmac_sha1_key(&key, *password ? (const uint8_t *)password : (const uint8_t *)random,
                  *password ? strlen(password) : sizeof random);
    stun_begin(&w, out, size, STUN_REQUEST, STUN_BINDING, (const uint8_t *)random);
    stun_add(&w, STUN_ATTR_USERNAME, name, strlen(name));
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 0x7e0000ffu);
    stun_add_u64(&w, STUN_ATTR_CONTROLLING, random[2]);
    if (!*password)
        stun_add(&w, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&w, &key);
    stun_add_fingerprint(&w);
    return stun_end(&w);
}

static size_t flood_hello(uint8_t *out)
{
    static const char hello[] =
        "16fefd0000000000000000003601000029000000000000000029fefd"
        "11111111111111111111111111111111111111111111111111111111111111110000000200000100";
    return from_hex(out, 128, hello); /* offers TLS_NULL_WITH_NULL_NULL alone */
}

static size_t flood_rtp(uint8_t *out, struct prng *prng)
{
    for (size_t i = 0; i < 120; i += 8) {
        uint64_t r = prng_next(prng);
        memcpy(out + i, &r, 8);
    }
    out[0] = 0x80;
    out[1] = 111;
    return 120;
}

/* A request without anything in it. */
static size_t flood_request(uint8_t *out, size_t size, uint16_t method, struct prng *prng)
{
    static const uint8_t udp[4] = {17}; /* RFC 8656 18.7: REQUESTED-TRANSPORT */
    struct stun_writer w;
    uint64_t random[2] = {prng_next(prng), prng_next(prng)};
    stun_begin(&w, out, size, STUN_REQUEST, method, (const uint8_t *)random);
    if (method != STUN_BINDING)
        stun_add(&w, 0x0019, udp, sizeof udp);
    return stun_end(&w);
}

static size_t flood_noise(uint8_t *out, size_t size, struct prng *prng)
{
    size_t len = 1 + prng_below(prng, (uint32_t)size);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)prng_next(prng);
    return len;
}

static size_t flood_mix(uint8_t *out, size_t size, struct prng *prng)
{
    switch (prng_below(prng, 6)) {
    case 0: return flood_stun(out, size, "", "", prng);
    case 1: return flood_hello(out);
    case 2: return flood_rtp(out, prng);
    case 3: return flood_request(out, size, STUN_BINDING, prng);
    case 4: return flood_request(out, size, TURN_ALLOCATE, prng);
    default: return flood_noise(out, size, prng);
    }
}

static size_t flood_datagram(uint8_t *out, size_t size, int argc, char **argv, struct prng *prng)
{
    switch (argv[0][0]) {
    case 'h': return flood_hello(out);
    case 'r': return flood_rtp(out, prng);
    case 'm': return flood_mix(out, size, prng);
    default: return flood_stun(out, size, argc > 5 ? argv[5] : "", argc > 6 ? argv[6] : "", prng);
    }
}

static int flood_socket(long n)
{
    struct address own;
    char ip[32];
    snprintf(ip, sizeof ip, "127.0.9.%ld", 1 + n % 250);
    return socket_at(ip, 0, &own);
}

static uint64_t received(int fd)
{
    uint8_t data[256];
    uint64_t bytes = 0;
    ssize_t n;
    while ((n = recv(fd, data, sizeof data, 0)) >= 0)
        bytes += (uint64_t)n;
    return bytes;
}

static int flood(int argc, char **argv)
{
    int fds[SOURCES_MAX], sources = atoi(argv[2]), new_each = sources == 0;
    struct address to;
    struct prng prng;
    uint8_t out[256];
    uint64_t in = 0, sent = 0;
    long count = atol(argv[1]);
    if (new_each)
        sources = SOURCES_MAX;
    if (sources < 1 || sources > SOURCES_MAX || !address_parse(&to, argv[3], (uint16_t)atoi(argv[4])))
        return 2;
    prng_seed(&prng, 1);
    for (int i = 0; i < sources; i++)
        fds[i] = flood_socket(i);
    for (long n = 0; n < count; n++) {
        int *fd = &fds[n % sources];
        size_t len = flood_datagram(out, sizeof out, argc, argv, &prng);
        send_to(*fd, &to, out, len);
        sent += len;
        if (n % 64 == 0 || new_each)
            in += received(*fd);
        if (new_each) {
            close(*fd);
            *fd = flood_socket(n);
        }
    }
    for (int i = 0; i < sources; i++) {
        in += received(fds[i]);
        close(fds[i]);
    }
    printf("flood %llu %llu\n", (unsigned long long)sent, (unsigned long long)in);
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 6 && strcmp(argv[1], "flood") == 0)
        return flood(argc - 2, argv + 2);
    return play(argc > 1 ? argv[1] : "127.0.0.1", (uint16_t)(argc > 2 ? atoi(argv[2]) : 0));
}
