#include "base/check.h"
#include "base/log.h"
#include "sfu/layers.h"
#include "signal/negotiate.h"
#include "signal/state.h"
#include <stdlib.h>

bool session_open(struct participant *p, mp_time now)
{
    struct signaling *s = p->signaling;
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE];
    char quoted[160];
    s->io.random(s->io.context, random, sizeof random);
    struct session_setup setup = {.fingerprint = p->fingerprint, .active = p->active};
    p->session = registry_open(s->config.registry, &setup, random, &p->credentials);
    explicit_bzero(random, sizeof random);
    if (p->session == SESSION_NONE)
        return false;
    p->state = SESSION_OPEN;
    p->generation = 1;
    s->by_slot[session_slot(p->session)] = p;
    p->timeline = timeline_new(p->session, p->id, now);
    timeline_note(p->timeline, TIMELINE_OFFERED, NULL, 0, now);
    log_line(LOG_LEVEL_INFO, "session opened", "session=%u peer=%s", p->session,
             log_quote(quoted, sizeof quoted, p->id));
    return true;
}

void session_credentials(struct participant *p)
{
    struct session_ice ice = {.generation = p->generation};
    memcpy(ice.ufrag, p->credentials.ufrag, sizeof ice.ufrag);
    memcpy(ice.password, p->credentials.password, sizeof ice.password);
    memcpy(ice.remote_ufrag, p->remote_ufrag, sizeof ice.remote_ufrag);
    memcpy(ice.remote_password, p->remote_password, sizeof ice.remote_password);
    session_command(
        p, &(struct message){.type = MESSAGE_CREDENTIALS, .payload = {(const uint8_t *)&ice, sizeof ice}});
    explicit_bzero(&ice, sizeof ice);
}

void session_restart(struct participant *p, mp_time now)
{
    struct signaling *s = p->signaling;
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE];
    s->io.random(s->io.context, random, sizeof random);
    registry_restart(s->config.registry, p->session, ++p->generation, random, &p->credentials);
    explicit_bzero(random, sizeof random);
    session_credentials(p);
    timeline_note(p->timeline, TIMELINE_RESTART, NULL, p->generation, now);
}

static void tell_stalled(struct participant *p, const struct publication *pub)
{
    say_stalled(p, pub);
    for (struct participant *v = p->room->participants; v; v = v->next)
        for (size_t i = 0; i < v->section_count; i++)
            if (v->sections[i].subscription == pub && v->sections[i].sending)
                say_stalled(v, pub);
}

/* Its viewers see no picture, or will see none after a loss. Its publisher and the operator are told too. */
static void publication_stalled(struct participant *p, uint32_t track)
{
    char quoted[160];
    struct publication *pub = p->publications;
    while (pub && pub->track != track)
        pub = pub->next;
    if (!pub)
        return; /* it ended meanwhile */
    log_line(LOG_LEVEL_WARN, "no key frame", "session=%u peer=%s source=%s", p->session,
             log_quote(quoted, sizeof quoted, p->id), negotiate_source_name(pub->source));
    tell_stalled(p, pub);
}

/* Before media flows, path changes are the client's choice among its addresses and not reported. */
static void path_moved(struct participant *p, const struct session_event *e)
{
    const struct address *before = &p->media_path.path.remote;
    p->media_path.changes += e->moved && before->port && !address_equal(before, &e->path.remote);
    p->media_path.path = e->path;
    p->media_path.reason = e->value;
    say_path(p);
}

/* Its video stands still, but its session may come back until consent ends. */
static void vanish(struct participant *p)
{
    char quoted[160];
    p->vanished = true;
    log_line(LOG_LEVEL_WARN, "path lost", "session=%u peer=%s", p->session,
             log_quote(quoted, sizeof quoted, p->id));
    for (struct publication *pub = p->publications; pub; pub = pub->next)
        tell_stalled(p, pub);
    offer_touch_room(p->room);
}

