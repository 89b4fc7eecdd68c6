/* Looks names up, again and again, in a process of its own: this one must not wait for name servers, nor be
 * able to speak to them once it serves (privileges.h). */
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

/* Before any thread and any socket. Names are looked up every minute, every 5 s while one of them is not
 * found. False: no process, no pipe. */
bool resolver_start(struct resolver *, const char (*names)[RESOLVER_NAME_SIZE], size_t count);
/* The newest addresses of all names, ports 0; waits for them `wait_ms` at most. False: nothing new. */
bool resolver_read(struct resolver *, int wait_ms, struct address out[CANDIDATES_MAX], size_t *count);
void resolver_stop(struct resolver *); /* its process ends by itself */
