#include "protocol.h"
#include "ice.h"
#include "log.h"
#include "state.h"
#include <stdio.h>

/* Depth of brackets, counted before any parser recurses into them. */
static bool too_deep(const char *text, size_t len)
{
    int depth = 0;
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
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

static size_t characters(const char *utf8)
{
    size_t n = 0;
    for (; *utf8; utf8++)
        n += (*utf8 & 0xc0) != 0x80;
    return n;
}

/* A string member of at most `most` characters. False: it is there, but is not that. */
static bool text_member(json_t *message, const char *key, size_t most, const char **value)
{
    json_t *member = json_object_get(message, key);
    *value = NULL;
    if (!member)
        return true;
    *value = json_string_value(member);
    return *value && characters(*value) <= most && strlen(*value) == json_string_length(member);
}

static bool role_of(const char *name, enum role *role)
{
    *role = ROLE_CALL;
    if (!name || strcmp(name, "call") == 0)
        return true;
    *role = strcmp(name, "stream") == 0 ? ROLE_STREAM : ROLE_WATCH;
    return *role == ROLE_STREAM || strcmp(name, "watch") == 0;
}

/* --- join --- */

static void refuse_join(struct participant *p, enum join_result result)
{
    switch (result) {
    case JOIN_PEER_TAKEN: say_error(p, "peer-taken", "this peerId is in use"); break;
    case JOIN_ROOM_FULL: say_error(p, "room-full", "the room is full"); break;
    default: say_error(p, "server-full", "this server has no room for another participant"); break;
    }
    p->id[0] = 0;
}

static void join(struct participant *p, json_t *message, mp_time now)
{
    const char *id, *room, *name, *role, *codec;
    char quoted[2][160];
    if (p->joined) {
        say_error(p, "already-joined", "this connection has joined");
        return;
    }
    if (!text_member(message, "peerId", PEER_ID_MAX, &id) || !id || !*id || strlen(id) > PEER_ID_MAX ||
        !text_member(message, "room", ROOM_NAME_MAX, &room) || (room && !*room) ||
        !text_member(message, "name", PARTICIPANT_NAME_MAX, &name) || !text_member(message, "role", 16, &role) ||
        !role_of(role, &p->role) || !text_member(message, "codec", 16, &codec)) {
        say_error(p, "bad-message", "join-room needs peerId; room, name, role and codec are texts of at most 64 characters");
        return;
    }
    p->codec = codec ? codec_parse(codec, strlen(codec)) : CODEC_NONE;
    if (codec && !codec_is_video(p->codec)) {
        say_error(p, "bad-message", "codec is vp8, vp9, h264 or av1");
        return;
    }
    snprintf(p->id, sizeof p->id, "%s", id);
    snprintf(p->name, sizeof p->name, "%s", name ? name : "");
    enum join_result result = p->signaling->stopping ? JOIN_SERVER_FULL
                                                     : room_join(p->signaling, p, room ? room : "default");
    if (result != JOIN_OK) {
        refuse_join(p, result);
        return;
    }
    p->joined_at = now;
    p->signaling->joins++;
    room_list(p, true, now);
    log_line(LOG_LEVEL_INFO, "participant joined", "peer=%s room=%s", log_quote(quoted[0], sizeof quoted[0], p->id),
             log_quote(quoted[1], sizeof quoted[1], p->room->name));
    if (json_is_true(json_object_get(message, "resume")))
        resume_offer(p);
    say_joined(p);
}

/* --- the others --- */

static void offer(struct participant *p, json_t *message, mp_time now)
{
    json_t *sdp = json_object_get(message, "sdp"), *sources = json_object_get(message, "sources");
    if (!json_is_string(sdp) || (sources && !json_is_object(sources)))
        say_error(p, "bad-message", "offer needs sdp, a text; sources is an object");
    else
        negotiate_offer(p, json_string_value(sdp), json_string_length(sdp), sources, now);
}

static void answer(struct participant *p, json_t *message, mp_time now)
{
    json_t *sdp = json_object_get(message, "sdp");
    if (!json_is_string(sdp))
        say_error(p, "bad-message", "answer needs sdp, a text");
    else
        negotiate_answer(p, json_string_value(sdp), json_string_length(sdp), now);
}

/* The client's own candidates are only looked at: paths come from its authenticated checks, never from what it says. */
static void candidate(struct participant *p, json_t *message, mp_time now)
{
    json_t *string = json_object_get(message, "candidate");
    const char *text = json_string_value(string);
    struct candidate c;
    if (!text || too_deep(text, json_string_length(string))) {
        say_error(p, "bad-candidate", "candidate is a text that holds the JSON of an RTCIceCandidate");
        return;
    }
    json_t *inner = json_loadb(text, json_string_length(string), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_t *line = json_object_get(inner, "candidate");
    bool end = json_is_null(inner) || (json_is_string(line) && json_string_length(line) == 0);
    if (!end && (!json_is_string(line) || !candidate_parse(&c, json_string_value(line), json_string_length(line))))
        say_error(p, "bad-candidate", "not a candidate");
    json_decref(inner);
}

static void mute(struct participant *p, json_t *message, mp_time now)
{
    json_t *audio = json_object_get(message, "audio"), *video = json_object_get(message, "video");
    if ((audio && !json_is_boolean(audio)) || (video && !json_is_boolean(video))) {
        say_error(p, "bad-message", "audio and video are true or false");
        return;
    }
    p->audio_muted = audio ? json_is_true(audio) : p->audio_muted;
    p->video_muted = video ? json_is_true(video) : p->video_muted;
    if (p->listed) {
        listing_changed(p->room);
        say_room(p, p->room, json_pack("{s:s, s:o}", "type", "participant-updated", "participant", describe(p)));
    }
}

static void leave(struct participant *p, json_t *message, mp_time now)
{
    say_bye(p, "left", "goodbye", 1000);
}

static void turn(struct participant *p, json_t *message, mp_time now) { say_turn(p, now); }

static void timeline(struct participant *p, json_t *message, mp_time now) { say_timeline(p); }

static void ping(struct participant *p, json_t *message, mp_time now) { say(p, json_pack("{s:s}", "type", "pong")); }

static const struct {
    const char *type;
    void (*handle)(struct participant *, json_t *message, mp_time now);
} handlers[] = {
    {"offer", offer}, {"answer", answer}, {"ice-candidate", candidate},
    {"mute", mute},   {"leave", leave},   {"ping", ping},
    {"turn", turn},   {"timeline", timeline},
};

static void dispatch(struct participant *p, json_t *message, mp_time now)
{
    const char *type = json_string_value(json_object_get(message, "type"));
    const char *id = json_string_value(json_object_get(message, "peerId"));
    if (!type) {
        say_error(p, "bad-message", "a message is an object with a type");
        return;
    }
    if (strcmp(type, "join-room") == 0) {
        join(p, message, now);
        return;
    }
    if (strcmp(type, "resume") == 0) {
        resume(p, message, now);
        return;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (strcmp(type, handlers[i].type) != 0)
            continue;
        if (!p->joined)
            say_error(p, "not-joined", "join-room comes first");
        else if (!id || strcmp(id, p->id) != 0)
            say_error(p, "wrong-peer", "peerId is not the one that this connection joined with");
        else
            handlers[i].handle(p, message, now);
        return;
    }
    say_error(p, "unknown-type", "this server does not know that type of message");
}

void protocol_text(struct participant *p, const char *text, size_t len, mp_time now)
{
    if (too_deep(text, len)) {
        say_error(p, "too-deep", "a message is at most 16 levels deep");
        return;
    }
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (message)
        dispatch(p, message, now);
    else
        say_error(p, "bad-json", "not a JSON object");
    json_decref(message);
}
