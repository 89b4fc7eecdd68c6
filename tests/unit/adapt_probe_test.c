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

/* --- bounds --- */

static void want_of(uint32_t estimate, uint32_t step, uint32_t most, uint32_t goal, uint32_t least)
{
    begin();
    CHECK_EQ(probe_want(&p, estimate, step, most, now), goal != 0);
    CHECK_EQ(p.goal, goal);
    CHECK_EQ(p.least, least);
}

static void goal_is_above_the_step_and_the_estimate_and_the_cluster_has_15_ms_of_it(void)
{
    want_of(1000000, 1800000, 5000000, 2160000, 4050);
    want_of(1000000, 1000001, 5000000, 1200001, 3000);
    want_of(500000, 500001, 5000000, 700000, 3000);
    want_of(500000, 500001, 650000, 650000, 3000);
    want_of(1500000, 1500001, 5000000, 1800001, 3375);
    want_of(1000000, 1000000, 5000000, 0, 0); /* the estimate allows the step */
    want_of(1000000, 1000001, 1099999, 0, 0); /* less than a tenth above tells nothing */
    want_of(1000000, 1000001, 1100000, 1100000, 3000);
}

static void cluster_needs_its_credit(void)
{
    begin();
    p.credit = 3749;
    CHECK(!want());
    p.credit = 3750;
    p.shares = 3;
    p.good = 4;
    p.failed = 5;
    CHECK(want());
    CHECK(p.credit == 3750 && p.shares == 3 && p.good == 4 && p.failed == 5);
    begin();
    p.credit = 2999;
    CHECK(!probe_want(&p, 500000, 500001, 650000, now));
    p.credit = 3000;
    CHECK(probe_want(&p, 500000, 500001, 650000, now));
    CHECK(!probe_want(&p, 500000, 500001, 650000, now + MP_S(9))); /* one is on */
}

static void next_cluster_begins_1800_ms_later(void)
{
    begin();
    CHECK(want());
    p.began = 0;
    now += MP_MS(1800) - 1;
    CHECK(!want());
    probe_changed(&p, now + 1);
    CHECK(!want());
    now += 1;
    CHECK(want());
}

static void due_is_the_goal_of_the_time_that_passed_and_5_ms(void)
{
    begin();
    CHECK(want()); /* 2 Mbit/s */
    CHECK_EQ(probe_next(&p), now);
    CHECK_EQ(probe_due(&p, now - 1), 0);
    CHECK_EQ(probe_due(&p, now), 1250);
    p.bytes = 1249;
    CHECK_EQ(probe_due(&p, now), 1);
    p.bytes = 1250;
    CHECK_EQ(probe_due(&p, now), 1);
    p.bytes = 9999;
    CHECK_EQ(probe_due(&p, now), 1);
    p.bytes = 0;
    CHECK_EQ(probe_due(&p, now + MP_S(1)), 251250);
    CHECK_EQ(probe_due(&p, now + MP_S(60)), 251250);
    CHECK(probe_sent(&p, PROBE_PADDING, 1, 1250, now + 3));
    CHECK_EQ(p.began, now + 3); /* with its first packet */
    CHECK_EQ(probe_next(&p), now + 3 + MP_MS(5));
    CHECK_EQ(probe_due(&p, now + 3 + MP_MS(5) - 1), 0);
    CHECK_EQ(probe_due(&p, now + 3 + MP_MS(5)), 1250);
}

/* A packet of 10 bytes is sent; before it there were so many. */
static bool ends(uint32_t bytes, uint32_t packets, uint32_t sends, mp_time lasted)
{
    begin();
    CHECK(want());
    p.bytes = bytes;
    p.packets = packets;
    p.sends = sends;
    p.began = now;
    p.last_send = now + lasted - 1;
    CHECK(probe_sent(&p, PROBE_MEDIA, 1, 10, now + lasted));
    return p.ended == now + lasted;
}

static void cluster_ends_with_the_least_of_everything(void)
{
    CHECK(ends(3740, 4, 2, MP_MS(15)));
    CHECK(!ends(3739, 4, 2, MP_MS(15)));
    CHECK(!ends(3740, 3, 2, MP_MS(15)));
    CHECK(!ends(3740, 4, 1, MP_MS(15)));
    CHECK(!ends(3740, 4, 2, MP_MS(15) - 1));
}

