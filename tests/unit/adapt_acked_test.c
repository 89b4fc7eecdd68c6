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

TEST_MAIN(TEST(rate_is_known_after_150_ms), TEST(narrow_line_is_the_rate_of_arrival),
          TEST(arrivals_all_equal_give_no_more_than_was_sent), TEST(one_pause_does_not_lower_the_rate),
          TEST(only_the_last_second_counts), TEST(another_clock_begins_another_record),
          TEST(receiver_that_lies_gets_no_more_than_was_sent))
