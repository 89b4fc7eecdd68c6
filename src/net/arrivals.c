#include "arrivals.h"
#include "callers.h"
#include "random.h"
#include <stdatomic.h>
#include <stdlib.h>

struct arrivals {
    struct arrivals_limits limits;
    struct callers callers;                /* their rates; they count nothing */
    _Atomic unsigned standing[CALLER_BUCKETS]; /* by index in callers */
};

struct arrivals *arrivals_new(const struct arrivals_limits *limits)
{
    struct arrivals *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->limits = *limits;
    random_bytes((uint8_t *)&a->callers.key, sizeof a->callers.key);
    return a;
}

void arrivals_free(struct arrivals *a) { free(a); }

static _Atomic unsigned *standing(struct arrivals *a, const struct caller *caller)
{
    return &a->standing[caller - a->callers.list];
}

/* Others only make it less meanwhile. */
bool arrivals_take(struct arrivals *a, const struct address *from, mp_time now)
{
    struct caller *caller = callers_find(&a->callers, from);
    if (!caller)
        return true;
    _Atomic unsigned *count = standing(a, caller);
    unsigned most = a->limits.connections;
    bool crowded = most && atomic_load_explicit(count, memory_order_relaxed) >= most;
    if (!caller_take(caller, a->limits.connections_per_s, now) || crowded)
        return false;
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    return true;
}

void arrivals_leave(struct arrivals *a, const struct address *from)
{
    struct caller *caller = a ? callers_find(&a->callers, from) : NULL;
    if (caller)
        atomic_fetch_sub_explicit(standing(a, caller), 1, memory_order_relaxed);
}
