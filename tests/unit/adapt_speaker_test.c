#include "adapt/speaker.h"
#include "base/prng.h"
#include "tests/unit/test.h"

#define PEOPLE 4

static struct speaker people[PEOPLE];
static struct speaker_scores scores[PEOPLE];
static size_t dominant;
static mp_time now;
static struct prng prng;

static void begin(void)
{
    memset(people, 0, sizeof people);
    dominant = SPEAKER_NONE;
    now = MP_S(1);
    prng_seed(&prng, 1);
}

static void hear(size_t who, uint8_t level, size_t len)
{
    speaker_heard(&people[who], speaker_volume(&people[who], level, len), now);
}

/* Syllables of 160 ms at -25 dBov with 40 ms of -65 between them; with the V bit, as browsers have it. */
static void talk(size_t who) { hear(who, 0x80 | (now / MP_MS(20) % 10 < 8 ? 25 : 65), 80); }

static void be_quiet(size_t who) { hear(who, 0x80 | 70, 40); }

static void decide(void)
{
    for (size_t i = 0; i < PEOPLE; i++)
        scores[i] = speaker_scores(&people[i], now);
    dominant = speaker_choose(scores, PEOPLE, dominant);
}

/* For so many ms those of the bits in `who` talk, the others are quiet. */
static void meet(unsigned who, int ms)
{
    for (mp_time end = now + MP_MS(ms); now < end; now += MP_MS(20)) {
        for (size_t i = 0; i < PEOPLE; i++)
            if (who >> i & 1)
                talk(i);
            else
                be_quiet(i);
        if (now % SPEAKER_DECIDES < MP_MS(20))
            decide();
    }
}

static void nobody_dominates_silence(void)
{
    begin();
    meet(0, 5000);
    CHECK_EQ(dominant, SPEAKER_NONE);
    CHECK(speaker_is_silent(&scores[0]));
}

static void who_speaks_dominates_within_600_ms(void)
{
    begin();
    meet(0, 3000);
    meet(1 << 2, 600);
    CHECK_EQ(dominant, 2);
}

static void who_spoke_last_dominates_the_silence_after(void)
{
    begin();
    meet(0, 1000);
    meet(1 << 2, 1000);
    meet(0, 10000);
    CHECK_EQ(dominant, 2);
}

static void next_speaker_dominates_within_a_second(void)
{
    begin();
    meet(0, 1000);
    meet(1 << 2, 3000);
    meet(1 << 1, 1000);
    CHECK_EQ(dominant, 1);
}

static void cough_does_not_take_over(void)
{
    begin();
    meet(0, 1000);
    meet(1 << 0, 2000);
    meet(1 << 0 | 1 << 1, 80);
    for (int i = 0; i < 20; i++) {
        meet(1 << 0, 100);
        CHECK_EQ(dominant, 0);
    }
}

static void interruption_does_not_take_over_from_who_talks_on(void)
{
    begin();
    meet(0, 1000);
    meet(1 << 3, 2000);
    for (int i = 0; i < 30; i++) {
        meet(1 << 3 | 1 << 1, 200);
        CHECK_EQ(dominant, 3);
    }
    meet(1 << 1, 1000);
    CHECK_EQ(dominant, 1);
}

static void most_active_of_two_new_speakers_takes_over(void)
{
    begin();
    scores[0] = (struct speaker_scores){0};
    scores[1] = (struct speaker_scores){.interval = {8, 3, 2}};
    scores[2] = (struct speaker_scores){.interval = {8, 5, 2}};
    scores[3] = (struct speaker_scores){.interval = {9, 4, 6}};
    CHECK_EQ(speaker_choose(scores, PEOPLE, 0), 2);
    CHECK_EQ(speaker_choose(scores, PEOPLE, SPEAKER_NONE), 2);
    CHECK_EQ(speaker_choose(scores, 0, SPEAKER_NONE), SPEAKER_NONE);
}

