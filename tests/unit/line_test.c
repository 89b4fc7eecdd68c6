/* The emulated line of the quality lab: the right values are those of the arithmetic of its settings. */
#include "lab/quality/line.h"
#include "tests/unit/test.h"

static struct line line;
static struct line_change changes[LINE_CHANGES];
static char packets[4 * LINE_QUEUE]; /* packet n is known by its address */

static void *packet(uint32_t n) { return &packets[n % sizeof packets]; }

static void start_seeded(uint64_t seed, const char *first, mp_time at, const char *second)
{
    memset(changes, 0, sizeof changes);
    CHECK(line_parse(&changes[0].settings, first) == NULL);
    changes[1] = (struct line_change){at, changes[0].settings};
    CHECK(line_parse(&changes[1].settings, second) == NULL);
    line_init(&line, changes, at ? 2 : 1, seed, 0, MP_S(1));
    line_begin(&line, MP_S(1));
}

static void start(const char *settings) { start_seeded(1, settings, 0, ""); }

/* Packets of 1250 bytes, one every `gap` from `from` to `to`; all that have arrived by then are taken. Bytes
 * that arrived. */
static uint64_t flow(mp_time gap, mp_time from, mp_time to)
{
    uint64_t bytes = 0;
    uint32_t size;
    for (mp_time now = from; now < to; now += gap) {
        line_push(&line, packet(0), 1250, now);
        while (line_pop(&line, &size, NULL, now))
            bytes += size;
    }
    return bytes;
}

static void rate_is_exact(void)
{
    const char *settings[] = {"rate=150k queue=100ms", "rate=500k queue=30000B", "rate=3M queue=100ms"};
    const uint64_t bps[] = {150000, 500000, 3000000};
    for (int i = 0; i < 3; i++) {
        start(settings[i]);
        flow(MP_MS(1), MP_S(1), MP_S(2)); /* 10 Mbit/s: the queue is full */
        uint64_t bits = flow(MP_MS(1), MP_S(2), MP_S(22)) * 8, expected = 20 * bps[i];
        CHECK(bits > expected - expected / 100 && bits < expected + expected / 100);
    }
}

static void a_packet_takes_its_time_and_its_delay(void)
{
    uint32_t size;
    mp_time due;
    start("rate=1M delay=20ms");
    CHECK_EQ(line_push(&line, packet(1), 1250, MP_S(1)), LINE_TAKEN); /* 10 ms at 1 Mbit/s */
    CHECK_EQ(line_push(&line, packet(2), 1250, MP_S(1)), LINE_TAKEN);
    CHECK_EQ(line_next(&line), MP_S(1) + MP_MS(10)); /* the first leaves the queue */
    CHECK(line_pop(&line, &size, &due, MP_S(1) + MP_MS(30) - 1) == NULL);
    CHECK(line_pop(&line, &size, &due, MP_S(1) + MP_MS(30)) == packet(1));
    CHECK_EQ(size, 1250);
    CHECK(line_pop(&line, &size, &due, MP_S(1) + MP_MS(40) - 1) == NULL);
    CHECK(line_pop(&line, &size, &due, MP_S(5)) == packet(2)); /* asked late: it still says when it was due */
    CHECK_EQ(due, MP_S(1) + MP_MS(40));
    CHECK_EQ(line_next(&line), MP_NEVER);
}

static void queue_has_its_bound_in_bytes_and_in_time(void)
{
    start("rate=100k queue=5000B"); /* four packets of 1250 */
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(line_push(&line, packet(i), 1250, MP_S(1)), LINE_TAKEN);
    CHECK_EQ(line_push(&line, packet(4), 1250, MP_S(1)), LINE_FULL);
    CHECK_EQ(line_push(&line, packet(4), 1250, MP_S(1) + MP_MS(100)), LINE_TAKEN); /* one has gone */
    struct line_counts c = line_counts(&line, MP_S(1) + MP_MS(100));
    CHECK_EQ(c.full, 1);
    CHECK_EQ(c.came, 6);

    start("rate=1M queue=100ms");
    flow(MP_MS(1), MP_S(1), MP_S(5));
    c = line_counts(&line, MP_S(5));
    /* packets of 10 ms, so that nine or ten fit */
    CHECK(c.wait_max <= MP_MS(100) && c.wait_max > MP_MS(98));
    CHECK(c.wait_sum / (mp_time)c.waited > MP_MS(90));
    CHECK_EQ(c.came, 4000);
    CHECK_EQ(c.left + c.lost + c.full + line.queue_count + line.flight_count, c.came);
}

static void a_packet_longer_than_the_queue_passes_alone(void)
{
    start("rate=100k queue=100B");
    CHECK_EQ(line_push(&line, packet(0), 1250, MP_S(1)), LINE_TAKEN);
    CHECK_EQ(line_push(&line, packet(1), 40, MP_S(1)), LINE_FULL);
}

