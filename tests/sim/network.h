/* Between the guests and the server: each guest's host with its NAT, and one lossy link each way. */
#pragma once
#include "base/path.h"
#include "tests/sim/sim.h"
#include <stddef.h>

#define SERVER_PORT      8000
#define SERVER_ADDRESSES 2

enum nat_kind {
    NAT_NONE,
    NAT_CONE,      /* one outside port for all destinations (RFC 4787 4.1) */
    NAT_SYMMETRIC, /* one for each */
};

struct link_profile {
    mp_time delay, jitter;
    uint32_t rate_bps; /* 0: no limit */
    mp_time queue_max; /* the link drops datagrams that would wait longer */
    uint32_t loss, burst_begin,
        burst_end;                     /* of 10000 datagrams; within a burst all but one in eight are lost */
    uint32_t reorder, duplicate, flip; /* of 10000 */
};

struct link {
    struct link_profile profile;
    mp_time free_at, last_at;
    bool burst;
};

struct host {
    struct guest *guest;
    struct address inside;
    struct nat *nat; /* NULL: none; two hosts may share one */
    struct link up, down;
    mp_time out_until; /* outage: loses everything */
};

struct datagram; /* in flight */

struct network *network_new(struct sim *, unsigned nats);
void network_free(struct network *);
struct nat *network_nat(struct network *, unsigned number);
void nat_setup(struct nat *, enum nat_kind, mp_time idle_max);
enum nat_kind nat_kind(const struct nat *);
/* Forgets all mappings of a host: its next datagram gets others. */
void nat_forget(struct nat *, const struct host *);
struct address network_server(unsigned number); /* one of the server's addresses */

void network_up(struct sim *, struct host *, const struct address *server, const uint8_t *, size_t len);
void network_down(struct sim *, const struct path *from_server, const uint8_t *, size_t len);
/* Sends from an address that belongs to no guest. */
void network_forged(struct sim *, const struct path *to_server, const uint8_t *, size_t len);
/* The present external address of a guest; port 0: none. */
struct address network_outside(const struct sim *, const struct host *);
