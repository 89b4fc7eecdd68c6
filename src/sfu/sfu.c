#include "sfu/sfu.h"
#include "base/check.h"
#include "crypto/crypto.h"
#include "proto/stun.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/session.h"
#include "sfu/streams.h"
#include "sfu/subscription.h"
#include "sfu/track.h"
#include "sfu/turn/relay.h"
#include "sfu/viewing.h"
#include <stdlib.h>

static bool track_id_equal(const void *owner, uint32_t value, const void *key)
{
    const struct sfu *sfu = owner;
    return sfu->tracks[value]->id == *(const uint32_t *)key;
}

static bool tables_init(struct sfu *sfu, size_t sessions)
{
    /* there must be room for every publication: no error would tell a client of a missing one */
    sfu->tracks_max = sessions * PUBLICATIONS_MAX;
    sfu->sessions = calloc(sessions, sizeof *sfu->sessions);
    sfu->tracks = calloc(sfu->tracks_max, sizeof *sfu->tracks);
    sfu->track_free = calloc(sfu->tracks_max, sizeof *sfu->track_free);
    sfu->arena = malloc(TX_ARENA_SIZE);
    if (!sfu->sessions || !sfu->tracks || !sfu->track_free || !sfu->arena)
        return false;
    for (size_t i = 0; i < sfu->tracks_max; i++)
        sfu->track_free[i] = (uint32_t)(sfu->tracks_max - 1 - i);
    sfu->track_free_count = sfu->tracks_max;
    return heap_init(&sfu->timers, sessions) &&
           map_init(&sfu->track_ids, sfu->tracks_max, track_id_equal, sfu) &&
           paths_init(&sfu->paths, sessions * ICE_TUPLES_MAX, sfu->hash_key) && roaming_init(sfu);
}

struct sfu *sfu_new(const struct sfu_config *config)
{
    INVARIANT(config->workers <= WORKERS_MAX && config->worker < config->workers);
    struct sfu *sfu = calloc(1, sizeof *sfu);
    if (!sfu)
        return NULL;
    sfu->config = *config;
    levels_init(&sfu->levels);
    slab_init(&sfu->session_slab, sizeof(struct session));
    slab_init(&sfu->subscription_slab, sizeof(struct subscription));
    slab_init(&sfu->downlink_slab, sizeof(struct downlink));
    slab_init(&sfu->tile_slab, sizeof(struct tile));
    prng_seed(&sfu->prng, config->seed);
    sfu->hash_key = prng_next(&sfu->prng);
    hmac_sha1_key(&sfu->secret, config->secret, sizeof config->secret);
    explicit_bzero(sfu->config.secret, sizeof sfu->config.secret);
    sfu->batch = srtp_batch_new(config->crypto);
    if (!sfu->batch || !packet_pool_init(&sfu->pool, config->packets) || !outbox_init(sfu) ||
        !tables_init(sfu, registry_size(config->registry)) ||
        (config->relay && !relay_init(sfu, config->relay))) {
        sfu_free(sfu);
        return NULL;
    }
    return sfu;
}

void sfu_free(struct sfu *sfu)
{
    for (size_t i = 0; sfu->sessions && i < registry_size(sfu->config.registry); i++)
        if (sfu->sessions[i])
            session_free(sfu, sfu->sessions[i]);
    for (size_t i = 0; sfu->tracks && i < sfu->tracks_max; i++)
        if (sfu->tracks[i]) { /* origins whose replicas on other workers are still open */
            sfu->tracks[i]->replicas = 0;
            track_release(sfu, sfu->tracks[i]);
        }
    relay_free(sfu);
    outbox_free(sfu);
    srtp_batch_free(sfu->batch);
    packet_pool_free(&sfu->pool);
    heap_free(&sfu->timers);
    map_free(&sfu->track_ids);
    paths_free(&sfu->paths);
    roaming_free(sfu);
    slab_free(&sfu->session_slab);
    slab_free(&sfu->subscription_slab);
    slab_free(&sfu->downlink_slab);
    slab_free(&sfu->tile_slab);
    free(sfu->sessions);
    free(sfu->tracks);
    free(sfu->track_free);
    free(sfu->arena);
    free(sfu);
}

/* --- input --- */

