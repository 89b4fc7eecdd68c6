/* Dependency descriptors: packets of one stream, each behind its length. Writing a parsed descriptor and
 * parsing it again gives the same. */
#include "proto/dd.h"
#include "fuzz/fuzz.h"

static void check_structure(const struct dd_structure *s)
{
    INVARIANT(s->template_count <= DD_TEMPLATES_MAX && s->target_count <= DD_TARGETS_MAX);
    INVARIANT(s->chain_count <= s->target_count && s->spatial_count <= DD_SPATIAL_MAX);
    for (unsigned i = 0; i < s->target_count; i++)
        INVARIANT((!s->chain_count || s->protected_by[i] < s->chain_count) &&
                  s->target_spatial[i] < DD_SPATIAL_MAX && s->target_temporal[i] < DD_TEMPORAL_MAX);
    INVARIANT(dd_target_of(s, DD_SPATIAL_MAX, DD_TEMPORAL_MAX) >= (s->template_count ? 0 : -1));
}

static void check_frame(const struct dd_frame *f, const struct dd_structure *s)
{
    uint32_t all = UINT32_MAX >> (DD_TARGETS_MAX - s->target_count);
    INVARIANT(f->spatial < s->spatial_count && f->temporal < DD_TEMPORAL_MAX);
    INVARIANT(f->reference_count <= DD_REFERENCES_MAX && f->chain_count == s->chain_count);
    INVARIANT(!((f->targets.present | f->active) & ~all));
    INVARIANT(!((f->targets.switches | f->targets.discardable) & ~f->targets.present));
    INVARIANT(!(f->targets.switches & f->targets.discardable));
}

static void check_writing(struct bytes d, const struct dd_frame *f, struct dd_structure *s)
{
    uint8_t out[DD_SIZE_MAX];
    struct dd_frame again;
    uint32_t mask = 0xa5a5a5a5 & UINT32_MAX >> (DD_TARGETS_MAX - s->target_count);
    size_t n = dd_write_active(out, sizeof out, d, f, s, mask);
    if (!n)
        return;
    INVARIANT(n <= d.len + 5 && dd_parse(&again, s, (struct bytes){out, n}) == DD_OK);
    INVARIANT(again.active == mask && again.active_told && !again.changed && again.number == f->number);
    INVARIANT(memcmp(&again.targets, &f->targets, sizeof f->targets) == 0);
    INVARIANT(memcmp(again.references, f->references, sizeof f->references) == 0);
    INVARIANT(memcmp(again.chains, f->chains, sizeof f->chains) == 0);
}

void fuzz_dd(const uint8_t *data, size_t len)
{
    struct bytes script = {data, len};
    struct dd_structure s = {0};
    while (script.len) {
        struct dd_frame f;
        struct bytes d = script_bytes(&script);
        enum dd_status status = dd_parse(&f, &s, d);
        INVARIANT(status == DD_OK || (!f.targets.present && !f.reference_count) || status == DD_BAD);
        check_structure(&s);
        if (status != DD_OK)
            continue;
        check_frame(&f, &s);
        check_writing(d, &f, &s);
    }
}
