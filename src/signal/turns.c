/* Scheduling of rooms. Clients' texts, a room's news and its members' offers wait in that room, and rooms
 * take turns. A turn is one text, one piece of news and one offer, the oldest of each. So a client waits for
 * at most one turn of each other room, and the caller decides after each turn whether there is time for
 * another.
 *
 * Timer: a room whose budget is used up is looked at again after TURN_LOOK. */
#include "signal/protocol.h"
#include "signal/state.h"
#include <stdlib.h>

#define TURN_LOOK MP_MS(20)

/* --- rooms --- */

void turns_init(struct room *room)
{
    TAILQ_INIT(&room->unheard);
    TAILQ_INIT(&room->dirty);
    TAILQ_INIT(&room->news);
    TAILQ_INIT(&room->departed);
}

static void put(struct signaling *s, struct room *room, enum room_turn turn)
{
    if (room->turn != TURN_NONE)
        TAILQ_REMOVE(&s->turns[room->turn], room, turn_next);
    if (turn != TURN_NONE)
        TAILQ_INSERT_TAIL(&s->turns[turn], room, turn_next);
    room->turn = turn;
}

void turns_forget(struct signaling *s, struct room *room)
{
    put(s, room, TURN_NONE);
    news_forget(room);
}

void turn_wanted(struct signaling *s, struct room *room)
{
    if (room->turn != TURN_NEXT)
        put(s, room, TURN_NEXT);
}

void turns_rich(struct signaling *s)
{
    struct room *room;
    while ((room = TAILQ_FIRST(&s->turns[TURN_LATER])))
        put(s, room, TURN_NEXT);
    s->turns_at = MP_NEVER;
}

/* --- what clients say --- */

void words_wait(struct participant *p)
{
    if (p->unheard_in || STAILQ_EMPTY(&p->words))
        return;
    p->unheard_in = p->room && p->state != SESSION_NOT_OPEN ? p->room : &p->signaling->lobby;
    TAILQ_INSERT_TAIL(&p->unheard_in->unheard, p, unheard_next);
    turn_wanted(p->signaling, p->unheard_in);
}

void words_leave(struct participant *p)
{
    if (p->unheard_in)
        TAILQ_REMOVE(&p->unheard_in->unheard, p, unheard_next);
    p->unheard_in = NULL;
}

bool words_keep(struct participant *p, const char *text, size_t len)
{
    struct words *w = malloc(sizeof *w + len + 1);
    if (!w)
        return false;
    w->len = len;
    memcpy(w->text, text, len);
    w->text[len] = 0;
    STAILQ_INSERT_TAIL(&p->words, w, next);
    p->words_len += len;
    words_wait(p);
    return true;
}

static struct words *words_take(struct participant *p)
{
    struct words *w = STAILQ_FIRST(&p->words);
    STAILQ_REMOVE_HEAD(&p->words, next);
    p->words_len -= w->len;
    return w;
}

void words_move(struct participant *from, struct participant *to)
{
    words_leave(from);
    STAILQ_CONCAT(&to->words, &from->words);
    to->words_len += from->words_len;
    from->words_len = 0;
    words_wait(to);
}

void words_drop(struct participant *p)
{
    words_leave(p);
    while (!STAILQ_EMPTY(&p->words))
        free(words_take(p));
}

/* Moves it behind the others of its room before its text is handled: afterwards it may be gone. */
static void hear(struct participant *p, mp_time now)
{
    struct words *w = words_take(p);
    words_leave(p);
    words_wait(p);
    if (!p->closing)
        protocol_text(p, w->text, w->len, now);
    free(w);
}

/* --- a turn --- */

bool signal_go_on(struct signaling *s, mp_time now)
{
    struct room *room = TAILQ_FIRST(&s->turns[TURN_NEXT]);
    if (!room)
        return false;
    struct participant *speaker = TAILQ_FIRST(&room->unheard);
    bool told = news_next(room, now), offered = offer_next(room, now);
    bool poor = news_waiting(room) || !TAILQ_EMPTY(&room->dirty);
    put(s, room, speaker || told || offered ? TURN_NEXT : poor ? TURN_LATER : TURN_NONE);
    if (room->turn == TURN_LATER)
        s->turns_at = mp_min(s->turns_at, now + TURN_LOOK);
    if (speaker)
        hear(speaker, now); /* the room may be gone afterwards */
    return !TAILQ_EMPTY(&s->turns[TURN_NEXT]);
}
