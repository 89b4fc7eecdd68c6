/* One worker's TCP connections that carry datagrams (ICE-TCP, and TURN over TCP or TLS), and all TLS
 * connections. Each is a link (base/link.h): the payload of its frames enters the core with a path that names
 * the link, and the core's datagrams for that link leave as frames. A connection stays with its worker. If
 * another worker owns its session, datagrams travel between the two workers as messages, as they do for UDP.
 *
 * Inside TLS the first decrypted bytes decide again: TURN stays here; HTTP is decrypted and passed to the web
 * server by a socket pair.
 *
 * Timer of each connection: the worker checks it STREAM_GRACE after its arrival and then every STREAM_LOOK,
 * and closes it if no authenticated client uses its path (`known`). A bridge has its own (bridge.c). */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include "base/transmit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_GRACE MP_S(10) /* a few round trips: TLS, then TURN's allocation or ICE's first check */
#define STREAM_LOOK  MP_S(5)

enum stream_kind { STREAM_ICE, STREAM_TURN, STREAM_TLS };

struct stream_connection { /* an accepted connection: non-blocking, nothing read yet */
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
    uint64_t malformed;      /* connections closed for invalid input */
    uint64_t silent;         /* connections closed because no authenticated client used them */
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
    uint64_t dropped;  /* frames dropped because the connection was slow */
    uint64_t unframed; /* datagrams that the framing cannot carry */
};

struct streams_config {
    unsigned worker;
    struct tls *tls;
    struct arrivals *arrivals; /* told when a connection closes; NULL: not counted */
    void *context;
    /* A datagram arrived by the path. */
    void (*datagram)(void *context, const struct path *, const uint8_t *, size_t len);
    void (*gone)(void *context, const struct path *); /* the connection was closed */
    bool (*known)(void *context, const struct path *);
    /* HTTP inside TLS: `fd` is a socket with the decrypted bytes, owned by the callee. False: the callee
     * closed it. */
    bool (*http)(void *context, int fd, const struct path *);
};

struct streams *streams_new(const struct streams_config *); /* NULL: no memory or descriptors */
void streams_free(struct streams *);                        /* closes all */
/* Called by the accepting thread. Takes the descriptor. False: too many connections wait; closed it. TLS
 * handshakes are the only costly work for unauthenticated clients: a round does STREAM_HANDSHAKES steps, the
 * others wait for the next round. */
bool streams_give(struct streams *, const struct stream_connection *);

int streams_fd(const struct streams *); /* readable: call streams_receive */
bool streams_busy(struct streams *);    /* there are connections, or one waits to be accepted: makes no
                                             system call */
/* One round without waiting. True: there may be more. */
bool streams_receive(struct streams *, mp_time now);
/* Queues or sends a run; drops it if the path's connection is gone. */
void streams_send(struct streams *, const struct transmit *);
mp_time streams_deadline(const struct streams *);
void streams_timeout(struct streams *, mp_time now);

const struct stream_counts *streams_counts(const struct streams *);
size_t streams_open(const struct streams *); /* connections now */
