/* The sessions whose deadline may have moved: whatever changes what a session waits for touches it, and the deadline is computed once
 * for all that happened in a batch of input. */
#pragma once

struct peer;
struct sfu;

struct touched { /* of a session */
    struct peer *next, **link; /* NULL: it is not touched */
};

void touch(struct sfu *, struct peer *);
void untouch(struct peer *); /* it has its deadline, or ends */
