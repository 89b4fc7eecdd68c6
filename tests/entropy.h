/* OpenSSL's randomness from a seed: keys, certificates and handshakes come out the same again. */
#pragma once
#include <stdint.h>

void entropy_from(uint64_t seed);
