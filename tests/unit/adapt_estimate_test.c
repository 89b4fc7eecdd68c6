#include "adapt/estimate.h"
#include "tests/unit/test.h"

static struct estimate e;
static mp_time now;
static uint16_t number;

static void begin(void)
{
    now = MP_S(1);
    number = 7;
    estimate_begin(&e, 10000000);
}

/* 20 ms of `bps` in packets of at most 1250 bytes. */
static void send(unsigned bps)
{
    unsigned bytes = bps / 8 / 50, count = bytes / 1250 + 1;
    uint16_t size = (uint16_t)(bytes / count);
    estimate_sent(&e, number, count, size, size, 0, now);
    number = (uint16_t)(number + count);
}

static void answer(uint16_t from, bool received)
{
    struct groups g;
    runs_begin(&g, now);
    for (uint16_t n = from; n != number; n++)
        runs_receipt(&e.runs, &g, n, received, (uint32_t)(now / MP_US(250)));
    estimate_feedback(&e, &g, MP_MS(50), now);
}

static void pass(int ms, unsigned bps, bool answered)
{
    for (int i = 0; i < ms; i += 20) {
        uint16_t from = number;
        send(bps);
        now += MP_MS(20);
        if (answered)
            answer(from, true);
        if (now % MP_GRID < MP_MS(20))
            estimate_tick(&e, now);
    }
}

static void begins_at_1_mbit(void)
{
    begin();
    CHECK_EQ(e.result.bps, 1000000);
    CHECK_EQ(e.result.cause, ESTIMATE_START);
    CHECK(!estimate_tick(&e, now));
    estimate_begin(&e, 300000);
    CHECK_EQ(e.result.bps, 300000);
}

static void clean_line_rises_and_says_so(void)
{
    begin();
    pass(3000, 1000000, true);
    CHECK(e.result.bps > 1080000);
    CHECK(e.result.rising);
    CHECK_EQ(e.result.cause, ESTIMATE_RISES);
    CHECK(e.result.acked_bps > 900000 && e.result.acked_bps < 1100000);
}

static void changes_of_less_than_3_and_8_percent_are_not_published(void)
{
    begin();
    e.aimd.bps = 1079000;
    CHECK(!estimate_tick(&e, now));
    e.aimd.bps = 1081000;
    CHECK(estimate_tick(&e, now));
    e.aimd.bps = 1050000;
    CHECK(!estimate_tick(&e, now));
    e.aimd.bps = 1048000;
    CHECK(estimate_tick(&e, now));
    CHECK_EQ(e.result.bps, 1048000);
}

/* It does not wait for 8 % a second. */
static void line_that_carried_more_without_a_queue_bears_it(void)
{
    begin();
    pass(1000, 3000000, true);
    CHECK(e.result.bps > 2800000);
}

static void silence_falls_to_what_was_acknowledged_and_ends_at_0_85(void)
{
    begin();
    pass(3000, 400000, true);
    uint32_t before = e.result.bps;
    CHECK(before >= 900000);
    pass(500, 400000, false);
    CHECK_EQ(e.result.bps, before);
    pass(300, 400000, false);
    CHECK_EQ(e.result.cause, ESTIMATE_SILENCE);
    CHECK(e.result.bps < before);
    CHECK_EQ(estimate_probe_most(&e, now), 0);
    pass(5000, 400000, false);
    CHECK(e.result.bps >= 350000 && e.result.bps <= 420000);
    pass(100, 400000, true);
    CHECK(e.result.bps >= 0.84 * before && e.result.bps <= 0.87 * before);
    CHECK(estimate_probe_most(&e, now) > e.result.bps); /* a probe may verify it */
}

static void viewer_that_is_sent_nothing_is_not_silent(void)
{
    begin();
    pass(2000, 400000, true);
    now += MP_S(60);
    uint32_t before = e.result.bps;
    estimate_tick(&e, now);
    CHECK_EQ(e.result.bps, before);
}

static void statuses_of_what_was_not_sent_do_not_end_a_silence(void)
{
    begin();
    pass(2000, 400000, true);
    pass(2000, 400000, false);
    CHECK_EQ(e.result.cause, ESTIMATE_SILENCE);
    struct groups g;
    runs_begin(&g, now);
    for (uint16_t n = 1; n < 1000; n++)
        runs_receipt(&e.runs, &g, (uint16_t)(number + n), true, n);
    estimate_feedback(&e, &g, MP_MS(50), now);
    estimate_tick(&e, now += MP_GRID);
    CHECK_EQ(e.result.cause, ESTIMATE_SILENCE);
}

