/* Output except forwarded media: finished datagrams, and messages to other threads. Two queues. */
#pragma once
#include "base/packet.h"
#include "base/path.h"
#include "sfu/message.h"
#include <stdbool.h>
#include <stddef.h>

struct sfu;

#define OUTBOX_MAX    8192
#define EMISSIONS_MAX 16384 /* grows beyond this for messages that must arrive */
_Static_assert((OUTBOX_MAX & (OUTBOX_MAX - 1)) == 0 && (EMISSIONS_MAX & (EMISSIONS_MAX - 1)) == 0, "masks");

struct datagram {
    struct path path;
    struct packet *packet; /* data[0..len) is sent unchanged */
};

struct outbox {
    struct datagram *items;
    size_t head, tail;
};

struct emission {
    struct message message;
    struct packet *packet; /* holds the payload; NULL: none */
};

struct emissions {
    struct emission *items;
    size_t size; /* a power of two */
    size_t head, tail;
    struct packet *lent; /* payload of the last message that sfu_emit gave out */
};

bool outbox_init(struct sfu *);
void outbox_free(struct sfu *);

/* A packet for a datagram; NULL: none is free (counted). Pass it to outbox_send or packet_drop. */
struct packet *outbox_packet(struct sfu *);
/* takes the reference; if full, counts and drops the packet */
void outbox_send(struct sfu *, const struct path *, struct packet *);
void outbox_copy(struct sfu *, const struct path *, const uint8_t *, size_t len);

/* Queues a message; takes a reference to `packet` (may be NULL), whose data is the payload. At three quarters
 * of EMISSIONS_MAX, drops messages that may be dropped (message_may_drop). For others the queue grows: one
 * turn can end every session, or learn a path from each of its datagrams. */
void outbox_emit(struct sfu *, const struct message *, struct packet *packet);

/* Whether the server may answer an unauthenticated request: at most STUN_ANSWERS_PER_S for a network. Counts
 * a refusal. */
bool outbox_may_answer(struct sfu *, const struct path *, mp_time now);
