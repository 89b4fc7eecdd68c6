/* Input of a session: passes SRTP to tracks, and SRTCP to its streams and subscriptions. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>

struct arrival;
struct sfu;
struct session;
struct incoming;

/* True: authentic. Whether it is forwarded is a separate decision. */
bool ingress_rtp(struct sfu *, struct session *, const struct arrival *, mp_time now);
bool ingress_rtcp(struct sfu *, struct session *, const struct arrival *, mp_time now); /* feedback.c */
/* Assigns the SSRCs, which a description names, to the stream; rtx_ssrc carries retransmissions of ssrc.
 * Ignores 0. If the table is full, the stream is not received. */
void ingress_bind(struct session *, struct incoming *, uint32_t ssrc, uint32_t rtx_ssrc, mp_time now);
void ingress_rekeyed(struct session *);                         /* its media uses other keys from now on */
void ingress_unbind(struct session *, const struct incoming *); /* of none */
