/* Who speaks in each room, by the levels that workers tell of its microphones.
 *
 * Timer: a room of which levels were told is decided on the grid of SPEAKER_DECIDES, a little after its
 * point, so that the messages of all workers have come. */
#include "adapt/speaker.h"
#include "signal/state.h"

#define DECIDE_AFTER MP_MS(50)
#define DECIDE_EVERY MP_MS(100) /* at most, while paused sounds speak */
#define LEVELS_STALE MP_S(1)    /* messages may be lost: three in a row */
#define COMPARED_MAX 64         /* sounds of one room that speak at the same time; further ones wait */

/* --- the decision --- */

static void wait_to_be_decided(struct signaling *s, struct room *room, mp_time now)
{
    if (room->speakers.waiting)
        return;
    room->speakers.waiting = true;
    TAILQ_INSERT_TAIL(&s->deciding, room, speakers.next);
    if (s->decide_at == MP_NEVER)
        s->decide_at = (now / SPEAKER_DECIDES + 1) * SPEAKER_DECIDES + DECIDE_AFTER;
}

static bool may_speak(const struct publication *pub)
{
    return pub->source == SOURCE_MICROPHONE && !pub->publisher->audio_muted;
}

struct speaker_scores speakers_scores(const struct publication *pub, mp_time now)
{
    bool counts = may_speak(pub) && pub->level.told_at && now - pub->level.told_at < LEVELS_STALE;
    return counts ? pub->level.scores : (struct speaker_scores){0};
}

/* The room's dominant sound; NULL: nobody has spoken yet, or the last speaker may not speak any more. */
static struct publication *choose(const struct room *room, mp_time now)
{
    struct publication *compared[COMPARED_MAX];
    struct speaker_scores scores[COMPARED_MAX];
    size_t count = 0, dominant = SPEAKER_NONE;
    if (room->speakers.dominant && may_speak(room->speakers.dominant)) {
        dominant = count++;
        compared[dominant] = room->speakers.dominant;
        scores[dominant] = speakers_scores(room->speakers.dominant, now);
    }
    for (struct publication *pub = room->publications; pub && count < COMPARED_MAX; pub = pub->room_next) {
        scores[count] = speakers_scores(pub, now);
        if (pub == room->speakers.dominant || speaker_is_silent(&scores[count]))
            continue;
        compared[count++] = pub;
    }
    size_t chosen = speaker_choose(scores, count, dominant);
    return chosen == SPEAKER_NONE ? NULL : compared[chosen];
}

/* --- what the room is told --- */

static void forget_recent(struct room *room, const struct participant *p)
{
    struct participant **recent = room->speakers.recent;
    size_t kept = 0;
    for (size_t i = 0; i < room->speakers.recent_count; i++)
        if (recent[i] != p)
            recent[kept++] = recent[i];
    room->speakers.recent_count = kept;
}

static void note_recent(struct room *room, struct participant *p)
{
    struct participant **recent = room->speakers.recent;
    forget_recent(room, p);
    size_t kept =
        room->speakers.recent_count < SPEAKERS_RECENT ? room->speakers.recent_count : SPEAKERS_RECENT;
    memmove(recent + 1, recent, kept * sizeof *recent);
    recent[0] = p;
    room->speakers.recent_count = kept + 1;
}

static struct participant *speaker_of(const struct room *room)
{
    return room->speakers.dominant ? room->speakers.dominant->publisher : NULL;
}

static void set_dominant(struct signaling *s, struct room *room, struct publication *pub)
{
    const struct participant *before = speaker_of(room);
    room->speakers.dominant = pub;
    struct participant *p = speaker_of(room);
    if (p == before)
        return;
    if (p)
        note_recent(room, p);
    room->speakers.changed = true;
    turn_wanted(s, room);
}

static json_t *describe(const struct room *room)
{
    const struct participant *p = speaker_of(room);
    json_t *recent = json_array();
    for (size_t i = 0; i < room->speakers.recent_count && json_array_size(recent) < SPEAKERS_RECENT; i++)
        if (room->speakers.recent[i] != p)
            json_array_append_new(recent, json_string(room->speakers.recent[i]->id));
    return json_pack("{s:s, s:s*, s:o}", "type", "speaker", "id", p ? p->id : NULL, "recent", recent);
}

bool speakers_waiting(const struct room *room) { return room->speakers.changed; }

void speakers_tell(struct room *room)
{
    room->speakers.changed = false;
    say_room(room, NULL, 0, UINT64_MAX, describe(room));
}

void speakers_welcome(struct participant *p)
{
    if (p->room->speakers.recent_count)
        say_json(p, describe(p->room));
}

/* --- events --- */

static void decide(struct signaling *s, struct room *room, mp_time now)
{
    room->speakers.decided_at = now;
    set_dominant(s, room, choose(room, now));
    if (loudest_decide(s, room, now))
        wait_to_be_decided(s, room, now);
}

/* A paused sound that begins to speak is not kept waiting. */
static bool is_urgent(const struct publication *pub, mp_time now)
{
    return pub->level.quiet && !speaker_is_silent(&pub->level.scores) &&
           now - pub->publisher->room->speakers.decided_at >= DECIDE_EVERY;
}

static void take_level(struct signaling *s, const struct sound_level *l, mp_time now)
{
    struct participant *p = s->by_slot[session_slot(l->session)];
    struct publication *pub = p && p->session == l->session ? p->publications : NULL;
    while (pub && pub->track != l->track)
        pub = pub->next;
    if (!pub) /* it ended meanwhile */
        return;
    pub->level.scores = l->scores;
    pub->level.none = l->none;
    pub->level.told_at = now;
    if (is_urgent(pub, now))
        decide(s, p->room, now);
    else
        wait_to_be_decided(s, p->room, now);
}

void speakers_levels(struct signaling *s, const struct sound_levels *levels, mp_time now)
{
    for (size_t i = 0; i < levels->count; i++)
        take_level(s, &levels->list[i], now);
}

void speakers_muted(struct participant *p, mp_time now)
{
    if (speaker_of(p->room) == p)
        wait_to_be_decided(p->signaling, p->room, now);
}

void speakers_ended(struct publication *pub)
{
    struct participant *p = pub->publisher;
    if (p->room->speakers.dominant == pub)
        set_dominant(p->signaling, p->room, NULL);
}

/* The room may have become a large one; or a place among its sounds may be free. */
static void count_changed(struct participant *p, mp_time now)
{
    if (p->room->publications && p->room->count >= p->signaling->config.limits.loudest_from)
        wait_to_be_decided(p->signaling, p->room, now);
}

void speakers_joined(struct participant *p, mp_time now) { count_changed(p, now); }

void speakers_left(struct participant *p, mp_time now)
{
    forget_recent(p->room, p);
    count_changed(p, now);
}

void speakers_forget(struct signaling *s, struct room *room)
{
    if (room->speakers.waiting)
        TAILQ_REMOVE(&s->deciding, room, speakers.next);
    room->speakers.waiting = false;
}

void speakers_timeout(struct signaling *s, mp_time now)
{
    struct room *room;
    if (now < s->decide_at)
        return;
    s->decide_at = MP_NEVER;
    struct rooms due = TAILQ_HEAD_INITIALIZER(due);
    TAILQ_CONCAT(&due, &s->deciding, speakers.next);
    while ((room = TAILQ_FIRST(&due))) {
        TAILQ_REMOVE(&due, room, speakers.next);
        room->speakers.waiting = false;
        decide(s, room, now);
    }
}
