/* How one viewer of a track gets its copy of the stream: see subscription_data.h. */
#pragma once
#include "sfu/subscription_data.h"

struct transmit;

/* NULL: no memory. Both ends hold it. */
struct subscription *subscription_new(struct sfu *, struct session *, struct track *,
                                      const struct subscribe *);
void subscription_free(struct sfu *, struct subscription *);
/* The viewer has new keys: packets sent with the old ones are not retransmitted. */
void subscription_rekeyed(struct subscription *);

/* Writes the track's pending packets from *from on as one run of datagrams: into `out`, room RUN_PACKETS_MAX
 * packets. *from is moved on. False: nothing (more) to send. */
bool subscription_run(struct sfu *, struct subscription *, size_t *from, uint8_t *out, struct transmit *,
                      mp_time now);
/* The viewer reported this sequence number (as it knows it) missing: sends it again if it is still there, by
 * RTX, or without RTX the same bytes once more. */
void subscription_nack(struct sfu *, struct subscription *, uint16_t seq, mp_time now);

/* Asks for key frames of what this viewer waits for, once it has keys and a nominated path: a key frame that
 * comes before is lost, and the next is a second away. `again`: also of what it saw before. */
void subscriptions_ask(struct sfu *, struct session *viewer, bool again, mp_time now);
