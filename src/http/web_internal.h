/* Internal to the web server, shared by its files: web.c has the loop and the connections, web_request.c
 * collects requests, web_http.c decides their answers, web_reply.c sends the answers, web_socket.c carries
 * messages. */
#pragma once
#include "base/heap.h"
#include "http/request.h"
#include "http/web.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE   16384 /* bytes of an answer passed to the kernel in one call */
#define RECEIVE_SIZE 16384 /* bytes read from a connection in one turn */

enum connection_state {
    AWAITS_REQUEST, /* or the rest of one */
    ANSWERS,        /* nothing is read meanwhile */
    IS_SOCKET,      /* a WebSocket */
    LINGERS         /* done: further input is discarded */
};

struct reply {
    char *head;
    size_t head_len;
    const uint8_t *data;
    size_t len, sent; /* sent: bytes of head and data */
    char *owned;      /* freed with the reply; NULL: `data` is an asset's */
    bool last;        /* the connection ends with it */
};

struct incoming { /* bytes of unanswered requests */
    char *data;
    size_t len, size;
    size_t seen; /* bytes already searched for the end of a head */
    size_t head; /* length of the head, 0: incomplete */
    size_t body; /* of the request whose head was accepted */
};

struct connection {                  /* one TCP connection */
    struct connection *next, **link; /* list of connections not yet adopted, or of a queue; link NULL: in
                                        none */
    struct web *web;
    enum connection_state state;
    int fd;
    uint32_t events; /* that epoll looks for */
    struct path path;
    bool secure;            /* TLS */
    struct heap_node timer; /* each has one, always: see web.c */
    struct incoming in;
    struct reply reply;
    bool counted;              /* among the arrivals */
    bool crowded;              /* its address has too many connections: refuse every request */
    struct web_socket *socket; /* once it was upgraded, until it was closed */
};

struct queue { /* of connections, first come, first served */
    struct connection *first, **last;
};

struct web {
    struct web_config config;
    struct web_handler handler;
    int epoll, event;
    _Atomic bool woken;
    mp_time now, timer; /* timer: of web_set_timer */
    struct heap timers;
    struct queue senders;             /* with unfinished answers */
    struct queue unflushed;           /* WebSockets with unsent output */
    pthread_mutex_t lock;             /* of the list that follows */
    struct connection *first, **last; /* connections that wait for adoption */
    _Atomic unsigned connections;     /* those too */
    unsigned connections_max;
    uint8_t received[RECEIVE_SIZE];
};

/* Functions that return a bool: false means that the connection is lost or must end; the caller ends it. */

/* --- web.c --- */
void web_queue_add(struct queue *, struct connection *); /* at its end, unless it is in one already */
void web_queue_remove(struct queue *, struct connection *);
struct connection *web_queue_take(struct queue *); /* the first; NULL: there is none */
void web_connection_await(struct connection *, uint32_t events);
void web_connection_end(struct connection *);   /* at once, with its unsent bytes; frees it */
void web_connection_moved(struct connection *); /* there was activity: restarts its patience */
/* Everything was sent. Discards further input until the peer closes too, so that data on its way to it
 * arrives (RFC 9112 9.6). */
bool web_connection_linger(struct connection *);

/* --- web_request.c --- */
bool web_request_input(struct connection *, const uint8_t *, size_t len);
bool web_request_next(struct connection *); /* the one before was answered */
void web_request_free(struct connection *);

/* --- web_http.c --- */
/* false: too long */
bool web_http_peer(const struct connection *, const struct http_request *, struct web_peer *);
/* Answers a request with a complete head, or sets *body to the length of the body that has to arrive first
 * (0: answered). */
bool web_http_begin(struct connection *, const struct http_request *, size_t *body);
bool web_http_complete(struct connection *, const struct http_request *, const char *body, size_t len);
/* An answer that ends the connection, because the following bytes may be anything. `q` NULL: there was no
 * complete request. */
bool web_http_refuse(struct connection *, const struct http_request *q, unsigned status);

/* --- web_reply.c --- */
/* Sends `head` (malloc'ed), then `data`. Takes head and `owned`. */
bool web_reply_begin(struct connection *, const struct reply *);
void web_reply_end(struct connection *); /* removes the reply in any state */
bool web_reply_writable(struct connection *);
void web_replies_go_on(struct web *); /* one turn of sending */

/* --- web_socket.c --- */
bool web_socket_upgrade(struct connection *, const struct http_request *);
bool web_socket_input(struct connection *, uint8_t *, size_t len);
bool web_socket_flush(struct connection *); /* sends queued bytes as far as the kernel accepts them */
bool web_socket_timeout(struct connection *);
void web_sockets_flush(struct web *);
void web_socket_closed(struct connection *);
