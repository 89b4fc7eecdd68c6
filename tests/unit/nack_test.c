#include "nack.h"
#include "test.h"

static struct nack n;
static uint16_t seqs[8];

static void begin(void) { n = (struct nack){0}; }

/* When the gap [seq, seq + 1) that is noticed at `now` would be asked for. */
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

TEST_MAIN(TEST(what_is_missing_is_asked_for_after_a_moment), TEST(who_was_overtaken_is_waited_for_the_next_time),
          TEST(real_losses_take_the_patience_back))
