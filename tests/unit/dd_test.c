#include "proto/dd.h"
#include "base/prng.h"
#include "proto/bits.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

/* Chromium's L3T3, a capture in LiveKit's dependencydescriptorextension_test.go. What each says was read
 * off with the syntax of the specification's A.8.2. */
#define L3T3                                                                                                 \
    "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e082b04a"   \
    "0941b820ac1282503157f974000ca864330e222222eca8655304224230eca877530077004200ef008601df010d"

static struct dd_frame f;
static struct dd_structure s;

static enum dd_status parse(const char *hex)
{
    uint8_t p[DD_SIZE_MAX + 8];
    size_t len = unhex(p, hex);
    return dd_parse(&f, &s, (struct bytes){exact(p, len), len});
}

static void forget(void) { memset(&s, 0, sizeof s); }

/* As the specification writes it: - not present, D discardable, S switch, R required. */
static const char *letters(struct dd_targets t, unsigned count)
{
    static char text[DD_TARGETS_MAX + 1];
    for (unsigned i = 0; i < count; i++)
        text[i] = !(t.present >> i & 1)    ? '-'
                  : t.discardable >> i & 1 ? 'D'
                  : t.switches >> i & 1    ? 'S'
                                           : 'R';
    text[count] = 0;
    return text;
}

static void a_structure_of_chromium_is_read(void)
{
    static const char *const targets[] = {"SSSRRRRRR", "SSSSSSSSS", "-DS-RR-RR", "--D--R--R", "--D--R--R",
                                          "---SSSRRR", "---SSSSSS", "----DS-RR", "-----D--R", "-----D--R",
                                          "------SSS", "------SSS", "-------DS", "--------D", "--------D"};
    static const uint8_t layers[] = {0x00, 0x00, 0x01, 0x02, 0x02, 0x10, 0x10, 0x11,
                                     0x12, 0x12, 0x20, 0x20, 0x21, 0x22, 0x22};
    static const uint8_t chains[][3] = {{12, 11, 10}, {0, 0, 0}, {6, 5, 4}, {3, 2, 1}, {9, 8, 7},
                                        {1, 1, 1},    {1, 1, 1}, {7, 6, 5}, {4, 3, 2}, {10, 9, 8},
                                        {2, 1, 1},    {2, 1, 1}, {8, 7, 6}, {5, 4, 3}, {11, 10, 9}};
    forget();
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK(s.template_count == 15 && s.target_count == 9 && s.chain_count == 3 && s.spatial_count == 3);
    CHECK(s.first_id == 0 && s.sized);
    for (unsigned i = 0; i < 15; i++) {
        CHECK(strcmp(letters(s.templates[i].targets, 9), targets[i]) == 0);
        CHECK_EQ(s.templates[i].spatial << 4 | s.templates[i].temporal, layers[i]);
        CHECK_BYTES(s.templates[i].chains, chains[i], 3);
    }
    CHECK(s.templates[1].reference_count == 0 && s.templates[5].reference_count == 2);
    CHECK(s.templates[5].references[0] == 12 && s.templates[5].references[1] == 1);
    CHECK_BYTES(s.protected_by, "\0\0\0\1\1\1\2\2\2", 9);
    CHECK_BYTES(s.target_spatial, "\0\0\0\1\1\1\2\2\2", 9);
    CHECK_BYTES(s.target_temporal, "\0\1\2\0\1\2\0\1\2", 9);
    CHECK(s.width[0] == 120 && s.height[0] == 67 && s.width[2] == 480 && s.height[2] == 270);
}

static void the_key_frame_that_brings_it_is_read(void)
{
    forget();
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK(f.begins && f.ends && f.structured && f.changed && f.number == 0x172 && f.template_id == 1);
    CHECK(f.active_told && f.active == 0x1ff); /* all of a new structure */
    CHECK(f.width == 120 && f.height == 67 && f.reference_count == 0 && f.bits == 760);
}

