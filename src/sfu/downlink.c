#include "sfu/downlink.h"
#include "proto/rtcp.h"
#include "proto/twcc.h"
#include "sfu/core.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"
#include "sfu/subscription_data.h"
#include "sfu/touched.h"

#define TELL_EVERY   MP_MS(500)
#define TELL_CHANGE  0.1 /* of the estimate */
#define MOST_BPS     UINT32_C(1000000000)
#define RTX_SMOOTHED 10 /* ticks */

struct downlink *downlink_new(struct sfu *sfu)
{
    struct downlink *d = slab_take(&sfu->downlink_slab);
    if (!d)
        return NULL;
    estimate_begin(&d->estimate, MOST_BPS);
    probe_init(&d->probe);
    d->tick_at = MP_NEVER;
    return d;
}

void downlink_free(struct sfu *sfu, struct downlink *d)
{
    if (d)
        slab_give(&sfu->downlink_slab, d);
}

/* Padding and, while a cluster is sent, media are told at once; else media earns its share at the tick. */
static unsigned flags_of(struct downlink *d, const struct downlink_run *run, uint32_t bytes, mp_time now)
{
    unsigned flags = run->retransmission ? RUN_RTX : 0;
    if (!run->padding && !(d->probing && run->numbered)) {
        d->unearned += bytes;
        return flags;
    }
    if (probe_sent(&d->probe, run->padding ? PROBE_PADDING : PROBE_MEDIA, run->count, bytes, now))
        flags |= RUN_PROBE;
    d->probing = probe_next(&d->probe) != MP_NEVER;
    return flags;
}

void downlink_sent(struct sfu *sfu, struct session *session, const struct downlink_run *run, mp_time now)
{
    struct downlink *d = session->downlink;
    uint32_t bytes = (run->count - 1) * run->size + run->last;
    unsigned flags = flags_of(d, run, bytes, now);
    if (run->numbered)
        estimate_sent(&d->estimate, run->first, run->count, run->size, run->last, flags, now);
    else
        estimate_sent_unnumbered(&d->estimate, bytes);
    if (run->retransmission)
        d->rtx_bytes += bytes;
    if (d->tick_at == MP_NEVER) {
        d->tick_at = mp_on_grid(now + DOWNLINK_TICK);
        touched_add(sfu, session);
    }
}

struct reader {
    struct runs *runs;
    struct groups groups;
};

static void status(void *context, uint16_t number, bool received, int64_t arrival_250us)
{
    struct reader *r = context;
    runs_receipt(r->runs, &r->groups, number, received, (uint32_t)arrival_250us);
}

static void note_loss(struct session *session, uint32_t arrived, uint32_t lost, mp_time now)
{
    struct redundancy *r = &session->downlink->redundancy;
    uint8_t before = r->blocks;
    redundancy_note(r, arrived, lost, now);
    for (struct subscription *s = session->subscriptions; s && r->blocks != before; s = s->next_of_session)
        s->blocks = s->red_payload_type ? r->blocks : 0;
}

static void note_groups(struct session *session, const struct groups *groups, mp_time now)
{
    uint32_t arrived = 0, lost = 0;
    for (size_t i = 0; i < groups->count; i++) {
        arrived += groups->list[i].arrived;
        lost += groups->list[i].lost;
    }
    note_loss(session, arrived, lost, now);
}

static void note_probe(struct downlink *d, const struct groups *groups, mp_time rtt, mp_time now)
{
    uint32_t bps = probe_feedback(&d->probe, groups, estimate_overuse(&d->estimate, now), rtt, now);
    d->probing = probe_next(&d->probe) != MP_NEVER;
    if (!bps)
        return;
    estimate_probed(&d->estimate, bps);
    d->proven = true;
    d->allocate_at = 0;
}

void downlink_feedback(struct sfu *sfu, struct session *session, const struct rtcp_view *v, mp_time now)
{
    struct downlink *d = session->downlink;
    struct twcc_feedback f;
    struct reader r;
    if (!d || v->body.len < 8)
        return;
    if (!rate_take(&d->feedback_rate, 1, FEEDBACK_PER_S, FEEDBACK_BURST, now)) {
        drop(sfu, DROP_FEEDBACK_RATE);
        return;
    }
    r.runs = &d->estimate.runs;
    runs_begin(&r.groups, now);
    if (!twcc_parse((struct bytes){v->body.data + 8, v->body.len - 8}, &f, status, &r))
        drop(sfu, DROP_RTCP_MALFORMED);
    stat_add(&stats_of(sfu)->feedback_in, 1);
    note_groups(session, &r.groups, now);
    estimate_feedback(&d->estimate, &r.groups, session->rtt, now);
    note_probe(d, &r.groups, session->rtt, now);
    d->heard |= d->estimate.heard != 0;
    d->tick_at = mp_min(d->tick_at, mp_on_grid(now));
}

