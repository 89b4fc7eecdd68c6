#include "sfu/nack.h"
#include "base/prng.h"
#include "tests/unit/test.h"

static struct nack n;
static uint16_t seqs[8];

static void begin(void) { n = (struct nack){0}; }

/* When a gap [seq, seq + 1) noticed at `now` would be requested. */
static mp_time patience(int64_t seq, mp_time now)
{
    nack_gap(&n, seq, seq + 1, now);
    return nack_deadline(&n) - now;
}

static void what_is_missing_is_asked_for_after_a_moment(void)
{
    begin();
    CHECK_EQ(patience(10, MP_S(1)), NACK_DELAY);
    CHECK_EQ(nack_due(&n, seqs, 8, 0, MP_MS(50), MP_S(1)), 0);
    CHECK_EQ(nack_due(&n, seqs, 8, 0, MP_MS(50), MP_S(1) + NACK_DELAY), 1);
    CHECK_EQ(seqs[0], 10);
    CHECK_EQ(nack_found(&n, 10, true, MP_S(1) + MP_MS(44)), MP_MS(40));
    CHECK_EQ(nack_deadline(&n), MP_NEVER);
}

static void who_was_overtaken_is_waited_for_the_next_time(void)
{
    begin();
    patience(10, MP_S(1));
    nack_found(&n, 10, false, MP_S(1) + MP_MS(20));
    CHECK_EQ(patience(20, MP_S(2)), MP_MS(25));
    nack_found(&n, 20, false, MP_S(2) + MP_MS(1)); /* quicker ones do not take that back */
    CHECK_EQ(patience(30, MP_S(3)), MP_MS(25));
    nack_found(&n, 30, false, MP_S(5));
    CHECK_EQ(patience(40, MP_S(6)), NACK_DELAY_MAX);
}

static void real_losses_take_the_patience_back(void)
{
    begin();
    patience(10, MP_S(1));
    nack_found(&n, 10, false, MP_S(1) + MP_MS(60));
    for (int64_t seq = 20; seq < 50; seq++) {
        patience(seq, MP_S(seq));
        nack_found(&n, seq, true, MP_S(seq) + MP_MS(100));
    }
    CHECK_EQ(patience(60, MP_S(60)), NACK_DELAY);
}

/* The deadline is always the earliest of the list. */
static void deadline_is_the_earliest_of_all(void)
{
    struct prng prng;
    mp_time now = MP_S(1);
    int64_t next = 1000;
    prng_seed(&prng, 7);
    begin();
    for (int i = 0; i < 20000; i++) {
        mp_time earliest = MP_NEVER;
        now += MP_US(prng_below(&prng, 3000));
        int64_t size = 1 + (prng_below(&prng, 50) ? prng_below(&prng, 8) : prng_below(&prng, 400));
        switch (prng_below(&prng, 3)) {
        case 0:
            nack_gap(&n, next, next + size, now);
            next += size + 1;
            break;
        case 1: nack_found(&n, next - prng_below(&prng, 300), prng_below(&prng, 2), now); break;
        default: nack_due(&n, seqs, 8, 0, MP_MS(50), now); break;
        }
        for (size_t k = 0; k < n.count; k++)
            earliest = mp_min(earliest, n.missing[k].at);
        CHECK_EQ(nack_deadline(&n), earliest);
    }
}

/* When the lost packet 10 is asked for, from the first time on, until it is given up. */
static size_t asked_at(mp_time rtt, mp_time at[NACK_TRIES_MAX + 1])
{
    size_t times = 0;
    begin();
    nack_gap(&n, 10, 11, 0);
    while (nack_deadline(&n) != MP_NEVER) {
        mp_time now = nack_deadline(&n);
        if (nack_due(&n, seqs, 8, 0, rtt, now)) {
            CHECK(times < NACK_TRIES_MAX);
            at[times++] = now - NACK_DELAY;
        } else {
            at[times] = now - NACK_DELAY;
        }
    }
    CHECK(n.overflow);
    return times;
}

static void a_sender_nearby_gets_time_to_answer(void)
{
    mp_time at[NACK_TRIES_MAX + 1];
    CHECK_EQ(asked_at(MP_MS(1), at), NACK_TRIES_MAX);
    static const int ms[] = {0, 10, 20, 40, 60, 100};
    for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
        CHECK_EQ(at[i], MP_MS(ms[i]));
    CHECK_EQ(at[NACK_TRIES_MAX], MP_MS(620)); /* given up */
}

static void a_sender_far_away_is_asked_once_a_round_trip(void)
{
    mp_time at[NACK_TRIES_MAX + 1];
    CHECK_EQ(asked_at(MP_MS(300), at), NACK_TRIES_MAX);
    for (size_t i = 0; i <= NACK_TRIES_MAX; i++)
        CHECK_EQ(at[i], MP_MS(300) * (mp_time)i);
}