static void plain_binding(struct sfu *sfu, const struct stun_view *v, const struct path *path, mp_time now)
{
    uint8_t reply[STUN_ANSWER_SIZE];
    if (!stun_is_plain_binding(v))
        drop(sfu, DROP_STUN_UFRAG);
    else if (outbox_may_answer(sfu, path, now))
        outbox_copy(sfu, path, reply, stun_answer(v, &path->remote, reply));
}

static void pass_on(struct sfu *sfu, unsigned owner, uint32_t session, const struct arrival *arrival)
{
    struct packet *p = outbox_packet(sfu);
    if (!p)
        return;
    memcpy(p->data, arrival->bytes.data, arrival->bytes.len);
    p->len = (uint16_t)arrival->bytes.len;
    outbox_emit(sfu,
                &(struct message){
                    .type = MESSAGE_STRAY, .to = (uint8_t)owner, .session = session, .path = *arrival->path},
                p);
    packet_drop(&sfu->pool, p);
    stat_add(&stats_of(sfu)->strays_out, 1);
}

static bool came_here(const struct sfu *sfu, const struct arrival *arrival)
{
    return arrival->via == sfu->config.worker;
}

/* Accepts TURN only for datagrams that this worker received itself. Not through TURN: a relay within a relay
 * would have no end. Not by ICE-TCP, because its framing differs from TURN's. */
static bool may_relay(const struct sfu *sfu, const struct arrival *arrival)
{
    enum link_kind kind = link_kind(arrival->path->link);
    return came_here(sfu, arrival) && (kind == LINK_DATAGRAM || kind == LINK_TURN);
}

/* The session with this id on this worker, marked for a new deadline; NULL: there is none. */
static struct session *visit(struct sfu *sfu, uint32_t id)
{
    struct session *session = session_find(sfu, id);
    if (session)
        touched_add(sfu, session);
    return session;
}

/* The session here that the path's entry `e` belongs to. NULL: none; the function dropped the datagram, or
 * passed it to the worker that has the session. */
static struct session *session_of(struct sfu *sfu, const struct path_entry *e, const struct arrival *arrival)
{
    bool here = came_here(sfu, arrival), ours = e && e->owner == sfu->config.worker;
    struct session *session = ours ? visit(sfu, e->session) : NULL;
    if (e && !ours && here)
        pass_on(sfu, e->owner, e->session, arrival);
    else if (!session)
        drop(sfu, here || ours ? DROP_UNKNOWN_PATH : DROP_STRAY);
    return session;
}

static void input_media(struct sfu *sfu, const struct arrival *arrival, mp_time now)
{
    const struct path_entry *e = paths_find(&sfu->paths, arrival->path);
    struct session *session = e ? session_of(sfu, e, arrival) : NULL;
    if (!e)
        roaming_input(sfu, arrival, now);
    else if (session)
        session_media(sfu, session, arrival, now);
}

static void input_dtls(struct sfu *sfu, const struct arrival *arrival, mp_time now)
{
    struct session *session = session_of(sfu, paths_find(&sfu->paths, arrival->path), arrival);
    if (session)
        session_dtls(sfu, session, arrival, now);
}

/* An answer to a check of ours. */
static void input_answer(struct sfu *sfu, const struct stun_view *v, const struct arrival *arrival,
                         mp_time now)
{
    struct session *session = session_of(sfu, paths_find(&sfu->paths, arrival->path), arrival);
    if (session)
        session_answer(sfu, session, v, arrival, now);
}

/* The life of a check: ufrag -> session -> this worker owns it, or verifies and claims it, or passes it to
 * its owner. Only a verified check changes state. */
