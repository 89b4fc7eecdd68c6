#include "adapt/redundancy.h"
#include "tests/unit/test.h"

static struct redundancy r;
static mp_time now;

static void begin(void)
{
    r = (struct redundancy){0};
    now = MP_S(1);
}

/* So many seconds of 50 packets each, of which `lost` of a thousand are lost. */
static void run(unsigned seconds, unsigned lost)
{
    for (unsigned i = 0; i < 10 * seconds; i++) {
        now += MP_MS(100);
        redundancy_note(&r, 1000 - lost, lost, now);
    }
}

static void clean_line_has_no_blocks(void)
{
    begin();
    run(20, 0);
    CHECK_EQ(r.blocks, 0);
    run(20, 19);
    CHECK_EQ(r.blocks, 0);
}

static void loss_over_2_percent_within_2_s_asks_for_one(void)
{
    begin();
    run(1, 30);
    CHECK_EQ(r.blocks, 0);
    run(2, 30);
    CHECK_EQ(r.blocks, 1);
    CHECK_EQ(r.lost_share, 7);
}

static void loss_over_8_percent_asks_for_two(void)
{
    begin();
    run(3, 78);
    CHECK_EQ(r.blocks, 1);
    run(3, 100);
    CHECK_EQ(r.blocks, 2);
    run(20, 30); /* stays */
    CHECK_EQ(r.blocks, 2);
}

static void ten_seconds_under_1_percent_end_it(void)
{
    begin();
    run(3, 100);
    run(9, 8);
    CHECK_EQ(r.blocks, 2);
    run(2, 20); /* between: neither more blocks nor less */
    run(9, 8);
    CHECK_EQ(r.blocks, 2);
    run(4, 8);
    CHECK_EQ(r.blocks, 0);
}

static void window_of_few_packets_is_longer(void)
{
    begin();
    for (int i = 0; i < 49; i++, now += MP_S(1))
        redundancy_note(&r, i > 0, i == 0, now);
    CHECK_EQ(r.blocks, 0);
    redundancy_note(&r, 1, 1, now);
    CHECK_EQ(r.blocks, 1);
}

static void all_that_is_lost_is_a_share_of_255(void)
{
    begin();
    run(3, 1000);
    CHECK_EQ(r.lost_share, 255);
    CHECK_EQ(r.blocks, 2);
}

TEST_MAIN(TEST(clean_line_has_no_blocks), TEST(loss_over_2_percent_within_2_s_asks_for_one),
          TEST(loss_over_8_percent_asks_for_two), TEST(ten_seconds_under_1_percent_end_it),
          TEST(window_of_few_packets_is_longer), TEST(all_that_is_lost_is_a_share_of_255))
