/* The client's side of TURN (RFC 8656) over a connection: an allocation, and a channel to its only peer. */
#pragma once
#include "base/path.h"
#include <openssl/ssl.h>
#include <stdbool.h>

struct turn_login {
    char username[128], password[128];
};

#define TURN_CLIENT_CHANNEL 0x4000

/* Waits for the server's answers, on a blocking descriptor. `ssl`: NULL without TLS. False: refused, or no
 * answer. An allocation lasts ten minutes and is not refreshed: no measurement takes that long. */
bool turn_client_open(int fd, SSL *ssl, const struct turn_login *, const struct address *peer);