static void remb_bounds_where_there_is_no_feedback(void)
{
    begin();
    pass(2000, 800000, false);
    estimate_remb(&e, 600000);
    CHECK(estimate_tick(&e, now));
    CHECK_EQ(e.result.bps, 600000);
    CHECK_EQ(e.result.cause, ESTIMATE_REMB);
    estimate_remb(&e, 0);
    estimate_tick(&e, now);
    CHECK_EQ(e.result.bps, ESTIMATE_LEAST);
    estimate_remb(&e, 1ull << 63);
    estimate_tick(&e, now);
    CHECK(e.result.bps > 1200000 && e.result.bps <= 1700000); /* twice what was sent */
}

static void remb_is_ignored_where_there_is_feedback(void)
{
    begin();
    pass(2000, 800000, true);
    uint32_t before = e.result.bps;
    estimate_remb(&e, 0);
    estimate_report(&e, 255, MP_MS(50), now);
    estimate_tick(&e, now);
    CHECK(e.result.bps >= before);
}

static void reports_of_loss_halve_where_there_is_no_feedback(void)
{
    begin();
    pass(2000, 900000, false);
    estimate_report(&e, 13, MP_MS(50), now); /* 5 % */
    estimate_tick(&e, now);
    CHECK_EQ(e.result.bps, 1000000);
    estimate_report(&e, 128, MP_MS(50), now);
    estimate_report(&e, 128, MP_MS(50), now); /* told twice at once, falls once */
    estimate_tick(&e, now);
    CHECK_EQ(e.result.bps, 750000);
    CHECK_EQ(e.result.cause, ESTIMATE_LOSS);
    for (int i = 0; i < 1000; i++)
        estimate_report(&e, 255, MP_MS(50), now += MP_S(1));
    estimate_tick(&e, now);
    CHECK_EQ(e.result.bps, ESTIMATE_LEAST);
}

static void look(unsigned queued, unsigned drained_bps)
{
    pass(60, drained_bps, true); /* its feedback counts for nothing */
    estimate_queue(&e, queued, drained_bps / 8 / 50 * 3, now);
    estimate_tick(&e, now);
}

static void our_queue_is_the_signal_of_a_tcp_link(void)
{
    begin();
    look(0, 600000);
    look(5000, 600000); /* 67 ms */
    CHECK_EQ(e.result.bps, 1000000);
    look(20000, 600000); /* 267 ms */
    CHECK_EQ(e.result.cause, ESTIMATE_QUEUE);
    CHECK(e.result.bps > 500000 && e.result.bps < 520000);
    look(40000, 600000); /* 533 ms */
    CHECK_EQ(e.result.cause, ESTIMATE_BACKLOG);
    uint32_t before = e.result.bps;
    for (int i = 0; i < 60; i++)
        look(0, 500000);
    CHECK(e.result.bps > before);
    CHECK(e.result.bps <= 1.5 * 500000 + 70000);
    CHECK(e.result.rising);
}

static void tcp_client_that_reads_nothing_gets_the_least(void)
{
    begin();
    for (int i = 0; i < 600; i++)
        look(200000, 0);
    CHECK_EQ(e.result.bps, ESTIMATE_LEAST);
    CHECK_EQ(e.result.cause, ESTIMATE_BACKLOG);
}

static void everything_lost_falls(void)
{
    begin();
    pass(2000, 800000, true);
    for (int i = 0; i < 250; i++) {
        uint16_t from = number;
        send(800000);
        answer(from, false);
        now += MP_MS(20);
        if (i % 3 == 0)
            estimate_tick(&e, now);
    }
    CHECK(e.result.bps < 500000);
    CHECK_EQ(e.result.cause, ESTIMATE_LOSS);
}

/* --- bounds, to the nanosecond and the byte --- */

static const struct groups one_arrived = {.list = {{.arrived = 1}}, .count = 1};

/* Each packet waits so long on the line. */
static void stand(mp_time delay)
{
    e.standing = (struct standing){.heard = true, .least = {delay, MP_NEVER}, .base = {0, MP_NEVER}};
}

static void report_after(uint8_t fraction_lost, mp_time rtt, mp_time after)
{
    estimate_report(&e, fraction_lost, rtt, now += after);
}

