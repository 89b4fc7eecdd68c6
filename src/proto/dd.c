#include "proto/dd.h"
#include "proto/bits.h"

/* A.8.2:
 *   |S|E| template  |  frame number, 16 bits  |
 * and where more bytes follow, five flags, a bit each:
 *   |structure|active|targets|references|chains|
 * then what the flags announce: the structure, the mask of active targets, and what the frame has of its own
 * instead of its template's. */
#define MANDATORY_SIZE 3
#define FLAGS_AT       24
#define FLAGS          5
#define STRUCTURE_AT   (FLAGS_AT + FLAGS)
#define ACTIVE_FLAG_AT (FLAGS_AT + 1)

enum { CUSTOM_CHAINS = 1, CUSTOM_REFERENCES = 2, CUSTOM_TARGETS = 4, ACTIVE = 8, STRUCTURE = 16 };

/* ns(n) of the AV1 bitstream, 4.10.7: a number below n in as few bits as it needs. */
static uint32_t read_below(struct bits *b, uint32_t n)
{
    unsigned w = 0;
    for (uint32_t x = n; x; x >>= 1)
        w++;
    uint32_t m = (1u << w) - n, v = bits_read(b, w - 1);
    return v < m ? v : (v << 1) - m + bits_read(b, 1);
}

static struct dd_targets read_targets(struct bits *b, unsigned count)
{
    enum { DISCARDABLE = 1, SWITCH = 2 };
    struct dd_targets t = {0};
    for (unsigned i = 0; i < count && !b->over; i++) {
        uint32_t dti = bits_read(b, 2);
        t.present |= (uint32_t)(dti != 0) << i;
        t.discardable |= (uint32_t)(dti == DISCARDABLE) << i;
        t.switches |= (uint32_t)(dti == SWITCH) << i;
    }
    return t;
}

/* --- the structure, template_dependency_structure() --- */

/* Two bits behind each template: the next is of the same layer, the next temporal, the next spatial one;
 * or there is none. */
static bool read_layers(struct dd_structure *s, struct bits *b)
{
    enum { SAME, TEMPORAL, SPATIAL, END };
    uint8_t spatial = 0, temporal = 0;
    while (!b->over && s->template_count < DD_TEMPLATES_MAX) {
        struct dd_template *t = &s->templates[s->template_count++];
        t->spatial = spatial;
        t->temporal = temporal;
        uint32_t next = bits_read(b, 2);
        if (next == END) {
            s->spatial_count = (uint8_t)(spatial + 1);
            return !b->over;
        }
        if (next == SPATIAL) {
            spatial++;
            temporal = 0;
        }
        temporal = (uint8_t)(temporal + (next == TEMPORAL));
        if (spatial == DD_SPATIAL_MAX || temporal == DD_TEMPORAL_MAX)
            return false;
    }
    return false;
}

static bool read_references(struct dd_template *t, struct bits *b)
{
    t->reference_count = 0;
    while (bits_read(b, 1)) {
        if (t->reference_count == DD_REFERENCES_MAX)
            return false;
        t->references[t->reference_count++] = (uint8_t)(bits_read(b, 4) + 1);
    }
    return !b->over;
}

static bool read_chains(struct dd_structure *s, struct bits *b)
{
    s->chain_count = (uint8_t)read_below(b, s->target_count + 1u);
    if (s->chain_count == 0)
        return !b->over;
    for (unsigned i = 0; i < s->target_count; i++)
        s->protected_by[i] = (uint8_t)read_below(b, s->chain_count);
    for (unsigned t = 0; t < s->template_count; t++)
        for (unsigned c = 0; c < s->chain_count && !b->over; c++)
            s->templates[t].chains[c] = (uint8_t)bits_read(b, 4);
    return !b->over;
}

static void read_sizes(struct dd_structure *s, struct bits *b)
{
    s->sized = bits_read(b, 1);
    for (unsigned i = 0; s->sized && i < s->spatial_count; i++) {
        s->width[i] = bits_read(b, 16) + 1;
        s->height[i] = bits_read(b, 16) + 1;
    }
}