/* The paper's ratios, with the constants that Jitsi and mediasoup chose: C1 = 3, C2 = 2, C3 = 0. */
static void each_interval_has_its_margin(void)
{
    struct speaker_scores old = {.interval = {3, 0, 1}}, next = {.interval = {4, 1, 2}}, pair[2];
    for (int weaker = 0; weaker < 4; weaker++) {
        pair[0] = old;
        pair[1] = next;
        pair[1].interval[0] -= weaker == 1;
        pair[0].interval[0] += weaker == 1;
        pair[0].interval[1] += weaker == 2;
        pair[1].interval[2] -= weaker == 3;
        CHECK_EQ(speaker_choose(pair, 2, 0), weaker == 0);
    }
}

/* "Level 0 for ever". */
static void constant_level_never_dominates(void)
{
    begin();
    for (int i = 0; i < 1000; i++, now += MP_MS(20)) {
        hear(0, 0x80, 80);
        decide();
        CHECK_EQ(dominant, SPEAKER_NONE);
    }
    CHECK(speaker_is_silent(&scores[0]));
}

static void level_that_stops_varying_is_silent_after_two_windows(void)
{
    begin();
    meet(1, 2000);
    for (int i = 0; i < 10 * 50; i++, now += MP_MS(20))
        hear(0, 0x80, 80);
    struct speaker_scores s = speaker_scores(&people[0], now);
    CHECK(speaker_is_silent(&s));
}

static void silent_packets_with_level_0_never_dominate(void)
{
    begin();
    for (int i = 0; i < 1000; i++, now += MP_MS(20)) {
        hear(0, 0x80 | (i % 10 < 8 ? 0 : 60), 2);          /* no frame of Opus in it (RFC 6716 3.1) */
        hear(1, i % 50 == 0 ? 0x80 | 60 : i % 10 * 6, 80); /* of the 50, one has the V bit */
        decide();
    }
    CHECK_EQ(dominant, SPEAKER_NONE); /* there is no way back to nobody */
}

static void client_without_voice_bit_can_dominate(void)
{
    begin();
    for (int i = 0; i < 100; i++, now += MP_MS(20)) {
        hear(0, i % 10 < 8 ? 25 : 65, 80);
        decide();
    }
    CHECK_EQ(dominant, 0);
}

/* 1,000 changes a second. */
static void flips_count_as_their_mean(void)
{
    begin();
    for (int i = 0; i < 5000; i++, now += MP_MS(1)) {
        hear(0, 0x80 | (i & 1 ? 0 : 127), 80);
        decide();
        CHECK_EQ(dominant, SPEAKER_NONE);
    }
}

static void sound_without_levels_never_dominates(void)
{
    begin();
    for (int i = 0; i < 300; i++, now += MP_MS(20)) {
        decide();
        CHECK_EQ(dominant, SPEAKER_NONE);
    }
    meet(2, 1000);
    CHECK_EQ(dominant, 1);
}

static void packets_of_60_ms_and_jitter_count_as_well(void)
{
    begin();
    meet(0, 1000);
    for (int i = 0; i < 40; i++, now += MP_MS(60)) {
        hear(1, 0x80 | (i % 6 < 5 ? 25 : 65), 200);
        if (now % MP_MS(300) < MP_MS(60))
            decide();
    }
    CHECK_EQ(dominant, 1);
    begin();
    meet(0, 1000);
    for (mp_time end = now + MP_S(2), base = now; base < end; base += MP_MS(20)) {
        mp_time late = base + MP_MS(prng_below(&prng, 15));
        now = mp_max(now, late);
        talk(3);
        if (base % MP_MS(300) < MP_MS(20))
            decide();
    }
    CHECK_EQ(dominant, 3);
}

