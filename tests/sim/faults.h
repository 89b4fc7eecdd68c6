/* What goes wrong, drawn from the seed. */
#pragma once
#include "tests/sim/guest.h"
#include "tests/sim/sim.h"

#define FAULT_LASTS                                                                                          \
    MP_S(3) /* what one begins comes no later than this, but for outages, which can be healed */

/* Draws a guest's links anew; `healed`: they lose, change and reorder nothing. */
void fault_links(struct sim *, struct guest *, bool healed);
void fault_join(struct sim *, struct guest *,
                unsigned rooms); /* it comes, into one of the first so many rooms */
void fault_one(struct sim *);