static void loss_of_2_to_10_percent_changes_nothing(void)
{
    begin();
    e.sent_bps = 1000000;
    report_after(5, MP_MS(50), 0);
    report_after(26, MP_MS(50), MP_MS(1));
    CHECK(e.aimd.bps == 1000000);
    report_after(27, MP_MS(50), MP_MS(1));
    CHECK(e.aimd.bps == 1000000 * (1 - 27 / 512.0));
    CHECK_EQ(e.cause, ESTIMATE_LOSS);
    CHECK_EQ(e.aimd.updated, now);
    double before = e.aimd.bps;
    report_after(4, MP_MS(50), MP_MS(500));
    CHECK(e.aimd.bps == 1000000); /* it carries what was sent */
    CHECK(before < e.aimd.bps);
    CHECK_EQ(e.cause, ESTIMATE_RISES);
}

static void report_raises_8_percent_a_second(void)
{
    begin();
    e.sent_bps = 700000;
    report_after(0, MP_MS(50), 0); /* the first one: a second */
    CHECK(e.aimd.bps > 1079999 && e.aimd.bps < 1080001);
    report_after(0, MP_MS(50), MP_MS(500)); /* above 1.5 of what is sent */
    CHECK(e.aimd.bps > 1079999 && e.aimd.bps < 1080001);
    e.aimd.bps = 1000000;
    report_after(0, MP_MS(50), MP_MS(500));
    CHECK(e.aimd.bps > 1039999 && e.aimd.bps < 1040001);
    e.aimd.bps = 1000000;
    report_after(0, MP_MS(50), MP_S(60));
    CHECK(e.aimd.bps > 1079999 && e.aimd.bps < 1080001);
}

static void reports_fall_once_in_300_ms_and_a_round_trip(void)
{
    static const struct {
        mp_time rtt, gap;
    } of[] = {{MP_MS(50), MP_MS(350)}, {0, MP_MS(400)}, {1, MP_MS(300) + 1}, {MP_S(3), MP_MS(2300)}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        begin();
        report_after(128, of[i].rtt, 0);
        report_after(128, of[i].rtt, of[i].gap - 1);
        CHECK(e.aimd.bps == 750000);
        report_after(128, of[i].rtt, 1);
        CHECK(e.aimd.bps == 562500);
    }
}

static void silence_begins_after_500_ms_and_a_round_trip_and_falls_each_200_ms(void)
{
    begin();
    e.heard = now;
    e.unanswered = now;
    estimate_tick(&e, now += MP_MS(600) - 1); /* the round trip is not known: 100 ms */
    CHECK(e.cause != ESTIMATE_SILENCE);
    estimate_tick(&e, now += 1);
    CHECK_EQ(e.cause, ESTIMATE_SILENCE);
    CHECK(e.aimd.bps == 800000);
    estimate_tick(&e, now += MP_MS(200) - 1);
    CHECK(e.aimd.bps == 800000);
    estimate_tick(&e, now += 1);
    CHECK(e.aimd.bps == 640000);
    estimate_tick(&e, now += MP_MS(400));
    CHECK(e.aimd.bps > 409599 && e.aimd.bps < 409601);
    estimate_tick(&e, now += MP_S(60));
    CHECK(e.aimd.bps == ESTIMATE_LEAST);
    CHECK_EQ(e.result.cause, ESTIMATE_SILENCE);
}

static void client_that_was_never_heard_or_has_our_queue_is_not_silent(void)
{
    begin();
    e.unanswered = now;
    estimate_tick(&e, now + MP_S(10));
    CHECK_EQ(e.cause, ESTIMATE_START);
    e.heard = now;
    e.own_queue = true;
    estimate_tick(&e, now + MP_S(10));
    CHECK_EQ(e.cause, ESTIMATE_START);
}

static void acknowledged_rate_is_void_after_500_ms_and_a_round_trip(void)
{
    begin();
    pass(3000, 1000000, true);
    e.result.bps = 1;
    CHECK(estimate_tick(&e, e.arrived + MP_MS(550) - 1));
    CHECK(e.result.acked_bps > 900000);
    e.result.bps = 1;
    CHECK(estimate_tick(&e, e.arrived + MP_MS(550)));
    CHECK_EQ(e.result.acked_bps, 0);
}

