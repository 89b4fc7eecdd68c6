/* WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): one HTTP request makes a publisher or a viewer of a room.
 * This module turns HTTP into the messages that a WebSocket carries, so that both kinds of clients are
 * checked, joined and described alike. To signaling, an HTTP resource is the session's socket.
 *
 *   POST           /whip/ROOM, /whep/ROOM ?name=N   an SDP offer; the answer has all candidates
 *   PATCH, DELETE  /resource/ID                     trickled candidates, ICE restart; the end
 *
 * A page of an unlisted foreign origin needs a valid token and a room that requires one; then it may also use
 * the resource that it got. Other requests get 403, which its scripts cannot read. Answers name the origin
 * that may read them.
 *
 * Timer: a session that does not connect within WHIP_CONNECT is removed. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include "signal/signaling.h"
#include <stdbool.h>
#include <stddef.h>

#define WHIP_CONNECT MP_S(30)

enum whip_method { WHIP_POST, WHIP_PATCH, WHIP_DELETE, WHIP_OPTIONS, WHIP_OTHER };
struct whip_request { /* views; "": absent */
    enum whip_method method;
    const char *path;  /* percent-decoded */
    const char *query; /* as received */
    const char *host, *origin, *authorization, *content_type, *if_match;
    struct address local, remote;
    bool secure;      /* by TLS */
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
void whip_free(struct whip *);                               /* call whip_close_all first */
/* False: not a path of this module. */
bool whip_request(struct whip *, const struct whip_request *, struct whip_response *, mp_time now);

/* The headers of an answer made without whip_request, by path, host and origin: malloc'ed; NULL: no
 * memory. */
char *whip_headers(struct whip *, const struct whip_request *);

/* signal_io for sockets that are resources. */
bool whip_is(const struct whip *, const void *socket);
void whip_send(struct whip *, void *socket, const char *text, size_t len);
void whip_close(struct whip *, void *socket);

/* After each turn: removes closed resources and resources that never connected. */
void whip_turn(struct whip *, mp_time now);
mp_time whip_deadline(const struct whip *);
void whip_close_all(struct whip *, mp_time now);
