/* The narrow line in front of a viewer of the load generator. */
#include "load/line.h"
#include "tests/unit/test.h"

#define SIZE (1250 - 28) /* with its headers 10 ms at 1 Mbit/s */

static struct line line;
static mp_time arrival;

static bool take(mp_time now) { return line_take(&line, SIZE, now, &arrival); }

static void datagrams_of_a_burst_arrive_at_the_rate(void)
{
    line = (struct line){.bps = 1000000};
    for (int i = 1; i <= 5; i++) {
        CHECK(take(MP_S(1)));
        CHECK_EQ(arrival, MP_S(1) + MP_MS(10) * i);
    }
    CHECK(take(MP_S(1) + MP_MS(45))); /* 5 ms of the queue are left */
    CHECK_EQ(arrival, MP_S(1) + MP_MS(60));
    CHECK(take(MP_S(2))); /* the queue is empty: nothing was saved up */
    CHECK_EQ(arrival, MP_S(2) + MP_MS(10));
}

static void a_full_queue_loses_what_comes(void)
{
    line = (struct line){.bps = 1000000};
    for (int i = 0; i <= 20; i++)
        CHECK(take(MP_S(1))); /* the last one waits for 200 ms */
    CHECK(!take(MP_S(1)));
    CHECK(!take(MP_S(1) + MP_MS(10) - 1));
    CHECK(take(MP_S(1) + MP_MS(10))); /* what was lost took nothing of the rate */
    CHECK_EQ(arrival, MP_S(1) + MP_MS(220));
}

static void without_a_rate_datagrams_arrive_when_they_come(void)
{
    line = (struct line){0};
    for (int i = 0; i < 1000; i++)
        CHECK(take(MP_S(1)) && arrival == MP_S(1));
}

TEST_MAIN(TEST(datagrams_of_a_burst_arrive_at_the_rate), TEST(a_full_queue_loses_what_comes),
          TEST(without_a_rate_datagrams_arrive_when_they_come))
