#include "proto/red.h"
#include "proto/reader.h"

/* RFC 2198 3: a header for each block, then the blocks.
 *   |F| block PT | timestamp offset, 14 bits | length, 10 bits |   F: another header follows
 *   |0| block PT |                                                 of the primary, which takes the rest */
#define FOLLOWS      0x80
#define HEAD         4
#define HEAD_PRIMARY 1

static void read_head(struct red_block *block, const uint8_t *head)
{
    uint32_t v = get24(head + 1);
    block->payload_type = head[0] & 0x7f;
    block->offset = (uint16_t)(v >> 10);
    block->data.len = v & RED_LENGTH_MAX;
}

/* Returns how many blocks there are, with the length of each earlier one; 0: malformed. */
static size_t read_heads(struct red_block out[RED_BLOCKS_MAX], struct bytes *b, uint8_t red)
{
    for (size_t count = 0; count < RED_BLOCKS_MAX; count++) {
        struct red_block *block = &out[count];
        if (b->len == 0 || (b->data[0] & 0x7f) == red)
            return 0;
        if (!(b->data[0] & FOLLOWS)) {
            *block = (struct red_block){.payload_type = *bytes_take(b, HEAD_PRIMARY)};
            return count + 1;
        }
        const uint8_t *head = bytes_take(b, HEAD);
        if (!head)
            return 0;
        read_head(block, head);
    }
    return 0;
}

size_t red_parse(struct red_block out[RED_BLOCKS_MAX], struct bytes payload, uint8_t red)
{
    size_t count = read_heads(out, &payload, red);
    for (size_t i = 0; i + 1 < count; i++)
        if (!(out[i].data.data = bytes_take(&payload, out[i].data.len)))
            return 0;
    if (count == 0 || payload.len == 0)
        return 0;
    out[count - 1].data = payload;
    return count;
}

static bool can_carry(const struct red_block *b)
{
    return b->offset <= RED_OFFSET_MAX && b->data.len && b->data.len <= RED_LENGTH_MAX;
}

size_t red_write(uint8_t *out, size_t size, const struct red_block *blocks, size_t count)
{
    if (count == 0)
        return 0;
    const struct red_block *primary = &blocks[count - 1];
    size_t heads = HEAD_PRIMARY, len = primary->data.len;
    for (const struct red_block *b = blocks; b < primary; b++)
        if (can_carry(b)) {
            heads += HEAD;
            len += b->data.len;
        }
    if (primary->data.len == 0 || heads + len > size)
        return 0;
    uint8_t *head = out, *data = out + heads;
    for (const struct red_block *b = blocks; b <= primary; b++) {
        if (b < primary && !can_carry(b))
            continue;
        *head = b->payload_type & 0x7f;
        if (b < primary) {
            *head |= FOLLOWS;
            put24(head + 1, (uint32_t)b->offset << 10 | (uint32_t)b->data.len);
            head += HEAD;
        }
        memcpy(data, b->data.data, b->data.len);
        data += b->data.len;
    }
    return heads + len;
}
