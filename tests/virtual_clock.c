#include "tests/virtual_clock.h"
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

#define WALL_S 1800000000 /* a date of 2027 at time 0 */

static const mp_time *followed;

void virtual_clock_follow(const mp_time *now) { followed = now; }

int gettimeofday(struct timeval *restrict, void *restrict);
int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    mp_time now = followed ? *followed : 0;
    t->tv_sec = WALL_S + now / MP_S(1);
    t->tv_usec = now % MP_S(1) / 1000;
    return 0;
}

time_t time(time_t *out)
{
    time_t now = WALL_S + (followed ? *followed : 0) / MP_S(1);
    if (out)
        *out = now;
    return now;
}
