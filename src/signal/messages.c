#include "ice.h"
#include "state.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const role_names[] = {"call", "stream", "watch"};

json_t *describe(const struct participant *p)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:b}", "id", p->id, "name", p->name, "role", role_names[p->role], "audioMuted",
                     (int)p->audio_muted, "videoMuted", (int)p->video_muted);
}

static char *dump(json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    return text;
}

void say(struct participant *p, json_t *message)
{
    char *text = dump(message);
    if (text && !p->closing)
        p->signaling->io.send(p->signaling->io.context, p->socket, text, strlen(text));
    free(text);
}

void say_room(struct participant *except, struct room *room, json_t *message)
{
    char *text = dump(message);
    size_t len = text ? strlen(text) : 0;
    for (struct participant *p = room->participants; text && p; p = p->next)
        if (p != except && !p->closing)
            p->signaling->io.send(p->signaling->io.context, p->socket, text, len);
    free(text);
}

json_int_t audience_of(const struct participant *p) { return (json_int_t)(p->room->audience - !p->listed); }

void say_audiences(struct signaling *s)
{
    for (size_t i = 0; i < ROOMS_MAX; i++) {
        struct room *room = s->rooms[i];
        if (!room || !room->audience_changed)
            continue;
        room->audience_changed = false;
        for (struct participant *p = room->participants; p; p = p->next)
            say(p, json_pack("{s:s, s:I}", "type", "audience", "count", audience_of(p)));
    }
}

void say_error(struct participant *p, const char *code, const char *message)
{
    p->signaling->errors++;
    say(p, json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", message));
}

void say_bye(struct participant *p, const char *reason, const char *message, uint16_t close_code)
{
    if (p->closing)
        return;
    say(p, json_pack("{s:s, s:s, s:s}", "type", "bye", "reason", reason, "message", message));
    p->closing = true;
    p->signaling->io.close(p->signaling->io.context, p->socket, close_code, reason);
}

/* A candidate as the protocol has it: a string that holds JSON. */
static json_t *candidate_string(const struct participant *p, const struct candidate *c)
{
    char line[256];
    const char *mid = p->section_count ? p->sections[0].mid : "0";
    if (!candidate_write(c, line, sizeof line))
        return NULL;
    char *text = dump(json_pack("{s:s, s:s, s:i}", "candidate", line, "sdpMid", mid, "sdpMLineIndex", 0));
    json_t *string = text ? json_string(text) : NULL;
    free(text);
    return string;
}

void say_candidates(struct participant *p)
{
    struct address addresses[CANDIDATES_MAX];
    size_t count = candidates_for(p, addresses);
    for (size_t i = 0; i < count; i++) {
        struct candidate c = {.component = 1, .address = addresses[i], .type = CANDIDATE_HOST};
        c.priority = candidate_priority(c.type, (uint16_t)(65535 - i), 1);
        snprintf(c.foundation, sizeof c.foundation, "%zu", i + 1);
        json_t *string = candidate_string(p, &c);
        if (string)
            say(p, json_pack("{s:s, s:o}", "type", "candidate", "candidate", string));
    }
}

void say_turn(struct participant *p, mp_time now)
{
    struct turn_access t;
    json_t *servers = json_array();
    if (turn_access(p->signaling, &p->local, p->host, p->sdp_session, &t, now))
        json_array_append_new(servers, json_pack("{s:[s,s], s:s, s:s}", "urls", t.urls[0], t.urls[1], "username", t.username,
                                                 "credential", t.credential));
    say(p, json_pack("{s:s, s:o, s:i}", "type", "turn", "iceServers", servers, "ttl", TURN_CREDENTIAL_S));
    explicit_bzero(&t, sizeof t);
}

void say_seen(struct participant *p, const struct address *address)
{
    struct candidate c = {.component = 1, .address = *address, .type = CANDIDATE_SRFLX, .foundation = "srflx"};
    c.priority = candidate_priority(c.type, 65535, 1);
    json_t *string = candidate_string(p, &c);
    if (string)
        say(p, json_pack("{s:s, s:o}", "type", "stun-candidate", "stunCandidate", string));
}