static void frames_behind_it_take_their_template(void)
{
    forget();
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK_EQ(parse("86017340fc"), DD_OK);
    CHECK(f.begins && !f.ends && !f.structured && !f.changed && f.number == 0x173);
    CHECK(f.spatial == 1 && f.temporal == 0 && f.active_told && f.active == 0x3f && f.width == 240);
    CHECK(strcmp(letters(f.targets, 9), "---SSSSSS") == 0);
    CHECK(f.reference_count == 1 && f.references[0] == 1 && f.chain_count == 3 && f.chains[2] == 1);
    CHECK_EQ(parse("48017640fc"), DD_OK);
    CHECK(!f.begins && f.ends && f.spatial == 1 && f.temporal == 2);
    CHECK(strcmp(letters(f.targets, 9), "-----D--R") == 0);
    CHECK(f.reference_count == 2 && f.references[0] == 3 && f.references[1] == 1);
    CHECK_EQ(parse("8b0174"), DD_OK);
    CHECK(f.spatial == 2 && !f.active_told && f.bits == 24 && f.width == 480);
}

static void the_same_structure_again_is_no_change(void)
{
    forget();
    CHECK_EQ(parse(L3T3), DD_OK);
    struct dd_frame first = f;
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK(f.structured && !f.changed);
    first.changed = false;
    CHECK(memcmp(&first, &f, sizeof f) == 0);
}

