/* Resuming: if its client supports it, a participant survives the loss of its WebSocket for a while, because
 * the causes (a NAT that lost its mapping, a new network) need not end the call. */
#include "base/bytes.h"
#include "base/log.h"
#include "signal/state.h"
#include <stdio.h>
#include <stdlib.h>

#define CLOSE_RESUMED 4001 /* for the old socket: the client has another (docs/signaling.md) */

void resume_offer(struct participant *p)
{
    struct signaling *s = p->signaling;
    uint8_t random[RESUME_TOKEN_SIZE / 2];
    s->io.random(s->io.context, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(p->token + 2 * i, 3, "%02x", random[i]);
    explicit_bzero(random, sizeof random);
    p->resumable = true;
}

void resume_never(struct participant *p, mp_time now)
{
    p->lost_at = now - RESUME_TIME;
    p->signaling->resume_at = now;
}

void resume_wait(struct participant *p, mp_time now)
{
    p->socket = NULL;
    p->lost_at = now;
    p->signaling->resume_at = mp_min(p->signaling->resume_at, now + RESUME_TIME);
    if (p->state >= SESSION_CLAIMED) /* without media there is nothing to resume */
        session_command(p, &(struct message){.type = MESSAGE_DOUBT});
    else
        resume_never(p, now);
    timeline_note(p->timeline, TIMELINE_SOCKET_LOST, NULL, 0, now);
}

struct participant *resume_overdue(struct signaling *s, bool all, mp_time now)
{
    s->resume_at = MP_NEVER;
    for (size_t i = 0; i < registry_size(s->config.registry); i++) {
        struct participant *p = s->participants[i];
        if (!p || p->socket)
            continue;
        if (all || now - p->lost_at >= RESUME_TIME)
            return p;
        s->resume_at = mp_min(s->resume_at, p->lost_at + RESUME_TIME);
    }
    return NULL;
}

static struct participant *find_owner(struct signaling *s, json_t *message)
{
    const char *id = json_string_value(json_object_get(message, "peerId"));
    const char *token = json_string_value(json_object_get(message, "token"));
    struct participant *p = id ? participant_find(s, id) : NULL;
    if (!p || !p->resumable || p->closing || !token || strlen(token) != RESUME_TOKEN_SIZE ||
        !bytes_equal_secret((const uint8_t *)token, (const uint8_t *)p->token, RESUME_TOKEN_SIZE))
        return NULL;
    return p;
}

void resume_handle(struct participant *fresh, json_t *message, mp_time now)
{
    struct signaling *s = fresh->signaling;
    if (fresh->joined) {
        say_error(fresh, "already-joined", "this connection has already joined");
        return;
    }
    struct participant *p = find_owner(s, message);
    if (!p || s->stopping) {
        say_error(fresh, "not-resumable", "no such participant: join again");
        return;
    }
    if (p->socket) { /* the client knows that it is dead, we do not yet */
        s->io.attach(s->io.context, p->socket, NULL);
        s->io.close(s->io.context, p->socket, CLOSE_RESUMED, "resumed elsewhere");
    }
    p->socket = fresh->socket;
    p->local = fresh->local;
    p->remote = fresh->remote;
    p->forwarded = fresh->forwarded;
    memcpy(p->host, fresh->host, sizeof p->host);
    s->io.attach(s->io.context, p->socket, p);
    words_move(fresh, p);
    free(fresh);
    timeline_note(p->timeline, TIMELINE_SOCKET_RESUMED, NULL, 0, now);
    say_resumed(p);
    if (p->media_path.path.remote.port)
        say_path(p); /* the path may have changed in between */
    offer_resumed(p);
    views_resumed(p, now);
}
