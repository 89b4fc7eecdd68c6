/* The system calls that serving needs. Every other one fails, whatever kernel this is: so what is not listed
 * needs no rule of its own, and what a newer kernel brings is refused before anybody here knows of it. */
#pragma once
#include <stdbool.h>

/* What happens to a call that is not listed, or has other arguments than those listed. */
enum system_call_refusal {
    SYSTEM_CALL_FAILS, /* ENOSYS: what a library does then is what it does on an old kernel */
    SYSTEM_CALL_KILLS, /* the process ends by SIGSYS: tests see it */
};

/* Of the calling thread and of all that it starts from then on; for good. False: the kernel has no
 * filters. */
bool system_calls_filter(enum system_call_refusal);
