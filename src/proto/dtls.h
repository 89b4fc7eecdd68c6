/* One DTLS association of a session: the engine of crypto.h, its timer in our time, and the comparison of the
 * peer's certificate with the fingerprint from the SDP (RFC 8122, RFC 8842 5.1). */
#pragma once
#include "base/limits.h"
#include "base/time.h"
#include "crypto/crypto.h"
#include "proto/srtp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fingerprint {   /* from a=fingerprint: the certificate has one of these values (RFC 8122 5) */
    char hash[8];      /* "sha-256", "sha-384", "sha-512" in lower case; the SDP parser ignores weaker ones */
    uint8_t len, more; /* bytes of one value; number of further values */
    uint8_t value[FINGERPRINTS_SIZE]; /* contiguous */
};

enum dtls_state {
    DTLS_HANDSHAKE, /* no keys yet */
    DTLS_UP,        /* the fingerprint matches, keys exist */
    DTLS_CLOSED,    /* the peer sent close_notify */
    DTLS_FAILED,    /* handshake error, wrong fingerprint, no SRTP profile, over DTLS_INPUT_MAX datagrams,
                       not done after 30 s */
};

enum dtls_failure { DTLS_OK, DTLS_PROTOCOL, DTLS_FINGERPRINT, DTLS_NO_PROFILE, DTLS_FLOOD, DTLS_TIMEOUT };

struct dtls;
/* A client, the active role, starts by draining dtls_output. NULL: no memory. */
struct dtls *dtls_new(struct dtls_identity *, enum dtls_role, enum dtls_profiles,
                      const struct fingerprint *expected, mp_time now);
void dtls_free(struct dtls *);

bool dtls_is_client_hello(const uint8_t *, size_t); /* its first record starts an association, or repeats
                                                       the start */
enum dtls_state dtls_input(struct dtls *, const uint8_t *, size_t, mp_time now);
enum dtls_state dtls_timeout(struct dtls *, mp_time now);
mp_time dtls_deadline(const struct dtls *);
/* next datagram; 0: none. Drain after every call */
size_t dtls_output(struct dtls *, uint8_t *out, size_t size);
enum dtls_state dtls_state(const struct dtls *);
enum dtls_failure dtls_failure(const struct dtls *);
const char *dtls_failure_text(enum dtls_failure);
void dtls_close(struct dtls *); /* queues close_notify, unless the association is settled */
/* For a server that is DTLS_UP and drained: frees the memory of the handshake, except the keys and the last
 * flight. A client that did not get that flight repeats its own; the server then repeats the flight (RFC 6347
 * 4.2.4), at most DTLS_REPEATS_MAX times. For the client's close_notify see dtls_goodbye. No effect if the
 * flight is unusually long, and for a client, which has no last flight. */
void dtls_settle(struct dtls *);
/* Call before dtls_settle. Fills the data to recognise the peer's close_notify after it (crypto.h). */
void dtls_goodbye(const struct dtls *, struct dtls_goodbye *);
/* Once DTLS_UP: the keys for sending and for receiving. */
void dtls_masters(const struct dtls *, struct srtp_master *tx, struct srtp_master *rx);
