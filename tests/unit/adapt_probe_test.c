#include "adapt/probe.h"
#include "tests/unit/test.h"

static struct probe p;
static struct runs runs;
static mp_time now;
static uint16_t number;
static unsigned padding;

static void begin(void)
{
    memset(&runs, 0, sizeof runs);
    probe_init(&p);
    now = MP_S(1);
    number = 1;
    padding = 0;
}

static bool want(void) { return probe_want(&p, 1000000, 1800000, 2000000, now); }

static void send(unsigned count, uint16_t size, enum probe_kind kind)
{
    unsigned flags = probe_sent(&p, kind, count, count * size, now) ? RUN_PROBE : 0;
    runs_sent(&runs, number, count, size, size, flags, now);
    number = (uint16_t)(number + count);
    padding += kind == PROBE_PADDING ? count * size : 0;
}

static void send_cluster(void)
{
    while (probe_next(&p) != MP_NEVER) {
        now = probe_next(&p);
        uint32_t due = probe_due(&p, now), count = (due + 1199) / 1200;
        send(count, (uint16_t)(due / count), PROBE_PADDING);
    }
}

/* All of the cluster arrives at this share of the rate at which it was sent, but each `lost`-th packet. */
static uint32_t answer(double slower, unsigned lost, bool overuse)
{
    struct groups g;
    mp_time sent = p.began;
    runs_begin(&g, now + MP_MS(60));
    for (uint32_t i = 0; i < runs.end; i++) {
        const struct run *run = &runs.ring[i % RUNS_KEPT];
        mp_time at = sent + (mp_time)((double)(run->sent * MP_US(4) - sent) * slower) + MP_MS(20);
        for (unsigned n = 0; n < run->count; n++) {
            uint16_t which = (uint16_t)(run->first + n);
            runs_receipt(&runs, &g, which, !lost || which % lost, (uint32_t)(at / MP_US(250)));
        }
    }
    uint32_t rate = probe_feedback(&p, &g, overuse, MP_MS(40), now + MP_MS(60));
    now += MP_MS(400);
    runs_begin(&g, now);
    return rate ? rate : probe_feedback(&p, &g, false, MP_MS(40), now);
}

static void cluster_takes_15_ms_5_packets_and_3_sends(void)
{
    begin();
    CHECK_EQ(probe_next(&p), MP_NEVER);
    CHECK(want());
    CHECK_EQ(p.goal, 2000000); /* 1.2 of 1.8 Mbit/s, at most twice the estimate */
    send_cluster();
    CHECK(p.ended - p.began >= MP_MS(15));
    CHECK(p.packets >= 5);
    CHECK(p.sends >= 3);
    CHECK(padding <= 6000);
    CHECK_EQ(probe_due(&p, now + MP_S(1)), 0);
}

static void what_arrives_as_fast_is_proven(void)
{
    begin();
    want();
    send_cluster();
    uint32_t rate = answer(1, 0, false);
    CHECK(rate > 1700000 && rate <= 2000000);
    CHECK_EQ(p.good, 1);
    CHECK(want()); /* at once */
}

static void what_arrives_slower_proves_the_rate_of_arrival(void)
{
    begin();
    want();
    send_cluster();
    uint32_t rate = answer(2, 0, false);
    CHECK(rate > 800000 && rate < 1050000);
    CHECK_EQ(p.failed, 1);
}

static void arrivals_all_equal_prove_no_more_than_was_sent(void)
{
    begin();
    want();
    send_cluster();
    CHECK(answer(0, 0, false) <= 2000000);
}

static void loss_of_a_third_proves_nothing(void)
{
    begin();
    want();
    send_cluster();
    CHECK_EQ(answer(1, 3, false), 0);
    CHECK_EQ(p.failed, 1);
}

static void overuse_ends_the_probe(void)
{
    begin();
    want();
    send_cluster();
    CHECK_EQ(answer(1, 0, true), 0);
    CHECK_EQ(p.failed, 1);
    CHECK_EQ(probe_next(&p), MP_NEVER);
}

static void unanswered_probe_ends(void)
{
    begin();
    want();
    send_cluster();
    struct groups g;
    runs_begin(&g, now += MP_S(3));
    CHECK_EQ(probe_feedback(&p, &g, false, MP_MS(40), now), 0);
    CHECK_EQ(p.failed, 1);
}

static void failed_probe_is_tried_again_after_2_s(void)
{
    begin();
    want();
    mp_time first = now;
    send_cluster();
    answer(1, 3, false);
    CHECK(!want());
    now = first + MP_S(2);
    CHECK(want());
    send_cluster();
    answer(1, 3, false);
    CHECK(!want());
    p.credit = PROBE_CREDIT;
    CHECK(!want());
    probe_changed(&p, now);
    CHECK(want());
}

static void nothing_wanted_is_nothing_sent(void)
{
    begin();
    CHECK(!probe_want(&p, 1000000, 0, 2000000, now));
    CHECK(!probe_want(&p, 1000000, 900000, 2000000, now));
    CHECK(!probe_want(&p, 1000000, 1800000, 0, now)); /* the estimate allows none */
    CHECK_EQ(probe_due(&p, now), 0);
}

/* A minute of 100 kbit/s in which every probe fails. */
static void padding_is_at_most_5_percent(void)
{
    begin();
    unsigned media = 0;
    for (int i = 0; i < 1200; i++) {
        now = MP_S(1) + MP_MS(50) * i;
        send(1, 625, PROBE_MEDIA);
        media += 625;
        if (want()) {
            send_cluster();
            answer(1, 3, false);
        }
    }
    CHECK(padding > 3000);
    CHECK(padding <= PROBE_CREDIT + media / PROBE_SHARE + 2500);
    CHECK(p.failed > 4);
}

static void two_sends_are_not_a_cluster(void)
{
    begin();
    want();
    send(5, 1200, PROBE_MEDIA);
    now += MP_MS(20);
    send(5, 1200, PROBE_MEDIA);
    CHECK(!p.ended);
    now += MP_MS(5);
    send(1, 100, PROBE_MEDIA);
    CHECK(p.ended == now);
}

static void media_counts_towards_the_cluster(void)
{
    begin();
    want();
    send(10, 1200, PROBE_MEDIA);
    send_cluster();
    CHECK(padding < 100);
    CHECK(p.packets >= 10);
}

TEST_MAIN(TEST(cluster_takes_15_ms_5_packets_and_3_sends), TEST(what_arrives_as_fast_is_proven),
          TEST(what_arrives_slower_proves_the_rate_of_arrival),
          TEST(arrivals_all_equal_prove_no_more_than_was_sent), TEST(loss_of_a_third_proves_nothing),
          TEST(overuse_ends_the_probe), TEST(unanswered_probe_ends),
          TEST(failed_probe_is_tried_again_after_2_s), TEST(nothing_wanted_is_nothing_sent),
          TEST(padding_is_at_most_5_percent), TEST(two_sends_are_not_a_cluster),
          TEST(media_counts_towards_the_cluster))
