#include "sfu/association.h"
#include "proto/dtls.h"
#include "proto/srtp.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/event.h"
#include "sfu/ingress.h"
#include "sfu/outbox.h"
#include "sfu/report.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"

#define DTLS_KEPT MP_S(10) /* after the handshake: the client may still lack our last flight */
/* a client that uses the present keys sends something by then: RTCP comes at least every 5 s (RFC 3550
 * 6.2) */
#define DTLS_DOUBT MP_S(6)

/* Strangers may send ClientHellos in the client's name. */
#define DTLS_BEGINS_PER_S 0.5
#define DTLS_BEGINS_BURST 3

static void free_keys(struct session *session)
{
    if (session->rx)
        srtp_rx_free(session->rx);
    if (session->tx)
        srtp_tx_free(session->tx);
}

static void drain(struct sfu *sfu, struct session *session)
{
    const struct path *path = session->path_count ? &session->reply : NULL;
    uint8_t datagram[DATAGRAM_OUT_MAX];
    size_t len;
    while ((len = dtls_output(session->dtls, datagram, sizeof datagram)))
        if (path && ice_spend(&session->ice, path, len))
            outbox_copy(sfu, path, datagram, len);
}

static bool take_keys(struct sfu *sfu, struct session *session)
{
    struct srtp_master tx, rx;
    free_keys(session);
    dtls_masters(session->dtls, &tx, &rx);
    session->tx = srtp_tx_new(sfu->config.crypto, &tx);
    session->rx = srtp_rx_new(sfu->config.crypto, &rx);
    session->keys_begin = session->dtls_begin;
    session->dtls_beside = false;
    explicit_bzero(&tx, sizeof tx);
    explicit_bzero(&rx, sizeof rx);
    return session->tx && session->rx;
}

/* The client gave up the association before this one: all streams continue under the new keys. */
static void rekeyed(struct session *session)
{
    ingress_rekeyed(session);
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session)
        subscription_rekeyed(s);
}

/* False: no memory. */
static bool came_up(struct sfu *sfu, struct session *session, mp_time now)
{
    bool again = session->tx != NULL;
    if (!take_keys(sfu, session))
        return false;
    if (again)
        rekeyed(session);
    else
        outbox_emit(
            sfu,
            &(struct message){.type = MESSAGE_CONNECTED, .to = TO_CONTROL, .session = session->id, .at = now},
            NULL);
    session->report_at = mp_on_grid(now + REPORT_FIRST);
    session->dtls_until = now + DTLS_KEPT;
    dtls_goodbye(session->dtls, &session->goodbye);
    dtls_settle(session->dtls);
    if (again)
        subscriptions_ask_again(sfu, session, now);
    else
        subscriptions_ask(sfu, session, now);
    return true;
}

/* A client that sends something under the present keys has not changed to a second association, so that one
 * can go. A settled association only repeats its last flight for a client whose handshake is not complete.
 * The handshake is complete once the client sends something under its keys, or after the time of all
 * retransmissions. */
void association_release(struct session *session)
{
    dtls_free(session->dtls);
    session->dtls = NULL;
    session->dtls_beside = false;
    session->dtls_until = MP_NEVER;
}

/* The association may have changed its state. False: the session has to end. */
static bool moved(struct sfu *sfu, struct session *session, enum dtls_state state, enum end_reason *why,
                  mp_time now)
{
    bool over = state == DTLS_FAILED || state == DTLS_CLOSED;
    drain(sfu, session);
    if (state == DTLS_UP && (!session->tx || session->dtls_beside)) {
        *why = END_NO_MEMORY;
        return came_up(sfu, session, now);
    }
    if (over && session->dtls_beside)
        /* a stranger may have begun it */
        session->dtls_until = mp_min(session->dtls_until, now + DTLS_DOUBT);
    *why = state == DTLS_FAILED ? END_DTLS_FAILED : END_PEER_CLOSED;
    return !over || session->dtls_beside;
}

/* Its time is over. False: it is a second association, and the client, which has streams or subscriptions,
 * has stopped sending under the keys of the first. */
static bool is_over(struct session *session)
{
    if (session->dtls_beside && (session->streams || session->subscriptions))
        return false;
    association_release(session);
    return true;
}

