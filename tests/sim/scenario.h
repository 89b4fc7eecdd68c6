/* One seed's story: guests come, faults happen, the last one heals, everybody must see everybody, all leave,
 * nothing is left. */
#pragma once
#include "tests/sim/sim.h"

void scenario_run(struct sim *);
/* Or a call of three under loss, for a minute. */
void scenario_links(struct sim *);
