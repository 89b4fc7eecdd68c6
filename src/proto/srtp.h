/* SRTP and SRTCP: AEAD_AES_128_GCM (RFC 7714) and AES_CM_128_HMAC_SHA1_80 (RFC 3711). Own code, because this
 * is the hot path. The sender knows every packet's index, so it keeps no state by SSRC; the receiver creates
 * state for an SSRC only after it authenticated a packet of it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crypto;

enum srtp_profile { SRTP_AES128_CM_SHA1_80 = 1, SRTP_AEAD_AES_128_GCM = 7 };

#define SRTP_KEY_SIZE      16
#define SRTP_SALT_SIZE     14 /* CM; GCM uses the first 12 */
#define SRTP_OVERHEAD_MAX  16
#define SRTCP_OVERHEAD_MAX 20

struct srtp_master {
    enum srtp_profile profile;
    uint8_t key[SRTP_KEY_SIZE], salt[SRTP_SALT_SIZE];
};

/* Splits the exporter's 60 bytes (RFC 5764 4.2; RFC 7714 12 for the shorter salts). False: unknown
 * profile. */
bool srtp_masters(uint16_t profile, const uint8_t material[60], struct srtp_master *client,
                  struct srtp_master *server);

/* --- sending --- */
struct srtp_tx;
struct srtp_tx *srtp_tx_new(struct crypto *, const struct srtp_master *); /* NULL: no memory */
void srtp_tx_free(struct srtp_tx *);
size_t srtp_tx_overhead(const struct srtp_tx *); /* bytes that srtp_protect adds: 16 (GCM) or 10 */

/* `out` holds the finished RTP header of `header_len` bytes; the encrypted payload is written behind it
 * (`payload` may also be out + header_len). `index` is ROC << 16 | SEQ of the header; the caller never uses
 * an (SSRC, index) pair for different bytes. Returns the packet's length, payload_len + header_len +
 * srtp_tx_overhead. */
size_t srtp_protect(struct srtp_tx *, uint8_t *out, size_t header_len, const uint8_t *payload,
                    size_t payload_len, uint64_t index);
/* The same for many packets: computes the SHA-1 of AES_CM_128_HMAC_SHA1_80 for several at once, which is
 * cheaper. A packet is complete after srtp_batch_flush, or when the batch was full. Until then its bytes, the
 * 4 bytes at its tag's start and its srtp_tx must not change. */
struct srtp_batch;
struct srtp_batch *srtp_batch_new(struct crypto *); /* NULL: no memory */
void srtp_batch_free(struct srtp_batch *);          /* the batch must be flushed */
size_t srtp_batch_protect(struct srtp_batch *, struct srtp_tx *, uint8_t *out, size_t header_len,
                          const uint8_t *payload, size_t payload_len, uint64_t index);
void srtp_batch_flush(struct srtp_batch *);

/* Prefetch the memory for protecting a packet: first the struct, and once that is in the cache, the key. */
void srtp_tx_prefetch(const struct srtp_tx *);
void srtp_batch_prefetch(const struct srtp_batch *, const struct srtp_tx *);

/* In place; the buffer has room for SRTCP_OVERHEAD_MAX more bytes than `len` (at least 8). The function
 * counts the SRTCP index. Returns the length; 0: this key's 2^31 packets are used up (RFC 3711 9.2). */
size_t srtcp_protect(struct srtp_tx *, uint8_t *packet, size_t len);

/* --- receiving --- */
enum srtp_error {
    SRTP_SHORT = -1,   /* shorter than header and tag, or the header's lengths are wrong */
    SRTP_AUTH = -2,    /* the tag is wrong */
    SRTP_REPLAY = -3,  /* a duplicate, or older than the window of 1024 packets (SRTP) or 128 (SRTCP) */
    SRTP_STREAMS = -4, /* authentic, but STREAMS_RX_MAX SSRCs (RTCP: STREAMS_RTCP_MAX) are in use already */
};

struct srtp_rx;
struct srtp_rx *srtp_rx_new(struct crypto *, const struct srtp_master *); /* NULL: no memory */
void srtp_rx_free(struct srtp_rx *);
/* Authenticates and decrypts to `out` (== in, or not overlapping; at least len bytes): header and plain
 * payload. Returns its length, or an srtp_error; then `out` must not be used and no state changed. `index`:
 * the packet's extended sequence number, ROC << 16 | SEQ. */
int srtp_unprotect(struct srtp_rx *, const uint8_t *in, size_t len, uint8_t *out, uint64_t *index);
int srtcp_unprotect(struct srtp_rx *, const uint8_t *in, size_t len, uint8_t *out);
/* Whether a datagram looks like the next one of a known stream: a known SSRC, and a number (SRTP: sequence
 * number, SRTCP: index) a little ahead. Uses no cipher; anybody can forge such a datagram. */
bool srtp_rx_expects(const struct srtp_rx *, const uint8_t *in, size_t len, bool rtcp);
/* Tells that the source of an SSRC has ended, or goes on after all. If no stream slot is free, a new SSRC
 * gets the slot of an ended one, so that a session may change its sources forever. The state stays until
 * then, because browsers stop a source and later continue it with the same SSRC, whose ROC is known only
 * here. Packets of a stream that lost its state could be replayed once: the caller must not forward an ended
 * SSRC. */
void srtp_rx_ended(struct srtp_rx *, uint32_t ssrc);
void srtp_rx_goes_on(struct srtp_rx *, uint32_t ssrc);
