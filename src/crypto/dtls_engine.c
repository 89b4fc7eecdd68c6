/* One DTLS association by OpenSSL, over memory. OpenSSL reads and writes through our own BIO, so a datagram
 * stays one datagram in both directions.
 *
 * One timer: OpenSSL's retransmission of the last flight. OpenSSL decides by the wall clock when it is due
 * (gettimeofday; it offers no way to replace that). dtls_engine_wait returns the remaining time, and
 * dtls_engine_retransmit has no effect before.
 *
 * Memory that a peer can occupy: OpenSSL reassembles the next ten handshake messages, each up to one record
 * (16 KB). It also keeps up to 100 records that arrive before their ChangeCipherSpec, each in a read buffer
 * of 16 KB; we pass only NEXT_EPOCH_MAX of them to it. */
#include "crypto/dtls_engine.h"
#include "base/limits.h"
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <stdlib.h>

/* RFC 6347 4.2.4.1 starts at 1 s, to suit any network; but our path has just answered an ICE check, and
 * browsers start at 50 to 100 ms too. OpenSSL gives up at the 13th timeout: with this cap, after 30 s. */
#define RETRANSMIT_FIRST_US 100000
#define RETRANSMIT_MAX_US   4000000

/* A peer's flight has one record in the new epoch, its Finished; the other places are for its
 * retransmissions. */
#define NEXT_EPOCH_MAX 16

/* Our longest flight is two datagrams; the other places are for a caller that does not drain. */
#define OUTPUT_MAX (8 * (DTLS_MTU + 2))

#define RECORD_HEADER_SIZE 13 /* RFC 6347 4.1: type, version, epoch, sequence number, length */

struct dtls_engine {
    SSL *ssl;
    enum dtls_engine_state state;
    struct bytes in; /* the datagram being fed; empty: none */
    /* queued datagrams, each preceded by its length in two bytes; NULL: none since the last drain */
    uint8_t *out;
    size_t out_len, out_read; /* bytes in `out`, and how many of them were read */
    unsigned next_epoch;      /* records of the new epoch passed to OpenSSL during the handshake */
};

/* --- the BIO --- */

static int datagram_read(BIO *bio, char *to, int size)
{
    struct dtls_engine *e = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!e->in.len) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int n = e->in.len < (size_t)size ? (int)e->in.len : size; /* as with a socket, excess bytes are lost */
    memcpy(to, e->in.data, (size_t)n);
    e->in = (struct bytes){NULL, 0};
    return n;
}

/* A datagram that cannot be queued is lost: retransmission covers that, so this never fails. */
static int datagram_write(BIO *bio, const char *from, int len)
{
    struct dtls_engine *e = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len <= 0 || len > DTLS_MTU || e->out_len + 2 + (size_t)len > OUTPUT_MAX)
        return len;
    uint8_t *out = realloc(e->out, e->out_len + 2 + (size_t)len);
    if (!out)
        return len;
    e->out = out;
    put16(out + e->out_len, (uint16_t)len);
    memcpy(out + e->out_len + 2, from, (size_t)len);
    e->out_len += 2 + (size_t)len;
    return len;
}

static long datagram_ctrl(BIO *bio, int command, long number, void *arg) { return command == BIO_CTRL_FLUSH; }

