/* Relayed data of TURN clients, in both directions. */
#include "base/link.h"
#include "proto/turn.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/turn/relay.h"
#include "sfu/turn/relay_config.h"

#define ARENA_SIZE (2 * TX_ARENA_SIZE)

/* --- in --- */

/* Makes the datagram from an allocation's relayed address to this server. */
static bool unwrap(struct sfu *sfu, const struct allocation *a, const struct address *peer, struct bytes data,
                   struct relayed *out)
{
    out->path = (struct path){
        .local = *peer, .remote = a->relayed[address_is_v4(peer) ? RELAYED_V4 : RELAYED_V6], .link = a->link};
    out->bytes = data;
    if (!out->path.remote.port || data.len == 0) {
        drop(sfu, DROP_RELAY);
        return false;
    }
    stat_add(&stats_of(sfu)->relayed_in, 1);
    return true;
}

/* RFC 8656 11.3: indications carry no authentication; the allocation and its permissions were
 * authenticated. */
bool relay_send(struct sfu *sfu, const struct path *path, const struct stun_view *v, struct relayed *out,
                mp_time now)
{
    const struct relay *r = sfu->relay;
    const struct allocation *a = allocation_of_client(&r->allocations, path);
    struct turn_view t;
    if (!a || !turn_parse(&t, v) || t.unknown_count || !t.data.data || t.peer_count != 1 ||
        !relay_is_peer(r, &t.peers[0], &path->local) || !allocation_permits(a, &t.peers[0].address, now)) {
        drop(sfu, DROP_RELAY);
        return false;
    }
    return unwrap(sfu, a, &t.peers[0].address, t.data, out);
}

bool relay_channel_data(struct sfu *sfu, const struct arrival *arrival, struct relayed *out, mp_time now)
{
    const struct allocation *a =
        sfu->relay ? allocation_of_client(&sfu->relay->allocations, arrival->path) : NULL;
    const struct channel *c = NULL;
    struct bytes payload;
    uint16_t number;
    if (a && turn_channel_data(arrival->bytes.data, arrival->bytes.len, &number, &payload))
        c = allocation_channel(a, number, now);
    if (!c || !allocation_permits(a, &c->peer, now)) {
        drop(sfu, DROP_RELAY);
        return false;
    }
    return unwrap(sfu, a, &c->peer, payload, out);
}

/* --- out --- */

struct envelope { /* wrapping of one client's datagrams */
    const struct allocation *allocation;
    const struct address *peer;
    const struct channel *channel; /* NULL: Data indications */
    bool pads;                     /* RFC 8656 12.5: over a stream, messages are padded to 4 bytes */
};

/* 0: no room. */
static size_t write_channel_data(const struct envelope *e, const uint8_t *data, size_t len, uint8_t *out,
                                 size_t size)
{
    size_t padding = e->pads ? -len & 3 : 0;
    if (TURN_CHANNEL_HEAD + len + padding > size)
        return 0;
    turn_channel_head(out, e->channel->number, len);
    memcpy(out + TURN_CHANNEL_HEAD, data, len);
    memset(out + TURN_CHANNEL_HEAD + len, 0, padding);
    return TURN_CHANNEL_HEAD + len + padding;
}

static size_t write_indication(struct sfu *sfu, const struct envelope *e, const uint8_t *data, size_t len,
                               uint8_t *out, size_t size)
{
    struct stun_writer w;
    uint8_t txid[STUN_TXID_SIZE];
    put64(txid, prng_next(&sfu->prng));
    put32(txid + 8, (uint32_t)prng_next(&sfu->prng));
    stun_begin(&w, out, size, STUN_INDICATION, TURN_DATA, txid);
    stun_add_xor_address(&w, TURN_ATTR_XOR_PEER, e->peer);
    stun_add(&w, TURN_ATTR_DATA, data, len);
    return stun_end(&w);
}

/* Wraps each datagram of a run: equal lengths stay equal. */
static bool wrap_run(struct sfu *sfu, const struct envelope *e, struct transmit *t)
{
    struct relay *r = sfu->relay;
    uint8_t *out = r->arena + r->arena_used;
    size_t room = ARENA_SIZE - r->arena_used, used = 0, first = 0;
    for (uint32_t at = 0; at < t->len; at += t->segment) {
        size_t len = t->len - at < t->segment ? t->len - at : t->segment;
        size_t n = e->channel ? write_channel_data(e, t->data + at, len, out + used, room - used)
                              : write_indication(sfu, e, t->data + at, len, out + used, room - used);
        if (!n)
            return false;
        first = first ? first : n;
        used += n;
        stat_add(&stats_of(sfu)->relayed_out, 1);
    }
    *t = (struct transmit){
        .path = e->allocation->client, .data = out, .len = (uint32_t)used, .segment = (uint16_t)first};
    r->arena_used += used;
    return true;
}

bool relay_wrap(struct sfu *sfu, struct transmit *t, mp_time now)
{
    const struct address *peer = &t->path.local;
    const struct allocation *a =
        sfu->relay ? allocation_of_link(&sfu->relay->allocations, t->path.link) : NULL;
    if (!a || !address_equal(&a->relayed[address_is_v4(peer) ? RELAYED_V4 : RELAYED_V6], &t->path.remote) ||
        !allocation_permits(a, peer, now)) {
        drop(sfu, DROP_RELAY);
        return false;
    }
    struct envelope e = {.allocation = a,
                         .peer = peer,
                         .channel = allocation_channel_to(a, peer, now),
                         .pads = link_kind(a->client.link) == LINK_TURN};
    if (wrap_run(sfu, &e, t))
        return true;
    drop(sfu, DROP_OUTBOX);
    return false;
}
