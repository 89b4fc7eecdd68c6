/* Measures two effects of a shared machine on a program that mostly sleeps, and avoids the first.
 *
 *   bench-machine awake CPU   keeps a core awake, until it is killed or who started it has ended
 *   bench-machine clock       prints how many times longer the same arithmetic takes 50 times a second than
 *   without a pause
 *   bench-machine memory      prints how many times longer a walk over a MiB takes 50 times a second than
 *   right after another
 *
 * The last two measure the core that they run on. Many machines lower the clock of a mostly idle core, and a
 * virtual machine cannot prevent that: the CPU time of a server that works 1 % of the time then counts
 * seconds of a slower core. On a physical machine the governor "performance" helps; `awake` does the same
 * everywhere, by a loop that runs only while no other program needs the core. There is no remedy against
 * neighbours that use the same caches; a benchmark can only wait for them. */
#include "net/clock.h"
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STEPS  20000 /* about 24 µs at 3.3 GHz */
#define ROUNDS 100
#define WALKS  25
#define PAUSE  20000 /* µs */
/* of a MiB: larger than a core's own caches, smaller than the shared cache */
#define LINES (1u << 14)

static int stay(int cpu)
{
    struct sched_param idle = {0};
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET((unsigned)cpu, &cpus);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0 || sched_setscheduler(0, SCHED_IDLE, &idle) != 0) {
        perror("bench-machine");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
#if defined __x86_64__ || defined __i386__
        __asm__ volatile("pause" ::: "memory");
#else
        __asm__ volatile("" ::: "memory");
#endif
    }
}

/* Each step waits for the one before it and touches no memory: nothing but the clock can make it slower. */
static mp_time arithmetic(unsigned pause)
{
    mp_time used = 0;
    uint64_t x = 1;
    for (int round = 0; round < ROUNDS; round++) {
        if (pause)
            usleep(pause);
        mp_time before = clock_thread_cpu();
        for (int i = 0; i < STEPS; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            __asm__ volatile("" : "+r"(x));
        }
        used += clock_thread_cpu() - before;
    }
    return used;
}

struct line {
    _Alignas(64) uint32_t next;
};

/* All lines in one circle, in an order that no prefetcher guesses. */
static void shuffle(struct line *lines)
{
    static uint32_t order[LINES];
    uint64_t x = 1;
    for (uint32_t i = 0; i < LINES; i++)
        order[i] = i;
    for (uint32_t i = LINES - 1; i > 0; i--) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        uint32_t j = (uint32_t)(x >> 33) % (i + 1), other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
    for (uint32_t i = 0; i < LINES; i++)
        lines[order[i]].next = order[(i + 1) % LINES];
}

static mp_time walk(const struct line *lines)
{
    uint32_t at = 0;
    mp_time before = clock_thread_cpu();
    for (uint32_t i = 0; i < LINES; i++)
        at = lines[at].next;
    __asm__ volatile("" : : "r"(at));
    return clock_thread_cpu() - before;
}

static double memory(void)
{
    static struct line lines[LINES];
    mp_time late = 0, soon = 0;
    shuffle(lines);
    walk(lines);
    for (int i = 0; i < WALKS; i++) {
        usleep(PAUSE);
        late += walk(lines);
        soon += walk(lines);
    }
    return (double)late / (double)soon;
}

/* How many times longer arithmetic takes with pauses. */
static double slowdown(void)
{
    mp_time paused = arithmetic(PAUSE);
    arithmetic(0);
    return (double)paused / (double)arithmetic(0);
}

int main(int argc, char **argv)
{
    char *end;
    const char *what = argc > 1 ? argv[1] : "";
    long cpu = argc == 3 && strcmp(what, "awake") == 0 ? strtol(argv[2], &end, 10) : -1;
    if (cpu >= 0 && cpu < CPU_SETSIZE && end != argv[2] && !*end)
        return stay((int)cpu);
    if (argc == 2 && strcmp(what, "clock") == 0)
        return printf("%.2f\n", slowdown()) < 0;
    if (argc == 2 && strcmp(what, "memory") == 0)
        return printf("%.2f\n", memory()) < 0;
    fputs("usage: bench-machine awake CPU | clock | memory\n", stderr);
    return 2;
}
