/* One association. After it settled, a server keeps the last flight of the handshake, ChangeCipherSpec and
 * Finished, as sent.
 *
 * Timers: the retransmission, whose time the engine tells (OpenSSL's own clock decides when it is due, so our
 * deadline only says when to ask again), and the end of the handshake after HANDSHAKE_MAX. */
#include "proto/dtls.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include <stdlib.h>

#define HANDSHAKE_MAX MP_S(30)

#define RECORD_HEADER_SIZE 13 /* RFC 6347 4.1: type, version, epoch, sequence number, length */
#define CHANGE_CIPHER_SPEC 20
#define HANDSHAKE          22
#define CLIENT_HELLO       1

/* Datagrams, each behind its length. */
struct flight {
    uint16_t len, at; /* at: the next datagram to send; len: no more */
    bool whole;       /* it fits DTLS_FLIGHT_MAX bytes */
    uint8_t repeats;
    uint8_t data[DTLS_FLIGHT_MAX];
};

struct dtls {
    struct dtls_engine *engine; /* NULL: settled */
    struct flight last;
    enum dtls_role role;
    enum dtls_state state;
    enum dtls_failure failure;
    struct fingerprint expected;
    mp_time end, deadline;
    unsigned inputs;
    struct srtp_master client_master, server_master;
};

static enum dtls_state fail(struct dtls *d, enum dtls_failure why)
{
    d->state = DTLS_FAILED;
    d->failure = why;
    return d->state;
}

/* RFC 8842 5.1: a certificate that matches none of the fingerprints ends the association, before any key is
 * used. */
static bool fingerprint_right(const struct dtls *d)
{
    uint8_t found[64];
    size_t len = dtls_engine_peer_fingerprint(d->engine, d->expected.hash, found);
    bool right = false;
    for (size_t i = 0; len != 0 && len == d->expected.len && i <= d->expected.more; i++)
        right |= bytes_equal_secret(found, d->expected.value + i * len, len);
    return right;
}

static enum dtls_state come_up(struct dtls *d)
{
    uint16_t profile;
    uint8_t material[60];
    enum dtls_failure why = DTLS_OK;
    if (!fingerprint_right(d))
        why = DTLS_FINGERPRINT;
    else if (!dtls_engine_srtp(d->engine, &profile, material) ||
             !srtp_masters(profile, material, &d->client_master, &d->server_master))
        why = DTLS_NO_PROFILE;
    explicit_bzero(material, sizeof material);
    if (why != DTLS_OK) {
        dtls_engine_close(d->engine);
        return fail(d, why);
    }
    return d->state = DTLS_UP;
}

static enum dtls_state follow(struct dtls *d, enum dtls_engine_state engine, mp_time now)
{
    if (engine == DTLS_ENGINE_FAILED)
        fail(d, DTLS_PROTOCOL);
    else if (engine == DTLS_ENGINE_CLOSED)
        d->state = DTLS_CLOSED;
    else if (engine == DTLS_ENGINE_UP && d->state == DTLS_HANDSHAKE)
        come_up(d);
    d->deadline = MP_NEVER;
    if (d->state == DTLS_HANDSHAKE) {
        int64_t wait = dtls_engine_wait(d->engine);
        d->deadline = wait < 0 ? d->end : mp_min(d->end, now + wait);
    }
    return d->state;
}

struct dtls *dtls_new(struct dtls_identity *id, enum dtls_role role, enum dtls_profiles profiles,
                      const struct fingerprint *expected, mp_time now)
{
    struct dtls *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->engine = dtls_engine_new(id, role, profiles);
    if (!d->engine) {
        free(d);
        return NULL;
    }
    d->role = role;
    d->expected = *expected;
    d->last.whole = true;
    d->end = now + HANDSHAKE_MAX;
    follow(d, DTLS_ENGINE_HANDSHAKE, now);
    return d;
}

void dtls_free(struct dtls *d)
{
    if (!d)
        return;
    dtls_engine_free(d->engine);
    explicit_bzero(d, sizeof *d);
    free(d);
}

/* --- the last flight --- */

static void flight_note(struct flight *f, const uint8_t *datagram, size_t len)
{
    if (f->len + 2 + len > sizeof f->data) {
        f->whole = false;
        return;
    }
    put16(f->data + f->len, (uint16_t)len);
    memcpy(f->data + f->len + 2, datagram, len);
    f->at = f->len = (uint16_t)(f->len + 2 + len);
}

