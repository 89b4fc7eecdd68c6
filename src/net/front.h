/* The TCP port's front door, a thread of its own: accepts every connection, waits for its first bytes without
 * blocking or taking any, and hands it to whom they are for. So neither media nor signaling waits for who
 * says nothing, or says it slowly.
 *
 * Timers: a connection has FRONT_PATIENCE for its first bytes; after the process had no descriptors left,
 * accepting is tried again FRONT_PAUSE later; the certificate's files are looked at every FRONT_REFRESH. */
#pragma once
#include "base/path.h"
#include "net/stream.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct arrivals;
struct pulse;

#define FRONT_PATIENCE MP_S(10)
#define FRONT_PAUSE    MP_MS(200)
#define FRONT_REFRESH  MP_S(5)

struct front;

struct front_config {
    struct address listen; /* ip all zero: every address, both families (one dual-stack socket, IPv4 alone
                              without IPv6) */
    struct tls *tls;       /* NULL: TLS connections are closed */
    mp_time patience;      /* 0: FRONT_PATIENCE */
    struct arrivals *arrivals; /* of all but HTTP in the clear, whose server asks them itself and answers with words; NULL: no limits */
    void *context;
    /* Take the descriptor, on the front's thread. False: it was closed, and left the arrivals. `first`: ICE-TCP's whole first frame.
     */
    bool (*stream)(void *context, const struct stream_connection *, const uint8_t *first, size_t len);
    bool (*web)(void *context, int fd, const struct path *);
};

/* Listens, so that a port that cannot be had is known first. NULL: *error (static text or strerror) says why. */
struct front *front_new(const struct front_config *, const char **error);
bool front_start(struct front *); /* accepts from now on; false: no thread */
void front_free(struct front *);  /* closes what it has, may be NULL; what it handed over lives on */
void front_refresh(
    struct front *); /* from any thread and from signal-safe context: read the certificate's files now */
const struct pulse *front_pulse(const struct front *); /* of its thread */
void front_metrics(const struct front *, FILE *); /* its counters, as Prometheus text; from any thread */
