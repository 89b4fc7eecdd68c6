/* One datagram on its way through the core: sfu_input makes it and passes it down to the functions that read
 * it. */
#pragma once
#include "base/bytes.h"
#include "base/path.h"
#include "base/time.h"
#include "proto/demux.h"

struct arrival {
    const struct path *path;
    struct bytes bytes;
    enum datagram_kind kind;
    unsigned via; /* number of the worker that received it */
    mp_time time; /* arrival time: `now` or before */
};
