/* The core's output by TCP, in the frames of each kind of connection. There are a publisher by UDP; a viewer
 * with valid credentials that sends whatever the script says, by ICE-TCP and TURN connections, in the clear
 * and inside TLS; and an unauthenticated client in the middle of a handshake. Each datagram from the core
 * must fit the framing of its connection. It waits in the connection's queue until the script reads from it,
 * and must be read as whole frames. */
#include "base/limits.h"
#include "crypto/crypto.h"
#include "fuzz/fuzz.h"
#include "net/frame_queue.h"
#include "proto/dtls.h"
#include "proto/stun.h"
#include "proto/turn.h"
#include "sfu/core.h"
#include "sfu/session.h"
#include "sfu/turn/relay_config.h"

#define PORT        8000
#define CONNECTIONS 4
#define TRACK       1
#define SSRC        1000
#define USERNAME    "9999999999:a"

enum { PUBLISHER, VIEWER, NEWCOMER /* without keys */, SESSIONS };

static struct {
    mp_time now;
    struct registry *registry;
    struct crypto *crypto;
    struct dtls_identity *identity;
    struct stats stats;
    struct relay_config relay;
    struct sfu *sfu;
    uint32_t session[SESSIONS];
    struct session_credentials credentials[SESSIONS];
    struct path publisher;
    struct srtp_tx *up, *feedback; /* of the publisher, and of the viewer */
    uint64_t index;
    struct connection {
        struct path path;
        enum frame_format format;
        size_t chunk; /* size of one read */
        struct frame_queue queue;
    } connections[CONNECTIONS];
    uint8_t hello[DATAGRAM_OUT_MAX];
    size_t hello_len;
} w;

/* --- output of the core --- */

static void frame(struct connection *c, const uint8_t *data, size_t len)
{
    uint8_t header[FRAME_HEADER_MAX];
    size_t before, behind;
    INVARIANT(frame_write(header, &before, &behind, c->format, data, len));
    frame_queue_add(&c->queue, c->format, (struct bytes){header, before}, (struct bytes){data, len}, behind);
    INVARIANT(c->queue.len <= STREAM_QUEUE_SIZE);
}

static void sent(const struct transmit *t)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (t->path.link == w.connections[i].path.link)
            for (uint32_t at = 0; at < t->len; at += t->segment)
                frame(&w.connections[i], t->data + at, t->len - at < t->segment ? t->len - at : t->segment);
}

static void settle(void)
{
    struct transmit t[8];
    struct message m;
    for (size_t n; (n = sfu_output(w.sfu, t, 8, w.now));)
        for (size_t k = 0; k < n; k++)
            sent(&t[k]);
    while (sfu_emit(w.sfu, &m))
        if (m.type == MESSAGE_ENDED)
            registry_release(w.registry, m.session);
}

static void pass(mp_time duration)
{
    mp_time end = w.now + duration;
    for (mp_time next; (next = sfu_deadline(w.sfu, w.now)) <= end;) {
        w.now = mp_max(w.now, next) + MP_US(1);
        sfu_timeout(w.sfu, w.now);
        settle();
    }
    w.now = mp_max(w.now, end);
}

/* The client reads some of it. */
static void read_some(struct connection *c, size_t size)
{
    static uint8_t out[STREAM_QUEUE_SIZE];
    struct frame f;
    size_t n = frame_queue_take(&c->queue, c->format, out, size < c->chunk ? size : c->chunk);
    for (size_t at = 0; at < n; at += f.size)
        INVARIANT(frame_read(&f, c->format, out + at, n - at) == FRAME_OK && f.len && f.size <= n - at);
}

/* --- input from clients --- */

static void say(const struct path *path, const uint8_t *data, size_t len)
{
    sfu_input(w.sfu, path, data, len, w.now, w.now);
    settle();
}

