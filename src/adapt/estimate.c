#include "adapt/estimate.h"
#include "adapt/probe.h"

_Static_assert(sizeof(struct estimate) + sizeof(struct probe) <= ESTIMATE_BYTES,
               "a viewer's line takes 4 KiB");

#define RTT_UNKNOWN    MP_MS(100)
#define RTT_MOST       MP_S(2)
#define SILENCE        MP_MS(500)
#define SILENCE_STEP   MP_MS(200)
#define SILENCE_FACTOR 0.8
#define RESUMES        0.85
#define OVER_LASTS     MP_MS(600) /* a short queue fills faster than standing.h sees that it stands */
#define PUBLISH_DOWN   0.97
#define PUBLISH_UP     1.08
#define REPORT_FEW     5  /* of 256: 2 % */
#define REPORT_MANY    26 /* of 256: 10 % */
#define REPORT_GAP     MP_MS(300)
#define QUEUE_OVER     MP_MS(150)
#define QUEUE_BACKLOG  MP_MS(400)
#define QUEUE_GAP      MP_MS(300)
#define PROBE_AFTER    MP_MS(800)
#define CARRIED_AFTER  MP_MS(1500)
#define DRAINED_AFTER  MP_S(1) /* the queue of packets that arrived, while no more are sent */
#define LOSS_LITTLE    0.02
#define PROBE_MOST     2.0 /* of the estimate */
#define PROBE_LOSS     1.5 /* of it, while loss bounds it */

