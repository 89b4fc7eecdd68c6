/* Between negotiate.c (what clients say) and offer.c (what we say). */
#pragma once
#include "state.h"

const char *source_name(enum source);
struct section *section_add(struct participant *, enum sdp_kind, const char *mid); /* mid: MID_SIZE bytes; NULL: no memory */
/* Our side of every section as SDP, malloc'ed; NULL: no memory. */
char *describe_session(struct participant *, enum sdp_setup);
