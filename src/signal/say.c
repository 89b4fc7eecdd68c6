#include "proto/candidate.h"
#include "signal/negotiate.h"
#include "signal/state.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const role_names[] = {"call", "stream", "watch"};

json_t *say_describe(const struct participant *p)
{
    return json_pack("{s:s, s:s, s:s, s:s*, s:b, s:b}", "id", p->id, "name", p->name, "role",
                     role_names[p->role], "identity", *p->identity ? p->identity : NULL, "audioMuted",
                     (int)p->audio_muted, "videoMuted", (int)p->video_muted);
}

static char *dump(json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    return text;
}

/* NULL: no memory for it. */
static void send_text(struct participant *p, const char *text)
{
    if (text && !p->closing && p->socket)
        p->signaling->io.send(p->signaling->io.context, p->socket, text, strlen(text));
}

void say_json(struct participant *p, json_t *message)
{
    char *text = dump(message);
    send_text(p, text);
    free(text);
}

void say_room(struct room *room, const struct participant *except, uint64_t from, uint64_t until,
              json_t *message)
{
    char *text = dump(message);
    size_t len = text ? strlen(text) : 0, said = 0;
    for (struct participant *p = room->participants; p; p = p->next)
        if (p != except && p->arrival >= from && p->arrival < until) {
            send_text(p, text);
            said += len;
        }
    rate_spend(&room->news_budget, (double)said);
    free(text);
}

/* Writes the bytes, which are UTF-8, as the inside of a JSON string (RFC 8259 7). Returns its end. */
static char *quote(char *out, const char *text)
{
    for (unsigned char c; (c = (unsigned char)*text); text++)
        if (c == '\r' || c == '\n' || c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = c == '\r' ? 'r' : c == '\n' ? 'n' : (char)c;
        } else if (c < ' ') {
            out += sprintf(out, "\\u%04x", c);
        } else {
            *out++ = (char)c;
        }
    return out;
}

/* Written by hand: a description may have hundreds of kilobytes, and jansson takes ten times as long. */
bool say_description(struct participant *p, const char *type, const char *sdp, json_t *streams)
{
    char *others = streams ? dump(streams) : NULL;
    bool whole = others || !streams;
    char *text = whole ? malloc(6 * strlen(sdp) + (others ? strlen(others) : 0) + 64) : NULL, *at = text;
    if (text) {
        at = quote(text + sprintf(text, "{\"type\":\"%s\",\"sdp\":\"", type), sdp);
        sprintf(at, others ? "\",\"streams\":%s}" : "\"}", others);
        send_text(p, text);
    }
    free(text);
    free(others);
    return at != NULL;
}

/* --- participants --- */

/* The other unlisted watchers. */
static json_int_t audience_of(const struct room *room, bool listed)
{
    return (json_int_t)(room->audience - !listed);
}

static char *list(const struct room *room, const struct participant *except)
{
    json_t *listed = json_array();
    for (const struct participant *p = room->participants; p; p = p->next)
        if (p != except && p->listed)
            json_array_append_new(listed, say_describe(p));
    return dump(listed);
}

/* All unlisted watchers get the same list, so for a crowd it is written once. */
static const char *listing(struct room *room)
{
    if (!room->listing)
        room->listing = list(room, NULL);
    return room->listing;
}

void say_listing_changed(struct room *room)
{
    free(room->listing);
    room->listing = NULL;
}

/* `type`: joined, resumed. */
static void say_room_to(struct participant *p, const char *type)
{
    struct room *room = p->room;
    char *own = p->listed ? list(room, p) : NULL, *text = NULL;
    const char *others = p->listed ? own : listing(room);
    json_t *message = json_pack("{s:s, s:s, s:s, s:I, s:s, s:i}", "type", type, "peerId", p->id, "room",
                                room->name, "audience", audience_of(room, p->listed), "version",
                                p->signaling->config.version, "protocol", SIGNAL_PROTOCOL);
    candidates_tell_network(message, p->forwarded ? NULL : &p->remote, p->signaling->config.probe_port);
    if (p->resumable)
        json_object_set_new(message, "resume", json_string(p->token));
    char *head = dump(message);
    if (head && others &&
        asprintf(&text, "%.*s,\"participants\":%s}", (int)strlen(head) - 1, head, others) < 0)
        text = NULL;
    send_text(p, text);
    free(text);
    free(head);
    free(own);
}

void say_resumed(struct participant *p)
{
    say_room_to(p, "resumed");
    speakers_welcome(p);
}

void say_joined(struct participant *p)
{
    say_room_to(p, "joined");
    speakers_welcome(p);
    if (p->listed)
        news_joined(p);
}

