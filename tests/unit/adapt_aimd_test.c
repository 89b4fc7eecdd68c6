#include "adapt/aimd.h"
#include "tests/unit/test.h"

static struct aimd aimd;
static mp_time now;

static void begin(double bps) { aimd = (struct aimd){.bps = bps, .most = 1e8}, now = MP_S(1); }
static void pass(int ms, enum trend_state state, uint32_t acked)
{
    for (; ms > 0; ms -= 50)
        aimd_update(&aimd, state, acked, MP_MS(50), now += MP_MS(50));
}

static void rises_by_8_percent_a_second(void)
{
    begin(1000000);
    pass(50, TREND_NORMAL, 1000000);
    pass(1000, TREND_NORMAL, 1000000);
    CHECK(aimd.bps > 1079000 && aimd.bps < 1084000);
}

static void overuse_falls_to_0_85_of_what_is_acknowledged(void)
{
    begin(1000000);
    pass(50, TREND_OVERUSE, 500000);
    CHECK_EQ(aimd.bps, 425000);
    pass(50, TREND_OVERUSE, 500000); /* within the response time */
    CHECK_EQ(aimd.bps, 425000);
    pass(150, TREND_OVERUSE, 400000);
    CHECK_EQ(aimd.bps, 340000);
}

static void underuse_waits(void)
{
    begin(1000000);
    pass(5000, TREND_UNDERUSE, 1000000);
    CHECK_EQ(aimd.bps, 1000000);
}

static void rises_to_no_more_than_one_and_a_half_of_the_acknowledged_rate(void)
{
    begin(200000);
    pass(60000, TREND_NORMAL, 200000);
    CHECK_EQ(aimd.bps, 310000);
    begin(2000000); /* sent little: keeps what it has */
    pass(60000, TREND_NORMAL, 200000);
    CHECK_EQ(aimd.bps, 2000000);
}

static void near_the_capacity_it_rises_slower(void)
{
    begin(4000000);
    pass(50, TREND_OVERUSE, 4000000);
    double from = aimd.bps;
    pass(1000, TREND_NORMAL, 3400000);
    CHECK(aimd.bps - from < 0.08 * from * 0.5);
    CHECK(aimd.bps - from > 4000);
    pass(1000, TREND_NORMAL, 8000000); /* far above the capacity: it is another line now */
    CHECK_EQ(aimd.capacity, 0);
}

static void first_feedback_after_an_hour_rises_by_a_second(void)
{
    begin(1000000);
    pass(50, TREND_NORMAL, 1000000);
    aimd_update(&aimd, TREND_NORMAL, 1000000, MP_MS(50), now += MP_S(3600));
    CHECK_EQ(aimd.bps, 1080000);
}

TEST_MAIN(TEST(rises_by_8_percent_a_second), TEST(overuse_falls_to_0_85_of_what_is_acknowledged),
          TEST(underuse_waits), TEST(rises_to_no_more_than_one_and_a_half_of_the_acknowledged_rate),
          TEST(near_the_capacity_it_rises_slower), TEST(first_feedback_after_an_hour_rises_by_a_second))
