/* What a worker sleeps on: its socket, a deadline, and others who wake it. */
#pragma once
#include "mptime.h"
#include <stdbool.h>

struct loop;
struct loop *loop_new(int fd); /* NULL: no descriptors left */
void loop_free(struct loop *);
/* Returns when the descriptor is readable, somebody woke it, or `timeout` ns passed (MP_NEVER: never). */
void loop_wait(struct loop *, mp_time timeout);
void loop_wake(struct loop *); /* from any thread */
