/* News of participants for their room. One message to everybody in a large room costs as much as hundreds of
 * requests. So a participant's state is told only if it changed, and a few times a second at most; and a room
 * over its budget waits. The news tell the state of the moment when they are sent: a change that was undone
 * is not told, and neither is a participant that came and left meanwhile.
 *
 * Timer: a participant whose state was told rests for a moment; if its state then differs, it is told
 * again. */
#include "signal/state.h"
#include <stdio.h>
#include <stdlib.h>

#define REST (MP_S(1) / UPDATES_PER_S)

bool news_waiting(const struct room *room)
{
    return !TAILQ_EMPTY(&room->news) || !TAILQ_EMPTY(&room->departed) || speakers_waiting(room);
}

static void wait_to_be_told(struct participant *p)
{
    if (p->news.waiting)
        return;
    p->news.waiting = true;
    TAILQ_INSERT_TAIL(&p->room->news, p, news.next);
    turn_wanted(p->signaling, p->room);
}

void news_joined(struct participant *p) { wait_to_be_told(p); }

static bool changed(const struct participant *p)
{
    return p->news.audio_muted != p->audio_muted || p->news.video_muted != p->video_muted;
}

void news_changed(struct participant *p)
{
    if (!p->news.resting && changed(p))
        wait_to_be_told(p);
}

static void withdraw(struct participant *p)
{
    if (p->news.waiting)
        TAILQ_REMOVE(&p->room->news, p, news.next);
    if (p->news.resting)
        TAILQ_REMOVE(&p->signaling->resting, p, news.next);
    p->news.waiting = p->news.resting = false;
}

/* Later arrivals know it from their own `joined`, even if the others do not. */
void news_left(struct participant *p)
{
    uint64_t from = p->news.joined ? 0 : p->arrival + 1, until = p->signaling->arrivals + 1;
    struct departed *d = from < until ? malloc(sizeof *d) : NULL;
    withdraw(p);
    if (!d)
        return;
    d->from = from;
    d->until = until;
    memcpy(d->id, p->id, sizeof d->id);
    TAILQ_INSERT_TAIL(&p->room->departed, d, next);
    turn_wanted(p->signaling, p->room);
}

static void tell_departed(struct room *room, struct departed *d)
{
    TAILQ_REMOVE(&room->departed, d, next);
    say_room(room, NULL, d->from, d->until, json_pack("{s:s, s:s}", "type", "participant-left", "id", d->id));
    free(d);
}

static void tell_joined(struct participant *p)
{
    p->news.joined = true;
    say_room(p->room, p, 0, p->arrival,
             json_pack("{s:s, s:o}", "type", "participant-joined", "participant", say_describe(p)));
}

static void tell_changed(struct participant *p, mp_time now)
{
    say_room(p->room, p, 0, UINT64_MAX,
             json_pack("{s:s, s:o}", "type", "participant-updated", "participant", say_describe(p)));
    p->news.resting = true;
    p->news.rested_at = now + REST;
    TAILQ_INSERT_TAIL(&p->signaling->resting, p, news.next);
}

static void tell(struct participant *p, mp_time now)
{
    withdraw(p);
    if (!p->news.joined)
        tell_joined(p);
    else if (changed(p))
        tell_changed(p, now);
    p->news.audio_muted = p->audio_muted;
    p->news.video_muted = p->video_muted;
}

bool news_next(struct room *room, mp_time now)
{
    if (!news_waiting(room) || !rate_take(&room->news_budget, 0, ROOM_NEWS_PER_S, ROOM_NEWS_BURST, now))
        return false;
    if (!TAILQ_EMPTY(&room->departed))
        tell_departed(room, TAILQ_FIRST(&room->departed));
    else if (TAILQ_EMPTY(&room->news))
        speakers_tell(room); /* of participants that the room knows by now */
    else
        tell(TAILQ_FIRST(&room->news), now);
    return true;
}

void news_forget(struct room *room)
{
    struct departed *d;
    while ((d = TAILQ_FIRST(&room->departed))) {
        TAILQ_REMOVE(&room->departed, d, next);
        free(d);
    }
}

void news_rested(struct signaling *s, mp_time now)
{
    struct participant *p;
    while ((p = TAILQ_FIRST(&s->resting)) && p->news.rested_at <= now) {
        TAILQ_REMOVE(&s->resting, p, news.next);
        p->news.resting = false;
        news_changed(p);
    }
}
