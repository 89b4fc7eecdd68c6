#include "adapt/runs.h"
#include "tests/unit/test.h"

static struct runs runs;
static struct groups groups;

static void begin(mp_time now) { runs_begin(&groups, now); }
static void got(uint16_t number, uint32_t arrival) { runs_receipt(&runs, &groups, number, true, arrival); }
static void missed(uint16_t number) { runs_receipt(&runs, &groups, number, false, 0); }

/* Ten packets in two runs: 100 to 103 at 8 ms, 104 to 109 at 20 ms. */
static void send_two_runs(void)
{
    memset(&runs, 0, sizeof runs);
    runs_sent(&runs, 100, 4, 1000, 300, 0, MP_MS(8));
    runs_sent(&runs, 104, 6, 500, 200, RUN_PROBE, MP_MS(20));
    begin(MP_MS(60));
}

static void feedback_is_one_group_a_run(void)
{
    send_two_runs();
    for (uint16_t i = 0; i < 10; i++)
        got((uint16_t)(100 + i), 7000u + i);
    CHECK_EQ(groups.count, 2);
    CHECK_EQ(groups.list[0].sent, MP_MS(8));
    CHECK_EQ(groups.list[0].earliest, 7000);
    CHECK_EQ(groups.list[0].arrival, 7003);
    CHECK_EQ(groups.list[0].bytes, 3300);
    CHECK_EQ(groups.list[0].arrived, 4);
    CHECK_EQ(groups.list[1].sent, MP_MS(20));
    CHECK_EQ(groups.list[1].arrival, 7009);
    CHECK_EQ(groups.list[1].bytes, 2700);
    CHECK_EQ(groups.list[1].flags, RUN_PROBE);
}

static void lost_bytes_count_once_and_a_late_receipt_says_so(void)
{
    send_two_runs();
    missed(103);
    missed(103);
    CHECK_EQ(groups.list[0].lost, 1);
    CHECK_EQ(groups.list[0].lost_bytes, 300);
    begin(MP_MS(100));
    got(103, 7000);
    CHECK_EQ(groups.list[0].bytes, 300);
    CHECK_EQ(groups.list[0].late_bytes, 300);
    begin(MP_MS(140));
    missed(103);
    CHECK_EQ(groups.list[0].lost, 0);
}

static void second_receipt_changes_nothing(void)
{
    send_two_runs();
    got(100, 7000);
    begin(MP_MS(100));
    for (int i = 0; i < 1000; i++)
        got(100, 7000);
    CHECK_EQ(groups.count, 0);
    CHECK_EQ(runs.repeated, 1000);
}

static void numbers_never_sent_are_counted(void)
{
    memset(&runs, 0, sizeof runs);
    begin(MP_MS(1));
    got(5, 1);
    CHECK_EQ(runs.unknown, 1);
    send_two_runs();
    got(99, 7000);
    got(110, 7000);
    got((uint16_t)(100 + 0x8000), 7000); /* a base jump of 2^15 */
    missed(110);
    CHECK_EQ(groups.count, 0);
    CHECK_EQ(runs.unknown, 4);
    CHECK(!runs.heard);
    for (unsigned i = 0; i < 65535; i++)
        got((uint16_t)(200 + i), 7000);
    CHECK_EQ(groups.count, 2);
    CHECK_EQ(groups.list[0].arrived + groups.list[1].arrived, 10);
}

static void arrival_that_goes_back_in_time_is_ignored(void)
{
    send_two_runs();
    got(100, 40000);
    got(101, 40000 - 3999); /* 999.75 ms: packets may overtake each other */
    got(102, 40000 - 4001);
    CHECK_EQ(groups.list[0].arrived, 2);
    CHECK_EQ(groups.list[0].arrival, 40000);
    CHECK_EQ(runs.reversed, 1);
}

static void far_arrival_begins_another_clock(void)
{
    send_two_runs();
    got(100, 40000);
    CHECK(!groups.restarted);
    got(104, 40000 + 40001); /* 10.00025 s */
    CHECK(groups.restarted);
    CHECK_EQ(groups.count, 1);
    CHECK_EQ(groups.list[0].arrival, 80001);
    CHECK_EQ(runs.restarted, 1);
}

static void arrival_wraps(void) /* 24 bits of 64 ms are 2^32 units of 250 us */
{
    send_two_runs();
    got(100, UINT32_MAX);
    got(101, 3);
    CHECK_EQ(groups.list[0].arrival, 3);
    CHECK_EQ(runs.restarted + runs.reversed, 0);
}

static void numbers_wrap_and_long_runs_are_split(void)
{
    memset(&runs, 0, sizeof runs);
    runs_sent(&runs, 65530, 40, 1000, 300, RUN_RTX, MP_MS(5));
    CHECK_EQ(runs.end, 3);
    begin(MP_MS(60));
    for (unsigned i = 0; i < 40; i++)
        got((uint16_t)(65530 + i), 10);
    CHECK_EQ(runs.unknown, 0);
    CHECK_EQ(groups.count, 3);
    CHECK_EQ(groups.list[0].bytes, 16000);
    CHECK_EQ(groups.list[1].bytes, 16000);
    CHECK_EQ(groups.list[2].bytes, 7300);
}

