/* The estimate in a closed loop: a simulated line (rate with a bounded queue, delay, in-order jitter,
 * loss), a sender whose frames follow the estimate, a client that answers with transport-wide feedback
 * each 50 ms over a way back that loses, too. Each case runs a minute with 30 seeds; the rows are those of
 * `make quality`. */
#include "adapt/estimate.h"
#include "adapt/probe.h"
#include "base/prng.h"
#include "tests/unit/test.h"
#include <stdlib.h>

#define SEEDS   30
#define TOP     1600000 /* bit/s: the most that the publisher sends */
#define AUDIO   64000
#define FLIGHT  65536
#define SECONDS 60

struct row {
    const char *name;
    unsigned rate[3]; /* bit/s; 0: no limit. Changes at 20 and at 40 s. */
    mp_time queue, delay, jitter;
    double loss;
    unsigned burst;
};

struct packet {
    uint16_t number;
    uint32_t size;
    mp_time at; /* came to the line, then arrival at the client */
};

static struct row row;
static struct estimate estimate;
static struct probe probe;
static struct prng r;
static mp_time now;
static struct packet queue[FLIGHT], flight[FLIGHT];
static unsigned queue_first, queue_end, flight_first, flight_end, losing;
static double queue_bits, credit;
static mp_time last_arrival, heard[65536];
static uint16_t next_number, next_told;
static bool any_arrived;
static uint16_t newest;

static struct {
    double sent_bits, wait_sum, waits, came, overflow, padding;
    unsigned below, looks;
    double least, sum;
} seen;

static unsigned rate(void) { return row.rate[now < MP_S(20) ? 0 : now < MP_S(40) ? 1 : 2]; }

static bool lost(void)
{
    if (!losing && prng_below(&r, 1000000) < row.loss / row.burst * 1e6)
        losing = row.burst;
    return losing ? losing-- : false;
}

static void push(uint32_t size)
{
    struct packet p = {next_number++, size, now};
    seen.sent_bits += size * 8;
    if (lost())
        return;
    if (rate() && queue_bits + size * 8 > (double)rate() * (double)row.queue / 1e9) {
        seen.overflow++;
        return;
    }
    queue_bits += size * 8;
    queue[queue_end++ % FLIGHT] = p;
}

static void drain(void) /* a millisecond */
{
    credit = queue_first == queue_end ? 0 : credit + rate() / 1e3;
    while (queue_first != queue_end && (!rate() || credit >= queue[queue_first % FLIGHT].size * 8)) {
        struct packet p = queue[queue_first++ % FLIGHT];
        credit -= rate() ? p.size * 8 : 0;
        queue_bits -= p.size * 8;
        seen.wait_sum += (double)(now - p.at) / 1e6;
        seen.waits++;
        mp_time jitter = row.jitter ? MP_US(prng_below(&r, (uint32_t)(row.jitter / 1000))) : 0;
        p.at = last_arrival = mp_max(last_arrival, now + row.delay + jitter);
        flight[flight_end++ % FLIGHT] = p;
    }
}

static void arrive(void)
{
    while (flight_first != flight_end && flight[flight_first % FLIGHT].at <= now) {
        struct packet p = flight[flight_first++ % FLIGHT];
        heard[p.number] = p.at;
        seen.came += p.size * 8;
        if (!any_arrived || (int16_t)(p.number - newest) > 0)
            newest = p.number;
        any_arrived = true;
    }
}

static void feedback(void)
{
    if (!any_arrived || (int16_t)(newest - next_told) < 0)
        return;
    uint16_t from = next_told;
    next_told = (uint16_t)(newest + 1);
    if (prng_below(&r, 1000000) < row.loss * 1e6)
        return;
    struct groups g;
    runs_begin(&g, now);
    for (uint16_t n = from; n != next_told; n++) {
        runs_receipt(&estimate.runs, &g, n, heard[n] != 0, (uint32_t)(heard[n] / MP_US(250)));
        heard[n] = 0;
    }
    mp_time rtt = 2 * row.delay + row.jitter / 2;
    estimate_feedback(&estimate, &g, rtt, now);
    uint32_t proven = probe_feedback(&probe, &g, estimate_overuse(&estimate, now), rtt, now);
    if (proven)
        estimate_probed(&estimate, proven);
}

