/* The simulator itself: a seed repeats, each invariant can fail, and all invariants hold for as many seeds as
 * there is time for. SIMULATE_SECONDS in the environment changes how long that is. */
#include "tests/sim/sim.h"
#include "tests/unit/test.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SECONDS 5
#else
#define SECONDS 25
#endif

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void told(uint64_t seed, const struct sim_result *r)
{
    if (r->failed)
        printf("# build/simulate %" PRIu64 ": %s: %s\n", seed, r->invariant, r->detail);
}

static void a_seed_repeats(void)
{
    struct sim_result r[3];
    for (int real = 0; real < 2; real++) {
        struct sim_options options = {.real_crypto = real};
        sim_run(&r[0], 7, &options);
        sim_run(&r[1], 8, &options);
        sim_run(&r[2], 7, &options);
        CHECK(r[0].trace == r[2].trace && r[0].datagrams == r[2].datagrams);
        CHECK(r[0].trace != r[1].trace);
    }
}

/* For each deliberate fault its invariant fails, and no other. */
static void expect(enum sabotage sabotage, const char *invariant)
{
    struct sim_result r = {0};
    struct sim_options options = {.sabotage = sabotage};
    for (uint64_t seed = 1; seed <= 40 && !r.failed; seed++)
        sim_run(&r, seed, &options);
    CHECK(r.failed);
    CHECK(r.failed && strcmp(r.invariant, invariant) == 0);
    if (r.failed && strcmp(r.invariant, invariant) != 0)
        printf("# %s instead of %s: %s\n", r.invariant, invariant, r.detail);
}

static void media_to_who_is_not_authentic_is_noticed(void)
{
    expect(SABOTAGE_AUTHENTICATION, "authentication");
}
static void media_of_another_room_is_noticed(void) { expect(SABOTAGE_ROOM, "room"); }
static void a_stream_that_does_not_decode_is_noticed(void) { expect(SABOTAGE_DECODING, "decoding"); }
static void what_is_left_is_noticed(void) { expect(SABOTAGE_POOLS, "pools"); }
static void a_number_used_twice_is_noticed(void) { expect(SABOTAGE_NONCES, "nonces"); }
static void a_packet_that_changed_when_it_was_sent_again_is_noticed(void)
{
    expect(SABOTAGE_RESENDING, "nonces");
}
static void layers_that_are_mixed_are_noticed(void) { expect(SABOTAGE_LAYERS, "layers"); }
static void numbers_with_a_gap_behind_a_pause_are_noticed(void) { expect(SABOTAGE_NUMBERS, "numbers"); }
static void workers_that_disagree_are_noticed(void) { expect(SABOTAGE_OWNERS, "owners"); }

static void bytes_that_were_changed_are_noticed(void) { expect(SABOTAGE_CONTENT, "content"); }
static void a_frame_left_out_is_noticed(void) { expect(SABOTAGE_CONTINUITY, "continuity"); }
static void a_connection_that_fails_is_noticed(void) { expect(SABOTAGE_CONNECTION, "connection"); }
static void a_worker_that_spins_is_noticed(void) { expect(SABOTAGE_DEADLINES, "deadlines"); }
static void a_guest_that_is_refused_is_noticed(void) { expect(SABOTAGE_SIGNALING, "signaling"); }

static void news_that_nobody_is_told_is_noticed(void) { expect(SABOTAGE_NEWS, "news"); }

/* Loss on every link in both directions, at random or in bursts; media to a viewer crosses two links. */
static void pictures_survive_loss(void)
{
    static const unsigned percents[] = {1, 2, 5, 10, 20, 30, 1, 2, 5, 10, 20, 30};
    for (unsigned i = 0; i < sizeof percents / sizeof *percents; i++) {
        bool bursts = i >= 6;
        struct sim_options options = {.loss_percent = bursts ? 0 : percents[i],
                                      .burst_percent = bursts ? percents[i] : 0};
        struct sim_result r;
        sim_run(&r, 100 + i, &options);
        told(100 + i, &r);
        double pictures = 100.0 * (double)r.pictures / (double)r.pictures_due;
        double sounds = 100.0 * (double)r.sounds / (double)r.sounds_due;
        printf("# %u %% loss%s: %.1f %% of pictures, %.1f %% of sounds\n", percents[i],
               bursts ? " in bursts" : "", pictures, sounds);
        CHECK(!r.failed);
        CHECK(percents[i] > 10 || pictures >= 90);
        CHECK(pictures > 10);
        CHECK(percents[i] > 20 || sounds >= 60);
    }
}

/* Late packets are not lost: the server forwards each once and causes hardly any retransmissions. */
static void reordering_is_not_loss(void)
{
    static const unsigned percents[] = {1, 5, 10, 20};
    for (unsigned i = 0; i < sizeof percents / sizeof *percents; i++) {
        struct sim_options options = {.reorder_percent = percents[i]};
        struct sim_result r;
        sim_run(&r, 200 + i, &options);
        told(200 + i, &r);
        double pictures = 100.0 * (double)r.pictures / (double)r.pictures_due,
               again = 100.0 * (double)r.asked / (double)r.rtp_in;
        printf("# %u %% overtake others and %u %% come twice: %.1f %% of pictures, %.2f %% asked for again\n",
               percents[i], percents[i], pictures, again);
        CHECK(!r.failed);
        CHECK(pictures >= 98);
        CHECK(again < 2);
    }
}

static void real_ciphers_hold(void)
{
    struct sim_result r = {0};
    struct sim_options options = {.real_crypto = true};
    for (uint64_t seed = 1000; seed < 1010 && !r.failed; seed++) {
        sim_run(&r, seed, &options);
        told(seed, &r);
    }
    CHECK(!r.failed);
}

static void seeds_hold(void)
{
    const char *wish = getenv("SIMULATE_SECONDS");
    struct sim_result r = {0};
    struct sim_options options = {0};
    double end = seconds() + (wish ? atof(wish) : SECONDS), virtual = 0;
    uint64_t seed = 1;
    for (; seconds() < end && !r.failed; seed++) {
        sim_run(&r, seed, &options);
        told(seed, &r);
        virtual += (double)r.duration / 3.6e12;
    }
    printf("# %" PRIu64 " seeds, %.1f virtual hours\n", seed - 1, virtual);
    CHECK(!r.failed);
}

int main(void)
{
    static const struct test tests[] = {
        TEST(a_seed_repeats),
        TEST(media_to_who_is_not_authentic_is_noticed),
        TEST(media_of_another_room_is_noticed),
        TEST(a_stream_that_does_not_decode_is_noticed),
        TEST(what_is_left_is_noticed),
        TEST(a_number_used_twice_is_noticed),
        TEST(a_packet_that_changed_when_it_was_sent_again_is_noticed),
        TEST(layers_that_are_mixed_are_noticed),
        TEST(numbers_with_a_gap_behind_a_pause_are_noticed),
        TEST(workers_that_disagree_are_noticed),
        TEST(bytes_that_were_changed_are_noticed),
        TEST(a_frame_left_out_is_noticed),
        TEST(a_connection_that_fails_is_noticed),
        TEST(a_worker_that_spins_is_noticed),
        TEST(a_guest_that_is_refused_is_noticed),
        TEST(news_that_nobody_is_told_is_noticed),
        TEST(pictures_survive_loss),
        TEST(reordering_is_not_loss),
        TEST(real_ciphers_hold),
        TEST(seeds_hold),
    };
    sim_tell_crashes();
    return run_tests(tests, sizeof tests / sizeof *tests);
}
