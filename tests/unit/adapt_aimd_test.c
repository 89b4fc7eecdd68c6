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

/* --- the formulas of draft-ietf-rmcat-gcc-02 5.5, to the unit --- */

static bool near(double a, double b) { return a - b < 1e-6 && b - a < 1e-6; }

/* Overuse at once; the capacity is in kbit/s. */
static void overuse(double bps, double capacity, double deviation, uint32_t acked)
{
    begin(bps);
    aimd.capacity = capacity;
    aimd.deviation = deviation;
    aimd_update(&aimd, TREND_OVERUSE, acked, MP_MS(50), now);
}

static void second_fall_waits_for_a_round_trip_and_100_ms(void)
{
    overuse(1000000, 0, 0, 800000);
    CHECK(aimd.bps == 680000 && aimd.decreased == now && aimd.updated == now);
    aimd_update(&aimd, TREND_OVERUSE, 340000, MP_MS(50), now + MP_MS(150) - 1);
    CHECK_EQ(aimd.bps, 680000);
    CHECK_EQ(aimd.updated, now + MP_MS(150) - 1);
    aimd_update(&aimd, TREND_OVERUSE, 340000, MP_MS(50), now + MP_MS(150));
    CHECK_EQ(aimd.bps, 289000);
    overuse(1000000, 0, 0, 800000);
    aimd_update(&aimd, TREND_OVERUSE, 339999, MP_MS(50), now + 1); /* less than half arrives: at once */
    CHECK(near(aimd.bps, 0.85 * 339999));
}

static void fall_without_an_acknowledged_rate_is_that_of_the_estimate(void)
{
    overuse(1000000, 0, 0, 0);
    CHECK(aimd.bps == 850000 && aimd.capacity == 0);
    overuse(1000000, 0, 0, 1);
    CHECK(near(aimd.bps, 0.85) && near(aimd.capacity, 0.001) && aimd.deviation == 0.4);
}

static void acknowledged_rate_above_the_estimate_falls_to_the_capacity(void)
{
    overuse(1000000, 1100, 0.4, 2000000);
    CHECK(near(aimd.bps, 935000));
    CHECK_EQ(aimd.capacity, 2000); /* far above: another line */
    overuse(1000000, 0, 0, 2000000);
    CHECK_EQ(aimd.bps, 1000000); /* no capacity is known */
    overuse(1000000, 0.9, 0.4, 2000000);
    CHECK(near(aimd.bps, 765));
}

static void capacity_is_a_slow_mean_of_near_samples(void)
{
    overuse(5000000, 1000, 1, 1020000);
    CHECK(near(aimd.capacity, 1001));
    CHECK(near(aimd.deviation, 0.95 + 0.05 * 19 * 19 / 1001));
    overuse(5000000, 1000, 0.4, 1000000);
    CHECK(aimd.capacity == 1000 && aimd.deviation == 0.4); /* the least */
    overuse(5000000, 1000, 2.5, 1150000);
    CHECK(near(aimd.capacity, 1007.5) && aimd.deviation == 2.5); /* the most */
}

/* Three times the root of 0.4 x 1000 are 60. */
static void sample_beyond_three_deviations_is_another_line(void)
{
    static const struct {
        uint32_t acked;
        bool far;
    } samples[] = {{1060000, false}, {1060001, true}, {940000, false}, {939999, true}};
    for (int i = 0; i < 4; i++) {
        overuse(5000000, 1000, 0.4, samples[i].acked);
        CHECK_EQ(near(aimd.capacity, samples[i].acked / 1000.0), samples[i].far);
    }
    overuse(5000000, 0.5, 0.4, 1000); /* within 3 x 0.447 of 0.5 */
    CHECK(near(aimd.capacity, 0.525));
}

/* A second of rise. */
static void rise(double bps, double capacity, uint32_t acked, mp_time rtt)
{
    begin(bps);
    aimd.capacity = capacity;
    aimd.deviation = 0.4;
    aimd.updated = now;
    now += MP_S(1);
    aimd_update(&aimd, TREND_NORMAL, acked, rtt, now);
}

/* A frame is a 30th: of 960 kbit/s it has 32,000 bits, four packets. */
static void near_the_capacity_a_packet_is_added_each_response_time(void)
{
    rise(960000, 1000, 1000000, MP_MS(50));
    CHECK(near(aimd.bps, 960000 + 8000 / 0.15));
    rise(960000, 1000, 1000000, MP_MS(100));
    CHECK(near(aimd.bps, 960000 + 8000 / 0.2));
    rise(30000, 30, 30000, MP_S(2));
    CHECK_EQ(aimd.bps, 34000);         /* 4 kbit/s at least */
    rise(960000, 0.9, 900, MP_MS(50)); /* but above 1.5 of the acknowledged rate it stays */
    CHECK_EQ(aimd.bps, 960000);
    rise(30000, 30, 30000, MP_MS(50));
    CHECK(near(aimd.bps, 32400)); /* 8 % at most */
}

static void only_more_than_the_capacity_ends_its_memory_in_a_rise(void)
{
    rise(960000, 1000, 1060000, MP_MS(50));
    CHECK_EQ(aimd.capacity, 1000);
    rise(960000, 1000, 1060001, MP_MS(50));
    CHECK_EQ(aimd.capacity, 0);
    CHECK(near(aimd.bps, 960000 * 1.08));
    rise(100000, 1000, 100000, MP_MS(50));
    CHECK_EQ(aimd.capacity, 1000);
}

static void rise_is_bounded_by_what_is_acknowledged(void)
{
    rise(1000000, 0, 0, MP_MS(50));
    CHECK_EQ(aimd.bps, 1000000);
    rise(5000, 0, 1, MP_MS(50));
    CHECK_EQ(aimd.bps, 5400);
    rise(1000000, 0, 700000, MP_MS(50));
    CHECK_EQ(aimd.bps, 1060000); /* 1.5 and 10,000 */
    rise(1e8, 0, 100000000, MP_MS(50));
    CHECK_EQ(aimd.bps, 1e8); /* the most */
    begin(1000000);
    aimd_update(&aimd, TREND_NORMAL, 1000000, MP_MS(50), now); /* the first one: no time has passed */
    CHECK(aimd.bps == 1000000 && aimd.updated == now);
}

TEST_MAIN(TEST(rises_by_8_percent_a_second), TEST(overuse_falls_to_0_85_of_what_is_acknowledged),
          TEST(underuse_waits), TEST(rises_to_no_more_than_one_and_a_half_of_the_acknowledged_rate),
          TEST(near_the_capacity_it_rises_slower), TEST(first_feedback_after_an_hour_rises_by_a_second),
          TEST(second_fall_waits_for_a_round_trip_and_100_ms),
          TEST(fall_without_an_acknowledged_rate_is_that_of_the_estimate),
          TEST(acknowledged_rate_above_the_estimate_falls_to_the_capacity),
          TEST(capacity_is_a_slow_mean_of_near_samples), TEST(sample_beyond_three_deviations_is_another_line),
          TEST(near_the_capacity_a_packet_is_added_each_response_time),
          TEST(only_more_than_the_capacity_ends_its_memory_in_a_rise),
          TEST(rise_is_bounded_by_what_is_acknowledged))
