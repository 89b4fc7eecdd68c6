/* Input of a session: passes SRTP to tracks. feedback.h reads SRTCP. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>

struct arrival;
struct sfu;
struct session;
struct incoming;

/* True: the packet is authentic. It may still be dropped. */
bool ingress_rtp(struct sfu *, struct session *, const struct arrival *, mp_time now);
/* Assigns SSRCs of a description to the stream; rtx_ssrc carries retransmissions of ssrc. Ignores 0. If the
 * table is full, the server does not receive the stream. */
void ingress_bind(struct session *, struct incoming *, uint32_t ssrc, uint32_t rtx_ssrc, mp_time now);
/* the client's media uses new keys from now on */
void ingress_rekeyed(struct session *);
void ingress_unbind(struct session *, const struct incoming *); /* frees all SSRCs of the stream */