static void send_run(unsigned count, uint16_t size, uint16_t last, enum probe_kind kind)
{
    uint16_t first = next_number;
    uint32_t bytes = (count - 1) * size + last;
    unsigned flags = probe_sent(&probe, kind, count, bytes, now) ? RUN_PROBE : 0;
    for (unsigned i = 0; i < count; i++)
        push(i + 1 == count ? last : size);
    estimate_sent(&estimate, first, count, size, last, flags, now);
}

static void send_bytes(unsigned bytes, enum probe_kind kind)
{
    while (bytes > 0) {
        unsigned n = bytes / 1200;
        unsigned last = bytes % 1200;
        n = n > 15 ? 15 : n;
        if (n == 15)
            last = 0;
        unsigned count = n + (last > 0);
        send_run(count, 1200, (uint16_t)(last ? last : 1200), kind);
        bytes -= n * 1200 + last;
    }
}

static double video(void)
{
    double bps = 0.95 * estimate.result.bps - AUDIO;
    return bps > TOP ? TOP : bps > 0 ? bps : 0;
}

static void look(void)
{
    estimate_tick(&estimate, now);
    uint32_t most = estimate_probe_most(&estimate, now), step = (uint32_t)((TOP + AUDIO) / 0.95);
    probe_want(&probe, estimate.result.bps, step, most, now);
    seen.looks++;
    seen.below += video() < TOP;
    seen.sum += estimate.result.bps;
    seen.least = seen.looks == 1 || estimate.result.bps < seen.least ? estimate.result.bps : seen.least;
}

static void send_padding(void)
{
    uint32_t due = probe_due(&probe, now);
    if (due == 0)
        return;
    due = due < 100 ? 100 : due;
    seen.padding += due * 8;
    send_bytes(due, PROBE_PADDING);
}

static void step(void)
{
    now += MP_MS(1);
    drain();
    arrive();
    int64_t ms = now / MP_MS(1);
    if (ms % 50 == 7)
        feedback();
    if (ms % 50 == 0)
        look();
    if (ms % 20 == 3)
        send_run(1, 160, 160, PROBE_MEDIA);
    if (ms % 40 == 11)
        send_bytes((unsigned)(video() / 8 / 25 * (0.8 + prng_below(&r, 400) / 1000.0)), PROBE_MEDIA);
    send_padding();
}

static void begin(const struct row *of, unsigned seed)
{
    row = *of;
    prng_seed(&r, seed);
    estimate_begin(&estimate, 10000000);
    probe_init(&probe);
    memset(heard, 0, sizeof heard);
    queue_first = queue_end = flight_first = flight_end = losing = 0;
    queue_bits = credit = 0;
    last_arrival = now = 0;
    next_number = next_told = (uint16_t)(seed * 2000);
    any_arrived = false;
}

static void run_until(mp_time until)
{
    memset(&seen, 0, sizeof seen);
    while (now < until)
        step();
}

static double share_below(void) { return (double)seen.below / seen.looks; }

static void tell(const char *name, const char *what, double worst, double mean)
{
    printf("# %s: %s: worst %.3g, mean %.3g of %d seeds\n", name, what, worst, mean / SEEDS, SEEDS);
}

#define WORST(worst, value) ((worst) = (value) > (worst) ? (value) : (worst))

static const struct row a = {"A", {500000, 500000, 500000}, MP_MS(100), MP_MS(20), 0, 0, 1};

static void narrow_line_is_filled_and_does_not_queue(void)
{
    double wait = 0, waits = 0, offered = 0, came = 1e9;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        begin(&a, seed);
        run_until(MP_S(3));
        run_until(MP_S(SECONDS));
        double seconds = SECONDS - 3;
        WORST(wait, seen.wait_sum / seen.waits);
        waits += seen.wait_sum / seen.waits;
        WORST(offered, seen.sent_bits / seconds / 500000);
        came = seen.came / seconds < came ? seen.came / seconds : came;
    }
    tell("A", "mean wait, ms", wait, waits);
    printf("# A: offered at most %.3f of the line, %.0f came at least\n", offered, came);
    CHECK(wait <= 40);
    CHECK(offered <= 1.1);
    CHECK(came >= 375000);
}

