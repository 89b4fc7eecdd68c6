#include "check.h"
#include "negotiate.h"
#include "state.h"
#include <stdlib.h>

bool session_open(struct participant *p)
{
    struct signaling *s = p->signaling;
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE];
    s->io.random(s->io.context, random, sizeof random);
    struct session_setup setup = {.fingerprint = p->fingerprint};
    p->session = registry_open(s->config.registry, &setup, random, &p->credentials);
    explicit_bzero(random, sizeof random);
    if (p->session == SESSION_NONE)
        return false;
    p->state = SESSION_OPEN;
    s->by_slot[session_slot(p->session)] = p;
    return true;
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
        s->io.command(s->io.context, &m); /* its answer, MESSAGE_ENDED, frees the slot */
    }
    p->state = SESSION_NOT_OPEN;
}

void session_command(struct participant *p, struct message *m)
{
    if (p->state < SESSION_CLAIMED)
        return; /* the owner is told everything when it claims the session */
    m->to = (uint8_t)p->owner;
    m->from = TO_CONTROL;
    m->session = p->session;
    p->signaling->io.command(p->signaling->io.context, m);
}

void publication_start(struct participant *p, struct publication *pub)
{
    const struct sdp_codec *codec = &pub->capability.codec;
    struct message m = {.type = MESSAGE_PUBLISH,
                        .track = pub->track,
                        .publish = {.codec = codec->codec,
                                    .payload_type = codec->payload_type,
                                    .rtx_payload_type = pub->capability.rtx,
                                    .clock_rate = codec->clock_rate,
                                    .ssrc = pub->ssrc,
                                    .rtx_ssrc = pub->rtx_ssrc,
                                    .nack = codec->nack,
                                    .pli = codec->pli,
                                    .transport_cc = codec->transport_cc}};
    memcpy(m.publish.mid, pub->mid, MID_SIZE);
    session_command(p, &m);
    if (p->state >= SESSION_CLAIMED && !pub->announced) {
        pub->announced = true;
        negotiate_touch_room(p->room);
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
                                      .ssrc = section->ssrc,
                                      .rtx_ssrc = section->rtx_ssrc,
                                      .extensions = section_extensions(p, section)}};
    memcpy(m.subscribe.mid, section->mid, MID_SIZE);
    memcpy(m.subscribe.cname, pub->publisher->streams[0], CNAME_SIZE);
    section->sending = true;
    session_command(p, &m);
}

void subscription_end(struct participant *p, struct section *section)
{
    if (section->sending)
        session_command(p, &(struct message){.type = MESSAGE_UNSUBSCRIBE, .track = section->subscription->track});
    section->sending = false;
    section->subscription = NULL;
    section->retiring = true;
    section->retiring_told = false;
    negotiate_touch(p);
}

void publication_end(struct participant *p, struct publication *pub)
{
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
