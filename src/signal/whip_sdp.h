/* Changes of descriptions for WHIP: ICE credentials, read and replaced (RFC 8840, RFC 9725 4.3). */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The first value of "a=NAME:" in the text, a word. False: absent, or too long. */
bool whip_attribute(const char *sdp, const char *name, char *value, size_t size);
/* Whether the attribute has this value anywhere: each section may have its own. */
bool whip_has_attribute(const char *sdp, const char *name, const char *value);
/* The offer with other ICE credentials in every section, malloc'ed; NULL: no memory. */
char *whip_restarted_offer(const char *offer, const char *ufrag, const char *password);
/* The part of an answer that belongs into a fragment: ICE lines and candidates; malloc'ed. */
char *whip_fragment(const char *answer);
