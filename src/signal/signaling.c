#include "signal/signaling.h"
#include "base/check.h"
#include "base/log.h"
#include "signal/protocol.h"
#include "signal/state.h"
#include <stdio.h>
#include <stdlib.h>

static void preset(size_t *value, size_t standard) { *value = *value ? *value : standard; }

struct signaling *signal_new(const struct signal_config *config, const struct signal_io *io)
{
    struct signaling *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->config = *config;
    s->io = *io;
    s->audience_at = s->resume_at = s->expires_at = s->turns_at = s->vanish_at = s->decide_at = MP_NEVER;
    preset(&s->config.limits.rooms, ROOMS_MAX);
    preset(&s->config.limits.participants, ROOM_PARTICIPANTS_MAX);
    preset(&s->config.limits.loudest_from, LOUDEST_FROM);
    preset(&s->config.limits.loudest, LOUDEST_MAX);
    s->config.limits.loudest =
        s->config.limits.loudest < LOUDEST_MAX ? s->config.limits.loudest : LOUDEST_MAX;
    preset(&s->config.limits.tracks, PUBLICATIONS_MAX);
    preset(&s->config.limits.message, WS_MESSAGE_MAX);
    io->random(io->context, (uint8_t *)&s->joiners.key, sizeof s->joiners.key);
    io->random(io->context, (uint8_t *)&s->hash_key, sizeof s->hash_key);
    if (!rooms_init(s)) {
        rooms_free(s);
        free(s);
        return NULL;
    }
    return s;
}

void signal_addresses(struct signaling *s, const struct address *addresses, size_t count)
{
    s->config.addresses = addresses;
    s->config.address_count = count;
}

void signal_free(struct signaling *s)
{
    INVARIANT(s->participant_count == 0);
    for (size_t i = 0; i < TIMELINES_ENDED_MAX; i++)
        free(s->ended[i]);
    rooms_free(s);
    free(s);
}

static void hex(char out[CNAME_SIZE], struct signaling *s)
{
    uint64_t random;
    s->io.random(s->io.context, (uint8_t *)&random, sizeof random);
    snprintf(out, CNAME_SIZE, "%016llx", (unsigned long long)random);
}

struct participant *signal_opened(struct signaling *s, const struct signal_client *client, mp_time now)
{
    struct participant *p = s->stopping ? NULL : calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->signaling = s;
    STAILQ_INIT(&p->words);
    p->socket = client->socket;
    p->local = client->local;
    p->remote = client->remote;
    p->forwarded = client->forwarded;
    p->guest = client->guest;
    p->expires_at = p->vanished_at = MP_NEVER;
    snprintf(p->host, sizeof p->host, "%s", client->host);
    s->io.random(s->io.context, (uint8_t *)&p->sdp_session, sizeof p->sdp_session);
    p->sdp_session &= INT64_MAX; /* RFC 9429 5.2.1: 63 bits */
    hex(p->streams[0], s);
    hex(p->streams[1], s);
    return p;
}

/* A client must not block the control plane for others, and its messages must not fill the queue to a slow
 * reader. */
static bool may_speak(struct participant *p, size_t len, mp_time now)
{
    double cost = 1 + (double)len / CLIENT_MESSAGE_UNIT;
    return rate_take(&p->messages, cost, CLIENT_MESSAGES_PER_S, CLIENT_MESSAGES_BURST, now);
}

void signal_text(struct signaling *s, struct participant *p, const char *text, size_t len, mp_time now)
{
    if (p->closing || !may_speak(p, len, now) || p->words_len + len > 2 * s->config.limits.message)
        say_too_much(p);
    else if (!words_keep(p, text, len)) /* no memory: handled now, out of turn */
        protocol_text(p, text, len, now);
}

void signal_heard(struct signaling *s, struct participant *p, const char *text, size_t len, mp_time now)
{
    if (p->closing || !may_speak(p, len, now))
        say_too_much(p);
    else
        protocol_text(p, text, len, now);
}