void session_vanish(struct signaling *s, mp_time now)
{
    s->vanish_at = MP_NEVER;
    for (size_t i = 0; i < registry_size(s->config.registry); i++) {
        struct participant *p = s->participants[i];
        if (!p || p->vanished || p->vanished_at == MP_NEVER)
            continue;
        if (p->vanished_at + VANISH_TIME <= now)
            vanish(p);
        else
            s->vanish_at = mp_min(s->vanish_at, p->vanished_at + VANISH_TIME);
    }
}

static void path_lost(struct participant *p, mp_time now)
{
    p->vanished_at = mp_min(p->vanished_at, now);
    p->signaling->vanish_at = mp_min(p->signaling->vanish_at, p->vanished_at + VANISH_TIME);
    if (p->socket)
        say_restart_ice(p, now);
    else
        resume_never(p, now); /* it has neither a socket nor a path */
}

static void path_found(struct participant *p)
{
    p->vanished_at = MP_NEVER;
    if (p->vanished)
        offer_touch_room(p->room);
    p->vanished = false;
}

void session_event(struct participant *p, const struct session_event *e, mp_time now)
{
    static const enum timeline_kind kinds[] = {
        [EVENT_CHECK_SENT] = TIMELINE_CHECK_SENT,
        [EVENT_CHECK_ANSWERED] = TIMELINE_CHECK_ANSWERED,
        [EVENT_CHECK_FAILED] = TIMELINE_CHECK_FAILED,
        [EVENT_NOMINATED] = TIMELINE_NOMINATED,
        [EVENT_SELECTED] = TIMELINE_PATH_SELECTED,
        [EVENT_LOST] = TIMELINE_PATH_LOST,
        [EVENT_RESTARTED] = TIMELINE_RESTARTED,
        [EVENT_DTLS_STARTED] = TIMELINE_DTLS_STARTED,
        [EVENT_STALLED] = TIMELINE_TRACK_STALLED,
        [EVENT_FOUND] = TIMELINE_PATH_FOUND,
        [EVENT_BYE] = TIMELINE_BYE,
    };
    if (p->timeline)
        p->timeline->unsaid += e->unsaid;
    timeline_note(p->timeline, kinds[e->kind], &e->path.remote, e->value, e->at);
    if (e->kind == EVENT_SELECTED || e->kind == EVENT_FOUND)
        path_found(p);
    if (e->kind == EVENT_SELECTED)
        path_moved(p, e);
    else if (e->kind == EVENT_LOST)
        path_lost(p, now);
    else if (e->kind == EVENT_BYE && p->by_http)
        say_bye(p, "left", "goodbye", 1000); /* a WebSocket client leaves by its socket: a browser may have
                                                ended only its streams */
    else if (e->kind == EVENT_RESTARTED)
        registry_retire(p->signaling->config.registry, p->session, e->value);
    else if (e->kind == EVENT_STALLED)
        publication_stalled(p, e->value);
}

void session_close(struct participant *p)
{
    struct signaling *s = p->signaling;
    if (p->state == SESSION_NOT_OPEN)
        return;
    s->by_slot[session_slot(p->session)] = NULL;
    if (!registry_close(s->config.registry, p->session)) {
        struct message m = {.type = MESSAGE_SESSION_CLOSE,
                            .to = (uint8_t)registry_owner(s->config.registry, p->session),
                            .from = TO_CONTROL,
                            .session = p->session};
        s->io.command(s->io.context, &m); /* the worker answers MESSAGE_ENDED, which frees the slot */
    }
    p->state = SESSION_NOT_OPEN;
}

void session_command(struct participant *p, struct message *m)
{
    if (p->state < SESSION_CLAIMED)
        return; /* the owner gets everything when it claims the session */
    m->to = (uint8_t)p->owner;
    m->from = TO_CONTROL;
    m->session = p->session;
    p->signaling->io.command(p->signaling->io.context, m);
}

static void note_others(struct publish *m, const struct participant *p, const struct publication *pub)
{
    const struct capabilities *choice = NULL;
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].publication == pub)
            choice = p->sections[i].choice;
    for (size_t i = 0; choice && i < choice->count; i++) {
        uint8_t payload_type = choice->list[i].codec.payload_type;
        if (payload_type != m->payload_type)
            m->others[payload_type >> 6] |= UINT64_C(1) << (payload_type & 63);
    }
}