/* The numbers that are asked for at `now`, all of them, are these. */
static bool asks_for(const uint16_t *expected, size_t count, mp_time now)
{
    static uint16_t all[NACK_MISSING_MAX];
    size_t due = nack_due(&n, all, NACK_MISSING_MAX, 0, MP_MS(50), now);
    return due == count && memcmp(all, expected, count * sizeof *all) == 0;
}

static void the_list_is_full_at_its_bound_and_the_oldest_go(void)
{
    static uint16_t expected[NACK_MISSING_MAX];
    begin();
    nack_gap(&n, 0, NACK_MISSING_MAX, MP_S(1)); /* one gap that just fits */
    CHECK(n.count == NACK_MISSING_MAX && !n.overflow);
    nack_gap(&n, 1000, 1000 + NACK_MISSING_MAX + 1, MP_S(1)); /* and one longer than the list */
    CHECK(n.count == 0 && n.overflow);

    begin();
    nack_gap(&n, 100, 300, MP_S(1));
    nack_gap(&n, 400, 400 + NACK_MISSING_MAX - 200, MP_S(1));
    CHECK(n.count == NACK_MISSING_MAX && !n.overflow);
    nack_gap(&n, 500, 503, MP_S(1)); /* three more: 100 to 102 are not asked for any more */
    CHECK(n.count == NACK_MISSING_MAX && n.overflow);
    for (uint16_t i = 0; i < NACK_MISSING_MAX; i++)
        expected[i] = (uint16_t)(i < 197 ? 103 + i : i < 253 ? 400 + i - 197 : 500 + i - 253);
    CHECK(asks_for(expected, NACK_MISSING_MAX, MP_S(2)));
}

static void what_came_is_not_asked_for_and_the_others_are(void)
{
    static const uint16_t first[] = {10, 12, 13}, second[] = {12};
    begin();
    nack_gap(&n, 10, 14, MP_S(1));
    CHECK_EQ(nack_found(&n, 9, false, MP_S(1)), 0);
    CHECK_EQ(nack_found(&n, 11, true, MP_S(1)), 0); /* before it was asked for */
    CHECK(asks_for(first, 3, MP_S(2)));
    CHECK_EQ(nack_found(&n, 13, true, MP_S(2) + MP_MS(7)), MP_MS(7));
    CHECK_EQ(nack_found(&n, 13, true, MP_S(2) + MP_MS(7)), 0); /* once */
    CHECK_EQ(nack_found(&n, 10, true, MP_S(2) + MP_MS(9)), MP_MS(9));
    CHECK(asks_for(second, 1, MP_S(3)));
    CHECK_EQ(nack_found(&n, 12, true, MP_S(4)), 0); /* it may answer either of the two requests */
    CHECK(n.count == 0 && !n.overflow);
}

static void what_does_not_fit_is_asked_for_the_next_time(void)
{
    begin();
    nack_gap(&n, 10, 14, MP_S(1));
    CHECK_EQ(nack_due(&n, seqs, 3, 5, MP_MS(50), MP_S(2)), 3);
    CHECK(seqs[0] == 5 && seqs[1] == 6 && seqs[2] == 7); /* in the source's own numbers */
    CHECK_EQ(nack_deadline(&n), MP_S(1) + NACK_DELAY);
    CHECK_EQ(nack_due(&n, seqs, 3, 5, MP_MS(50), MP_S(2)), 1);
    CHECK_EQ(seqs[0], 8);
    CHECK_EQ(nack_deadline(&n), MP_S(2) + MP_MS(50));
}

static void each_loss_takes_an_eighth_of_the_patience(void)
{
    begin();
    patience(10, MP_S(1));
    nack_found(&n, 10, false, MP_S(1) + MP_MS(40));
    CHECK_EQ(patience(20, MP_S(2)), MP_MS(50));
    nack_found(&n, 20, true, MP_S(2) + MP_MS(80));
    CHECK_EQ(patience(30, MP_S(3)), MP_US(43750));
}

TEST_MAIN(TEST(deadline_is_the_earliest_of_all), TEST(what_is_missing_is_asked_for_after_a_moment),
          TEST(who_was_overtaken_is_waited_for_the_next_time), TEST(real_losses_take_the_patience_back),
          TEST(a_sender_nearby_gets_time_to_answer), TEST(a_sender_far_away_is_asked_once_a_round_trip),
          TEST(the_list_is_full_at_its_bound_and_the_oldest_go),
          TEST(what_came_is_not_asked_for_and_the_others_are),
          TEST(what_does_not_fit_is_asked_for_the_next_time), TEST(each_loss_takes_an_eighth_of_the_patience))