static void silence_of_a_dead_sender_is_silence(void)
{
    begin();
    meet(0, 1000);
    meet(1, 2000);
    now += MP_MS(200);
    struct speaker_scores s = speaker_scores(&people[0], now);
    CHECK_EQ(s.interval[SPEAKER_IMMEDIATE], 0);
    CHECK_EQ(s.interval[SPEAKER_MEDIUM], 0);
    CHECK(s.interval[SPEAKER_LONG] > 0);
    now += MP_S(1);
    s = speaker_scores(&people[0], now);
    CHECK(speaker_is_silent(&s));
    now += MP_S(3600);
    meet(1, 1000);
    CHECK_EQ(dominant, 0);
}

static void loudness_halves_its_distance_each_packet(void)
{
    struct speaker_scores s = {0};
    int expected = 0;
    begin();
    meet(0, 400);
    for (int i = 0; i < 6; i++) {
        hear(0, 0x80 | 27, 80);
        now += MP_MS(20);
        s = speaker_scores(&people[0], now);
        expected = (expected + 100) / 2;
        CHECK_EQ(s.loudness, expected);
    }
}

static void loudness_expires_150_ms_after_the_last_packet(void)
{
    begin();
    meet(0, 400);
    meet(1, 140);
    now += MP_MS(120);
    CHECK(speaker_scores(&people[0], now).loudness > 80);
    now += MP_MS(40);
    CHECK_EQ(speaker_scores(&people[0], now).loudness, 0);
}

static void long_silence_costs_a_bounded_number_of_steps(void)
{
    begin();
    meet(1, 1000);
    now += MP_S(1000000000);
    hear(0, 0x80, 80);
    CHECK(people[0].until > now && people[0].until <= now + SPEAKER_STEP);
}

/* --- bounds --- */

/* A step of this volume, after a step of silence that is the floor. */
static struct speaker_scores step(uint8_t volume)
{
    hear(0, (uint8_t)(0x80 | (127 - volume)), 80);
    now += SPEAKER_STEP;
    return speaker_scores(&people[0], now);
}

static void begin_silent(void)
{
    begin();
    CHECK_EQ(speaker_scores(&people[0], now).loudness, 0);
    CHECK_EQ(people[0].until, 0); /* nothing was heard: no step begins */
    step(0);
}

static void step_has_a_tenth_of_its_volume_and_is_loud_above_seven(void)
{
    static const struct {
        uint8_t volume, immediate, loudness, loud;
    } steps[] = {{9, 0, 0, 0}, {10, 1, 5, 0}, {79, 7, 39, 0}, {80, 8, 40, 1}, {127, 12, 63, 1}};
    for (int i = 0; i < 5; i++) {
        begin_silent();
        struct speaker_scores s = step(steps[i].volume);
        CHECK_EQ(s.interval[SPEAKER_IMMEDIATE], steps[i].immediate);
        CHECK_EQ(s.loudness, steps[i].loudness);
        CHECK_EQ(s.interval[SPEAKER_MEDIUM], steps[i].loud);
    }
}

static void loud_steps_fill_100_ms_and_then_a_second(void)
{
    begin_silent();
    for (int i = 1; i <= 60; i++) {
        struct speaker_scores s = step(100);
        CHECK_EQ(s.interval[SPEAKER_MEDIUM], i < 5 ? i : 5);
        CHECK_EQ(s.interval[SPEAKER_LONG], i < 50 ? i / 5 : 10);
    }
}

static void tenth_of_a_second_counts_if_all_of_it_is_loud(void)
{
    begin();
    people[0].until = now + 1;
    for (int block = 0; block < 12; block++) {
        people[0].loud = 0x1full << (5 * block);
        CHECK_EQ(speaker_scores(&people[0], now).interval[SPEAKER_LONG], block < 10);
        CHECK_EQ(speaker_scores(&people[0], now).interval[SPEAKER_MEDIUM], block ? 0 : 5);
        for (int i = 0; i < 5; i++) {
            people[0].loud = (0x1full & ~(1ull << i)) << (5 * block);
            CHECK_EQ(speaker_scores(&people[0], now).interval[SPEAKER_LONG], 0);
        }
    }
}