static void input_check(struct sfu *sfu, const struct stun_view *v, const struct arrival *arrival,
                        mp_time now)
{
    struct session_credentials credentials;
    struct bytes ufrag;
    struct hmac_sha1 key;
    uint32_t id;
    unsigned owner;
    if (!ice_username_local(v->username, &ufrag) ||
        !registry_find(sfu->config.registry, ufrag, &id, &owner, &credentials)) {
        drop(sfu, DROP_STUN_UFRAG);
        return;
    }
    struct session *session = visit(sfu, id);
    if (session) {
        session_check(sfu, session, v, arrival, now);
        return;
    }
    hmac_sha1_key(&key, (const uint8_t *)credentials.password, PASSWORD_SIZE);
    if (!stun_check(v, &key)) {
        drop(sfu, DROP_STUN_INTEGRITY);
    } else if (owner != OWNER_NONE || !registry_claim(sfu->config.registry, id, sfu->config.worker)) {
        owner = registry_owner(sfu->config.registry, id);
        if (came_here(sfu, arrival) && owner != sfu->config.worker && owner < sfu->config.workers)
            pass_on(sfu, owner, id, arrival);
        else
            drop(sfu, DROP_STRAY);
    } else {
        outbox_emit(sfu, &(struct message){.type = MESSAGE_CLAIMED, .to = TO_CONTROL, .session = id}, NULL);
        session = session_new(sfu, id, &credentials, now);
        if (session)
            session_check(sfu, session, v, arrival, now);
        else
            outbox_emit(sfu,
                        &(struct message){
                            .type = MESSAGE_ENDED, .to = TO_CONTROL, .session = id, .reason = END_NO_MEMORY},
                        NULL);
    }
    explicit_bzero(&credentials, sizeof credentials);
}

static void input(struct sfu *sfu, const struct path *path, struct bytes bytes, unsigned via, mp_time time,
                  mp_time now);

/* `v`: a STUN message that is not a Binding; NULL: ChannelData. A datagram that a TURN client sends to this
 * server enters the core again, as if a socket had received it from the relayed address. */
static void input_turn(struct sfu *sfu, const struct stun_view *v, const struct arrival *arrival, mp_time now)
{
    struct relayed inner;
    if (!may_relay(sfu, arrival))
        drop(sfu, DROP_RELAY);
    else if (v ? relay_stun(sfu, arrival->path, v, &inner, now)
               : relay_channel_data(sfu, arrival, &inner, now))
        input(sfu, &inner.path, inner.bytes, arrival->via, arrival->time, now);
}

static void input_stun(struct sfu *sfu, const struct arrival *arrival, mp_time now)
{
    struct stun_view v;
    if (stun_parse(&v, arrival->bytes.data, arrival->bytes.len) != STUN_OK)
        drop(sfu, DROP_STUN_MALFORMED);
    else if (v.method != STUN_BINDING)
        input_turn(sfu, &v, arrival, now);
    else if (v.class == STUN_SUCCESS || v.class == STUN_ERROR)
        input_answer(sfu, &v, arrival, now);
    else if (!v.username.data)
        plain_binding(sfu, &v, arrival->path, now);
    else if (link_kind(arrival->path->link) == LINK_TURN)
        /* the path would have to carry DTLS and SRTP, which TURN's framing cannot */
        drop(sfu, DROP_LINK);
    else
        input_check(sfu, &v, arrival, now);
}

static void input(struct sfu *sfu, const struct path *path, struct bytes bytes, unsigned via, mp_time time,
                  mp_time now)
{
    if (bytes.len > DATAGRAM_IN_MAX) {
        drop(sfu, DROP_NOT_OURS);
        return;
    }
    struct arrival arrival = {
        .path = path, .bytes = bytes, .kind = demux(bytes.data, bytes.len), .via = via, .time = time};
    switch (arrival.kind) {
    case DATAGRAM_STUN: input_stun(sfu, &arrival, now); break;
    case DATAGRAM_DTLS: input_dtls(sfu, &arrival, now); break;
    case DATAGRAM_RTP:
    case DATAGRAM_RTCP: input_media(sfu, &arrival, now); break;
    case DATAGRAM_TURN_CHANNEL: input_turn(sfu, NULL, &arrival, now); break;
    default: drop(sfu, DROP_NOT_OURS); break;
    }
}

void sfu_input(struct sfu *sfu, const struct path *path, const uint8_t *data, size_t len, mp_time arrival,
               mp_time now)
{
    stat_add(&stats_of(sfu)->packets_in, 1);
    stat_add(&stats_of(sfu)->bytes_in, len);
    input(sfu, path, (struct bytes){data, len}, sfu->config.worker, arrival, now);
}

bool sfu_knows(const struct sfu *sfu, const struct path *path)
{
    return paths_find(&sfu->paths, path) != NULL ||
           (sfu->relay && allocation_of_client(&sfu->relay->allocations, path) != NULL);
}

