/* Resolves names repeatedly, in a process of its own: the server must not wait for name servers, and cannot
 * reach them after it dropped its privileges (privileges.h). */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include <stdbool.h>
#include <stddef.h>

#define RESOLVER_NAMES_MAX 8
#define RESOLVER_NAME_SIZE 254 /* RFC 1035 2.3.4 */

struct resolver {
    int fd; /* -1: none */
};

/* Call before any thread and socket. The process resolves the names every minute, and every 5 s while one of
 * them fails. False: no process, no pipe. */
bool resolver_start(struct resolver *, const char (*names)[RESOLVER_NAME_SIZE], size_t count);
/* The newest addresses of all names, with port 0; waits at most `wait_ms`. False: no news. */
bool resolver_read(struct resolver *, int wait_ms, struct address out[CANDIDATES_MAX], size_t *count);
void resolver_stop(struct resolver *); /* its process ends by itself */
