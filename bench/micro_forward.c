/* The forwarding core without a kernel under it: one publisher's bursts in, every viewer's encrypted runs
 * out. */
#include "base/check.h"
#include "base/limits.h"
#include "bench/micro.h"
#include "client/client.h"
#include "proto/rtcp.h"
#include "sfu/sfu.h"
#include <stdlib.h>

#define BURST      5 /* packets of a frame at 1.5 Mbit/s */
#define SIZE       1200
#define SOUND      120        /* bytes of a packet of sound */
#define CACHES     (64 << 20) /* bytes: more than all of them hold */
#define FRAME      MP_MS(3)   /* shorter than in truth: sessions must not expire meanwhile */
#define TRACK      1
#define SSRC       1000
#define FIRST_PORT 10000

#define CLIENT_UFRAG    "abcd"
#define CLIENT_PASSWORD "abcdefghijklmnopqrstuvwx"
#define NACKED          16

struct core {
    struct registry *registry;
    struct dtls_identity *identity;
    struct crypto *crypto;
    struct stats stats;
    struct sfu *sfu;
    struct client **clients; /* the first one publishes */
    uint32_t *sessions;
    struct session_ice *credentials;
    unsigned count;
    mp_time now;
    uint64_t index;
    bool noting;    /* store the newest sequence number sent to each client in `last` */
    uint16_t *last; /* by client */
};

/* --- moving datagrams --- */

static void to_server(struct core *c, struct client *from, const uint8_t *data, size_t len)
{
    struct path path = {.local = client_path(from)->remote, .remote = client_path(from)->local};
    sfu_input(c->sfu, &path, data, len, c->now, c->now);
}

static void note(struct core *c, unsigned client, const uint8_t *data, size_t len)
{
    if (len > 12 && get32(data + 8) == 2 * client + 1)
        c->last[client] = get16(data + 2);
}

static unsigned long take_output(struct core *c, bool deliver)
{
    struct transmit t[TX_BATCH];
    unsigned long datagrams = 0;
    size_t n;
    while ((n = sfu_output(c->sfu, t, TX_BATCH, c->now)))
        for (size_t i = 0; i < n; i++) {
            uint32_t step = t[i].segment && t[i].segment < t[i].len ? t[i].segment : t[i].len;
            datagrams += (t[i].len + step - 1) / step;
            unsigned client = t[i].path.remote.port - FIRST_PORT;
            if (c->noting)
                note(c, client, t[i].data + (t[i].len - 1) / step * step, step);
            for (uint32_t at = 0; deliver && at < t[i].len; at += step)
                client_input(c->clients[client], t[i].data + at, t[i].len - at < step ? t[i].len - at : step,
                             c->now);
        }
    return datagrams;
}

static void command(struct core *c, struct message m)
{
    m.from = TO_CONTROL;
    sfu_message(c->sfu, &m, c->now);
}

/* As the control plane does when a session was claimed. */
static void tell_credentials(struct core *c, uint32_t session)
{
    unsigned i = 0;
    while (c->sessions[i] != session)
        i++;
    struct session_ice *ice = &c->credentials[i];
    ice->generation = 1;
    memcpy(ice->remote_ufrag, CLIENT_UFRAG, sizeof CLIENT_UFRAG);
    memcpy(ice->remote_password, CLIENT_PASSWORD, sizeof CLIENT_PASSWORD);
    command(c, (struct message){.type = MESSAGE_CREDENTIALS,
                                .session = session,
                                .payload = {(const uint8_t *)ice, sizeof *ice}});
}

static void settle(struct core *c)
{
    uint8_t data[DATAGRAM_IN_MAX];
    struct message m;
    for (bool moved = true; moved;) {
        size_t len;
        moved = false;
        for (unsigned i = 0; i < c->count; i++)
            for (; (len = client_output(c->clients[i], data, sizeof data)); moved = true)
                to_server(c, c->clients[i], data, len);
        for (; sfu_emit(c->sfu, &m); moved = true)
            /* before the client hears an answer: the server's own check goes along with it */
            if (m.type == MESSAGE_CLAIMED)
                tell_credentials(c, m.session);
        moved |= take_output(c, true) > 0;
    }
}