static double within(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static mp_time rtt_within(mp_time rtt) { return rtt > 0 ? mp_min(rtt, RTT_MOST) : RTT_UNKNOWN; }

void estimate_begin(struct estimate *e, uint32_t most_bps)
{
    double first = within(ESTIMATE_FIRST, ESTIMATE_LEAST, most_bps);
    *e = (struct estimate){.aimd = {.bps = first, .most = most_bps}, .rtt = RTT_UNKNOWN};
    e->result.bps = (uint32_t)first;
}

void estimate_sent(struct estimate *e, uint16_t first, unsigned count, uint16_t size, uint16_t last,
                   unsigned flags, mp_time now)
{
    if (count == 0)
        return;
    runs_sent(&e->runs, first, count, size, last, flags, now);
    e->sent_bytes += (count - 1) * size + last;
    if (!e->unanswered)
        e->unanswered = now;
}

void estimate_sent_unnumbered(struct estimate *e, uint32_t bytes) { e->sent_bytes += bytes; }

static double bounded(const struct estimate *e, double bps)
{
    return within(bps, ESTIMATE_LEAST, e->aimd.most > ESTIMATE_LEAST ? e->aimd.most : ESTIMATE_LEAST);
}

static bool queues(const struct estimate *e)
{
    return standing_delay(&e->standing) > standing_limit(&e->standing);
}

bool estimate_overuse(const struct estimate *e, mp_time now)
{
    bool grew = e->over_at && now - e->over_at < OVER_LASTS;
    return queues(e) && grew;
}

static enum trend_state line_state(const struct estimate *e, mp_time now)
{
    if (estimate_overuse(e, now))
        return TREND_OVERUSE;
    return trend_state(&e->trend) == TREND_UNDERUSE && queues(e) ? TREND_UNDERUSE : TREND_NORMAL;
}

static bool says_anything(struct estimate *e, const struct groups *g, mp_time now)
{
    bool any = false;
    for (size_t i = 0; i < g->count; i++) {
        any |= g->list[i].arrived + g->list[i].lost > 0;
        if (g->list[i].arrived > 0)
            e->arrived = now;
    }
    return any;
}

/* The record does not age by itself: it is void while nothing arrives. */
static uint32_t acked(const struct estimate *e, mp_time now)
{
    return now - e->arrived < SILENCE + e->rtt ? acked_bps(&e->acked) : 0;
}

static void end_silence(struct estimate *e)
{
    if (e->before <= 0)
        return;
    double resumed = RESUMES * e->before;
    e->aimd.bps = e->aimd.bps > resumed ? e->aimd.bps : resumed;
    loss_raise(&e->loss, resumed);
    e->before = 0;
}

/* The line has just carried that much without a queue. The acknowledged rate is that of the last second:
 * after a fall it is still the rate that was too high. */
static void raise_to_carried(struct estimate *e, uint32_t acked, enum trend_state state, mp_time now)
{
    bool fell = e->aimd.decreased && now - e->aimd.decreased < CARRIED_AFTER;
    if (state == TREND_NORMAL && !queues(e) && !fell && acked > e->aimd.bps)
        e->aimd.bps = bounded(e, acked);
}

static void note_cause(struct estimate *e, enum trend_state state, mp_time now)
{
    if (e->loss.bps > 0 && e->loss.bps < 0.98 * e->aimd.bps && e->loss.average > LOSS_LITTLE)
        e->cause = ESTIMATE_LOSS;
    else if (state != TREND_NORMAL || (e->aimd.decreased && now - e->aimd.decreased < MP_S(1)))
        e->cause = ESTIMATE_DELAY;
    else
        e->cause = ESTIMATE_RISES;
}

void estimate_feedback(struct estimate *e, const struct groups *g, mp_time rtt, mp_time now)
{
    e->rtt = rtt_within(rtt);
    if (!says_anything(e, g, now))
        return;
    e->heard = now;
    e->unanswered = 0;
    trend_add(&e->trend, g, now);
    if (trend_state(&e->trend) == TREND_OVERUSE)
        e->over_at = now;
    standing_add(&e->standing, g);
    acked_add(&e->acked, g);
    bool observed = loss_add(&e->loss, g);
    if (e->own_queue)
        return;
    end_silence(e);
    uint32_t bps = acked(e, now);
    enum trend_state state = line_state(e, now);
    aimd_update(&e->aimd, state, bps, e->rtt, now);
    raise_to_carried(e, bps, state, now);
    if (observed)
        loss_update(&e->loss, e->aimd.bps, bps, queues(e), now);
    note_cause(e, state, now);
}

void estimate_report(struct estimate *e, uint8_t fraction_lost, mp_time rtt, mp_time now)
{
    if (e->heard || e->own_queue)
        return;
    e->rtt = rtt_within(rtt);
    mp_time since = e->aimd.updated ? mp_min(now - e->aimd.updated, MP_S(1)) : MP_S(1);
    if (fraction_lost > REPORT_MANY) {
        if (e->aimd.decreased && now - e->aimd.decreased < REPORT_GAP + e->rtt)
            return;
        e->aimd.bps *= 1 - fraction_lost / 512.0;
        e->aimd.decreased = now;
        e->cause = ESTIMATE_LOSS;
    } else if (fraction_lost < REPORT_FEW && e->aimd.bps < 1.5 * e->sent_bps) {
        double to = e->aimd.bps + 0.08 * e->aimd.bps * (double)since / 1e9;
        e->aimd.bps = to > e->sent_bps ? to : e->sent_bps; /* the line has carried that */
        e->cause = ESTIMATE_RISES;
    }
    e->aimd.bps = bounded(e, e->aimd.bps);
    e->aimd.updated = now;
}

void estimate_remb(struct estimate *e, uint64_t bps)
{
    if (e->heard || e->own_queue)
        return;
    double most = 2 * e->sent_bps, value = (double)bps;
    e->remb = bounded(e, most > ESTIMATE_LEAST && value > most ? most : value);
    if (e->remb > e->aimd.bps) /* the client measures its line, we do not */
        e->aimd.bps = e->remb;
}

static void queue_grows(struct estimate *e, double bps, mp_time waits, mp_time now)
{
    e->cause = waits > QUEUE_BACKLOG ? ESTIMATE_BACKLOG : ESTIMATE_QUEUE;
    if (e->aimd.decreased && now - e->aimd.decreased < QUEUE_GAP)
        return;
    double to = 0.85 * bps;
    e->aimd.bps = to < e->aimd.bps ? to : 0.85 * e->aimd.bps;
    e->aimd.decreased = now;
}

static void queue_is_empty(struct estimate *e, double seconds)
{
    e->cause = ESTIMATE_RISES;
    if (e->aimd.bps < 1.5 * e->sent_bps + 10000)
        e->aimd.bps += 0.08 * e->aimd.bps * seconds;
}

void estimate_queue(struct estimate *e, uint32_t queued, uint32_t drained, mp_time now)
{
    mp_time since = e->own_queue ? now - e->queue_at : 0;
    e->own_queue = true;
    e->queue_at = now;
    if (since <= 0)
        return;
    double seconds = (double)mp_min(since, MP_S(1)) / 1e9, drains = drained * 8e9 / (double)since;
    double rate = queued > 0 && drains > ESTIMATE_LEAST ? drains : e->aimd.bps;
    mp_time waits = (mp_time)(queued * 8e9 / rate);
    if (waits > QUEUE_OVER)
        queue_grows(e, drains, waits, now);
    else if (queued == 0)
        queue_is_empty(e, seconds);
    e->aimd.bps = bounded(e, e->aimd.bps);
}

void estimate_probed(struct estimate *e, uint32_t bps)
{
    double to = bounded(e, bps);
    if (to > e->aimd.bps)
        e->aimd.bps = to;
    loss_raise(&e->loss, to);
}

static void fall_silent(struct estimate *e, mp_time now)
{
    if (!e->heard || e->own_queue || !e->unanswered || now - e->unanswered < SILENCE + e->rtt)
        return;
    if (e->before <= 0) {
        e->before = e->aimd.bps;
        e->silent_at = now - SILENCE_STEP;
    }
    double floor = bounded(e, acked_bps(&e->acked));
    for (; now - e->silent_at >= SILENCE_STEP && e->aimd.bps > floor; e->silent_at += SILENCE_STEP)
        e->aimd.bps = SILENCE_FACTOR * e->aimd.bps > floor ? SILENCE_FACTOR * e->aimd.bps : floor;
    e->cause = ESTIMATE_SILENCE;
}

static void measure_sent(struct estimate *e, mp_time now)
{
    mp_time since = now - e->ticked;
    if (e->ticked && since > 0) {
        double share = within((double)since / 1e9, 0, 1), bps = e->sent_bytes * 8e9 / (double)since;
        e->sent_bps += share * (bps - e->sent_bps);
    }
    e->ticked = now;
    e->sent_bytes = 0;
}

static double current(const struct estimate *e)
{
    double bps = e->aimd.bps;
    if (!e->own_queue && e->heard && e->loss.bps > 0 && e->loss.bps < bps)
        bps = e->loss.bps;
    if (!e->own_queue && !e->heard && e->remb > 0 && e->remb < bps)
        bps = e->remb;
    return bounded(e, bps);
}

static bool differs(const struct estimate_result *from, const struct estimate_result *to, double most)
{
    if (to->bps <= PUBLISH_DOWN * from->bps || to->bps >= PUBLISH_UP * from->bps)
        return true;
    if (to->bps > from->bps && to->bps >= most)
        return true;
    return (from->cause == ESTIMATE_BACKLOG) != (to->cause == ESTIMATE_BACKLOG) ||
           (from->cause == ESTIMATE_SILENCE) != (to->cause == ESTIMATE_SILENCE);
}

bool estimate_tick(struct estimate *e, mp_time now)
{
    fall_silent(e, now);
    measure_sent(e, now);
    double bps = current(e);
    bool by_remb = !e->own_queue && !e->heard && e->remb > 0 && e->remb < e->aimd.bps;
    struct estimate_result result = {.bps = (uint32_t)bps,
                                     .acked_bps = acked(e, now),
                                     .cause = by_remb ? ESTIMATE_REMB : e->cause,
                                     .rising = e->cause == ESTIMATE_RISES};
    if (!differs(&e->result, &result, e->aimd.most))
        return false;
    e->result = result;
    return true;
}

uint32_t estimate_probe_most(const struct estimate *e, mp_time now)
{
    if (e->cause == ESTIMATE_SILENCE || e->cause == ESTIMATE_QUEUE || e->cause == ESTIMATE_BACKLOG)
        return 0;
    bool queue = queues(e) && now - e->arrived < DRAINED_AFTER;
    if (!e->own_queue && (queue || !e->heard))
        return 0;
    if (e->aimd.decreased && now - e->aimd.decreased < PROBE_AFTER)
        return 0;
    return (uint32_t)bounded(e, (e->cause == ESTIMATE_LOSS ? PROBE_LOSS : PROBE_MOST) * current(e));
}
