#include "adapt/acked.h"
#include "base/prng.h"
#include "tests/unit/test.h"

static struct acked acked;

static void tell(mp_time sent, mp_time arrival, uint32_t bytes)
{
    struct groups g;
    runs_begin(&g, sent);
    g.list[g.count++] = (struct group){
        .sent = sent, .arrival = (uint32_t)(arrival / MP_US(250)), .bytes = bytes, .arrived = 1};
    acked_add(&acked, &g);
}

static void forget(void) { memset(&acked, 0, sizeof acked); }

static void rate_is_known_after_150_ms(void)
{
    forget();
    for (int i = 0; i <= 7; i++) {
        CHECK_EQ(acked_bps(&acked), 0);
        tell(MP_MS(20 * i), MP_MS(20 * i + 30), 2500);
    }
    tell(MP_MS(160), MP_MS(190), 2500);
    CHECK_EQ(acked_bps(&acked), 1000000); /* 2500 bytes each 20 ms */
}

static void narrow_line_is_the_rate_of_arrival(void)
{
    forget();
    for (int i = 0; i < 40; i++)
        tell(MP_MS(20 * i), MP_MS(40 * i), 2500);
    CHECK_EQ(acked_bps(&acked), 500000);
}

static void arrivals_all_equal_give_no_more_than_was_sent(void)
{
    forget();
    for (int i = 0; i < 40; i++)
        tell(MP_MS(20 * i), MP_S(5), 2500);
    CHECK_EQ(acked_bps(&acked), 1000000);
}

static void one_pause_does_not_lower_the_rate(void)
{
    forget();
    for (int i = 0; i < 40; i++)
        tell(MP_MS(20 * i + (i > 20 ? 150 : 0)), MP_MS(20 * i + (i > 20 ? 150 : 0)), 2500);
    CHECK_EQ(acked_bps(&acked), 1000000);
}

static void only_the_last_second_counts(void)
{
    forget();
    for (int i = 0; i < 100; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i), 25000);
    for (int i = 100; i < 151; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i), 2500);
    CHECK_EQ(acked_bps(&acked), 1000000);
}

static void another_clock_begins_another_record(void)
{
    forget();
    for (int i = 0; i < 40; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i), 2500);
    struct groups g;
    runs_begin(&g, MP_S(1));
    g.restarted = true;
    acked_add(&acked, &g);
    CHECK_EQ(acked_bps(&acked), 0);
}

/* A byte counts once, in its own interval, for any order and any times. */
static void receiver_that_lies_gets_no_more_than_was_sent(void)
{
    struct prng r;
    prng_seed(&r, 3);
    for (int round = 0; round < 2000; round++) {
        forget();
        int newest = 0;
        bool told[200] = {0};
        for (int i = 0; i < 400; i++) {
            newest = newest < 198 ? newest + (int)prng_below(&r, 2) : newest;
            int which = newest - (int)prng_below(&r, 60);
            if (which < 0 || told[which])
                continue;
            told[which] = true;
            tell(MP_MS(20 * which), MP_MS(prng_below(&r, 5000)), 2500);
        }
        /* a run at either end may count completely, and pauses of unreported packets do not count */
        CHECK(acked_bps(&acked) <= 1200000);
    }
}

/* --- bounds --- */

static void groups_within_10_ms_are_one_entry(void)
{
    forget();
    tell(0, 0, 90);
    tell(0, MP_US(250), 10);
    tell(MP_US(9999), MP_US(9750), 10);
    CHECK(acked.end == 1 && acked.ring[0].bytes == 110);
    tell(MP_US(10000), MP_US(9750), 1);
    CHECK(acked.end == 2 && acked.ring[1].bytes == 1 && acked.ring[1].arrival == 9750);
    tell(MP_US(10001), MP_US(19750), 1);
    CHECK_EQ(acked.end, 3);
    tell(MP_US(10001), MP_US(29500), 1);
    CHECK(acked.end == 3 && acked.ring[2].bytes == 2);
}