static int datagram_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *datagram_bio_method(void)
{
    /* no BIO_get_new_index: its numbers are few and are never freed, and only BIO_find_type needs one */
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagrams");
    if (m && BIO_meth_set_read(m, datagram_read) == 1 && BIO_meth_set_write(m, datagram_write) == 1 &&
        BIO_meth_set_ctrl(m, datagram_ctrl) == 1 && BIO_meth_set_create(m, datagram_create) == 1)
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* --- the association --- */

static unsigned retransmit_after(SSL *ssl, unsigned last_us)
{
    if (!last_us)
        return RETRANSMIT_FIRST_US;
    return last_us < RETRANSMIT_MAX_US / 2 ? last_us * 2 : RETRANSMIT_MAX_US;
}

static enum dtls_engine_state state_of(const struct dtls_engine *e, int result)
{
    switch (SSL_get_error(e->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return e->state;
    case SSL_ERROR_ZERO_RETURN: return DTLS_ENGINE_CLOSED;
    default: return DTLS_ENGINE_FAILED;
    }
}

/* Reads all records and drops their contents. */
static enum dtls_engine_state read_all(struct dtls_engine *e)
{
    uint8_t dropped[512];
    int r;
    while ((r = SSL_read(e->ssl, dropped, sizeof dropped)) > 0)
        ;
    return state_of(e, r);
}

/* Lets OpenSSL process the input. Empties the error queue, because all associations of the thread share
 * it. */
static enum dtls_engine_state drive(struct dtls_engine *e)
{
    ERR_clear_error();
    if (e->state == DTLS_ENGINE_HANDSHAKE) {
        int r = SSL_do_handshake(e->ssl);
        e->state = r == 1 ? DTLS_ENGINE_UP : state_of(e, r);
    }
    if (e->state == DTLS_ENGINE_UP) {
        e->state = read_all(e);
        SSL_free_buffers(e->ssl); /* saves 33 KB a session, which rarely receives another datagram */
    }
    ERR_clear_error();
    return e->state;
}

static bool engine_setup(struct dtls_engine *e, struct dtls_identity *id, enum dtls_role role,
                         enum dtls_profiles profiles)
{
    const char *names =
        profiles == DTLS_CM_ONLY ? "SRTP_AES128_CM_SHA1_80" : "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
    BIO *bio = BIO_new(id->datagrams);
    if (!bio)
        return false;
    BIO_set_data(bio, e);
    SSL_set_bio(e->ssl, bio, bio);
    if (SSL_set_tlsext_use_srtp(e->ssl, names) != 0) /* this function returns 0 on success */
        return false;
    SSL_set_mtu(e->ssl, DTLS_MTU);
    DTLS_set_timer_cb(e->ssl, retransmit_after);
    if (role == DTLS_CLIENT)
        SSL_set_connect_state(e->ssl);
    else
        SSL_set_accept_state(e->ssl);
    return true;
}

struct dtls_engine *dtls_engine_new(struct dtls_identity *id, enum dtls_role role,
                                    enum dtls_profiles profiles)
{
    struct dtls_engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->ssl = SSL_new(id->context);
    if (!e->ssl || !engine_setup(e, id, role, profiles)) {
        ERR_clear_error();
        dtls_engine_free(e);
        return NULL;
    }
    if (role == DTLS_CLIENT)
        drive(e);
    return e;
}

void dtls_engine_free(struct dtls_engine *e)
{
    if (!e)
        return;
    SSL_free(e->ssl);
    free(e->out);
    free(e);
}

/* Counts the records of a datagram that OpenSSL would keep until the ChangeCipherSpec: complete handshake
 * messages or alerts of the next epoch. */
static unsigned records_ahead(const uint8_t *p, size_t len)
{
    unsigned count = 0;
    while (len >= RECORD_HEADER_SIZE) {
        size_t record = RECORD_HEADER_SIZE + (size_t)get16(p + 11);
        if (record > len)
            break;
        count += (p[0] == SSL3_RT_HANDSHAKE || p[0] == SSL3_RT_ALERT) && p[1] == DTLS1_VERSION_MAJOR &&
                 get16(p + 3) == 1;
        p += record;
        len -= record;
    }
    return count;
}

/* Minimal length of an encrypted record: GCM's explicit nonce and tag (RFC 5288 3), or ChaCha20-Poly1305's
 * tag (RFC 7905 2). */
static size_t encrypted_min(const struct dtls_engine *e)
{
    const SSL_CIPHER *c = SSL_get_current_cipher(e->ssl);
    return c && SSL_CIPHER_get_cipher_nid(c) == NID_chacha20_poly1305 ? 16 : 24;
}

/* If a record is too short for its tag, OpenSSL reports an internal error and ends the association. RFC 6347
 * 4.1.2.7 says to drop bad records; otherwise anybody who knows the addresses could end it. */
static bool has_short_record(const struct dtls_engine *e, const uint8_t *p, size_t len)
{
    while (len >= RECORD_HEADER_SIZE) {
        size_t body = get16(p + 11);
        if (get16(p + 3) > 0 && body < encrypted_min(e))
            return true;
        if (RECORD_HEADER_SIZE + body > len)
            break;
        p += RECORD_HEADER_SIZE + body;
        len -= RECORD_HEADER_SIZE + body;
    }
    return false;
}

SSL *dtls_engine_ssl(const struct dtls_engine *e) { return e->ssl; }

enum dtls_engine_state dtls_engine_input(struct dtls_engine *e, const uint8_t *data, size_t len)
{
    if (has_short_record(e, data, len))
        return e->state;
    if (e->state == DTLS_ENGINE_HANDSHAKE) {
        unsigned n = records_ahead(data, len);
        if (e->next_epoch + n > NEXT_EPOCH_MAX)
            return e->state;
        e->next_epoch += n;
    } else if (e->state != DTLS_ENGINE_UP) {
        return e->state;
    }
    e->in = (struct bytes){data, len};
    drive(e);
    e->in = (struct bytes){NULL, 0};
    return e->state;
}

size_t dtls_engine_output(struct dtls_engine *e, uint8_t *out, size_t size)
{
    while (e->out_read < e->out_len) {
        size_t len = get16(e->out + e->out_read);
        const uint8_t *datagram = e->out + e->out_read + 2;
        e->out_read += 2 + len;
        if (len <= size) {
            memcpy(out, datagram, len);
            return len;
        }
    }
    free(e->out);
    e->out = NULL;
    e->out_len = e->out_read = 0;
    return 0;
}

int64_t dtls_engine_wait(struct dtls_engine *e)
{
    struct timeval left;
    if (e->state != DTLS_ENGINE_HANDSHAKE || DTLSv1_get_timeout(e->ssl, &left) != 1)
        return -1;
    int64_t us = (int64_t)left.tv_sec * 1000000 + left.tv_usec;
    /* must not become an hour if the wall clock was set back */
    return (us < RETRANSMIT_MAX_US ? us : RETRANSMIT_MAX_US) * 1000;
}

enum dtls_engine_state dtls_engine_retransmit(struct dtls_engine *e)
{
    if (e->state != DTLS_ENGINE_HANDSHAKE)
        return e->state;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(e->ssl) < 0)
        e->state = DTLS_ENGINE_FAILED;
    ERR_clear_error();
    return e->state;
}

void dtls_engine_close(struct dtls_engine *e)
{
    if (e->state == DTLS_ENGINE_UP) {
        ERR_clear_error();
        /* reads nothing, but allocates the buffers that drive freed; DTLS writes without a check for them */
        read_all(e);
        SSL_shutdown(e->ssl);
        ERR_clear_error();
    }
    if (e->state != DTLS_ENGINE_FAILED)
        e->state = DTLS_ENGINE_CLOSED;
}

size_t dtls_engine_peer_fingerprint(const struct dtls_engine *e, const char *hash, uint8_t out[64])
{
    const EVP_MD *md = strcmp(hash, "sha-256") == 0   ? EVP_sha256()
                       : strcmp(hash, "sha-384") == 0 ? EVP_sha384()
                       : strcmp(hash, "sha-512") == 0 ? EVP_sha512()
                                                      : NULL;
    X509 *certificate = SSL_get0_peer_certificate(e->ssl);
    unsigned len = 0;
    if (!md || !certificate || X509_digest(certificate, md, out, &len) != 1) {
        ERR_clear_error();
        return 0;
    }
    return len;
}

bool dtls_engine_srtp(const struct dtls_engine *e, uint16_t *profile, uint8_t material[60])
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    const SRTP_PROTECTION_PROFILE *agreed = SSL_get_selected_srtp_profile(e->ssl);
    if (e->state != DTLS_ENGINE_UP || !agreed)
        return false;
    *profile = (uint16_t)agreed->id;
    memset(material, 0, 60);
    /* two keys of 16 bytes, two salts of 12 (RFC 7714 12.1) or 14 (RFC 5764 4.1.2) */
    size_t len = agreed->id == SRTP_AEAD_AES_128_GCM ? 56 : 60;
    bool ok = SSL_export_keying_material(e->ssl, material, len, label, sizeof label - 1, NULL, 0, 0) == 1;
    ERR_clear_error();
    return ok;
}
