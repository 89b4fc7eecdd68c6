/* Detection of stalled threads. Each thread stores at every turn the time by which its next turn is due. A
 * thread that is late by more than WATCH_LATE is stalled: the log and a counter report it, and another line
 * reports its recovery. After WATCH_SICK the process is unhealthy.
 *
 * A thread's part is one store a turn. Only the watching thread uses the rest; it looks every WATCH_LOOK.
 * Exceptions are marked below. If the watching thread itself is late, the whole process was stalled, and no
 * thread is reported. */
#pragma once
#include "base/limits.h"
#include "base/time.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#define WATCH_BEAT MP_S(1) /* the longest turn of an idle thread */
#define WATCH_LOOK MP_MS(250)
#define WATCH_LATE MP_MS(500)
#define WATCH_SICK MP_S(2)

struct pulse {
    _Atomic mp_time due; /* 0: the thread has not begun, or has ended */
};

/* For the thread itself: `due` is now if it works, or the time until which it sleeps. */
static inline void pulse_turn(struct pulse *p, mp_time due)
{
    atomic_store_explicit(&p->due, due, memory_order_relaxed);
}

struct watched {
    char name[16];
    const struct pulse *pulse;
    _Atomic mp_time since; /* stalled since; 0: not stalled */
    _Atomic uint64_t stalls;
};

struct watch {
    unsigned count;
    mp_time looked;
    _Atomic uint64_t stops; /* stops of the whole process */
    struct watched threads[WATCHED_MAX];
};

void watch_add(struct watch *, const char *name, const struct pulse *); /* before the first look */
void watch_look(struct watch *, mp_time now);
/* From any thread: the name of a thread that is stalled for WATCH_SICK; NULL: none. */
const char *watch_sick(const struct watch *, mp_time now);
void watch_metrics(const struct watch *, FILE *, mp_time now); /* Prometheus text; from any thread */
