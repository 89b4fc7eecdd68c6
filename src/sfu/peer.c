#include "sfu/peer.h"
#include "base/check.h"
#include "proto/dtls.h"
#include "proto/srtp.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/ingress.h"
#include "sfu/report.h"
#include "sfu/subscription.h"
#include "sfu/track.h"
#include <stdio.h>
#include <stdlib.h>

#define RTT_DEFAULT MP_MS(100)
#define DTLS_KEPT   MP_S(10) /* after the handshake, for a client that is still waiting for its end */
#define DTLS_DOUBT  MP_S(6)  /* who goes on under the keys in use is heard by then: RTCP of sound alone is 5 s apart (RFC 3550 6.2) */
#define AWAY        MP_S(1)  /* whoever was, misses more than the histories have */

/* Every new path is a message to the control plane and may be one to another worker, which must arrive: a client that invents
 * source addresses must not fill their inboxes. Interfaces times our addresses are fewer than the burst. */
#define PATHS_PER_S 4
#define PATHS_BURST 64
#define PATH_TOLD_EVERY MP_S(1)

/* Likewise for associations: strangers may send ClientHellos in the client's name. */
#define DTLS_BEGINS_PER_S 0.5
#define DTLS_BEGINS_BURST 3

/* Likewise for the timeline: a client may nominate in turns. */
#define EVENTS_PER_S 4
#define EVENTS_BURST 64

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

static void tell(struct sfu *sfu, struct peer *p, const struct session_event *e)
{
    bool must = e->kind == EVENT_RESTARTED || e->kind == EVENT_FOUND;
    if (!rate_take(&p->event_rate, 1, EVENTS_PER_S, EVENTS_BURST, e->at) && !must) {
        p->events_unsaid += p->events_unsaid < UINT8_MAX;
        return;
    }
    struct message m = {.type = MESSAGE_SESSION_EVENT, .to = TO_CONTROL, .session = p->session, .event = *e};
    m.event.unsaid = p->events_unsaid;
    p->events_unsaid = 0;
    emit(sfu, &m, NULL);
}

void peer_tell(struct sfu *sfu, struct peer *p, enum session_event_kind kind, const struct path *path, uint32_t value,
               mp_time now)
{
    struct session_event e = {.kind = (uint8_t)kind, .value = value, .at = now};
    if (path)
        e.path = *path;
    tell(sfu, p, &e);
}

static void forget_path(struct sfu *sfu, struct peer *p, uint8_t i)
{
    unsigned via = p->paths[i].via;
    paths_remove(&sfu->paths, &p->paths[i].path, p->session);
    if (via != sfu->config.worker)
        emit(sfu,
             &(struct message){
                 .type = MESSAGE_PATH_REMOVED, .to = (uint8_t)via, .session = p->session, .path = p->paths[i].path},
             NULL);
    p->paths[i] = p->paths[--p->path_count];
}

static void tell_path(struct sfu *sfu, struct peer *p, uint8_t i, mp_time now)
{
    p->paths[i].told = now;
    emit(sfu,
         &(struct message){
             .type = MESSAGE_PATH_ADDED, .to = p->paths[i].via, .session = p->session, .path = p->paths[i].path},
         NULL);
}

static void learn_path(struct sfu *sfu, struct peer *p, const struct path *path, unsigned via, mp_time now)
{
    bool tell = rate_take(&p->path_rate, 1, PATHS_PER_S, PATHS_BURST, now);
    if (!tell)
        via = sfu->config.worker; /* the other worker knows nothing of it, then or later */
    if (!paths_set(&sfu->paths, path, p->session, sfu->config.worker))
        drop(sfu, DROP_PATHS);
    if (p->path_count == ICE_TUPLES_MAX)
        forget_path(sfu, p, 0);
    p->paths[p->path_count].path = *path;
    p->paths[p->path_count++].via = (uint8_t)via;
    if (via != sfu->config.worker)
        tell_path(sfu, p, p->path_count - 1, now);
    if (tell)
        emit(sfu,
             &(struct message){.type = MESSAGE_PATH_SEEN, .to = TO_CONTROL, .session = p->session, .path = *path},
             NULL);
}

