/* One request of a TURN client, between relay.c (processing) and relay_request.c (authentication and
 * answers). */
#pragma once
#include "proto/turn.h"
#include "sfu/core.h"
#include "sfu/turn/relay.h"
#include "sfu/turn/relay_config.h"

enum {
    BAD_REQUEST = 400,
    UNAUTHENTICATED = 401,
    FORBIDDEN = 403,
    UNKNOWN_ATTRIBUTE = 420,
    ALLOCATION_MISMATCH = 437,
    STALE_NONCE = 438,
    FAMILY_NOT_SUPPORTED = 440,
    WRONG_CREDENTIALS = 441,
    TRANSPORT_NOT_SUPPORTED = 442,
    FAMILY_MISMATCH = 443,
    QUOTA_REACHED = 486,
    INSUFFICIENT_CAPACITY = 508,
};

struct turn_request {
    struct sfu *sfu;
    struct relay *relay;
    const struct path *path;
    const struct stun_view *stun;
    struct turn_view turn;
    struct allocation *allocation; /* of the path; NULL: none */
    struct bytes user;             /* the username's id */
    struct hmac_sha1 key;
    mp_time now;
};

/* RFC 8489 9.2.4. False: not authentic; an error was sent, unless the source's rate of such answers is used
 * up. */
bool request_authenticate(struct turn_request *);
bool request_is_of(const struct turn_request *,
                   const struct allocation *); /* the username that the allocation was made with */

/* Begins an answer; request_finish signs and sends it. NULL: no packet. */
struct packet *request_answer(const struct turn_request *, struct stun_writer *, enum stun_class);
void request_finish(const struct turn_request *, struct stun_writer *, struct packet *);
void request_refuse(const struct turn_request *, uint16_t code);
