#include "sfu/viewing.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"
#include "sfu/track_data.h"

#define PING_EVERY MP_S(1)
#define SOUNDS     64 /* that one allocation takes; as for pictures, it leaves further ones as they are */

/* What one allocation is about. Tracks beyond its arrays are sent whatever they cost. */
struct gathered {
    struct allocate_source sources[ALLOCATE_SOURCES];
    struct allocate_point points[ALLOCATE_SOURCES][ALLOCATE_POINTS];
    struct subscription *pictures[ALLOCATE_SOURCES];
    struct allocate_sound sounds[SOUNDS];
    struct subscription *voices[SOUNDS];
    size_t picture_count, sound_count;
    uint64_t unmanaged_bps;
};

static bool is_left_out(const struct subscription *s) { return s->paused & PAUSE_ALLOCATION; }

/* --- what is sent, and what for --- */

/* track.c measures when packets come, and each half second at most. */
static bool is_silent(const struct track *t, mp_time since, mp_time now)
{
    return now - mp_max(t->rate_from, since) > SILENT_AFTER;
}

static uint32_t bps_of(const struct track *t, mp_time now)
{
    return is_silent(t, 0, now) ? 0 : (uint32_t)(t->bitrate_bps < 1e9 ? t->bitrate_bps : 1e9);
}

/* The operating points of a subscription's source, as allocate.h orders them. A source has one: all of it. */
static size_t points_of(const struct subscription *s, struct allocate_point *points, mp_time now)
{
    points[0] = (struct allocate_point){.bps = bps_of(s->track, now),
                                        .live = !is_silent(s->track, s->tile->since, now)};
    return 1;
}

static void gather_picture(struct gathered *g, struct subscription *s, mp_time now)
{
    size_t i = g->picture_count;
    if (!s->tile || i == ALLOCATE_SOURCES) {
        g->unmanaged_bps += bps_of(s->track, now);
        return;
    }
    g->pictures[i] = s;
    g->sources[i] = s->tile->source;
    g->sources[i].points = g->points[i];
    g->sources[i].point_count = points_of(s, g->points[i], now);
    g->picture_count++;
}

static void gather_sound(struct gathered *g, struct subscription *s, mp_time now)
{
    size_t i = g->sound_count;
    if (i == SOUNDS) {
        g->unmanaged_bps += bps_of(s->track, now);
        return;
    }
    g->voices[i] = s;
    bool quiet = s->paused & PAUSE_QUIET;
    g->sounds[i] =
        (struct allocate_sound){.bps = quiet ? 0 : bps_of(s->track, now), .left_out = is_left_out(s)};
    g->sound_count++;
}

static void gather_all(struct gathered *g, const struct session *session, mp_time now)
{
    g->picture_count = g->sound_count = 0;
    g->unmanaged_bps = 0;
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session)
        (s->track->video ? gather_picture : gather_sound)(g, s, now);
}

/* --- decisions --- */

static void set_paused(struct sfu *sfu, struct subscription *s, bool paused, mp_time now)
{
    if (paused && !is_left_out(s))
        subscription_pause(sfu, s, PAUSE_ALLOCATION, now);
    else if (!paused)
        subscription_resume(sfu, s, PAUSE_ALLOCATION, now);
}

static void apply_picture(struct sfu *sfu, struct subscription *s, const struct allocate_source *decided,
                          mp_time now)
{
    struct allocate_source *source = &s->tile->source;
    if (decided->reason == ALLOCATE_PUBLISHER) {
        source->reason = ALLOCATE_PUBLISHER;
        return;
    }
    *source = *decided;
    set_paused(sfu, s, !source->sent, now);
}

static void apply(struct sfu *sfu, const struct gathered *g, mp_time now)
{
    for (size_t i = 0; i < g->picture_count; i++)
        apply_picture(sfu, g->pictures[i], &g->sources[i], now);
    for (size_t i = 0; i < g->sound_count; i++)
        set_paused(sfu, g->voices[i], !g->sounds[i].sent, now);
}

static void decide(struct sfu *sfu, struct session *session, mp_time now)
{
    struct gathered g;
    struct downlink *d = session->downlink;
    gather_all(&g, session, now);
    uint32_t bps = d->estimate.result.bps;
    struct allocate_line line = {
        .estimate_bps = g.unmanaged_bps < bps ? bps - (uint32_t)g.unmanaged_bps : 0,
        .retransmitted_bps = d->rtx_bps,
        .proven = d->proven,
        .unknown = !downlink_is_known(session),
    };
    if (d->fell)
        allocate_overuse(g.sources, g.picture_count, now);
    d->fell = d->proven = false;
    d->wanted_bps = allocate(g.sources, g.picture_count, g.sounds, g.sound_count, &line, now).wanted_bps;
    d->allocate_at = now + ALLOCATE_EVERY;
    apply(sfu, &g, now);
}

/* --- news --- */

static struct viewing form_of(const struct tile *tile)
{
    static const struct {
        uint8_t sent, paused, reason;
    } forms[] = {
        [ALLOCATE_WHOLE] = {VIEWING_WHOLE, VIEWING_WHOLE, VIEWING_NO_REASON},
        [ALLOCATE_BANDWIDTH] = {VIEWING_REDUCED, VIEWING_PAUSED, VIEWING_BANDWIDTH},
        [ALLOCATE_HIDDEN] = {VIEWING_PAUSED, VIEWING_PAUSED, VIEWING_HIDDEN},
        [ALLOCATE_PUBLISHER] = {VIEWING_PAUSED, VIEWING_PAUSED, VIEWING_PUBLISHER},
    };
    const struct allocate_source *s = &tile->source;
    return (struct viewing){.state = s->sent ? forms[s->reason].sent : forms[s->reason].paused,
                            .reason = forms[s->reason].reason};
}

