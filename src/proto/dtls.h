/* One DTLS association of a session: the engine of crypto.h, its timer in our time, and the check of the peer's
 * fingerprint against the one from the SDP (RFC 8122, RFC 8842 5.1). */
#pragma once
#include "limits.h"
#include "mptime.h"
#include "srtp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_identity;

struct fingerprint { /* of a certificate, from a=fingerprint: it has one of these values (RFC 8122 5) */
    char hash[8];    /* "sha-256", "sha-384", "sha-512" in lower case; anything weaker is left out by the SDP parser */
    uint8_t len, more; /* bytes of one; how many there are behind the first */
    uint8_t value[FINGERPRINTS_SIZE]; /* one behind the other */
};

enum dtls_state {
    DTLS_HANDSHAKE, /* nothing may be decrypted yet */
    DTLS_UP,        /* fingerprint is right, keys are there */
    DTLS_CLOSED,    /* the peer said goodbye */
    DTLS_FAILED,    /* handshake error, wrong fingerprint, no SRTP profile, too many datagrams (DTLS_INPUT_MAX), 30 s without an end */
};

enum dtls_failure { DTLS_OK, DTLS_PROTOCOL, DTLS_FINGERPRINT, DTLS_NO_PROFILE, DTLS_FLOOD, DTLS_TIMEOUT };

struct dtls;
struct dtls_goodbye;
/* `client`: active role; a client starts by draining dtls_output. NULL: no memory. */
struct dtls *dtls_new(struct dtls_identity *, bool client, bool cm_only, const struct fingerprint *expected, mp_time now);
void dtls_free(struct dtls *);

bool dtls_is_client_hello(const uint8_t *, size_t); /* in its first record: an association begins, or repeats its beginning */
enum dtls_state dtls_input(struct dtls *, const uint8_t *, size_t, mp_time now);
enum dtls_state dtls_timeout(struct dtls *, mp_time now);
mp_time dtls_deadline(const struct dtls *);
size_t dtls_output(struct dtls *, uint8_t *out, size_t size); /* next datagram; 0: none. Drain after every call */
enum dtls_state dtls_state(const struct dtls *);
enum dtls_failure dtls_failure(const struct dtls *);
const char *dtls_failure_text(enum dtls_failure);
void dtls_close(struct dtls *); /* queues close_notify, but for one that has settled */
/* For a server that is DTLS_UP and drained: gives back the memory of the handshake, all but the keys and the last flight. A client
 * that did not get that repeats its own, and is answered (RFC 6347 4.2.4), DTLS_REPEATS_MAX times at most. Of its close_notify
 * see dtls_goodbye. Does nothing where the flight is longer than usual, nor for a client, who has no last flight. */
void dtls_settle(struct dtls *);
/* For the time after that: how its peer's close_notify is told (crypto.h). Before it settles. */
void dtls_goodbye(const struct dtls *, struct dtls_goodbye *);
/* Once DTLS_UP: the keys that we send with and receive with. */
void dtls_masters(const struct dtls *, struct srtp_master *tx, struct srtp_master *rx);
