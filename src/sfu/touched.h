/* The sessions whose deadline may have changed. Functions that change a timer of a session add it, and the
 * core computes its deadline once for a whole batch of input. */
#pragma once

struct session;
struct sfu;

struct touched {                  /* of a session */
    struct session *next, **link; /* NULL: it is not in the list */
};

void touched_add(struct sfu *, struct session *);
void touched_remove(struct session *); /* its deadline is computed, or it ends */
