#include "signal/signaling.h"
#include "signal/state.h"
#include <stdio.h>
#include <stdlib.h>

static void head(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP monoport_%s %s\n# TYPE monoport_%s %s\n", name, help, name, type);
}

static void single(FILE *f, const char *name, const char *type, const char *help, uint64_t value)
{
    head(f, name, type, help);
    fprintf(f, "monoport_%s %llu\n", name, (unsigned long long)value);
}

static void by_worker(FILE *f, const struct signal_config *c, const char *name, const char *type,
                      const char *help, size_t offset)
{
    head(f, name, type, help);
    for (unsigned w = 0; w < c->workers; w++) {
        const _Atomic uint64_t *value = (const void *)((const char *)c->stats[w] + offset);
        fprintf(f, "monoport_%s{worker=\"%u\"} %llu\n", name, w, (unsigned long long)stat_get(value));
    }
}

static void drops(FILE *f, const struct signal_config *c)
{
#define X(name, label) label,
    static const char *const labels[] = {DROP_REASONS(X)};
#undef X
    head(f, "drops_total", "counter", "Datagrams and packets dropped, by reason");
    for (unsigned w = 0; w < c->workers; w++)
        for (int r = 0; r < DROP_COUNT; r++)
            fprintf(f, "monoport_drops_total{worker=\"%u\",reason=\"%s\"} %llu\n", w, labels[r],
                    (unsigned long long)stat_get(&c->stats[w]->drops[r]));
}

char *signal_metrics(struct signaling *s, size_t *len, mp_time now)
{
    const struct signal_config *c = &s->config;
    char *text = NULL;
    FILE *f = open_memstream(&text, len);
    if (!f)
        return NULL;
    head(f, "build_info", "gauge", "The version that runs");
    fprintf(f, "monoport_build_info{version=\"%s\"} 1\n", c->version);
    single(f, "rooms", "gauge", "Rooms with participants", s->room_count);
    single(f, "participants", "gauge", "Participants that joined", s->participant_count);
    single(f, "joins_total", "counter", "Joins", s->joins);
    single(f, "leaves_total", "counter", "Leaves, of all kinds", s->leaves);
    single(f, "session_failures_total", "counter", "Sessions that ended by themselves", s->failures);
    single(f, "signaling_errors_total", "counter", "Errors told to clients", s->errors);
    single(f, "offers_total", "counter", "Offers sent", s->offers);
    single(f, "answers_total", "counter", "Answers sent", s->answers);
    single(f, "views_total", "counter", "Views of pictures, as told to workers", s->views);
    single(f, "views_unknown_total", "counter", "Views of sections in which no picture is sent",
           s->views_unknown);
    single(f, "viewings_total", "counter", "Messages to clients about the form of their pictures",
           s->viewings_told);
    single(f, "packet_pool_size", "gauge", "Packets of each worker's pool", c->packets);
    by_worker(f, c, "sessions", "gauge", "Sessions", offsetof(struct stats, sessions));
    by_worker(f, c, "tracks", "gauge", "Tracks: published here, or watched here",
              offsetof(struct stats, tracks));
    by_worker(f, c, "subscriptions", "gauge", "Viewers of tracks", offsetof(struct stats, subscriptions));
    by_worker(f, c, "streams", "gauge", "TCP connections that carry datagrams",
              offsetof(struct stats, streams));
    by_worker(f, c, "packet_pool_used", "gauge", "Packets in use", offsetof(struct stats, pool_used));
    by_worker(f, c, "turn_allocations", "gauge", "Allocations of TURN clients",
              offsetof(struct stats, allocations));
#define X(name, help) by_worker(f, c, #name "_total", "counter", help, offsetof(struct stats, name));
    STATS_COUNTERS(X)
#undef X
    drops(f, c);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
