/* Reading from a view: each takes bytes off its front, or says that there are not as many. */
#pragma once
#include "base/bytes.h"

/* The next `n` bytes; NULL: there are not as many. */
static inline const uint8_t *bytes_take(struct bytes *b, size_t n)
{
    if (b->len < n)
        return NULL;
    const uint8_t *p = b->data;
    b->data += n;
    b->len -= n;
    return p;
}

/* leb128 of the AV1 bitstream, 4.10.5; more than 32 bits are no length of anything. */
static inline bool bytes_take_leb128(struct bytes *b, size_t *value)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        const uint8_t *p = bytes_take(b, 1);
        if (!p)
            return false;
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p & 0x80)) {
            *value = (size_t)v;
            return v <= UINT32_MAX;
        }
    }
    return false;
}
