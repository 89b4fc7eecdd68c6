#ifndef INT_MAX /* OpenSSL's headers want it, and base's limits.h hides the system's */
#define INT_MAX __INT_MAX__
#endif
#define OPENSSL_SUPPRESS_DEPRECATED /* the one way in OpenSSL 3.0 that also serves its providers */
#include "tests/entropy.h"
#include "base/check.h"
#include "base/prng.h"
#include <openssl/rand.h>

static struct prng prng;

static int bytes(unsigned char *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (unsigned char)prng_next(&prng);
    return 1;
}

static int status(void) { return 1; }

void entropy_from(uint64_t seed)
{
    static const RAND_METHOD method = {.bytes = bytes, .pseudorand = bytes, .status = status};
    prng_seed(&prng, seed ^ 0x656e74726f7079ull);
    INVARIANT(RAND_set_rand_method(&method) == 1);
}
