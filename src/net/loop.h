/* What a worker sleeps on: its sockets, a deadline, and others who wake it. */
#pragma once
#include "base/time.h"
#include <stdbool.h>

struct loop;
struct loop *loop_new(void); /* NULL: no descriptors left */
bool loop_add(struct loop *, int fd, bool *ready); /* *ready is set when the descriptor is readable; NULL: nobody asks */
void loop_free(struct loop *);
/* Returns when a descriptor is readable, somebody woke it, or `timeout` ns passed (MP_NEVER: never). */
void loop_wait(struct loop *, mp_time timeout);
void loop_wake(struct loop *); /* from any thread */

struct epoll_event;
/* The same for who has an epoll of its own. Returns how many events there are, less than 0: none, interrupted. */
int loop_events(int epoll, struct epoll_event *, int most, mp_time timeout);