static void pause_holds_the_volume_40_ms_and_the_loudness_140_ms(void)
{
    begin_silent();
    step(100);
    for (int idle = 1; idle <= 9; idle++) {
        now += SPEAKER_STEP;
        struct speaker_scores s = speaker_scores(&people[0], now);
        CHECK_EQ(s.interval[SPEAKER_IMMEDIATE], idle <= 2 ? 10 : 0);
        CHECK_EQ(s.loudness, idle <= 7 ? 50 : 0);
        CHECK_EQ(people[0].idle, idle);
    }
    now += MP_S(1) - SPEAKER_STEP;
    for (int i = 0; i < 300; i++)
        speaker_scores(&people[0], now += SPEAKER_STEP);
    CHECK_EQ(people[0].idle, 255);
}

static void floor_is_the_least_of_two_windows_of_5_s(void)
{
    begin_silent();
    for (int i = 1; i <= 500; i++)
        CHECK_EQ(step(100).interval[SPEAKER_IMMEDIATE], i < 500 ? 10 : 0);
}

static void pass_takes_51_steps_at_most(void)
{
    begin();
    mp_time until = people[0].until = now;
    speaker_pass(&people[0], until + 50 * SPEAKER_STEP + MP_MS(5));
    CHECK_EQ(people[0].until, until + 51 * SPEAKER_STEP);
    people[0].until = until;
    speaker_pass(&people[0], until + 51 * SPEAKER_STEP);
    CHECK_EQ(people[0].until, until + 52 * SPEAKER_STEP);
    people[0].until = until;
    speaker_pass(&people[0], until + 51 * SPEAKER_STEP + MP_MS(5)); /* too long: begins anew */
    CHECK_EQ(people[0].until, until + 52 * SPEAKER_STEP + MP_MS(5));
}

static void any_more_of_the_long_interval_takes_over_and_the_first_of_equals(void)
{
    struct speaker_scores all[] = {
        {.interval = {0, 0, 9}}, {.interval = {12, 5, 10}}, {.interval = {12, 5, 10}}};
    CHECK_EQ(speaker_choose(all, 3, 0), 1);
    all[1].interval[2] = all[2].interval[2] = 9;
    CHECK_EQ(speaker_choose(all, 3, 0), 0);
}

TEST_MAIN(TEST(nobody_dominates_silence), TEST(who_speaks_dominates_within_600_ms),
          TEST(who_spoke_last_dominates_the_silence_after), TEST(next_speaker_dominates_within_a_second),
          TEST(cough_does_not_take_over), TEST(interruption_does_not_take_over_from_who_talks_on),
          TEST(most_active_of_two_new_speakers_takes_over), TEST(each_interval_has_its_margin),
          TEST(constant_level_never_dominates), TEST(level_that_stops_varying_is_silent_after_two_windows),
          TEST(silent_packets_with_level_0_never_dominate), TEST(client_without_voice_bit_can_dominate),
          TEST(flips_count_as_their_mean), TEST(sound_without_levels_never_dominates),
          TEST(packets_of_60_ms_and_jitter_count_as_well), TEST(silence_of_a_dead_sender_is_silence),
          TEST(loudness_halves_its_distance_each_packet), TEST(loudness_expires_150_ms_after_the_last_packet),
          TEST(long_silence_costs_a_bounded_number_of_steps),
          TEST(step_has_a_tenth_of_its_volume_and_is_loud_above_seven),
          TEST(loud_steps_fill_100_ms_and_then_a_second), TEST(tenth_of_a_second_counts_if_all_of_it_is_loud),
          TEST(pause_holds_the_volume_40_ms_and_the_loudness_140_ms),
          TEST(floor_is_the_least_of_two_windows_of_5_s), TEST(pass_takes_51_steps_at_most),
          TEST(any_more_of_the_long_interval_takes_over_and_the_first_of_equals))
