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

/* --- against a plain model of what loss.h describes --- */

#define MODEL_ROUNDS 300

static struct {
    struct {
        float kb, lost, kbps;
    } seen[MODEL_ROUNDS];
    int count;
    mp_time since, last, reduced, hold;
    double bytes, lost, average, inherent, bps, offset;
} model;

static double ln(double of)
{
    double sum = 0, halvings = 0;
    for (; of > 1.5; halvings++)
        of /= 2;
    for (; of < 0.75; halvings--)
        of *= 2;
    double z = (of - 1) / (of + 1), power = z;
    for (int k = 1; k < 60; k += 2, power *= z * z)
        sum += power / k;
    return 2 * sum + halvings * 0.693147180559945309;
}

static double clamped(double value, double least, double most)
{
    if (value < least)
        return least;
    return value > most ? most : value;
}

static bool model_observe(void)
{
    if (model.last - model.since < MP_MS(250))
        return false;
    double lost = clamped(model.lost, 0, model.bytes), all = 0, of = 0, weight = 1;
    int i = model.count++;
    model.seen[i].kb = (float)(model.bytes / 1000);
    model.seen[i].lost = (float)(lost / 1000);
    model.seen[i].kbps = (float)(model.bytes * 8e6 / (double)(model.last - model.since));
    model.since = model.last;
    model.lost = model.lost < 0 ? model.lost : 0;
    model.bytes = 0;
    for (int n = 0; n < LOSS_KEPT && n <= i; n++, weight *= 0.9) {
        all += weight * model.seen[i - n].kb;
        of += weight * model.seen[i - n].lost;
    }
    model.average = all > 0 ? of / all : 0;
    return true;
}

static bool model_add(const struct groups *g)
{
    for (size_t i = 0; i < g->count; i++) {
        model.since = model.last ? model.since : g->list[i].sent;
        model.last = mp_max(model.last, g->list[i].sent);
        model.bytes += (double)g->list[i].bytes + g->list[i].lost_bytes - g->list[i].late_bytes;
        model.lost += (double)g->list[i].lost_bytes - g->list[i].late_bytes;
    }
    return g->count > 0 && model_observe();
}

static double model_probability(double inherent, double limit, double kbps)
{
    double excess = kbps > limit ? (kbps - limit) / kbps : 0;
    return clamped(inherent + (1 - inherent) * excess, 1e-6, 1 - 1e-6);
}

static double model_feasible(double inherent, double kbps)
{
    return clamped(inherent, 0.001, clamped(model.offset + 100 / kbps, 0, 1));
}

static double model_inherent(double kbps)
{
    double inherent = model_feasible(model.inherent, kbps), weight = 1, first = 0, second = 0;
    for (int n = 1; n <= LOSS_KEPT && n <= model.count; n++, weight *= 0.9) {
        double lost = model.seen[model.count - n].lost, came = model.seen[model.count - n].kb - lost;
        double p = model_probability(inherent, kbps, model.seen[model.count - n].kbps);
        first += weight * (lost / p - came / (1 - p));
        second -= weight * (lost / (p * p) + came / ((1 - p) * (1 - p)));
    }
    return second < 0 ? model_feasible(inherent - 0.75 * first / second, kbps) : inherent;
}

static double model_value(double kbps, double inherent)
{
    double room = 0.2 - model.average, share = room / (0.002 + (room < 0 ? -room : room));
    double higher = share * (0.0002 * kbps + 0.02 * ln(1 + kbps)), weight = 1, sum = 0;
    for (int n = 1; n <= LOSS_KEPT && n <= model.count; n++, weight *= 0.9) {
        double kb = model.seen[model.count - n].kb, lost = model.seen[model.count - n].lost;
        double p = model_probability(inherent, kbps, model.seen[model.count - n].kbps);
        sum += weight * (lost * ln(p) + (kb - lost) * ln(1 - p) + higher * kb);
    }
    return sum;
}

static double model_best(double delay_bps, double acked)
{
    double tried[] = {1.02 * model.bps, model.bps, 0.95 * model.bps, delay_bps, acked / (1 - model.inherent)};
    double most = clamped(1.5 * acked, model.bps, 1e18), best = model.bps, value = -1e300;
    double inherent = model.inherent;
    for (int i = 0; i < 5; i++) {
        double bps = clamped(tried[i], 0, most);
        if (bps < 1000)
            continue;
        double its = model_inherent(bps / 1000), worth = model_value(bps / 1000, its);
        if (worth > value)
            best = bps, value = worth, inherent = its;
    }
    model.inherent = inherent;
    return best;
}