static void say_audience(struct room *room)
{
    char *texts[2];
    for (int listed = 0; listed < 2; listed++)
        texts[listed] = dump(json_pack("{s:s, s:I}", "type", "audience", "count", audience_of(room, listed)));
    for (struct participant *p = room->participants; p; p = p->next)
        send_text(p, texts[p->listed]);
    free(texts[0]);
    free(texts[1]);
}

void say_audiences(struct signaling *s)
{
    for (size_t i = 0; i < s->config.limits.rooms; i++)
        if (s->rooms[i] && s->rooms[i]->audience_changed) {
            s->rooms[i]->audience_changed = false;
            say_audience(s->rooms[i]);
        }
}

void say_error(struct participant *p, const char *code, const char *message)
{
    p->signaling->errors++;
    say_json(p, json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message", message));
}

void say_bye(struct participant *p, const char *reason, const char *message, uint16_t close_code)
{
    if (p->closing)
        return;
    say_json(p, json_pack("{s:s, s:s, s:s}", "type", "bye", "reason", reason, "message", message));
    p->closing = true;
    if (p->socket)
        p->signaling->io.close(p->signaling->io.context, p->socket, close_code, reason);
}

void say_too_much(struct participant *p)
{
    say_bye(p, "too-many-messages", "too many messages: slow down", 1008);
}

/* A candidate in the protocol's form: a string that holds JSON. */
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
    size_t count = candidates_for(&p->signaling->config, &p->local, p->host, addresses);
    for (size_t i = 0; i < 2 * count; i++) { /* UDP's, then TCP's */
        struct candidate c = candidate_host(&addresses[i % count], i % count, i >= count);
        json_t *string = candidate_string(p, &c);
        if (string)
            say_json(p, json_pack("{s:s, s:o}", "type", "candidate", "candidate", string));
    }
}

#define RESTART_ASKED_EVERY MP_S(10)

void say_restart_ice(struct participant *p, mp_time now)
{
    if (!p->socket || (p->restart_asked && now - p->restart_asked_at < RESTART_ASKED_EVERY))
        return;
    p->restart_asked = true;
    p->restart_asked_at = now;
    timeline_note(p->timeline, TIMELINE_RESTART_ASKED, NULL, 0, now);
    say_json(p, json_pack("{s:s}", "type", "restart-ice"));
}

void say_path(struct participant *p)
{
    const struct path *path = &p->media_path.path;
    static const char *const protocols[] = {
        [LINK_DATAGRAM] = "udp", [LINK_STREAM] = "tcp", [LINK_RELAY] = "relay", [LINK_TURN] = "tcp"};
    char ip[ADDRESS_TEXT_SIZE];
    say_json(p, json_pack("{s:s, s:s, s:i, s:s, s:s, s:I}", "type", "path", "address",
                          address_ip_text(&path->remote, ip), "port", (int)path->remote.port, "protocol",
                          protocols[link_kind(path->link)], "reason", timeline_reason(p->media_path.reason),
                          "changes", (json_int_t)p->media_path.changes));
}

void say_stalled(struct participant *p, const struct publication *pub)
{
    say_json(p, json_pack("{s:s, s:s, s:s}", "type", "track-stalled", "participant", pub->publisher->id,
                          "source", negotiate_source_name(pub->source)));
}

void say_unsupported(struct participant *p, const struct publication *pub)
{
    say_json(p, json_pack("{s:s, s:s, s:s, s:s}", "type", "track-unsupported", "participant",
                          pub->publisher->id, "source", negotiate_source_name(pub->source), "codec",
                          codec_name(pub->capability.codec.codec)));
}

void say_timeline(struct participant *p)
{
    json_t *timeline = p->timeline ? timeline_json(p->timeline, p->signaling->config.wall) : json_null();
    say_json(p, json_pack("{s:s, s:o}", "type", "timeline", "timeline", timeline));
}

void say_turn(struct participant *p, mp_time now)
{
    struct turn_access t;
    json_t *servers = json_array();
    if (turn_access(p->signaling, &p->local, p->host, p->sdp_session, &t, now))
        json_array_append_new(servers, json_pack("{s:[s,s], s:s, s:s}", "urls", t.urls[0], t.urls[1],
                                                 "username", t.username, "credential", t.credential));
    say_json(p,
             json_pack("{s:s, s:o, s:i}", "type", "turn", "iceServers", servers, "ttl", TURN_CREDENTIAL_S));
    explicit_bzero(&t, sizeof t);
}

void say_seen(struct participant *p, const struct address *address)
{
    struct candidate c = {
        .component = 1, .address = *address, .type = CANDIDATE_SRFLX, .foundation = "srflx"};
    c.priority = candidate_priority(c.type, 65535, 1);
    json_t *string = candidate_string(p, &c);
    if (string)
        say_json(p, json_pack("{s:s, s:o}", "type", "stun-candidate", "stunCandidate", string));
}