static size_t check(unsigned who, bool nominate, uint8_t *out, size_t size)
{
    static const uint8_t txid[STUN_TXID_SIZE];
    const struct session_credentials *c = &w.credentials[who];
    char username[UFRAG_SIZE + 3];
    struct stun_writer s;
    struct hmac_sha1 key;
    memcpy(username, c->ufrag, UFRAG_SIZE);
    memcpy(username + UFRAG_SIZE, ":x", 3);
    hmac_sha1_key(&key, (const uint8_t *)c->password, PASSWORD_SIZE);
    stun_begin(&s, out, size, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&s, STUN_ATTR_USERNAME, username, UFRAG_SIZE + 2);
    stun_add_u32(&s, STUN_ATTR_PRIORITY, 1);
    stun_add_u64(&s, STUN_ATTR_CONTROLLING, 1);
    if (nominate)
        stun_add(&s, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&s, &key);
    stun_add_fingerprint(&s);
    return stun_end(&s);
}

/* An authentic request of TURN's, whose attributes are good, or the script's. */
static size_t turn_request(const struct connection *c, uint8_t method, struct bytes *s, uint8_t *out,
                           size_t size)
{
    static const uint16_t methods[] = {TURN_ALLOCATE, TURN_REFRESH, TURN_CREATE_PERMISSION,
                                       TURN_CHANNEL_BIND};
    uint8_t txid[STUN_TXID_SIZE] = {script_u8(s)}, odd = script_u8(s);
    char nonce[TURN_NONCE_SIZE];
    struct hmac_sha1 key;
    struct stun_writer t;
    turn_key(&w.relay.secret, (struct bytes){(const uint8_t *)USERNAME, sizeof USERNAME - 1}, &key);
    turn_nonce(&w.relay.secret, &c->path.remote, mp_unix_s(w.sfu->config.wall + w.now), nonce);
    stun_begin(&t, out, size, STUN_REQUEST, methods[method % 4], txid);
    stun_add(&t, STUN_ATTR_USERNAME, USERNAME, sizeof USERNAME - 1);
    stun_add(&t, STUN_ATTR_REALM, TURN_REALM, sizeof TURN_REALM - 1);
    stun_add(&t, STUN_ATTR_NONCE, nonce, sizeof nonce);
    stun_add_u32(&t, TURN_ATTR_TRANSPORT, (uint32_t)TURN_TRANSPORT_UDP << 24);
    stun_add_u32(&t, TURN_ATTR_CHANNEL, (uint32_t)(TURN_CHANNEL_FIRST + txid[0] % 4) << 16);
    stun_add_xor_address(&t, TURN_ATTR_XOR_PEER, &w.relay.addresses[0]);
    if (odd & 1) {
        struct bytes value = script_bytes(s);
        stun_add(&t, odd < 128 ? odd : (uint16_t)(0x8000 | odd), value.data,
                 value.len < 200 ? value.len : 200);
    }
    stun_add_integrity(&t, &key);
    if (odd & 2)
        stun_add_fingerprint(&t);
    return stun_end(&t);
}

/* A datagram that a client may send. */
static size_t datagram(struct bytes *s, uint8_t *out, size_t size)
{
    static const uint8_t txid[STUN_TXID_SIZE];
    struct stun_writer t;
    struct bytes p;
    uint8_t what = script_u8(s);
    switch (what % 6) {
    case 0: return check(VIEWER, what & 0x80, out, size);
    case 1: return check(NEWCOMER, what & 0x80, out, size);
    case 2: memcpy(out, w.hello, w.hello_len); return w.hello_len;
    case 3:
        memcpy(out, (const uint8_t[]){0x81, 201, 0, 1, 0, 0, 0, 9}, 8);
        return srtcp_protect(w.feedback, out, 8);
    case 4: stun_begin(&t, out, size, STUN_REQUEST, STUN_BINDING, txid); return stun_end(&t);
    default:
        p = script_bytes(s);
        if (p.len > 1400)
            p.len = 1400;
        memcpy(out, p.data, p.len);
        return p.len;
    }
}