/* Another session may have used this address meanwhile: the latest authenticated check wins, here and at the worker that it comes by. */
static void keep_path(struct sfu *sfu, struct peer *p, const struct path *path, unsigned via, mp_time now)
{
    const struct path_entry *e = paths_find(&sfu->paths, path);
    if (!e || e->session != p->session)
        paths_set(&sfu->paths, path, p->session, sfu->config.worker);
    for (uint8_t i = 0; i < p->path_count && via != sfu->config.worker; i++)
        if (p->paths[i].via == via && now - p->paths[i].told >= PATH_TOLD_EVERY && path_equal(&p->paths[i].path, path))
            tell_path(sfu, p, i, now);
}

static void free_keys(struct peer *p)
{
    if (p->rx)
        srtp_rx_free(p->rx);
    if (p->tx)
        srtp_tx_free(p->tx);
}

void peer_free(struct sfu *sfu, struct peer *p)
{
    while (p->subscriptions)
        peer_unsubscribe(sfu, p, p->subscriptions->track->id);
    while (p->streams)
        peer_unpublish(sfu, p, p->streams->track->id);
    while (p->path_count)
        forget_path(sfu, p, 0);
    for (uint8_t i = 0; i < p->sender_count; i++)
        sender_remove(&p->senders[i]);
    heap_set(&sfu->timers, &p->timer, MP_NEVER);
    untouch(p);
    if (p->dtls)
        dtls_free(p->dtls);
    free_keys(p);
    free(p->twcc);
    sfu->peers[session_slot(p->session)] = NULL;
    stat_set(&stats_of(sfu)->sessions, --sfu->peer_count);
    explicit_bzero(&p->goodbye, sizeof p->goodbye);
    explicit_bzero(&p->ice, sizeof p->ice); /* its passwords and their keys */
    slab_give(&sfu->peer_slab, p);
}

/* --- DTLS --- */

static void drain_dtls(struct sfu *sfu, struct peer *p)
{
    const struct path *path = p->path_count ? &p->reply : NULL;
    uint8_t datagram[DATAGRAM_OUT_MAX];
    size_t len;
    while ((len = dtls_output(p->dtls, datagram, sizeof datagram)))
        if (path && ice_spend(&p->ice, path, len))
            outbox_copy(sfu, path, datagram, len);
}

void peer_end(struct sfu *sfu, struct peer *p, enum end_reason reason, mp_time now)
{
    if (p->dtls && reason != END_PEER_CLOSED) {
        dtls_close(p->dtls);
        drain_dtls(sfu, p);
    }
    emit(sfu, &(struct message){.type = MESSAGE_ENDED, .to = TO_CONTROL, .session = p->session, .reason = reason}, NULL);
    peer_free(sfu, p);
}

/* Once it has keys and a nominated path: a key frame that comes before is lost, and the next is a second away.
 * `again`: also of what it saw before. */
static void ask_for_pictures(struct sfu *sfu, struct peer *p, bool again, mp_time now)
{
    if (!p->tx || !peer_path(p))
        return;
    for (struct subscription *s = p->subscriptions; s; s = s->next_of_peer)
        if (!s->started || again)
            track_keyframe(sfu, s->track, now);
}

static bool take_keys(struct sfu *sfu, struct peer *p)
{
    struct srtp_master tx, rx;
    free_keys(p);
    dtls_masters(p->dtls, &tx, &rx);
    p->tx = srtp_tx_new(sfu->config.crypto, &tx);
    p->rx = srtp_rx_new(sfu->config.crypto, &rx);
    p->keys_begin = p->dtls_begin;
    p->dtls_beside = false;
    explicit_bzero(&tx, sizeof tx);
    explicit_bzero(&rx, sizeof rx);
    return p->tx && p->rx;
}

