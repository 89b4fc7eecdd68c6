#include "net/arrivals.h"
#include "base/callers.h"
#include "net/random.h"
#include <pthread.h>
#include <stdlib.h>

struct arrivals {
    struct arrivals_limits limits;
    pthread_mutex_t lock; /* guards `callers` */
    struct callers callers;
};

struct arrivals *arrivals_new(const struct arrivals_limits *limits)
{
    struct arrivals *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->limits = *limits;
    pthread_mutex_init(&a->lock, NULL);
    random_bytes((uint8_t *)&a->callers.key, sizeof a->callers.key);
    return a;
}

void arrivals_free(struct arrivals *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static bool count(struct caller *caller, unsigned most)
{
    bool room = !most || caller->count < most;
    caller->count += room;
    return room;
}

bool arrivals_take(struct arrivals *a, const struct address *from, mp_time now)
{
    struct caller *caller = a ? callers_find(&a->callers, from) : NULL;
    if (!caller)
        return true;
    pthread_mutex_lock(&a->lock);
    bool taken =
        caller_take(caller, a->limits.connections_per_s, now) && count(caller, a->limits.connections);
    pthread_mutex_unlock(&a->lock);
    return taken;
}

bool arrivals_take_to_refuse(struct arrivals *a, const struct address *from)
{
    struct caller *caller = callers_find(&a->callers, from);
    pthread_mutex_lock(&a->lock);
    bool taken = count(caller, 2 * a->limits.connections);
    pthread_mutex_unlock(&a->lock);
    return taken;
}

void arrivals_leave(struct arrivals *a, const struct address *from)
{
    struct caller *caller = a ? callers_find(&a->callers, from) : NULL;
    if (!caller)
        return;
    pthread_mutex_lock(&a->lock);
    caller->count--;
    pthread_mutex_unlock(&a->lock);
}