static void pass(struct core *c, mp_time time)
{
    struct message m;
    c->now += time;
    sfu_timeout(c->sfu, c->now);
    take_output(c, false);
    while (sfu_emit(c->sfu, &m)) {
    }
}

/* --- a room --- */

static void join(struct core *c)
{
    struct session_setup setup = {.fingerprint = {.hash = "sha-256", .len = 32}};
    struct session_credentials credentials;
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE];
    unsigned i = c->count;
    dtls_identity_fingerprint(c->identity, setup.fingerprint.value);
    for (size_t k = 0; k < sizeof random; k++)
        random[k] = (uint8_t)(i * 31 + k * 7);
    c->sessions[i] = registry_open(c->registry, &setup, random, &credentials);
    memcpy(c->credentials[i].ufrag, credentials.ufrag, sizeof credentials.ufrag);
    memcpy(c->credentials[i].password, credentials.password, sizeof credentials.password);
    struct client_config config = {.ufrag = CLIENT_UFRAG,
                                   .password = CLIENT_PASSWORD,
                                   .remote_ufrag = credentials.ufrag,
                                   .remote_password = credentials.password,
                                   .remote_fingerprint = setup.fingerprint,
                                   .identity = c->identity,
                                   .crypto = c->crypto,
                                   .seed = 99 + i};
    INVARIANT(address_parse(&config.path.local, "192.0.2.1", (uint16_t)(FIRST_PORT + i)));
    INVARIANT(address_parse(&config.path.remote, "198.51.100.1", 8000));
    c->clients[i] = client_new(&config, c->now);
    INVARIANT(c->clients[i] != NULL);
    c->count++;
}

static void publish(struct core *c, uint32_t track)
{
    command(c, (struct message){.type = MESSAGE_PUBLISH,
                                .session = c->sessions[0],
                                .track = track,
                                .publish = {.codec = CODEC_VP8,
                                            .payload_type = 96,
                                            .rtx_payload_type = 97,
                                            .clock_rate = 90000,
                                            .ssrc = {SSRC + 2 * (track - TRACK)},
                                            .rtx_ssrc = {SSRC + 2 * (track - TRACK) + 1},
                                            .mid = "0",
                                            .nack = true,
                                            .pli = true,
                                            .transport_cc = true}});
}

/* `ssrc`: of the copy; the next number is the SSRC of retransmissions. */
static void subscribe(struct core *c, unsigned viewer, uint32_t track, uint32_t ssrc)
{
    command(c, (struct message){.type = MESSAGE_SUBSCRIBE,
                                .session = c->sessions[viewer],
                                .track = track,
                                .subscribe = {.codec = CODEC_VP8,
                                              .payload_type = 96,
                                              .rtx_payload_type = 97,
                                              .clock_rate = 90000,
                                              .ssrc = ssrc,
                                              .rtx_ssrc = ssrc + 1,
                                              .mid = "s1",
                                              .extensions = {.id = {[EXT_MID] = 4}},
                                              .cname = "publisher"}});
}