static void overuse_is_a_queue_that_grew_in_the_last_600_ms(void)
{
    begin();
    e.over_at = now;
    CHECK(!estimate_overuse(&e, now));
    stand(MP_MS(10));
    CHECK(!estimate_overuse(&e, now));
    stand(MP_MS(10) + 1);
    CHECK(estimate_overuse(&e, now + MP_MS(600) - 1));
    CHECK(!estimate_overuse(&e, now + MP_MS(600)));
    e.over_at = 0;
    CHECK(!estimate_overuse(&e, MP_MS(1)));
}

/* Sends and answers once; the rate fell so long before the answer. */
static void answer_after_a_fall(mp_time fell)
{
    begin();
    pass(1000, 800000, true);
    uint16_t from = number;
    send(800000);
    now += MP_MS(20);
    e.aimd.bps = 500000;
    e.aimd.decreased = now - fell;
    answer(from, true);
}

static void what_is_carried_counts_1500_ms_after_a_fall(void)
{
    answer_after_a_fall(MP_MS(1500) - 1);
    CHECK(e.aimd.bps < 520000);
    answer_after_a_fall(MP_MS(1500));
    CHECK(e.aimd.bps > 700000);
}

static void fall_is_the_cause_for_a_second(void)
{
    answer_after_a_fall(MP_S(1) - 1);
    CHECK_EQ(e.cause, ESTIMATE_DELAY);
    answer_after_a_fall(MP_S(1));
    CHECK_EQ(e.cause, ESTIMATE_RISES);
}

static void remb_of_up_to_twice_what_is_sent_counts(void)
{
    begin();
    e.sent_bps = 100000;
    estimate_remb(&e, 300000);
    CHECK(e.remb == 200000);
    estimate_remb(&e, 150000);
    CHECK(e.remb == 150000 && e.aimd.bps == 1000000);
    e.sent_bps = ESTIMATE_LEAST / 2; /* so little tells nothing */
    estimate_remb(&e, 5000000);
    CHECK(e.remb == 5000000 && e.aimd.bps == 5000000);
    e.sent_bps = ESTIMATE_LEAST / 2 + 1;
    estimate_remb(&e, 5000000);
    CHECK(e.remb == ESTIMATE_LEAST + 2);
}

/* So many bytes wait, and 800 kbit/s left in the last 100 ms. */
static void queue_of(uint32_t queued)
{
    e.own_queue = true;
    e.queue_at = now - MP_MS(100);
    estimate_queue(&e, queued, 10000, now);
}

static void queue_of_150_ms_is_over_and_of_400_ms_a_backlog(void)
{
    begin();
    queue_of(15000);
    CHECK(e.aimd.bps == 1000000 && e.cause == ESTIMATE_START);
    queue_of(15001);
    CHECK(e.aimd.bps == 680000 && e.cause == ESTIMATE_QUEUE);
    CHECK_EQ(e.aimd.decreased, now);
    now += MP_MS(300) - 1;
    queue_of(40000);
    CHECK(e.aimd.bps == 680000 && e.cause == ESTIMATE_QUEUE);
    e.aimd.bps = 500000;
    now += 1;
    queue_of(40001);
    CHECK(e.aimd.bps == 425000 && e.cause == ESTIMATE_BACKLOG);
}

static void queue_that_stands_still_is_measured_by_the_estimate(void)
{
    begin();
    e.own_queue = true;
    e.queue_at = now - MP_MS(100);
    estimate_queue(&e, 18750, 375, now); /* 30 kbit/s, which is not above the least; 150 ms of 1 Mbit/s */
    CHECK_EQ(e.cause, ESTIMATE_START);
    estimate_queue(&e, 50000, 0, now); /* no time has passed */
    CHECK_EQ(e.cause, ESTIMATE_START);
    estimate_queue(&e, 18751, 0, now += MP_MS(100));
    CHECK_EQ(e.cause, ESTIMATE_QUEUE);
}

static void first_look_at_a_queue_says_nothing(void)
{
    begin();
    estimate_queue(&e, 100000, 10000, now);
    CHECK(e.own_queue && e.cause == ESTIMATE_START && e.queue_at == now);
}