void sfu_gone(struct sfu *sfu, const struct path *path)
{
    if (sfu->relay)
        relay_client_gone(sfu, path);
}

/* --- messages --- */

static void path_removed(struct sfu *sfu, const struct message *m)
{
    const struct path_entry *e = paths_find(&sfu->paths, &m->path);
    if (e && e->owner == m->from)
        paths_remove(&sfu->paths, &m->path, m->session);
}

static void path_added(struct sfu *sfu, const struct message *m)
{
    /* Even if a session of this worker had the path: the last authentic sender wins. Ours takes it back with
     * its next check. */
    if (!paths_set(&sfu->paths, &m->path, m->session, m->from))
        drop(sfu, DROP_PATHS);
}

void sfu_message(struct sfu *sfu, const struct message *m, mp_time now)
{
    struct track *t;
    switch ((enum message_type)m->type) {
    case MESSAGE_STRAY: input(sfu, &m->path, m->payload, m->from, now, now); return;
    case MESSAGE_PATH_ADDED: path_added(sfu, m); return;
    case MESSAGE_PATH_REMOVED: path_removed(sfu, m); return;
    case MESSAGE_TRANSMIT:
        INVARIANT(link_worker(m->path.link) == sfu->config.worker);
        outbox_copy(sfu, &m->path, m->payload.data, m->payload.len);
        return;
    case MESSAGE_REPLICA_OPEN: track_replica_open(sfu, m->track, m->from, m->every_sound); return;
    case MESSAGE_REPLICA_CLOSE: track_replica_close(sfu, m->track, m->from); return;
    case MESSAGE_QUIET: streams_quiet(sfu, m, now); return;
    case MESSAGE_MEDIA: track_media(sfu, m, now); return;
    case MESSAGE_KEYFRAME:
        if ((t = track_find(sfu, m->track)) && t->publisher)
            track_keyframe(sfu, t, now);
        return;
    case MESSAGE_CLOCK:
        if ((t = track_find(sfu, m->track)) && !t->publisher)
            track_clock(sfu, t, &m->clock);
        return;
    default: break;
    }
    struct session *session = visit(sfu, m->session);
    if (!session) /* it ended already; the message about that is on its way to the control plane */
        return;
    switch ((enum message_type)m->type) {
    case MESSAGE_SESSION_CLOSE: session_end(sfu, session, END_CLOSED, now); break;
    case MESSAGE_CREDENTIALS: session_credentials_set(sfu, session, m->payload, now); break;
    case MESSAGE_DOUBT: session_doubt(sfu, session, now); break;
    case MESSAGE_EXTENSIONS: session->extensions = m->extensions; break;
    case MESSAGE_PUBLISH: streams_publish(sfu, session, m, now); break;
    case MESSAGE_REPUBLISH: streams_republish(session, m); break;
    case MESSAGE_UNPUBLISH: streams_unpublish(sfu, session, m->track); break;
    case MESSAGE_SUBSCRIBE: streams_subscribe(sfu, session, m, now); break;
    case MESSAGE_UNSUBSCRIBE: streams_unsubscribe(sfu, session, m->track); break;
    case MESSAGE_VIEW: viewing_view(session, m->track, &m->view, now); break;
    default: break;
    }
}

/* --- time --- */

/* Computes the deadlines of the touched sessions. */
static void settle(struct sfu *sfu, mp_time now)
{
    for (struct session *session; (session = sfu->touched); touched_remove(session)) {
        mp_time at = mp_max(session_deadline(session), now);
        if (!session->timer.index || session->timer.at != at)
            heap_set(&sfu->timers, &session->timer, at);
    }
}

/* The next session whose time has come; NULL: no more. It is not in the heap until it is settled again. */
static struct session *due(struct sfu *sfu, mp_time now)
{
    settle(sfu, now);
    struct session *session = (struct session *)heap_pop(&sfu->timers, now);
    if (session)
        touched_add(sfu, session);
    return session;
}

void sfu_timeout(struct sfu *sfu, mp_time now)
{
    for (struct session *session; (session = due(sfu, now));)
        session_timeout(sfu, session, now);
    gather_timeout(sfu, now);
    levels_timeout(sfu, now);
    if (sfu->relay)
        relay_timeout(sfu, now);
}

