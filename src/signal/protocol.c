#include "signal/protocol.h"
#include "base/log.h"
#include "proto/candidate.h"
#include "signal/state.h"
#include <stdio.h>

/* The error of a text with more brackets or values than a message needs, found before the parser recurses or
 * allocates; NULL: none. Counts opening brackets and commas. */
static const char *too_much(const char *text, size_t len)
{
    int depth = 0, values = 0;
    bool string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                string = false;
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            values++;
            if (++depth > JSON_DEPTH_MAX)
                return "too-deep";
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',') {
            values++;
        }
        if (values > JSON_VALUES_MAX)
            return "too-many-values";
    }
    return NULL;
}

static void offer(struct participant *p, json_t *message, mp_time now)
{
    json_t *sdp = json_object_get(message, "sdp"), *sources = json_object_get(message, "sources");
    if (!json_is_string(sdp) || (sources && !json_is_object(sources)))
        say_error(p, "bad-message", "offer needs sdp (a string); sources must be an object");
    else
        negotiate_offer(p, json_string_value(sdp), json_string_length(sdp), sources, now);
}

static void answer(struct participant *p, json_t *message, mp_time now)
{
    json_t *sdp = json_object_get(message, "sdp");
    if (!json_is_string(sdp))
        say_error(p, "bad-message", "answer needs sdp (a string)");
    else
        negotiate_answer(p, json_string_value(sdp), json_string_length(sdp), now);
}

/* The client's candidates are only checked: paths come from its authenticated checks, never from its
 * messages. */
static void candidate(struct participant *p, json_t *message, mp_time now)
{
    json_t *string = json_object_get(message, "candidate");
    const char *text = json_string_value(string);
    if (!text || too_much(text, json_string_length(string))) {
        say_error(p, "bad-candidate", "candidate must be a string with the JSON of an RTCIceCandidate");
        return;
    }
    json_t *inner =
        json_loadb(text, json_string_length(string), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_t *line = json_object_get(inner, "candidate");
    bool end = json_is_null(inner) || (json_is_string(line) && json_string_length(line) == 0);
    if (!end &&
        (!json_is_string(line) || !candidate_is_line(json_string_value(line), json_string_length(line))))
        say_error(p, "bad-candidate", "malformed candidate");
    json_decref(inner);
}

static void mute(struct participant *p, json_t *message, mp_time now)
{
    json_t *audio = json_object_get(message, "audio"), *video = json_object_get(message, "video");
    if ((audio && !json_is_boolean(audio)) || (video && !json_is_boolean(video))) {
        say_error(p, "bad-message", "audio and video must be true or false");
        return;
    }
    bool audio_muted = audio ? json_is_true(audio) : p->audio_muted;
    bool video_muted = video ? json_is_true(video) : p->video_muted;
    if (audio_muted == p->audio_muted && video_muted == p->video_muted)
        return;
    p->audio_muted = audio_muted;
    p->video_muted = video_muted;
    speakers_muted(p, now);
    if (p->listed) {
        say_listing_changed(p->room);
        news_changed(p);
    }
}

static void leave(struct participant *p, json_t *message, mp_time now)
{
    say_bye(p, "left", "goodbye", 1000);
}

static void turn(struct participant *p, json_t *message, mp_time now) { say_turn(p, now); }

static void timeline(struct participant *p, json_t *message, mp_time now) { say_timeline(p); }

static void ping(struct participant *p, json_t *message, mp_time now)
{
    say_json(p, json_pack("{s:s}", "type", "pong"));
}

static const struct {
    const char *type;
    void (*handle)(struct participant *, json_t *message, mp_time now);
} handlers[] = {
    {"offer", offer}, {"answer", answer},     {"ice-candidate", candidate},
    {"mute", mute},   {"leave", leave},       {"ping", ping},
    {"turn", turn},   {"timeline", timeline}, {"view", views_handle},
};

static void dispatch(struct participant *p, json_t *message, mp_time now)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    const char *id = json_string_value(json_object_get(message, "peerId"));
    if (!type) {
        say_error(p, "bad-message", "a message must be an object with a type");
        return;
    }
    if (strcmp(type, "join-room") == 0) {
        join_handle(p, message, now);
        return;
    }
    if (strcmp(type, "resume") == 0) {
        resume_handle(p, message, now);
        return;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (strcmp(type, handlers[i].type) != 0)
            continue;
        if (!p->joined)
            say_error(p, "not-joined", "send join-room first");
        else if (!id || strcmp(id, p->id) != 0)
            say_error(p, "wrong-peer", "peerId differs from the one that this connection joined with");
        else
            handlers[i].handle(p, message, now);
        return;
    }
    say_error(p, "unknown-type", "unknown message type");
}

void protocol_text(struct participant *p, const char *text, size_t len, mp_time now)
{
    const char *error = too_much(text, len);
    if (error) {
        say_error(p, error, "a message may have at most 16 levels and 1000 values");
        return;
    }
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (message)
        dispatch(p, message, now);
    else
        say_error(p, "bad-json", "not a JSON object");
    json_decref(message);
}