static void packets_of_one_time_are_one_send(void)
{
    begin();
    CHECK(!probe_sent(&p, PROBE_MEDIA, 1, 10, now)); /* no cluster is on */
    CHECK_EQ(p.sends, 0);
    CHECK(want());
    CHECK(probe_sent(&p, PROBE_MEDIA, 2, 100, now));
    CHECK(probe_sent(&p, PROBE_MEDIA, 1, 50, now));
    CHECK(p.sends == 1 && p.packets == 3 && p.bytes == 150 && p.last_bytes == 150);
    CHECK(probe_sent(&p, PROBE_MEDIA, 1, 7, now + 1));
    CHECK(p.sends == 2 && p.packets == 4 && p.bytes == 157 && p.last_bytes == 7);
}

static void media_earns_a_20th_and_padding_spends(void)
{
    begin();
    p.credit = 0;
    probe_sent(&p, PROBE_MEDIA, 1, 39, now);
    CHECK(p.credit == 1 && p.shares == 19);
    probe_sent(&p, PROBE_MEDIA, 1, 1, now);
    CHECK(p.credit == 2 && p.shares == 0);
    probe_sent(&p, PROBE_MEDIA, 1, 2000000, now); /* counts as a million */
    CHECK(p.credit == 50002 && p.shares == 0);
    probe_sent(&p, PROBE_MEDIA, 1, 1000000, now);
    CHECK_EQ(p.credit, 60000);
    p.credit = 10;
    probe_sent(&p, PROBE_PADDING, 1, 25, now);
    CHECK_EQ(p.credit, -15);
    probe_sent(&p, PROBE_PADDING, 1, 70000, now);
    CHECK_EQ(p.credit, -60000);
    p.credit = 60000;
    probe_sent(&p, PROBE_PADDING, 1, 70000, now);
    CHECK_EQ(p.credit, 0);
}

/* 10 packets of 1000 bytes were sent in 20 ms, the last one at the end. */
static void sent_cluster(void)
{
    begin();
    p = (struct probe){.began = now,
                       .ended = now + MP_MS(20),
                       .next = now + MP_S(5),
                       .goal = 2000000,
                       .packets = 10,
                       .bytes = 10000,
                       .last_bytes = 1000};
}

/* The first packet arrives at 1 s, the others 40 ms later. */
static struct groups arrived(uint8_t others, uint32_t bytes)
{
    return (struct groups){
        .list = {{.sent = p.began, .arrival = 4000, .bytes = 1000, .arrived = 1, .flags = RUN_PROBE},
                 {.sent = p.began + MP_MS(20),
                  .arrival = 4160,
                  .bytes = bytes,
                  .arrived = others,
                  .flags = RUN_PROBE}},
        .count = 2};
}

static uint32_t told(const struct groups *g)
{
    return probe_feedback(&p, g, false, MP_MS(40), p.ended + MP_S(1));
}

static void lower_rate_of_sending_and_arrival_is_proven_to_95_percent(void)
{
    sent_cluster(); /* 3.6 Mbit/s; 1.8 arrive */
    struct groups g = arrived(9, 9000);
    CHECK_EQ(told(&g), 1710000);
    CHECK(p.good == 1 && p.failed == 0 && !p.began && !p.ended);
    sent_cluster();
    g.list[1].arrival = 4040; /* 7.2 arrive */
    CHECK_EQ(told(&g), 3420000);
    sent_cluster();
    g.list[1].arrival = 4000; /* all at once */
    CHECK_EQ(told(&g), 3420000);
}

static void order_of_arrival_is_not_that_of_the_list(void)
{
    sent_cluster();
    struct groups g = arrived(8, 8000);
    g.list[g.count++] =
        (struct group){.sent = p.began, .arrival = 3999, .bytes = 1000, .arrived = 1, .flags = RUN_PROBE};
    CHECK_EQ(told(&g), (uint32_t)(0.95 * 9000 * 8e9 / (161 * 250000)));
    sent_cluster();
    g.list[2].arrival = 4161;
    CHECK_EQ(told(&g), (uint32_t)(0.95 * 9000 * 8e9 / (161 * 250000)));
}

