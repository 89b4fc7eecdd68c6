/* Configuration of the TURN server, shared by all workers. A writer may only append addresses, and increases
 * address_count after each; all else is constant. */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include "crypto/crypto.h"

struct relay_config {
    struct hmac_sha1 secret;                  /* of credentials and nonces */
    struct address addresses[CANDIDATES_MAX]; /* this server's media addresses, with the one port */
    _Atomic size_t address_count;
    bool announced; /* the list is complete; else the address that a client reached counts too */
    uint16_t port;
};
