#include "proto/vla.h"
#include "proto/reader.h"

/* libwebrtc, docs/native-code/rtp-hdrext/video-layers-allocation00:
 *   |RID| NS| sl_bm |   this stream, streams - 1, mask of active spatial layers if the same for all
 *   |sl0_bm |sl1_bm |   else: of each stream, in
 *   |sl2_bm |sl3_bm |   one byte, or two where there are more than two streams
 *   |#tl|#tl|#tl|#tl|   temporal layers - 1 of each active spatial layer; up to four bytes
 *   target bitrates     in kbit/s, leb128, one for each temporal layer
 *   sizes, if any       five bytes for each layer: width - 1, height - 1, frames a second */
#define SIZE_LEN 5

static void add_layers(struct vla *v, uint8_t stream, uint8_t mask)
{
    for (uint8_t spatial = 0; spatial < VLA_SPATIAL_MAX; spatial++)
        if (mask >> spatial & 1)
            v->layers[v->layer_count++] = (struct vla_layer){.stream = stream, .spatial = spatial};
}

static bool read_masks(struct vla *v, struct bytes *b)
{
    const uint8_t *head = bytes_take(b, 1), *masks = head;
    if (!head)
        return false;
    v->stream = *head >> 6;
    v->stream_count = (uint8_t)((*head >> 4 & 3) + 1);
    uint8_t same = *head & 15;
    if (!same && !(masks = bytes_take(b, v->stream_count > 2 ? 2 : 1)))
        return false;
    for (uint8_t i = 0; i < v->stream_count; i++)
        add_layers(v, i, same ? same : masks[i / 2] >> (i % 2 ? 0 : 4) & 15);
    return v->stream < v->stream_count;
}

static bool read_rates(struct vla *v, struct bytes *b)
{
    const uint8_t *counts = bytes_take(b, (v->layer_count + 3u) / 4);
    if (!counts)
        return false;
    for (unsigned i = 0; i < v->layer_count; i++) {
        struct vla_layer *l = &v->layers[i];
        l->temporal_count = (uint8_t)((counts[i / 4] >> (6 - 2 * (i % 4)) & 3) + 1);
        for (unsigned t = 0; t < l->temporal_count; t++) {
            size_t kbps;
            if (!bytes_take_leb128(b, &kbps) || kbps > VLA_KBPS_MAX)
                return false;
            l->kbps[t] = (uint32_t)kbps;
        }
    }
    return true;
}

static bool read_sizes(struct vla *v, struct bytes *b)
{
    v->sized = b->len > 0;
    if (v->sized && b->len != (size_t)SIZE_LEN * v->layer_count)
        return false;
    for (unsigned i = 0; v->sized && i < v->layer_count; i++) {
        const uint8_t *p = bytes_take(b, SIZE_LEN);
        v->layers[i].width = get16(p) + 1u;
        v->layers[i].height = get16(p + 2) + 1u;
        v->layers[i].fps = p[4];
    }
    return true;
}

bool vla_parse(struct vla *v, struct bytes b)
{
    *v = (struct vla){0};
    if (b.len == 1 && *b.data == 0) { /* a special case: nothing is sent */
        v->stream_count = 1;
        return true;
    }
    if (read_masks(v, &b) && v->layer_count && read_rates(v, &b) && read_sizes(v, &b))
        return true;
    *v = (struct vla){0};
    return false;
}