/* The client has left the association before: everything goes on under the keys of this one. */
static void rekeyed(struct peer *p)
{
    ingress_rekeyed(p);
    for (struct subscription *s = p->subscriptions; s; s = s->next_of_peer)
        subscription_rekeyed(s);
}

/* The peer may be gone afterwards: no memory. */
static void came_up(struct sfu *sfu, struct peer *p, mp_time now)
{
    bool again = p->tx != NULL;
    if (!take_keys(sfu, p)) {
        peer_end(sfu, p, END_NO_MEMORY, now);
        return;
    }
    if (again)
        rekeyed(p);
    else
        emit(sfu, &(struct message){.type = MESSAGE_CONNECTED, .to = TO_CONTROL, .session = p->session, .at = now}, NULL);
    p->report_at = mp_on_grid(now + REPORT_FIRST);
    p->dtls_until = now + DTLS_KEPT;
    dtls_goodbye(p->dtls, &p->goodbye);
    dtls_settle(p->dtls);
    ask_for_pictures(sfu, p, again, now);
}

/* After the association moved. The peer may be gone afterwards. */
static void dtls_moved(struct sfu *sfu, struct peer *p, enum dtls_state state, mp_time now)
{
    drain_dtls(sfu, p);
    if (state == DTLS_UP && (!p->tx || p->dtls_beside)) {
        came_up(sfu, p, now);
    } else if ((state == DTLS_FAILED || state == DTLS_CLOSED) && p->dtls_beside) {
        p->dtls_until = mp_min(p->dtls_until, now + DTLS_DOUBT); /* a stranger may have begun it */
    } else if (state == DTLS_FAILED || state == DTLS_CLOSED) {
        peer_end(sfu, p, state == DTLS_FAILED ? END_DTLS_FAILED : END_PEER_CLOSED, now);
    }
}

/* Whoever is heard under the keys in use has not left them for those of an association beside; and an association has settled: what is
 * left of it answers a client whose side of the handshake is not complete. It is once the client
 * has sent something under the keys; or it had time for every retransmission. */
void peer_release_dtls(struct peer *p)
{
    dtls_free(p->dtls);
    p->dtls = NULL;
    p->dtls_beside = false;
    p->dtls_until = MP_NEVER;
}

/* Its time is over. False: it stands beside keys under which nobody is heard any more who would be, and the peer is gone. */
static bool dtls_over(struct sfu *sfu, struct peer *p, mp_time now)
{
    if (p->dtls_beside && (p->streams || p->subscriptions)) {
        peer_end(sfu, p, END_DTLS_FAILED, now);
        return false;
    }
    peer_release_dtls(p);
    return true;
}

static bool we_begin(const struct sfu *sfu, const struct peer *p)
{
    return registry_setup(sfu->config.registry, p->session)->active;
}

/* False: no memory, and the peer is gone. */
static bool new_dtls(struct sfu *sfu, struct peer *p, const struct path *path, mp_time now)
{
    const struct session_setup *setup = registry_setup(sfu->config.registry, p->session);
    p->reply = *path;
    peer_tell(sfu, p, EVENT_DTLS_STARTED, path, 0, now);
    p->dtls_begin = (struct dtls_begin){*path, ice_generation(&p->ice, path)};
    p->dtls_beside = p->tx != NULL;
    p->dtls = dtls_new(sfu->config.identity, setup->active, false, &setup->fingerprint, now);
    if (p->dtls)
        return true;
    peer_end(sfu, p, END_NO_MEMORY, now);
    return false;
}

/* A passive client waits for our ClientHello (RFC 8842 5.2): it goes by the path that was nominated and answered a check of ours. The
 * peer may be gone afterwards: no memory. */
static void begin_dtls(struct sfu *sfu, struct peer *p, mp_time now)
{
    if (!we_begin(sfu, p) || !peer_path(p) || p->dtls || p->tx)
        return;
    if (new_dtls(sfu, p, peer_path(p), now))
        drain_dtls(sfu, p);
}

