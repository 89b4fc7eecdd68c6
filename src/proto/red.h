/* Redundant audio (RFC 2198): a packet carries its own frame, the primary block, and before it earlier
 * ones. */
#pragma once
#include "base/bytes.h"

#define RED_BLOCKS_MAX 8      /* of one packet, the primary among them; browsers send at most 3 */
#define RED_OFFSET_MAX 0x3fff /* 14 bits: 341 ms at 48 kHz */
#define RED_LENGTH_MAX 0x3ff  /* 10 bits: an earlier block's bytes */

struct red_block {
    uint8_t payload_type;
    uint16_t offset; /* its RTP timestamp is so much before the packet's; 0: the primary's */
    struct bytes data;
};

/* Reads the blocks in the packet's order: earlier ones, some possibly empty, then the primary. Returns how
 * many; 0: cut off, a length beyond the payload, no primary, more than RED_BLOCKS_MAX, or a block of the
 * payload type `red`, which is RED again. */
size_t red_parse(struct red_block out[RED_BLOCKS_MAX], struct bytes payload, uint8_t red);

/* Writes blocks in this order, the last as primary. Earlier ones that the format cannot carry (offset or
 * length over the limit, or nothing in them) are left out. Returns the payload's length; 0: it is over
 * `size`, or there is no block. */
size_t red_write(uint8_t *out, size_t size, const struct red_block *, size_t count);
