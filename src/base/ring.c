#include "base/ring.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>

/* A message is an 8-byte header (its length, or SKIP: go on at the start of the buffer) and its bytes, padded
 * to 8. head and tail count bytes for ever; their difference is the number of queued bytes. */
#define HEADER 8
#define SKIP   UINT64_MAX

static size_t padded(size_t n) { return (n + 7) & ~(size_t)7; }

bool ring_init(struct ring *r, size_t size)
{
    INVARIANT(size >= 64 && (size & (size - 1)) == 0);
    memset(r, 0, sizeof *r);
    r->size = size;
    r->data = aligned_alloc(64, size);
    return r->data != NULL;
}

void ring_free(struct ring *r)
{
    free(r->data);
    r->data = NULL;
}

static bool room_for(struct ring *r, size_t head, size_t need)
{
    if (head + need - r->tail_seen <= r->size)
        return true;
    r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
    return head + need - r->tail_seen <= r->size;
}

bool ring_push(struct ring *r, const void *a, size_t a_len, const void *b, size_t b_len)
{
    size_t need = HEADER + padded(a_len + b_len);
    size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    size_t at = head & (r->size - 1), to_end = r->size - at;
    if (need > r->size / 2)
        return false;
    if (to_end < need) { /* messages are contiguous: leave the end unused */
        if (!room_for(r, head, to_end + need))
            return false;
        uint64_t skip = SKIP;
        memcpy(r->data + at, &skip, HEADER);
        head += to_end;
        at = 0;
    } else if (!room_for(r, head, need)) {
        return false;
    }
    uint64_t len = a_len + b_len;
    memcpy(r->data + at, &len, HEADER);
    if (a_len)
        memcpy(r->data + at + HEADER, a, a_len);
    if (b_len)
        memcpy(r->data + at + HEADER + a_len, b, b_len);
    atomic_store_explicit(&r->head, head + need, memory_order_release);
    return true;
}

const uint8_t *ring_peek(struct ring *r, size_t *len)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail == r->head_seen) {
        r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
        if (tail == r->head_seen)
            return NULL;
    }
    size_t at = tail & (r->size - 1);
    uint64_t n;
    memcpy(&n, r->data + at, HEADER);
    if (n == SKIP) {
        atomic_store_explicit(&r->tail, tail + (r->size - at), memory_order_release);
        return ring_peek(r, len); /* a message always follows a skip, at the start: one step deep */
    }
    INVARIANT(n <= r->size);
    *len = (size_t)n;
    return r->data + at + HEADER;
}

void ring_pop(struct ring *r)
{
    size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint64_t n;
    memcpy(&n, r->data + (tail & (r->size - 1)), HEADER);
    INVARIANT(n != SKIP);
    atomic_store_explicit(&r->tail, tail + HEADER + padded((size_t)n), memory_order_release);
}
