/* Time: monotonic nanoseconds in one integer type. No function here asks a clock; `now` is the last parameter
 * of every function that acts at a time. */
#pragma once
#include <stdint.h>

typedef int64_t mp_time; /* ns since an arbitrary start; differences are durations */

#define MP_NEVER INT64_MAX
#define MP_US(n) ((mp_time)(n)*1000)
#define MP_MS(n) ((mp_time)(n)*1000000)
#define MP_S(n)  ((mp_time)(n)*1000000000)

static inline mp_time mp_min(mp_time a, mp_time b) { return a < b ? a : b; }
static inline mp_time mp_max(mp_time a, mp_time b) { return a > b ? a : b; }

/* Timers that tolerate delay are aligned to this grid, so that many sessions share one wake-up and one send
 * call. */
#define MP_GRID MP_MS(50)
static inline mp_time mp_on_grid(mp_time at) { return (at + MP_GRID - 1) / MP_GRID * MP_GRID; }

/* Seconds since 1970 of a wall time in ns since 1900. */
static inline uint64_t mp_unix_s(mp_time wall) { return (uint64_t)(wall / MP_S(1)) - 2208988800u; }

/* NTP's 64-bit format (RFC 5905 6): 32 bits of seconds, 32 bits of fraction. */
static inline uint64_t mp_to_ntp(mp_time ns)
{
    uint64_t s = (uint64_t)ns / 1000000000u, f = (uint64_t)ns % 1000000000u;
    return s << 32 | ((f << 32) / 1000000000u);
}
static inline mp_time mp_from_ntp(uint64_t ntp)
{
    return (mp_time)(ntp >> 32) * 1000000000 + (mp_time)(((ntp & 0xffffffffu) * 1000000000u) >> 32);
}
