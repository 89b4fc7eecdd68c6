#include "proto/vp9.h"
#include "proto/reader.h"

/* RFC 9628 4.2:
 *   |I|P|L|F|B|E|V|Z|   P: predicted from other pictures, F: flexible mode, B: a frame starts, V: structure
 *   |M| PICTURE ID  |   where I, another byte where M
 *   | TID |U| SID |D|   where L
 *   |   TL0PICIDX   |   where L and not F
 *   |  P_DIFF     |N|   where F and P, up to three */
enum { I = 0x80, P = 0x40, L = 0x20, F = 0x10, B = 0x08, E = 0x04, V = 0x02, Z = 0x01 };

/* RFC 9628 4.2.1: the scalability structure.
 *   | N_S |Y|G|-|-|-|   spatial layers - 1; Y: width and height of each; G: a picture group follows
 *   |      N_G      |   pictures of the group, each: | TID |U| R |-|-| and R reference differences */
enum { Y = 0x10, G = 0x08 };

static bool parse_group(struct vp9_structure *s, struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 1);
    if (!p)
        return false;
    for (unsigned pictures = *p; pictures; pictures--) {
        if (!(p = bytes_take(b, 1)) || !bytes_take(b, *p >> 2 & 3))
            return false;
        if (*p >> 5 >= s->temporal_layers)
            s->temporal_layers = (uint8_t)((*p >> 5) + 1);
    }
    return true;
}

static bool parse_structure(struct vp9_structure *s, struct bytes *b)
{
    const uint8_t *head = bytes_take(b, 1), *p;
    if (!head)
        return false;
    s->spatial_layers = (uint8_t)((*head >> 5) + 1);
    if (*head & Y) {
        if (!(p = bytes_take(b, 4 * (size_t)s->spatial_layers)))
            return false;
        s->sized = true;
        for (unsigned i = 0; i < s->spatial_layers; i++, p += 4) {
            s->width[i] = get16(p);
            s->height[i] = get16(p + 2);
        }
    }
    return !(*head & G) || parse_group(s, b);
}

static bool parse_picture_id(struct vp9_descriptor *d, struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 1);
    if (!p || (*p & 0x80 && !bytes_take(b, 1)))
        return false;
    d->has_picture_id = true;
    d->wide = *p & 0x80;
    d->picture_id = d->wide ? get16(p) & 0x7fff : *p;
    return true;
}

static bool parse_layers(struct vp9_descriptor *d, struct bytes *b)
{
    const uint8_t *p = bytes_take(b, 1), *tl0;
    if (!p)
        return false;
    d->layered = true;
    d->temporal = *p >> 5;
    d->switching_up = *p & 0x10;
    d->spatial = *p >> 1 & 7;
    d->inter_layer = *p & 1;
    if (d->flexible)
        return true;
    if (!(tl0 = bytes_take(b, 1)))
        return false;
    d->has_tl0 = true;
    d->tl0 = *tl0;
    return true;
}

/* Each tells whether another follows. */
static bool parse_references(struct vp9_descriptor *d, struct bytes *b)
{
    for (const uint8_t *p; d->reference_count < VP9_REFERENCES_MAX;) {
        if (!(p = bytes_take(b, 1)))
            return false;
        d->references[d->reference_count++] = *p >> 1;
        if (!(*p & 1))
            return true;
    }
    return false;
}

bool vp9_parse(struct vp9_descriptor *d, struct vp9_structure *structure, struct bytes b)
{
    struct vp9_structure unread, *s = structure ? structure : &unread;
    const uint8_t *first = bytes_take(&b, 1);
    s->spatial_layers = s->temporal_layers = 0;
    s->sized = false;
    *d = (struct vp9_descriptor){0};
    if (!first)
        return false;
    d->predicted = *first & P;
    d->flexible = *first & F;
    d->begins = *first & B;
    d->ends = *first & E;
    d->passed_over = *first & Z;
    if ((*first & I && !parse_picture_id(d, &b)) || (*first & L && !parse_layers(d, &b)) ||
        (d->flexible && d->predicted && !parse_references(d, &b)) ||
        (*first & V && !parse_structure(s, &b)) || b.len == 0)
        return false;
    d->len = (uint16_t)(b.data - first);
    return true;
}

/* A key frame is not predicted and starts on the lowest spatial layer; the layers above it only lean on that
 * (D). */
struct codec_info vp9_inspect(struct bytes payload)
{
    struct vp9_descriptor d;
    if (!vp9_parse(&d, NULL, payload))
        return (struct codec_info){0};
    return (struct codec_info){.valid = true,
                               .keyframe = d.begins && !d.predicted && d.spatial == 0,
                               .start = d.begins,
                               .temporal = d.temporal};
}
