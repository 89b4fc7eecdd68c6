/* The system calls that the server needs after its start. The filter refuses all others, also those that a
 * newer kernel adds. */
#pragma once
#include <stdbool.h>

/* Reaction to a call that the list does not contain, or not with these arguments. */
enum system_call_refusal {
    SYSTEM_CALL_FAILS, /* ENOSYS: libraries then behave as on an old kernel */
    SYSTEM_CALL_KILLS, /* the process ends by SIGSYS, so that tests notice it */
};

/* Filters the calls of the calling thread and of all threads that it starts later, permanently. False: the
 * kernel has no filters. */
bool system_calls_filter(enum system_call_refusal);
