/* The allocations of one worker's TURN server (RFC 8656 4): owner, permissions, channels and expiry. An
 * allocation has no socket: its relayed address is one of this server's own with a virtual port, which no two
 * allocations of the machine share.
 *
 * Timer: one heap node an allocation, at its end; the expiry of permissions and channels is checked when they
 * are used. */
#pragma once
#include "base/heap.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/path.h"
#include "crypto/crypto.h"
#include "proto/stun.h"
#include "proto/turn.h"

#define PERMISSION_LIFETIME MP_S(300) /* RFC 8656 9 */
#define CHANNEL_LIFETIME    MP_S(600) /* RFC 8656 12 */

struct permission {
    uint8_t ip[16];
    mp_time until;
};

struct channel {
    uint16_t number; /* 0: free */
    struct address peer;
    mp_time until;
};

enum { RELAYED_V4, RELAYED_V6, RELAYED_COUNT };

struct allocation {
    struct heap_node timer; /* first: a timer is its allocation; its time is the allocation's end */
    uint32_t index;         /* in the table */
    uint32_t link;          /* the link of relayed datagrams: index and generation */
    struct path client;     /* the client's path, its 5-tuple */
    struct address relayed[RELAYED_COUNT]; /* port 0: none of that family */
    struct hmac_sha1 key;
    char username[TURN_USERNAME_MAX];
    uint8_t username_len;
    uint64_t user, network;           /* hashes of the username's id and the client's network */
    uint32_t user_next, network_next; /* lists */
    uint8_t txid[STUN_TXID_SIZE];     /* of the request that made it */
    struct permission permissions[RELAY_PERMISSIONS_MAX];
    struct channel channels[RELAY_CHANNELS_MAX];
};

struct allocations {
    struct allocation **items; /* by index */
    uint32_t *free;
    uint8_t *generations; /* by index */
    size_t free_count, capacity, count;
    struct map by_client;
    uint64_t hash_key;
    uint32_t users[RELAY_BUCKETS], networks[RELAY_BUCKETS];
    struct heap timers;
    uint8_t *ports; /* of this worker's virtual ports, a bit each: in use */
    uint16_t port_first, port_count, port_next;
    unsigned worker;
};

/* Never gives out `media_port`. False: no memory. */
bool allocations_init(struct allocations *, unsigned worker, unsigned workers, uint16_t media_port,
                      size_t max, uint64_t hash_key);
void allocations_free(struct allocations *);

struct allocation *allocation_of_client(const struct allocations *,
                                        const struct path *);                     /* NULL: it has none */
struct allocation *allocation_of_link(const struct allocations *, uint32_t link); /* NULL: it ended */

enum allocation_result { ALLOCATION_OK, ALLOCATION_QUOTA, ALLOCATION_FULL };
/* Makes an allocation for the client's path, which must have none; it ends at `until`. `ips`: the relayed
 * address of each family; NULL: none. `even`: the virtual port must be even. ALLOCATION_QUOTA: the user or
 * the network has too many; ALLOCATION_FULL: no room. */
enum allocation_result allocation_new(struct allocations *, const struct path *client, struct bytes username,
                                      struct bytes user, const struct address *const ips[RELAYED_COUNT],
                                      bool even, mp_time until, struct allocation **);
void allocation_end(struct allocations *, struct allocation *);

bool allocation_permits(const struct allocation *, const struct address *peer, mp_time now);
bool allocation_has_room(const struct allocation *, const struct turn_peer *, size_t count,
                         mp_time now);                                                /* for permissions */
void allocation_permit(struct allocation *, const struct address *peer, mp_time now); /* there must be room */

const struct channel *allocation_channel(const struct allocation *, uint16_t number, mp_time now);
const struct channel *allocation_channel_to(const struct allocation *, const struct address *peer,
                                            mp_time now);
enum bind_result { BIND_OK, BIND_CONFLICT /* the number or the peer is bound to another */, BIND_FULL };
enum bind_result allocation_bind(struct allocation *, uint16_t number, const struct address *peer,
                                 mp_time now);
