/* The forwarding core as a whole: two workers with the messages between them, connected sessions and one that
 * is not, and a script of datagrams, packets, commands and time. Both sides get keys without a handshake,
 * which fuzz/dtls.c tests. */
#include "base/limits.h"
#include "crypto/crypto.h"
#include "fuzz/fuzz.h"
#include "proto/codec.h"
#include "proto/rtp.h"
#include "proto/stun.h"
#include "sfu/core.h"
#include "sfu/session.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"

#define WORKERS  2
#define SESSIONS 4 /* the last has no keys */
#define TRACKS   4

static struct {
    mp_time now;
    struct registry *registry;
    struct crypto *crypto;
    struct dtls_identity *identity;
    struct stats stats[WORKERS];
    struct sfu *sfu[WORKERS];
    struct guest {
        uint32_t session;
        unsigned worker; /* worker that receives its datagrams */
        struct path path;
        struct srtp_tx *tx;
        uint64_t index; /* of its next packet */
    } guests[SESSIONS];
} w;

/* --- datagrams, messages and time --- */

static bool drain(unsigned i)
{
    struct transmit t[8];
    struct message m;
    bool moved = false;
    for (size_t n; (n = sfu_output(w.sfu[i], t, 8, w.now));)
        for (size_t k = 0; k < n; k++)
            INVARIANT(t[k].len > 0 && t[k].len <= RUN_PACKETS_MAX * PACKET_SIZE);
    while (sfu_emit(w.sfu[i], &m)) {
        moved = true;
        if (m.to != TO_CONTROL)
            sfu_message(w.sfu[m.to], &m, w.now);
        else if (m.type == MESSAGE_ENDED)
            registry_release(w.registry, m.session);
    }
    return moved;
}

static void settle(void)
{
    bool moved = true;
    while (moved) {
        moved = false;
        for (unsigned i = 0; i < WORKERS; i++)
            moved |= drain(i);
    }
}

static void pass(mp_time duration)
{
    mp_time end = w.now + duration;
    settle();
    for (;;) {
        mp_time next = mp_min(sfu_deadline(w.sfu[0], w.now), sfu_deadline(w.sfu[1], w.now));
        if (next > end)
            break;
        w.now = mp_max(w.now, next) + MP_US(1);
        for (unsigned i = 0; i < WORKERS; i++)
            sfu_timeout(w.sfu[i], w.now);
        settle();
    }
    w.now = mp_max(w.now, end);
}

static void datagram(const struct guest *g, unsigned worker, const uint8_t *data, size_t len)
{
    /* a copy: the core decrypts into other memory, and refuses a longer datagram by its length */
    uint8_t own[DATAGRAM_IN_MAX];
    if (len <= sizeof own)
        memcpy(own, data, len);
    sfu_input(w.sfu[worker], &g->path, len <= sizeof own ? own : data, len, w.now, w.now);
}

/* --- sessions --- */

static void check(struct guest *g, const struct session_credentials *c)
{
    uint8_t data[DATAGRAM_OUT_MAX];
    static const uint8_t txid[STUN_TXID_SIZE];
    char username[UFRAG_SIZE + 3];
    struct stun_writer s;
    struct hmac_sha1 key;
    memcpy(username, c->ufrag, UFRAG_SIZE);
    memcpy(username + UFRAG_SIZE, ":x", 3);
    hmac_sha1_key(&key, (const uint8_t *)c->password, PASSWORD_SIZE);
    stun_begin(&s, data, sizeof data, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&s, STUN_ATTR_USERNAME, username, UFRAG_SIZE + 2);
    stun_add_u32(&s, STUN_ATTR_PRIORITY, 1);
    stun_add_u64(&s, STUN_ATTR_CONTROLLING, 1);
    stun_add(&s, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&s, &key);
    stun_add_fingerprint(&s);
    datagram(g, g->worker, data, stun_end(&s));
}

static void join(unsigned i)
{
    struct guest *g = &w.guests[i];
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {(uint8_t)i};
    struct session_credentials c;
    struct srtp_master up = {.profile = i & 1 ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_SHA1_80, .key = "up"},
                       down = up;
    down.key[0] = 'd';
    *g = (struct guest){.worker = i % WORKERS};
    INVARIANT(address_parse(&g->path.remote, "192.0.2.1", (uint16_t)(4000 + i)));
    g->session = registry_open(w.registry, &(struct session_setup){0}, random, &c);
    check(g, &c);
    struct session *session = session_find(w.sfu[g->worker], g->session);
    INVARIANT(session != NULL);
    if (i == SESSIONS - 1)
        return;
    g->tx = srtp_tx_new(w.crypto, &up);
    session->rx = srtp_rx_new(w.crypto, &up);
    session->tx = srtp_tx_new(w.crypto, &down);
    session->report_at = w.now + MP_MS(200);
    /* as if the client had answered the server's own check */
    session->ice.tuples[0].state = ICE_TUPLE_RECHECKING;
    session->ice.selected = session->ice.wanted = 0;
    session->extensions = (struct rtp_extension_ids){.id = {1, 2, 3, 4, 5}};
    INVARIANT(g->tx && session->rx && session->tx);
    touched_add(w.sfu[g->worker], session);
}

static void begin(void)
{
    static struct dtls_identity *identity;
    static struct crypto *crypto;
    if (!identity) {
        identity = dtls_identity_new();
        crypto = crypto_new(CRYPTO_NULL);
    }
    memset(&w, 0, sizeof w);
    w.now = MP_S(1000);
    w.identity = identity;
    w.crypto = crypto;
    w.registry = registry_new(8);
    for (unsigned i = 0; i < WORKERS; i++) {
        w.sfu[i] = sfu_new(&(struct sfu_config){.worker = i,
                                                .workers = WORKERS,
                                                .registry = w.registry,
                                                .crypto = crypto,
                                                .identity = identity,
                                                .stats = &w.stats[i],
                                                .packets = 256,
                                                .seed = 7 + i,
                                                .wall = MP_S(3900000000)});
        INVARIANT(w.sfu[i] != NULL);
    }
    for (unsigned i = 0; i < SESSIONS; i++)
        join(i);
    settle();
}

