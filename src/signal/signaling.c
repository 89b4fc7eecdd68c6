#include "signaling.h"
#include "check.h"
#include "log.h"
#include "protocol.h"
#include "state.h"
#include <stdio.h>
#include <stdlib.h>

struct signaling *signal_new(const struct signal_config *config, const struct signal_io *io)
{
    struct signaling *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->config = *config;
    s->io = *io;
    s->audience_at = MP_NEVER;
    io->random(io->context, (uint8_t *)&s->hash_key, sizeof s->hash_key);
    if (!rooms_init(s)) {
        rooms_free(s);
        free(s);
        return NULL;
    }
    return s;
}

void signal_free(struct signaling *s)
{
    INVARIANT(s->participant_count == 0);
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
    p->socket = client->socket;
    p->local = client->local;
    snprintf(p->host, sizeof p->host, "%s", client->host);
    s->io.random(s->io.context, (uint8_t *)&p->sdp_session, sizeof p->sdp_session);
    p->sdp_session &= INT64_MAX; /* RFC 9429 5.2.1: 63 bits */
    hex(p->streams[0], s);
    hex(p->streams[1], s);
    return p;
}

void signal_text(struct signaling *s, struct participant *p, const char *text, size_t len, mp_time now)
{
    if (!p->closing)
        protocol_text(p, text, len, now);
    negotiate_flush(s);
}

void signal_too_large(struct signaling *s, struct participant *p, mp_time now)
{
    say_error(p, "too-large", "a message is at most 262144 bytes");
}

static void leave(struct signaling *s, struct participant *p, mp_time now)
{
    char quoted[160];
    struct room *room = p->room;
    log_line(LOG_LEVEL_INFO, "participant left", "peer=%s seconds=%lld", log_quote(quoted, sizeof quoted, p->id),
             (long long)((now - p->joined_at) / MP_S(1)));
    negotiate_forget(p);
    session_close(p);
    if (p->listed)
        say_room(p, room, json_pack("{s:s, s:s}", "type", "participant-left", "id", p->id));
    room_list(p, false, now);
    room_leave(s, p);
    s->leaves++;
}

void signal_closed(struct signaling *s, struct participant *p, mp_time now)
{
    if (p->joined)
        leave(s, p, now);
    struct participant **link = &s->dirty;
    while (p->dirty && *link != p)
        link = &(*link)->dirty_next;
    if (p->dirty)
        *link = p->dirty_next;
    explicit_bzero(&p->credentials, sizeof p->credentials);
    free(p);
    negotiate_flush(s);
}

/* --- events of workers --- */

static void claimed(struct participant *p, unsigned owner)
{
    p->state = SESSION_CLAIMED;
    p->owner = owner;
    session_command(p, &(struct message){.type = MESSAGE_EXTENSIONS, .extensions = p->extensions});
    for (struct publication *pub = p->publications; pub; pub = pub->next)
        publication_start(p, pub);
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].sending)
            subscription_start(p, &p->sections[i]);
}

/* The worker ended a session that we had not closed. The participant goes with it: its client joins again. */
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
    say_bye(p, reason == END_CONSENT ? "timeout" : "failed", words[reason], 1000);
    leave(s, p, now);
}

void signal_event(struct signaling *s, const struct message *m, mp_time now)
{
    struct participant *p = s->by_slot[session_slot(m->session)];
    if (p && p->session != m->session)
        p = NULL; /* closed by us meanwhile */
    if (p && m->type == MESSAGE_CLAIMED)
        claimed(p, m->from);
    else if (p && m->type == MESSAGE_PATH_SEEN && m->path.link == LINK_UDP) /* a link's is no address that a NAT gave to UDP */
        say_seen(p, &m->path.remote);
    else if (p && m->type == MESSAGE_CONNECTED)
        p->state = SESSION_CONNECTED;
    else if (m->type == MESSAGE_ENDED) {
        registry_release(s->config.registry, m->session);
        if (p)
            ended(s, p, m->reason, now);
    }
    if (p)
        log_line(LOG_LEVEL_DEBUG, "session event", "session=%u event=%u worker=%u", m->session, m->type, m->from);
    negotiate_flush(s);
}

mp_time signal_deadline(const struct signaling *s) { return s->audience_at; }

void signal_timeout(struct signaling *s, mp_time now)
{
    if (s->audience_at > now)
        return;
    s->audience_at = MP_NEVER;
    say_audiences(s);
}

void signal_shutdown(struct signaling *s, mp_time now)
{
    s->stopping = true;
    for (size_t i = 0; i < registry_size(s->config.registry); i++)
        if (s->participants[i])
            say_bye(s->participants[i], "shutdown", "the server stops", 1001);
}
