/* Internal to the streams: stream.c owns the table and the timers, stream_io.c reads and writes one
 * connection, bridge.c carries decrypted HTTP. */
#pragma once
#include "base/heap.h"
#include "base/limits.h"
#include "base/ring.h"
#include "net/frame_queue.h"
#include "net/stream.h"
#include <openssl/ssl.h>
#include <sys/types.h>

#define BRIDGE_LINGER MP_S(10)
#define BRIDGE_IDLE   MP_S(60)

enum stream_phase {
    PHASE_TLS,    /* handshake */
    PHASE_FIRST,  /* handshake complete, the inner protocol is not known yet */
    PHASE_FRAMES, /* datagrams */
    PHASE_BRIDGE, /* HTTP, passed on */
};

struct bridge {
    /* our end of the socket pair, the web server has the other; -1: the web server has finished, the client
     * has not */
    int fd;
    uint32_t events;
    bool ended; /* the web server sent its last byte */
    size_t len, at;
    uint8_t *data; /* decrypted bytes that the web server has not accepted yet; NULL: none */
    /* NULL: the client speaks HTTP/1.1. Otherwise the pair exists only while the web server works on a
     * request */
    struct h2 *h2;
    mp_time active; /* HTTP/2: time of the last output while a request was in progress */
    bool over;      /* HTTP/2: no output follows the bytes being sent */
};

struct stream {
    struct heap_node timer; /* first: a timer is its stream */
    struct streams *set;
    struct stream *older, *younger; /* among the strangers */
    bool stranger;
    int fd;
    enum stream_phase phase;
    enum frame_format format;
    struct path path;
    SSL *ssl;        /* NULL: in the clear */
    int tls_wants;   /* SSL_ERROR_WANT_... of the last call */
    uint32_t events; /* events that epoll waits for */
    size_t partial_len;
    uint8_t *partial; /* an incomplete frame: STREAM_FRAME_MAX bytes, allocated when needed */
    size_t begun_len, begun_at;
    uint8_t *begun; /* rest of a partly sent frame or TLS record, which must be sent next; NULL: none */
    struct frame_queue queue;
    struct bridge *bridge;
};

struct streams {
    struct streams_config config;
    int epoll, wake;
    struct ring inbox; /* of struct stream_connection */
    struct stream **table;
    uint32_t *generation;
    uint32_t *free; /* a ring, so that the slot that was free longest is used next */
    size_t free_head, free_count;
    struct stream *oldest, *youngest; /* strangers */
    size_t strangers, open;
    struct heap timers;
    mp_time now;
    struct stream_counts counts;
    uint8_t in[STREAM_READ_SIZE + STREAM_FRAME_MAX], out[STREAM_TLS_CHUNK];
};

/* --- stream.c --- */
void stream_close(struct stream *);
void stream_wait(struct stream *);                 /* updates the events that epoll waits for */
uint64_t stream_tag(const struct stream *);        /* its socket's tag in epoll */
uint64_t stream_bridge_tag(const struct stream *); /* the tag of its bridge's socket */

/* --- stream_io.c --- false, or less than 0: the connection failed, close it */
bool stream_handshake(struct stream *);
ssize_t stream_read(struct stream *, uint8_t *, size_t); /* 0: nothing now */
bool stream_begin(struct stream *, const uint8_t *,
                  size_t);          /* call only if `begun` is NULL; len at most STREAM_TLS_CHUNK */
bool stream_flush(struct stream *); /* the rest of a frame, then the queue */
bool stream_push(struct stream *, const struct transmit *); /* frames */

/* --- bridge.c --- */
bool bridge_open(struct stream *, const uint8_t *, size_t len); /* the first decrypted bytes */
bool bridge_moved(struct stream *);                             /* either side may be readable or writable */
void bridge_close(struct stream *);
bool bridge_is_used(const struct stream *);
/* sends GOAWAY on an unused connection. False: not HTTP/2 or already over, close it */
bool bridge_goodbye(struct stream *);
