/* The signaling with a worker that says yes to everything, for the targets that speak to it. */
#pragma once
#include "base/prng.h"
#include "sfu/registry.h"
#include "signal/signaling.h"
#include <jansson.h>

struct control_stage {
    struct registry *registry;
    struct stats stats;
    const struct stats *stats_list[1];
    struct address address;
    struct signaling *signaling;
    struct prng prng;
    uint32_t sessions[64]; /* that were closed, and wait for the worker's word */
    size_t session_count;
    mp_time now;
};

/* Of `io` the target gives send and close, which are told the stage as their context. */
void control_stage_begin(struct control_stage *, struct signal_io io);
/* Every session that waits is claimed and connected; every one that was closed ends. */
void control_stage_work(struct control_stage *);
/* Every client must have gone; every slot is free again. */
void control_stage_end(struct control_stage *);
