/* A second UDP port that answers plain Binding requests (RFC 8489 3) and nothing else. A client that asks it
 * and the main port from one socket learns whether its NAT maps by destination port (RFC 5780 4.3). It has a
 * thread of its own, which mostly sleeps. */
#pragma once
#include "base/path.h"
#include "base/watch.h"
#include <stdbool.h>

struct probe_port;
/* NULL: *error says why */
struct probe_port *probe_port_open(const struct address *listen, const char **error);
bool probe_port_start(struct probe_port *); /* answers from now on; false: no thread */
const struct pulse *probe_port_pulse(const struct probe_port *);
void probe_port_close(struct probe_port *); /* may be NULL */
