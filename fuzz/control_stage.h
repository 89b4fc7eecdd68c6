/* The signaling with a worker that accepts every command, for targets that feed it. */
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
    uint32_t sessions[64]; /* closed sessions that wait for the worker's answer */
    size_t session_count;
    mp_time now;
};

/* The target sets send and close of `io`, which get the stage as their context. */
void control_stage_begin(struct control_stage *, struct signal_io io);
/* Claims and connects every waiting session, and ends every closed one. */
void control_stage_work(struct control_stage *);
/* Every client must have gone; every slot is free again. */
void control_stage_end(struct control_stage *);
