#include "tests/sim/sim.h"
#include "base/check.h"
#include "base/log.h"
#include "tests/entropy.h"
#include "tests/sim/guest.h"
#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/scenario.h"
#include "tests/sim/server.h"
#include "tests/virtual_clock.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX (1 << 18)
#define TIME_FIRST MP_S(1000)

void event_at(struct sim *s, struct event *e, mp_time at) { heap_set(&s->events, &e->node, at); }

void event_before(struct sim *s, struct event *e, mp_time at)
{
    if (!e->node.index || at < e->node.at)
        heap_set(&s->events, &e->node, at);
}

void event_off(struct sim *s, struct event *e) { heap_set(&s->events, &e->node, MP_NEVER); }

void sim_until(struct sim *s, mp_time end)
{
    while (!s->stopped && heap_next(&s->events) <= end) {
        s->now = mp_max(s->now, heap_next(&s->events));
        struct event *e = (struct event *)heap_pop(&s->events, s->now);
        e->run(s, e);
    }
    s->now = mp_max(s->now, end);
}

void violated(struct sim *s, const char *invariant, const char *format, ...)
{
    va_list args;
    if (s->stopped)
        return;
    s->stopped = s->result.failed = true;
    s->result.invariant = invariant;
    va_start(args, format);
    vsnprintf(s->result.detail, sizeof s->result.detail, format, args);
    va_end(args);
    tell(s, "violated: %s: %s", invariant, s->result.detail);
}

void tell(struct sim *s, const char *format, ...)
{
    va_list args;
    if (!s->options.verbose)
        return;
    printf("%9.3f ", (double)(s->now - TIME_FIRST) / 1e9);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static void count(struct sim *s)
{
    struct sim_result *r = &s->result;
    for (unsigned w = 0; w < server_workers(s); w++) {
        const struct stats *stats = server_stats(s, w);
        r->rtx_out += stat_get(&stats->rtx_out);
        r->nack_in += stat_get(&stats->nack_in);
        r->asked += stat_get(&stats->nack_out);
        r->rtp_in += stat_get(&stats->rtp_in);
        r->pli_out += stat_get(&stats->pli_out);
        r->strays += stat_get(&stats->strays_out);
        for (unsigned i = 0; i < DROP_COUNT; i++)
            r->drops += stat_get(&stats->drops[i]);
    }
    r->duration = s->now - TIME_FIRST;
}

static uint64_t running; /* the seed */

static void crashed(int number)
{
    char text[64];
    int n = snprintf(text, sizeof text, "# seed %llu: signal %d\n", (unsigned long long)running, number);
    if (n > 0 && write(1, text, (size_t)n) < 0)
        _exit(3);
    signal(number, SIG_DFL);
    raise(number);
}

void sim_tell_crashes(void)
{
    signal(SIGABRT, crashed);
    signal(SIGSEGV, crashed);
}

static void quiet(enum log_level level, const char *line) {}

/* Frees the events that have not happened. */
static void drop_events(struct sim *s)
{
    struct heap_node *e;
    while ((e = heap_pop(&s->events, MP_NEVER)))
        free(e);
}

void sim_run(struct sim_result *result, uint64_t seed, const struct sim_options *options)
{
    struct sim *s = calloc(1, sizeof *s);
    INVARIANT(s && heap_init(&s->events, EVENTS_MAX));
    running = seed;
    s->options = *options;
    s->now = TIME_FIRST;
    prng_seed(&s->prng, seed);
    virtual_clock_follow(&s->now);
    entropy_from(seed);
    log_setup(LOG_LEVEL_ERROR, quiet);
    invariants_open(s);
    if (options->loss_percent || options->burst_percent || options->reorder_percent)
        scenario_links(s);
    else
        scenario_run(s);
    count(s);
    trace(s, s->result.frames);
    *result = s->result;
    for (unsigned i = 0; i < s->guest_count; i++)
        event_off(s, &s->guests[i]->timer);
    server_end(s);
    drop_events(s);
    server_close(s);
    for (unsigned i = 0; i < s->guest_count; i++)
        guest_free(s->guests[i]);
    network_free(s->network);
    invariants_close(s);
    heap_free(&s->events);
    virtual_clock_follow(NULL);
    free(s);
}
