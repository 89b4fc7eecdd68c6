/* Reads bits, highest first. A read past the end gives 0 and sets `over`, which stays set: a parser may
 * look at it once behind several reads, but in every loop whose count a peer told. */
#pragma once
#include "base/bytes.h"

struct bits {
    const uint8_t *data;
    size_t at, end; /* in bits */
    bool over;
};

static inline struct bits bits_of(struct bytes b) { return (struct bits){.data = b.data, .end = 8 * b.len}; }

static inline uint32_t bits_read(struct bits *b, unsigned n) /* n: 0-32 */
{
    uint64_t v = 0;
    if (n > b->end - b->at) {
        b->over = true;
        b->at = b->end;
        return 0;
    }
    for (unsigned left = n; left;) {
        unsigned there = 8 - (unsigned)(b->at & 7), take = left < there ? left : there;
        v = v << take | (b->data[b->at >> 3] >> (there - take) & ((1u << take) - 1));
        b->at += take;
        left -= take;
    }
    return (uint32_t)v;
}

/* Writes the lowest n bits of `v` over those at `at`. */
static inline void bits_write(uint8_t *out, size_t at, uint32_t v, unsigned n)
{
    for (; n; n--, at++) {
        uint8_t bit = (uint8_t)(0x80 >> (at & 7));
        out[at >> 3] = (uint8_t)(v >> (n - 1) & 1 ? out[at >> 3] | bit : out[at >> 3] & ~bit);
    }
}
