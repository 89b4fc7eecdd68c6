#include "sfu/session.h"
#include "base/check.h"
#include "sfu/arrival.h"
#include "sfu/association.h"
#include "sfu/connectivity.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/event.h"
#include "sfu/feedback.h"
#include "sfu/ingress.h"
#include "sfu/outbox.h"
#include "sfu/report.h"
#include "sfu/streams.h"
#include "sfu/subscription_data.h"
#include "sfu/track_data.h"
#include "sfu/viewing.h"
#include <stdio.h>
#include <stdlib.h>

#define RTT_DEFAULT MP_MS(100)

struct session *session_find(struct sfu *sfu, uint32_t id)
{
    uint32_t slot = session_slot(id);
    struct session *session = slot < registry_size(sfu->config.registry) ? sfu->sessions[slot] : NULL;
    return session && session->id == id ? session : NULL;
}

struct session *session_new(struct sfu *sfu, uint32_t id, const struct session_credentials *credentials,
                            mp_time now)
{
    struct session *session = slab_take(&sfu->session_slab);
    if (!session)
        return NULL;
    session->id = id;
    session->report_at = session->twcc_at = session->dtls_until = MP_NEVER;
    session->rtt = RTT_DEFAULT;
    session->generation = 1;
    session->ssrc = (uint32_t)prng_next(&sfu->prng) | 1;
    snprintf(session->cname, sizeof session->cname, "%016llx", (unsigned long long)prng_next(&sfu->prng));
    ice_init(&session->ice, credentials->ufrag, credentials->password, &sfu->secret, prng_next(&sfu->prng),
             now);
    sfu->sessions[session_slot(id)] = session;
    stat_set(&stats_of(sfu)->sessions, ++sfu->session_count);
    touched_add(sfu, session);
    return session;
}

void session_free(struct sfu *sfu, struct session *session)
{
    while (session->subscriptions)
        streams_unsubscribe(sfu, session, session->subscriptions->track->id);
    while (session->streams)
        streams_unpublish(sfu, session, session->streams->track->id);
    while (session->path_count)
        connectivity_forget(sfu, session, 0);
    for (uint8_t i = 0; i < session->sender_count; i++)
        sender_remove(&session->senders[i]);
    heap_set(&sfu->timers, &session->timer, MP_NEVER);
    touched_remove(session);
    association_free(session);
    downlink_free(sfu, session->downlink);
    free(session->twcc);
    sfu->sessions[session_slot(session->id)] = NULL;
    stat_set(&stats_of(sfu)->sessions, --sfu->session_count);
    explicit_bzero(&session->ice, sizeof session->ice); /* its passwords and their keys */
    slab_give(&sfu->session_slab, session);
}

void session_end(struct sfu *sfu, struct session *session, enum end_reason reason, mp_time now)
{
    if (reason != END_PEER_CLOSED)
        association_close(sfu, session);
    outbox_emit(
        sfu,
        &(struct message){.type = MESSAGE_ENDED, .to = TO_CONTROL, .session = session->id, .reason = reason},
        NULL);
    session_free(sfu, session);
}

/* --- input --- */

void session_dtls(struct sfu *sfu, struct session *session, const struct arrival *arrival, mp_time now)
{
    enum end_reason why;
    if (!association_input(sfu, session, arrival, &why, now))
        session_end(sfu, session, why, now);
}

/* An authentic datagram arrived. The session may be gone afterwards. */
static void moved(struct sfu *sfu, struct session *session, const struct ice_answer *a,
                  const struct arrival *arrival, mp_time now)
{
    enum end_reason why;
    connectivity_moved(sfu, session, a, arrival, now);
    if (!association_begin(sfu, session, &why, now))
        session_end(sfu, session, why, now);
}