static void model_update(double delay_bps, double acked, bool queue, mp_time at)
{
    if (model.bps <= 0)
        model.bps = delay_bps, model.inherent = 0.01;
    if (model.count < 3) {
        model.bps = delay_bps;
        return;
    }
    model.offset = queue ? 0.05 : 0.15;
    double to = model_best(delay_bps, acked), over = model.average - model.offset;
    if (over > 0)
        to = clamped(to, 0, 100000 / over);
    to = clamped(to, acked, 1e18);
    if (to < 0.98 * model.bps) {
        bool again = model.reduced && at - model.reduced < MP_S(20);
        model.hold = again ? mp_min(2 * model.hold, MP_S(10)) : MP_MS(300);
        model.reduced = at;
    } else if (model.reduced && at - model.reduced < model.hold) {
        to = clamped(to, 0, model.bps);
    }
    model.bps = clamped(to, 0, delay_bps);
}

static bool near(double a, double b) { return a - b < 1e-5 * (a + 1) && b - a < 1e-5 * (a + 1); }

/* A line of `line` bit/s that loses `share` of the rest too; what is sent follows the bound, or does not. */
static void compare(unsigned seed, double line, double share, bool follows)
{
    forget(seed);
    memset(&model, 0, sizeof model);
    double delay_bps = 2000000, sent = 1600000;
    for (int i = 0; i < MODEL_ROUNDS; i++) {
        struct groups g;
        runs_begin(&g, now += MP_MS(30 + prng_below(&r, 90)));
        double lost = share * prng_below(&r, 2000) / 1000 + (sent > line ? 1 - line / sent : 0);
        uint32_t bytes = (uint32_t)(sent / 160), gone = (uint32_t)(bytes * clamped(lost, 0, 1));
        g.list[g.count++] = (struct group){.sent = now - MP_MS(5), .bytes = bytes - gone, .lost_bytes = gone};
        if (prng_below(&r, 4) == 0)
            g.list[g.count++] = (struct group){.sent = now - MP_MS(1), .bytes = 500, .late_bytes = 500};
        CHECK_EQ(loss_add(&loss, &g), model_add(&g));
        double acked = sent * (1 - clamped(lost, 0, 1)) * (900 + prng_below(&r, 200)) / 1000;
        bool queue = i / 40 % 3 == 2;
        loss_update(&loss, delay_bps, acked, queue, now);
        model_update(delay_bps, acked, queue, now);
        CHECK(near(loss.bps, model.bps) && near(loss.average, model.average));
        CHECK(near(loss.inherent, model.inherent) && loss.reduced == model.reduced &&
              loss.hold == model.hold);
        sent = follows ? clamped(loss.bps, 10000, 4000000) : sent;
    }
}

static void bound_is_that_of_the_model(void)
{
    static const double lines[] = {1e9, 1000000, 400000, 60000}, shares[] = {0, 0.02, 0.1, 0.3, 0.9};
    for (unsigned seed = 1; seed <= 20; seed++)
        compare(seed, lines[seed % 4], shares[seed % 5], seed % 3 > 0);
}

static void raise_is_for_a_bound_that_is_known_and_lower(void)
{
    forget(1);
    loss_raise(&loss, 500000);
    CHECK(loss.bps == 0);
    loss.bps = 1;
    loss_raise(&loss, 500000);
    CHECK(loss.bps == 500000);
    loss_raise(&loss, 400000);
    CHECK(loss.bps == 500000);
}

TEST_MAIN(TEST(random_loss_of_10_percent_is_not_congestion), TEST(bursts_of_5_percent_are_not_congestion),
          TEST(loss_of_the_excess_is_congestion), TEST(after_a_reduction_it_holds),
          TEST(two_observations_say_nothing), TEST(each_reduction_doubles_the_hold),
          TEST(late_receipt_is_no_loss), TEST(everything_lost_keeps_the_bound_finite),
          TEST(bound_is_that_of_the_model), TEST(raise_is_for_a_bound_that_is_known_and_lower))
