#include "client/client.h"
#include "base/limits.h"
#include "base/prng.h"
#include "crypto/crypto.h"
#include "proto/demux.h"
#include "proto/rtp.h"
#include "proto/srtp.h"
#include "proto/stun.h"
#include <stdio.h>
#include <stdlib.h>

/* Timers: the first check is repeated every CHECK_RETRY until answered (RFC 8445 14.3 wants 500 ms; a first
 * loss should not cost that much), then CHECK_KEEP after each answer to keep consent (RFC 7675 5.1), and
 * CHECK_AGAIN after a check without one; DTLS has its own. */
#define CHECK_RETRY MP_MS(100)
#define CHECK_AGAIN MP_MS(500)
#define CHECK_KEEP  MP_S(2)
#define PRIORITY    0x6e001effu /* of a prflx candidate */

struct client {
    struct client_config config;
    char username[ICE_CREDENTIAL_MAX * 2 + 2];
    struct hmac_sha1 key;     /* of the server's password */
    bool answers;             /* the server's own checks */
    struct hmac_sha1 own_key; /* of ours */
    uint8_t answer[128];      /* to the last of them, until it is sent */
    size_t answer_len;
    struct prng prng;
    uint8_t txid[STUN_TXID_SIZE];
    uint64_t tie_breaker;
    mp_time check_at;
    bool answered; /* ever */
    bool waiting;  /* for the answer to the last check */
    bool check_due, hold_nomination;
    struct address mapped;
    struct dtls *dtls;
    enum client_state state;
    struct srtp_tx *tx;
    struct srtp_rx *rx;
};

struct client *client_new(const struct client_config *config, mp_time now)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->config = *config;
    prng_seed(&c->prng, config->seed);
    c->tie_breaker = prng_next(&c->prng);
    c->config.ufrag = c->config.password = c->config.remote_ufrag = c->config.remote_password = NULL;
    client_restart(c, config->ufrag, config->password, config->remote_ufrag, config->remote_password, now);
    return c;
}

void client_restart(struct client *c, const char *ufrag, const char *password, const char *remote_ufrag,
                    const char *remote_password, mp_time now)
{
    snprintf(c->username, sizeof c->username, "%s:%s", remote_ufrag, ufrag);
    hmac_sha1_key(&c->key, (const uint8_t *)remote_password, strlen(remote_password));
    c->answers = password != NULL;
    if (password)
        hmac_sha1_key(&c->own_key, (const uint8_t *)password, strlen(password));
    c->answered = c->waiting = false;
    c->check_at = now;
    client_timeout(c, now);
}

void client_free(struct client *c)
{
    if (!c)
        return;
    if (c->dtls)
        dtls_free(c->dtls);
    if (c->tx)
        srtp_tx_free(c->tx);
    if (c->rx)
        srtp_rx_free(c->rx);
    free(c);
}

void client_hold_nomination(struct client *c, bool hold) { c->hold_nomination = hold; }
enum client_state client_state(const struct client *c) { return c->state; }
const struct path *client_path(const struct client *c) { return &c->config.path; }
void client_ended(struct client *c, uint32_t ssrc)
{
    if (c->rx)
        srtp_rx_ended(c->rx, ssrc);
}
struct address client_mapped(const struct client *c) { return c->mapped; }
void client_move(struct client *c, const struct address *local) { c->config.path.local = *local; }

mp_time client_deadline(const struct client *c)
{
    return c->state == CLIENT_FAILED ? MP_NEVER
                                     : mp_min(c->check_at, c->dtls ? dtls_deadline(c->dtls) : MP_NEVER);
}

void client_goodbye(struct client *c)
{
    if (c->dtls)
        dtls_close(c->dtls);
}

static void dtls_moved(struct client *c, enum dtls_state state)
{
    struct srtp_master tx, rx;
    if (state == DTLS_FAILED || state == DTLS_CLOSED) {
        c->state = CLIENT_FAILED;
    } else if (state == DTLS_UP && !c->tx) {
        dtls_masters(c->dtls, &tx, &rx);
        c->tx = srtp_tx_new(c->config.crypto, &tx);
        c->rx = srtp_rx_new(c->config.crypto, &rx);
        c->state = c->tx && c->rx ? CLIENT_CONNECTED : CLIENT_FAILED;
    }
}

void client_timeout(struct client *c, mp_time now)
{
    if (c->check_at <= now) {
        uint64_t random[2] = {prng_next(&c->prng), prng_next(&c->prng)};
        if (!c->waiting) /* RFC 8489 6.2.1: a retransmission is the same transaction; with a new one each
                            time, a long round trip would never end */
            memcpy(c->txid, random, STUN_TXID_SIZE);
        c->check_due = c->waiting = true;
        c->check_at = now + (c->answered ? CHECK_AGAIN : CHECK_RETRY);
    }
    if (c->dtls && dtls_deadline(c->dtls) <= now)
        dtls_moved(c, dtls_timeout(c->dtls, now));
}

