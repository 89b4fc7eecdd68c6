/* A bounded queue of byte messages between two threads: single producer, single consumer, no lock. The
 * producer copies in; the consumer reads in place and then releases the message. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    uint8_t *data;
    size_t size;                      /* a power of two */
    _Alignas(64) _Atomic size_t head; /* written by the producer */
    size_t tail_seen;                 /* the producer's copy of tail */
    _Alignas(64) _Atomic size_t tail; /* written by the consumer */
    size_t head_seen;                 /* the consumer's copy of head */
};

bool ring_init(struct ring *, size_t size); /* size: a power of two; false: no memory */
void ring_free(struct ring *);

/* Producer: one message of two parts (either may be empty). False: full, nothing was written. */
bool ring_push(struct ring *, const void *a, size_t a_len, const void *b, size_t b_len);
/* Consumer: the oldest message, contiguous and 8-aligned, valid until ring_pop. NULL: empty. */
const uint8_t *ring_peek(struct ring *, size_t *len);
void ring_pop(struct ring *);
