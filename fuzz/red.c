/* Redundant audio; the first byte is RED's payload type. Blocks lie in the payload, and written again they
 * come out the same. */
#include "proto/red.h"
#include "fuzz/fuzz.h"

void fuzz_red(const uint8_t *data, size_t len)
{
    struct bytes s = {data, len};
    struct red_block blocks[RED_BLOCKS_MAX], again[RED_BLOCKS_MAX];
    uint8_t out[4096], red = script_u8(&s) & 0x7f;
    size_t count = red_parse(blocks, s, red), sum = 0, carried = 0;
    for (size_t i = 0; i < count; i++) {
        INVARIANT(blocks[i].payload_type != red && blocks[i].payload_type < 128);
        INVARIANT(blocks[i].data.data >= s.data &&
                  blocks[i].data.data + blocks[i].data.len <= s.data + s.len);
        sum += blocks[i].data.len;
        carried += i + 1 == count || blocks[i].data.len;
    }
    if (!count || sum + 4 * count > sizeof out)
        return;
    size_t n = red_write(out, sizeof out, blocks, count);
    INVARIANT(n > 0 && red_parse(again, (struct bytes){out, n}, red) == carried);
    for (size_t i = 0, k = 0; i < count; i++) {
        if (i + 1 < count && !blocks[i].data.len)
            continue;
        INVARIANT(again[k].payload_type == blocks[i].payload_type && again[k].offset == blocks[i].offset);
        INVARIANT(bytes_equal(again[k].data, blocks[i].data.data, blocks[i].data.len));
        k++;
    }
}
