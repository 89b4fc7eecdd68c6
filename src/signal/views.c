/* How clients show their pictures, which their workers must know, and in which form the workers send them,
 * which the clients may show.
 *
 * Timer: news of a client's pictures and of its line wait for VIEWING_DELAY, so that what a worker decides
 * together makes one message. */
#include "base/check.h"
#include "signal/state.h"

#define VIEWING_DELAY (MP_S(1) / UPDATES_PER_S)

/* --- what the client says --- */

static bool read_number(json_t *fields, const char *name, uint32_t max, uint32_t *out)
{
    json_t *value = json_object_get(fields, name);
    if (!value)
        return true;
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > max)
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool read_flag(json_t *fields, const char *name, bool *out)
{
    json_t *value = json_object_get(fields, name);
    if (value)
        *out = json_is_true(value);
    return !value || json_is_boolean(value);
}

/* Fields that are missing have their defaults. False: a field is not valid. */
static bool read_view(json_t *fields, struct view *out)
{
    struct view v = {.visible = true};
    uint32_t fps = 0;
    bool valid = json_is_object(fields) && read_number(fields, "width", VIEW_SIDE_MAX, &v.width) &&
                 read_number(fields, "height", VIEW_SIDE_MAX, &v.height) &&
                 read_number(fields, "fps", VIEW_FPS_MAX, &fps) && read_flag(fields, "visible", &v.visible) &&
                 read_flag(fields, "pinned", &v.pinned);
    v.fps = (uint8_t)fps;
    *out = v;
    return valid;
}

static bool all_valid(json_t *tracks)
{
    const char *mid;
    json_t *fields;
    struct view v;
    if (!json_is_object(tracks))
        return false;
    json_object_foreach(tracks, mid, fields) if (!read_view(fields, &v)) return false;
    return true;
}

static bool same_view(const struct view *a, const struct view *b)
{
    return a->width == b->width && a->height == b->height && a->fps == b->fps && a->visible == b->visible &&
           a->pinned == b->pinned;
}

static void tell_worker(struct participant *p, const struct section *s)
{
    p->signaling->views += p->state >= SESSION_CLAIMED; /* else the worker gets it with the claim */
    session_command(
        p, &(struct message){.type = MESSAGE_VIEW, .track = s->subscription->track, .view = s->view});
}

static void take_view(struct participant *p, struct section *s, json_t *fields)
{
    struct view v;
    if (!read_view(fields, &v) || same_view(&v, &s->view))
        return;
    s->view = v;
    if (s->sending)
        tell_worker(p, s);
}

static bool shows_picture(const struct section *s) { return s->subscription && s->kind == SDP_VIDEO; }

void views_handle(struct participant *p, json_t *message, mp_time now)
{
    json_t *tracks = json_object_get(message, "tracks");
    size_t known = 0, count = json_object_size(tracks), extra = count / VIEWS_PER_MESSAGE;
    if (!all_valid(tracks)) {
        say_error(p, "bad-message",
                  "tracks must map mids to objects: width and height are whole numbers up to 16384, fps up "
                  "to 240, visible and pinned true or false");
        return;
    }
    /* The worker gets a message for each track: a large view costs its client more. */
    if (!rate_take(&p->messages, (double)extra, CLIENT_MESSAGES_PER_S, CLIENT_MESSAGES_BURST, now)) {
        say_too_much(p);
        return;
    }
    for (size_t i = 0; i < p->section_count; i++) {
        json_t *fields = shows_picture(&p->sections[i]) ? json_object_get(tracks, p->sections[i].mid) : NULL;
        if (fields)
            take_view(p, &p->sections[i], fields);
        known += fields != NULL;
    }
    p->signaling->views_unknown += count - known;
}

/* --- what its worker says --- */

static bool is_told(const struct section *s)
{
    const struct viewing *a = &s->viewing, *b = &s->viewing_told;
    return a->state == b->state && a->reason == b->reason && a->fps == b->fps && a->width == b->width &&
           a->height == b->height;
}

static bool is_line_told(const struct participant *p)
{
    return p->line.bps == p->line_told.bps && p->line.acknowledged_bps == p->line_told.acknowledged_bps &&
           p->line.cause == p->line_told.cause;
}

static void wait_to_be_told(struct participant *p, mp_time now)
{
    if (p->viewing_waits)
        return;
    p->viewing_waits = true;
    p->viewing_at = now + VIEWING_DELAY;
    TAILQ_INSERT_TAIL(&p->signaling->viewings, p, viewing_next);
}