static void four_of_five_packets_and_bytes_are_enough(void)
{
    sent_cluster();
    struct groups g = arrived(7, 7000);
    CHECK(told(&g) > 0);
    sent_cluster();
    g = arrived(6, 7000);
    CHECK_EQ(told(&g), 0);
    CHECK_EQ(p.failed, 1);
    CHECK_EQ(p.next, now + MP_S(5));
    sent_cluster();
    g = arrived(7, 6999);
    CHECK_EQ(told(&g), 0);
}

static void only_packets_of_the_cluster_count(void)
{
    sent_cluster();
    struct groups g = arrived(9, 9000);
    g.list[1].flags = RUN_RTX;
    CHECK_EQ(told(&g), 0);
    sent_cluster();
    g = arrived(9, 9000);
    g.list[1].sent = p.began - MP_US(4); /* times have steps of 4 us */
    CHECK(told(&g) > 0);
    sent_cluster();
    g.list[1].sent -= 1;
    CHECK_EQ(told(&g), 0);
    sent_cluster();
    g = arrived(9, 9000);
    g.list[0].arrived = 0;
    g.list[0].arrival = 0;
    CHECK_EQ(told(&g), 3420000); /* of one group no rate of arrival is known */
}

static void feedback_ends_the_probe_when_all_or_enough_time_is_told(void)
{
    static const struct groups none;
    sent_cluster();
    struct groups g = arrived(8, 8000);
    CHECK_EQ(probe_feedback(&p, &g, false, MP_MS(40), p.ended + MP_MS(290)), 0);
    CHECK(p.began);
    CHECK(probe_feedback(&p, &none, false, MP_MS(40), p.ended + MP_MS(290) + 1) > 0);
    sent_cluster();
    g = arrived(9, 9000);
    CHECK(probe_feedback(&p, &g, false, MP_MS(40), p.ended) > 0);
    CHECK_EQ(p.next, now + MP_MS(20) + MP_MS(100));
    sent_cluster();
    p.ended = 0;
    CHECK_EQ(probe_feedback(&p, &g, false, MP_MS(40), now + MP_S(2)), 0);
    CHECK(p.began && p.failed == 0);
    CHECK_EQ(probe_feedback(&p, &g, false, MP_MS(40), now + MP_S(2) + 1), 0);
    CHECK(!p.began && p.failed == 1);
    CHECK_EQ(probe_feedback(&p, &g, false, MP_MS(40), now + MP_S(9)), 0);
    CHECK_EQ(p.failed, 1);
}

static void cancelled_probe_failed_and_padding_is_no_longer_due(void)
{
    begin();
    CHECK(want());
    probe_cancel(&p, now);
    CHECK(!p.began && p.failed == 1 && p.good == 0);
    CHECK_EQ(probe_next(&p), MP_NEVER);
    CHECK_EQ(probe_due(&p, now), 0);
    CHECK_EQ(p.next, now + PROBE_GAP);
    probe_cancel(&p, now);
    CHECK_EQ(p.failed, 1);
}

TEST_MAIN(TEST(cluster_takes_15_ms_5_packets_and_3_sends), TEST(what_arrives_as_fast_is_proven),
          TEST(what_arrives_slower_proves_the_rate_of_arrival),
          TEST(arrivals_all_equal_prove_no_more_than_was_sent), TEST(loss_of_a_third_proves_nothing),
          TEST(overuse_ends_the_probe), TEST(unanswered_probe_ends),
          TEST(failed_probe_is_tried_again_after_2_s), TEST(nothing_wanted_is_nothing_sent),
          TEST(padding_is_at_most_5_percent), TEST(two_sends_are_not_a_cluster),
          TEST(media_counts_towards_the_cluster),
          TEST(goal_is_above_the_step_and_the_estimate_and_the_cluster_has_15_ms_of_it),
          TEST(cluster_needs_its_credit), TEST(next_cluster_begins_1800_ms_later),
          TEST(due_is_the_goal_of_the_time_that_passed_and_5_ms),
          TEST(cluster_ends_with_the_least_of_everything), TEST(packets_of_one_time_are_one_send),
          TEST(media_earns_a_20th_and_padding_spends),
          TEST(lower_rate_of_sending_and_arrival_is_proven_to_95_percent),
          TEST(order_of_arrival_is_not_that_of_the_list), TEST(four_of_five_packets_and_bytes_are_enough),
          TEST(only_packets_of_the_cluster_count),
          TEST(feedback_ends_the_probe_when_all_or_enough_time_is_told),
          TEST(cancelled_probe_failed_and_padding_is_no_longer_due))
