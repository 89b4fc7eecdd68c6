/* The sessions whose deadline may have moved: whatever changes what a session waits for touches it, and the
 * deadline is computed once for all that happened in a batch of input. */
#pragma once

struct session;
struct sfu;

struct touched {                  /* of a session */
    struct session *next, **link; /* NULL: it is not touched */
};

void touch(struct sfu *, struct session *);
void untouch(struct session *); /* it has its deadline, or ends */