static size_t flight_next(struct flight *f, uint8_t *out, size_t size)
{
    if (f->at == f->len)
        return 0;
    size_t len = get16(f->data + f->at);
    INVARIANT(len <= size);
    memcpy(out, f->data + f->at + 2, len);
    f->at = (uint16_t)(f->at + 2 + len);
    return len;
}

/* Whether the datagram holds the ChangeCipherSpec record: one datagram of a client's last flight does,
 * however the flight is split. */
static bool has_change_cipher_spec(const uint8_t *p, size_t len)
{
    while (len >= RECORD_HEADER_SIZE) {
        size_t record = RECORD_HEADER_SIZE + (size_t)get16(p + 11);
        if (p[0] == CHANGE_CIPHER_SPEC || record > len)
            return p[0] == CHANGE_CIPHER_SPEC && record <= len;
        p += record;
        len -= record;
    }
    return false;
}

/* RFC 6347 4.1, 4.3.2: epoch 0, because nothing is negotiated yet; the first byte of the handshake message is
 * its type. */
bool dtls_is_client_hello(const uint8_t *p, size_t len)
{
    return len > RECORD_HEADER_SIZE && p[0] == HANDSHAKE && get16(p + 3) == 0 &&
           p[RECORD_HEADER_SIZE] == CLIENT_HELLO;
}

void dtls_settle(struct dtls *d)
{
    INVARIANT(d->state == DTLS_UP);
    if (d->role == DTLS_CLIENT || !d->engine || !d->last.len || !d->last.whole)
        return;
    dtls_engine_free(d->engine);
    d->engine = NULL;
}

void dtls_goodbye(const struct dtls *d, struct dtls_goodbye *g)
{
    *g = (struct dtls_goodbye){0};
    if (d->engine)
        dtls_engine_goodbye(d->engine, d->role, g);
}

/* --- input and output --- */

enum dtls_state dtls_input(struct dtls *d, const uint8_t *data, size_t len, mp_time now)
{
    if (d->state != DTLS_HANDSHAKE && d->state != DTLS_UP)
        return d->state;
    if (!d->engine) {
        if (has_change_cipher_spec(data, len) && d->last.repeats < DTLS_REPEATS_MAX) {
            d->last.repeats++;
            d->last.at = 0;
        }
        return d->state;
    }
    if (d->state == DTLS_HANDSHAKE && d->inputs++ == DTLS_INPUT_MAX) {
        d->deadline = MP_NEVER;
        return fail(d, DTLS_FLOOD);
    }
    return follow(d, dtls_engine_input(d->engine, data, len), now);
}

enum dtls_state dtls_timeout(struct dtls *d, mp_time now)
{
    if (now < d->deadline || d->state != DTLS_HANDSHAKE)
        return d->state;
    if (now >= d->end) {
        d->deadline = MP_NEVER;
        return fail(d, DTLS_TIMEOUT);
    }
    return follow(d, dtls_engine_retransmit(d->engine), now);
}

mp_time dtls_deadline(const struct dtls *d) { return d->deadline; }

size_t dtls_output(struct dtls *d, uint8_t *out, size_t size)
{
    if (!d->engine)
        return flight_next(&d->last, out, size);
    size_t len = dtls_engine_output(d->engine, out, size);
    if (len && d->state == DTLS_UP && d->role == DTLS_SERVER)
        flight_note(&d->last, out, len);
    return len;
}

enum dtls_state dtls_state(const struct dtls *d) { return d->state; }

enum dtls_failure dtls_failure(const struct dtls *d) { return d->failure; }

const char *dtls_failure_text(enum dtls_failure failure)
{
    static const char *const text[] = {
        [DTLS_OK] = "none",
        [DTLS_PROTOCOL] = "the handshake failed",
        [DTLS_FINGERPRINT] = "the certificate is not the one that the SDP names",
        [DTLS_NO_PROFILE] = "no SRTP profile in common",
        [DTLS_FLOOD] = "too many datagrams",
        [DTLS_TIMEOUT] = "no end after 30 s",
    };
    return text[failure];
}

void dtls_close(struct dtls *d)
{
    if (d->state != DTLS_HANDSHAKE && d->state != DTLS_UP)
        return;
    if (d->engine)
        dtls_engine_close(d->engine);
    d->last.at = d->last.len;
    d->state = DTLS_CLOSED;
    d->deadline = MP_NEVER;
}

void dtls_masters(const struct dtls *d, struct srtp_master *tx, struct srtp_master *rx)
{
    *tx = d->role == DTLS_CLIENT ? d->client_master : d->server_master;
    *rx = d->role == DTLS_CLIENT ? d->server_master : d->client_master;
}
