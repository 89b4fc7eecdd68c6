/* The thread that accepts every TCP connection: it waits for the first bytes without blocking and without
 * reading them, then hands the connection to the right module. So neither media nor signaling waits for
 * silent or slow clients.
 *
 * Timers: a connection has FRONT_PATIENCE for its first bytes; without free descriptors, accepting pauses for
 * FRONT_PAUSE; the certificate's files are checked every FRONT_REFRESH. */
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
    struct address listen;     /* ip all zero: every address, both families (one dual-stack socket, IPv4 alone
                              without IPv6) */
    struct tls *tls;           /* NULL: TLS connections are closed */
    mp_time patience;          /* 0: FRONT_PATIENCE */
    struct arrivals *arrivals; /* counts all connections except plain HTTP, whose server counts them itself
                                  and answers with an error message; NULL: no limits */
    void *context;
    /* Take the descriptor, on the front's thread. False: the callee closed it and reported it to the
     * arrivals. `first`: ICE-TCP's whole first frame. */
    bool (*stream)(void *context, const struct stream_connection *, const uint8_t *first, size_t len);
    bool (*web)(void *context, int fd, const struct path *);
};

/* Listens at once, so that an unavailable port is an early error. NULL: *error (static text or strerror) says
 * why. */
struct front *front_new(const struct front_config *, const char **error);
bool front_start(struct front *); /* accepts from now on; false: no thread */
void front_free(struct front *);  /* closes its connections, not those handed over; may be NULL */
void front_refresh(
    struct front *); /* reads the certificate's files now; from any thread, async-signal-safe */
const struct pulse *front_pulse(const struct front *); /* of its thread */
void front_metrics(const struct front *, FILE *);      /* its counters, as Prometheus text; from any thread */
