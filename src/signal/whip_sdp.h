/* The little that WHIP changes in descriptions itself: ICE credentials, in and out (RFC 8840, RFC 9725 4.3).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The first value of "a=NAME:" in the text, a word. False: it is not there, or too long. */
bool whip_attribute(const char *sdp, const char *name, char *value, size_t size);
/* Whether it stands there with this value: sections may have one each. */
bool whip_has_attribute(const char *sdp, const char *name, const char *value);
/* The offer with other ICE credentials in every section, malloc'ed; NULL: no memory. */
char *whip_restarted_offer(const char *offer, const char *ufrag, const char *password);
/* Of an answer what a fragment has: its ICE lines and candidates; malloc'ed. */
char *whip_fragment(const char *answer);
