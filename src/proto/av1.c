#include "proto/av1.h"
#include "proto/reader.h"

/* An OBU element; `last`: it has no length and takes the rest. */
static bool take_element(struct bytes *b, bool last, struct bytes *element)
{
    size_t len = b->len;
    if (!last && !bytes_take_leb128(b, &len))
        return false;
    element->len = len;
    element->data = bytes_take(b, len);
    return element->data && (!last || len);
}

/* The aggregation header |Z|Y| W |N|-|-|-|: Z: the first element goes on with an OBU of the packet before; W:
 * how many elements, the last without a length, or 0: each has one; N: a coded video sequence starts, that is
 * a key frame. An OBU's header, 5.3.2 of the bitstream: |0| type |X|S|-|, and where X | TID |SID|---|. */
struct codec_info av1_inspect(struct bytes payload)
{
    struct codec_info info = {0}, bad = {0};
    const uint8_t *head = bytes_take(&payload, 1);
    if (!head || payload.len == 0)
        return bad;
    bool continued = *head & 0x80, sequence = *head & 0x08;
    unsigned count = *head >> 4 & 3;
    if (continued && sequence)
        return bad;
    for (unsigned i = 1; count ? i <= count : payload.len > 0; i++) {
        struct bytes obu;
        if (!take_element(&payload, i == count, &obu))
            return bad;
        bool whole = i > 1 || !continued;
        if (whole && obu.len >= 2 && obu.data[0] & 0x04 && info.temporal == 0)
            info.temporal = obu.data[1] >> 5;
    }
    info.valid = true;
    info.keyframe = info.start = sequence;
    return info;
}