/* decode_target_layers(): a target has the highest layers of the templates that are present in it. */
static void note_target_layers(struct dd_structure *s)
{
    memset(s->target_spatial, 0, sizeof s->target_spatial);
    memset(s->target_temporal, 0, sizeof s->target_temporal);
    for (unsigned t = 0; t < s->template_count; t++) {
        const struct dd_template *of = &s->templates[t];
        for (unsigned i = 0; i < s->target_count; i++) {
            if (!(of->targets.present >> i & 1))
                continue;
            if (s->target_spatial[i] < of->spatial)
                s->target_spatial[i] = of->spatial;
            if (s->target_temporal[i] < of->temporal)
                s->target_temporal[i] = of->temporal;
        }
    }
}

/* False: bad; then `s` is half written. */
static bool read_structure(struct dd_structure *s, struct bits *b)
{
    s->template_count = 0;
    s->first_id = (uint8_t)bits_read(b, 6);
    s->target_count = (uint8_t)(bits_read(b, 5) + 1);
    if (!read_layers(s, b))
        return false;
    for (unsigned i = 0; i < s->template_count && !b->over; i++)
        s->templates[i].targets = read_targets(b, s->target_count);
    for (unsigned i = 0; i < s->template_count; i++)
        if (!read_references(&s->templates[i], b))
            return false;
    if (!read_chains(s, b))
        return false;
    read_sizes(s, b);
    if (b->over)
        return false;
    note_target_layers(s);
    return true;
}

/* Whether the bits from STRUCTURE_AT on are those of the kept structure. */
static bool is_kept(const struct dd_structure *s, struct bytes d)
{
    size_t end = STRUCTURE_AT + s->bits;
    if (!s->template_count || 8 * d.len < end)
        return false;
    const uint8_t *from = d.data + STRUCTURE_AT / 8;
    size_t whole = end / 8 - STRUCTURE_AT / 8;
    uint8_t head = 0xff >> STRUCTURE_AT % 8, tail = (uint8_t)(0xff00 >> end % 8);
    return !((from[0] ^ s->raw[0]) & head) && memcmp(from + 1, s->raw + 1, whole - 1) == 0 &&
           (!tail || !((from[whole] ^ s->raw[whole]) & tail));
}

static bool take_structure(struct dd_frame *f, struct dd_structure *kept, struct bits *b, struct bytes d)
{
    f->structured = true;
    if (is_kept(kept, d)) {
        b->at = (size_t)STRUCTURE_AT + kept->bits;
        return true;
    }
    struct dd_structure s = {0};
    if (!read_structure(&s, b))
        return false;
    s.bits = (uint16_t)(b->at - STRUCTURE_AT);
    memcpy(s.raw, d.data + STRUCTURE_AT / 8, d.len - STRUCTURE_AT / 8);
    *kept = s;
    f->changed = true;
    return true;
}

/* --- the frame --- */

static bool read_own_references(struct dd_frame *f, struct bits *b)
{
    f->reference_count = 0;
    for (uint32_t size; (size = bits_read(b, 2));) {
        if (f->reference_count == DD_REFERENCES_MAX)
            return false;
        f->references[f->reference_count++] = (uint16_t)(bits_read(b, 4 * size) + 1);
    }
    return true;
}

static void take_template(struct dd_frame *f, const struct dd_structure *s, const struct dd_template *t)
{
    f->spatial = t->spatial;
    f->temporal = t->temporal;
    f->targets = t->targets;
    f->reference_count = t->reference_count;
    for (unsigned i = 0; i < t->reference_count; i++)
        f->references[i] = t->references[i];
    f->chain_count = s->chain_count;
    memcpy(f->chains, t->chains, s->chain_count);
    f->width = s->sized ? s->width[t->spatial] : 0;
    f->height = s->sized ? s->height[t->spatial] : 0;
}

