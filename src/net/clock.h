/* The only code that asks the kernel for the time. */
#pragma once
#include "base/time.h"

mp_time clock_now(void);        /* monotonic; > 0 */
int64_t clock_wall(void);       /* s since 1970 */
mp_time clock_wall_unix(void);  /* Unix time (ns) at monotonic 0, as of now */
mp_time clock_wall_ntp(void);   /* NTP time (ns since 1900) at monotonic 0, as of now */
mp_time clock_thread_cpu(void); /* CPU time of the calling thread */
/* "2026-01-31T12:00:00.000Z". Returns `text`. */
const char *clock_text(char text[25]);
