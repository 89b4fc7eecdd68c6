/* Ciphers and the DTLS engine behind one header. crypto_new chooses the implementation by CPU and by the
 * caller's wish; the rest of the program sees only this file. A `struct crypto` belongs to one thread.
 * Nothing here sends, receives or keeps time. */
#pragma once
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum crypto_kind {
    CRYPTO_BEST,    /* IPsec-MB where it is built in and the CPU has AES-NI/AVX, else OpenSSL */
    CRYPTO_OPENSSL, /* OpenSSL's EVP with cached contexts: for comparison and for CPUs other than x86 */
    /* for simulation: payloads stay readable, tags are a keyed checksum that still detects a wrong key or a
     * changed byte */
    CRYPTO_NULL,
};

struct crypto;
struct crypto *crypto_new(enum crypto_kind);    /* NULL: no memory, or not available on this machine */
void crypto_free(struct crypto *);              /* free all its keys first */
const char *crypto_name(const struct crypto *); /* "ipsec-mb avx512", "openssl", "null" */

/* AES-128-GCM, 96-bit IV, 128-bit tag. `in` and `out` are equal or do not overlap. The caller never uses an
 * IV twice with one key. */
#define GCM_TAG 16
struct gcm_key;
struct gcm_key *gcm_key_new(struct crypto *, const uint8_t key[16]); /* NULL: no memory */
void gcm_key_free(struct gcm_key *);
void gcm_seal(struct gcm_key *, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in,
              size_t len, uint8_t *out, uint8_t tag[GCM_TAG]);
/* False: wrong tag; do not use the contents of `out`. */
bool gcm_open(struct gcm_key *, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in,
              size_t len, uint8_t *out, const uint8_t tag[GCM_TAG]);

/* AES-128 in counter mode (RFC 3711 4.1.1): `in` XOR the key stream that starts at `iv`, whose last four
 * bytes count blocks and must not overflow. `in` and `out` are equal or do not overlap. */
struct ctr_key;
struct ctr_key *ctr_key_new(struct crypto *, const uint8_t key[16]);
void ctr_key_free(struct ctr_key *);
/* Prefetches the part of the key that every packet reads. */
void gcm_key_prefetch(const struct crypto *, const struct gcm_key *);
void ctr_key_prefetch(const struct crypto *, const struct ctr_key *);
void ctr_xor(struct ctr_key *, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out);
/* The key stream itself, without a context, for SRTP's key derivation (RFC 3711 4.3.3). CRYPTO_NULL uses AES
 * here too, so that different keys give different tags. False: no memory. */
bool aes_cm_prf(const uint8_t key[16], const uint8_t iv[16], uint8_t *out, size_t len);

/* HMAC-SHA1 with the key's two states precomputed (RFC 2104), so that STUN and AES-CM SRTP only hash the
 * message. A plain value that may be copied; it needs no context. */
#define SHA1_SIZE 20
struct hmac_sha1 {
    uint32_t inner[5], outer[5];
};
void hmac_sha1_key(struct hmac_sha1 *, const uint8_t *key, size_t len);
/* The MAC of the concatenated parts. */
void hmac_sha1(const struct hmac_sha1 *, const struct bytes *parts, size_t count, uint8_t mac[SHA1_SIZE]);

/* MD5, only for STUN's long-term key (RFC 8489 9.2.2). */
#define MD5_SIZE 16
void md5(const uint8_t *, size_t len, uint8_t digest[MD5_SIZE]);

/* MACs of many messages under many keys: some CPUs compute several at once in lanes of vector registers,
 * which a single message cannot use. */
#define MAC_JOBS_MAX 128
struct mac_job {
    const struct hmac_sha1 *key;
    const uint8_t *data;
    uint32_t len;
    uint32_t tag_len; /* <= SHA1_SIZE */
    /* written after reading all of `data`: it may lie inside its own data, but not inside another job's */
    uint8_t *tag;
};
void hmac_sha1_many(struct crypto *, const struct mac_job *, size_t count); /* count <= MAC_JOBS_MAX */

/* The DTLS engine: one certificate for the whole process, one association a session. */
struct dtls_identity;
/* a fresh ECDSA P-256 key and self-signed certificate; NULL: failed */
struct dtls_identity *dtls_identity_new(void);
void dtls_identity_free(struct dtls_identity *);
void dtls_identity_fingerprint(const struct dtls_identity *, uint8_t sha256[32]);

struct dtls_engine;
enum dtls_role { DTLS_SERVER, DTLS_CLIENT };
/* SRTP profiles to offer or accept: SRTP_AEAD_AES_128_GCM, then SRTP_AES128_CM_SHA1_80; or only the latter */
enum dtls_profiles { DTLS_GCM_OR_CM, DTLS_CM_ONLY };
/* A client sends its first ClientHello at once (see dtls_engine_output). Datagrams are at most DTLS_MTU
 * bytes. Both sides send certificates. The engine does not check the peer's chain: the caller compares the
 * fingerprint. NULL: no memory. */
struct dtls_engine *dtls_engine_new(struct dtls_identity *, enum dtls_role, enum dtls_profiles);
void dtls_engine_free(struct dtls_engine *);

enum dtls_engine_state { DTLS_ENGINE_HANDSHAKE, DTLS_ENGINE_UP, DTLS_ENGINE_CLOSED, DTLS_ENGINE_FAILED };
/* Feeds one datagram. Drops application data in it: there are no data channels. */
enum dtls_engine_state dtls_engine_input(struct dtls_engine *, const uint8_t *, size_t);
/* The next datagram to send, copied to `out`; 0: none. Drain after each call of the others. */
size_t dtls_engine_output(struct dtls_engine *, uint8_t *out, size_t size);
/* Nanoseconds until the caller has to call dtls_engine_retransmit; -1: no retransmission is pending. */
int64_t dtls_engine_wait(struct dtls_engine *);
enum dtls_engine_state dtls_engine_retransmit(struct dtls_engine *);
void dtls_engine_close(struct dtls_engine *); /* queues close_notify */
/* Hash of the peer's certificate. `hash`: "sha-256", "sha-384", "sha-512" (lower case). Returns the length,
 * 0: unknown hash or no certificate. */
size_t dtls_engine_peer_fingerprint(const struct dtls_engine *, const char *hash, uint8_t out[64]);
/* RFC 5764 4.2: the exporter's key material once UP: client key, server key, client salt, server salt.
 * `profile`: 1 or 7 (RFC 5764, RFC 7714). False: no profile was agreed. */
bool dtls_engine_srtp(const struct dtls_engine *, uint16_t *profile, uint8_t material[60]);

/* Keys that recognise the peer's authentic close_notify after the association was freed. All zero: recognises
 * none. */
struct dtls_goodbye {
    uint8_t key[32], iv[12];
    /* iv_len: 4 with an explicit nonce (GCM, RFC 5288 3), 12 without (ChaCha20, RFC 7905 2) */
    uint8_t key_len, iv_len;
};
/* of an engine that is UP and has this role */
bool dtls_engine_goodbye(const struct dtls_engine *, enum dtls_role, struct dtls_goodbye *);
/* Whether the datagram is one record with an authentic close_notify (RFC 5246 7.2.1). */
bool dtls_goodbye_is(const struct dtls_goodbye *, const uint8_t *, size_t len);
