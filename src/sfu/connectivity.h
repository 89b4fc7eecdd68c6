/* A session's ICE agent in the core: its own checks go out, the paths that it learned are known here, at the
 * worker that they come by and in the control plane, and media follows the path that it selected. */
#pragma once
#include "base/time.h"
#include <stdint.h>

struct arrival;
struct ice_answer;
struct session;
struct sfu;

/* Something authentic came: what it changed. */
void connectivity_moved(struct sfu *, struct session *, const struct ice_answer *, const struct arrival *,
                        mp_time now);
void connectivity_check(struct sfu *, struct session *, mp_time now); /* sends the checks that are due */
/* If the selected path belongs to newer credentials than the control plane knows of: says so. */
void connectivity_restarted(struct sfu *, struct session *, mp_time now);
void connectivity_forget(struct sfu *, struct session *, uint8_t path); /* an index of its paths */
