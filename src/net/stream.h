/* One worker's TCP connections that carry datagrams: ICE-TCP, and TURN over TCP or TLS; and all of TLS. Each is a link
 * (base/link.h): what its frames carry goes into the core with a path that names it, and what the core sends
 * by that link leaves as frames.
 *
 * A connection stays with the worker that it was given to. Its session may be owned by another one: then
 * datagrams travel between the two as messages, as they do for a UDP flow that arrives elsewhere.
 *
 * Behind TLS the first decrypted bytes decide again: TURN stays, HTTP is passed on through a socket pair,
 * decrypted.
 *
 * Timer of each connection: its state is looked at STREAM_GRACE after it came and STREAM_LOOK after each
 * look; when no authenticated client uses its path (`known`), it is closed. A bridge has its own (bridge.c). */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include "base/transmit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_GRACE MP_S(10) /* TLS, and TURN's allocation or ICE's first check, take a few round trips */
#define STREAM_LOOK  MP_S(5)

enum stream_kind { STREAM_ICE, STREAM_TURN, STREAM_TLS };

struct stream_connection { /* what was accepted: non-blocking, nothing read yet */
    int fd;
    enum stream_kind kind;
    struct path path; /* link not filled in yet */
};

struct arrivals;
struct tls;
struct streams;

struct stream_counts {
    uint64_t opened, closed; /* connections */
    uint64_t refused;        /* the table was full */
    uint64_t tls_failed;     /* handshakes */
    uint64_t malformed;      /* connections that were closed for what they sent */
    uint64_t silent;         /* connections that were closed as nobody authentic used them */
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t dropped; /* frames that a slow connection had no room for */
    uint64_t unframed; /* datagrams that its framing cannot carry */
};

struct streams_config {
    unsigned worker;
    struct tls *tls;
    struct arrivals *arrivals; /* each connection leaves them when it is closed; NULL: nobody counts */
    void *context;
    /* A datagram came by the path. */
    void (*datagram)(void *context, const struct path *, const uint8_t *, size_t len);
    void (*gone)(void *context, const struct path *); /* the connection was closed */
    bool (*known)(void *context, const struct path *);
    /* HTTP was inside TLS: `fd` is a socket that carries it in the clear, owned by the callee. False: it was
     * closed. */
    bool (*http)(void *context, int fd, const struct path *);
};

struct streams *streams_new(const struct streams_config *); /* NULL: no memory or descriptors */
void streams_free(struct streams *);                        /* closes all */
/* From the one thread that accepts. Takes the descriptor. False: it was closed, too many wait. A handshake of TLS is the one costly
 * thing that a stranger can ask for: a round does STREAM_HANDSHAKES steps of them, the others wait for the next one. */
bool streams_give(struct streams *, const struct stream_connection *);

int streams_fd(const struct streams *); /* readable: streams_receive has something to do */
bool streams_busy(struct streams *);      /* there are connections, or one waits to be taken: costs no system call */
/* One round without waiting. True: there may be more. */
bool streams_receive(struct streams *, mp_time now);
/* Queues or sends a run; a path whose connection is gone is nobody's. */
void streams_send(struct streams *, const struct transmit *);
mp_time streams_deadline(const struct streams *);
void streams_timeout(struct streams *, mp_time now);

const struct stream_counts *streams_counts(const struct streams *);
size_t streams_open(const struct streams *); /* connections now */
