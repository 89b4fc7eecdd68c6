/* A WebRTC client's transport, sans-IO like the core: ICE checks (controlling, one path), DTLS (active),
 * SRTP. Tests, the simulator and the load generator use it. */
#pragma once
#include "base/bytes.h"
#include "base/path.h"
#include "base/time.h"
#include "proto/dtls.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crypto;
struct dtls_identity;
struct client;

struct client_config {
    struct path path;             /* local: the client's own address; remote: the server's candidate */
    const char *ufrag, *password; /* the client's own; copied. password NULL: does not answer the
                                            server's checks */
    const char *remote_ufrag, *remote_password; /* from the server's description; copied */
    struct fingerprint remote_fingerprint;
    struct dtls_identity *identity;
    struct crypto *crypto;
    bool passive; /* the server begins the DTLS handshake */
    bool cm_only; /* offer AES_CM_128_HMAC_SHA1_80 alone */
    uint64_t seed;
    void *context;
    /* Plain packets. The bytes are valid until it returns. */
    void (*rtp)(void *context, const uint8_t *, size_t len, mp_time now);
    void (*rtcp)(void *context, const uint8_t *, size_t len, mp_time now);
};

enum client_state { CLIENT_CHECKING, CLIENT_HANDSHAKE, CLIENT_CONNECTED, CLIENT_FAILED };

struct client *client_new(const struct client_config *, mp_time now); /* NULL: no memory */
void client_free(struct client *);
enum client_state client_state(const struct client *);

void client_input(struct client *, const uint8_t *, size_t len, mp_time now);
void client_timeout(struct client *, mp_time now);
mp_time client_deadline(const struct client *);
/* The next datagram to send along client_path; 0: none. Drain after every call of the others. */
size_t client_output(struct client *, uint8_t *out, size_t size);
/* Ends the association by close_notify, as browsers and libdatachannel do. */
void client_goodbye(struct client *);
/* Moves the client to another own address: a NAT rebinding. */
void client_move(struct client *, const struct address *local);
/* An ICE restart: uses these credentials from now on and sends the next check at once. */
void client_restart(struct client *, const char *ufrag, const char *password, const char *remote_ufrag,
                    const char *remote_password, mp_time now);
/* While `hold`, checks have no USE-CANDIDATE, like those of a browser that has not decided yet. */
void client_hold_nomination(struct client *, bool hold);
/* The server stopped sending this SSRC: its slot is free (srtp_rx_ended). */
void client_ended(struct client *, uint32_t ssrc);
const struct path *client_path(const struct client *);
/* The address that the server saw, from its last answer; port 0: none yet. */
struct address client_mapped(const struct client *);

/* Encrypts one packet into `out` (len + SRTP_OVERHEAD_MAX or SRTCP_OVERHEAD_MAX bytes at least). Returns its
 * length, 0 before CLIENT_CONNECTED. `index`: ROC << 16 | SEQ of the packet. */
size_t client_rtp(struct client *, const uint8_t *packet, size_t len, uint64_t index, uint8_t *out);
size_t client_rtcp(struct client *, const uint8_t *packet, size_t len, uint8_t *out);
