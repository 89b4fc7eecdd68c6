#include "sfu/peer.h"
#include "base/check.h"
#include "sfu/arrival.h"
#include "sfu/association.h"
#include "sfu/connectivity.h"
#include "sfu/core.h"
#include "sfu/event.h"
#include "sfu/ingress.h"
#include "sfu/outbox.h"
#include "sfu/report.h"
#include "sfu/streams.h"
#include "sfu/subscription_data.h"
#include "sfu/track_data.h"
#include <stdio.h>
#include <stdlib.h>

#define RTT_DEFAULT MP_MS(100)

struct peer *peer_find(struct sfu *sfu, uint32_t session)
{
    uint32_t slot = session_slot(session);
    struct peer *p = slot < registry_size(sfu->config.registry) ? sfu->peers[slot] : NULL;
    return p && p->session == session ? p : NULL;
}

struct peer *peer_new(struct sfu *sfu, uint32_t session, const struct session_credentials *credentials, mp_time now)
{
    struct peer *p = slab_take(&sfu->peer_slab);
    if (!p)
        return NULL;
    p->session = session;
    p->report_at = p->twcc_at = p->dtls_until = MP_NEVER;
    p->rtt = RTT_DEFAULT;
    p->generation = 1;
    p->ssrc = (uint32_t)prng_next(&sfu->prng) | 1;
    snprintf(p->cname, sizeof p->cname, "%016llx", (unsigned long long)prng_next(&sfu->prng));
    ice_init(&p->ice, credentials->ufrag, credentials->password, &sfu->secret, prng_next(&sfu->prng), now);
    sfu->peers[session_slot(session)] = p;
    stat_set(&stats_of(sfu)->sessions, ++sfu->peer_count);
    touch(sfu, p);
    return p;
}

void peer_free(struct sfu *sfu, struct peer *p)
{
    while (p->subscriptions)
        streams_unsubscribe(sfu, p, p->subscriptions->track->id);
    while (p->streams)
        streams_unpublish(sfu, p, p->streams->track->id);
    while (p->path_count)
        connectivity_forget(sfu, p, 0);
    for (uint8_t i = 0; i < p->sender_count; i++)
        sender_remove(&p->senders[i]);
    heap_set(&sfu->timers, &p->timer, MP_NEVER);
    untouch(p);
    association_free(p);
    free(p->twcc);
    sfu->peers[session_slot(p->session)] = NULL;
    stat_set(&stats_of(sfu)->sessions, --sfu->peer_count);
    explicit_bzero(&p->ice, sizeof p->ice); /* its passwords and their keys */
    slab_give(&sfu->peer_slab, p);
}

void peer_end(struct sfu *sfu, struct peer *p, enum end_reason reason, mp_time now)
{
    if (reason != END_PEER_CLOSED)
        association_close(sfu, p);
    emit(sfu, &(struct message){.type = MESSAGE_ENDED, .to = TO_CONTROL, .session = p->session, .reason = reason}, NULL);
    peer_free(sfu, p);
}

/* --- input --- */

void peer_dtls(struct sfu *sfu, struct peer *p, const struct arrival *arrival, mp_time now)
{
    enum end_reason why;
    if (!association_input(sfu, p, arrival, &why, now))
        peer_end(sfu, p, why, now);
}

/* Something authentic came. The peer may be gone afterwards. */
static void moved(struct sfu *sfu, struct peer *p, const struct ice_answer *a, const struct arrival *arrival, mp_time now)
{
    enum end_reason why;
    connectivity_moved(sfu, p, a, arrival, now);
    if (!association_begin(sfu, p, &why, now))
        peer_end(sfu, p, why, now);
}

void peer_check(struct sfu *sfu, struct peer *p, const struct stun_view *stun, const struct arrival *arrival, mp_time now)
{
    uint8_t reply[DATAGRAM_OUT_MAX];
    struct ice_answer a = ice_input(&p->ice, stun, arrival->path, reply, sizeof reply, now);
    if (a.len && (a.event == ICE_REFUSED || ice_spend(&p->ice, arrival->path, a.len)))
        outbox_copy(sfu, arrival->path, reply, a.len);
    if (a.event == ICE_REFUSED) {
        drop(sfu, DROP_STUN_INTEGRITY);
        return;
    }
    stat_add(&stats_of(sfu)->checks, 1);
    moved(sfu, p, &a, arrival, now);
}

void peer_answer(struct sfu *sfu, struct peer *p, const struct stun_view *stun, const struct arrival *arrival,
                 mp_time now)
{
    struct ice_answer a = ice_response(&p->ice, stun, arrival->path, now);
    if (a.event == ICE_REFUSED)
        drop(sfu, DROP_STUN_INTEGRITY);
    else
        moved(sfu, p, &a, arrival, now);
}

bool peer_media(struct sfu *sfu, struct peer *p, const struct arrival *arrival, mp_time now)
{
    bool rtcp = arrival->kind == DATAGRAM_RTCP;
    if (!(rtcp ? ingress_rtcp(sfu, p, arrival, now) : ingress_rtp(sfu, p, arrival, now)))
        return false;
    if (p->dtls)
        association_release(p);
    struct ice_answer a = ice_media(&p->ice, arrival->path, arrival->bytes.len, now);
    if (a.event != ICE_CHECK)
        moved(sfu, p, &a, arrival, now);
    return true;
}

/* --- time --- */

mp_time peer_deadline(const struct peer *p)
{
    return mp_min(ice_deadline(&p->ice), mp_min(report_deadline(p), association_deadline(p)));
}

/* False: the session ended. */
static bool ice_due(struct sfu *sfu, struct peer *p, mp_time now)
{
    struct path path;
    enum ice_timeout what;
    while ((what = ice_timeout(&p->ice, &path, now)) != ICE_IDLE) {
        if (what == ICE_EXPIRED) {
            peer_end(sfu, p, END_CONSENT, now);
            return false;
        }
        event_tell(sfu, p, what == ICE_LOST ? EVENT_LOST : EVENT_CHECK_FAILED, &path, 0, now);
        p->lost_at = what == ICE_LOST ? now : p->lost_at;
    }
    if (p->lost_at && peer_path(p) && p->ice.heard > p->lost_at) {
        p->lost_at = 0;
        event_tell(sfu, p, EVENT_FOUND, peer_path(p), 0, now);
    }
    connectivity_check(sfu, p, now);
    return true;
}

void peer_timeout(struct sfu *sfu, struct peer *p, mp_time now)
{
    enum end_reason why;
    if (ice_deadline(&p->ice) <= now && !ice_due(sfu, p, now))
        return;
    if (p->tx)
        report_timeout(sfu, p, now);
    if (!association_timeout(sfu, p, &why, now))
        peer_end(sfu, p, why, now);
}

/* --- commands --- */

void peer_doubt(struct sfu *sfu, struct peer *p, mp_time now)
{
    ice_doubt(&p->ice, now);
    connectivity_check(sfu, p, now);
}

void peer_credentials(struct sfu *sfu, struct peer *p, struct bytes payload, mp_time now)
{
    struct session_ice c;
    INVARIANT(payload.len == sizeof c);
    memcpy(&c, payload.data, sizeof c);
    ice_credentials_set(&p->ice, &(struct ice_description){.generation = c.generation,
                                                           .local_ufrag = c.ufrag,
                                                           .local_password = c.password,
                                                           .remote_ufrag = c.remote_ufrag,
                                                           .remote_password = c.remote_password});
    explicit_bzero(&c, sizeof c);
    connectivity_restarted(sfu, p, now);
    connectivity_check(sfu, p, now);
}
