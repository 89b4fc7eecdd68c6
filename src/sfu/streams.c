#include "sfu/streams.h"
#include "proto/codec.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/ingress.h"
#include "sfu/outbox.h"
#include "sfu/report.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"
#include "sfu/track.h"
#include "sfu/viewing.h"
#include <stdlib.h>

/* Starts the periodic reports: the session has a stream or a subscription now. */
static void want_reports(struct session *session, mp_time now)
{
    if (session->tx && session->report_at == MP_NEVER)
        session->report_at = mp_on_grid(now + REPORT_FIRST);
}

static struct incoming *stream_of(struct session *session, uint32_t track)
{
    struct incoming *in = session->streams;
    while (in && in->track->id != track)
        in = in->next;
    return in;
}

void streams_publish(struct sfu *sfu, struct session *session, const struct message *m, mp_time now)
{
    if (stream_of(session, m->track))
        return;
    struct track *t = track_get(sfu, m->track, (uint8_t)sfu->config.worker);
    struct incoming *in = t && !t->publisher ? calloc(1, sizeof *in) : NULL;
    if (in && m->publish.transport_cc && !session->twcc)
        session->twcc = calloc(1, sizeof *session->twcc);
    if (!in) {
        drop(sfu, DROP_POOL);
        if (t)
            track_release(sfu, t);
        return;
    }
    t->publisher = session;
    t->codec = m->publish.codec;
    t->video = codec_is_video(t->codec);
    t->clock_rate = m->publish.clock_rate;
    in->track = t;
    in->stream = m->publish;
    in->next = session->streams;
    session->streams = in;
    for (int i = 0; i < LAYERS_MAX; i++)
        ingress_bind(session, in, m->publish.ssrc[i], m->publish.rtx_ssrc[i], now);
    if (t->replicas || t->viewers.count)
        track_keyframe(sfu, t, now);
    want_reports(session, now);
}

/* With a single layer left it stays a layered stream: that layer takes over at a key frame, as after any
 * pause of the others. */
void streams_republish(struct session *session, const struct message *m)
{
    struct incoming *in = stream_of(session, m->track);
    if (in)
        memcpy(in->stream.rid, m->publish.rid, sizeof in->stream.rid);
}

void streams_unpublish(struct sfu *sfu, struct session *session, uint32_t track)
{
    struct incoming *in = stream_of(session, track), **link = &session->streams;
    if (!in)
        return;
    while (*link != in)
        link = &(*link)->next;
    *link = in->next;
    ingress_unbind(session, in);
    levels_forget(sfu, in);
    lead_drop(&sfu->pool, &in->lead);
    lead_drop(&sfu->pool, &in->layers.ahead);
    in->track->publisher = NULL;
    track_release(sfu, in->track);
    free(in);
}

void streams_subscribe(struct sfu *sfu, struct session *session, const struct message *m, mp_time now)
{
    uint8_t origin = m->subscribe.origin;
    bool here = origin == sfu->config.worker;
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session)
        if (s->track->id == m->track)
            return;
    if (!session->downlink && !(session->downlink = downlink_new(sfu))) {
        drop(sfu, DROP_POOL);
        return;
    }
    struct track *t = track_get(sfu, m->track, origin);
    bool first = t && !t->viewers.count;
    struct subscription *s = t ? subscription_new(sfu, session, t, &m->subscribe) : NULL;
    if (!s) {
        drop(sfu, DROP_POOL);
        if (t)
            track_release(sfu, t);
        return;
    }
    if (!here && (first || (m->subscribe.every_sound && t->hear_all == 1))) {
        t->codec = m->subscribe.codec;
        t->video = codec_is_video(t->codec);
        t->clock_rate = m->subscribe.clock_rate;
        outbox_emit(sfu,
                    &(struct message){.type = MESSAGE_REPLICA_OPEN,
                                      .to = origin,
                                      .track = t->id,
                                      .every_sound = m->subscribe.every_sound},
                    NULL);
    }
    viewing_subscribed(sfu, session, s, now);
    subscriptions_ask(sfu, session, now);
    want_reports(session, now);
}

void streams_unsubscribe(struct sfu *sfu, struct session *session, uint32_t track)
{
    struct subscription *s = session->subscriptions;
    while (s && s->track->id != track)
        s = s->next_of_session;
    if (!s)
        return;
    struct track *t = s->track;
    viewing_unsubscribed(sfu, session, s);
    subscription_free(sfu, s);
    if (!t->viewers.count)
        track_flush(sfu, t);
    track_release(sfu, t);
}

void streams_quiet(struct sfu *sfu, const struct message *m, mp_time now)
{
    struct track *t = track_find(sfu, m->track);
    if (!t || t->quiet == m->quiet)
        return;
    track_quiet(sfu, t, m->quiet);
    for (uint32_t i = 0; i < t->viewers.count; i++) {
        struct subscription *s = t->viewers.list[i];
        if (s->every_sound)
            continue;
        if (m->quiet)
            subscription_pause(sfu, s, PAUSE_QUIET, now);
        else
            subscription_resume(sfu, s, PAUSE_QUIET, now);
    }
}
