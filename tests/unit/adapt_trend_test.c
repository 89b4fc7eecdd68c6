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

/* --- against a plain model: draft-ietf-rmcat-gcc-02 5.1 to 5.4, without rings and open groups --- */

#define MODEL_GROUPS 1000

static struct {
    double at[MODEL_GROUPS], delay[MODEL_GROUPS];
    int count;
    double arrived, late, smoothed, threshold, previous, over;
    int over_count;
    mp_time adapted;
    enum trend_state state;
} model;

static double model_slope(void)
{
    double n = TREND_WINDOW, x = 0, y = 0, xy = 0, xx = 0;
    for (int i = model.count - TREND_WINDOW; i < model.count; i++) {
        double at = model.at[i] - model.at[model.count - 1], delay = model.delay[i];
        x += at, y += delay, xy += at * delay, xx += at * at;
    }
    double below = n * xx - x * x;
    return below > 1e-9 ? (n * xy - x * y) / below : 0;
}

static void model_threshold(double modified, mp_time now)
{
    double size = modified < 0 ? -modified : modified,
           ms = model.adapted ? (double)(now - model.adapted) / 1e6 : 0;
    model.adapted = now;
    if (size > model.threshold + 15)
        return;
    ms = ms > 100 ? 100 : ms;
    model.threshold += (size < model.threshold ? 0.039 : 0.0087) * (size - model.threshold) * ms;
    if (model.threshold < 6)
        model.threshold = 6;
    if (model.threshold > 600)
        model.threshold = 600;
}

static void model_tell(double sent_ms, double arrived_ms, mp_time now)
{
    model.arrived += arrived_ms;
    model.late += arrived_ms - sent_ms;
    model.smoothed = 0.9 * model.smoothed + 0.1 * model.late;
    model.at[model.count] = model.arrived;
    model.delay[model.count++] = model.smoothed;
    if (model.count < TREND_WINDOW)
        return;
    double modified = 4 * model_slope() * (model.count > 60 ? 60 : model.count);
    if (modified > model.threshold) {
        model.over += model.over_count++ ? sent_ms : sent_ms / 2;
        if (model.over > 10 && model.over_count > 1 && modified >= model.previous) {
            model.state = TREND_OVERUSE;
            model.over = model.over_count = 0;
        }
    } else {
        model.over = model.over_count = 0;
        model.state = modified < -model.threshold ? TREND_UNDERUSE : TREND_NORMAL;
    }
    model.previous = modified;
    model_threshold(modified, now);
}

static bool near(double a, double b)
{
    double size = a > 1 ? a : a < -1 ? -a : 1;
    return a - b < 1e-6 * size && b - a < 1e-6 * size;
}

/* Groups each `step` ms or a little more, which arrive up to `jitter` ms further apart. */
static void compare(unsigned seed, uint32_t step, uint32_t jitter)
{
    struct prng r;
    mp_time sent = 0, arrival = MP_MS(50), last_sent = 0, last_arrival = 0, whole_sent = 0, whole_arrival = 0;
    forget();
    memset(&model, 0, sizeof model);
    model.threshold = 12.5;
    prng_seed(&r, seed);
    for (int i = 0; i < MODEL_GROUPS; i++) {
        tell(sent, arrival); /* the group before is whole */
        if (i > 1)
            model_tell((double)whole_sent / 1e6, (double)whole_arrival / 1e6, arrival);
        CHECK_EQ(trend.state, model.state);
        CHECK(i < 2 || (near(trend.threshold, model.threshold) && near(trend.previous, model.previous)));
        CHECK(near(trend.over_ms, model.over) && trend.over_count == (uint32_t)model.over_count);
        whole_sent = last_sent;
        whole_arrival = last_arrival;
        last_sent = MP_MS(step) + MP_US(250) * prng_below(&r, 8);
        last_arrival = MP_MS(step) + MP_US(250) * prng_below(&r, jitter * 4 + 1) + MP_US(250) * (i / 100 % 3);
        last_arrival -= i / 150 % 2 ? MP_US(250) * (jitter * 2) : 0;
        last_arrival = mp_max(last_arrival, MP_MS(6));
        sent += last_sent;
        arrival += last_arrival;
    }
}

static void trend_is_that_of_the_model(void)
{
    static const uint32_t steps[] = {7, 10, 20, 90, 99, 150}, jitters[] = {0, 1, 3, 8, 40, 200, 900};
    for (unsigned s = 0; s < 6; s++)
        for (unsigned j = 0; j < 7; j++)
            compare(1 + s * 7 + j, steps[s], jitters[j]);
}

/* --- what counts as one group --- */

static void groups_5_ms_apart_that_were_sent_more_apart_are_one(void)
{
    forget();
    tell(MP_MS(100), MP_MS(200));
    tell(MP_MS(120), MP_MS(205)); /* joins */
    CHECK(trend.open_sent == MP_MS(120) && trend.open_arrival == 820 && trend.open_began == 800);
    tell(MP_MS(125), MP_MS(210)); /* as far apart as they were sent: does not */
    CHECK(trend.open_began == 840 && trend.sent == MP_MS(120) && trend.arrival == 820 && trend.whole);
    tell(MP_MS(145), MP_US(215250)); /* more than 5 ms */
    CHECK_EQ(trend.open_began, 861);
    tell(MP_MS(145), MP_MS(240)); /* sent together */
    CHECK(trend.open_began == 861 && trend.open_arrival == 960);
    tell(MP_MS(145), MP_US(239750)); /* the last arrival counts */
    CHECK_EQ(trend.open_arrival, 960);
    tell(MP_MS(144), MP_MS(300)); /* overtaken */
    CHECK(trend.open_sent == MP_MS(145) && trend.open_arrival == 960);
    tell(MP_MS(165), MP_US(240250)); /* a quarter later */
    CHECK_EQ(trend.open_arrival, 961);
    CHECK_EQ(trend.count, 1);
}

static void one_group_lasts_100_ms_at_most(void)
{
    forget();
    for (int i = 0; i < 25; i++)
        tell(MP_MS(20 * i), MP_MS(200) + MP_MS(4 * i));
    CHECK_EQ(trend.open_began, 800);
    tell(MP_MS(500), MP_US(299750));
    CHECK_EQ(trend.open_began, 800);
    tell(MP_MS(520), MP_MS(300));
    CHECK_EQ(trend.open_began, 1200);
}

static void nothing_that_arrived_is_no_group(void)
{
    struct groups g;
    forget();
    runs_begin(&g, 0);
    g.list[g.count++] = (struct group){.sent = MP_MS(1), .lost = 1};
    trend_add(&trend, &g, 0);
    CHECK(!trend.heard);
}

TEST_MAIN(TEST(even_delay_is_normal), TEST(queue_that_grows_is_overuse_within_a_second),
          TEST(queue_that_drains_is_underuse), TEST(one_late_group_is_not_overuse),
          TEST(groups_that_arrive_together_are_one), TEST(jitter_of_50_ms_is_seldom_overuse),
          TEST(another_clock_begins_anew), TEST(trend_is_that_of_the_model),
          TEST(groups_5_ms_apart_that_were_sent_more_apart_are_one), TEST(one_group_lasts_100_ms_at_most),
          TEST(nothing_that_arrived_is_no_group))
