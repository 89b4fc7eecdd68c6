/* What the TURN server of every worker needs to know; shared. Addresses may be added, the count behind
 * them; nothing else is written. */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include "crypto/crypto.h"

struct relay_config {
    struct hmac_sha1 secret;                  /* of credentials and nonces */
    struct address addresses[CANDIDATES_MAX]; /* this server's media addresses, with the one port */
    _Atomic size_t address_count;
    bool announced; /* they are all; else the address that a client reached is one too */
    uint16_t port;
};
