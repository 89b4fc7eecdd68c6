/* One core's loop: receive a batch, hand it to the core, drain, send a batch, sleep until the deadline. */
#pragma once
#include "base/path.h"
#include "crypto/crypto.h"
#include "net/stream.h"
#include "net/udp.h"
#include "server/mailbox.h"
#include "sfu/registry.h"
#include "sfu/stats.h"
#include <stdbool.h>

struct watch;
struct dtls_identity;
struct relay_config;

struct workers_config {
    unsigned count;
    struct address listen;
    struct registry *registry;
    struct dtls_identity *identity;
    const struct relay_config *relay; /* of the TURN server */
    enum crypto_kind cipher;
    enum udp_sending sending;
    size_t packets;               /* each worker's pool */
    unsigned publish_bps;         /* of one session; 0: no limit */
    void (*wake_control)(void *); /* from any thread: there are events */
    void *control;
    struct tls *tls;           /* NULL: no streams over TLS */
    struct arrivals *arrivals; /* counts connections; the workers report closed ones; NULL: no limits */
    /* from any thread: decrypted HTTP of a TLS connection */
    bool (*http)(void *control, int fd, const struct path *);
};

struct workers;
/* Opens every socket. NULL: *error says why. */
struct workers *workers_new(const struct workers_config *, const char **error);
/* its threads; false: *error says why, workers_stop as ever */
bool workers_start(struct workers *, const char **error);
void workers_watch(const struct workers *, struct watch *); /* adds each thread's pulse */
void workers_stop(struct workers *);                        /* waits for the threads, frees */

/* Called by the accepting thread: passes a connection that carries datagrams to a worker and takes the
 * descriptor. ICE-TCP's first frame names the session, so its owner gets the connection. False: closed it. */
bool workers_give(struct workers *, const struct stream_connection *, const uint8_t *first, size_t len);

const struct stats *const *workers_stats(const struct workers *);
/* Called by the control thread. */
void workers_command(struct workers *, const struct message *);
bool workers_event(struct workers *, struct message *); /* false: none waits */
/* retries commands that wait for room; true: none is left */
bool workers_flush(struct workers *);
