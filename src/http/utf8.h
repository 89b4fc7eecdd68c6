/* UTF-8 (RFC 3629), as it comes, wherever it is cut. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8 { /* zeros: at the beginning of a character */
    uint8_t left;      /* bytes of a character that are still to come … */
    uint8_t low, high; /* … and the bounds of the next one */
};

bool utf8_check(struct utf8 *, const uint8_t *, size_t len); /* false: no text goes on like this */
static inline bool utf8_is_whole(const struct utf8 *u) { return u->left == 0; }
