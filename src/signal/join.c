/* Joins: checks join-room, the token and the limits.
 *
 * Timer: a participant's token expires. */
#include "base/log.h"
#include "signal/state.h"
#include <stdio.h>

#define EXPIRY_MAX_S (10ll * 366 * 24 * 3600) /* longer than any stay, and sums cannot overflow */

struct wish { /* the fields of join-room */
    const char *id, *room, *name, *token;
    enum role role;
    enum codec codec;
    bool every_sound;
};

/* --- reading --- */

static size_t characters(const char *utf8)
{
    size_t n = 0;
    for (; *utf8; utf8++)
        n += (*utf8 & 0xc0) != 0x80;
    return n;
}

/* A string member of at most `most` characters. False: present, but not such a string. */
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

static bool sounds_of(const char *name, bool *every)
{
    *every = name && strcmp(name, "all") == 0;
    return !name || *every || strcmp(name, "loudest") == 0;
}

/* False: the client got an error. */
static bool read_wish(struct participant *p, json_t *message, struct wish *w)
{
    const char *role, *codec, *sounds;
    if (!text_member(message, "peerId", PEER_ID_MAX, &w->id) || !w->id || !*w->id ||
        strlen(w->id) > PEER_ID_MAX || !text_member(message, "room", ROOM_NAME_MAX, &w->room) ||
        (w->room && !*w->room) || !text_member(message, "name", PARTICIPANT_NAME_MAX, &w->name) ||
        !text_member(message, "role", 16, &role) || !role_of(role, &w->role) ||
        !text_member(message, "codec", 16, &codec) || !text_member(message, "token", TOKEN_MAX, &w->token) ||
        !text_member(message, "sounds", 16, &sounds) || !sounds_of(sounds, &w->every_sound)) {
        say_error(p, "bad-message",
                  "join-room needs peerId; room, name, role and codec are texts of at most 64 characters, "
                  "sounds is loudest or all");
        return false;
    }
    w->codec = codec ? codec_parse(codec, strlen(codec)) : CODEC_NONE;
    if (codec && !codec_is_video(w->codec)) {
        say_error(p, "bad-message", "codec must be vp8, vp9, h264 or av1");
        return false;
    }
    return true;
}

/* --- permissions --- */

/* A token is for one room or for all; with a token for one room the client may omit the room. */
static bool use_token(struct participant *p, struct wish *w, const struct grant *g)
{
    bool every = strcmp(g->room, "*") == 0;
    if (!w->room && !every && *g->room)
        w->room = g->room;
    const char *room = w->room ? w->room : ROOM_DEFAULT;
    if (!*g->identity)
        say_error(p, "unauthorized", "the token names no identity (sub)");
    else if (!every && strcmp(g->room, room) != 0)
        say_error(p, "forbidden", "the token is for another room");
    else if ((w->role != ROLE_WATCH && !g->publish) || (w->role != ROLE_STREAM && !g->watch))
        say_error(p, "forbidden", "the token lacks a right that this role needs");
    else
        return true;
    return false;
}

static bool may_be_guest(struct participant *p, const struct wish *w)
{
    const char *room = w->room ? w->room : ROOM_DEFAULT;
    if (!p->guest || access_room_takes_guests(p->signaling->config.access, room))
        return true;
    say_error(p, "forbidden", "pages of other sites may not join this room");
    return false;
}

/* `g`: the token's grant; empty without a token. False: the client got an error. */
static bool admit(struct participant *p, struct wish *w, struct grant *g, mp_time now)
{
    const struct access *a = p->signaling->config.access;
    const struct signal_io *io = &p->signaling->io;
    *g = (struct grant){.expires = 0};
    p->expires_at = MP_NEVER;
    if (!a)
        return true;
    if (!w->token || !a->key_len) {
        bool open = access_room_open(a, w->room ? w->room : ROOM_DEFAULT);
        if (!open)
            say_error(p, "unauthorized", "this room requires a token");
        return open && may_be_guest(p, w);
    }
    if (!access_token(a, w->token, io->wall(io->context), g)) {
        say_error(p, "unauthorized", "the token is invalid or expired");
        return false;
    }
    if (!use_token(p, w, g) || !may_be_guest(p, w))
        return false;
    p->expires_at = now + MP_S(mp_min(g->expires - io->wall(io->context), EXPIRY_MAX_S));
    return true;
}

