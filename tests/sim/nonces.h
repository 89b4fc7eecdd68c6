/* Watches every encryption: an initialization vector is made of SSRC, roll-over counter and sequence number
 * (RFC 3711 4.1.1, RFC 7714 8.1), so one that comes twice under one key, for different bytes, is a number
 * used twice. The linker puts these functions in front of the ciphers' own. */
#pragma once
#include "tests/sim/sim.h"

void nonces_open(struct sim *);
void nonces_close(void);
