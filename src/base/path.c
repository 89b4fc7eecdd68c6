#include "base/path.h"
#include "base/hash.h"

bool path_equal(const struct path *a, const struct path *b)
{
    return a->link == b->link && address_equal(&a->remote, &b->remote) && address_equal(&a->local, &b->local);
}

uint64_t path_hash(const struct path *p, uint64_t key)
{
    uint64_t h = hash_ip(p->remote.ip, key);
    h = hash_mix(h ^ p->remote.port, key ^ 0x8ebc6af09c88c6e3ull);
    return hash_ip(p->local.ip, h ^ p->local.port ^ (uint64_t)p->link << 16);
}