static bool is_told(const struct tile *tile)
{
    struct viewing form = form_of(tile);
    return form.state == tile->told.state && form.reason == tile->told.reason;
}

static void tell(struct sfu *sfu, const struct session *session, struct subscription *s)
{
    s->tile->told = form_of(s->tile);
    outbox_emit(sfu,
                &(struct message){.type = MESSAGE_VIEWING,
                                  .to = TO_CONTROL,
                                  .session = session->id,
                                  .track = s->track->id,
                                  .viewing = s->tile->told},
                NULL);
}

/* Tells what changed. True: something has to wait, because something was told just now. */
static bool tell_changes(struct sfu *sfu, struct session *session, mp_time now)
{
    struct downlink *d = session->downlink;
    bool may = now >= d->viewing_at;
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session) {
        if (!s->tile || is_told(s->tile))
            continue;
        if (!may)
            return true;
        tell(sfu, session, s);
        d->viewing_at = now + VIEWING_EVERY;
    }
    return false;
}

/* Whether a picture waits for the line or for its publisher: then no packet of ours may start the timer. */
static bool waits(const struct session *session)
{
    for (const struct subscription *s = session->subscriptions; s; s = s->next_of_session)
        if (is_left_out(s) && (!s->tile || s->tile->source.reason != ALLOCATE_HIDDEN))
            return true;
    return false;
}

/* --- probes --- */

/* A stream that can carry padding to the viewer; NULL: none. With RTX, no number of the stream is used up. */
static struct subscription *carrier(const struct session *session)
{
    struct subscription *found = NULL;
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session) {
        if (subscription_may_pad(s) && (!found || s->rtx_payload_type))
            found = s;
        if (found && found->rtx_payload_type)
            break;
    }
    return found;
}

static void send_padding(struct sfu *sfu, struct session *session, mp_time now)
{
    struct subscription *s;
    uint32_t due = downlink_padding(session, now);
    if (!due)
        return;
    if (!session->downlink->wanted_bps || !(s = carrier(session))) {
        downlink_cancel(session, now);
        return;
    }
    for (size_t len; due; due -= len < due ? (uint32_t)len : due)
        if (!(len = subscription_pad(sfu, s, due, now))) {
            downlink_cancel(session, now);
            return;
        }
}

static void probe(struct session *session, mp_time now)
{
    if (session->downlink->wanted_bps && carrier(session))
        downlink_probe(session, now);
}

/* A client to which nothing is sent acknowledges nothing: after an outage of its path it would never be heard
 * again. */
static void ping(struct sfu *sfu, struct session *session, mp_time now)
{
    struct downlink *d = session->downlink;
    struct subscription *s;
    if (!d->idle || d->estimate.result.cause != ESTIMATE_SILENCE || now < d->ping_at ||
        !(s = carrier(session)))
        return;
    d->ping_at = now + PING_EVERY;
    subscription_pad(sfu, s, 1, now);
}

/* --- events --- */

static void changed(struct session *session, mp_time now)
{
    session->downlink->allocate_at = 0;
    downlink_wake(session, now);
}

/* A picture begins on a line of which nothing is known yet: until it is measured, what is assumed of it
 * pauses nothing. */
void viewing_subscribed(struct sfu *sfu, struct session *session, struct subscription *s, mp_time now)
{
    session->downlink->allocate_at = 0;
    if (!s->track->video || !(s->tile = slab_take(&sfu->tile_slab)))
        return;
    s->tile->since = now;
    s->tile->source.visible = true;
    s->tile->source.sent = !downlink_is_known(session);
}

void viewing_unsubscribed(struct sfu *sfu, struct session *session, struct subscription *s)
{
    session->downlink->allocate_at = 0;
    slab_give(&sfu->tile_slab, s->tile);
    s->tile = NULL;
}

void viewing_view(struct session *session, uint32_t track, const struct view *view, mp_time now)
{
    struct subscription *s = session->subscriptions;
    while (s && s->track->id != track)
        s = s->next_of_session;
    if (!s || !s->tile)
        return;
    struct allocate_source *source = &s->tile->source;
    if (source->visible && !view->visible)
        source->hidden_since = now;
    source->visible = view->visible;
    source->pinned = view->pinned;
    source->width = view->width;
    source->height = view->height;
    source->most_fps = view->fps;
    changed(session, now);
}

/* While the client acknowledges nothing, its path is lost; that says nothing of its rate. */
static bool is_due(const struct downlink *d, mp_time now)
{
    return now >= d->allocate_at && d->estimate.result.cause != ESTIMATE_SILENCE;
}

static void tick(struct sfu *sfu, struct session *session, mp_time now)
{
    if (is_due(session->downlink, now))
        decide(sfu, session, now);
    bool untold = tell_changes(sfu, session, now), waiting = waits(session);
    probe(session, now);
    if (waiting)
        ping(sfu, session, now);
    if (untold || waiting)
        downlink_wake(session, now + DOWNLINK_TICK);
}

void viewing_timeout(struct sfu *sfu, struct session *session, mp_time now)
{
    if (downlink_timeout(sfu, session, now))
        tick(sfu, session, now);
    send_padding(sfu, session, now);
}