/* The same inside TURN, by its indication or its channel. */
static size_t wrapped(uint8_t how, struct bytes inside, uint8_t *out, size_t size)
{
    static const uint8_t txid[STUN_TXID_SIZE];
    struct stun_writer t;
    if (how & 1) {
        turn_channel_head(out, (uint16_t)(TURN_CHANNEL_FIRST + how % 4), inside.len);
        memcpy(out + TURN_CHANNEL_HEAD, inside.data, inside.len);
        return TURN_CHANNEL_HEAD + inside.len;
    }
    stun_begin(&t, out, size, STUN_INDICATION, TURN_SEND, txid);
    stun_add_xor_address(&t, TURN_ATTR_XOR_PEER, &w.relay.addresses[0]);
    stun_add(&t, TURN_ATTR_DATA, inside.data, inside.len);
    return stun_end(&t);
}

/* Sends as the connection would: bytes that are no valid frame never reach the core. */
static void say_by(struct connection *c, uint8_t *data, size_t len)
{
    struct frame f;
    if (c->format == FRAME_RFC4571 ||
        (frame_read(&f, FRAME_TURN, data, len) == FRAME_OK && f.len <= len && f.len))
        say(&c->path, data, c->format == FRAME_RFC4571 ? len : f.len);
}

/* --- the world --- */

static void join(unsigned who)
{
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {(uint8_t)who}, data[DATAGRAM_OUT_MAX];
    struct path path = {.local = w.relay.addresses[0]};
    w.session[who] = registry_open(w.registry, &(struct session_setup){0}, random, &w.credentials[who]);
    INVARIANT(address_parse(&path.remote, "192.0.2.1", (uint16_t)(4000 + who)));
    if (who == PUBLISHER)
        w.publisher = path;
    if (who != NEWCOMER)
        say(&path, data, check(who, true, data, sizeof data));
}

static void give_keys(unsigned who, struct srtp_tx **client)
{
    struct srtp_master up = {.profile = SRTP_AEAD_AES_128_GCM, .key = "up"}, down = up;
    struct session *session = session_find(w.sfu, w.session[who]);
    down.key[0] = 'd';
    up.key[1] = (uint8_t)who;
    *client = srtp_tx_new(w.crypto, &up);
    session->rx = srtp_rx_new(w.crypto, &up);
    session->tx = srtp_tx_new(w.crypto, &down);
    session->report_at = w.now + MP_MS(200);
    INVARIANT(*client && session->rx && session->tx);
    touched_add(w.sfu, session);
}

static void command(unsigned who, struct message m)
{
    m.from = TO_CONTROL;
    m.session = w.session[who];
    m.track = TRACK;
    sfu_message(w.sfu, &m, w.now);
}

static void open_connection(int i)
{
    struct connection *c = &w.connections[i];
    bool turn = i > 0;
    c->path = (struct path){.local = w.relay.addresses[0],
                            .link = link_make(turn ? LINK_TURN : LINK_STREAM, 0, (uint32_t)i)};
    c->format = turn ? FRAME_TURN : FRAME_RFC4571;
    c->chunk = i == CONNECTIONS - 1 ? STREAM_TLS_CHUNK : STREAM_QUEUE_SIZE;
    INVARIANT(address_parse(&c->path.remote, i == 2 ? "2001:db8::1" : "192.0.2.7", (uint16_t)(5000 + i)));
}