static void open_core(struct core *c, unsigned viewers)
{
    *c = (struct core){.now = MP_S(1000), .index = 1};
    c->registry = registry_new(viewers + 2);
    c->identity = dtls_identity_new();
    c->crypto = crypto_new(CRYPTO_BEST);
    c->clients = calloc(viewers + 1, sizeof *c->clients);
    c->sessions = calloc(viewers + 1, sizeof *c->sessions);
    c->last = calloc(viewers + 1, sizeof *c->last);
    c->credentials = calloc(viewers + 1, sizeof *c->credentials);
    INVARIANT(c->credentials && c->registry && c->identity && c->crypto && c->clients && c->sessions &&
              c->last);
    c->sfu = sfu_new(&(struct sfu_config){.workers = 1,
                                          .registry = c->registry,
                                          .crypto = c->crypto,
                                          .identity = c->identity,
                                          .stats = &c->stats,
                                          .packets = PACKET_POOL(viewers),
                                          .seed = 7,
                                          .wall = MP_S(3900000000)});
    INVARIANT(c->sfu != NULL);
    while (c->count <= viewers)
        join(c);
    settle(c);
    for (unsigned i = 0; i < c->count; i++)
        INVARIANT(client_state(c->clients[i]) == CLIENT_CONNECTED);
    command(c, (struct message){.type = MESSAGE_EXTENSIONS,
                                .session = c->sessions[0],
                                .extensions = {.id = {[EXT_MID] = 4, [EXT_TRANSPORT_CC] = 3}}});
    publish(c, TRACK);
    for (unsigned i = 1; i < c->count; i++)
        subscribe(c, i, TRACK, 2 * i + 1);
    settle(c);
}

static void close_core(struct core *c)
{
    for (unsigned i = 0; i < c->count; i++)
        client_free(c->clients[i]);
    sfu_free(c->sfu);
    free(c->clients);
    free(c->sessions);
    free(c->last);
    free(c->credentials);
    crypto_free(c->crypto);
    dtls_identity_free(c->identity);
    registry_free(c->registry);
}

/* --- measuring --- */

static size_t write_packet(struct core *c, unsigned place, unsigned burst, size_t size, uint8_t *out)
{
    static const struct rtp_extension_ids ids = {.id = {[EXT_TRANSPORT_CC] = 3}};
    uint8_t plain[PACKET_SIZE] = {0}, number[2];
    put16(number, (uint16_t)c->index);
    struct bytes values[EXT_COUNT] = {[EXT_TRANSPORT_CC] = {number, 2}};
    size_t n = rtp_write(plain, &(struct rtp_header){.marker = place == burst - 1,
                                                     .payload_type = 96,
                                                     .seq = (uint16_t)c->index,
                                                     .timestamp = (uint32_t)(c->index / burst * 3000),
                                                     .ssrc = SSRC});
    n += rtp_write_extensions(plain, &ids, values);
    plain[n] = place ? 0 : 0x10;
    plain[n + 1] = c->index > 1; /* a key frame only first */
    return client_rtp(c->clients[0], plain, size - SRTP_OVERHEAD_MAX, c->index++, out);
}

/* Clears the caches, as other work and neighbours do between two audio packets. */
static void forget(uint8_t *caches)
{
    for (size_t i = 0; i < CACHES; i += 64)
        caches[i]++;
}

/* `caches`: to be forgotten before, or NULL. */
static void burst(struct core *c, unsigned count, size_t size, uint8_t *caches, struct micro *m)
{
    uint8_t packets[BURST][PACKET_SIZE];
    size_t len[BURST];
    for (unsigned i = 0; i < count; i++)
        len[i] = write_packet(c, i, count, size, packets[i]);
    if (caches)
        forget(caches);
    micro_begin(m);
    for (unsigned i = 0; i < count; i++)
        to_server(c, c->clients[0], packets[i], len[i]);
    unsigned long sent = take_output(c, false);
    micro_end(m, sent);
    INVARIANT(sent >= count * (c->count - 1)); /* feedback may go to the publisher with them */
    pass(c, FRAME);
}

