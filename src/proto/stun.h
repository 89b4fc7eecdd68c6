/* STUN messages (RFC 8489) and the ICE attributes (RFC 8445 16.1): parse, build, check. */
#pragma once
#include "base/bytes.h"
#include "base/path.h"
#include <stdbool.h>

struct hmac_sha1;

#define STUN_COOKIE    0x2112a442u
#define STUN_TXID_SIZE 12

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };
#define STUN_BINDING 0x001

struct stun_view { /* a view into the datagram */
    struct bytes message;
    enum stun_class class;
    uint16_t method;
    const uint8_t *txid;
    struct bytes username, realm, nonce; /* data NULL: absent, here and below */
    const uint8_t *integrity;            /* the 20 bytes of MESSAGE-INTEGRITY */
    bool fingerprint;                    /* FINGERPRINT is present (a wrong one fails the parse) */
    bool use_candidate;
    bool has_priority, has_controlling, has_controlled, has_mapped;
    uint32_t priority;
    uint64_t tie_breaker;
    struct address mapped;        /* XOR-MAPPED-ADDRESS */
    uint16_t error_code;          /* 0: no ERROR-CODE */
    uint16_t unknown_required[4]; /* unknown comprehension-required attributes */
    uint8_t unknown_count;
};

enum stun_error { STUN_OK, STUN_SHORT, STUN_NOT_STUN, STUN_LENGTH, STUN_ATTRIBUTE, STUN_FINGERPRINT };
/* One pass, no allocation. Attributes behind MESSAGE-INTEGRITY other than FINGERPRINT are ignored (RFC 8489
 * 14.5); the first of a repeated attribute counts. */
enum stun_error stun_parse(struct stun_view *, const uint8_t *, size_t len);
/* Further attributes of a parsed message, one for each call, from *at = 0 up to MESSAGE-INTEGRITY or
 * FINGERPRINT. False: no more. */
bool stun_next(const struct stun_view *, size_t *at, uint16_t *attribute, struct bytes *value);
enum stun_family { STUN_FAMILY_V4 = 1, STUN_FAMILY_V6 = 2 };
/* Decodes an address XORed with the cookie and, for IPv6, the transaction id (RFC 8489 14.2). False:
 * malformed. */
bool stun_xor_address(const struct stun_view *, struct bytes value, struct address *, enum stun_family *);
/* True: MESSAGE-INTEGRITY is present and correct for this key. */
bool stun_check(const struct stun_view *, const struct hmac_sha1 *);

/* Building: begin, add in order, then integrity, then fingerprint. The buffer is DATAGRAM_OUT_MAX bytes at
 * the most; an attribute that does not fit marks the writer failed and stun_end returns 0. */
struct stun_writer {
    uint8_t *data;
    size_t size, len;
    bool failed;
};
void stun_begin(struct stun_writer *, uint8_t *buffer, size_t size, enum stun_class, uint16_t method,
                const uint8_t txid[STUN_TXID_SIZE]);
/* pads with zero bytes */
void stun_add(struct stun_writer *, uint16_t attribute, const void *value, size_t len);
void stun_add_u32(struct stun_writer *, uint16_t attribute, uint32_t);
void stun_add_u64(struct stun_writer *, uint16_t attribute, uint64_t);
/* XOR-MAPPED-ADDRESS and its like; the family by the address. */
void stun_add_xor_address(struct stun_writer *, uint16_t attribute, const struct address *);
void stun_add_mapped(struct stun_writer *, const struct address *);
void stun_add_error(struct stun_writer *, uint16_t code, const char *reason);
/* UNKNOWN-ATTRIBUTES (14.13) */
void stun_add_unknown(struct stun_writer *, const uint16_t *attributes, size_t count);
void stun_add_integrity(struct stun_writer *, const struct hmac_sha1 *);
void stun_add_fingerprint(struct stun_writer *);
size_t stun_end(const struct stun_writer *); /* the message's length; 0: it did not fit */

/* A Binding request without a username: anybody may send it to learn its address (RFC 8489 3). */
bool stun_is_plain_binding(const struct stun_view *);
#define STUN_ANSWER_SIZE 64
/* The answer to a plain Binding request: `from` as XOR-MAPPED-ADDRESS, with a FINGERPRINT if the request has
 * one; at most 1.6 times the request for IPv4. Returns its length. */
size_t stun_answer(const struct stun_view *, const struct address *from, uint8_t reply[STUN_ANSWER_SIZE]);

enum { /* attributes, RFC 8489 18.3 and RFC 8445 16.1 */
       STUN_ATTR_USERNAME = 0x0006,
       STUN_ATTR_INTEGRITY = 0x0008,
       STUN_ATTR_ERROR_CODE = 0x0009,
       STUN_ATTR_UNKNOWN = 0x000a,
       STUN_ATTR_REALM = 0x0014,
       STUN_ATTR_NONCE = 0x0015,
       STUN_ATTR_XOR_MAPPED = 0x0020,
       STUN_ATTR_PRIORITY = 0x0024,
       STUN_ATTR_USE_CANDIDATE = 0x0025,
       STUN_ATTR_FINGERPRINT = 0x8028,
       STUN_ATTR_CONTROLLED = 0x8029,
       STUN_ATTR_CONTROLLING = 0x802a,
};

uint32_t stun_crc32(const uint8_t *, size_t len); /* of FINGERPRINT, before the XOR */