void session_check(struct sfu *sfu, struct session *session, const struct stun_view *stun,
                   const struct arrival *arrival, mp_time now)
{
    uint8_t reply[DATAGRAM_OUT_MAX];
    struct ice_answer a = ice_input(&session->ice, stun, arrival->path, reply, sizeof reply, now);
    if (a.len && (a.event == ICE_REFUSED || ice_spend(&session->ice, arrival->path, a.len)))
        outbox_copy(sfu, arrival->path, reply, a.len);
    if (a.event == ICE_REFUSED) {
        drop(sfu, DROP_STUN_INTEGRITY);
        return;
    }
    stat_add(&stats_of(sfu)->checks, 1);
    moved(sfu, session, &a, arrival, now);
}

void session_answer(struct sfu *sfu, struct session *session, const struct stun_view *stun,
                    const struct arrival *arrival, mp_time now)
{
    struct ice_answer a = ice_response(&session->ice, stun, arrival->path, now);
    if (a.event == ICE_REFUSED)
        drop(sfu, DROP_STUN_INTEGRITY);
    else
        moved(sfu, session, &a, arrival, now);
}

bool session_media(struct sfu *sfu, struct session *session, const struct arrival *arrival, mp_time now)
{
    bool rtcp = arrival->kind == DATAGRAM_RTCP;
    if (!(rtcp ? feedback_input(sfu, session, arrival, now) : ingress_rtp(sfu, session, arrival, now)))
        return false;
    if (session->dtls)
        association_release(session);
    struct ice_answer a = ice_media(&session->ice, arrival->path, arrival->bytes.len, now);
    if (a.event != ICE_CHECK)
        moved(sfu, session, &a, arrival, now);
    return true;
}

/* --- time --- */

mp_time session_deadline(const struct session *session)
{
    mp_time line = session->tx ? downlink_deadline(session) : MP_NEVER;
    return mp_min(mp_min(ice_deadline(&session->ice), line),
                  mp_min(report_deadline(session), association_deadline(session)));
}

/* False: the session ended. */
static bool ice_due(struct sfu *sfu, struct session *session, mp_time now)
{
    struct path path;
    enum ice_timeout what;
    while ((what = ice_timeout(&session->ice, &path, now)) != ICE_IDLE) {
        if (what == ICE_EXPIRED) {
            session_end(sfu, session, END_CONSENT, now);
            return false;
        }
        event_tell(sfu, session, what == ICE_LOST ? EVENT_LOST : EVENT_CHECK_FAILED, &path, 0, now);
        session->lost_at = what == ICE_LOST ? now : session->lost_at;
    }
    if (session->lost_at && session_path(session) && session->ice.heard > session->lost_at) {
        session->lost_at = 0;
        event_tell(sfu, session, EVENT_FOUND, session_path(session), 0, now);
    }
    connectivity_check(sfu, session, now);
    return true;
}

void session_timeout(struct sfu *sfu, struct session *session, mp_time now)
{
    enum end_reason why;
    if (ice_deadline(&session->ice) <= now && !ice_due(sfu, session, now))
        return;
    if (session->tx) {
        report_timeout(sfu, session, now);
        viewing_timeout(sfu, session, now);
    }
    if (!association_timeout(sfu, session, &why, now))
        session_end(sfu, session, why, now);
}

/* --- commands --- */

void session_doubt(struct sfu *sfu, struct session *session, mp_time now)
{
    ice_doubt(&session->ice, now);
    connectivity_check(sfu, session, now);
}

void session_credentials_set(struct sfu *sfu, struct session *session, struct bytes payload, mp_time now)
{
    struct session_ice c;
    INVARIANT(payload.len == sizeof c);
    memcpy(&c, payload.data, sizeof c);
    ice_credentials_set(&session->ice, &(struct ice_description){.generation = c.generation,
                                                                 .local_ufrag = c.ufrag,
                                                                 .local_password = c.password,
                                                                 .remote_ufrag = c.remote_ufrag,
                                                                 .remote_password = c.remote_password});
    explicit_bzero(&c, sizeof c);
    connectivity_restarted(sfu, session, now);
    connectivity_check(sfu, session, now);
}
