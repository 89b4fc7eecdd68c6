#include "sfu/roaming.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/message.h"
#include "sfu/session.h"

bool roaming_init(struct sfu *sfu)
{
    return senders_init(&sfu->roaming.senders, 2 * SENDERS_MAX * registry_size(sfu->config.registry),
                        sfu->hash_key);
}

void roaming_free(struct sfu *sfu) { senders_free(&sfu->roaming.senders); }

/* Sends the datagram to all other workers: any of them may own the session. */
static void ask_the_others(struct sfu *sfu, const struct arrival *arrival)
{
    struct packet *p = sfu->config.workers > 1 ? outbox_packet(sfu) : NULL;
    if (!p)
        return;
    memcpy(p->data, arrival->bytes.data, arrival->bytes.len);
    p->len = (uint16_t)arrival->bytes.len;
    for (unsigned to = 0; to < sfu->config.workers; to++)
        if (to != sfu->config.worker)
            outbox_emit(sfu,
                        &(struct message){.type = MESSAGE_STRAY,
                                          .to = (uint8_t)to,
                                          .session = SESSION_NONE,
                                          .path = *arrival->path},
                        p);
    packet_drop(&sfu->pool, p);
    stat_add(&stats_of(sfu)->strays_out, 1);
}

static bool within_rate(struct sfu *sfu, const struct path *path, mp_time now)
{
    struct roaming *r = &sfu->roaming;
    struct rate *place = &r->by_place[address_network_hash(&path->remote, sfu->hash_key) % ROAM_BUCKETS];
    return rate_take(place, 1, ROAM_PER_S, ROAM_BURST, now) &&
           rate_take(&r->total, 1, ROAM_TOTAL_PER_S, ROAM_TOTAL_BURST, now);
}

/* Whether the datagram may belong to the session; decrypts nothing. */
static bool may_be_of(const struct session *session, const struct arrival *arrival)
{
    return session->rx && srtp_rx_expects(session->rx, arrival->bytes.data, arrival->bytes.len,
                                          arrival->kind == DATAGRAM_RTCP);
}

void roaming_input(struct sfu *sfu, const struct arrival *arrival, mp_time now)
{
    struct session *found[SENDER_TRIES_MAX];
    const struct path *path = arrival->path;
    bool here = arrival->via == sfu->config.worker;
    if (path->link != LINK_UDP || arrival->bytes.len < 12 || (here && !within_rate(sfu, path, now))) {
        drop(sfu, here ? DROP_UNKNOWN_PATH : DROP_STRAY);
        return;
    }
    uint32_t ssrc = get32(arrival->bytes.data + (arrival->kind == DATAGRAM_RTCP ? 4 : 8));
    size_t count = senders_find(&sfu->roaming.senders, ssrc, arrival, may_be_of, found);
    for (size_t i = 0; i < count; i++) {
        touched_add(sfu, found[i]);
        if (session_media(sfu, found[i], arrival, now))
            return;
    }
    drop(sfu, here ? DROP_UNKNOWN_PATH : DROP_STRAY);
    if (here)
        ask_the_others(sfu, arrival);
}