mp_time sfu_deadline(struct sfu *sfu, mp_time now)
{
    settle(sfu, now);
    mp_time media = mp_min(mp_min(heap_next(&sfu->timers), gather_deadline(sfu)), sfu->levels.at);
    return sfu->relay ? mp_min(media, relay_deadline(sfu->relay)) : media;
}

/* --- output --- */

static bool output_datagram(struct sfu *sfu, struct transmit *t)
{
    struct outbox *o = &sfu->outbox;
    if (o->tail == o->head)
        return false;
    struct datagram *d = &o->items[o->tail++ & (OUTBOX_MAX - 1)];
    uint8_t *out = sfu->arena + sfu->arena_used;
    memcpy(out, d->packet->data, d->packet->len);
    *t = (struct transmit){.path = d->path, .data = out, .len = d->packet->len, .segment = d->packet->len};
    packet_drop(&sfu->pool, d->packet);
    return true;
}

static void clean(struct sfu *sfu, struct track *t)
{
    for (size_t i = 0; i < t->pending_count; i++)
        packet_drop(&sfu->pool, t->pending[i]);
    t->pending_count = 0;
    gather_sent(sfu);
}

/* The next run of the first ready track: track by track, viewer by viewer. */
static bool output_run(struct sfu *sfu, struct transmit *transmit, mp_time now)
{
    struct track *t;
    while ((t = sfu->ready.first)) {
        struct viewers *v = &t->viewers;
        for (struct subscription *s; (s = viewers_current(v)); viewers_next(sfu, v))
            if (subscription_run(sfu, s, &v->packet, sfu->arena + sfu->arena_used, transmit, now))
                return true;
        clean(sfu, t);
    }
    return false;
}

/* As many transmits as fit the arena. */
static size_t output_some(struct sfu *sfu, struct transmit *transmits, size_t max, mp_time now)
{
    size_t n = 0;
    sfu->arena_used = 0;
    while (n < max && sfu->arena_used + RUN_PACKETS_MAX * PACKET_SIZE <= TX_ARENA_SIZE) {
        if (!output_datagram(sfu, &transmits[n]) && !output_run(sfu, &transmits[n], now))
            break;
        sfu->arena_used += (transmits[n++].len + 63) & ~(size_t)63;
    }
    srtp_batch_flush(sfu->batch);
    return n;
}

static bool is_elsewhere(const struct sfu *sfu, const struct path *path)
{
    return path->link != LINK_UDP && link_worker(path->link) != sfu->config.worker;
}

/* Sends a run to the worker that has its link, a message for each datagram. */
static void hand_over(struct sfu *sfu, const struct transmit *t)
{
    struct message m = {.type = MESSAGE_TRANSMIT, .to = (uint8_t)link_worker(t->path.link), .path = t->path};
    for (uint32_t at = 0; at < t->len; at += t->segment) {
        struct packet *p = outbox_packet(sfu);
        if (!p)
            return;
        p->len = (uint16_t)(t->len - at < t->segment ? t->len - at : t->segment);
        memcpy(p->data, t->data + at, p->len);
        outbox_emit(sfu, &m, p);
        packet_drop(&sfu->pool, p);
    }
}

/* Prepares a transmit for its link. False: no transmit is left, because another worker gets it or the relay
 * dropped it. */
static bool route(struct sfu *sfu, struct transmit *t, mp_time now)
{
    if (is_elsewhere(sfu, &t->path)) {
        hand_over(sfu, t);
        return false;
    }
    return link_kind(t->path.link) != LINK_RELAY || relay_wrap(sfu, t, now);
}

size_t sfu_output(struct sfu *sfu, struct transmit *transmits, size_t max, mp_time now)
{
    size_t n, kept = 0;
    if (sfu->relay)
        relay_output_begins(sfu->relay);
    while (!kept && (n = output_some(sfu, transmits, max, now)))
        for (size_t i = 0; i < n; i++)
            if (route(sfu, &transmits[i], now))
                transmits[kept++] = transmits[i];
    stat_set(&stats_of(sfu)->pool_used, sfu->pool.used);
    return kept;
}
