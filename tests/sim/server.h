/* The server: workers with their mailboxes, and the control thread with the signaling, each a turn at a time.
 * It replaces the sockets and threads of src/server/worker.c and src/server/control.c by events. */
#pragma once
#include "base/path.h"
#include "sfu/message.h"
#include "sfu/registry.h"
#include "sfu/sfu.h"
#include "tests/sim/sim.h"

struct socket;
struct crypto;

void server_open(struct sim *, unsigned workers, size_t sessions);
void server_end(struct sim *); /* all guests have left; cancels the server's events */
void server_close(struct sim *);
void server_keep(struct sim *, struct socket *); /* takes ownership */
void server_datagram(struct sim *, const struct path *, const uint8_t *, size_t len);
void server_stall(struct sim *, unsigned worker, mp_time until);
void server_wake(struct sim *, unsigned worker);
void server_busy(struct sim *, mp_time until); /* each piece of work of the control thread takes long */

unsigned server_workers(const struct sim *);
struct registry *server_registry(const struct sim *);
struct sfu *server_sfu(const struct sim *, unsigned worker);
const struct stats *server_stats(const struct sim *, unsigned worker);
struct crypto *server_client_crypto(const struct sim *);       /* of all guests */
long long server_metric(const struct sim *, const char *name); /* of signaling; -1: not there */
/* No message is in flight between the threads. */
bool server_quiet(const struct sim *);
