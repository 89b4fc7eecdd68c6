/* The TURN server that ends inside (RFC 8656): its clients' only possible peer is this server, so what they
 * relay goes straight into the core as a datagram of a path whose link is the allocation (base/link.h), and
 * what the core sends by such a path is wrapped and goes out by the client's own path. There is no relay
 * socket, and nothing else to relay to.
 *
 * An allocation lives on the worker that its client's 5-tuple reaches; the session behind it may live on any.
 */
#pragma once
#include "base/transmit.h"
#include "sfu/turn/allocation.h"

struct sfu;
struct arrival;
struct relay_config;

struct relay {
    const struct relay_config *config;
    struct allocations allocations;
    uint8_t *arena; /* what the wrapped transmits of one sfu_output point to */
    size_t arena_used;
};

bool relay_init(struct sfu *, const struct relay_config *);
void relay_free(struct sfu *);

/* A datagram of a TURN client for this server, taken out of its wrapping: it came from the relayed
 * address. */
struct relayed {
    struct path path;
    struct bytes bytes;
};

/* A STUN message that is not a Binding: a request of TURN's, or a Send indication. Answers to what is not
 * authentic leave no state and are capped like those to plain Binding requests. True: it held a datagram. */
bool relay_stun(struct sfu *, const struct path *, const struct stun_view *, struct relayed *, mp_time now);
bool relay_channel_data(struct sfu *, const struct arrival *, struct relayed *, mp_time now); /* the same */
/* The stream that a client talked by is gone, and so is its allocation (RFC 8656 7: it ends with the
 * connection). */
void relay_client_gone(struct sfu *, const struct path *client);
void relay_timeout(struct sfu *, mp_time now);
static inline mp_time relay_deadline(const struct relay *r) { return heap_next(&r->allocations.timers); }

static inline void relay_output_begins(struct relay *r) { r->arena_used = 0; }
/* Turns a transmit by one of this worker's relay links into one to the TURN client: each datagram in a
 * ChannelData message, or a Data indication before the client has bound a channel. False: nobody is there any
 * more; counted. */
bool relay_wrap(struct sfu *, struct transmit *, mp_time now);

/* --- between relay.c (requests) and relay_data.c (relayed data) --- */
bool relay_send(struct sfu *, const struct path *, const struct stun_view *, struct relayed *, mp_time now);
/* Whether `peer` is this server, as somebody who reached it at `local` knows it. */
bool relay_is_peer(const struct relay *, const struct turn_peer *, const struct address *local);
enum stun_family relay_family(const struct address *);
