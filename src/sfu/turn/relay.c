/* Requests of TURN clients. The order is RFC 8656 5: authenticate, then the allocation, then the request
 * itself. */
#include "sfu/turn/relay_internal.h"
#include <stdlib.h>

#define ARENA_SIZE       (2 * TX_ARENA_SIZE)
#define LIFETIME_DEFAULT 600 /* s; RFC 8656 7.2 */
#define LIFETIME_MAX     3600

/* --- set up --- */

bool relay_init(struct sfu *sfu, const struct relay_config *config)
{
    size_t sessions = registry_size(sfu->config.registry);
    struct relay *r = sfu->relay = calloc(1, sizeof *r);
    if (!r)
        return false;
    r->config = config;
    r->arena = malloc(ARENA_SIZE);
    return r->arena &&
           allocations_init(&r->allocations, sfu->config.worker, sfu->config.workers, config->port,
                            sessions < RELAY_ALLOCATIONS_MAX ? sessions : RELAY_ALLOCATIONS_MAX,
                            sfu->hash_key);
}

void relay_free(struct sfu *sfu)
{
    struct relay *r = sfu->relay;
    if (!r)
        return;
    if (r->allocations.items)
        allocations_free(&r->allocations);
    free(r->arena);
    free(r);
}

static void count_allocations(struct sfu *sfu)
{
    stat_set(&stats_of(sfu)->allocations, sfu->relay->allocations.count);
}

static void end(struct sfu *sfu, struct allocation *a)
{
    allocation_end(&sfu->relay->allocations, a);
    count_allocations(sfu);
}

void relay_timeout(struct sfu *sfu, mp_time now)
{
    struct heap_node *node;
    while ((node = heap_pop(&sfu->relay->allocations.timers, now)))
        end(sfu, (struct allocation *)node);
}

void relay_client_gone(struct sfu *sfu, const struct path *client)
{
    struct allocation *a = sfu->relay ? allocation_of_client(&sfu->relay->allocations, client) : NULL;
    if (a)
        end(sfu, a);
}

/* --- addresses --- */

enum stun_family relay_family(const struct address *a)
{
    return address_is_v4(a) ? STUN_FAMILY_V4 : STUN_FAMILY_V6;
}