void signal_too_large(struct signaling *s, struct participant *p, mp_time now)
{
    char text[64];
    snprintf(text, sizeof text, "a message is at most %zu bytes", s->config.limits.message);
    say_error(p, "too-large", text);
}

/* Keeps it for a while: questions about a call come after its end. */
static void keep_timeline(struct signaling *s, struct participant *p)
{
    struct timeline **place = &s->ended[s->ended_next];
    if (!p->timeline)
        return;
    free(*place);
    *place = p->timeline;
    p->timeline = NULL;
    s->ended_next = (s->ended_next + 1) % TIMELINES_ENDED_MAX;
}

char *signal_timeline(struct signaling *s, uint32_t session, size_t *len)
{
    uint32_t slot = session_slot(session);
    struct participant *p = slot < registry_size(s->config.registry) ? s->by_slot[slot] : NULL;
    const struct timeline *t = p && p->session == session ? p->timeline : NULL;
    for (size_t i = 0; !t && i < TIMELINES_ENDED_MAX; i++)
        if (s->ended[i] && s->ended[i]->session == session)
            t = s->ended[i];
    json_t *json = t ? timeline_json(t, s->config.wall) : NULL;
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    *len = text ? strlen(text) : 0;
    return text;
}

static void leave(struct signaling *s, struct participant *p, mp_time now)
{
    char quoted[160];
    log_line(LOG_LEVEL_INFO, "participant left", "peer=%s seconds=%lld",
             log_quote(quoted, sizeof quoted, p->id), (long long)((now - p->joined_at) / MP_S(1)));
    views_forget(p);
    negotiate_forget(p);
    speakers_left(p, now);
    if (p->state != SESSION_NOT_OPEN)
        timeline_note(p->timeline, TIMELINE_ENDED, NULL, END_CLOSED, now);
    session_close(p);
    keep_timeline(s, p);
    if (p->listed)
        news_left(p);
    room_unlist(p, now);
    room_leave(s, p);
    if (p->caller)
        p->caller->count--;
    p->caller = NULL;
    s->leaves++;
}

static void participant_free(struct participant *p)
{
    words_drop(p);
    explicit_bzero(&p->credentials, sizeof p->credentials);
    explicit_bzero(p->remote_password, sizeof p->remote_password);
    explicit_bzero(p->token, sizeof p->token);
    free(p);
}

void participant_replace(struct participant *p, mp_time now)
{
    say_bye(p, "replaced", "you joined anew", 4001);
    leave(p->signaling, p, now);
    if (!p->socket)
        participant_free(p);
}

void signal_closed(struct signaling *s, struct participant *p, mp_time now)
{
    if (p->joined && p->resumable && !p->closing && !s->stopping) {
        resume_wait(p, now);
    } else {
        if (p->joined)
            leave(s, p, now);
        participant_free(p);
    }
}

/* --- events of workers --- */

static void claimed(struct participant *p, unsigned owner, mp_time now)
{
    p->state = SESSION_CLAIMED;
    p->owner = owner;
    timeline_note(p->timeline, TIMELINE_CLAIMED, NULL, owner, now);
    session_credentials(p);
    session_command(p, &(struct message){.type = MESSAGE_EXTENSIONS, .extensions = p->extensions});
    for (struct publication *pub = p->publications; pub; pub = pub->next)
        publication_start(p, pub);
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].sending)
            subscription_start(p, &p->sections[i]);
}

/* The worker ended a session that we had not closed. The participant ends too: its client joins again. */
static void ended(struct signaling *s, struct participant *p, enum end_reason reason, mp_time now)
{
    static const char *const words[] = {
        [END_CLOSED] = "the session was closed",
        [END_CONSENT] = "no connectivity check came for 30 s",
        [END_DTLS_FAILED] = "the secure connection could not be made",
        [END_PEER_CLOSED] = "the client closed its connection",
        [END_NO_MEMORY] = "this server has no memory left",
    };
    s->by_slot[session_slot(p->session)] = NULL;
    p->state = SESSION_NOT_OPEN;
    s->failures++;
    if (reason == END_DTLS_FAILED || reason == END_PEER_CLOSED)
        timeline_note(p->timeline, reason == END_DTLS_FAILED ? TIMELINE_DTLS_FAILED : TIMELINE_DTLS_CLOSED,
                      NULL, 0, now);
    timeline_note(p->timeline, TIMELINE_ENDED, NULL, reason, now);
    say_bye(p, reason == END_CONSENT ? "timeout" : "failed", words[reason], 1000);
    leave(s, p, now);
    if (!p->socket)
        participant_free(p);
}

