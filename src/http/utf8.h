/* Incremental UTF-8 check (RFC 3629), for text cut anywhere. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8 {          /* zeros: between characters */
    uint8_t left;      /* bytes of the character still to come … */
    uint8_t low, high; /* … and the bounds of the next byte */
};

bool utf8_check(struct utf8 *, const uint8_t *, size_t len); /* false: invalid */
static inline bool utf8_is_whole(const struct utf8 *u) { return u->left == 0; }
