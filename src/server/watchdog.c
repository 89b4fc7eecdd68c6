#include "server/watchdog.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/notify.h"
#include "net/thread.h"
#include <stdlib.h>
#include <unistd.h>

struct watchdog {
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    struct loop *loop;
    int manager; /* -1: there is none */
    mp_time told_at;
    struct watch watch;
};

static void *run(void *context)
{
    struct watchdog *d = context;
    notify_say(d->manager, "READY=1");
    while (!atomic_load(&d->stop)) {
        mp_time now = clock_now();
        watch_look(&d->watch, now);
        if (d->told_at <= now && !watch_sick(&d->watch, now)) {
            notify_say(d->manager, "WATCHDOG=1");
            d->told_at = now + MP_S(1);
        }
        loop_wait(d->loop, WATCH_LOOK);
    }
    notify_say(d->manager, "STOPPING=1");
    return NULL;
}

struct watchdog *watchdog_new(void)
{
    struct watchdog *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->manager = notify_open();
    d->loop = loop_new();
    if (d->loop)
        return d;
    watchdog_free(d);
    return NULL;
}

struct watch *watchdog_watch(struct watchdog *d) { return &d->watch; }

bool watchdog_start(struct watchdog *d)
{
    d->started = thread_start(&d->thread, "watchdog", run, d);
    return d->started;
}

void watchdog_stop(struct watchdog *d)
{
    if (!d->started)
        return;
    atomic_store(&d->stop, true);
    loop_wake(d->loop);
    pthread_join(d->thread, NULL);
    d->started = false;
}

void watchdog_free(struct watchdog *d)
{
    if (!d)
        return;
    watchdog_stop(d);
    if (d->manager >= 0)
        close(d->manager);
    loop_free(d->loop);
    free(d);
}