static void empty_queue_raises_up_to_1_5_of_what_is_sent(void)
{
    begin();
    e.sent_bps = 660000; /* 1.5 of it and 10,000 are 1 Mbit/s */
    queue_of(0);
    CHECK(e.aimd.bps == 1000000 && e.cause == ESTIMATE_RISES);
    e.aimd.bps = 999999.5;
    queue_of(0);
    CHECK(e.aimd.bps > 1007999 && e.aimd.bps < 1008000);
    e.sent_bps = 1000000;
    e.aimd.bps = 1000000;
    e.queue_at = now - MP_S(60); /* counts as a second */
    estimate_queue(&e, 0, 10000, now);
    CHECK(e.aimd.bps > 1079999 && e.aimd.bps < 1080001);
}

static void probe_raises_and_never_lowers(void)
{
    begin();
    e.loss.bps = 700000;
    estimate_probed(&e, 900000);
    CHECK(e.aimd.bps == 1000000 && e.loss.bps == 900000);
    estimate_probed(&e, 1100000);
    CHECK(e.aimd.bps == 1100000 && e.loss.bps == 1100000);
    estimate_probed(&e, 20000000);
    CHECK(e.aimd.bps == 10000000);
}

static void rate_of_sending_is_a_mean_of_a_second(void)
{
    begin();
    estimate_tick(&e, now);
    estimate_sent(&e, 7, 3, 5000, 1250, 0, now);
    CHECK_EQ(e.unanswered, now);
    estimate_sent(&e, 10, 0, 5000, 1250, 0, now);
    CHECK_EQ(e.sent_bytes, 11250);
    estimate_sent_unnumbered(&e, 1250);
    estimate_tick(&e, now += MP_MS(100)); /* 1 Mbit/s */
    CHECK(e.sent_bps > 99999 && e.sent_bps < 100001);
    CHECK_EQ(e.sent_bytes, 0);
    estimate_tick(&e, now); /* no time has passed */
    CHECK(e.sent_bps > 99999 && e.sent_bps < 100001);
    estimate_sent_unnumbered(&e, 250000);
    estimate_tick(&e, now += MP_S(2));
    CHECK(e.sent_bps > 999999 && e.sent_bps < 1000001);
}

static void loss_and_remb_bound_what_they_may(void)
{
    begin();
    e.loss.bps = 500000;
    e.remb = 600000;
    estimate_tick(&e, now);
    CHECK(e.result.bps == 600000 && e.result.cause == ESTIMATE_REMB);
    e.heard = now;
    estimate_tick(&e, now);
    CHECK(e.result.bps == 500000 && e.result.cause == ESTIMATE_START);
    e.own_queue = true;
    estimate_tick(&e, now);
    CHECK_EQ(e.result.bps, 1000000);
    e.heard = 0;
    e.result.bps = 1;
    estimate_tick(&e, now);
    CHECK(e.result.bps == 1000000 && e.result.cause == ESTIMATE_START);
}

static void published_are_large_changes_the_most_and_the_ends_of_causes(void)
{
    begin();
    e.aimd.bps = 970001;
    CHECK(!estimate_tick(&e, now));
    e.aimd.bps = 970000;
    CHECK(estimate_tick(&e, now));
    e.result.bps = 1000000;
    e.aimd.bps = 1080000;
    CHECK(estimate_tick(&e, now));
    e.aimd.bps = e.aimd.most = 1090000;
    CHECK(estimate_tick(&e, now));
    CHECK(!estimate_tick(&e, now)); /* it is the most, but not more than before */
    static const enum estimate_cause ends[] = {ESTIMATE_BACKLOG, ESTIMATE_SILENCE};
    for (int i = 0; i < 2; i++) {
        e.cause = ends[i];
        CHECK(estimate_tick(&e, now));
        CHECK(!estimate_tick(&e, now));
        CHECK(!e.result.rising);
        e.cause = ESTIMATE_RISES;
        CHECK(estimate_tick(&e, now));
        CHECK(e.result.rising);
    }
    e.cause = ESTIMATE_DELAY;
    CHECK(!estimate_tick(&e, now));
}

