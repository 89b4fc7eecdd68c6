/* One datagram on its way through the core: made when it comes in, and passed down to whatever reads it. */
#pragma once
#include "bytes.h"
#include "demux.h"
#include "mptime.h"
#include "path.h"

struct arrival {
    const struct path *path;
    struct bytes bytes;
    enum datagram_kind kind;
    unsigned via; /* number of the worker that received it */
    mp_time time; /* when the network brought it: `now` or before */
};
