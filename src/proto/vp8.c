#include "proto/vp8.h"
#include "proto/reader.h"

/* RFC 7741 4.2:
 *   |X|R|N|S|R| PID |   N: not referred to, S: a partition starts, PID: which one
 *   |I|L|T|K|  RSV  |   where X
 *   |M| PictureID   |   where I, another byte where M
 *   |   TL0PICIDX   |   where L
 *   |TID|Y| KEYIDX  |   where T or K */
enum { X = 0x80, N = 0x20, S_AND_PID = 0x17, S = 0x10 };
enum { I = 0x80, L = 0x40, T = 0x20, K = 0x10 };
enum { M = 0x80, Y = 0x20 };

static bool parse_picture_id(struct vp8_descriptor *d, struct bytes *b, const uint8_t *start)
{
    const uint8_t *p = bytes_take(b, 1);
    if (!p || (*p & M && !bytes_take(b, 1)))
        return false;
    d->picture_id_at = (uint8_t)(p - start);
    d->wide = *p & M;
    d->picture_id = d->wide ? get16(p) & 0x7fff : *p;
    return true;
}

static bool parse_extension(struct vp8_descriptor *d, struct bytes *b, const uint8_t *start)
{
    const uint8_t *x = bytes_take(b, 1), *p;
    if (!x || (*x & I && !parse_picture_id(d, b, start)))
        return false;
    if (*x & L) {
        if (!(p = bytes_take(b, 1)))
            return false;
        d->tl0_at = (uint8_t)(p - start);
        d->tl0 = *p;
    }
    if (!(*x & (T | K)))
        return true;
    if (!(p = bytes_take(b, 1)))
        return false;
    d->layered = *x & T;
    d->temporal = d->layered ? *p >> 6 : 0;
    d->sync = d->layered && *p & Y;
    d->key_index = *x & K ? *p & 0x1f : -1;
    return true;
}

/* RFC 7741 4.3: the lowest bit of a frame's first byte is 0 in a key frame, whose sizes follow a start
 * code (RFC 6386 9.1), lowest byte first; the highest two bits of each are a scale for displaying. */
static void parse_header(struct vp8_descriptor *d, struct bytes b)
{
    static const uint8_t code[3] = {0x9d, 0x01, 0x2a};
    d->keyframe = d->start && !(b.data[0] & 1);
    if (!d->keyframe || b.len < 10 || memcmp(b.data + 3, code, sizeof code) != 0)
        return;
    d->width = (uint16_t)((b.data[7] & 0x3f) << 8 | b.data[6]);
    d->height = (uint16_t)((b.data[9] & 0x3f) << 8 | b.data[8]);
}

bool vp8_parse(struct vp8_descriptor *d, struct bytes b)
{
    const uint8_t *first = bytes_take(&b, 1);
    *d = (struct vp8_descriptor){.key_index = -1};
    if (!first || (*first & X && !parse_extension(d, &b, first)) || b.len == 0)
        return false;
    d->len = (uint8_t)(b.data - first);
    d->start = (*first & S_AND_PID) == S;
    d->discardable = *first & N;
    parse_header(d, b);
    return true;
}

void vp8_rewrite(uint8_t *payload, const struct vp8_descriptor *d, uint16_t picture_id, uint8_t tl0)
{
    if (d->picture_id_at && d->wide)
        put16(payload + d->picture_id_at, 0x8000 | picture_id);
    else if (d->picture_id_at)
        payload[d->picture_id_at] = picture_id & 0x7f;
    if (d->tl0_at)
        payload[d->tl0_at] = tl0;
}

size_t vp8_write(uint8_t out[VP8_DESCRIPTOR_MAX], const uint8_t *payload, const struct vp8_descriptor *d,
                 uint16_t picture_id, uint8_t tl0)
{
    struct vp8_descriptor wide = *d;
    size_t at = d->picture_id_at, len = d->len;
    if (at && !d->wide) {
        memcpy(out, payload, at);
        memcpy(out + at + 2, payload + at + 1, len - at - 1);
        len++;
        wide.wide = true;
        if (d->tl0_at)
            wide.tl0_at++;
    } else {
        memcpy(out, payload, len);
    }
    vp8_rewrite(out, &wide, picture_id, tl0);
    return len;
}

struct codec_info vp8_inspect(struct bytes payload)
{
    struct vp8_descriptor d;
    if (!vp8_parse(&d, payload))
        return (struct codec_info){0};
    return (struct codec_info){.valid = true,
                               .keyframe = d.keyframe,
                               .start = d.start,
                               .discardable = d.discardable,
                               .temporal = d.temporal};
}
