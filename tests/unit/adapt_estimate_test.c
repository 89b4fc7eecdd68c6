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

TEST_MAIN(TEST(begins_at_1_mbit), TEST(clean_line_rises_and_says_so),
          TEST(changes_of_less_than_3_and_8_percent_are_not_published),
          TEST(line_that_carried_more_without_a_queue_bears_it),
          TEST(silence_falls_to_what_was_acknowledged_and_ends_at_0_85),
          TEST(viewer_that_is_sent_nothing_is_not_silent),
          TEST(statuses_of_what_was_not_sent_do_not_end_a_silence),
          TEST(remb_bounds_where_there_is_no_feedback), TEST(remb_is_ignored_where_there_is_feedback),
          TEST(reports_of_loss_halve_where_there_is_no_feedback), TEST(our_queue_is_the_signal_of_a_tcp_link),
          TEST(tcp_client_that_reads_nothing_gets_the_least), TEST(everything_lost_falls))
