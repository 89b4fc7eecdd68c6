#include "roaming.h"
#include "bytes.h"
#include "core.h"
#include "demux.h"
#include "message.h"
#include "peer.h"

bool roaming_init(struct sfu *sfu)
{
    return senders_init(&sfu->roaming.senders, 2 * SENDERS_MAX * registry_size(sfu->config.registry),
                        sfu->hash_key);
}

void roaming_free(struct sfu *sfu)
{
    senders_free(&sfu->roaming.senders);
}

/* To all other workers, as one datagram in `data`: the session may be any one's. */
static void ask_the_others(struct sfu *sfu, const struct path *path, const uint8_t *data, size_t len)
{
    struct packet *p = sfu->config.workers > 1 ? outbox_packet(sfu) : NULL;
    if (!p)
        return;
    memcpy(p->data, data, len);
    p->len = (uint16_t)len;
    for (unsigned to = 0; to < sfu->config.workers; to++)
        if (to != sfu->config.worker)
            emit(sfu,
                 &(struct message){
                     .type = MESSAGE_STRAY, .to = (uint8_t)to, .session = SESSION_NONE, .path = *path},
                 p);
    packet_drop(&sfu->pool, p);
    stat_add(&stats_of(sfu)->strays_out, 1);
}

static bool within_rate(struct sfu *sfu, const struct path *path, mp_time now)
{
    struct roaming *r = &sfu->roaming;
    struct rate *place = &r->by_place[network_hash(&path->remote, sfu->hash_key) % ROAM_BUCKETS];
    return rate_take(place, 1, ROAM_PER_S, ROAM_BURST, now) &&
           rate_take(&r->total, 1, ROAM_TOTAL_PER_S, ROAM_TOTAL_BURST, now);
}

void roaming_input(struct sfu *sfu, const struct path *path, const uint8_t *data, size_t len, unsigned via,
                   mp_time now)
{
    struct peer *found[SENDER_TRIES_MAX];
    bool here = via == sfu->config.worker, rtcp = demux(data, len) == DATAGRAM_RTCP;
    if (path->link != LINK_UDP || len < 12 || (here && !within_rate(sfu, path, now))) {
        drop(sfu, here ? DROP_UNKNOWN_PATH : DROP_STRAY);
        return;
    }
    uint32_t ssrc = get32(data + (rtcp ? 4 : 8));
    size_t count = senders_find(&sfu->roaming.senders, ssrc, &path->remote, peer_expects, data, len, found);
    for (size_t i = 0; i < count; i++)
        if (peer_media(sfu, found[i], path, data, len, via, now))
            return;
    drop(sfu, here ? DROP_UNKNOWN_PATH : DROP_STRAY);
    if (here)
        ask_the_others(sfu, path, data, len);
}
