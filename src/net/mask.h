/* RFC 6455 5.1: a client masks every frame of a WebSocket, and a server closes the connection of one that does not. libwebsockets
 * before 5.0 does not look; what passes through a bridge is looked at here. */
#pragma once
#include "bytes.h"
#include <stdbool.h>

struct mask_check { /* of one direction of one WebSocket; zeros: at the beginning of a frame */
    uint8_t head[14], have; /* of a frame's head, as much of it as came */
    uint64_t payload;       /* bytes of a frame that are still to come */
};

/* The next bytes, wherever they are cut. False: a frame without a mask begins in them. */
bool mask_check(struct mask_check *, const uint8_t *, size_t len);