struct losses {
    uint32_t lost, bursts, longest, shortest;
};

static struct losses lose(uint32_t count)
{
    struct losses l = {.shortest = UINT32_MAX};
    uint32_t size, run = 0;
    for (uint32_t i = 0; i < count; i++) {
        mp_time now = MP_S(1) + MP_MS(1) * i;
        bool lost = line_push(&line, packet(i), 100, now) == LINE_LOST;
        while (line_pop(&line, &size, NULL, now))
            ;
        l.lost += lost;
        if (!lost && run) {
            l.bursts++;
            l.longest = run > l.longest ? run : l.longest;
            l.shortest = run < l.shortest ? run : l.shortest;
        }
        run = lost ? run + 1 : 0;
    }
    return l;
}

static bool within(double value, double expected, double share)
{
    return value > expected * (1 - share) && value < expected * (1 + share);
}

static void random_loss_has_its_share_over_seeds(void)
{
    uint32_t lost = 0, bursts = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        start_seeded(seed, "loss=10%", 0, "");
        struct losses l = lose(10000);
        CHECK(within(l.lost, 1000, 0.15)); /* five standard deviations */
        lost += l.lost;
        bursts += l.bursts;
    }
    CHECK(within(lost, 30000, 0.03));
    CHECK(within((double)lost / bursts, 1 / 0.9, 0.03)); /* the mean run of independent losses */
}

static void bursts_have_exactly_their_length(void)
{
    uint32_t lost = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        start_seeded(seed, "loss=5% bursts=10", 0, "");
        struct losses l = lose(10000);
        CHECK_EQ(l.shortest, 10);
        CHECK_EQ(l.longest % 10, 0); /* two may follow upon each other */
        lost += l.lost;
    }
    CHECK(within(lost, 15000, 0.1));
}

static void gilberts_bursts_have_their_mean_length(void)
{
    uint32_t lost = 0, bursts = 0, longest = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        start_seeded(seed, "loss=5% geometric=4", 0, "");
        struct losses l = lose(10000);
        lost += l.lost;
        bursts += l.bursts;
        longest = l.longest > longest ? l.longest : longest;
        CHECK_EQ(l.shortest, 1);
    }
    CHECK(within(lost, 15000, 0.08));
    CHECK(within((double)lost / bursts, 4, 0.08));
    CHECK(longest > 16);
}

static void all_may_be_lost(void)
{
    start("loss=100%");
    CHECK_EQ(lose(100).lost, 100);
}

/* How many packets arrive before one that was sent earlier. */
static uint32_t overtakings(const char *settings, mp_time *least, mp_time *most)
{
    uint32_t size, overtaken = 0;
    uint32_t latest = 0;
    mp_time due;
    start(settings);
    *least = MP_NEVER;
    *most = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        mp_time now = MP_S(1) + MP_MS(5) * i;
        line_push(&line, packet(i), 100, now);
        for (char *p; (p = line_pop(&line, &size, &due, now));) {
            uint32_t n = (uint32_t)(p - packets);
            mp_time took = due - (MP_S(1) + MP_MS(5) * n);
            *least = mp_min(*least, took);
            *most = mp_max(*most, took);
            overtaken += n < latest;
            latest = n > latest ? n : latest;
        }
    }
    return overtaken;
}

static void jitter_keeps_the_order_unless_it_may_not(void)
{
    mp_time least, most;
    CHECK_EQ(overtakings("delay=20ms jitter=50ms", &least, &most), 0);
    CHECK(least >= MP_MS(20) && most <= MP_MS(70) && most > MP_MS(68));
    CHECK(overtakings("delay=20ms jitter=50ms reorder", &least, &most) > 1000);
    CHECK(least >= MP_MS(20) && least < MP_MS(22) && most <= MP_MS(70) && most > MP_MS(68));
}

static void order_is_kept_when_the_delay_falls(void)
{
    uint32_t size;
    start_seeded(1, "delay=100ms", MP_MS(10), "delay=0ms");
    line_push(&line, packet(1), 100, MP_S(1));
    line_push(&line, packet(2), 100, MP_S(1) + MP_MS(20));
    CHECK(line_pop(&line, &size, NULL, MP_S(1) + MP_MS(99)) == NULL);
    CHECK(line_pop(&line, &size, NULL, MP_S(1) + MP_MS(100)) == packet(1));
    CHECK(line_pop(&line, &size, NULL, MP_S(1) + MP_MS(100)) == packet(2));
}

