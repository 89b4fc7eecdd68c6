/* Video layers allocations. */
#include "proto/vla.h"
#include "fuzz/fuzz.h"

void fuzz_vla(const uint8_t *data, size_t len)
{
    struct vla v;
    if (!vla_parse(&v, (struct bytes){data, len})) {
        INVARIANT(v.layer_count == 0);
        return;
    }
    INVARIANT(v.stream < v.stream_count && v.stream_count <= VLA_STREAMS_MAX &&
              v.layer_count <= VLA_LAYERS_MAX);
    for (unsigned i = 0; i < v.layer_count; i++) {
        const struct vla_layer *l = &v.layers[i];
        INVARIANT(l->stream < v.stream_count && l->spatial < VLA_SPATIAL_MAX);
        INVARIANT(l->temporal_count >= 1 && l->temporal_count <= VLA_TEMPORAL_MAX);
        INVARIANT((l->width != 0) == v.sized && l->width <= 65536 && l->height <= 65536);
        for (unsigned t = 0; t < VLA_TEMPORAL_MAX; t++)
            INVARIANT(l->kbps[t] <= VLA_KBPS_MAX && (t < l->temporal_count || !l->kbps[t]));
    }
}
