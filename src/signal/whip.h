/* WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): one HTTP request makes a publisher or a viewer of a room.
 * Here HTTP is turned into the same messages that a WebSocket carries, so that who comes by either is
 * checked, joined and described alike. The resource that a session is to HTTP is its socket to signaling.
 *
 *   POST /whip/ROOM, /whep/ROOM   ?name=N          an SDP offer; answered with the whole answer, candidates
 * included PATCH, DELETE /resource/ID                     trickled candidates, ICE restart; the end
 *
 * A page of an origin that is neither ours nor listed comes in by a valid token for a room that takes one, and to the resource that
 * it was given; else it is answered 403, which no script of it can read. Answers name the origin that may read them.
 *
 * Timer: who was answered and does not connect within WHIP_CONNECT is forgotten. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include "signal/signaling.h"
#include <stdbool.h>
#include <stddef.h>

#define WHIP_CONNECT MP_S(30)

enum whip_method { WHIP_POST, WHIP_PATCH, WHIP_DELETE, WHIP_OPTIONS, WHIP_OTHER };
struct whip_request { /* views; "" where there is none */
    enum whip_method method;
    const char *path;  /* percent-decoded */
    const char *query; /* as it came */
    const char *host, *origin, *authorization, *content_type, *if_match;
    struct address local, remote;
    bool secure; /* by TLS */
    const char *body; /* 0-terminated */
    size_t len;
};
struct whip_response { /* for the caller to free */
    unsigned status;
    const char *content_type;
    char *body;
    size_t len;
    char *headers; /* "name: value\n" each */
};

struct whip;
struct whip *whip_new(struct signaling *, size_t resources); /* NULL: no memory */
void whip_free(struct whip *); /* everyone must have been closed: whip_close_all */
/* False: the path is none of ours. */
bool whip_request(struct whip *, const struct whip_request *, struct whip_response *, mp_time now);

/* The headers of an answer that whip_request is not asked for, by path, host and origin: malloc'ed; NULL: no memory. */
char *whip_headers(struct whip *, const struct whip_request *);

/* What signaling does with its sockets, if they are ours. */
bool whip_is(const struct whip *, const void *socket);
void whip_send(struct whip *, void *socket, const char *text, size_t len);
void whip_close(struct whip *, void *socket);

/* After each turn: forgets who was closed, or never connected. */
void whip_turn(struct whip *, mp_time now);
mp_time whip_deadline(const struct whip *);
void whip_close_all(struct whip *, mp_time now);
