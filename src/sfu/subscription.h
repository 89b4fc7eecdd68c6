/* Writes one viewer's copy of a track: see subscription_data.h. */
#pragma once
#include "sfu/subscription_data.h"

struct transmit;

/* NULL: no memory. The session and the track both list it. */
struct subscription *subscription_new(struct sfu *, struct session *, struct track *,
                                      const struct subscribe *);
void subscription_free(struct sfu *, struct subscription *);
/* The viewer has new keys: packets sent with the old ones are not retransmitted. */
void subscription_rekeyed(struct subscription *);

/* Writes the track's pending packets from *from on as one run of datagrams: into `out`, room RUN_PACKETS_MAX
 * packets. Advances *from. False: nothing (more) to send. */
bool subscription_run(struct sfu *, struct subscription *, size_t *from, uint8_t *out, struct transmit *,
                      mp_time now);
/* Nothing is sent to the viewer from now on: no packet, no retransmission, and no key frame is asked for. Its
 * place in the track's viewers stays. It may be paused for several reasons at once. */
void subscription_pause(struct sfu *, struct subscription *, enum pause_reason, mp_time now);
/* This reason is gone. Without another one sound flows at once, a picture from its next key frame on, which
 * is asked for. The viewer's numbers continue behind the last that was sent. One number is left out if that
 * packet did not end its picture, so that a decoder does not take the picture for whole. */
void subscription_resume(struct sfu *, struct subscription *, enum pause_reason, mp_time now);
/* The viewer reported this sequence number (as it knows it) missing: sends it again if it is still there, by
 * RTX, or without RTX the same bytes once more. */
void subscription_nack(struct sfu *, struct subscription *, uint16_t seq, mp_time now);

/* Whether packets of padding can be sent in this stream now: their feedback would tell of the line. */
bool subscription_may_pad(const struct subscription *);
/* Sends one with about so many bytes (1 or more), at most 255 of padding. Returns its length; 0: it could not
 * be sent. */
size_t subscription_pad(struct sfu *, struct subscription *, size_t bytes, mp_time now);

/* The viewer asked for a key frame. A track that has other viewers too gives each of them a share: a few at
 * once, then one in ten seconds. */
void subscription_keyframe(struct sfu *, struct subscription *, mp_time now);

/* Asks for key frames of the tracks that this viewer waits for, once it has keys and a nominated path: an
 * earlier key frame would be lost, and the next one is a second away. subscriptions_ask leaves out the tracks
 * that the viewer has begun to receive; subscriptions_ask_again asks for all. */
void subscriptions_ask(struct sfu *, struct session *, mp_time now);
void subscriptions_ask_again(struct sfu *, struct session *, mp_time now);