static void command_publish(struct participant *p, const struct publication *pub, enum message_type type)
{
    const struct sdp_codec *codec = &pub->capability.codec;
    struct message m = {.type = (uint8_t)type,
                        .track = pub->track,
                        .publish = {.codec = codec->codec,
                                    .payload_type = codec->payload_type,
                                    .rtx_payload_type = pub->capability.rtx,
                                    .clock_rate = codec->clock_rate,
                                    .layered = pub->layers.several,
                                    .nack = codec_is_video(codec->codec) && codec->nack, /* as in the
                                                                                            answer */
                                    .pli = codec->pli,
                                    .transport_cc = codec->transport_cc}};
    memcpy(m.publish.ssrc, pub->layers.ssrc, sizeof m.publish.ssrc);
    memcpy(m.publish.rtx_ssrc, pub->layers.rtx_ssrc, sizeof m.publish.rtx_ssrc);
    for (uint8_t i = 0; i < pub->layers.rid_count; i++)
        m.publish.rid[i] = layers_rid((const uint8_t *)pub->layers.rids[i], strlen(pub->layers.rids[i]));
    memcpy(m.publish.mid, pub->mid, MID_SIZE);
    note_others(&m.publish, p, pub);
    session_command(p, &m);
}

void publication_change(struct participant *p, const struct publication *pub)
{
    command_publish(p, pub, MESSAGE_REPUBLISH);
}

void publication_start(struct participant *p, struct publication *pub)
{
    command_publish(p, pub, MESSAGE_PUBLISH);
    if (p->state >= SESSION_CLAIMED && !pub->announced) {
        pub->announced = ++p->signaling->announced;
        offer_touch_room(p->room);
    }
}

void subscription_start(struct participant *p, struct section *section)
{
    const struct publication *pub = section->subscription;
    const struct capability *k = section->capability;
    struct message m = {.type = MESSAGE_SUBSCRIBE,
                        .track = pub->track,
                        .subscribe = {.origin = (uint8_t)pub->publisher->owner,
                                      .codec = k->codec.codec,
                                      .payload_type = k->codec.payload_type,
                                      .rtx_payload_type = k->rtx,
                                      .clock_rate = k->codec.clock_rate,
                                      .every_sound = p->every_sound,
                                      .ssrc = section->ssrc,
                                      .rtx_ssrc = section->rtx_ssrc,
                                      .extensions = extensions_of_answer(p, section)}};
    memcpy(m.subscribe.mid, section->mid, MID_SIZE);
    memcpy(m.subscribe.cname, pub->publisher->streams[0], CNAME_SIZE);
    section->sending = true;
    session_command(p, &m);
    views_started(p, section);
}

void subscription_suspend(struct participant *p, struct section *section)
{
    session_command(p, &(struct message){.type = MESSAGE_UNSUBSCRIBE, .track = section->subscription->track});
    section->sending = false;
    offer_new_ssrcs(p, section);
}

void subscription_end(struct participant *p, struct section *section)
{
    if (section->sending)
        session_command(
            p, &(struct message){.type = MESSAGE_UNSUBSCRIBE, .track = section->subscription->track});
    section->sending = false;
    section->subscription = NULL;
    section->retiring = true;
    section->retiring_told = false;
    offer_touch(p);
}

void publication_end(struct participant *p, struct publication *pub)
{
    speakers_ended(pub);
    struct publication **link = &p->publications;
    while (*link != pub)
        link = &(*link)->next;
    *link = pub->next;
    *pub->room_link = pub->room_next;
    if (pub->room_next)
        pub->room_next->room_link = pub->room_link;
    for (struct participant *v = p->room->participants; v; v = v->next)
        for (size_t i = 0; i < v->section_count; i++)
            if (v->sections[i].subscription == pub)
                subscription_end(v, &v->sections[i]);
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].publication == pub)
            p->sections[i].publication = NULL;
    session_command(p, &(struct message){.type = MESSAGE_UNPUBLISH, .track = pub->track});
    free(pub);
}