/* By a pair of newer ICE credentials, or by another pair of the same ones: a ClientHello that was late comes by neither. */
static bool is_elsewhere(const struct dtls_begin *begin, const struct path *path, uint32_t generation)
{
    return generation > begin->generation || (generation == begin->generation && !path_equal(path, &begin->path));
}

/* A client may make another transport in mid-session (Chromium, when it stops the section that its bundle stands on: a new socket,
 * with the same ICE credentials; others restart ICE). A ClientHello by its pair begins another association. The one in use goes
 * on beside it until this one has keys: paths are authentic, DTLS' first flight is not. */
static bool begins_beside(struct peer *p, const struct path *path, const uint8_t *data, size_t len, mp_time now)
{
    uint32_t generation = ice_generation(&p->ice, path);
    return p->tx && is_elsewhere(&p->keys_begin, path, generation) &&
           (!p->dtls_beside || is_elsewhere(&p->dtls_begin, path, generation)) && dtls_is_client_hello(data, len) &&
           rate_take(&p->dtls_rate, 1, DTLS_BEGINS_PER_S, DTLS_BEGINS_BURST, now);
}

void peer_dtls(struct sfu *sfu, struct peer *p, const struct arrival *arrival, mp_time now)
{
    const struct path *path = arrival->path;
    const uint8_t *data = arrival->bytes.data;
    size_t len = arrival->bytes.len;
    if (p->tx && dtls_goodbye_is(&p->goodbye, data, len)) {
        peer_tell(sfu, p, EVENT_BYE, path, 0, now);
        return;
    }
    bool beside = !we_begin(sfu, p) && begins_beside(p, path, data, len, now);
    if (beside)
        peer_release_dtls(p);
    else if (!p->dtls && (p->tx || we_begin(sfu, p))) {
        drop(sfu, DROP_DTLS);
        return;
    }
    p->reply = *path;
    ice_credit(&p->ice, path, len);
    if (!p->dtls && !new_dtls(sfu, p, path, now))
        return;
    dtls_moved(sfu, p, dtls_input(p->dtls, data, len, now), now);
}

/* --- paths --- */

/* Our own checks that are due. */
static void send_checks(struct sfu *sfu, struct peer *p, mp_time now)
{
    uint8_t check[DATAGRAM_OUT_MAX];
    struct path to;
    size_t len;
    while ((len = ice_output(&p->ice, &to, check, sizeof check, now)))
        outbox_copy(sfu, &to, check, len);
}

/* Our first credentials are the only ones: also where the client restarted before any worker had heard of it. */
static void tell_restarted(struct sfu *sfu, struct peer *p, mp_time now)
{
    uint32_t generation = p->ice.credentials[0].generation;
    if (!peer_path(p) || generation <= p->generation)
        return;
    p->generation = generation;
    peer_tell(sfu, p, EVENT_RESTARTED, peer_path(p), generation, now);
}

static void ice_moved(struct sfu *sfu, struct peer *p, const struct ice_answer *a, mp_time now)
{
    if (a->event != ICE_SELECTED)
        return;
    const struct path *path = peer_path(p);
    tell_restarted(sfu, p, now);
    tell(sfu, p,
         &(struct session_event){
             .kind = EVENT_SELECTED, .path = *path, .moved = a->moved, .value = p->ice.reason, .at = now});
    for (uint8_t i = 0; i < p->sender_count; i++)
        sender_move(&sfu->roaming.senders, &p->senders[i], &path->remote);
    p->reply = *path;
    ask_for_pictures(sfu, p, a->silence >= AWAY, now);
}

