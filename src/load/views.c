#include "load/views.h"
#include "load/simulcast.h"
#include "proto/sdp/sdp.h"
#include <stdio.h>
#include <string.h>

void views_begin(struct views *v, const struct options *o, unsigned number)
{
    *v = (struct views){.options = o, .number = number};
    v->pictures = o->views == VIEWS_NONE ? NULL : json_object();
}

void views_end(struct views *v) { json_decref(v->pictures); }

static bool is_text(struct text t, const char *s)
{
    return t.len == strlen(s) && memcmp(t.data, s, t.len) == 0;
}

/* NULL: the offer does not tell it. */
static json_t *sender_of(json_t *streams, struct text id)
{
    size_t i;
    json_t *stream;
    json_array_foreach(streams, i, stream)
    {
        const char *name = json_string_value(json_object_get(stream, "id"));
        if (name && is_text(id, name))
            return json_object_get(stream, "participant");
    }
    return NULL;
}

bool views_offer(struct views *v, const char *text, size_t len, json_t *streams)
{
    enum sdp_error error;
    struct sdp *sdp = v->pictures ? sdp_parse(text, len, &error) : NULL;
    if (!sdp)
        return false;
    json_object_clear(v->pictures);
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_section *s = &sdp->sections[i];
        json_t *sender = sender_of(streams, s->stream_id);
        if (s->kind == SDP_VIDEO && s->port && s->direction == SDP_SENDONLY)
            json_object_set_new(v->pictures, s->mid, sender ? json_incref(sender) : json_string(""));
    }
    sdp_free(sdp);
    return json_object_size(v->pictures) > 0;
}

bool views_speaker(struct views *v, const char *id)
{
    if (v->options->views != VIEWS_STAGE || !id || strcmp(id, v->speaker) == 0)
        return false;
    snprintf(v->speaker, sizeof v->speaker, "%s", id);
    return true;
}

/* Each client has its own offset in the interval, so that not all change at once. */
bool views_step(struct views *v, mp_time now)
{
    if (v->options->views != VIEWS_STEP || !json_object_size(v->pictures))
        return false;
    if (!v->step_at)
        v->step_at = now + VIEWS_STEP_EVERY * (1 + v->number % 64) / 64;
    if (v->step_at > now)
        return false;
    v->step_at += VIEWS_STEP_EVERY;
    v->steps++;
    return true;
}

/* Up to the largest layer and down again, one at a time. */
static unsigned stepped(unsigned step, unsigned layers)
{
    unsigned turn = 2 * (layers - 1), at = turn ? step % turn : 0;
    return at < layers ? at : turn - at;
}

static bool on_stage(const struct views *v, const char *sender, bool first)
{
    return *v->speaker ? strcmp(sender, v->speaker) == 0 : first;
}

static unsigned layer_of(const struct views *v, const char *sender, bool first)
{
    unsigned layers = v->options->layers;
    if (v->options->views == VIEWS_STAGE)
        return on_stage(v, sender, first) ? SIMULCAST_MAX - 1 : 0;
    return v->options->views == VIEWS_STEP ? stepped(v->number + v->steps, layers) : v->number % layers;
}

json_t *views_tracks(struct views *v)
{
    const char *mid;
    json_t *sender, *tracks = json_object();
    json_object_foreach(v->pictures, mid, sender)
    {
        unsigned layer = layer_of(v, json_string_value(sender), json_object_size(tracks) == 0);
        json_object_set_new(tracks, mid,
                            json_pack("{s:i, s:i}", "width", (int)simulcast[layer].width, "height",
                                      (int)simulcast[layer].height));
    }
    v->told += json_object_size(tracks) > 0;
    if (json_object_size(tracks))
        return tracks;
    json_decref(tracks);
    return NULL;
}
