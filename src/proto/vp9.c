#include "proto/vp9.h"
#include "proto/reader.h"

/* RFC 9628 4.2.1: the scalability structure.
 *   | N_S |Y|G|-|-|-|   spatial layers - 1; Y: width and height of each; G: a picture group follows
 *   |      N_G      |   pictures of the group, each: | TID |U| R |-|-| and R reference differences */
static bool skip_vp9_structure(struct bytes *b)
{
    const uint8_t *head = bytes_take(b, 1), *p;
    if (!head)
        return false;
    if (*head & 0x10 && !bytes_take(b, 4 * ((size_t)(*head >> 5) + 1)))
        return false;
    if (!(*head & 0x08))
        return true;
    if (!(p = bytes_take(b, 1)))
        return false;
    for (unsigned pictures = *p; pictures; pictures--)
        if (!(p = bytes_take(b, 1)) || !bytes_take(b, *p >> 2 & 3))
            return false;
    return true;
}

/* Up to three reference differences, each telling whether another follows. */
static bool skip_vp9_references(struct bytes *b)
{
    for (int i = 0; i < 3; i++) {
        const uint8_t *p = bytes_take(b, 1);
        if (!p)
            return false;
        if (!(*p & 1))
            return true;
    }
    return false;
}

/* RFC 9628 4.2:
 *   |I|P|L|F|B|E|V|Z|   P: predicted from other pictures, F: flexible mode, B: a frame starts, V: structure
 *   |M| PICTURE ID  |   where I, another byte where M
 *   | TID |U| SID |D|   where L
 *   |   TL0PICIDX   |   where L and not F
 *   |  P_DIFF     |N|   where F and P, up to three
 * A key frame is not predicted and starts on the lowest spatial layer; the layers above it only lean on that
 * (D). */
struct codec_info vp9_inspect(struct bytes b)
{
    enum { I = 0x80, P = 0x40, L = 0x20, F = 0x10, B = 0x08, V = 0x02 };
    struct codec_info info = {0}, bad = {0};
    const uint8_t *first = bytes_take(&b, 1);
    uint8_t spatial = 0;
    if (!first || (*first & I && !skip_picture_id(&b)))
        return bad;
    if (*first & L) {
        const uint8_t *layer = bytes_take(&b, 1);
        if (!layer || (!(*first & F) && !bytes_take(&b, 1)))
            return bad;
        info.temporal = *layer >> 5;
        spatial = *layer >> 1 & 7;
    }
    if ((*first & (F | P)) == (F | P) && !skip_vp9_references(&b))
        return bad;
    if ((*first & V && !skip_vp9_structure(&b)) || b.len == 0)
        return bad;
    info.valid = true;
    info.start = *first & B;
    info.keyframe = info.start && !(*first & P) && spatial == 0;
    return info;
}
