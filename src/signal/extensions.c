#include "signal/state.h"

#define LAYER_NAMES (1u << EXT_RID | 1u << EXT_REPAIRED_RID)

_Static_assert(EXT_COUNT <= 8, "sections have them bit by bit");

static uint8_t *received(struct participant *p, enum sdp_kind kind)
{
    return kind == SDP_AUDIO ? &p->audio_extensions : &p->video_extensions;
}

static bool id_is_taken(const struct rtp_extension_ids *ids, uint8_t id)
{
    for (int e = 0; e < EXT_COUNT; e++)
        if (ids->id[e] == id)
            return true;
    return false;
}

/* A key frame's dependency descriptor fits only the two-byte form (RFC 8285 4.3), which needs the client's
 * consent (6). */
static bool may_learn(const struct sdp_section *in, int e)
{
    uint8_t id = in->extensions.id[e];
    return id && id <= EXTENSION_ID_MAX && (e != EXT_DEPENDENCY || in->extmap_mixed);
}

/* In the whole bundle one URI has one id, and one id one URI (RFC 9143 9.1): the first section that names
 * either decides. */
uint8_t extensions_learn(struct participant *p, const struct sdp_section *in)
{
    uint8_t known = 0;
    for (int e = 0; e < EXT_COUNT; e++) {
        uint8_t id = in->extensions.id[e];
        if (!may_learn(in, e))
            continue;
        if (e == EXT_DEPENDENCY && p->dependency_ours)
            p->extensions.id[e] = p->dependency_ours = 0;
        if (!p->extensions.id[e] && !id_is_taken(&p->extensions, id))
            p->extensions.id[e] = id;
        if (p->extensions.id[e] == id)
            known |= (uint8_t)(1u << e);
    }
    *received(p, in->kind) |= (uint8_t)(known & ~in->extensions_sent);
    return known;
}

static uint8_t free_id(const struct participant *p)
{
    uint8_t id = EXTENSION_ID_MAX;
    while (id && (p->extension_ids >> id & 1 || id_is_taken(&p->extensions, id)))
        id--;
    return id;
}

/* Chromium offers it only for layered video that it sends, but accepts it in any offer. */
void extensions_choose(struct participant *p, const struct sdp *offer)
{
    uint8_t *id = &p->extensions.id[EXT_DEPENDENCY];
    bool mixed = false;
    p->extension_ids |= offer->extension_ids;
    for (size_t i = 0; i < offer->count; i++)
        mixed |= offer->sections[i].kind == SDP_VIDEO && offer->sections[i].extmap_mixed;
    if (!mixed || (*id && !(p->dependency_ours && p->extension_ids >> *id & 1)))
        return;
    *id = 0;
    *id = free_id(p);
    p->dependency_ours = *id;
    p->video_extensions |= 1u << EXT_DEPENDENCY;
}

uint8_t extensions_accepted(struct participant *p, const struct sdp_section *answer)
{
    uint8_t accepted = 0;
    for (int e = 0; e < EXT_COUNT; e++)
        if (answer->extensions.id[e] && answer->extensions.id[e] == p->extensions.id[e])
            accepted |= (uint8_t)(1u << e);
    accepted &= (uint8_t)~answer->extensions_sent;
    if (accepted >> EXT_DEPENDENCY & 1)
        p->dependency_ours = false;
    return accepted;
}

/* Of these, bit by rtp_extension. */
static struct rtp_extension_ids ids_of(const struct participant *p, const struct section *s, unsigned known)
{
    struct rtp_extension_ids ids = p->extensions;
    if (!s->publication)
        known &= (s->kind == SDP_AUDIO ? p->audio_extensions : p->video_extensions) & ~(1u << EXT_LAYERS);
    if (!s->publication || !s->publication->layers.rid_count)
        known &= ~LAYER_NAMES;
    for (int e = 0; e < EXT_COUNT; e++)
        if (!(known >> e & 1))
            ids.id[e] = 0;
    return ids;
}

struct rtp_extension_ids extensions_of_offer(const struct participant *p, const struct section *s)
{
    return ids_of(p, s, s->publication ? s->extensions : UINT8_MAX);
}

struct rtp_extension_ids extensions_of_answer(const struct participant *p, const struct section *s)
{
    return ids_of(p, s, s->extensions);
}
