#include "net/clock.h"
#include <stdio.h>
#include <time.h>

#define NTP_TO_UNIX_S 2208988800ll /* 1900 to 1970, RFC 5905 6 */

static mp_time read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return MP_S(t.tv_sec) + t.tv_nsec;
}

mp_time clock_now(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t clock_wall(void) { return read_clock(CLOCK_REALTIME) / MP_S(1); }

mp_time clock_wall_unix(void) { return read_clock(CLOCK_REALTIME) - clock_now(); }

mp_time clock_wall_ntp(void) { return clock_wall_unix() + MP_S(NTP_TO_UNIX_S); }

mp_time clock_thread_cpu(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

const char *clock_text(char text[25])
{
    struct timespec t;
    struct tm tm;
    char seconds[20];
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, 25, "%s.%03dZ", seconds, (int)(t.tv_nsec / 1000000));
    return text;
}