static void a_change_comes_at_its_time_and_meets_the_queue(void)
{
    uint32_t size;
    mp_time due;
    /* 1250 bytes at 100 kbit/s take 100 ms: half of them before the change, the rest at ten times the rate */
    start_seeded(1, "rate=100k", MP_MS(50), "rate=1M");
    line_push(&line, packet(1), 1250, MP_S(1));
    line_push(&line, packet(2), 1250, MP_S(1));
    CHECK(line_pop(&line, &size, &due, MP_S(9)) == packet(1)); /* asked long after: the same decision */
    CHECK_EQ(due, MP_S(1) + MP_MS(55));
    CHECK(line_pop(&line, &size, &due, MP_S(9)) == packet(2));
    CHECK_EQ(due, MP_S(1) + MP_MS(65));
}

static void a_schedule_waits_for_its_beginning(void)
{
    uint32_t size;
    mp_time due;
    memset(changes, 0, sizeof changes);
    changes[1] = (struct line_change){MP_MS(100), {.delay = MP_MS(7)}};
    line_init(&line, changes, 2, 1, 0, MP_S(1));
    line_push(&line, packet(1), 100, MP_S(5)); /* long after 100 ms, but nobody began */
    CHECK(line_pop(&line, &size, &due, MP_S(5)) == packet(1));
    line_begin(&line, MP_S(6));
    line_push(&line, packet(2), 100, MP_S(6) + MP_MS(100));
    CHECK(line_pop(&line, &size, &due, MP_S(7)) == packet(2));
    CHECK_EQ(due, MP_S(6) + MP_MS(107));
}

static void a_seed_repeats_and_another_does_not(void)
{
    uint32_t same = 0, other = 0;
    static bool lost[1000];
    for (uint64_t seed = 1; seed <= 2; seed++)
        for (int turn = 0; turn < 2; turn++) {
            start_seeded(seed, "loss=50%", 0, "");
            for (uint32_t i = 0; i < 1000; i++) {
                bool now = line_push(&line, packet(i), 100, MP_S(1) + i) == LINE_LOST;
                if (seed == 1 && turn == 0)
                    lost[i] = now;
                else if (seed == 1)
                    same += now == lost[i];
                else
                    other += now == lost[i];
            }
        }
    CHECK_EQ(same, 1000);
    CHECK(other > 800 && other < 1200); /* of two turns: half of them by chance */
}

static void what_does_not_fit_into_memory_is_dropped(void)
{
    start("rate=1k");
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 2 * LINE_QUEUE; i++)
        taken += line_push(&line, packet(i), 100, MP_S(1)) == LINE_TAKEN;
    CHECK_EQ(taken, LINE_QUEUE);
    start("delay=1000ms");
    taken = 0;
    for (uint32_t i = 0; i < 2 * LINE_FLIGHT; i++)
        taken += line_push(&line, packet(i), 100, MP_S(1)) == LINE_TAKEN;
    CHECK_EQ(taken, LINE_FLIGHT);
}

static void settings_are_read_and_refused(void)
{
    struct line_settings s = {0};
    CHECK(line_parse(&s, "rate=2.5M queue=80ms  delay=20ms jitter=5ms reorder loss=2.5% bursts=3") == NULL);
    CHECK(s.bps == 2500000 && s.queue_time == MP_MS(80) && s.delay == MP_MS(20) && s.jitter == MP_MS(5));
    CHECK(s.reorder && s.loss == 0.025 && s.kind == LINE_BURSTS && s.burst == 3);
    CHECK(line_parse(&s, "rate=unlimited queue=9000B in-order random") == NULL);
    CHECK(s.bps == 0 && s.queue_bytes == 9000 && s.queue_time == 0 && !s.reorder && s.kind == LINE_RANDOM);
    CHECK(s.delay == MP_MS(20)); /* not named: as before */
    static const char *const wrong[] = {"rate=-1",  "rate=0",    "rate=1G", "queue=5",
                                        "delay=20", "loss=101%", "loss=5",  "bursts=0",
                                        "jitter=",  "fast",      "rate",    "in-orderly"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(line_parse(&s, wrong[i]) == wrong[i]);
    const char *text = "delay=1ms nonsense";
    CHECK(line_parse(&s, text) == text + 10);
}

TEST_MAIN(TEST(rate_is_exact), TEST(a_packet_takes_its_time_and_its_delay),
          TEST(queue_has_its_bound_in_bytes_and_in_time), TEST(a_packet_longer_than_the_queue_passes_alone),
          TEST(random_loss_has_its_share_over_seeds), TEST(bursts_have_exactly_their_length),
          TEST(gilberts_bursts_have_their_mean_length), TEST(all_may_be_lost),
          TEST(jitter_keeps_the_order_unless_it_may_not), TEST(order_is_kept_when_the_delay_falls),
          TEST(a_change_comes_at_its_time_and_meets_the_queue), TEST(a_schedule_waits_for_its_beginning),
          TEST(a_seed_repeats_and_another_does_not), TEST(what_does_not_fit_into_memory_is_dropped),
          TEST(settings_are_read_and_refused))