/* Something authentic came: what it changed. */
static void ice_answered(struct sfu *sfu, struct peer *p, const struct ice_answer *a, const struct arrival *arrival,
                         mp_time now)
{
    const struct path *path = arrival->path;
    for (uint8_t i = 0; a->has_dropped && i < p->path_count; i++)
        if (path_equal(&p->paths[i].path, &a->dropped)) {
            forget_path(sfu, p, i);
            break;
        }
    if (a->path_new) {
        learn_path(sfu, p, path, arrival->via, now);
        if (path->link == LINK_UDP)
            peer_tell(sfu, p, EVENT_CHECK_SENT, path, 0, now);
    } else {
        keep_path(sfu, p, path, arrival->via, now);
    }
    if (a->nominated)
        peer_tell(sfu, p, EVENT_NOMINATED, path, 0, now);
    if (a->rtt)
        peer_tell(sfu, p, EVENT_CHECK_ANSWERED, path, (uint32_t)(a->rtt / MP_US(1)), now);
    ice_moved(sfu, p, a, now);
    send_checks(sfu, p, now);
    begin_dtls(sfu, p, now);
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
    ice_answered(sfu, p, &a, arrival, now);
}

void peer_answer(struct sfu *sfu, struct peer *p, const struct stun_view *stun, const struct arrival *arrival,
                 mp_time now)
{
    struct ice_answer a = ice_response(&p->ice, stun, arrival->path, now);
    if (a.event == ICE_REFUSED)
        drop(sfu, DROP_STUN_INTEGRITY);
    else
        ice_answered(sfu, p, &a, arrival, now);
}

/* --- input --- */

bool peer_expects(const struct peer *p, const struct arrival *arrival)
{
    return p->rx && srtp_rx_expects(p->rx, arrival->bytes.data, arrival->bytes.len, arrival->kind == DATAGRAM_RTCP);
}

void peer_sender(struct sfu *sfu, struct peer *p, uint32_t ssrc)
{
    const struct path *path = peer_path(p);
    for (uint8_t i = 0; i < p->sender_count; i++)
        if (p->senders[i].ssrc == ssrc)
            return;
    if (path && p->sender_count < SENDERS_MAX)
        sender_add(&sfu->roaming.senders, &p->senders[p->sender_count++], p, ssrc, &path->remote);
}

bool peer_media(struct sfu *sfu, struct peer *p, const struct arrival *arrival, mp_time now)
{
    bool rtcp = arrival->kind == DATAGRAM_RTCP;
    if (!(rtcp ? ingress_rtcp(sfu, p, arrival, now) : ingress_rtp(sfu, p, arrival, now)))
        return false;
    struct ice_answer a = ice_media(&p->ice, arrival->path, arrival->bytes.len, now);
    if (a.event != ICE_CHECK)
        ice_answered(sfu, p, &a, arrival, now);
    return true;
}

/* --- time --- */

mp_time peer_deadline(const struct peer *p)
{
    mp_time at = mp_min(ice_deadline(&p->ice), report_deadline(p));
    return p->dtls ? mp_min(at, mp_min(p->dtls_until, dtls_deadline(p->dtls))) : at;
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
        peer_tell(sfu, p, what == ICE_LOST ? EVENT_LOST : EVENT_CHECK_FAILED, &path, 0, now);
        p->lost_at = what == ICE_LOST ? now : p->lost_at;
    }
    if (p->lost_at && peer_path(p) && p->ice.heard > p->lost_at) {
        p->lost_at = 0;
        peer_tell(sfu, p, EVENT_FOUND, peer_path(p), 0, now);
    }
    send_checks(sfu, p, now);
    return true;
}

void peer_timeout(struct sfu *sfu, struct peer *p, mp_time now)
{
    if (ice_deadline(&p->ice) <= now && !ice_due(sfu, p, now))
        return;
    if (p->tx)
        report_timeout(sfu, p, now);
    if (p->dtls && p->dtls_until <= now && !dtls_over(sfu, p, now))
        return;
    if (p->dtls && dtls_deadline(p->dtls) <= now)
        dtls_moved(sfu, p, dtls_timeout(p->dtls, now), now);
}

/* --- commands --- */

void peer_doubt(struct sfu *sfu, struct peer *p, mp_time now)
{
    ice_doubt(&p->ice, now);
    send_checks(sfu, p, now);
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
    tell_restarted(sfu, p, now);
    send_checks(sfu, p, now);
}