static size_t write_check(struct client *c, uint8_t *out, size_t size)
{
    struct stun_writer w;
    stun_begin(&w, out, size, STUN_REQUEST, STUN_BINDING, c->txid);
    stun_add(&w, STUN_ATTR_USERNAME, c->username, strlen(c->username));
    stun_add_u32(&w, STUN_ATTR_PRIORITY, PRIORITY);
    stun_add_u64(&w, STUN_ATTR_CONTROLLING, c->tie_breaker);
    if (!c->hold_nomination)
        stun_add(&w, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&w, &c->key);
    stun_add_fingerprint(&w);
    return stun_end(&w);
}

size_t client_output(struct client *c, uint8_t *out, size_t size)
{
    size_t len = c->answer_len;
    if (c->check_due) {
        c->check_due = false;
        return write_check(c, out, size);
    }
    if (len) {
        memcpy(out, c->answer, len);
        c->answer_len = 0;
        return len;
    }
    return c->dtls ? dtls_output(c->dtls, out, size) : 0;
}

/* Answers the server's own check of this path. */
static void answer_check(struct client *c, const struct stun_view *v)
{
    struct stun_writer w;
    struct address server = c->config.path.remote;
    if (!c->answers || !stun_check(v, &c->own_key))
        return;
    stun_begin(&w, c->answer, sizeof c->answer, STUN_SUCCESS, STUN_BINDING, v->txid);
    stun_add_mapped(&w, &server);
    stun_add_integrity(&w, &c->own_key);
    stun_add_fingerprint(&w);
    c->answer_len = stun_end(&w);
}

static void input_stun(struct client *c, const uint8_t *data, size_t len, mp_time now)
{
    struct stun_view v;
    if (stun_parse(&v, data, len) != STUN_OK)
        return;
    if (v.class == STUN_REQUEST && v.method == STUN_BINDING)
        answer_check(c, &v);
    if (v.class != STUN_SUCCESS || memcmp(v.txid, c->txid, STUN_TXID_SIZE) != 0 || !stun_check(&v, &c->key))
        return;
    if (v.has_mapped)
        c->mapped = v.mapped;
    c->answered = true;
    c->waiting = false;
    c->check_at = now + CHECK_KEEP;
    if (c->state != CLIENT_CHECKING)
        return;
    c->state = CLIENT_HANDSHAKE;
    c->dtls = dtls_new(c->config.identity, c->config.passive ? DTLS_SERVER : DTLS_CLIENT,
                       c->config.cm_only ? DTLS_CM_ONLY : DTLS_GCM_OR_CM, &c->config.remote_fingerprint, now);
    if (!c->dtls)
        c->state = CLIENT_FAILED;
}

static void input_media(struct client *c, const uint8_t *data, size_t len, bool rtcp, mp_time now)
{
    uint8_t plain[PACKET_SIZE];
    uint64_t index;
    if (!c->rx || len > sizeof plain)
        return;
    int n = rtcp ? srtcp_unprotect(c->rx, data, len, plain) : srtp_unprotect(c->rx, data, len, plain, &index);
    void (*deliver)(void *, const uint8_t *, size_t, mp_time) = rtcp ? c->config.rtcp : c->config.rtp;
    if (n > 0 && deliver)
        deliver(c->config.context, plain, (size_t)n, now);
}

void client_input(struct client *c, const uint8_t *data, size_t len, mp_time now)
{
    switch (demux(data, len)) {
    case DATAGRAM_STUN: input_stun(c, data, len, now); break;
    case DATAGRAM_DTLS:
        if (c->dtls)
            dtls_moved(c, dtls_input(c->dtls, data, len, now));
        break;
    case DATAGRAM_RTP: input_media(c, data, len, false, now); break;
    case DATAGRAM_RTCP: input_media(c, data, len, true, now); break;
    default: break;
    }
}

size_t client_rtp(struct client *c, const uint8_t *packet, size_t len, uint64_t index, uint8_t *out)
{
    size_t header = rtp_header_len(packet, len);
    if (c->state != CLIENT_CONNECTED || !header)
        return 0;
    memcpy(out, packet, header);
    return srtp_protect(c->tx, out, header, packet + header, len - header, index);
}

size_t client_rtcp(struct client *c, const uint8_t *packet, size_t len, uint8_t *out)
{
    if (c->state != CLIENT_CONNECTED)
        return 0;
    memcpy(out, packet, len);
    return srtcp_protect(c->tx, out, len);
}