/* The other connection may be dead without the server's knowledge: ask it for a sign of life, so that its
 * name soon becomes free. */
static void peer_taken(struct participant *p)
{
    const struct signal_io *io = &p->signaling->io;
    const struct participant *former = participant_find(p->signaling, p->id);
    say_error(p, "peer-taken", "this peerId is in use; if that connection is dead, it is free in 5 s");
    if (io->doubt && former && former->socket)
        io->doubt(io->context, former->socket);
}

static void refuse_join(struct participant *p, enum join_result result)
{
    switch (result) {
    case JOIN_PEER_TAKEN: peer_taken(p); break;
    case JOIN_ROOM_FULL: say_error(p, "room-full", "the room is full"); break;
    default: say_error(p, "server-full", "this server is full: it accepts no further participants"); break;
    }
    p->id[0] = 0;
}

/* --- join --- */

static void welcome(struct participant *p, json_t *message, mp_time now)
{
    char quoted[3][160];
    struct signaling *s = p->signaling;
    p->joined_at = now;
    s->joins++;
    s->expires_at = mp_min(s->expires_at, p->expires_at);
    room_list(p, now);
    log_line(LOG_LEVEL_INFO, "participant joined", "peer=%s room=%s identity=%s",
             log_quote(quoted[0], sizeof quoted[0], p->id),
             log_quote(quoted[1], sizeof quoted[1], p->room->name),
             log_quote(quoted[2], sizeof quoted[2], p->identity));
    if (json_is_true(json_object_get(message, "resume")))
        resume_offer(p);
    say_joined(p);
    speakers_joined(p, now);
}

/* A participant with the same peerId exists: perhaps the same person, whose socket died unnoticed. The peerId
 * alone does not prove that, because everybody in the room knows it; a token for the same identity does. */
static void replace_former(struct participant *p, const struct wish *w, mp_time now)
{
    struct participant *former = participant_find(p->signaling, w->id);
    if (former && *p->identity && strcmp(former->identity, p->identity) == 0)
        participant_replace(former, now);
}

void join_handle(struct participant *p, json_t *message, mp_time now)
{
    struct signaling *s = p->signaling;
    struct wish w;
    struct grant g;
    if (p->joined) {
        say_error(p, "already-joined", "this connection has already joined");
        return;
    }
    struct caller *caller = callers_find(&s->joiners, &p->remote);
    unsigned most = s->config.limits.sessions;
    if (!caller_take(caller, s->config.limits.joins_per_s, now) ||
        (caller && most && caller->count >= most)) {
        say_error(p, "too-many-joins", "too many joins from this address: try again later");
        return;
    }
    if (!read_wish(p, message, &w))
        return;
    if (!admit(p, &w, &g, now)) {
        if (p->guest) /* a foreign page must not try tokens from its visitor's address */
            say_bye(p, "forbidden", "pages of other sites come in by a token", 1008);
        return;
    }
    p->role = w.role;
    p->codec = w.codec;
    p->every_sound = w.every_sound;
    snprintf(p->id, sizeof p->id, "%s", w.id);
    snprintf(p->name, sizeof p->name, "%s", *g.name ? g.name : w.name ? w.name : "");
    snprintf(p->identity, sizeof p->identity, "%s", g.identity);
    replace_former(p, &w, now);
    enum join_result result =
        s->stopping ? JOIN_SERVER_FULL : room_join(s, p, w.room ? w.room : ROOM_DEFAULT);
    if (result != JOIN_OK) {
        refuse_join(p, result);
        return;
    }
    p->caller = caller;
    if (caller)
        caller->count++;
    welcome(p, message, now);
}

void join_expire(struct signaling *s, mp_time now)
{
    s->expires_at = MP_NEVER;
    for (size_t i = 0; i < registry_size(s->config.registry); i++) {
        struct participant *p = s->participants[i];
        if (p && p->expires_at <= now) {
            say_bye(p, "expired", "the token has expired", 1008);
            if (!p->socket)
                resume_never(p, now);
        } else if (p) {
            s->expires_at = mp_min(s->expires_at, p->expires_at);
        }
    }
}