static void begin(void)
{
    static struct dtls_identity *identity;
    static struct crypto *crypto;
    if (!identity) {
        identity = dtls_identity_new();
        crypto = crypto_new(CRYPTO_NULL);
        struct dtls *client =
            dtls_new(identity, DTLS_CLIENT, DTLS_GCM_OR_CM, &(struct fingerprint){0}, MP_S(1000));
        w.hello_len = dtls_output(client, w.hello, sizeof w.hello);
        dtls_free(client);
    }
    w.now = MP_S(1000);
    w.index = 1;
    w.identity = identity;
    w.crypto = crypto;
    memset(&w.stats, 0, sizeof w.stats);
    memset(w.connections, 0, sizeof w.connections);
    w.relay = (struct relay_config){.address_count = 1, .port = PORT};
    hmac_sha1_key(&w.relay.secret, (const uint8_t *)"secret", 6);
    INVARIANT(address_parse(&w.relay.addresses[0], "198.51.100.1", PORT));
    w.registry = registry_new(8);
    w.sfu = sfu_new(&(struct sfu_config){.workers = 1,
                                         .registry = w.registry,
                                         .crypto = crypto,
                                         .identity = identity,
                                         .relay = &w.relay,
                                         .stats = &w.stats,
                                         .packets = 512,
                                         .seed = 7,
                                         .wall = MP_S(3900000000)});
    INVARIANT(w.sfu != NULL);
    for (int i = 0; i < CONNECTIONS; i++)
        open_connection(i);
    for (unsigned who = 0; who < SESSIONS; who++)
        join(who);
    give_keys(PUBLISHER, &w.up);
    give_keys(VIEWER, &w.feedback);
    command(PUBLISHER,
            (struct message){
                .type = MESSAGE_PUBLISH,
                .publish = {.codec = CODEC_OPUS, .payload_type = 111, .clock_rate = 48000, .ssrc = {SSRC}}});
    command(VIEWER,
            (struct message){.type = MESSAGE_SUBSCRIBE,
                             .subscribe = {.codec = CODEC_OPUS,
                                           .payload_type = 120,
                                           .clock_rate = 48000,
                                           .ssrc = 2000,
                                           .extensions = {.id = {[EXT_MID] = 1, [EXT_ABS_SEND_TIME] = 2}},
                                           .mid = "s1",
                                           .cname = "publisher"}});
    settle();
}

static void end(void)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        while (w.connections[i].queue.len)
            read_some(&w.connections[i], STREAM_QUEUE_SIZE);
        frame_queue_free(&w.connections[i].queue);
    }
    srtp_tx_free(w.up);
    srtp_tx_free(w.feedback);
    sfu_free(w.sfu);
    registry_free(w.registry);
}

/* --- the script --- */

static void media(unsigned count, size_t size)
{
    uint8_t out[PACKET_SIZE] = {0x80, 111};
    for (; count; count--) {
        put16(out + 2, (uint16_t)w.index);
        put32(out + 4, (uint32_t)w.index * 960);
        put32(out + 8, SSRC);
        size_t len = srtp_protect(w.up, out, 12, out + 12, size, w.index++);
        say(&w.publisher, out, len);
    }
}

static void step(struct bytes *s)
{
    uint8_t op = script_u8(s), in[DATAGRAM_IN_MAX], out[2 * DATAGRAM_IN_MAX];
    struct connection *c = &w.connections[op >> 6];
    size_t len;
    switch (op % 8) {
    case 0: pass(MP_MS(10) * script_u8(s)); break;
    case 1:
    case 2:
        len = datagram(s, out, DATAGRAM_OUT_MAX);
        say_by(c, out, len);
        break;
    case 3:
        len = turn_request(c, script_u8(s), s, out, DATAGRAM_OUT_MAX);
        say_by(c, out, len);
        break;
    case 4:
    case 5:
        len = datagram(s, in, DATAGRAM_OUT_MAX);
        len = wrapped(op, (struct bytes){in, len}, out, sizeof out);
        say_by(c, out, len);
        break;
    case 6: read_some(c, 1 + (size_t)script_u8(s) * 64); break;
    default: media(op >> 3, 4 + 5 * (size_t)script_u8(s)); break;
    }
}

void fuzz_links(const uint8_t *data, size_t len)
{
    begin();
    script_play(data, len, 300, step);
    settle();
    end();
}
