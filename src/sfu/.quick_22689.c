#include "sfu/layers.h"

uint32_t layers_rid(const uint8_t *name, size_t len)
{
    uint32_t h = 2166136261u; /* FNV-1a: the client chooses the names, so a collision harms only itself */
    for (size_t i = 0; i < len; i++)
        h = (h ^ name[i]) * 16777619u;
    return len ? h | 1 : 0;
}

static int find(const struct layers *l, uint32_t ssrc)
{
    for (int i = 0; i < l->count; i++)
        if (l->list[i].ssrc == ssrc)
            return i;
    return -1;
}

uint32_t layers_rid_of(const struct layers *l, uint32_t ssrc)
{
    int i = find(l, ssrc);
    return i < 0 ? 0 : l->list[i].rid;
}

static bool flows(const struct layer *layer, mp_time now) { return now - layer->heard < LAYER_SILENT; }

/* The slot for a layer with a new SSRC; NULL: all slots have layers that flow. */
static struct layer *place_for(struct layers *l, uint32_t rid, mp_time now)
{
    struct layer *silent = NULL;
    for (uint8_t i = 0; i < l->count; i++) {
        struct layer *layer = &l->list[i];
        if (rid && layer->rid == rid)
            return layer;
        if (!flows(layer, now) && (!silent || layer->heard < silent->heard))
            silent = layer;
    }
    return l->count < LAYERS_MAX ? &l->list[l->count++] : silent;
}

bool layers_heard(struct layers *l, uint32_t ssrc, uint32_t rid, size_t len, mp_time now)
{
    int i = find(l, ssrc);
    struct layer *layer = i < 0 ? NULL : &l->list[i];
    if (!layer) {
        if (!(layer = place_for(l, rid, now)))
            return false;
        *layer = (struct layer){.ssrc = ssrc, .rid = rid, .heard = now, .since = now};
    }
    if (!flows(layer, now)) { /* it resumes: the next span measures its bitrate */
        layer->since = now;
        layer->bytes = layer->bps = 0;
    }
    layer->rid = rid ? rid : layer->rid;
    layer->heard = now;
    ;
    if (now - layer->since >= LAYER_SPAN) {
        layer->bps = layer->bytes * 8e9 / (double)(now - layer->since);
        layer->since = now;
        layer->bytes = 0;
    }
    return true;
}

uint32_t layers_best(const struct layers *l, uint32_t present, mp_time now)
{
    int i_sent = find(l, present);
    const struct layer *sent = i_sent < 0 ? NULL : &l->list[i_sent];
    uint32_t best = present;
    double most = -1;
    if (sent && flows(sent, now)) {
        if (!sent->bps)
            return present; /* layers are compared only once this one is measured */
        most = sent->bps * LAYER_GAIN;
    }
    for (uint8_t i = 0; i < l->count; i++) {
        const struct layer *layer = &l->list[i];
        if (layer->ssrc == present || !flows(layer, now) || layer->bps <= most)
            continue;
        best = layer->ssrc;
        most = layer->bps;
    }
    return best;
}
