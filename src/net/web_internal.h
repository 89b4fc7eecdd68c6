/* Internal to the web layer: what its files share. web.c owns the loop and the connections, web_http.c
 * answers requests, web_reply.c sends the answers, web_body.c collects what comes with requests, web_socket.c
 * carries messages. */
#pragma once
#include "callers.h"
#include "web.h"
#include <ev.h>
#include <libwebsockets.h>
#include <pthread.h>

#define CHUNK_SIZE       16384 /* bytes of a body that are handed to the kernel at once */
#define SUBPROTOCOL_SIZE 64

struct reply { /* the body that is being sent */
    const uint8_t *data;
    size_t len, sent;
    ev_io writable;
    char *owned; /* freed with the reply; NULL: `data` is an asset's */
};

struct connection { /* one TCP connection: libwebsockets' opaque pointer */
    struct connection *next; /* of those on their way to us, or of those whose replies go on */
    struct web *web;
    struct lws *wsi;
    int fd;
    struct path path;
    bool secure; /* TLS */
    bool queued; /* its reply goes on in this turn or a later one */
    ev_timer patience;
    struct reply reply;
    struct pending *pending;   /* a request whose body is coming */
    struct caller *caller;     /* its address's; NULL: this machine's */
    bool crowded;              /* its address has too many: every request is refused */
    struct web_socket *socket; /* once it was upgraded */
};

struct web {
    struct web_config config;
    struct web_handler handler;
    struct ev_loop *loop; /* libwebsockets' own would poll every socket at each turn */
    ev_async wake;
    ev_timer timer, tick;
    ev_prepare turned;            /* the end of a turn */
    struct web_socket *unflushed; /* have something to send */
    struct lws_context *context;
    struct lws_vhost *vhost;
    pthread_mutex_t lock;             /* of the queue that follows */
    struct connection *first, **last; /* on their way to us */
    _Atomic unsigned connections;     /* those too */
    unsigned connections_max;
    struct connection *sender, **last_sender; /* whose replies go on */
    struct callers callers;
    struct connection *adopting;        /* being given to libwebsockets, which may free it on the way */
    char subprotocol[SUBPROTOCOL_SIZE]; /* our only protocol's name: what the client at hand asked for */
    uint8_t buffer[LWS_PRE + CHUNK_SIZE];
};

/* --- web_http.c --- results are those of libwebsockets' callbacks: -1 closes the connection. */
bool http_peer(const struct connection *, struct web_peer *); /* false: a header is longer than any honest one */
int http_request(struct connection *, const char *path, size_t len);
bool http_must_redirect(const struct connection *); /* it is in the clear and should not be */
int http_redirect(struct connection *);
void http_refuse(struct connection *, unsigned status);       /* a whole small answer */
int http_respond(struct connection *, struct web_response *); /* takes what it owns */
/* The query, as the library has it in pieces. Returns its length, -1: too long. */
int http_query(struct lws *, char *query, size_t size);

/* --- web.c --- */
void connection_moved(struct connection *); /* something happened on it: it has its patience again */

/* --- web_reply.c --- */
/* The head was sent: this body follows, then the library is told that the transaction is complete. Takes
 * `owned`. False: close. */
bool reply_begin(struct connection *, const uint8_t *data, size_t len, char *owned);
void reply_end(struct connection *); /* there is none any more, wherever it was */
void replies_go_on(struct web *);    /* a turn's worth */

/* --- web_body.c --- */
int body_begins(struct connection *, const char *path, size_t len);
int body_data(struct connection *, const char *, size_t len);
int body_complete(struct connection *);
void http_body_free(struct connection *);

/* --- web_socket.c --- */
int socket_upgrade(struct connection *, char *to); /* 1: it was refused and answered */
void socket_established(struct connection *);
int socket_receive(struct connection *, const char *data, size_t len);
void socket_heard(struct connection *); /* a sign of life */
int socket_write(struct connection *);
void sockets_flush(struct web *);
void socket_closed(struct connection *);