bool association_timeout(struct sfu *sfu, struct session *session, enum end_reason *why, mp_time now)
{
    *why = END_DTLS_FAILED;
    if (session->dtls && session->dtls_until <= now && !is_over(session))
        return false;
    return !session->dtls || dtls_deadline(session->dtls) > now ||
           moved(sfu, session, dtls_timeout(session->dtls, now), why, now);
}

mp_time association_deadline(const struct session *session)
{
    return session->dtls ? mp_min(session->dtls_until, dtls_deadline(session->dtls)) : MP_NEVER;
}

static bool we_begin(const struct sfu *sfu, const struct session *session)
{
    return registry_setup(sfu->config.registry, session->id)->active;
}

/* False: no memory. */
static bool new_association(struct sfu *sfu, struct session *session, const struct path *path, mp_time now)
{
    const struct session_setup *setup = registry_setup(sfu->config.registry, session->id);
    session->reply = *path;
    event_tell(sfu, session, EVENT_DTLS_STARTED, path, 0, now);
    session->dtls_begin = (struct dtls_begin){*path, ice_generation(&session->ice, path)};
    session->dtls_beside = session->tx != NULL;
    session->dtls = dtls_new(sfu->config.identity, setup->active ? DTLS_CLIENT : DTLS_SERVER, DTLS_GCM_OR_CM,
                             &setup->fingerprint, now);
    return session->dtls != NULL;
}

/* A passive client waits for our ClientHello (RFC 8842 5.2): we send it by the nominated path, after that
 * path answered a check of ours. */
bool association_begin(struct sfu *sfu, struct session *session, enum end_reason *why, mp_time now)
{
    *why = END_NO_MEMORY;
    if (!we_begin(sfu, session) || !session_path(session) || session->dtls || session->tx)
        return true;
    if (!new_association(sfu, session, session_path(session), now))
        return false;
    drain(sfu, session);
    return true;
}

/* Whether a datagram came under newer ICE credentials than `begin`, or by another pair of addresses under the
 * same ones. A late ClientHello of the association in use does neither. */
static bool is_elsewhere(const struct dtls_begin *begin, const struct path *path, uint32_t generation)
{
    return generation > begin->generation ||
           (generation == begin->generation && !path_equal(path, &begin->path));
}

/* A client may open a new transport in mid-session: Chromium does so when it stops the section that carries
 * its bundle (a new socket with the same ICE credentials); other clients restart ICE. A ClientHello from that
 * transport begins a second association. The first stays in use until the second has keys, because ICE
 * authenticated the path but nothing authenticates the first flight of DTLS. */
static bool begins_beside(struct session *session, const struct path *path, const uint8_t *data, size_t len,
                          mp_time now)
{
    uint32_t generation = ice_generation(&session->ice, path);
    return session->tx && is_elsewhere(&session->keys_begin, path, generation) &&
           (!session->dtls_beside || is_elsewhere(&session->dtls_begin, path, generation)) &&
           dtls_is_client_hello(data, len) &&
           rate_take(&session->dtls_rate, 1, DTLS_BEGINS_PER_S, DTLS_BEGINS_BURST, now);
}

bool association_input(struct sfu *sfu, struct session *session, const struct arrival *arrival,
                       enum end_reason *why, mp_time now)
{
    const struct path *path = arrival->path;
    const uint8_t *data = arrival->bytes.data;
    size_t len = arrival->bytes.len;
    if (session->tx && dtls_goodbye_is(&session->goodbye, data, len)) {
        event_tell(sfu, session, EVENT_BYE, path, 0, now);
        return true;
    }
    bool beside = !we_begin(sfu, session) && begins_beside(session, path, data, len, now);
    if (beside)
        association_release(session);
    else if (!session->dtls && (session->tx || we_begin(sfu, session))) {
        drop(sfu, DROP_DTLS);
        return true;
    }
    session->reply = *path;
    ice_credit(&session->ice, path, len);
    *why = END_NO_MEMORY;
    if (!session->dtls && !new_association(sfu, session, path, now))
        return false;
    return moved(sfu, session, dtls_input(session->dtls, data, len, now), why, now);
}

void association_close(struct sfu *sfu, struct session *session)
{
    if (!session->dtls)
        return;
    dtls_close(session->dtls);
    drain(sfu, session);
}

void association_free(struct session *session)
{
    if (session->dtls)
        dtls_free(session->dtls);
    free_keys(session);
    explicit_bzero(&session->goodbye, sizeof session->goodbye);
}
