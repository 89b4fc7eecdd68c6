/* Access control: tokens, origins, and the admin API. Pure functions: the contents of a request and the wall
 * clock's time go in, a verdict comes out.
 *
 * A token is a JSON Web Token (RFC 7519) with these claims: `exp` (required) and `nbf`; `sub`, the holder's
 * identity (required to join); `name`, which replaces the name that the client gives; `room`, the room that
 * it is for ("*": any); `rights`, a list of "publish", "watch" and "admin". */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum access_algorithm { ACCESS_HS256, ACCESS_RS256, ACCESS_ES256 };
enum access_who {
    ACCESS_ANYONE,
    ACCESS_LOCAL, /* from this machine (a loopback address or one of its own, which the Host header also
                     has to name), or with an admin's token */
    ACCESS_TOKEN, /* with an admin's token only */
};

struct access {
    enum access_algorithm algorithm; /* the only accepted one; the token has to name the same */
    const char *key;                 /* the secret, or the public key as PEM; 0-terminated */
    size_t key_len;                  /* 0: no tokens; every room is open */
    const char *open_rooms;          /* with a key: rooms that need no token, separated by commas; "*": all */
    const char *origins;             /* besides the server's own:
                                        "https://a.example,https://b.example:8443"; "*": any */
};

#define IDENTITY_SIZE (4 * PARTICIPANT_NAME_MAX + 1)
struct grant {                                         /* the rights of a token */
    char room[4 * ROOM_NAME_MAX + 1];                  /* "*": any; "": none */
    char identity[IDENTITY_SIZE], name[IDENTITY_SIZE]; /* "": none */
    bool publish, watch, admin;
    int64_t expires; /* s since 1970 */
};

/* NULL: the key fits the algorithm and is strong enough; else an error text. */
const char *access_key_error(const struct access *);

/* Whether the token has a valid signature by the key and the algorithm and is valid at `wall` (s since 1970);
 * then fills the grant. */
bool access_token(const struct access *, const char *token, int64_t wall, struct grant *);
/* Whether this room needs no token. */
bool access_room_open(const struct access *, const char *room);

/* Whether this origin is the server's own or a listed one. `secure`: the request came by TLS that ends here,
 * so the server's own pages are https; otherwise a proxy may have received it with or without TLS. A request
 * without an Origin header ("") comes from no browser, so no user's session can be abused: tokens never come
 * from cookies. */
bool access_origin(const struct access *, const char *origin, const char *host, bool secure);
/* Whether pages of all origins may join this room with a valid token. */
bool access_room_takes_guests(const struct access *, const char *room);
/* Whether such a room can exist. */
bool access_takes_guests(const struct access *);

struct access_request {
    struct address local, remote;
    const char *host, *authorization; /* the headers; "": absent */
    bool forwarded;                   /* a proxy forwarded it and says so */
};
/* Whether the Authorization header ("": absent) has a valid token; then fills the grant. */
bool access_bearer(const struct access *, const char *authorization, int64_t wall, struct grant *);
bool access_may(const struct access *, enum access_who, const struct access_request *, int64_t wall);
