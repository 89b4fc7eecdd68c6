/* A worker's wait: for its sockets, a deadline, or a wake-up by another thread. */
#pragma once
#include "base/time.h"
#include <stdbool.h>

struct loop;
struct loop *loop_new(void);                       /* NULL: no descriptors left */
bool loop_add(struct loop *, int fd, bool *ready); /* sets *ready when the descriptor is readable; NULL:
                                                      only wakes */
void loop_free(struct loop *);
/* Returns when a descriptor is readable, another thread called loop_wake, or `timeout` ns passed (MP_NEVER:
 * no limit). */
void loop_wait(struct loop *, mp_time timeout);
void loop_wake(struct loop *); /* from any thread */

struct epoll_event;
/* The same for a caller with its own epoll. Returns the number of events; less than 0: none, interrupted. */
int loop_events(int epoll, struct epoll_event *, int most, mp_time timeout);
