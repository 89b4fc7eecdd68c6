/* The sessions whose deadline may have changed. Functions that change a timer of a session touch it, and the
 * core computes its deadline once for a whole batch of input. */
#pragma once

struct session;
struct sfu;

struct touched {                  /* of a session */
    struct session *next, **link; /* NULL: it is not touched */
};

void touch(struct sfu *, struct session *);
void untouch(struct session *); /* its deadline is computed, or it ends */
