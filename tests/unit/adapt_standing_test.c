#include "adapt/standing.h"
#include "base/prng.h"
#include "tests/unit/test.h"

static struct standing standing;

static void tell(mp_time sent, mp_time arrival)
{
    struct groups g;
    runs_begin(&g, arrival);
    g.list[g.count++] = (struct group){
        .sent = sent, .arrival = (uint32_t)(arrival / MP_US(250)), .bytes = 1000, .arrived = 1};
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

TEST_MAIN(TEST(queue_is_told_within_half_a_second), TEST(jitter_is_no_queue),
          TEST(longer_way_is_no_queue_after_20_s), TEST(another_clock_begins_anew))