static void stays_at_the_top(const struct row *of, double share)
{
    double below = 0, sum = 0, least = 1e9;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        begin(of, seed);
        run_until(MP_S(5));
        run_until(MP_S(SECONDS));
        WORST(below, share_below());
        sum += share_below();
        least = seen.least < least ? seen.least : least;
    }
    tell(of->name, "share of the time below the top", below, sum);
    printf("# %s: least estimate %.0f\n", of->name, least);
    CHECK(below <= share);
}

static void random_loss_of_10_percent_costs_nothing(void)
{
    stays_at_the_top(&(struct row){"B", {3000000, 3000000, 3000000}, MP_MS(100), MP_MS(20), 0, 0.1, 1}, 0.1);
}

static void loss_of_5_percent_in_bursts_costs_nothing(void)
{
    stays_at_the_top(&(struct row){"C", {3000000, 3000000, 3000000}, MP_MS(100), MP_MS(20), 0, 0.05, 10},
                     0.1);
}

static void jitter_and_loss_are_no_fall(void)
{
    stays_at_the_top(
        &(struct row){"E", {3000000, 3000000, 3000000}, MP_MS(100), MP_MS(20), MP_MS(50), 0.03, 1}, 0.02);
}

static void clean_line_stays_at_the_top_without_padding(void)
{
    stays_at_the_top(&(struct row){"Z", {0, 0, 0}, MP_MS(100), MP_MS(20), 0, 0, 1}, 0);
    CHECK(seen.padding == 0); /* of the last 55 s */
}

/* A policer: no queue to speak of, the excess is lost. */
static const struct row p = {"P", {800000, 800000, 800000}, MP_MS(25), MP_MS(20), 0, 0, 1};

static void policed_line_is_filled_with_little_loss(void)
{
    double lost_most = 0, lost_sum = 0, least = 1e9;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        begin(&p, seed);
        run_until(MP_S(5));
        run_until(MP_S(SECONDS));
        double share = 1 - seen.came / seen.sent_bits, came = seen.came / (SECONDS - 5);
        WORST(lost_most, share);
        lost_sum += share;
        least = came < least ? came : least;
    }
    tell("P", "share lost", lost_most, lost_sum);
    printf("# P: %.0f came at least\n", least);
    CHECK(lost_most <= 0.2); /* each frame alone exceeds the 25 ms */
    CHECK(least >= 480000);
}

static const struct row d = {"D", {3000000, 500000, 3000000}, MP_MS(100), MP_MS(20), 0, 0, 1};

static mp_time fallen(void)
{
    while (estimate.result.bps > 525000 && now < MP_S(40))
        step();
    return now - MP_S(20);
}

static mp_time risen(void)
{
    while (video() < TOP && now < MP_S(60))
        step();
    return now - MP_S(40);
}

static void fall_and_rise_are_followed(void)
{
    double down = 0, downs = 0, up = 0, ups = 0, start = 0, starts = 0;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        begin(&d, seed);
        while (video() < TOP && now < MP_S(20))
            step();
        WORST(start, (double)now / 1e9);
        starts += (double)now / 1e9;
        run_until(MP_S(20));
        double seconds = (double)fallen() / 1e9;
        WORST(down, seconds);
        downs += seconds;
        run_until(MP_S(40));
        seconds = (double)risen() / 1e9;
        WORST(up, seconds);
        ups += seconds;
        run_until(MP_S(SECONDS));
        CHECK(share_below() <= 0.02);
    }
    tell("D", "s from the start to the top", start, starts);
    tell("D", "s from the fall to an estimate within the line", down, downs);
    tell("D", "s from the rise to the top", up, ups);
    CHECK(start <= 5);
    CHECK(down <= 2);
    CHECK(up <= 3);
}

TEST_MAIN(TEST(narrow_line_is_filled_and_does_not_queue), TEST(random_loss_of_10_percent_costs_nothing),
          TEST(loss_of_5_percent_in_bursts_costs_nothing), TEST(jitter_and_loss_are_no_fall),
          TEST(clean_line_stays_at_the_top_without_padding), TEST(policed_line_is_filled_with_little_loss),
          TEST(fall_and_rise_are_followed))
