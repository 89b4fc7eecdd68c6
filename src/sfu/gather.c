#include "sfu/gather.h"
#include "base/check.h"
#include "sfu/core.h"
#include "sfu/track_data.h"
#include "sfu/viewers.h"

#define GATHER_MAX MP_MS(1) /* counted from the first waiting packet, also if the marker was lost */
/* packets that arrive farther apart were paced by the sender or a slow link: waiting gains nothing */
#define GATHER_GAP     MP_US(200)
#define GATHER_VIEWERS 4 /* runs for fewer viewers cost less than one more wake-up */

static void append(struct track_queue *q, struct track *t, enum gather_state state)
{
    t->gather.state = state;
    t->gather.next = NULL;
    if (q->last)
        q->last->gather.next = t;
    else
        q->first = t;
    q->last = t;
}

static void take(struct track_queue *q, struct track *t)
{
    struct track **link = &q->first, *before = NULL;
    while (*link != t) {
        before = *link;
        link = &before->gather.next;
    }
    *link = t->gather.next;
    if (q->last == t)
        q->last = before;
    t->gather.state = GATHER_NONE;
}

static void make_ready(struct sfu *sfu, struct track *t)
{
    viewers_begin(&t->viewers);
    append(&sfu->ready, t, GATHER_READY);
}

/* Whether the pending packets are part of the newest frame, and that is incomplete. Late and recovered
 * packets are never delayed again. */
static bool has_rest(const struct track *t, const struct packet *p)
{
    return t->video && !p->media.marker && p->media.seq + 1 == t->history_end;
}

static void note_gap(struct gather *g, const struct packet *p)
{
    if (g->arrival && g->timestamp == p->media.timestamp)
        g->gap = (g->gap * 3 + mp_max(p->arrival - g->arrival, 0)) / 4;
    g->timestamp = p->media.timestamp;
    g->arrival = p->arrival;
}

void gather_packet(struct sfu *sfu, struct track *t, const struct packet *p, mp_time now)
{
    struct gather *g = &t->gather;
    if (p->media.seq + 1 == t->history_end)
        note_gap(g, p);
    if (g->state == GATHER_READY)
        return;
    bool rest = has_rest(t, p) && t->pending_count < RUN_PACKETS_MAX;
    if (g->state == GATHER_WAITS) {
        if (rest)
            return;
        take(&sfu->gathering, t);
    } else if (rest && g->gap <= GATHER_GAP && t->viewers.count >= GATHER_VIEWERS) {
        g->until = now + GATHER_MAX;
        append(&sfu->gathering, t, GATHER_WAITS);
        return;
    }
    make_ready(sfu, t);
}

void gather_sent(struct sfu *sfu)
{
    INVARIANT(sfu->ready.first != NULL);
    take(&sfu->ready, sfu->ready.first);
}

void gather_forget(struct sfu *sfu, struct track *t)
{
    if (t->gather.state != GATHER_NONE)
        take(t->gather.state == GATHER_READY ? &sfu->ready : &sfu->gathering, t);
}

void gather_timeout(struct sfu *sfu, mp_time now)
{
    struct track *t;
    while ((t = sfu->gathering.first) && t->gather.until <= now) {
        take(&sfu->gathering, t);
        make_ready(sfu, t);
    }
}

mp_time gather_deadline(const struct sfu *sfu)
{
    return sfu->gathering.first ? sfu->gathering.first->gather.until : MP_NEVER;
}
