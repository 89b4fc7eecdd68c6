/* The server: workers with their mailboxes, and the control thread with the signaling, each a turn at a time.
 * What src/server/worker.c and src/server/control.c do with sockets and threads is done here with events. */
#pragma once
#include "base/path.h"
#include "sfu/message.h"
#include "sfu/registry.h"
#include "sfu/sfu.h"
#include "tests/sim/sim.h"

struct socket;
struct crypto;

void server_open(struct sim *, unsigned workers, size_t sessions);
void server_end(struct sim *); /* everybody is gone; its events come no more */
void server_close(struct sim *);
void server_keep(struct sim *, struct socket *); /* owns it from now on */
void server_datagram(struct sim *, const struct path *, const uint8_t *, size_t len);
void server_stall(struct sim *, unsigned worker, mp_time until);
void server_busy(struct sim *, mp_time until); /* the control thread takes long over each piece of work */

unsigned server_workers(const struct sim *);
struct registry *server_registry(const struct sim *);
struct sfu *server_sfu(const struct sim *, unsigned worker);
const struct stats *server_stats(const struct sim *, unsigned worker);
struct crypto *server_client_crypto(const struct sim *);       /* of all guests */
long long server_metric(const struct sim *, const char *name); /* of signaling; -1: not there */
/* Nothing is on its way between the threads. */
bool server_quiet(const struct sim *);
