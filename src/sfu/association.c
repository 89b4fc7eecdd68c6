#include "sfu/association.h"
#include "proto/dtls.h"
#include "proto/srtp.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/event.h"
#include "sfu/ingress.h"
#include "sfu/outbox.h"
#include "sfu/peer_data.h"
#include "sfu/report.h"
#include "sfu/subscription.h"

#define DTLS_KEPT  MP_S(10) /* after the handshake, for a client that is still waiting for its end */
#define DTLS_DOUBT MP_S(6)  /* who goes on under the keys in use is heard by then: RTCP of sound alone is 5 s apart (RFC 3550 6.2) */

/* Strangers may send ClientHellos in the client's name. */
#define DTLS_BEGINS_PER_S 0.5
#define DTLS_BEGINS_BURST 3

static void free_keys(struct peer *p)
{
    if (p->rx)
        srtp_rx_free(p->rx);
    if (p->tx)
        srtp_tx_free(p->tx);
}

static void drain(struct sfu *sfu, struct peer *p)
{
    const struct path *path = p->path_count ? &p->reply : NULL;
    uint8_t datagram[DATAGRAM_OUT_MAX];
    size_t len;
    while ((len = dtls_output(p->dtls, datagram, sizeof datagram)))
        if (path && ice_spend(&p->ice, path, len))
            outbox_copy(sfu, path, datagram, len);
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

/* False: no memory. */
static bool came_up(struct sfu *sfu, struct peer *p, mp_time now)
{
    bool again = p->tx != NULL;
    if (!take_keys(sfu, p))
        return false;
    if (again)
        rekeyed(p);
    else
        emit(sfu, &(struct message){.type = MESSAGE_CONNECTED, .to = TO_CONTROL, .session = p->session, .at = now}, NULL);
    p->report_at = mp_on_grid(now + REPORT_FIRST);
    p->dtls_until = now + DTLS_KEPT;
    dtls_goodbye(p->dtls, &p->goodbye);
    dtls_settle(p->dtls);
    subscriptions_ask(sfu, p, again, now);
    return true;
}

/* Whoever is heard under the keys in use has not left them for those of an association beside; and an association has settled: what is
 * left of it answers a client whose side of the handshake is not complete. It is once the client
 * has sent something under the keys; or it had time for every retransmission. */
void association_release(struct peer *p)
{
    dtls_free(p->dtls);
    p->dtls = NULL;
    p->dtls_beside = false;
    p->dtls_until = MP_NEVER;
}

/* After it moved. False: the session has to end. */
static bool moved(struct sfu *sfu, struct peer *p, enum dtls_state state, enum end_reason *why, mp_time now)
{
    bool over = state == DTLS_FAILED || state == DTLS_CLOSED;
    drain(sfu, p);
    if (state == DTLS_UP && (!p->tx || p->dtls_beside)) {
        *why = END_NO_MEMORY;
        return came_up(sfu, p, now);
    }
    if (over && p->dtls_beside)
        p->dtls_until = mp_min(p->dtls_until, now + DTLS_DOUBT); /* a stranger may have begun it */
    *why = state == DTLS_FAILED ? END_DTLS_FAILED : END_PEER_CLOSED;
    return !over || p->dtls_beside;
}

/* Its time is over. False: it stands beside keys under which nobody is heard any more who would be. */
static bool is_over(struct peer *p)
{
    if (p->dtls_beside && (p->streams || p->subscriptions))
        return false;
    association_release(p);
    return true;
}

bool association_timeout(struct sfu *sfu, struct peer *p, enum end_reason *why, mp_time now)
{
    *why = END_DTLS_FAILED;
    if (p->dtls && p->dtls_until <= now && !is_over(p))
        return false;
    return !p->dtls || dtls_deadline(p->dtls) > now || moved(sfu, p, dtls_timeout(p->dtls, now), why, now);
}

mp_time association_deadline(const struct peer *p)
{
    return p->dtls ? mp_min(p->dtls_until, dtls_deadline(p->dtls)) : MP_NEVER;
}

static bool we_begin(const struct sfu *sfu, const struct peer *p)
{
    return registry_setup(sfu->config.registry, p->session)->active;
}

/* False: no memory. */
static bool new_association(struct sfu *sfu, struct peer *p, const struct path *path, mp_time now)
{
    const struct session_setup *setup = registry_setup(sfu->config.registry, p->session);
    p->reply = *path;
    event_tell(sfu, p, EVENT_DTLS_STARTED, path, 0, now);
    p->dtls_begin = (struct dtls_begin){*path, ice_generation(&p->ice, path)};
    p->dtls_beside = p->tx != NULL;
    p->dtls = dtls_new(sfu->config.identity, setup->active, false, &setup->fingerprint, now);
    return p->dtls != NULL;
}

/* A passive client waits for our ClientHello (RFC 8842 5.2): it goes by the path that was nominated and answered a check of ours. */
bool association_begin(struct sfu *sfu, struct peer *p, enum end_reason *why, mp_time now)
{
    *why = END_NO_MEMORY;
    if (!we_begin(sfu, p) || !peer_path(p) || p->dtls || p->tx)
        return true;
    if (!new_association(sfu, p, peer_path(p), now))
        return false;
    drain(sfu, p);
    return true;
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

bool association_input(struct sfu *sfu, struct peer *p, const struct arrival *arrival, enum end_reason *why, mp_time now)
{
    const struct path *path = arrival->path;
    const uint8_t *data = arrival->bytes.data;
    size_t len = arrival->bytes.len;
    if (p->tx && dtls_goodbye_is(&p->goodbye, data, len)) {
        event_tell(sfu, p, EVENT_BYE, path, 0, now);
        return true;
    }
    bool beside = !we_begin(sfu, p) && begins_beside(p, path, data, len, now);
    if (beside)
        association_release(p);
    else if (!p->dtls && (p->tx || we_begin(sfu, p))) {
        drop(sfu, DROP_DTLS);
        return true;
    }
    p->reply = *path;
    ice_credit(&p->ice, path, len);
    *why = END_NO_MEMORY;
    if (!p->dtls && !new_association(sfu, p, path, now))
        return false;
    return moved(sfu, p, dtls_input(p->dtls, data, len, now), why, now);
}

void association_close(struct sfu *sfu, struct peer *p)
{
    if (!p->dtls)
        return;
    dtls_close(p->dtls);
    drain(sfu, p);
}

void association_free(struct peer *p)
{
    if (p->dtls)
        dtls_free(p->dtls);
    free_keys(p);
    explicit_bzero(&p->goodbye, sizeof p->goodbye);
}
