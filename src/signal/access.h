/* Who may come in: tokens, origins, and who may use the admin API. Pure: what a request says goes in, with the wall clock's time,
 * and a verdict comes out.
 *
 * A token is a JSON Web Token (RFC 7519). Its claims: `exp` (required) and `nbf`; `sub`, whose it is (required to join); `name`, shown instead of
 * what the client calls itself; `room`, the one that it is for ("*": every); `rights`, a list of "publish", "watch" and "admin". */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access_algorithm { ACCESS_HS256, ACCESS_RS256, ACCESS_ES256 };
enum access_who {
    ACCESS_ANYONE,
    ACCESS_LOCAL, /* from this machine (by a loopback address or its own, which the Host header has to name too), or with an
                     admin's token */
    ACCESS_TOKEN, /* with an admin's token only */
};

struct access {
    enum access_algorithm algorithm; /* the only one: what a token says of it has to agree */
    const char *key;                 /* the secret, or the public key as PEM; 0-terminated */
    size_t key_len;                  /* 0: no tokens; every room is open */
    const char *open_rooms;          /* with a key: rooms that need no token, separated by commas; "*": all */
    const char *origins;             /* besides the server's own: "https://a.example,https://b.example:8443"; "*": any */
};

#define IDENTITY_SIZE (4 * PARTICIPANT_NAME_MAX + 1)
struct grant { /* what a token allows */
    char room[4 * ROOM_NAME_MAX + 1]; /* "*": every; "": none */
    char identity[IDENTITY_SIZE], name[IDENTITY_SIZE]; /* "": none */
    bool publish, watch, admin;
    int64_t expires; /* s since 1970 */
};

/* NULL: the key is of the algorithm's kind and strong enough; else what is wrong with it. */
const char *access_key_error(const struct access *);

/* Whether the token is signed with the key, by the algorithm, and is valid at `wall` (s since 1970): then what it grants. */
bool access_token(const struct access *, const char *token, int64_t wall, struct grant *);
/* Whether this room needs no token. */
bool access_room_open(const struct access *, const char *room);

/* Whether this origin is the server's own or a listed one. `secure`: the request came by TLS that ends here, so the server's own pages are
 * https; in the clear a proxy may have had it by either. Without an Origin header ("") it is no browser, and nobody's session is at
 * stake: the token never comes from a cookie. */
bool access_origin(const struct access *, const char *origin, const char *host, bool secure);
/* Whether a page of any other origin may come in here with a valid token. */
bool access_room_takes_guests(const struct access *, const char *room);
/* Whether there can be such a room. */
bool access_takes_guests(const struct access *);

struct access_request {
    struct address local, remote;
    const char *host, *authorization; /* the headers; "": absent */
    bool forwarded;                   /* by a proxy, which says so */
};
/* Whether the Authorization header ("" without) has a valid token: then what it grants. */
bool access_bearer(const struct access *, const char *authorization, int64_t wall, struct grant *);
bool access_may(const struct access *, enum access_who, const struct access_request *, int64_t wall);
