#include "sfu/connectivity.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/event.h"
#include "sfu/outbox.h"
#include "sfu/peer_data.h"
#include "sfu/subscription.h"

#define AWAY MP_S(1) /* whoever was, misses more than the histories have */

/* Every new path is a message to the control plane and may be one to another worker, which must arrive: a client that invents
 * source addresses must not fill their inboxes. Interfaces times our addresses are fewer than the burst. */
#define PATHS_PER_S 4
#define PATHS_BURST 64
#define PATH_TOLD_EVERY MP_S(1)

void connectivity_forget(struct sfu *sfu, struct peer *p, uint8_t i)
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
        connectivity_forget(sfu, p, 0);
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

/* Our own checks that are due. */
void connectivity_check(struct sfu *sfu, struct peer *p, mp_time now)
{
    uint8_t check[DATAGRAM_OUT_MAX];
    struct path to;
    size_t len;
    while ((len = ice_output(&p->ice, &to, check, sizeof check, now)))
        outbox_copy(sfu, &to, check, len);
}

/* Our first credentials are the only ones: also where the client restarted before any worker had heard of it. */
void connectivity_restarted(struct sfu *sfu, struct peer *p, mp_time now)
{
    uint32_t generation = p->ice.credentials[0].generation;
    if (!peer_path(p) || generation <= p->generation)
        return;
    p->generation = generation;
    event_tell(sfu, p, EVENT_RESTARTED, peer_path(p), generation, now);
}

static void ice_moved(struct sfu *sfu, struct peer *p, const struct ice_answer *a, mp_time now)
{
    if (a->event != ICE_SELECTED)
        return;
    const struct path *path = peer_path(p);
    connectivity_restarted(sfu, p, now);
    event_add(sfu, p,
         &(struct session_event){
             .kind = EVENT_SELECTED, .path = *path, .moved = a->moved, .value = p->ice.reason, .at = now});
    for (uint8_t i = 0; i < p->sender_count; i++)
        sender_move(&sfu->roaming.senders, &p->senders[i], &path->remote);
    p->reply = *path;
    subscriptions_ask(sfu, p, a->silence >= AWAY, now);
}

/* Something authentic came: what it changed. */
void connectivity_moved(struct sfu *sfu, struct peer *p, const struct ice_answer *a, const struct arrival *arrival,
                         mp_time now)
{
    const struct path *path = arrival->path;
    for (uint8_t i = 0; a->has_dropped && i < p->path_count; i++)
        if (path_equal(&p->paths[i].path, &a->dropped)) {
            connectivity_forget(sfu, p, i);
            break;
        }
    if (a->path_new) {
        learn_path(sfu, p, path, arrival->via, now);
        if (path->link == LINK_UDP)
            event_tell(sfu, p, EVENT_CHECK_SENT, path, 0, now);
    } else {
        keep_path(sfu, p, path, arrival->via, now);
    }
    if (a->nominated)
        event_tell(sfu, p, EVENT_NOMINATED, path, 0, now);
    if (a->rtt)
        event_tell(sfu, p, EVENT_CHECK_ANSWERED, path, (uint32_t)(a->rtt / MP_US(1)), now);
    ice_moved(sfu, p, a, now);
    connectivity_check(sfu, p, now);
}
