/* The choice of a simulcast layer. */
#include "sfu/layers.h"
#include "tests/unit/test.h"

static struct layers l;
static mp_time now;

static void begin(void)
{
    l = (struct layers){0};
    now = MP_S(100);
}

static bool heard(uint32_t ssrc, uint32_t rid, size_t len) { return layers_heard(&l, ssrc, rid, len, now); }

static struct layer *add(uint32_t ssrc, double bps, mp_time when)
{
    struct layer *layer = &l.list[l.count++];
    *layer = (struct layer){.ssrc = ssrc, .heard = when, .since = when, .bps = bps};
    return layer;
}

/* Test vectors of FNV-1a (draft-eastlake-fnv), made odd. */
static void name_is_hashed_and_never_0(void)
{
    CHECK_EQ(layers_rid((const uint8_t *)"", 0), 0);
    CHECK_EQ(layers_rid((const uint8_t *)"a", 1), 0xe40c292c | 1);
    CHECK_EQ(layers_rid((const uint8_t *)"foobar", 6), 0xbf9cf968 | 1);
    CHECK_EQ(layers_rid((const uint8_t *)"foobarx", 6), 0xbf9cf968 | 1);
}

static void name_is_kept(void)
{
    begin();
    CHECK(heard(1, 7, 100) && heard(2, 9, 100));
    CHECK(heard(1, 0, 100));
    CHECK_EQ(layers_rid_of(&l, 1), 7);
    CHECK_EQ(layers_rid_of(&l, 2), 9);
    CHECK_EQ(layers_rid_of(&l, 3), 0);
    CHECK(heard(1, 8, 100));
    CHECK_EQ(layers_rid_of(&l, 1), 8);
}

static void known_name_under_another_ssrc_is_the_same_layer(void)
{
    begin();
    CHECK(heard(1, 7, 100) && heard(2, 9, 100));
    CHECK(heard(3, 9, 100));
    CHECK_EQ(l.count, 2);
    CHECK_EQ(l.list[1].ssrc, 3);
    CHECK(l.list[1].heard == now && l.list[1].since == now && l.list[1].bps == 0);
    CHECK(heard(4, 0, 100)); /* no name is no equal name */
    CHECK_EQ(l.count, 3);
}

static void new_layer_takes_the_place_of_the_one_that_is_silent_longest(void)
{
    begin();
    for (uint32_t i = 0; i < LAYERS_MAX; i++)
        add(10 + i, 0, now + (i == 1 ? 0 : 1 + i));
    now += MP_S(1) - 1;
    CHECK(!heard(99, 0, 100)); /* all flow */
    now += 1;
    CHECK(heard(99, 5, 100)); /* one is silent */
    CHECK_EQ(l.list[1].ssrc, 99);
    CHECK_EQ(l.list[1].rid, 5);
    CHECK(!heard(98, 0, 100));
    now += MP_S(2);
    l.list[0].heard = l.list[3].heard = now - MP_S(1);
    l.list[1].heard = now - MP_S(1) - 1;
    l.list[2].heard = now - MP_S(1) - 1;
    CHECK(heard(97, 0, 100));
    CHECK_EQ(l.list[1].ssrc, 97); /* the first of equals */
    CHECK_EQ(l.count, LAYERS_MAX);
}

static void bitrate_is_that_of_whole_seconds(void)
{
    begin();
    heard(1, 0, 1000);
    now += MP_S(1) - 1;
    heard(1, 0, 124000);
    CHECK(l.list[0].bps == 0);
    now += 1;
    heard(1, 0, 0);
    CHECK(l.list[0].bps == 1000000);
    now += MP_MS(500);
    heard(1, 0, 125000);
    CHECK(l.list[0].bps == 1000000);
    now += MP_MS(500);
    heard(1, 0, 125000);
    CHECK(l.list[0].bps == 2000000);
}

static void bitrate_of_a_layer_that_resumes_is_measured_anew(void)
{
    begin();
    heard(1, 0, 5000);
    now += MP_S(1) - 1;
    heard(1, 0, 5000);
    l.list[0].bps = 7;
    now += MP_S(1) - 1;
    l.list[0].since = now; /* it flows: nothing is forgotten */
    heard(1, 0, 5000);
    CHECK(l.list[0].bps == 7 && l.list[0].bytes == 15000);
    now += MP_S(1);
    heard(1, 0, 300);
    CHECK(l.list[0].bps == 0 && l.list[0].bytes == 300 && l.list[0].since == now);
}

static void best_exceeds_the_present_one_by_a_third(void)
{
    begin();
    add(2, 1300000, now);
    struct layer *present = add(1, 1000000, now);
    CHECK_EQ(layers_best(&l, 1, now), 1);
    l.list[0].bps = 1300001;
    CHECK_EQ(layers_best(&l, 1, now), 2);
    present->bps = 0; /* not measured yet */
    CHECK_EQ(layers_best(&l, 1, now), 1);
}

static void best_is_the_highest_that_flows(void)
{
    begin();
    add(1, 9000, now);
    add(2, 20000, now);
    add(3, 19000, now);
    CHECK_EQ(layers_best(&l, 1, now), 2);
    l.list[1].heard = now - MP_S(1);
    CHECK_EQ(layers_best(&l, 1, now), 3);
    l.list[2].heard = now - MP_S(1);
    CHECK_EQ(layers_best(&l, 1, now), 1);
    l.list[2].heard = now - MP_S(1) + 1;
    CHECK_EQ(layers_best(&l, 1, now), 3);
}

static void silent_layer_gives_way_to_any(void)
{
    begin();
    add(1, 9000, now - MP_S(1));
    CHECK_EQ(layers_best(&l, 1, now), 1); /* no other */
    add(2, 0, now);
    add(3, 0, now);
    CHECK_EQ(layers_best(&l, 1, now), 2); /* not measured yet; the first of equals */
    l.list[2].bps = 1;
    CHECK_EQ(layers_best(&l, 1, now), 3);
    CHECK_EQ(layers_best(&l, 77, now), 3); /* a layer of which nothing came */
}

TEST_MAIN(TEST(name_is_hashed_and_never_0), TEST(name_is_kept),
          TEST(known_name_under_another_ssrc_is_the_same_layer),
          TEST(new_layer_takes_the_place_of_the_one_that_is_silent_longest),
          TEST(bitrate_is_that_of_whole_seconds), TEST(bitrate_of_a_layer_that_resumes_is_measured_anew),
          TEST(best_exceeds_the_present_one_by_a_third), TEST(best_is_the_highest_that_flows),
          TEST(silent_layer_gives_way_to_any))
