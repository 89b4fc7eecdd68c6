/* Interface between negotiate.c (the clients' descriptions) and offer.c (ours). */
#pragma once
#include "signal/state.h"

const char *negotiate_source_name(enum source);
/* mid: MID_SIZE bytes; NULL: no memory */
struct section *negotiate_section(struct participant *, enum sdp_kind, const char *mid);
/* Gives the section SSRCs that were never used: packet numbers restart with each subscription, and no SSRC
 * may repeat a number under the same key. */
void offer_new_ssrcs(struct participant *, struct section *);
void offer_untouch(struct participant *);
/* Our description of every section as SDP, malloc'ed; NULL: no memory. */
char *offer_describe(struct participant *, enum sdp_setup);