/* Each bit of the structure, turned. */
static void another_structure_is_not_taken_for_the_kept_one(void)
{
    uint8_t p[DD_SIZE_MAX];
    size_t len = unhex(p, L3T3);
    for (size_t bit = 29; bit < 760; bit++) {
        forget();
        CHECK_EQ(parse(L3T3), DD_OK);
        p[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        enum dd_status status = dd_parse(&f, &s, (struct bytes){exact(p, len), len});
        CHECK(status == DD_BAD || f.changed);
        p[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
}

static void a_frame_without_its_structure_is_unknown(void)
{
    forget();
    CHECK_EQ(parse("c30175"), DD_UNKNOWN);
    CHECK(f.begins && f.ends && f.number == 0x175 && f.template_id == 3 && f.targets.present == 0);
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK_EQ(parse("c30175"), DD_OK);
    CHECK_EQ(parse("cf0175"), DD_UNKNOWN); /* template 15 of 15 */
    CHECK_EQ(parse("bf0175"), DD_UNKNOWN); /* 63, before the first */
}

static void a_bad_structure_leaves_the_kept_one(void)
{
    uint8_t p[DD_SIZE_MAX];
    size_t len = unhex(p, L3T3);
    for (size_t cut = 0; cut < len; cut++) {
        forget();
        CHECK_EQ(parse(L3T3), DD_OK);
        struct dd_structure kept = s;
        if (cut != 3)
            CHECK_EQ(dd_parse(&f, &s, (struct bytes){exact(p, cut), cut}), DD_BAD);
        CHECK(memcmp(&kept, &s, sizeof s) == 0);
        CHECK_EQ(parse("c30175"), DD_OK);
    }
}

static void too_long_a_descriptor_is_bad(void)
{
    static uint8_t p[DD_SIZE_MAX + 1];
    forget();
    unhex(p, L3T3);
    CHECK_EQ(dd_parse(&f, &s, (struct bytes){p, DD_SIZE_MAX}), DD_OK); /* what follows is padding */
    CHECK_EQ(dd_parse(&f, &s, (struct bytes){p, DD_SIZE_MAX + 1}), DD_BAD);
}

/* --- descriptors made for a case --- */

static uint8_t made[DD_SIZE_MAX + 64];
static size_t made_bits;

static void u(uint32_t v, unsigned n)
{
    bits_write(made, made_bits, v, n);
    made_bits += n;
}

static void begin(uint8_t id, uint16_t number)
{
    memset(made, 0, sizeof made);
    made_bits = 0;
    u(3, 2);
    u(id, 6);
    u(number, 16);
}

static enum dd_status end(void)
{
    size_t len = (made_bits + 7) / 8;
    return dd_parse(&f, &s, (struct bytes){exact(made, len), len});
}

/* Two targets, one template, no chains, no sizes. */
static void begin_small(uint8_t id)
{
    begin(id, 1);
    u(0x10, 5);
    u(id, 6);
    u(1, 5);
    u(3, 2);   /* one template */
    u(0xb, 4); /* SR */
    u(0, 1);   /* no references */
    u(0, 1);   /* ns(3): no chains */
    u(0, 1);
}

/* Its last bit is alone in a byte: whether sizes follow. */
static void a_change_in_a_structures_last_bit_is_seen(void)
{
    forget();
    begin_small(0);
    CHECK_EQ(end(), DD_OK);
    CHECK(made_bits % 8 == 1 && !s.sized);
    made_bits--;
    u(1, 1);
    u(319, 16);
    u(179, 16);
    CHECK_EQ(end(), DD_OK);
    CHECK(f.changed && s.sized && s.width[0] == 320 && f.height == 180);
}

static void template_ids_wrap_at_64(void)
{
    forget();
    begin(62, 1);
    u(0x10, 5);
    u(62, 6);
    u(0, 5);
    for (int i = 0; i < 3; i++)
        u(i == 2 ? 3 : 1, 2); /* T0 to T2 */
    for (int i = 0; i < 3; i++)
        u(2, 2);
    u(0, 3); /* no references */
    u(0, 1); /* no chains */
    u(0, 1);
    CHECK_EQ(end(), DD_OK);
    CHECK_EQ(parse("c00001"), DD_OK); /* template 0 is the third */
    CHECK_EQ(f.temporal, 2);
    CHECK_EQ(parse("c10001"), DD_UNKNOWN);
    CHECK(f.width == 0 && f.height == 0);
}

/* A.8.2 frame_dependency_definition(): the frame's own facts. */
static void what_a_frame_has_of_its_own_replaces_its_templates(void)
{
    forget();
    CHECK_EQ(parse(L3T3), DD_OK);
    begin(1, 0x180);
    u(0x0f, 5); /* mask, targets, references and chains */
    u(0x155, 9);
    for (unsigned i = 0; i < 9; i++)
        u(i % 4, 2);
    u(1, 2);
    u(15, 4); /* 16 back */
    u(2, 2);
    u(0xff, 8);
    u(3, 2);
    u(0xfff, 12);
    u(0, 2);
    for (unsigned c = 0; c < 3; c++)
        u(0xf0 + c, 8);
    CHECK_EQ(end(), DD_OK);
    CHECK(strcmp(letters(f.targets, 9), "-DSR-DSR-") == 0);
    CHECK_EQ(f.active, 0x155);
    CHECK(f.reference_count == 3 && f.references[0] == 16 && f.references[1] == 256 &&
          f.references[2] == 4096);
    CHECK(f.chains[0] == 0xf0 && f.chains[2] == 0xf2);
    CHECK_EQ(f.bits, made_bits);
    CHECK_EQ(s.templates[1].reference_count, 0); /* its template stays */
    made_bits -= 8;
    CHECK_EQ(end(), DD_BAD);
}

static void more_references_than_a_codec_has_are_bad(void)
{
    for (unsigned count = DD_REFERENCES_MAX; count <= DD_REFERENCES_MAX + 1; count++) {
        forget();
        CHECK_EQ(parse(L3T3), DD_OK);
        begin(1, 2);
        u(2, 5);
        for (unsigned i = 0; i < count; i++)
            u(0x10, 6);
        u(0, 2);
        CHECK_EQ(end(), count <= DD_REFERENCES_MAX ? DD_OK : DD_BAD);
        begin(0, 1);
        u(0x10, 5);
        u(0, 11);
        u(3, 2);
        u(2, 2);
        for (unsigned i = 0; i < count; i++)
            u(0x10, 5);
        u(0, 1);
        u(0, 2);
        CHECK_EQ(end(), count <= DD_REFERENCES_MAX ? DD_OK : DD_BAD);
    }
}

static void layers_out_of_range_are_bad(void)
{
    for (unsigned next = 1; next <= 2; next++)
        for (unsigned more = 0; more < 2; more++) {
            unsigned count = (next == 1 ? DD_TEMPORAL_MAX : DD_SPATIAL_MAX) + more;
            forget();
            begin(0, 1);
            u(0x10, 5);
            u(0, 11);
            for (unsigned i = 1; i < count; i++)
                u(next, 2);
            u(3, 2);
            for (unsigned i = 0; i < count; i++)
                u(2, 2);
            u(0, count);
            u(0, 2);
            CHECK_EQ(end(), more ? DD_BAD : DD_OK);
            CHECK_EQ(s.spatial_count, more ? 0 : next == 1 ? 1 : 4);
        }
}

static void templates(unsigned count, unsigned targets)
{
    begin(0, 1);
    u(0x10, 5);
    u(0, 6);
    u(targets - 1, 5);
    for (unsigned i = 1; i < count; i++)
        u(0, 2);
    if (count <= DD_TEMPLATES_MAX)
        u(3, 2);
    for (unsigned i = 0; i < count * targets && made_bits < 8 * DD_SIZE_MAX; i++)
        u(2, 2);
    if (made_bits + count < 8 * DD_SIZE_MAX)
        for (unsigned i = 0; i < count; i++)
            u(0, 1);
    if (made_bits < 8 * DD_SIZE_MAX)
        u(0, 2);
}

static void sixty_four_templates_are_the_most(void)
{
    forget();
    templates(DD_TEMPLATES_MAX, 1);
    CHECK_EQ(end(), DD_OK);
    CHECK_EQ(s.template_count, 64);
    templates(DD_TEMPLATES_MAX + 1, 1);
    u(3, 2);
    CHECK_EQ(end(), DD_BAD);
    CHECK_EQ(s.template_count, 64);
}

/* 64 templates of 32 targets need 512 bytes for the targets alone. */
static void a_structure_that_claims_more_than_it_has_is_bad(void)
{
    forget();
    templates(DD_TEMPLATES_MAX, DD_TARGETS_MAX);
    made_bits = 8 * DD_SIZE_MAX;
    CHECK_EQ(end(), DD_BAD);
    CHECK_EQ(s.template_count, 0);
}

static void a_structure_of_32_targets_and_chains_is_read(void)
{
    forget();
    begin(5, 1);
    u(0x18, 5);
    u(5, 6);
    u(31, 5);
    u(3, 2);
    for (unsigned i = 0; i < 32; i++)
        u(3, 2);
    u(0, 1);
    u(0x3f, 6); /* ns(33): 32 */
    for (unsigned i = 0; i < 32; i++)
        u(i, 5); /* ns(32) */
    for (unsigned i = 0; i < 32; i++)
        u(i % 16, 4);
    u(0, 1);
    u(0x80000001, 32);
    CHECK_EQ(end(), DD_OK);
    CHECK(s.target_count == 32 && s.chain_count == 32 && s.protected_by[31] == 31 && f.chains[31] == 15);
    CHECK(f.active == 0x80000001 && f.targets.present == UINT32_MAX && f.targets.switches == 0);
}

static void a_key_frame_without_its_template_is_bad(void)
{
    forget();
    begin_small(0);
    made[0] = 0xc1;
    CHECK_EQ(end(), DD_BAD);
}

static void targets_of_layers(void)
{
    forget();
    CHECK_EQ(dd_target_of(&s, 3, 7), -1);
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK_EQ(dd_target_of(&s, 0, 0), 0);
    CHECK_EQ(dd_target_of(&s, 1, 1), 4);
    CHECK_EQ(dd_target_of(&s, 3, 7), 8);
    CHECK_EQ(dd_target_of(&s, 2, 0), 6);
    memset(s.target_temporal, 1, sizeof s.target_temporal);
    CHECK_EQ(dd_target_of(&s, 3, 0), -1);
}

/* --- writing --- */

static size_t write_mask(const char *hex, uint32_t active, uint8_t *out, size_t size)
{
    uint8_t p[DD_SIZE_MAX];
    size_t len = unhex(p, hex);
    CHECK_EQ(dd_parse(&f, &s, (struct bytes){p, len}), DD_OK);
    return dd_write_active(out, size, (struct bytes){exact(p, len), len}, &f, &s, active);
}

static void a_mask_is_written_over_the_one_there(void)
{
    uint8_t out[DD_SIZE_MAX], want[8];
    forget();
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK_EQ(write_mask("86017340fc", 0x007, out, sizeof out), 5);
    unhex(want, "860173401c");
    CHECK_BYTES(out, want, 5);
    CHECK_EQ(write_mask("86017340fc", 0x3f, out, 5), 5);
    unhex(want, "86017340fc");
    CHECK_BYTES(out, want, 5);
    CHECK_EQ(write_mask("86017340fc", 0x3f, out, 4), 0); /* no room */
}

static void a_mask_is_added(void)
{
    uint8_t out[DD_SIZE_MAX], want[8];
    forget();
    CHECK_EQ(parse(L3T3), DD_OK);
    CHECK_EQ(write_mask("860173", 0x3f, out, sizeof out), 5);
    unhex(want, "86017340fc"); /* as Chromium writes it */
    CHECK_BYTES(out, want, 5);
}

static void a_mask_is_added_behind_a_structure(void)
{
    uint8_t out[DD_SIZE_MAX];
    forget();
    size_t len = write_mask(L3T3, 0x1f, out, sizeof out);
    CHECK_EQ(len, 97); /* 760 + 9 bits */
    struct dd_frame before = f;
    CHECK_EQ(dd_parse(&f, &s, (struct bytes){out, len}), DD_OK);
    CHECK(f.structured && !f.changed && f.active == 0x1f && f.bits == 769);
    CHECK(memcmp(&before.targets, &f.targets, sizeof f.targets) == 0);
}

static void what_does_not_fit_an_extension_is_not_written(void)
{
    uint8_t p[DD_SIZE_MAX] = {0}, out[DD_SIZE_MAX + 8];
    forget();
    begin_small(0);
    CHECK_EQ(end(), DD_OK);
    memcpy(p, made, sizeof p);
    CHECK_EQ(dd_parse(&f, &s, (struct bytes){p, sizeof p}), DD_OK); /* padding is not copied */
    CHECK(dd_write_active(out, sizeof out, (struct bytes){p, sizeof p}, &f, &s, 1) < 10);
    f.bits = 8 * DD_SIZE_MAX; /* a frame's own facts up to the end */
    CHECK_EQ(dd_write_active(out, sizeof out, (struct bytes){p, sizeof p}, &f, &s, 1), 0);
}

/* Whatever parses: written and read again it says the same, but for the mask. */
static void random_descriptors_survive_writing(void)
{
    struct prng r;
    unsigned taken = 0;
    prng_seed(&r, 10);
    for (int round = 0; round < 50000; round++) {
        uint8_t p[40], out[DD_SIZE_MAX];
        if (round % 100 == 0) {
            forget();
            CHECK_EQ(parse(L3T3), DD_OK);
        }
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = (uint8_t)prng_next(&r);
        p[0] &= round & 3 ? 0xcf : 0xff;
        p[3] &= round & 1 ? 0x7f : 0xff;
        size_t len = prng_below(&r, sizeof p);
        if (dd_parse(&f, &s, (struct bytes){exact(p, len), len}) != DD_OK)
            continue;
        taken++;
        uint32_t mask = (uint32_t)prng_next(&r) & UINT32_MAX >> (32 - s.target_count);
        struct dd_frame before = f;
        size_t n = dd_write_active(out, sizeof out, (struct bytes){p, len}, &f, &s, mask);
        CHECK(n >= 4 && n <= len + 5);
        CHECK_EQ(dd_parse(&f, &s, (struct bytes){exact(out, n), n}), DD_OK);
        CHECK(f.active == mask && f.active_told && !f.changed);
        before.active = f.active;
        before.active_told = f.active_told;
        before.active_at = f.active_at;
        before.changed = false;
        before.bits = f.bits;
        CHECK(memcmp(&before, &f, sizeof f) == 0);
    }
    CHECK(taken > 1000);
}

TEST_MAIN(TEST(a_change_in_a_structures_last_bit_is_seen), TEST(a_structure_of_chromium_is_read),
          TEST(the_key_frame_that_brings_it_is_read), TEST(frames_behind_it_take_their_template),
          TEST(the_same_structure_again_is_no_change), TEST(another_structure_is_not_taken_for_the_kept_one),
          TEST(a_frame_without_its_structure_is_unknown), TEST(a_bad_structure_leaves_the_kept_one),
          TEST(too_long_a_descriptor_is_bad), TEST(template_ids_wrap_at_64),
          TEST(what_a_frame_has_of_its_own_replaces_its_templates),
          TEST(more_references_than_a_codec_has_are_bad), TEST(layers_out_of_range_are_bad),
          TEST(sixty_four_templates_are_the_most), TEST(a_structure_that_claims_more_than_it_has_is_bad),
          TEST(a_structure_of_32_targets_and_chains_is_read), TEST(a_key_frame_without_its_template_is_bad),
          TEST(targets_of_layers), TEST(a_mask_is_written_over_the_one_there), TEST(a_mask_is_added),
          TEST(a_mask_is_added_behind_a_structure), TEST(what_does_not_fit_an_extension_is_not_written),
          TEST(random_descriptors_survive_writing))
