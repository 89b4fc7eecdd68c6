/* Whole frames that wait for a slow connection, in a ring of bytes. It is bounded: old media makes room, as
 * late media is worth less than nothing; handshakes, checks and reports stay. Memory is taken when the first
 * frame waits and given back with the last. */
#pragma once
#include "net/frame.h"

struct frame_queue {
    uint8_t *data;
    size_t head, len; /* bytes; data[head & mask] is the oldest */
    uint64_t dropped; /* frames, over its life */
};

void frame_queue_free(struct frame_queue *);
/* Adds one frame of two parts, as frame_write made it, and `behind` zeros; makes room as said. What finds none is dropped too. */
void frame_queue_add(struct frame_queue *, enum frame_format, struct bytes header, struct bytes datagram,
                     size_t behind);
/* Copies as many whole frames from the front as fit and takes them out. */
size_t frame_queue_take(struct frame_queue *, enum frame_format, uint8_t *out, size_t size);
