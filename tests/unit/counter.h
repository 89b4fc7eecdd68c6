/* Counters that one thread raises and another waits for: the wait ends with the rise, not after a time. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#define COUNTER_PATIENCE_S 8 /* until a rise that must come counts as missing */

static pthread_mutex_t counter_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t counter_rose = PTHREAD_COND_INITIALIZER;

static inline void counter_raise(_Atomic int *counter)
{
    pthread_mutex_lock(&counter_lock);
    ++*counter;
    pthread_cond_broadcast(&counter_rose);
    pthread_mutex_unlock(&counter_lock);
}

/* Waits until the counter is at least that; false: it is not within COUNTER_PATIENCE_S. */
static inline bool counter_reaches(_Atomic int *counter, int value)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += COUNTER_PATIENCE_S;
    pthread_mutex_lock(&counter_lock);
    while (*counter < value && pthread_cond_timedwait(&counter_rose, &counter_lock, &until) == 0)
        ;
    bool reached = *counter >= value;
    pthread_mutex_unlock(&counter_lock);
    return reached;
}