static void probe_may_have_twice_the_estimate(void)
{
    begin();
    CHECK_EQ(estimate_probe_most(&e, now), 0); /* nothing was heard */
    e.heard = now;
    CHECK_EQ(estimate_probe_most(&e, now), 2000000);
    e.aimd.decreased = now;
    CHECK_EQ(estimate_probe_most(&e, now + MP_MS(800) - 1), 0);
    CHECK_EQ(estimate_probe_most(&e, now + MP_MS(800)), 2000000);
    e.aimd.decreased = 0;
    e.cause = ESTIMATE_LOSS;
    CHECK_EQ(estimate_probe_most(&e, now), 1500000);
    static const enum estimate_cause none[] = {ESTIMATE_BACKLOG, ESTIMATE_SILENCE, ESTIMATE_QUEUE};
    for (int i = 0; i < 3; i++) {
        e.cause = none[i];
        CHECK_EQ(estimate_probe_most(&e, now), 0);
    }
    e.cause = ESTIMATE_RISES;
    stand(MP_MS(50));
    e.arrived = now;
    CHECK_EQ(estimate_probe_most(&e, now), 0);
    CHECK_EQ(estimate_probe_most(&e, now + MP_S(1) - 1), 0);
    CHECK_EQ(estimate_probe_most(&e, now + MP_S(1)), 2000000); /* no packet keeps the queue up */
    e.own_queue = true;
    CHECK_EQ(estimate_probe_most(&e, now), 2000000);
    e.heard = 0;
    CHECK_EQ(estimate_probe_most(&e, now), 2000000);
}

static void most_below_the_least_is_the_least(void)
{
    estimate_begin(&e, 20000);
    CHECK_EQ(e.result.bps, 20000);
    CHECK(estimate_tick(&e, now));
    CHECK_EQ(e.result.bps, ESTIMATE_LEAST);
}

static void feedback_without_a_status_says_nothing(void)
{
    struct groups g = {.list = {{.flags = RUN_RTX}}, .count = 1};
    begin();
    e.unanswered = now - 1;
    estimate_feedback(&e, &g, MP_MS(50), now);
    CHECK(!e.heard && e.unanswered && e.rtt == MP_MS(50));
    g.list[0].lost = 1;
    estimate_feedback(&e, &g, MP_MS(50), now);
    CHECK(e.heard == now && !e.unanswered && !e.arrived);
    estimate_feedback(&e, &one_arrived, MP_MS(50), now += 1);
    CHECK(e.heard == now && e.arrived == now);
    CHECK_EQ(e.cause, ESTIMATE_RISES);
}

TEST_MAIN(TEST(begins_at_1_mbit), TEST(clean_line_rises_and_says_so),
          TEST(changes_of_less_than_3_and_8_percent_are_not_published),
          TEST(line_that_carried_more_without_a_queue_bears_it),
          TEST(silence_falls_to_what_was_acknowledged_and_ends_at_0_85),
          TEST(viewer_that_is_sent_nothing_is_not_silent),
          TEST(statuses_of_what_was_not_sent_do_not_end_a_silence),
          TEST(remb_bounds_where_there_is_no_feedback), TEST(remb_is_ignored_where_there_is_feedback),
          TEST(reports_of_loss_halve_where_there_is_no_feedback), TEST(our_queue_is_the_signal_of_a_tcp_link),
          TEST(tcp_client_that_reads_nothing_gets_the_least), TEST(everything_lost_falls),
          TEST(loss_of_2_to_10_percent_changes_nothing), TEST(report_raises_8_percent_a_second),
          TEST(reports_fall_once_in_300_ms_and_a_round_trip),
          TEST(silence_begins_after_500_ms_and_a_round_trip_and_falls_each_200_ms),
          TEST(client_that_was_never_heard_or_has_our_queue_is_not_silent),
          TEST(acknowledged_rate_is_void_after_500_ms_and_a_round_trip),
          TEST(overuse_is_a_queue_that_grew_in_the_last_600_ms),
          TEST(what_is_carried_counts_1500_ms_after_a_fall), TEST(fall_is_the_cause_for_a_second),
          TEST(remb_of_up_to_twice_what_is_sent_counts),
          TEST(queue_of_150_ms_is_over_and_of_400_ms_a_backlog),
          TEST(queue_that_stands_still_is_measured_by_the_estimate), TEST(first_look_at_a_queue_says_nothing),
          TEST(empty_queue_raises_up_to_1_5_of_what_is_sent), TEST(probe_raises_and_never_lowers),
          TEST(rate_of_sending_is_a_mean_of_a_second), TEST(loss_and_remb_bound_what_they_may),
          TEST(published_are_large_changes_the_most_and_the_ends_of_causes),
          TEST(probe_may_have_twice_the_estimate), TEST(most_below_the_least_is_the_least),
          TEST(feedback_without_a_status_says_nothing))