static void record_keeps_128_runs(void)
{
    memset(&runs, 0, sizeof runs);
    for (unsigned i = 0; i < 100000; i++)
        runs_sent(&runs, (uint16_t)(i * 3), 3, 1000, 1000, 0, MP_MS(i));
    uint16_t oldest = (uint16_t)((100000 - 128) * 3);
    begin(MP_MS(100000));
    got((uint16_t)(oldest - 1), 1);
    CHECK_EQ(runs.unknown, 1);
    for (unsigned i = 128 * 3; i-- > 0;) /* from the newest to the oldest: the search, not the neighbour */
        got((uint16_t)(oldest + i), 1);
    CHECK_EQ(runs.unknown, 1);
    CHECK_EQ(groups.count, 128);
    CHECK_EQ(groups.list[127].sent, MP_MS(100000 - 128));
}

static void numbers_that_begin_anew_forget_the_old_ones(void)
{
    send_two_runs();
    runs_sent(&runs, 5000, 1, 900, 900, 0, MP_MS(30));
    got(100, 1);
    CHECK_EQ(runs.unknown, 1);
    got(5000, 1);
    CHECK_EQ(groups.list[0].bytes, 900);
}

static void time_sent_survives_the_wrap_of_its_counter(void)
{
    mp_time wrap = MP_US(4) * (1LL << 32); /* 4 h 46 min */
    memset(&runs, 0, sizeof runs);
    runs_sent(&runs, 1, 1, 100, 100, 0, wrap - MP_MS(10));
    begin(wrap + MP_MS(20));
    got(1, 1);
    CHECK_EQ(groups.list[0].sent, wrap - MP_MS(10));
}

/* --- bounds --- */

static void jump_after_a_single_run_forgets_it_and_nothing_sent_does_not(void)
{
    memset(&runs, 0, sizeof runs);
    runs_sent(&runs, 100, 4, 1000, 300, 0, MP_MS(8));
    runs_sent(&runs, 7777, 0, 1000, 300, 0, MP_MS(8));
    begin(MP_MS(60));
    got(100, 1);
    CHECK_EQ(runs.unknown, 0);
    runs_sent(&runs, 5000, 1, 900, 900, 0, MP_MS(30));
    CHECK_EQ(runs.end, 1);
    got(101, 1);
    CHECK_EQ(runs.unknown, 1);
}

static void first_number_of_a_far_run_is_found(void)
{
    memset(&runs, 0, sizeof runs);
    for (uint16_t i = 0; i < 8; i++)
        runs_sent(&runs, (uint16_t)(100 + 4 * i), 4, 1000, 1000, 0, MP_MS(i));
    for (uint16_t i = 0; i < 8; i++) {
        runs.hint = 0;
        begin(MP_MS(60));
        missed((uint16_t)(100 + 4 * i));
        CHECK_EQ(groups.list[0].sent, MP_MS(i));
    }
    CHECK_EQ(runs.unknown, 0);
}

static void arrival_of_10_s_ahead_and_of_1_s_behind_is_of_the_same_clock(void)
{
    send_two_runs();
    got(100, 100000);
    got(101, 100000 + 40000);
    CHECK(runs.restarted == 0 && runs.newest_arrival == 140000);
    got(102, 140000 - 4000);
    CHECK(runs.reversed == 0 && groups.list[0].arrived == 3);
    got(103, 140000 - 40000);
    CHECK(runs.reversed == 1 && runs.restarted == 0);
    got(103, 140000 - 40001);
    CHECK(runs.restarted == 1 && runs.newest_arrival == 140000 - 40001);
    CHECK(groups.restarted);
    begin(MP_MS(70));
    CHECK(!groups.restarted);
}

static void last_packet_of_a_full_run_counts_once(void)
{
    memset(&runs, 0, sizeof runs);
    runs_sent(&runs, 100, RUN_PACKETS, 1000, 300, 0, MP_MS(8));
    CHECK_EQ(runs.end, 1);
    begin(MP_MS(60));
    got(115, 1);
    got(115, 1);
    CHECK_EQ(runs.repeated, 1);
    CHECK(groups.list[0].arrived == 1 && groups.list[0].bytes == 300 && groups.list[0].late_bytes == 0);
}

TEST_MAIN(TEST(feedback_is_one_group_a_run), TEST(lost_bytes_count_once_and_a_late_receipt_says_so),
          TEST(second_receipt_changes_nothing), TEST(numbers_never_sent_are_counted),
          TEST(arrival_that_goes_back_in_time_is_ignored), TEST(far_arrival_begins_another_clock),
          TEST(arrival_wraps), TEST(numbers_wrap_and_long_runs_are_split), TEST(record_keeps_128_runs),
          TEST(numbers_that_begin_anew_forget_the_old_ones), TEST(time_sent_survives_the_wrap_of_its_counter),
          TEST(jump_after_a_single_run_forgets_it_and_nothing_sent_does_not),
          TEST(first_number_of_a_far_run_is_found),
          TEST(arrival_of_10_s_ahead_and_of_1_s_behind_is_of_the_same_clock),
          TEST(last_packet_of_a_full_run_counts_once))
