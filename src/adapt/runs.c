#include "adapt/runs.h"

#define ARRIVAL_UNIT MP_US(250)
#define SENT_UNIT    MP_US(4)

static struct run *run_at(struct runs *r, uint32_t index) { return &r->ring[index % RUNS_KEPT]; }

static uint32_t oldest(const struct runs *r) { return r->end > RUNS_KEPT ? r->end - RUNS_KEPT : 0; }

static bool continues(struct runs *r, uint16_t first)
{
    if (r->end == 0)
        return true;
    const struct run *l = run_at(r, r->end - 1);
    return (uint16_t)(l->first + l->count) == first;
}

void runs_sent(struct runs *r, uint16_t first, unsigned count, uint16_t size, uint16_t last, unsigned flags,
               mp_time now)
{
    if (count > 0 && !continues(r, first))
        r->end = r->hint = 0;
    while (count > 0) {
        unsigned n = count < RUN_PACKETS ? count : RUN_PACKETS;
        count -= n;
        *run_at(r, r->end++) = (struct run){.first = first,
                                            .count = (uint8_t)n,
                                            .flags = (uint8_t)flags,
                                            .size = size,
                                            .last = count ? size : last,
                                            .sent = (uint32_t)(now / SENT_UNIT)};
        first = (uint16_t)(first + n);
    }
}

static bool holds(struct runs *r, uint32_t index, uint16_t number)
{
    const struct run *run = run_at(r, index);
    return (uint16_t)(number - run->first) < run->count;
}

/* The record holds at most 2048 consecutive numbers, so the distance from its first one orders them. */
static bool find(struct runs *r, uint16_t number, uint32_t *index)
{
    uint32_t low = oldest(r), high = r->end;
    if (low == high)
        return false;
    uint16_t first = run_at(r, low)->first;
    for (uint32_t i = r->hint; i >= low && i < high && i - r->hint < 2; i++) {
        if (holds(r, i, number)) {
            *index = r->hint = i;
            return true;
        }
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if ((uint16_t)(run_at(r, middle)->first - first) <= (uint16_t)(number - first))
            low = middle;
        else
            high = middle;
    }
    *index = r->hint = low;
    return holds(r, low, number);
}

/* Whether the arrival may be used. */
static bool in_time(struct runs *r, struct groups *g, uint32_t arrival)
{
    int64_t ahead = r->heard ? (int64_t)(int32_t)(arrival - r->newest_arrival) * ARRIVAL_UNIT : 0;
    if (ahead > RUNS_RESTART || ahead < -RUNS_RESTART) {
        r->restarted++;
        r->heard = false;
        g->count = 0; /* their arrivals are of the other clock */
        g->restarted = true;
    } else if (ahead < -RUNS_LATE) {
        r->reversed++;
        return false;
    }
    if (!r->heard || ahead > 0)
        r->newest_arrival = arrival;
    r->heard = true;
    return true;
}

static mp_time time_sent(const struct run *run, mp_time now)
{
    uint32_t age = (uint32_t)(now / SENT_UNIT) - run->sent;
    return (now / SENT_UNIT - age) * SENT_UNIT;
}

static struct group *group_of(struct runs *r, struct groups *g, uint32_t index)
{
    if (g->count > 0 && g->last == index)
        return &g->list[g->count - 1];
    if (g->count ==
        RUNS_KEPT) /* numbers that jump back and forth: they are in the record, but not in order */
        return NULL;
    const struct run *run = run_at(r, index);
    g->last = index;
    g->list[g->count] = (struct group){.sent = time_sent(run, g->now), .flags = run->flags};
    return &g->list[g->count++];
}

static void count_missing(struct run *run, struct group *group, uint16_t bit, uint32_t size)
{
    if ((run->arrived | run->missed) & bit)
        return;
    run->missed |= bit;
    group->lost++;
    group->lost_bytes += size;
}

static void count_arrived(struct run *run, struct group *group, uint16_t bit, uint32_t size, uint32_t arrival)
{
    if (group->arrived == 0 || (int32_t)(arrival - group->arrival) > 0)
        group->arrival = arrival;
    if (group->arrived == 0 || (int32_t)(arrival - group->earliest) < 0)
        group->earliest = arrival;
    run->arrived |= bit;
    group->arrived++;
    group->bytes += size;
    group->late_bytes += run->missed & bit ? size : 0;
}

void runs_begin(struct groups *g, mp_time now)
{
    g->count = 0;
    g->now = now;
    g->restarted = false;
}

void runs_receipt(struct runs *r, struct groups *g, uint16_t number, bool received, uint32_t arrival)
{
    uint32_t index;
    if (!find(r, number, &index)) {
        r->unknown++;
        return;
    }
    struct run *run = run_at(r, index);
    unsigned i = (uint16_t)(number - run->first);
    uint16_t bit = (uint16_t)(1u << i);
    if (received && (run->arrived & bit)) {
        r->repeated++;
        return;
    }
    if (received && !in_time(r, g, arrival))
        return;
    struct group *group = group_of(r, g, index);
    if (!group)
        return;
    uint32_t size = i + 1u == run->count ? run->last : run->size;
    if (received)
        count_arrived(run, group, bit, size, arrival);
    else
        count_missing(run, group, bit, size);
}
