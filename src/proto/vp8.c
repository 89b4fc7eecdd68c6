#include "proto/vp8.h"
#include "proto/reader.h"

/* RFC 7741 4.2:
 *   |X|R|N|S|R| PID |   S: a partition starts, PID: which one
 *   |I|L|T|K|  RSV  |   where X
 *   |M| PictureID   |   where I, another byte where M
 *   |   TL0PICIDX   |   where L
 *   |TID|Y| KEYIDX  |   where T or K
 * and 4.3, of the payload header where S and PID 0: its lowest bit is 0 in a key frame. */
struct codec_info vp8_inspect(struct bytes b)
{
    struct codec_info info = {0}, bad = {0};
    const uint8_t *first = bytes_take(&b, 1), *p;
    if (!first)
        return bad;
    if (*first & 0x80) {
        const uint8_t *x = bytes_take(&b, 1);
        if (!x || (*x & 0x80 && !skip_picture_id(&b)) || (*x & 0x40 && !bytes_take(&b, 1)))
            return bad;
        if (*x & 0x30) {
            if (!(p = bytes_take(&b, 1)))
                return bad;
            info.temporal = *x & 0x20 ? *p >> 6 : 0;
        }
    }
    if (!(p = bytes_take(&b, 1))) /* no payload */
        return bad;
    info.valid = true;
    info.start = (*first & 0x17) == 0x10;
    info.keyframe = info.start && !(*p & 1);
    return info;
}
