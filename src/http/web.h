/* HTTP/1.1 and WebSocket on the TCP port, without knowledge of rooms and media. Everything runs on the
 * control thread except web_wake and web_adopt, which any thread may call. */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arrivals;
struct web;
struct tls;
struct web_socket; /* one WebSocket; valid from `opened` until `closed` returns */

struct web_peer {
    struct address local, remote;       /* as the kernel says */
    char host[HTTP_HOST_SIZE];          /* the requested host, with its port; "" without */
    char origin[256];                   /* the Origin header, "" without */
    char authorization[TOKEN_MAX + 16]; /* the Authorization header, "" without */
    bool secure;                        /* by TLS */
    bool forwarded;                     /* a proxy says so, by X-Forwarded-For or Forwarded */
};

enum web_method { WEB_POST, WEB_PATCH, WEB_DELETE, WEB_OPTIONS, WEB_PUT };
struct web_request { /* views, valid during the call */
    enum web_method method;
    const char *path;  /* percent-decoded */
    const char *query; /* as received, without its question mark: escaped characters do not separate */
    const struct web_peer *peer;
    const char *content_type, *if_match; /* headers, "" without */
    const char *body;                    /* 0-terminated */
    size_t len;
};

struct web_response {
    unsigned status;          /* 200, 404, … */
    const char *content_type; /* "text/plain; charset=utf-8" */
    char *body;               /* malloc'ed; the web layer frees it; may be NULL */
    size_t len;
    /* further ones, "name: value\n" each; malloc'ed; the web layer frees it; may be NULL */
    char *headers;
};

struct web_asset {                          /* a file of the page, embedded by tools/embed.mjs */
    const char *path, *content_type, *etag; /* "/assets/index-abc.js"; etag with its quotes */
    const uint8_t *data, *gzip;             /* gzip NULL where it would not be smaller */
    size_t len, gzip_len;
    bool immutable; /* its name has a hash: cache for ever */
};

struct web_handler {
    void *context;
    /* False refuses the WebSocket (403). The other callbacks get *user. */
    bool (*opened)(void *context, struct web_socket *, const struct web_peer *, void **user);
    /* One whole text message, not 0-terminated. */
    void (*text)(void *context, struct web_socket *, void *user, const char *text, size_t len);
    /* A message over the limit began: queue a last message; then the web server closes the socket with
     * 1009. */
    void (*too_large)(void *context, struct web_socket *, void *user);
    void (*closed)(void *context, struct web_socket *, void *user); /* by either side, or lost */
    /* A GET that is no asset. False: 404. */
    bool (*get)(void *context, const char *path, const struct web_peer *, struct web_response *);
    /* Another method, under one of request_paths, with its whole body. 405 unless it fills the response. */
    void (*request)(void *context, const struct web_request *, struct web_response *);
    /* Further headers for a refusal under one of request_paths that happens before `request`: in the form of
     * web_response, malloc'ed. NULL: none. */
    char *(*headers)(void *context, const char *path, const struct web_peer *);
    void (*woken)(void *context); /* after web_wake, on the control thread */
    void (*timer)(void *context); /* the timer of web_set_timer expired */
};

struct web_limits {
    /* bytes: of a WebSocket's message, and of its unsent queue; 0: the defaults of limits.h */
    size_t message, queue;
};

struct web_config {
    struct web_limits limits;
    /* of connections in the clear: one that is too many is answered 429; NULL: no limits */
    struct arrivals *arrivals;
    const struct tls *tls; /* NULL: no HTTPS */
    bool plain;            /* serves HTTP in the clear to all machines, not only to this one */
    mp_time doubt;         /* see web_doubt; 0: 5 s */
    mp_time silence;       /* of a WebSocket before a ping; closes it after the same time again. 0: 20 s */
    const char *websocket_path; /* "/sdp" */
    const struct web_asset *assets;
    size_t asset_count;
    /* NULL-terminated prefixes; NULL: only GET and HEAD are allowed */
    const char *const *request_paths;
    const char *const *app_paths; /* NULL-terminated: paths that show index.html ("/", "/stream", "/watch") */
};

/* NULL: *error (static text) says why. */
struct web *web_new(const struct web_config *, const struct web_handler *, const char **error);
void web_free(struct web *); /* closes all; calls `closed` for each socket */
#define WEB_TICK MP_S(1)
/* One turn: waits for events, at most until the timer or for WEB_TICK, and handles them. */
void web_service(struct web *);
void web_wake(struct web *); /* from any thread and from signal-safe context: coalesced */
/* once, `in` ns from now; MP_NEVER: none. Replaces the one before */
void web_set_timer(struct web *, mp_time in);
/* From any thread: serves a connection of which nothing was read. Takes the descriptor. False: too many wait;
 * closed it. web_adopt_secure: a decrypted TLS connection (net/bridge.c). */
bool web_adopt(struct web *, int fd, const struct path *);
bool web_adopt_secure(struct web *, int fd, const struct path *);

/* Queues one text message. Closes a socket over its limit of unsent bytes (1008), which calls `closed`. */
void web_send(struct web_socket *, const char *text, size_t len);
/* Sends a ping at once. Closes the socket if the peer sends nothing within config.doubt. */
void web_doubt(struct web_socket *);
void web_set_user(struct web_socket *, void *user); /* the handlers get this from now on */
/* Closes after the queue was sent and the peer's close frame arrived (at most 2 s later). Further input is
 * discarded until the peer closes too: a reset would lose data on its way to the peer. */
void web_close(struct web_socket *, uint16_t code, const char *reason);
