#include "base/watch.h"
#include "base/check.h"
#include "base/log.h"

void watch_add(struct watch *w, const char *name, const struct pulse *pulse)
{
    INVARIANT(w->count < WATCHED_MAX);
    struct watched *t = &w->threads[w->count++];
    snprintf(t->name, sizeof t->name, "%s", name);
    t->pulse = pulse;
}

static mp_time late(const struct watched *t, mp_time now)
{
    mp_time due = atomic_load_explicit(&t->pulse->due, memory_order_relaxed);
    return due && due < now ? now - due : 0;
}

static void look(struct watched *t, mp_time now)
{
    mp_time since = atomic_load_explicit(&t->since, memory_order_relaxed), by = late(t, now);
    if (!since && by >= WATCH_LATE) {
        atomic_store_explicit(&t->since, now - by, memory_order_relaxed);
        atomic_fetch_add_explicit(&t->stalls, 1, memory_order_relaxed);
        log_line(LOG_LEVEL_WARN, "thread stalled", "thread=\"%s\" ms=%lld", t->name,
                 (long long)(by / MP_MS(1)));
    } else if (since && by < WATCH_LATE) {
        atomic_store_explicit(&t->since, 0, memory_order_relaxed);
        log_line(LOG_LEVEL_WARN, "thread running again", "thread=\"%s\" ms=%lld", t->name,
                 (long long)((now - since) / MP_MS(1)));
    }
}

void watch_look(struct watch *w, mp_time now)
{
    mp_time over = w->looked ? now - w->looked - WATCH_LOOK : 0;
    w->looked = now;
    if (over >= WATCH_LATE) { /* the next look reports threads that are still late */
        atomic_fetch_add_explicit(&w->stops, 1, memory_order_relaxed);
        log_line(LOG_LEVEL_WARN, "process was stalled", "ms=%lld", (long long)(over / MP_MS(1)));
        return;
    }
    for (unsigned i = 0; i < w->count; i++)
        look(&w->threads[i], now);
}

const char *watch_sick(const struct watch *w, mp_time now)
{
    for (unsigned i = 0; i < w->count; i++) {
        mp_time since = atomic_load_explicit(&w->threads[i].since, memory_order_relaxed);
        if (since && now - since >= WATCH_SICK)
            return w->threads[i].name;
    }
    return NULL;
}

void watch_metrics(const struct watch *w, FILE *out, mp_time now)
{
    fputs("# HELP monoport_thread_late_seconds For how long a thread should have turned again\n"
          "# TYPE monoport_thread_late_seconds gauge\n",
          out);
    for (unsigned i = 0; i < w->count; i++)
        fprintf(out, "monoport_thread_late_seconds{thread=\"%s\"} %.3f\n", w->threads[i].name,
                (double)late(&w->threads[i], now) / 1e9);
    fputs("# HELP monoport_thread_stalls_total Times that a thread stood still\n"
          "# TYPE monoport_thread_stalls_total counter\n",
          out);
    for (unsigned i = 0; i < w->count; i++)
        fprintf(out, "monoport_thread_stalls_total{thread=\"%s\"} %llu\n", w->threads[i].name,
                (unsigned long long)atomic_load_explicit(&w->threads[i].stalls, memory_order_relaxed));
    fprintf(out,
            "# HELP monoport_process_stalls_total Times that the whole process was stalled\n"
            "# TYPE monoport_process_stalls_total counter\nmonoport_process_stalls_total %llu\n",
            (unsigned long long)atomic_load_explicit(&w->stops, memory_order_relaxed));
}