/* There is something to report on from now on. */
static void want_reports(struct peer *p, mp_time now)
{
    if (p->tx && p->report_at == MP_NEVER)
        p->report_at = mp_on_grid(now + REPORT_FIRST);
}

static struct rx *stream_of(struct peer *p, uint32_t track)
{
    struct rx *rx = p->streams;
    while (rx && rx->track->id != track)
        rx = rx->next;
    return rx;
}

void peer_publish(struct sfu *sfu, struct peer *p, const struct message *m, mp_time now)
{
    if (stream_of(p, m->track))
        return;
    struct track *t = track_get(sfu, m->track, (uint8_t)sfu->config.worker);
    struct rx *rx = t && !t->publisher ? calloc(1, sizeof *rx) : NULL;
    if (rx && m->publish.transport_cc && !p->twcc)
        p->twcc = calloc(1, sizeof *p->twcc);
    if (!rx) {
        drop(sfu, DROP_POOL);
        if (t)
            track_release(sfu, t);
        return;
    }
    t->publisher = p;
    t->codec = m->publish.codec;
    t->video = codec_is_video(t->codec);
    t->clock_rate = m->publish.clock_rate;
    rx->track = t;
    rx->stream = m->publish;
    rx->next = p->streams;
    p->streams = rx;
    for (int i = 0; i < LAYERS_MAX; i++)
        ingress_bind(p, rx, m->publish.ssrc[i], m->publish.rtx_ssrc[i], now);
    if (t->replicas || t->viewers.count)
        track_keyframe(sfu, t, now);
    want_reports(p, now);
}

void peer_unpublish(struct sfu *sfu, struct peer *p, uint32_t track)
{
    struct rx *rx = stream_of(p, track), **link = &p->streams;
    if (!rx)
        return;
    while (*link != rx)
        link = &(*link)->next;
    *link = rx->next;
    ingress_unbind(p, rx);
    lead_drop(&sfu->pool, &rx->lead);
    lead_drop(&sfu->pool, &rx->layers.ahead);
    rx->track->publisher = NULL;
    track_release(sfu, rx->track);
    free(rx);
}

void peer_subscribe(struct sfu *sfu, struct peer *p, const struct message *m, mp_time now)
{
    uint8_t origin = m->subscribe.origin;
    bool here = origin == sfu->config.worker;
    for (struct subscription *s = p->subscriptions; s; s = s->next_of_peer)
        if (s->track->id == m->track)
            return;
    struct track *t = track_get(sfu, m->track, origin);
    bool first = t && !t->viewers.count;
    struct subscription *s = t ? subscription_new(sfu, p, t, &m->subscribe) : NULL;
    if (!s) {
        drop(sfu, DROP_POOL);
        if (t)
            track_release(sfu, t);
        return;
    }
    if (!here && first) {
        t->codec = m->subscribe.codec;
        t->video = codec_is_video(t->codec);
        t->clock_rate = m->subscribe.clock_rate;
        emit(sfu, &(struct message){.type = MESSAGE_REPLICA_OPEN, .to = origin, .track = t->id}, NULL);
    }
    ask_for_pictures(sfu, p, false, now);
    want_reports(p, now);
}

void peer_unsubscribe(struct sfu *sfu, struct peer *p, uint32_t track)
{
    struct subscription *s = p->subscriptions;
    while (s && s->track->id != track)
        s = s->next_of_peer;
    if (!s)
        return;
    struct track *t = s->track;
    subscription_free(sfu, s);
    if (!t->viewers.count)
        track_flush(sfu, t);
    track_release(sfu, t);
}

void peer_send_rtcp(struct sfu *sfu, struct peer *p, struct packet *packet)
{
    bool sends = p->tx && peer_path(p) && packet->len;
    packet->len = sends ? (uint16_t)srtcp_protect(p->tx, packet->data, packet->len) : 0;
    if (packet->len)
        outbox_send(sfu, peer_path(p), packet);
    else /* or its key has no more numbers */
        packet_drop(&sfu->pool, packet);
}
