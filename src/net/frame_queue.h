/* A bounded queue of whole frames for a slow connection, in a ring of bytes. If it is full, it drops old
 * media: late media is worthless. It keeps handshakes, checks and reports. It allocates memory with the first
 * frame and frees it with the last. */
#pragma once
#include "net/frame.h"

struct frame_queue {
    uint8_t *data;
    size_t head, len; /* bytes; data[head & mask] is the oldest */
    uint64_t dropped; /* frames, over its life */
};

void frame_queue_free(struct frame_queue *);
/* Adds one frame of two parts, as frame_write made it, and `behind` zeros; drops old media to make room.
 * Without room it drops the frame too. */
void frame_queue_add(struct frame_queue *, enum frame_format, struct bytes header, struct bytes datagram,
                     size_t behind);
/* Copies as many whole frames from the front as fit, and removes them. */
size_t frame_queue_take(struct frame_queue *, enum frame_format, uint8_t *out, size_t size);