/* A viewer asks for the last packets again. The server counts the retransmissions. */
static void nack(struct core *c, unsigned viewer, struct micro *m)
{
    uint8_t plain[256], out[256 + SRTCP_OVERHEAD_MAX];
    uint16_t seqs[NACKED];
    size_t used;
    for (uint16_t i = 0; i < NACKED; i++)
        seqs[i] = (uint16_t)(c->last[viewer] - NACKED + 1 + i);
    size_t len = rtcp_write_nack(plain, sizeof plain, 1, 2 * viewer + 1, seqs, NACKED, &used);
    len = client_rtcp(c->clients[viewer], plain, len, out);
    uint64_t before = stat_get(&c->stats.rtx_out);
    micro_begin(m);
    to_server(c, c->clients[viewer], out, len);
    take_output(c, false);
    micro_end(m, stat_get(&c->stats.rtx_out) - before);
}

#define TRACKS   8
#define MISSING  250
#define REQUESTS 170

/* One packet of a track, of a number that it has not had. */
static void step_to(struct core *c, uint32_t track, uint64_t index)
{
    uint8_t plain[64] = {0}, out[PACKET_SIZE];
    size_t n = rtp_write(
        plain,
        &(struct rtp_header){.payload_type = 96, .seq = (uint16_t)index, .ssrc = SSRC + 2 * (track - TRACK)});
    to_server(c, c->clients[0], out, client_rtp(c->clients[0], plain, n + 8, index, out));
}

/* A viewer's one datagram of requests for key frames, while the publisher has much to send again. */
void micro_feedback(void)
{
    struct micro storm = {0};
    struct core c;
    uint8_t fir[12 + 8 * REQUESTS] = {0x84, 206}, out[sizeof fir + SRTCP_OVERHEAD_MAX];
    open_core(&c, 1);
    for (uint32_t track = TRACK; track < TRACK + TRACKS; track++) {
        if (track != TRACK) {
            publish(&c, track);
            subscribe(&c, 1, track, 100 * track);
        }
        step_to(&c, track, 1);
    }
    put16(fir + 2, sizeof fir / 4 - 1);
    for (uint32_t i = 0; i < REQUESTS; i++)
        put32(fir + 12 + 8 * i, i % TRACKS ? 100 * (TRACK + i % TRACKS) : 3);
    for (uint64_t i = 0; i < MICRO_REPEAT / 3; i++) { /* before consent ends: these clients send no checks */
        pass(&c, MP_S(2)); /* the server gives up missing packets, and may send key frame requests again */
        for (uint32_t track = TRACK; track < TRACK + TRACKS; track++)
            step_to(&c, track, 2 + (i + 1) * (MISSING + 1));
        size_t len = client_rtcp(c.clients[1], fir, sizeof fir, out);
        micro_begin(&storm);
        to_server(&c, c.clients[1], out, len);
        micro_end(&storm, 1);
    }
    micro_print(&storm, "170 key frame requests", "one datagram; 8 tracks miss 250 packets each");
    close_core(&c);
}

void micro_forward(unsigned viewers)
{
    struct micro forward = {0}, again = {0}, sound = {0};
    struct core c;
    char how[64];
    open_core(&c, viewers);
    for (int i = 0; i < 10 * MICRO_REPEAT; i++)
        burst(&c, BURST, SIZE, NULL, &forward);
    snprintf(how, sizeof how, "core alone, 1 to %u, bursts of %d, %d bytes", viewers, BURST, SIZE);
    micro_print(&forward, "forward a packet", how);
    if (viewers == 100) {
        c.noting = true;
        for (unsigned i = 0; i < 3 * viewers; i++) { /* a viewer's first retransmission allocates its log */
            burst(&c, BURST, SIZE, NULL, &forward);
            nack(&c, 1 + i % viewers, &again);
        }
        micro_print(&again, "retransmit a packet", "asked for by NACK, from the history, as RTX");
        uint8_t *caches = calloc(1, CACHES);
        INVARIANT(caches != NULL);
        for (int i = 0; i < MICRO_REPEAT; i++)
            burst(&c, 1, SOUND, caches, &sound);
        snprintf(how, sizeof how, "core alone, 1 to %u, %d bytes, caches cold", viewers, SOUND);
        micro_print(&sound, "forward a packet", how);
        free(caches);
    }
    close_core(&c);
}