static void end(void)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        if (w.guests[i].tx)
            srtp_tx_free(w.guests[i].tx);
    for (unsigned i = 0; i < WORKERS; i++)
        sfu_free(w.sfu[i]); /* every packet must be back */
    registry_free(w.registry);
}

/* --- the script --- */

static void command(enum message_type type, unsigned who, struct bytes *s)
{
    uint8_t how = script_u8(s);
    uint32_t track = 1 + how % TRACKS;
    bool video = track & 1;
    const struct guest *g = &w.guests[who];
    struct message m = {.type = (uint8_t)type,
                        .from = TO_CONTROL,
                        .to = (uint8_t)g->worker,
                        .session = g->session,
                        .track = track};
    if (type == MESSAGE_PUBLISH || type == MESSAGE_REPUBLISH)
        m.publish = (struct publish){.codec = video ? (enum codec)(CODEC_VP8 + how / TRACKS % 4) : CODEC_OPUS,
                                     .payload_type = video ? 96 : 111,
                                     .rtx_payload_type = video ? 97 : 0,
                                     .clock_rate = video ? 90000 : 48000,
                                     .ssrc = {how & 0x80 ? 0 : 1000 * track},
                                     .rtx_ssrc = {video ? 1000 * track + 1 : 0},
                                     .layered = how >> 6 & 1,
                                     .mid = "0",
                                     .nack = video,
                                     .pli = video,
                                     .transport_cc = true};
    if (type == MESSAGE_SUBSCRIBE)
        m.subscribe = (struct subscribe){
            .origin = (uint8_t)(how >> 7),
            .codec = video ? CODEC_VP8 : CODEC_OPUS,
            .payload_type = 120,
            .rtx_payload_type = 121,
            .clock_rate = video ? 90000 : 48000,
            .ssrc = 100000 + (uint32_t)w.now / 1000 % 10000 * 2,
            .rtx_ssrc = 100001 + (uint32_t)w.now / 1000 % 10000 * 2,
            .extensions = {.id = {[EXT_MID] = 1, [EXT_ABS_SEND_TIME] = 2, [EXT_AUDIO_LEVEL] = 4}},
            .mid = "s1",
            .cname = "publisher"};
    if (type == MESSAGE_EXTENSIONS)
        m.extensions = (struct rtp_extension_ids){.id = {how, how / 2, how / 3, how / 4, how / 5}};
    sfu_message(w.sfu[m.to], &m, w.now);
    settle();
}

/* An authentic packet: its bytes are the script's, except a number that the key has not used yet. */
static void media(struct guest *g, struct bytes *s, bool rtcp)
{
    uint8_t out[PACKET_SIZE];
    struct bytes p = script_bytes(s);
    size_t len = p.len < 1400 ? p.len : 1400, header = rtp_header_len(p.data, len);
    if (!g->tx || len < 8)
        return;
    memcpy(out, p.data, len);
    if (rtcp) {
        len = srtcp_protect(g->tx, out, len);
    } else if (header) {
        g->index += 1 + p.data[2] % 8;
        put16(out + 2, (uint16_t)g->index);
        len = srtp_protect(g->tx, out, header, p.data + header, len - header, g->index);
    } else {
        return;
    }
    datagram(g, g->worker, out, len);
}

/* What the viewer's line allows changes. */
static void pause_or_resume(const struct guest *g)
{
    struct session *session = session_find(w.sfu[g->worker], g->session);
    struct subscription *sub = session ? session->subscriptions : NULL;
    for (; sub; sub = sub->next_of_session)
        (sub->paused & PAUSE_ALLOCATION ? subscription_resume : subscription_pause)(w.sfu[g->worker], sub,
                                                                                    PAUSE_ALLOCATION, w.now);
}

static void step(struct bytes *s)
{
    uint8_t op = script_u8(s), who = script_u8(s) % SESSIONS;
    struct guest *g = &w.guests[who], other = *g;
    struct bytes p;
    switch (op % 12) {
    case 0: pass(MP_MS(1) * script_u8(s)); break;
    case 1: pass(MP_MS(100) * script_u8(s)); break;
    case 2: command(MESSAGE_PUBLISH, who, s); break;
    case 3:
        if (op & 0x80)
            pause_or_resume(g);
        else
            command(MESSAGE_SUBSCRIBE, who, s);
        break;
    case 4: command(op & 0x80 ? MESSAGE_REPUBLISH : MESSAGE_UNPUBLISH, who, s); break;
    case 5: command(MESSAGE_UNSUBSCRIBE, who, s); break;
    case 6: command(op & 0x80 ? MESSAGE_SESSION_CLOSE : MESSAGE_EXTENSIONS, who, s); break;
    case 7: /* any bytes from a client's address, perhaps by the other worker */
        p = script_bytes(s);
        datagram(g, op >> 7, p.data, p.len);
        break;
    case 8: /* or from another address */
        other.path.remote.port = (uint16_t)(1 + op);
        p = script_bytes(s);
        datagram(&other, op >> 7, p.data, p.len);
        break;
    case 9: media(g, s, true); break;
    default: media(g, s, false); break;
    }
}

void fuzz_sfu(const uint8_t *data, size_t len)
{
    begin();
    script_play(data, len, 200, step);
    settle();
    end();
}
