/* Between negotiate.c (what clients say) and offer.c (what we say). */
#pragma once
#include "signal/state.h"

const char *source_name(enum source);
struct section *section_add(struct participant *, enum sdp_kind, const char *mid); /* mid: MID_SIZE bytes; NULL: no memory */
/* SSRCs that were never sent under: packet numbers start anew with each subscription, and under one key none may come twice. */
void offer_new_ssrcs(struct participant *, struct section *);
void offer_untouch(struct participant *);
/* Our side of every section as SDP, malloc'ed; NULL: no memory. */
char *offer_describe(struct participant *, enum sdp_setup);
