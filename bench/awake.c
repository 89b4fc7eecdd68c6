/* Keeps a core awake. Many machines lower the clock of a core that is mostly idle, and a virtual one cannot ask them not
 * to: the CPU time of a server that works 1 % of the time is then counted in seconds of a slower core. Where a governor
 * can be set one would set "performance"; this does the same everywhere, by a loop that runs only while nobody else wants
 * the core.
 *
 *   bench-awake CPU        until it is killed, or who started it has ended
 *   bench-awake slowdown   prints how many times longer the same arithmetic takes 50 times a second than without a pause,
 *                          on the core that it was started on */
#include "clock.h"
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
#define PAUSE  20000 /* µs */

static int stay(int cpu)
{
    struct sched_param idle = {0};
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET((unsigned)cpu, &cpus);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0 || sched_setscheduler(0, SCHED_IDLE, &idle) != 0) {
        perror("bench-awake");
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

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "slowdown") == 0) {
        mp_time paused = arithmetic(PAUSE);
        arithmetic(0);
        printf("%.2f\n", (double)paused / (double)arithmetic(0));
        return 0;
    }
    char *end;
    long cpu = argc == 2 ? strtol(argv[1], &end, 10) : -1;
    if (cpu >= 0 && cpu < CPU_SETSIZE && end != argv[1] && !*end)
        return stay((int)cpu);
    fputs("usage: bench-awake CPU | slowdown\n", stderr);
    return 2;
}
