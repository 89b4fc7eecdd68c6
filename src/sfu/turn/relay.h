/* The built-in TURN server (RFC 8656). The only possible peer of its clients is this server, so it passes
 * their relayed datagrams straight into the core, with a path whose link is the allocation (base/link.h). It
 * wraps datagrams that the core sends by such a path and sends them by the client's own path. There is no
 * relay socket.
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
    uint8_t *arena; /* data of the wrapped transmits of one sfu_output */
    size_t arena_used;
};

bool relay_init(struct sfu *, const struct relay_config *);
void relay_free(struct sfu *);

/* A TURN client's datagram for this server, unwrapped: its source is the relayed address. */
struct relayed {
    struct path path;
    struct bytes bytes;
};

/* A STUN message that is not a Binding: a request of TURN's, or a Send indication. An unauthenticated request
 * leaves no state, and its answer has the rate limit of plain Binding requests. True: the message contained a
 * datagram. */
bool relay_stun(struct sfu *, const struct path *, const struct stun_view *, struct relayed *, mp_time now);
/* the same for ChannelData */
bool relay_channel_data(struct sfu *, const struct arrival *, struct relayed *, mp_time now);
/* The client's connection was closed: ends its allocation (RFC 8656 7). */
void relay_client_gone(struct sfu *, const struct path *client);
void relay_timeout(struct sfu *, mp_time now);
static inline mp_time relay_deadline(const struct relay *r) { return heap_next(&r->allocations.timers); }

static inline void relay_output_begins(struct relay *r) { r->arena_used = 0; }
/* Turns a transmit by one of this worker's relay links into one to the TURN client: each datagram in a
 * ChannelData message, or a Data indication before the client has bound a channel. False: the allocation or
 * its permission has ended, or there is no room; counted. */
bool relay_wrap(struct sfu *, struct transmit *, mp_time now);

/* --- between relay.c (requests) and relay_data.c (relayed data) --- */
bool relay_send(struct sfu *, const struct path *, const struct stun_view *, struct relayed *, mp_time now);
/* Whether `peer` is this server, as somebody who reached it at `local` knows it. */
bool relay_is_peer(const struct relay *, const struct turn_peer *, const struct address *local);
enum stun_family relay_family(const struct address *);
