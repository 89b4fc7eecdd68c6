#include "adapt/probe.h"

#define STEP        MP_MS(5)
#define LASTS       MP_MS(15)
#define PACKETS     5
#define SENDS       3
#define BYTES_LEAST 3000
#define ABOVE       200000 /* bit/s: least step above the estimate */
#define WAITS       MP_MS(250)
#define CREDIT_MOST 60000
#define ACCEPTED    0.95
#define AFTER_GOOD  MP_MS(100)

void probe_init(struct probe *p) { *p = (struct probe){.credit = PROBE_CREDIT}; }

static bool running(const struct probe *p) { return p->began && !p->ended; }

static uint32_t goal(uint32_t estimate, uint32_t step, uint32_t most)
{
    uint64_t to = (uint64_t)step * 6 / 5, least = (uint64_t)estimate + ABOVE;
    to = to > least ? to : least;
    return to < most ? (uint32_t)to : most;
}

bool probe_want(struct probe *p, uint32_t estimate_bps, uint32_t step_bps, uint32_t most_bps, mp_time now)
{
    if (p->began || now < p->next || step_bps <= estimate_bps)
        return false;
    uint32_t to = goal(estimate_bps, step_bps, most_bps);
    uint64_t bytes = (uint64_t)to * (uint64_t)LASTS / 8000000000u;
    bytes = bytes > BYTES_LEAST ? bytes : BYTES_LEAST;
    if (to < estimate_bps + estimate_bps / 10 || (int64_t)bytes > p->credit)
        return false;
    *p = (struct probe){.began = now,
                        .next = now + PROBE_GAP,
                        .goal = to,
                        .least = (uint32_t)bytes,
                        .credit = p->credit,
                        .shares = p->shares,
                        .good = p->good,
                        .failed = p->failed};
    return true;
}

mp_time probe_next(const struct probe *p)
{
    if (!running(p))
        return MP_NEVER;
    return p->sends ? p->last_send + STEP : p->began;
}

uint32_t probe_due(const struct probe *p, mp_time now)
{
    if (!running(p) || now < probe_next(p))
        return 0;
    mp_time passed = mp_min(now - p->began, MP_S(1)) + STEP;
    uint64_t bytes = (uint64_t)p->goal * (uint64_t)passed / 8000000000u;
    if (bytes <= p->bytes)
        return 1; /* media took it all: one small packet more keeps the sends apart */
    return (uint32_t)bytes - p->bytes;
}

static bool is_whole(const struct probe *p, mp_time now)
{
    return p->bytes >= p->least && p->packets >= PACKETS && p->sends >= SENDS && now - p->began >= LASTS;
}

static void earn(struct probe *p, uint32_t bytes)
{
    p->shares += (int32_t)(bytes < 1000000 ? bytes : 1000000);
    p->credit += p->shares / PROBE_SHARE;
    p->shares %= PROBE_SHARE;
    p->credit = p->credit < CREDIT_MOST ? p->credit : CREDIT_MOST;
}

static void spend(struct probe *p, uint32_t bytes)
{
    p->credit -= (int32_t)(bytes < CREDIT_MOST ? bytes : CREDIT_MOST);
    p->credit = p->credit > -CREDIT_MOST ? p->credit : -CREDIT_MOST;
}

bool probe_sent(struct probe *p, enum probe_kind kind, unsigned packets, uint32_t bytes, mp_time now)
{
    if (kind == PROBE_PADDING)
        spend(p, bytes);
    else
        earn(p, bytes);
    if (!running(p))
        return false;
    if (p->sends == 0)
        p->began = now;
    if (p->sends == 0 || now > p->last_send) {
        p->sends++;
        p->last_bytes = 0;
    }
    p->last_send = now;
    p->packets += packets;
    p->bytes += bytes;
    p->last_bytes += bytes;
    if (is_whole(p, now))
        p->ended = now;
    return true;
}

static void note(struct probe *p, const struct group *g)
{
    if (p->told_packets == 0) {
        p->first_arrival = p->last_arrival = g->arrival;
        p->first_bytes = g->bytes;
    } else if ((int32_t)(g->arrival - p->first_arrival) < 0) {
        p->first_arrival = g->arrival;
        p->first_bytes = g->bytes;
    }
    if ((int32_t)(g->arrival - p->last_arrival) > 0)
        p->last_arrival = g->arrival;
    p->told_packets += g->arrived;
    p->told_bytes += g->bytes;
}

/* The first group came before the time that is counted, the last one was sent after it. */
static uint32_t proven(const struct probe *p)
{
    if (p->told_packets * 5 < p->packets * 4 || (uint64_t)p->told_bytes * 5 < (uint64_t)p->bytes * 4)
        return 0;
    double sent = (p->bytes - p->last_bytes) * 8e9 / (double)(p->ended - p->began);
    mp_time took = (int32_t)(p->last_arrival - p->first_arrival) * MP_US(250);
    double came = took > 0 ? (p->told_bytes - p->first_bytes) * 8e9 / (double)took : sent;
    double rate = ACCEPTED * (came < sent ? came : sent);
    return rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
}

static uint32_t end(struct probe *p, uint32_t rate, mp_time now)
{
    bool good = rate >= ACCEPTED * 0.8 * p->goal;
    p->good += good;
    p->failed += !good;
    if (good)
        p->next = now + AFTER_GOOD;
    p->began = p->ended = 0;
    return rate;
}

uint32_t probe_feedback(struct probe *p, const struct groups *g, bool overuse, mp_time rtt, mp_time now)
{
    if (!p->began)
        return 0;
    for (size_t i = 0; i < g->count; i++) {
        const struct group *group = &g->list[i];
        if (group->flags & RUN_PROBE && group->arrived > 0 && group->sent + MP_US(4) >= p->began)
            note(p, group);
    }
    if (overuse || now - p->began > MP_S(2))
        return end(p, 0, now);
    if (!p->ended)
        return 0;
    if (p->told_packets >= p->packets || now - p->ended > rtt + WAITS)
        return end(p, proven(p), now);
    return 0;
}

void probe_cancel(struct probe *p, mp_time now)
{
    if (p->began)
        end(p, 0, now);
}

void probe_changed(struct probe *p, mp_time now) { p->next = mp_min(p->next, now); }