void views_viewing(struct participant *p, uint32_t track, const struct viewing *viewing, mp_time now)
{
    for (size_t i = 0; i < p->section_count; i++) {
        struct section *s = &p->sections[i];
        if (!s->sending || s->subscription->track != track)
            continue;
        s->viewing = *viewing;
        if (!is_told(s))
            wait_to_be_told(p, now);
        return;
    }
}

void views_line(struct participant *p, const struct line_state *line, mp_time now)
{
    p->line = *line;
    if (!is_line_told(p))
        wait_to_be_told(p, now);
}

static json_t *describe_viewing(const struct section *s)
{
    static const char *const states[] = {
        [VIEWING_WHOLE] = "whole", [VIEWING_REDUCED] = "reduced", [VIEWING_PAUSED] = "paused"};
    static const char *const reasons[] = {[VIEWING_NO_REASON] = NULL,
                                          [VIEWING_BANDWIDTH] = "bandwidth",
                                          [VIEWING_HIDDEN] = "hidden",
                                          [VIEWING_PUBLISHER] = "publisher",
                                          [VIEWING_LIMIT] = "limit"};
    const struct viewing *v = &s->viewing;
    INVARIANT(v->state <= VIEWING_PAUSED && v->reason <= VIEWING_LIMIT);
    json_t *json =
        json_pack("{s:s, s:s, s:s*}", "mid", s->mid, "state", states[v->state], "reason", reasons[v->reason]);
    if (v->height)
        json_object_update_new(json,
                               json_pack("{s:i, s:i}", "width", (int)v->width, "height", (int)v->height));
    if (v->fps)
        json_object_set_new(json, "fps", json_integer(v->fps));
    return json;
}

static json_t *describe_line(const struct line_state *line)
{
    static const char *const causes[] = {
        [LINE_START] = "start",     [LINE_RISES] = "rises", [LINE_DELAY] = "delay", [LINE_LOSS] = "loss",
        [LINE_SILENCE] = "silence", [LINE_REMB] = "remb",   [LINE_QUEUE] = "queue"};
    INVARIANT(line->cause <= LINE_QUEUE);
    return json_pack("{s:I, s:I, s:s}", "bps", (json_int_t)line->bps, "acknowledged",
                     (json_int_t)line->acknowledged_bps, "cause", causes[line->cause]);
}

/* Takes the list of the changes. */
static json_t *changes(struct participant *p)
{
    json_t *tracks = json_array();
    for (size_t i = 0; i < p->section_count; i++) {
        struct section *s = &p->sections[i];
        if (!s->sending || is_told(s))
            continue;
        s->viewing_told = s->viewing;
        json_array_append_new(tracks, describe_viewing(s));
    }
    return tracks;
}

static void tell(struct participant *p)
{
    bool line_told = is_line_told(p);
    json_t *tracks = changes(p);
    if (json_array_size(tracks) || !line_told) {
        p->line_told = p->line;
        p->signaling->viewings_told++;
        say_json(p, json_pack("{s:s, s:O, s:o*}", "type", "viewing", "tracks", tracks, "line",
                              line_told ? NULL : describe_line(&p->line)));
    }
    json_decref(tracks);
}

void views_forget(struct participant *p)
{
    if (p->viewing_waits)
        TAILQ_REMOVE(&p->signaling->viewings, p, viewing_next);
    p->viewing_waits = false;
}

mp_time views_deadline(const struct signaling *s)
{
    const struct participant *p = TAILQ_FIRST(&s->viewings);
    return p ? p->viewing_at : MP_NEVER;
}

void views_timeout(struct signaling *s, mp_time now)
{
    struct participant *p;
    while ((p = TAILQ_FIRST(&s->viewings)) && p->viewing_at <= now) {
        views_forget(p);
        tell(p);
    }
}

/* --- sections and sockets that begin --- */

void views_started(struct participant *p, struct section *s)
{
    static const struct view standard = {.visible = true};
    s->viewing = s->viewing_told = (struct viewing){.state = VIEWING_WHOLE};
    if (s->kind == SDP_VIDEO && !same_view(&s->view, &standard))
        tell_worker(p, s);
}

void views_resumed(struct participant *p, mp_time now)
{
    for (size_t i = 0; i < p->section_count; i++)
        p->sections[i].viewing_told = (struct viewing){.state = VIEWING_WHOLE};
    p->line_told = (struct line_state){0};
    wait_to_be_told(p, now);
}
