/* What a session sends: SRTP to tracks, SRTCP to the streams and subscriptions it is about. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>

struct arrival;
struct sfu;
struct session;
struct incoming;

/* True: it authenticated; where the packet goes from there, if anywhere, is another matter. */
bool ingress_rtp(struct sfu *, struct session *, const struct arrival *, mp_time now);
bool ingress_rtcp(struct sfu *, struct session *, const struct arrival *, mp_time now); /* feedback.c */
/* Packets with these SSRCs, which a description names, belong to the stream; those of rtx_ssrc repeat those of ssrc. 0 is ignored; a
 * full table too: then the stream is not heard. */
void ingress_bind(struct session *, struct incoming *, uint32_t ssrc, uint32_t rtx_ssrc, mp_time now);
void ingress_rekeyed(struct session *); /* what it publishes comes under other keys from now on */
void ingress_unbind(struct session *, const struct incoming *); /* of none */
