/* One stay of a client in the room: how it ends, and when the client returns. */
#pragma once
#include "base/prng.h"
#include "base/time.h"
#include <stdbool.h>

/* The point at which a stay ends. */
enum stay_end { STAY_OPENED, STAY_OFFERED, STAY_ANSWERED, STAY_HANDSHAKE, STAY_CONNECTED, STAY_FOR_EVER };

struct stay {
    enum stay_end end;
    bool goodbye;  /* leaves with a goodbye; else its sockets close as if the program were killed */
    mp_time after; /* how long after that */
    mp_time at;    /* time of that event; 0: not reached yet */
};

struct stay stay_draw(struct prng *);
/* A pause before the next attempt: half a second, doubling to 8 s with each failure, spread over half to
 * all of that. */
mp_time stay_pause(unsigned failures, struct prng *);
