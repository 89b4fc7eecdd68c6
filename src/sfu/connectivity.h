/* A session's ICE agent in the core: sends its checks, tells its paths to this worker, to the worker that
 * receives their datagrams and to the control plane, and moves media to the path that it selected. */
#pragma once
#include "base/time.h"
#include <stdint.h>

struct arrival;
struct ice_answer;
struct session;
struct sfu;

/* An authentic datagram arrived: applies the changes that it made to the ICE agent. */
void connectivity_moved(struct sfu *, struct session *, const struct ice_answer *, const struct arrival *,
                        mp_time now);
void connectivity_check(struct sfu *, struct session *, mp_time now); /* sends the checks that are due */
/* Tells the control plane if the selected path belongs to newer credentials than it knows of. */
void connectivity_restarted(struct sfu *, struct session *, mp_time now);
void connectivity_forget(struct sfu *, struct session *, uint8_t i); /* i: index of session->paths */
