/* Paths: the two addresses of a datagram and the link that it came or goes by. */
#pragma once
#include "base/address.h"
#include "base/link.h"

struct path {
    struct address local, remote; /* local.ip is all zero if the receiving address is unknown */
    uint32_t link;                /* LINK_UDP, or the link that carries its datagrams */
};

bool path_equal(const struct path *, const struct path *);
/* A keyed hash: a sender cannot choose addresses that collide. */
uint64_t path_hash(const struct path *, uint64_t key);