static void seen(struct participant *p, const struct path *path, mp_time now)
{
    timeline_note(p->timeline, TIMELINE_PATH_SEEN, &path->remote, 0, now);
    if (path->link == LINK_UDP) /* a link's address is not a NAT's mapping of UDP */
        say_seen(p, &path->remote);
}

static void connected(struct participant *p, mp_time at)
{
    p->state = SESSION_CONNECTED;
    timeline_note(p->timeline, TIMELINE_DTLS_CONNECTED, NULL, 0, at);
}

void signal_event(struct signaling *s, const struct message *m, mp_time now)
{
    if (m->type == MESSAGE_LEVELS) { /* of many sessions */
        speakers_levels(s, &m->levels, now);
        return;
    }
    struct participant *p = s->by_slot[session_slot(m->session)];
    if (p && p->session != m->session)
        p = NULL; /* we closed it meanwhile */
    if (p)
        log_line(LOG_LEVEL_DEBUG, "session event", "session=%u event=%u worker=%u", m->session, m->type,
                 m->from);
    if (p && m->type == MESSAGE_CLAIMED)
        claimed(p, m->from, now);
    else if (p && m->type == MESSAGE_PATH_SEEN)
        seen(p, &m->path, now);
    else if (p && m->type == MESSAGE_SESSION_EVENT)
        session_event(p, &m->event, now);
    else if (p && m->type == MESSAGE_CONNECTED)
        connected(p, m->at);
    else if (p && m->type == MESSAGE_CODEC)
        negotiate_turn(p, m->track, m->payload_type, now);
    else if (p && m->type == MESSAGE_VIEWING)
        views_viewing(p, m->track, &m->viewing, now);
    else if (p && m->type == MESSAGE_LINE)
        views_line(p, &m->line, now);
    else if (m->type == MESSAGE_ENDED) {
        registry_release(s->config.registry, m->session);
        if (p)
            ended(s, p, m->reason, now);
    }
}

mp_time signal_deadline(const struct signaling *s)
{
    const struct participant *resting = TAILQ_FIRST(&s->resting);
    mp_time at = mp_min(mp_min(s->audience_at, s->resume_at),
                        mp_min(s->expires_at, mp_min(s->turns_at, s->vanish_at)));
    if (!TAILQ_EMPTY(&s->turns[TURN_NEXT]))
        return 0;
    at = mp_min(at, mp_min(views_deadline(s), s->decide_at));
    return resting ? mp_min(at, resting->news.rested_at) : at;
}

static void leave_lost(struct signaling *s, bool all, mp_time now)
{
    struct participant *p;
    while ((p = resume_overdue(s, all, now))) {
        leave(s, p, now);
        participant_free(p);
    }
}

void signal_timeout(struct signaling *s, mp_time now)
{
    if (s->expires_at <= now)
        join_expire(s, now);
    if (s->audience_at <= now) {
        s->audience_at = MP_NEVER;
        say_audiences(s);
    }
    if (s->resume_at <= now)
        leave_lost(s, false, now);
    if (s->vanish_at <= now)
        session_vanish(s, now);
    if (s->turns_at <= now)
        turns_rich(s);
    news_rested(s, now);
    views_timeout(s, now);
    speakers_timeout(s, now);
}

void signal_shutdown(struct signaling *s, mp_time now)
{
    s->stopping = true;
    leave_lost(s, true, now);
    for (size_t i = 0; i < registry_size(s->config.registry); i++)
        if (s->participants[i])
            say_bye(s->participants[i], "shutdown", "the server stops", 1001);
}
