/* The forwarding core of one worker, between network and media. It has no socket, clock, thread or random
 * device: bytes, messages and time go in; datagrams and messages come out. The caller may pass a whole batch
 * of input before it drains sfu_output, which then makes one run of each viewer's packets. */
#pragma once
#include "base/bytes.h"
#include "base/path.h"
#include "base/time.h"
#include "base/transmit.h"
#include "sfu/message.h"
#include "sfu/registry.h"
#include "sfu/stats.h"
#include <stdbool.h>
#include <stddef.h>

struct crypto;
struct dtls_identity;
struct relay_config;
struct sfu;

struct sfu_config {
    unsigned worker, workers;  /* this worker's number and how many there are */
    struct registry *registry; /* shared */
    struct crypto *crypto;     /* this worker's */
    struct dtls_identity *identity;
    struct stats *stats;              /* this worker's counters, zeroed */
    const struct relay_config *relay; /* of the TURN server, shared; NULL: none */
    size_t packets;                   /* pool size */
    uint32_t publish_bps;             /* of one session, bits a second of RTP; 0: no limit */
    uint64_t seed; /* for values that need not be secret but must not be guessed: hash keys,
                                  first sequence numbers */
    /* for values that clients must not guess though they see many: transaction ids of our checks */
    uint8_t secret[32];
    mp_time wall; /* NTP time (ns since 1900) at mp_time 0, for sender reports */
};

struct sfu *sfu_new(const struct sfu_config *); /* NULL: no memory */
void sfu_free(struct sfu *);                    /* ends every session without telling its client */

/* One datagram; the core does not keep the bytes. `arrival` is when the kernel received it, at `now` or
 * before: a publisher's bandwidth estimate uses the intervals between its packets, which a late worker would
 * distort. */
void sfu_input(struct sfu *, const struct path *, const uint8_t *, size_t len, mp_time arrival, mp_time now);
/* Whether an authenticated client uses the path: the server closes TCP connections without one, to free their
 * descriptors. */
bool sfu_knows(const struct sfu *, const struct path *);
/* The connection of a link of this worker was closed. */
void sfu_gone(struct sfu *, const struct path *);
/* From the control plane or another worker. */
void sfu_message(struct sfu *, const struct message *, mp_time now);
void sfu_timeout(struct sfu *, mp_time now);
/* When to call sfu_timeout; MP_NEVER: not at all. Holds until the next call of sfu_input, sfu_message or
 * sfu_timeout. */
mp_time sfu_deadline(struct sfu *, mp_time now);
/* Fills at most `max` transmits, all for this worker's socket and links; drain until 0. Their data is valid
 * until the next call of sfu_output. A datagram for another worker's link becomes a message: drain sfu_emit
 * afterwards. */
size_t sfu_output(struct sfu *, struct transmit *, size_t max, mp_time now);
/* Drain until false. The message's payload is valid until the next call. */
bool sfu_emit(struct sfu *, struct message *);
