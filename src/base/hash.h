/* Steps of the keyed hashes of addresses and paths. */
#pragma once
#include <stdint.h>
#include <string.h>

/* wyhash's mixing step: both halves of a 64 x 64 product. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 u128;
    u128 r = (u128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint64_t hash_ip(const uint8_t ip[16], uint64_t key)
{
    uint64_t lo, hi;
    memcpy(&lo, ip, 8);
    memcpy(&hi, ip + 8, 8);
    return hash_mix(lo ^ key ^ 0xa0761d6478bd642full, hi ^ hash_mix(key, 0xe7037ed1a0b428dbull));
}
