/* simulate: runs seeds, and reports which one failed and how. */
#include "tests/sim/sim.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const sabotages[] = {
#define X(name, word) word,
    SABOTAGES(X)
#undef X
};

struct arguments {
    struct sim_options options;
    uint64_t seed;
    unsigned seconds, count;
    bool one;
};

static int usage(int code)
{
    printf("simulate SEED                 replays one seed and tells what happens\n"
           "simulate --seconds N          as many seeds as fit into N seconds\n"
           "  --from SEED                 the first one; else drawn from the clock\n"
           "  --count N                   at most so many\n"
           "  --loss PERCENT              a call of three under so much loss each way, instead\n"
           "  --burst PERCENT             the same in bursts\n"
           "  --reorder PERCENT           so many overtake others, and so many come twice\n"
           "  --crypto real|null          SRTP's ciphers (null)\n"
           "  --sabotage WHAT             something misbehaves on purpose:");
    for (size_t i = 0; i < sizeof sabotages / sizeof *sabotages; i++)
        printf(" %s", sabotages[i]);
    printf("\n");
    return code;
}

static bool read_word(struct arguments *a, const char *name, const char *value)
{
    if (strcmp(name, "--seconds") == 0)
        a->seconds = (unsigned)atoi(value);
    else if (strcmp(name, "--from") == 0)
        a->seed = strtoull(value, NULL, 0);
    else if (strcmp(name, "--count") == 0)
        a->count = (unsigned)atoi(value);
    else if (strcmp(name, "--loss") == 0)
        a->options.loss_percent = (unsigned)atoi(value);
    else if (strcmp(name, "--burst") == 0)
        a->options.burst_percent = (unsigned)atoi(value);
    else if (strcmp(name, "--reorder") == 0)
        a->options.reorder_percent = (unsigned)atoi(value);
    else if (strcmp(name, "--crypto") == 0)
        a->options.real_crypto = strcmp(value, "real") == 0;
    else if (strcmp(name, "--sabotage") == 0) {
        for (unsigned i = 0; i < sizeof sabotages / sizeof *sabotages; i++)
            if (strcmp(value, sabotages[i]) == 0) {
                a->options.sabotage = (enum sabotage)i;
                return true;
            }
        return false;
    } else
        return false;
    return true;
}

static bool read_arguments(struct arguments *a, int argc, char **argv)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    *a = (struct arguments){.seed = (uint64_t)t.tv_sec * 1000, .count = UINT32_MAX};
    for (int i = 1; i < argc; i++)
        if (argv[i][0] >= '0' && argv[i][0] <= '9') {
            a->seed = strtoull(argv[i], NULL, 0);
            a->one = true;
        } else if (i + 1 == argc || !read_word(a, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    return a->one || a->seconds || a->count != UINT32_MAX;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int replay(const struct arguments *a)
{
    struct sim_options options = a->options;
    struct sim_result r;
    options.verbose = true;
    sim_run(&r, a->seed, &options);
    printf("seed %" PRIu64 ": %s, trace %016" PRIx64 ", %.1f virtual s, settled after %.2f s\n", a->seed,
           r.failed ? r.invariant : "all holds", r.trace, (double)r.duration / 1e9, (double)r.settled / 1e9);
    printf("%" PRIu64 " datagrams, %" PRIu64 " joins, %" PRIu64 " faults, %" PRIu64 " NACKed, %" PRIu64
           " sent again, %" PRIu64 " key frame requests, %" PRIu64 " strays, %" PRIu64 " drops\n",
           r.datagrams, r.joins, r.faults, r.nack_in, r.rtx_out, r.pli_out, r.strays, r.drops);
    return r.failed;
}

static int many(const struct arguments *a)
{
    double begun = seconds();
    mp_time virtual = 0, settled = 0;
    uint64_t joins = 0, faults = 0, datagrams = 0, again = 0, pictures = 0, strays = 0, seed = a->seed;
    struct sim_result r = {0};
    for (unsigned n = 0; n < a->count && (!a->seconds || seconds() - begun < a->seconds) && !r.failed;
         n++, seed++) {
        sim_run(&r, seed, &a->options);
        virtual += r.duration;
        joins += r.joins;
        faults += r.faults;
        datagrams += r.datagrams;
        again += r.rtx_out;
        pictures += r.pli_out;
        strays += r.strays;
        settled = mp_max(settled, r.settled);
    }
    printf("seeds %" PRIu64 " to %" PRIu64 ": %.2f virtual hours in %.1f s; %" PRIu64 " joins, %" PRIu64
           " faults, %" PRIu64 " datagrams, %" PRIu64 " sent again, %" PRIu64 " key frame requests, %" PRIu64
           " passed on; settled after %.2f s at the latest\n",
           a->seed, seed - 1, (double)virtual / 3.6e12, seconds() - begun, joins, faults, datagrams, again,
           pictures, strays, (double)settled / 1e9);
    if (r.failed)
        printf("FAILED: seed %" PRIu64 ", %s: %s\nreplay: build/simulate %" PRIu64 "%s\n", seed - 1,
               r.invariant, r.detail, seed - 1, a->options.real_crypto ? " --crypto real" : "");
    return r.failed;
}

int main(int argc, char **argv)
{
    struct arguments a;
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(0);
    if (!read_arguments(&a, argc, argv))
        return usage(2);
    sim_tell_crashes();
    return a.one ? replay(&a) : many(&a);
}
