/* Whether threads go on turning. Each says at every turn by when it will have turned again; who is WATCH_LATE
 * over that stands still: a line in the log and a count, and another line when it goes on. After WATCH_SICK
 * the process is not well.
 *
 * The thread's part is a store a turn; the rest belongs to one thread that watches and looks every
 * WATCH_LOOK, but for what says so. When the watching thread itself comes late, the whole process stood
 * still, and nobody in it is to blame. */
#pragma once
#include "limits.h"
#include "mptime.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#define WATCH_BEAT MP_S(1) /* a thread that has nothing to do turns as often */
#define WATCH_LOOK MP_MS(250)
#define WATCH_LATE MP_MS(500)
#define WATCH_SICK MP_S(2)

struct pulse {
    _Atomic mp_time due; /* 0: the thread has not begun, or has ended */
};

/* The thread's own: it works, and will have turned again at once; or it sleeps until then. */
static inline void pulse_turn(struct pulse *p, mp_time due)
{
    atomic_store_explicit(&p->due, due, memory_order_relaxed);
}

struct watched {
    char name[16];
    const struct pulse *pulse;
    _Atomic mp_time since; /* it stands still since then; 0: it does not */
    _Atomic uint64_t stalls;
};

struct watch {
    unsigned count;
    mp_time looked;
    _Atomic uint64_t stops; /* of the whole process */
    struct watched threads[WATCHED_MAX];
};

void watch_add(struct watch *, const char *name, const struct pulse *); /* before the first look */
void watch_look(struct watch *, mp_time now);
/* From any thread: the name of one that stands still for too long; NULL: all is well. */
const char *watch_sick(const struct watch *, mp_time now);
void watch_metrics(const struct watch *, FILE *, mp_time now); /* Prometheus text; from any thread */