static bool same_ip(const struct address *a, const struct address *b)
{
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static bool is_own_ip(const struct relay *r, const struct address *ip, const struct address *local)
{
    for (size_t i = 0; i < r->config->address_count; i++)
        if (same_ip(&r->config->addresses[i], ip))
            return true;
    return !r->config->announced && same_ip(ip, local);
}

/* An IPv4-mapped IPv6 address is never ours, whichever IPv4 address it contains. */
static bool is_own(const struct relay *r, const struct turn_peer *peer, const struct address *local)
{
    return peer->family == relay_family(&peer->address) && is_own_ip(r, &peer->address, local);
}

bool relay_is_peer(const struct relay *r, const struct turn_peer *peer, const struct address *local)
{
    return is_own(r, peer, local) && peer->address.port == r->config->port;
}

/* The relayed address of allocations: one of the candidates' addresses. NULL: none of that family. */
static const struct address *own_address(const struct turn_request *r, enum stun_family family)
{
    const struct relay_config *c = r->relay->config;
    static const uint8_t unknown[16];
    if (!c->announced && relay_family(&r->path->local) == family &&
        memcmp(r->path->local.ip, unknown, 16) != 0)
        return &r->path->local;
    for (size_t i = 0; i < c->address_count; i++)
        if (relay_family(&c->addresses[i]) == family)
            return &c->addresses[i];
    return NULL;
}

/* --- Allocate (RFC 8656 7.2) --- */

static void answer_allocated(const struct turn_request *r, const struct allocation *a)
{
    struct stun_writer w;
    struct packet *p = request_answer(r, &w, STUN_SUCCESS);
    if (!p)
        return;
    for (int f = 0; f < RELAYED_COUNT; f++)
        if (a->relayed[f].port)
            stun_add_xor_address(&w, TURN_ATTR_XOR_RELAYED, &a->relayed[f]);
    if (r->turn.has_additional && !a->relayed[RELAYED_V6].port) /* RFC 8656 18.12 */
        stun_add(&w, TURN_ATTR_ADDRESS_ERROR, (const uint8_t[]){STUN_FAMILY_V6, 0, 4, 40}, 4);
    stun_add_u32(&w, TURN_ATTR_LIFETIME, (uint32_t)((a->timer.at - r->now + MP_S(1) - 1) / MP_S(1)));
    stun_add_mapped(&w, &r->path->remote);
    request_finish(r, &w, p);
}

/* The error code of an invalid request; 0: it is valid. */
static uint16_t check_allocate(const struct turn_view *t)
{
    if (!t->has_transport || (t->has_reservation && (t->even_port || t->has_family || t->has_additional)) ||
        (t->has_additional && (t->has_family || t->reserve_next || t->additional != STUN_FAMILY_V6)))
        return BAD_REQUEST;
    if (t->transport != TURN_TRANSPORT_UDP)
        return TRANSPORT_NOT_SUPPORTED;
    if (t->has_family && t->family != STUN_FAMILY_V4 && t->family != STUN_FAMILY_V6)
        return FAMILY_NOT_SUPPORTED;
    /* A reserved port pair was for RTP and RTCP on separate ports, which this server does not use. */
    return t->has_reservation || t->reserve_next ? INSUFFICIENT_CAPACITY : 0;
}

/* RFC 8656 7.2: without REQUESTED-ADDRESS-FAMILY it is IPv4; if the server has no IPv4 address, it gives an
 * IPv6 one instead. */
static void choose_addresses(const struct turn_request *r, const struct address *ips[RELAYED_COUNT])
{
    const struct turn_view *t = &r->turn;
    const struct address *v4 = own_address(r, STUN_FAMILY_V4), *v6 = own_address(r, STUN_FAMILY_V6);
    bool want_v6 = t->has_family ? t->family == STUN_FAMILY_V6 : t->has_additional || !v4;
    ips[RELAYED_V4] = t->has_family && want_v6 ? NULL : v4;
    ips[RELAYED_V6] = want_v6 ? v6 : NULL;
}

static uint32_t lifetime_of(const struct turn_view *t)
{
    uint32_t wanted = t->has_lifetime ? t->lifetime : LIFETIME_DEFAULT;
    return wanted < LIFETIME_DEFAULT ? LIFETIME_DEFAULT : wanted > LIFETIME_MAX ? LIFETIME_MAX : wanted;
}

static void allocate(struct turn_request *r)
{
    const struct address *ips[RELAYED_COUNT];
    struct allocation *a = r->allocation;
    if (a && bytes_equal((struct bytes){r->stun->txid, STUN_TXID_SIZE}, a->txid, sizeof a->txid)) {
        answer_allocated(r, a); /* a retransmitted request: our answer was lost */
        return;
    }
    uint16_t wrong = a ? ALLOCATION_MISMATCH : check_allocate(&r->turn);
    choose_addresses(r, ips);
    if (!wrong && !ips[RELAYED_V4] && !ips[RELAYED_V6])
        wrong = FAMILY_NOT_SUPPORTED;
    if (wrong) {
        request_refuse(r, wrong);
        return;
    }
    mp_time until = r->now + MP_S((mp_time)lifetime_of(&r->turn));
    enum allocation_result result = allocation_new(&r->relay->allocations, r->path, r->stun->username,
                                                   r->user, ips, r->turn.even_port, until, &a);
    if (result != ALLOCATION_OK) {
        request_refuse(r, result == ALLOCATION_QUOTA ? QUOTA_REACHED : INSUFFICIENT_CAPACITY);
        return;
    }
    a->key = r->key;
    memcpy(a->txid, r->stun->txid, sizeof a->txid);
    count_allocations(r->sfu);
    answer_allocated(r, a);
}

/* --- Refresh (RFC 8656 8.2) --- */

static void refresh(struct turn_request *r)
{
    struct stun_writer w;
    struct allocation *a = r->allocation;
    uint32_t lifetime = r->turn.has_lifetime && r->turn.lifetime == 0 ? 0 : lifetime_of(&r->turn);
    if (r->turn.has_family && !a->relayed[r->turn.family == STUN_FAMILY_V4 ? RELAYED_V4 : RELAYED_V6].port) {
        request_refuse(r, FAMILY_MISMATCH);
        return;
    }
    struct packet *p = request_answer(r, &w, STUN_SUCCESS);
    if (p) {
        stun_add_u32(&w, TURN_ATTR_LIFETIME, lifetime);
        request_finish(r, &w, p);
    }
    if (lifetime)
        heap_set(&r->relay->allocations.timers, &a->timer, r->now + MP_S((mp_time)lifetime));
    else
        end(r->sfu, a);
}

/* --- permissions and channels (RFC 8656 10.2, 12.2) --- */

/* 0: the peer is this server. A permission is for an address; if the client names a port too, it must be
 * ours, because nothing listens on another. */
static uint16_t check_peer(const struct turn_request *r, const struct turn_peer *peer, bool port_needed)
{
    const struct allocation *a = r->allocation;
    bool port_ours =
        peer->address.port == r->relay->config->port || (!port_needed && peer->address.port == 0);
    if (!a->relayed[peer->family == STUN_FAMILY_V4 ? RELAYED_V4 : RELAYED_V6].port)
        return is_own(r->relay, peer, &r->path->local) ? FAMILY_MISMATCH : FORBIDDEN;
    return is_own(r->relay, peer, &r->path->local) && port_ours ? 0 : FORBIDDEN;
}

static void accept(const struct turn_request *r)
{
    struct stun_writer w;
    struct packet *p = request_answer(r, &w, STUN_SUCCESS);
    if (p)
        request_finish(r, &w, p);
}

static void create_permission(struct turn_request *r)
{
    const struct turn_view *t = &r->turn;
    uint16_t wrong = t->peer_count ? 0 : BAD_REQUEST;
    for (uint8_t i = 0; i < t->peer_count && !wrong; i++)
        wrong = check_peer(r, &t->peers[i], false);
    if (!wrong && !allocation_has_room(r->allocation, t->peers, t->peer_count, r->now))
        wrong = INSUFFICIENT_CAPACITY;
    if (wrong) {
        request_refuse(r, wrong);
        return;
    }
    for (uint8_t i = 0; i < t->peer_count; i++)
        allocation_permit(r->allocation, &t->peers[i].address, r->now);
    accept(r);
}

static void channel_bind(struct turn_request *r)
{
    const struct turn_view *t = &r->turn;
    bool named = t->has_channel && t->peer_count == 1 && t->channel >= TURN_CHANNEL_FIRST &&
                 t->channel <= TURN_CHANNEL_LAST;
    uint16_t wrong = named ? check_peer(r, &t->peers[0], true) : BAD_REQUEST;
    if (!wrong && !allocation_has_room(r->allocation, t->peers, 1, r->now))
        wrong = INSUFFICIENT_CAPACITY;
    if (!wrong)
        switch (allocation_bind(r->allocation, t->channel, &t->peers[0].address, r->now)) {
        case BIND_OK: break;
        case BIND_CONFLICT: wrong = BAD_REQUEST; break;
        case BIND_FULL: wrong = INSUFFICIENT_CAPACITY; break;
        }
    if (wrong) {
        request_refuse(r, wrong);
        return;
    }
    allocation_permit(r->allocation, &t->peers[0].address, r->now);
    accept(r);
}

/* --- dispatch --- */

static void handle(struct turn_request *r)
{
    bool allocates = r->stun->method == TURN_ALLOCATE;
    if (!turn_parse(&r->turn, r->stun))
        request_refuse(r, BAD_REQUEST);
    else if (r->turn.unknown_count)
        request_refuse(r, UNKNOWN_ATTRIBUTE);
    else if (!r->allocation && !allocates)
        request_refuse(r, ALLOCATION_MISMATCH);
    else if (r->allocation && !allocates && !request_is_of(r, r->allocation))
        request_refuse(r, WRONG_CREDENTIALS);
    else if (allocates)
        allocate(r);
    else if (r->stun->method == TURN_REFRESH)
        refresh(r);
    else if (r->stun->method == TURN_CREATE_PERMISSION)
        create_permission(r);
    else
        channel_bind(r);
}

static bool is_request(const struct stun_view *v)
{
    return v->class == STUN_REQUEST &&
           (v->method == TURN_ALLOCATE || v->method == TURN_REFRESH || v->method == TURN_CREATE_PERMISSION ||
            v->method == TURN_CHANNEL_BIND);
}

bool relay_stun(struct sfu *sfu, const struct path *path, const struct stun_view *v, struct relayed *out,
                mp_time now)
{
    struct relay *relay = sfu->relay;
    if (relay && v->class == STUN_INDICATION && v->method == TURN_SEND)
        return relay_send(sfu, path, v, out, now);
    if (relay && is_request(v)) {
        struct turn_request r = {.sfu = sfu,
                                 .relay = relay,
                                 .path = path,
                                 .stun = v,
                                 .now = now,
                                 .allocation = allocation_of_client(&relay->allocations, path)};
        if (request_authenticate(&r))
            handle(&r);
        explicit_bzero(&r.key, sizeof r.key);
    } else {
        drop(sfu, DROP_RELAY);
    }
    return false;
}
