#include "adapt/loss.h"
#include "base/prng.h"
#include "tests/unit/test.h"

static struct loss loss;
static struct prng r;
static mp_time now;

static void forget(unsigned seed)
{
    memset(&loss, 0, sizeof loss);
    prng_seed(&r, seed);
    now = MP_S(1);
}

/* Ten packets of 1000 bytes each 50 ms at 1.6 Mbit/s; fewer at lower rates. Lost: a share of all of them. */
static double pass(double bps, double share, unsigned burst, double delay_bps, bool queue)
{
    static unsigned losing;
    double bound = 0, acked = bps * (1 - share);
    for (int i = 0; i < 20; i++) {
        struct groups g;
        runs_begin(&g, now += MP_MS(50));
        unsigned size = (unsigned)(bps / 8 / 20 / 10);
        g.list[0] = (struct group){.sent = now};
        for (int p = 0; p < 10; p++) {
            if (!losing && prng_below(&r, 100000) < share / burst * 100000)
                losing = burst;
            g.list[0].lost_bytes += losing ? size : 0;
            g.list[0].bytes += losing ? 0 : size;
            losing -= losing ? 1 : 0;
        }
        g.count = 1;
        if (loss_add(&loss, &g))
            bound = loss_update(&loss, delay_bps, acked, queue, now);
    }
    return bound;
}

static void random_loss_of_10_percent_is_not_congestion(void)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        forget(seed);
        CHECK(pass(1600000, 0.1, 1, 2400000, false) > 1440000); /* four observations do not tell much */
        for (int i = 0; i < 60; i++)
            CHECK(pass(1600000, 0.1, 1, 2400000, false) >= 1600000);
        CHECK(pass(1600000, 0.1, 1, 2400000, false) > 2000000);
    }
}

static void bursts_of_5_percent_are_not_congestion(void)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        forget(seed);
        for (int i = 0; i < 60; i++)
            CHECK(pass(1600000, 0.05, 10, 2400000, false) >= 1520000);
    }
}

/* No queue, no delay: what exceeds 500 kbit/s is lost. */
static void loss_of_the_excess_is_congestion(void)
{
    for (unsigned seed = 1; seed <= 30; seed++) {
        forget(seed);
        double rate = 1600000, sum = 0;
        for (int i = 0; i < 30; i++) {
            rate = pass(rate, rate > 500000 ? 1 - 500000 / rate : 0, 1, 1600000, false);
            CHECK(i < 3 || rate < 800000);
            sum += i >= 10 ? rate : 0;
        }
        CHECK(sum / 20 > 450000 && sum / 20 < 620000);
    }
}

static void after_a_reduction_it_holds(void)
{
    forget(1);
    pass(1600000, 0, 1, 1600000, false);
    pass(1600000, 0.6, 1, 1600000, false);
    CHECK(loss.reduced > 0 && loss.hold >= MP_MS(300));
    for (int i = 0; i < LOSS_KEPT; i++)
        loss.ring[i].lost = 0;
    loss.average = 0;
    double reduced = loss.bps;
    mp_time until = loss.reduced + loss.hold;
    CHECK(loss_update(&loss, 1600000, 900000, false, until - 1) <= reduced);
    CHECK(loss_update(&loss, 1600000, 900000, false, until) > reduced);
}

static void two_observations_say_nothing(void)
{
    forget(1);
    loss.count = 2;
    loss.average = 0.9;
    CHECK(loss_update(&loss, 1600000, 100000, false, MP_S(1)) == 1600000);
}

static void each_reduction_doubles_the_hold(void)
{
    static const int holds[] = {300, 600, 1200, 2400, 4800, 9600, 10000, 10000};
    forget(1);
    loss.count = LOSS_KEPT;
    loss.average = 0.9;
    for (int i = 0; i < 8; i++) {
        loss.bps = 1600000;
        loss_update(&loss, 1600000, 100000, false, now += MP_S(1));
        CHECK_EQ(loss.hold, MP_MS(holds[i]));
    }
}

static void late_receipt_is_no_loss(void)
{
    forget(1);
    for (int i = 0; i < 20; i++) {
        struct groups g;
        runs_begin(&g, now += MP_MS(50));
        g.list[0] = (struct group){.sent = now, .lost_bytes = 1000, .bytes = 1000};
        g.list[1] = (struct group){.sent = now, .late_bytes = 1000, .bytes = 1000};
        g.count = 2;
        loss_add(&loss, &g);
    }
    CHECK(loss.count >= 3);
    CHECK(loss.average == 0);
}

static void everything_lost_keeps_the_bound_finite(void)
{
    forget(1);
    for (int i = 0; i < 20; i++) {
        double bound = pass(1600000, 1, 1, 2400000, false);
        CHECK(bound > 0 && bound <= 2400000);
    }
    CHECK(pass(1600000, 1, 1, 2400000, false) < 200000);
}

TEST_MAIN(TEST(random_loss_of_10_percent_is_not_congestion), TEST(bursts_of_5_percent_are_not_congestion),
          TEST(loss_of_the_excess_is_congestion), TEST(after_a_reduction_it_holds),
          TEST(two_observations_say_nothing), TEST(each_reduction_doubles_the_hold),
          TEST(late_receipt_is_no_loss), TEST(everything_lost_keeps_the_bound_finite))
