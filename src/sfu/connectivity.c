#include "sfu/connectivity.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/event.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"

#define AWAY MP_S(1) /* after a longer absence a viewer misses more packets than the histories keep */

/* Each new path costs a message to the control plane, and perhaps one to another worker that must not be
 * dropped: a client that invents source addresses must not fill their inboxes. A client's interfaces times
 * our addresses are fewer than the burst. */
#define PATHS_PER_S     4
#define PATHS_BURST     64
#define PATH_TOLD_EVERY MP_S(1)

void connectivity_forget(struct sfu *sfu, struct session *session, uint8_t i)
{
    unsigned via = session->paths[i].via;
    paths_remove(&sfu->paths, &session->paths[i].path, session->id);
    if (via != sfu->config.worker)
        outbox_emit(sfu,
                    &(struct message){.type = MESSAGE_PATH_REMOVED,
                                      .to = (uint8_t)via,
                                      .session = session->id,
                                      .path = session->paths[i].path},
                    NULL);
    session->paths[i] = session->paths[--session->path_count];
}

static void tell_path(struct sfu *sfu, struct session *session, uint8_t i, mp_time now)
{
    session->paths[i].told = now;
    outbox_emit(sfu,
                &(struct message){.type = MESSAGE_PATH_ADDED,
                                  .to = session->paths[i].via,
                                  .session = session->id,
                                  .path = session->paths[i].path},
                NULL);
}

static void learn_path(struct sfu *sfu, struct session *session, const struct path *path, unsigned via,
                       mp_time now)
{
    bool tell = rate_take(&session->path_rate, 1, PATHS_PER_S, PATHS_BURST, now);
    if (!tell)
        via = sfu->config.worker; /* we never tell the other worker of this path */
    if (!paths_set(&sfu->paths, path, session->id, sfu->config.worker))
        drop(sfu, DROP_PATHS);
    if (session->path_count == ICE_TUPLES_MAX)
        connectivity_forget(sfu, session, 0);
    session->paths[session->path_count].path = *path;
    session->paths[session->path_count++].via = (uint8_t)via;
    if (via != sfu->config.worker)
        tell_path(sfu, session, session->path_count - 1, now);
    if (tell)
        outbox_emit(sfu,
                    &(struct message){
                        .type = MESSAGE_PATH_SEEN, .to = TO_CONTROL, .session = session->id, .path = *path},
                    NULL);
}

/* Another session may have used this address meanwhile: the latest authenticated check wins, here and at the
 * worker that received it. */
static void keep_path(struct sfu *sfu, struct session *session, const struct path *path, unsigned via,
                      mp_time now)
{
    const struct path_entry *e = paths_find(&sfu->paths, path);
    if (!e || e->session != session->id)
        paths_set(&sfu->paths, path, session->id, sfu->config.worker);
    for (uint8_t i = 0; i < session->path_count && via != sfu->config.worker; i++)
        if (session->paths[i].via == via && now - session->paths[i].told >= PATH_TOLD_EVERY &&
            path_equal(&session->paths[i].path, path))
            tell_path(sfu, session, i, now);
}

/* Sends our own checks that are due. */
void connectivity_check(struct sfu *sfu, struct session *session, mp_time now)
{
    uint8_t check[DATAGRAM_OUT_MAX];
    struct path to;
    size_t len;
    while ((len = ice_output(&session->ice, &to, check, sizeof check, now)))
        outbox_copy(sfu, &to, check, len);
}

/* Tells the control plane which credentials are in use; also when the client restarted ICE before any worker
 * had heard of it. */
void connectivity_restarted(struct sfu *sfu, struct session *session, mp_time now)
{
    uint32_t generation = session->ice.credentials[0].generation;
    if (!session_path(session) || generation <= session->generation)
        return;
    session->generation = generation;
    event_tell(sfu, session, EVENT_RESTARTED, session_path(session), generation, now);
}

static void ice_moved(struct sfu *sfu, struct session *session, const struct ice_answer *a, mp_time now)
{
    if (a->event != ICE_SELECTED)
        return;
    const struct path *path = session_path(session);
    connectivity_restarted(sfu, session, now);
    event_add(sfu, session,
              &(struct session_event){.kind = EVENT_SELECTED,
                                      .path = *path,
                                      .moved = a->moved,
                                      .value = session->ice.reason,
                                      .at = now});
    for (uint8_t i = 0; i < session->sender_count; i++)
        sender_move(&sfu->roaming.senders, &session->senders[i], &path->remote);
    session->reply = *path;
    downlink_moved(session, now);
    if (a->silence >= AWAY)
        subscriptions_ask_again(sfu, session, now);
    else
        subscriptions_ask(sfu, session, now);
}

/* An authentic datagram arrived: applies the changes that it made to the ICE agent. */
void connectivity_moved(struct sfu *sfu, struct session *session, const struct ice_answer *a,
                        const struct arrival *arrival, mp_time now)
{
    const struct path *path = arrival->path;
    for (uint8_t i = 0; a->has_dropped && i < session->path_count; i++)
        if (path_equal(&session->paths[i].path, &a->dropped)) {
            connectivity_forget(sfu, session, i);
            break;
        }
    if (a->path_new) {
        learn_path(sfu, session, path, arrival->via, now);
        if (path->link == LINK_UDP)
            event_tell(sfu, session, EVENT_CHECK_SENT, path, 0, now);
    } else {
        keep_path(sfu, session, path, arrival->via, now);
    }
    if (a->nominated)
        event_tell(sfu, session, EVENT_NOMINATED, path, 0, now);
    if (a->rtt)
        event_tell(sfu, session, EVENT_CHECK_ANSWERED, path, (uint32_t)(a->rtt / MP_US(1)), now);
    ice_moved(sfu, session, a, now);
    connectivity_check(sfu, session, now);
}
