#include "adapt/trend.h"
#include "base/prng.h"
#include "tests/unit/test.h"

static struct trend trend;

static void tell(mp_time sent, mp_time arrival)
{
    struct groups g;
    runs_begin(&g, arrival);
    g.list[g.count++] = (struct group){
        .sent = sent, .arrival = (uint32_t)(arrival / MP_US(250)), .bytes = 1000, .arrived = 1};
    trend_add(&trend, &g, arrival);
}

static void forget(void) { memset(&trend, 0, sizeof trend); }

static void even_delay_is_normal(void)
{
    forget();
    for (int i = 0; i < 500; i++) {
        tell(MP_MS(20 * i), MP_MS(20 * i + 200));
        CHECK_EQ(trend_state(&trend), TREND_NORMAL);
    }
}

/* 20 ms of sending take 22 ms of the line: a tenth too much. */
static void queue_that_grows_is_overuse_within_a_second(void)
{
    forget();
    for (int i = 0; i < 100; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i + 30));
    int at = 0;
    for (int i = 0; i < 50 && !at; i++) {
        tell(MP_MS(2000 + 20 * i), MP_MS(2030 + 22 * i));
        at = trend_state(&trend) == TREND_OVERUSE ? i : 0;
    }
    CHECK(at > 0);
}

static void queue_that_drains_is_underuse(void)
{
    forget();
    for (int i = 0; i < 100; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i + 500));
    for (int i = 0; i < 30; i++)
        tell(MP_MS(2000 + 20 * i), MP_MS(2500 + 14 * i));
    CHECK_EQ(trend_state(&trend), TREND_UNDERUSE);
}

static void one_late_group_is_not_overuse(void)
{
    forget();
    for (int i = 0; i < 200; i++) {
        tell(MP_MS(20 * i), MP_MS(20 * i + (i == 100 ? 45 : 30)));
        CHECK(trend_state(&trend) != TREND_OVERUSE);
    }
}

/* Each delay within 50 ms is as likely; packets do not overtake. The threshold follows. */
static void jitter_of_50_ms_is_seldom_overuse(void)
{
    int over = 0;
    for (unsigned seed = 1; seed <= 30; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        forget();
        mp_time last = 0;
        for (int i = 0; i < 1500; i++) {
            last = mp_max(last, MP_MS(20 * i + 30) + MP_US(prng_below(&r, 50000)));
            tell(MP_MS(20 * i), last);
            over += trend_state(&trend) == TREND_OVERUSE;
        }
    }
    printf("# overuse in %d of 45000 groups\n", over);
    CHECK(over < 450);
}

/* The line holds each four groups back and lets them go together: three differences of 0, not nine. */
static void groups_that_arrive_together_are_one(void)
{
    forget();
    for (int i = 0; i < 40; i++)
        tell(MP_MS(20 * i), MP_MS(80 * (i / 4) + 100) + MP_MS(i % 4));
    CHECK_EQ(trend.count, 8); /* ten groups: nine are whole */
}

static void another_clock_begins_anew(void)
{
    forget();
    for (int i = 0; i < 100; i++)
        tell(MP_MS(20 * i), MP_MS(22 * i));
    struct groups g;
    runs_begin(&g, 0);
    g.restarted = true;
    trend_add(&trend, &g, 0);
    tell(MP_S(3), MP_S(90));
    CHECK_EQ(trend_state(&trend), TREND_NORMAL);
    CHECK_EQ(trend.count, 0);
}

TEST_MAIN(TEST(even_delay_is_normal), TEST(queue_that_grows_is_overuse_within_a_second),
          TEST(queue_that_drains_is_underuse), TEST(one_late_group_is_not_overuse),
          TEST(groups_that_arrive_together_are_one), TEST(jitter_of_50_ms_is_seldom_overuse),
          TEST(another_clock_begins_anew))
