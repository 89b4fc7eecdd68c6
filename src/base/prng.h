/* Seeded pseudo-random numbers (xoshiro256**): repeatable by seed, for first sequence numbers and the like.
 * Secrets come from net/random.h instead. */
#pragma once
#include <stdint.h>

struct prng {
    uint64_t s[4];
};

static inline uint64_t prng_rotl(uint64_t x, int k) { return x << k | x >> (64 - k); }

static inline uint64_t prng_next(struct prng *p)
{
    uint64_t r = prng_rotl(p->s[1] * 5, 7) * 9, t = p->s[1] << 17;
    p->s[2] ^= p->s[0];
    p->s[3] ^= p->s[1];
    p->s[1] ^= p->s[2];
    p->s[0] ^= p->s[3];
    p->s[2] ^= t;
    p->s[3] = prng_rotl(p->s[3], 45);
    return r;
}

static inline void prng_seed(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = seed += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        p->s[i] = z ^ z >> 31;
    }
}

/* A number below n, n > 0. */
static inline uint32_t prng_below(struct prng *p, uint32_t n)
{
    return (uint32_t)((uint64_t)(uint32_t)prng_next(p) * n >> 32);
}