/* What the flags say that the frame has of its own. */
static bool read_own(struct dd_frame *f, const struct dd_structure *s, struct bits *b, uint32_t flags)
{
    if (flags & CUSTOM_TARGETS)
        f->targets = read_targets(b, s->target_count);
    if (flags & CUSTOM_REFERENCES && !read_own_references(f, b))
        return false;
    for (unsigned i = 0; flags & CUSTOM_CHAINS && i < s->chain_count; i++)
        f->chains[i] = (uint8_t)bits_read(b, 8);
    return !b->over;
}

static void read_active(struct dd_frame *f, const struct dd_structure *s, struct bits *b, uint32_t flags)
{
    f->active_at = (uint16_t)b->at;
    f->active_told = flags & (STRUCTURE | ACTIVE);
    if (flags & ACTIVE)
        f->active = bits_read(b, s->target_count);
    else if (flags & STRUCTURE) /* all of a new structure */
        f->active = UINT32_MAX >> (DD_TARGETS_MAX - s->target_count);
}

static void read_mandatory(struct dd_frame *f, struct bits *b)
{
    f->begins = bits_read(b, 1);
    f->ends = bits_read(b, 1);
    f->template_id = (uint8_t)bits_read(b, 6);
    f->number = (uint16_t)bits_read(b, 16);
}

enum dd_status dd_parse(struct dd_frame *f, struct dd_structure *s, struct bytes d)
{
    *f = (struct dd_frame){.active_at = STRUCTURE_AT};
    if (d.len < MANDATORY_SIZE || d.len > DD_SIZE_MAX)
        return DD_BAD;
    struct bits b = bits_of(d);
    read_mandatory(f, &b);
    uint32_t flags = d.len > MANDATORY_SIZE ? bits_read(&b, FLAGS) : 0;
    if (flags & STRUCTURE && !take_structure(f, s, &b, d))
        return DD_BAD;
    unsigned index = (unsigned)(f->template_id - s->first_id) % DD_TEMPLATES_MAX;
    if (index >= s->template_count)
        return flags & STRUCTURE ? DD_BAD : DD_UNKNOWN;
    if (d.len > MANDATORY_SIZE)
        read_active(f, s, &b, flags);
    take_template(f, s, &s->templates[index]);
    if (!read_own(f, s, &b, flags))
        return DD_BAD;
    f->bits = (uint16_t)b.at;
    return DD_OK;
}

int dd_target_of(const struct dd_structure *s, uint8_t spatial, uint8_t temporal)
{
    int best = -1, most = -1;
    for (int i = 0; s->template_count && i < s->target_count; i++) {
        int layers = s->target_spatial[i] * DD_TEMPORAL_MAX + s->target_temporal[i];
        if (s->target_spatial[i] > spatial || s->target_temporal[i] > temporal || layers <= most)
            continue;
        best = i;
        most = layers;
    }
    return best;
}

/* --- writing --- */

static void copy_bits(uint8_t *out, size_t to, const uint8_t *in, size_t from, size_t count)
{
    struct bits b = {.data = in, .at = from, .end = from + count};
    for (size_t n; (n = b.end - b.at) > 0; to += n) {
        n = n < 8 ? n : 8;
        bits_write(out, to, bits_read(&b, (unsigned)n), (unsigned)n);
    }
}

size_t dd_write_active(uint8_t *out, size_t size, struct bytes d, const struct dd_frame *f,
                       const struct dd_structure *s, uint32_t active)
{
    bool extended = d.len > MANDATORY_SIZE,
         has = extended &&
               bits_read(&(struct bits){.data = d.data, .at = ACTIVE_FLAG_AT, .end = STRUCTURE_AT}, 1);
    size_t rest_at = f->active_at + (has ? s->target_count : 0u), rest = extended ? f->bits - rest_at : 0;
    size_t bits = f->active_at + s->target_count + rest, len = (bits + 7) / 8;
    if (len > size || len > DD_SIZE_MAX)
        return 0;
    memset(out, 0, len);
    copy_bits(out, 0, d.data, 0, extended ? f->active_at : FLAGS_AT);
    bits_write(out, ACTIVE_FLAG_AT, 1, 1);
    bits_write(out, f->active_at, active, s->target_count);
    copy_bits(out, f->active_at + s->target_count, d.data, rest_at, rest);
    return len;
}