void downlink_report(struct session *session, uint8_t fraction_lost, mp_time now)
{
    if (!session->downlink)
        return;
    estimate_report(&session->downlink->estimate, fraction_lost, session->rtt, now);
    if (!downlink_is_known(session)) /* a report about a second or more of packets */
        note_loss(session, 256u - fraction_lost, fraction_lost, now);
}

void downlink_remb(struct session *session, uint64_t bps)
{
    struct downlink *d = session->downlink;
    if (!d)
        return;
    estimate_remb(&d->estimate, bps);
    d->heard = true;
}

bool downlink_is_known(const struct session *session) { return session->downlink->estimate.heard != 0; }

void downlink_wake(struct session *session, mp_time at)
{
    session->downlink->tick_at = mp_min(session->downlink->tick_at, mp_on_grid(at));
}

void downlink_probe(struct session *session, mp_time now)
{
    struct downlink *d = session->downlink;
    uint32_t most = estimate_probe_most(&d->estimate, now);
    if (most && probe_want(&d->probe, d->estimate.result.bps, d->wanted_bps, most, now))
        d->probing = true;
}

uint32_t downlink_padding(const struct session *session, mp_time now)
{
    const struct downlink *d = session->downlink;
    return d && d->probing ? probe_due(&d->probe, now) : 0;
}

void downlink_cancel(struct session *session, mp_time now)
{
    probe_cancel(&session->downlink->probe, now);
    session->downlink->probing = false;
}

void downlink_moved(struct session *session, mp_time now)
{
    if (session->downlink)
        probe_changed(&session->downlink->probe, now);
}

mp_time downlink_deadline(const struct session *session)
{
    const struct downlink *d = session->downlink;
    return d ? mp_min(d->tick_at, d->probing ? probe_next(&d->probe) : MP_NEVER) : MP_NEVER;
}

static uint8_t cause_of(const struct downlink *d)
{
    static const uint8_t causes[] = {
        [ESTIMATE_START] = LINE_START, [ESTIMATE_RISES] = LINE_RISES,     [ESTIMATE_DELAY] = LINE_DELAY,
        [ESTIMATE_LOSS] = LINE_LOSS,   [ESTIMATE_SILENCE] = LINE_SILENCE, [ESTIMATE_REMB] = LINE_REMB,
        [ESTIMATE_QUEUE] = LINE_QUEUE, [ESTIMATE_BACKLOG] = LINE_QUEUE};
    return causes[d->estimate.result.cause];
}

static bool is_news(const struct downlink *d)
{
    double change = (double)d->estimate.result.bps - d->told_bps, least = TELL_CHANGE * d->told_bps;
    return change > least || -change > least || cause_of(d) != d->told_cause;
}

static void tell(struct sfu *sfu, struct session *session, mp_time now)
{
    struct downlink *d = session->downlink;
    if (!d->heard || (d->told_at && now - d->told_at < TELL_EVERY) || !is_news(d))
        return;
    d->told_at = now;
    d->told_bps = d->estimate.result.bps;
    d->told_cause = cause_of(d);
    outbox_emit(sfu,
                &(struct message){.type = MESSAGE_LINE,
                                  .to = TO_CONTROL,
                                  .session = session->id,
                                  .line = {.bps = d->told_bps,
                                           .acknowledged_bps = d->estimate.result.acked_bps,
                                           .cause = d->told_cause}},
                NULL);
}

static void measure_rtx(struct downlink *d)
{
    uint32_t bps = (uint32_t)(d->rtx_bytes * 8ull * MP_S(1) / DOWNLINK_TICK);
    d->rtx_bps += ((int64_t)bps - d->rtx_bps) / RTX_SMOOTHED;
    d->rtx_bytes = 0;
}

static void earn(struct downlink *d, mp_time now)
{
    if (d->probing)
        return;
    probe_sent(&d->probe, PROBE_MEDIA, 0, d->unearned, now);
    d->unearned = 0;
}

static bool is_congested(const struct estimate_result *r)
{
    return r->cause == ESTIMATE_DELAY || r->cause == ESTIMATE_LOSS || r->cause == ESTIMATE_QUEUE ||
           r->cause == ESTIMATE_BACKLOG;
}

bool downlink_timeout(struct sfu *sfu, struct session *session, mp_time now)
{
    struct downlink *d = session->downlink;
    if (!d || d->tick_at > now)
        return false;
    bool busy = d->estimate.sent_bytes || d->estimate.unanswered;
    uint32_t before = d->estimate.result.bps;
    d->tick_at = busy ? mp_on_grid(now + DOWNLINK_TICK) : MP_NEVER;
    d->idle = !d->estimate.sent_bytes;
    measure_rtx(d);
    earn(d, now);
    if (estimate_tick(&d->estimate, now)) {
        d->fell |= d->estimate.result.bps < before && is_congested(&d->estimate.result);
        d->allocate_at = 0;
    }
    tell(sfu, session, now);
    return true;
}
