#include "net/frame_queue.h"
#include "base/check.h"
#include "base/limits.h"
#include <stdlib.h>

#define MASK (STREAM_QUEUE_SIZE - 1)

void frame_queue_free(struct frame_queue *q)
{
    free(q->data);
    q->data = NULL;
    q->head = q->len = 0;
}

static void put(struct frame_queue *q, struct bytes b)
{
    size_t at = (q->head + q->len) & MASK, here = STREAM_QUEUE_SIZE - at;
    if (here > b.len)
        here = b.len;
    if (b.len) {
        memcpy(q->data + at, b.data, here);
        memcpy(q->data, b.data + here, b.len - here);
    }
    q->len += b.len;
}

static void get(const struct frame_queue *q, uint8_t *out, size_t n)
{
    size_t at = q->head & MASK, here = STREAM_QUEUE_SIZE - at;
    if (here > n)
        here = n;
    memcpy(out, q->data + at, here);
    memcpy(out + here, q->data, n - here);
}

static void skip(struct frame_queue *q, size_t n)
{
    q->head += n;
    q->len -= n;
}

/* The oldest frame's size; `start`: its first bytes. */
static size_t oldest(const struct frame_queue *q, enum frame_format format,
                     uint8_t start[FRAME_HEADER_MAX + 1])
{
    struct frame f;
    size_t n = q->len < FRAME_HEADER_MAX + 1 ? q->len : FRAME_HEADER_MAX + 1;
    memset(start, 0, FRAME_HEADER_MAX + 1);
    get(q, start, n);
    enum frame_result result = frame_read(&f, format, start, n);
    INVARIANT(result == FRAME_OK && f.size <= q->len); /* we wrote it */
    return f.size;
}

/* Removes media from the old end and moves everything else to the new end, once. */
static bool make_room(struct frame_queue *q, enum frame_format format, size_t need)
{
    uint8_t start[FRAME_HEADER_MAX + 1], kept[STREAM_FRAME_MAX];
    for (size_t seen = 0, all = q->len; STREAM_QUEUE_SIZE - q->len < need && seen < all;) {
        size_t n = oldest(q, format, start);
        seen += n;
        bool media = frame_is_media(format, start);
        if (!media)
            get(q, kept, n);
        skip(q, n);
        if (media)
            q->dropped++;
        else
            put(q, (struct bytes){kept, n});
    }
    return STREAM_QUEUE_SIZE - q->len >= need;
}

void frame_queue_add(struct frame_queue *q, enum frame_format format, struct bytes header,
                     struct bytes datagram, size_t behind)
{
    static const uint8_t zeros[4];
    size_t need = header.len + datagram.len + behind;
    INVARIANT(need <= STREAM_FRAME_MAX);
    if (!q->data)
        q->data = malloc(STREAM_QUEUE_SIZE);
    if (!q->data || !make_room(q, format, need)) {
        q->dropped++;
        return;
    }
    put(q, header);
    put(q, datagram);
    put(q, (struct bytes){zeros, behind});
}

size_t frame_queue_take(struct frame_queue *q, enum frame_format format, uint8_t *out, size_t size)
{
    uint8_t start[FRAME_HEADER_MAX + 1];
    size_t taken = 0;
    while (q->len) {
        size_t n = oldest(q, format, start);
        if (n > size - taken)
            break;
        get(q, out + taken, n);
        skip(q, n);
        taken += n;
    }
    if (!q->len)
        frame_queue_free(q);
    return taken;
}
