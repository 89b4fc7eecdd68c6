/* Faults, drawn from the seed. */
#pragma once
#include "tests/sim/guest.h"
#include "tests/sim/sim.h"

#define FAULT_LASTS                                                                                          \
    MP_S(3) /* the effects of a fault end after this time, except outages, which can be healed */

/* Draws a guest's links anew; `healed`: they lose, change and reorder nothing. */
void fault_links(struct sim *, struct guest *, bool healed);
void fault_join(struct sim *, struct guest *,
                unsigned rooms); /* a guest joins one of the first `rooms` rooms */
void fault_one(struct sim *);
