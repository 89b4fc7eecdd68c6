/* TURN's wire format (RFC 8656) on top of stun.h; and credentials and nonces that the server verifies without
 * storing them. sfu/relay.h has the allocations. */
#pragma once
#include "base/bytes.h"
#include "base/limits.h"
#include "base/path.h"
#include "crypto/crypto.h"
#include "proto/stun.h"
#include <stdbool.h>

enum turn_method { /* RFC 8656 17 */
                   TURN_ALLOCATE = 0x003,
                   TURN_REFRESH = 0x004,
                   TURN_SEND = 0x006,
                   TURN_DATA = 0x007,
                   TURN_CREATE_PERMISSION = 0x008,
                   TURN_CHANNEL_BIND = 0x009,
};
enum { /* attributes, RFC 8656 18 */
       TURN_ATTR_CHANNEL = 0x000c,
       TURN_ATTR_LIFETIME = 0x000d,
       TURN_ATTR_XOR_PEER = 0x0012,
       TURN_ATTR_DATA = 0x0013,
       TURN_ATTR_XOR_RELAYED = 0x0016,
       TURN_ATTR_FAMILY = 0x0017,
       TURN_ATTR_EVEN_PORT = 0x0018,
       TURN_ATTR_TRANSPORT = 0x0019,
       TURN_ATTR_DONT_FRAGMENT = 0x001a,
       TURN_ATTR_RESERVATION = 0x0022,
       TURN_ATTR_ADDITIONAL_FAMILY = 0x8000,
       TURN_ATTR_ADDRESS_ERROR = 0x8001,
};
#define TURN_TRANSPORT_UDP 17 /* IANA's protocol number */

struct turn_peer {
    struct address address;
    enum stun_family family; /* as written: an IPv4 address may be hidden in an IPv6 one */
};

struct turn_view { /* into the datagram */
    bool has_lifetime, has_channel, has_transport, has_family, has_additional, even_port, reserve_next,
        has_reservation;
    uint32_t lifetime; /* s */
    uint16_t channel;
    uint8_t transport, family, additional; /* families: enum stun_family, or anything else */
    struct turn_peer peers[TURN_PEERS_MAX];
    uint8_t peer_count;
    struct bytes data; /* data NULL: no DATA */
    uint16_t unknown_required[4];
    uint8_t unknown_count;
};
/* The attributes of a parsed STUN message. Of a repeated attribute the first counts; of XOR-PEER-ADDRESS all
 * count. False: an attribute is malformed, or there are more than TURN_PEERS_MAX peers. */
bool turn_parse(struct turn_view *, const struct stun_view *);

/* --- ChannelData (RFC 8656 12.4) --- */
#define TURN_CHANNEL_FIRST 0x4000
#define TURN_CHANNEL_LAST  0x4fff
#define TURN_CHANNEL_HEAD  4
/* False: incomplete. Padding behind the data is ignored. */
bool turn_channel_data(const uint8_t *, size_t len, uint16_t *channel, struct bytes *data);
void turn_channel_head(uint8_t out[TURN_CHANNEL_HEAD], uint16_t channel, size_t data_len);

/* --- credentials --- A username is "EXPIRY:ID": the expiry in seconds since 1970, and its owner. Its
 * password is base64(HMAC-SHA1(secret, username)), as coturn's use-auth-secret has it, so an application with
 * the secret can make both, and the server can verify both. */
#define TURN_REALM                                                                                           \
    "mono" /* short: the answer to a stranger must not be larger than 1.6 times its question  \
                           */
#define TURN_USERNAME_MAX  64
#define TURN_PASSWORD_SIZE 28
void turn_password(const struct hmac_sha1 *secret, struct bytes username, char out[TURN_PASSWORD_SIZE + 1]);
/* The long-term key (RFC 8489 9.2.2: MD5 of username, realm and password). False: a username longer than
 * TURN_USERNAME_MAX. */
bool turn_key(const struct hmac_sha1 *secret, struct bytes username, struct hmac_sha1 *key);
/* False: of another form, or too long. `id` points into the username. */
bool turn_username(struct bytes username, uint64_t *expiry, struct bytes *id);

/* --- nonces --- 24 bits of an HMAC over the client's address and the half hour. They need not be hard to
 * guess. They only prevent an attacker from sending an overheard request again after an hour or from another
 * address; the request's integrity covers its nonce. */
#define TURN_NONCE_SIZE 4
void turn_nonce(const struct hmac_sha1 *secret, const struct address *client, uint64_t unix_s,
                char out[TURN_NONCE_SIZE]);
/* Whether the nonce is of this half hour or the one before. */
bool turn_nonce_valid(const struct hmac_sha1 *secret, const struct address *client, uint64_t unix_s,
                      struct bytes nonce);
