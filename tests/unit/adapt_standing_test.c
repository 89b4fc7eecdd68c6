#include "adapt/standing.h"
#include "base/prng.h"
#include "tests/unit/test.h"

static struct standing standing;

static void tell(mp_time sent, mp_time arrival)
{
    struct groups g;
    runs_begin(&g, arrival);
    g.list[g.count++] = (struct group){
        .sent = sent, .earliest = (uint32_t)(arrival / MP_US(250)), .bytes = 1000, .arrived = 1};
    standing_add(&standing, &g);
}

static void forget(void) { memset(&standing, 0, sizeof standing); }
static bool queue(void) { return standing_delay(&standing) > standing_limit(&standing); }

static void queue_is_told_within_half_a_second(void)
{
    forget();
    for (int i = 0; i < 100; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i + 30));
    CHECK_EQ(standing_delay(&standing), 0);
    int at = 0;
    for (int i = 0; i < 25 && !at; i++) {
        tell(MP_MS(2000 + 20 * i), MP_MS(2030 + 24 * i));
        at = queue() ? i : 0;
    }
    CHECK(at > 0);
}

/* Uniform jitter of 50 ms in order, a packet each 7 ms and each 20 ms in turn, a minute of 30 seeds. */
static void jitter_is_no_queue(void)
{
    int told = 0;
    for (unsigned seed = 1; seed <= 30; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        forget();
        mp_time last = 0;
        for (mp_time at = 0; at < MP_S(60); at += at / MP_S(5) % 2 ? MP_MS(7) : MP_MS(20)) {
            last = mp_max(last, at + MP_MS(30) + MP_US(prng_below(&r, 50000)));
            tell(at, last);
            told += queue();
        }
    }
    printf("# a queue in %d of some 165000 groups\n", told);
    CHECK(told < 330); /* 2 in 1000, and the trend must agree before it counts */
}

static void longer_way_is_no_queue_after_20_s(void)
{
    forget();
    for (int i = 0; i < 100; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i + 30));
    for (int i = 100; i < 1200; i++)
        tell(MP_MS(20 * i), MP_MS(20 * i + 130));
    CHECK_EQ(standing_delay(&standing), 0);
}

static void another_clock_begins_anew(void)
{
    forget();
    for (int i = 0; i < 100; i++)
        tell(MP_MS(20 * i), MP_MS(30 * i));
    CHECK(queue());
    struct groups g;
    runs_begin(&g, 0);
    g.restarted = true;
    standing_add(&standing, &g);
    tell(MP_S(3), MP_S(90));
    CHECK_EQ(standing_delay(&standing), 0);
}

/* --- bounds --- */

/* The first group is sent at 0; others arrive so much later than they would without a queue. */
static void late(mp_time sent, mp_time delay) { tell(sent, sent + delay); }

static void begin(void)
{
    forget();
    CHECK_EQ(standing_delay(&standing), 0);
    late(MP_S(1), 0);
}

static void delay_is_that_of_every_packet_of_two_eighths_of_a_second(void)
{
    begin();
    late(MP_S(1) + MP_MS(125) - 1, MP_MS(30)); /* still in the first eighth */
    late(MP_S(1) + MP_MS(125), MP_MS(30));
    late(MP_S(1) + MP_MS(249), MP_MS(40));
    CHECK_EQ(standing_delay(&standing), 0);
    late(MP_S(1) + MP_MS(250), MP_MS(40));
    CHECK_EQ(standing_delay(&standing), MP_MS(30));
    late(MP_S(1) + MP_MS(375), MP_MS(45));
    CHECK_EQ(standing_delay(&standing), MP_MS(40));
    late(MP_S(1) + MP_MS(376), MP_MS(35));
    CHECK_EQ(standing_delay(&standing), MP_MS(35));
}

static void base_is_the_least_of_10_to_20_s(void)
{
    begin();
    for (mp_time at = MP_MS(500); at < MP_S(10); at += MP_MS(500))
        late(MP_S(1) + at, MP_MS(30));
    late(MP_S(11) - 1, MP_MS(30));
    CHECK_EQ(standing.base_since, MP_S(1));
    late(MP_S(11), MP_MS(20));
    CHECK_EQ(standing.base_since, MP_S(11));
    CHECK_EQ(standing_delay(&standing), MP_MS(20)); /* against the 10 s before */
    for (mp_time at = MP_MS(500); at < MP_S(10); at += MP_MS(500))
        late(MP_S(11) + at, MP_MS(30));
    CHECK_EQ(standing_delay(&standing), MP_MS(30));
    late(MP_S(21), MP_MS(25));
    CHECK_EQ(standing_delay(&standing), MP_MS(5)); /* 20 ms were the least */
}

static void limit_is_10_ms_and_three_times_the_noise(void)
{
    begin();
    CHECK_EQ(standing_limit(&standing), MP_MS(10));
    standing.noise = 2e6;
    CHECK_EQ(standing_limit(&standing), MP_MS(16));
    standing.noise = 1e9;
    CHECK_EQ(standing_limit(&standing), MP_MS(55));
}

/* The least delays of two eighths differ by `step`. */
static double noise_after(mp_time step)
{
    begin();
    standing.least[1] = standing.least[0] - step;
    late(MP_S(1) + MP_MS(125), 0);
    return standing.noise;
}

static void noise_is_a_slow_mean_of_bounded_steps(void)
{
    CHECK(noise_after(MP_MS(16)) == 1e6);
    CHECK(noise_after(-MP_MS(16)) == 1e6);
    CHECK(noise_after(MP_S(1)) == 3.75e6);
}

/* On an idle line the packets of a large picture wait for one another. */
static void burst_on_an_idle_line_is_no_queue(void)
{
    struct groups g;
    begin();
    for (uint32_t i = 1; i <= 50; i++) {
        runs_begin(&g, 0);
        g.list[g.count++] = (struct group){.sent = MP_MS(40) * i,
                                           .earliest = 160 * i,
                                           .arrival = 160 * i + 100,
                                           .bytes = 8000,
                                           .arrived = 8};
        standing_add(&standing, &g);
    }
    CHECK_EQ(standing_delay(&standing), 0);
}

static void group_that_was_overtaken_says_nothing(void)
{
    begin();
    late(MP_S(2), MP_MS(30));
    struct standing before = standing;
    late(MP_S(2) - 1, MP_MS(10));
    CHECK_BYTES(&before, &standing, sizeof before);
    tell(MP_S(2), MP_S(2) + MP_MS(20)); /* sent together with the last one */
    CHECK_EQ(standing.least[0], standing.arrival - MP_S(2));
    CHECK_EQ(standing.last_arrival, 4 * (2000 + 20));
    struct groups g;
    runs_begin(&g, 0);
    g.list[g.count++] = (struct group){.sent = MP_S(3), .lost = 1};
    before = standing;
    standing_add(&standing, &g);
    CHECK_BYTES(&before, &standing, sizeof before);
}

TEST_MAIN(TEST(queue_is_told_within_half_a_second), TEST(jitter_is_no_queue),
          TEST(longer_way_is_no_queue_after_20_s), TEST(another_clock_begins_anew),
          TEST(delay_is_that_of_every_packet_of_two_eighths_of_a_second),
          TEST(base_is_the_least_of_10_to_20_s), TEST(limit_is_10_ms_and_three_times_the_noise),
          TEST(noise_is_a_slow_mean_of_bounded_steps), TEST(burst_on_an_idle_line_is_no_queue),
          TEST(group_that_was_overtaken_says_nothing))