static void arrival_that_goes_back_counts_as_the_last(void)
{
    forget();
    tell(0, MP_MS(50), 100);
    tell(MP_MS(20), MP_MS(40), 100);
    CHECK_EQ(acked.ring[1].arrival, 50000);
    tell(MP_MS(40), MP_MS(50), 100);
    CHECK_EQ(acked.ring[2].arrival, 50000);
}

static void late_bytes_count_where_they_were_sent(void)
{
    forget();
    for (int i = 0; i < 4; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i), 100);
    tell(MP_MS(40), MP_MS(70), 7);        /* sent together with the third */
    tell(MP_MS(40) - 1000, MP_MS(71), 3); /* after the second */
    tell(MP_MS(20), MP_MS(72), 5);
    tell(0, MP_MS(73), 9); /* the first entry's bytes do not count */
    CHECK_EQ(acked.end, 4);
    CHECK_EQ(acked.ring[0].bytes, 100);
    CHECK_EQ(acked.ring[1].bytes, 105);
    CHECK_EQ(acked.ring[2].bytes, 110);
    CHECK_EQ(acked.ring[3].bytes, 100);
}

static void entries_of_a_second_count(void)
{
    forget();
    tell(0, 0, 100);
    tell(MP_MS(500), MP_MS(500), 100);
    tell(MP_S(1), MP_S(1), 100);
    CHECK_EQ(acked.first, 0);
    tell(MP_MS(1500) + 1000, MP_S(2), 100);
    CHECK_EQ(acked.first, 2);
}

static void sixty_four_entries_are_kept(void)
{
    forget();
    for (int i = 0; i < 64; i++)
        tell(MP_MS(11 * i), MP_MS(11 * i), 100);
    CHECK_EQ(acked.first, 0);
    tell(MP_MS(11 * 64), MP_MS(11 * 64), 100);
    CHECK_EQ(acked.first, 1);
}

/* Steps of 20, 30, 200 and 40 ms: the longest counts as the second. */
static void longest_pause_counts_as_the_second_longest(void)
{
    static const int at[] = {0, 20, 50, 250, 290, 310};
    forget();
    for (int i = 0; i < 6; i++)
        tell(MP_MS(at[i]), MP_MS(at[i]), 1000);
    CHECK_EQ(acked_bps(&acked), 5000 * 8000 / (310 - 200 + 40));
    forget();
    for (int i = 0; i < 6; i++)
        tell(MP_MS(at[i]) + MP_MS(i), MP_MS(at[i]), 1000);
    CHECK_EQ(acked_bps(&acked), 5000ll * 8000 / (315 - 201 + 41)); /* sending took longer */
    forget();
    tell(0, 0, 1000);
    tell(MP_MS(75), MP_MS(75), 1000);
    tell(MP_MS(150) - 1000, MP_MS(150) - 1000, 1000);
    CHECK_EQ(acked_bps(&acked), 0); /* a record shorter than 150 ms */
}

static void nothing_that_arrived_is_no_entry(void)
{
    struct groups g;
    forget();
    runs_begin(&g, 0);
    g.list[g.count++] = (struct group){.sent = MP_MS(1), .lost = 1};
    acked_add(&acked, &g);
    CHECK_EQ(acked.end, 0);
}

TEST_MAIN(TEST(rate_is_known_after_150_ms), TEST(narrow_line_is_the_rate_of_arrival),
          TEST(arrivals_all_equal_give_no_more_than_was_sent), TEST(one_pause_does_not_lower_the_rate),
          TEST(only_the_last_second_counts), TEST(another_clock_begins_another_record),
          TEST(receiver_that_lies_gets_no_more_than_was_sent), TEST(groups_within_10_ms_are_one_entry),
          TEST(arrival_that_goes_back_counts_as_the_last), TEST(late_bytes_count_where_they_were_sent),
          TEST(entries_of_a_second_count), TEST(sixty_four_entries_are_kept),
          TEST(longest_pause_counts_as_the_second_longest), TEST(nothing_that_arrived_is_no_entry))
