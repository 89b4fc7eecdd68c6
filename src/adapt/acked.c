#include "adapt/acked.h"

#define MERGED                                                                                               \
    10000 /* us: later arrivals join the last entry, so that 64 entries cover more than half a second */

static const struct acked_group *at(const struct acked *a, uint32_t index)
{
    return &a->ring[index % ACKED_KEPT];
}

static int32_t since(uint32_t from, uint32_t to) { return (int32_t)(to - from); }

static void append(struct acked *a, uint32_t sent, uint32_t arrival, uint32_t bytes)
{
    a->ring[a->end++ % ACKED_KEPT] = (struct acked_group){sent, arrival, bytes};
    if (a->end - a->first > ACKED_KEPT)
        a->first = a->end - ACKED_KEPT;
    while (since(at(a, a->first)->sent, sent) > ACKED_WINDOW / 1000)
        a->first++;
}

/* An entry's bytes were all sent after the entry before it: bytes that count in another entry than their own
 * would let a receiver move what was sent in a second into a shorter time. */
static void add_late(struct acked *a, uint32_t sent, uint32_t bytes)
{
    uint32_t i = a->end - 1;
    while (i != a->first && since(at(a, i - 1)->sent, sent) <= 0)
        i--;
    if (i != a->first)
        a->ring[i % ACKED_KEPT].bytes += bytes;
}

static void add(struct acked *a, uint32_t sent, uint32_t arrival, uint32_t bytes)
{
    if (a->end == a->first) {
        append(a, sent, arrival, bytes);
        return;
    }
    struct acked_group *last = &a->ring[(a->end - 1) % ACKED_KEPT];
    if (since(last->sent, sent) < 0) {
        add_late(a, sent, bytes);
        return;
    }
    if (since(last->arrival, arrival) < 0)
        arrival = last->arrival;
    if (since(last->arrival, arrival) < MERGED && since(last->sent, sent) < MERGED)
        last->bytes += bytes;
    else
        append(a, sent, arrival, bytes);
}

void acked_add(struct acked *a, const struct groups *g)
{
    if (g->restarted)
        a->first = a->end;
    for (size_t i = 0; i < g->count; i++) {
        const struct group *group = &g->list[i];
        if (group->arrived > 0)
            add(a, (uint32_t)(group->sent / 1000), group->arrival * 250, group->bytes);
    }
}

struct span { /* us from the first entry to the last, and the two largest steps on the way */
    int32_t total, largest, second;
};

static void step(struct span *s, int32_t us)
{
    s->total += us;
    if (us > s->largest) {
        s->second = s->largest;
        s->largest = us;
    } else if (us > s->second) {
        s->second = us;
    }
}

/* One pause (the sender had nothing, the receiver's thread slept) does not lower the rate. */
static int32_t without_pause(const struct span *s) { return s->total - s->largest + s->second; }

uint32_t acked_bps(const struct acked *a)
{
    struct span sent = {0}, arrival = {0};
    uint64_t bytes = 0;
    for (uint32_t i = a->first; i + 1 < a->end; i++) {
        step(&sent, since(at(a, i)->sent, at(a, i + 1)->sent));
        step(&arrival, since(at(a, i)->arrival, at(a, i + 1)->arrival));
        bytes += at(a, i + 1)->bytes; /* the first entry's bytes came before the time that is counted */
    }
    int32_t us =
        without_pause(&sent) > without_pause(&arrival) ? without_pause(&sent) : without_pause(&arrival);
    if (us < ACKED_LEAST / 1000)
        return 0;
    uint64_t bps = bytes * 8000000u / (uint64_t)us;
    return bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
}
