/* Protocol detection by first bytes, frames in a stream, and the queue of waiting frames; the first byte
 * chooses. */
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "net/first_bytes.h"
#include "net/frame.h"
#include "net/frame_queue.h"

/* Once detected, the protocol does not change with more bytes. */
static void fuzz_first(struct bytes s)
{
    enum first_bytes told = FIRST_MORE;
    size_t step = 1 + s.len / 120;
    for (size_t n = 0; n <= s.len; n += step) {
        enum first_bytes now = first_bytes(s.data, n), inside = first_bytes_inside(s.data, n);
        INVARIANT(told == FIRST_MORE || now == told);
        INVARIANT(inside == now || inside == FIRST_NONE);
        told = now;
    }
    INVARIANT(s.len < FIRST_BYTES_MAX || first_bytes(s.data, s.len) != FIRST_MORE);
}

/* The frames of a stream do not depend on where its reads end, and a written frame parses to the same. */
static void fuzz_frames(struct bytes s)
{
    enum frame_format format = script_u8(&s) & 1 ? FRAME_TURN : FRAME_RFC4571;
    struct frame f, again;
    while (s.len) {
        enum frame_result r = frame_read(&f, format, s.data, s.len);
        if (r != FRAME_OK)
            return;
        INVARIANT(f.len <= STREAM_DATAGRAM_MAX && f.start + f.len <= f.size && f.size <= STREAM_FRAME_MAX);
        for (size_t n = 0; n < s.len && n < 8; n++) {
            r = frame_read(&again, format, s.data, n);
            INVARIANT(r == FRAME_MORE || (r == FRAME_OK && again.size == f.size && again.len == f.len));
        }
        if (f.size > s.len)
            return;
        if (f.len) {
            uint8_t header[FRAME_HEADER_MAX];
            size_t before, behind;
            INVARIANT(frame_write(header, &before, &behind, format, s.data + f.start, f.len) &&
                      before == f.start && before + f.len + behind == f.size &&
                      memcmp(header, s.data, before) == 0);
        }
        s.data += f.size;
        s.len -= f.size;
    }
}

/* --- the queue: numbered datagrams --- */

#define NUMBERS 768 /* several times what a queue holds */

static struct {
    uint16_t put, out;
    bool media[NUMBERS], came[NUMBERS];
    uint16_t last; /* number of the last media frame read */
} model;

static void put_one(struct frame_queue *q, uint8_t how, uint8_t size)
{
    uint8_t data[STREAM_DATAGRAM_MAX], header[FRAME_HEADER_MAX];
    size_t len = 12 + (size_t)size * 6, before, behind;
    uint16_t number = model.put++;
    model.media[number] = how & 1;
    memset(data, (int)number, len);
    data[0] = how & 1 ? 128 : 1;
    put16(data + 2, number);
    INVARIANT(frame_write(header, &before, &behind, FRAME_RFC4571, data, len));
    frame_queue_add(q, FRAME_RFC4571, (struct bytes){header, before}, (struct bytes){data, len}, behind);
    INVARIANT(q->len <= STREAM_QUEUE_SIZE);
}

static void taken(const uint8_t *data, size_t len)
{
    uint16_t number = get16(data + 2);
    INVARIANT(number < model.put && !model.came[number] && (data[0] == 128) == model.media[number]);
    for (size_t i = 4; i < len; i++)
        INVARIANT(data[i] == (uint8_t)number);
    model.came[number] = true;
    model.out++;
    if (!model.media[number])
        return;
    INVARIANT(!model.last || number > model.last);
    model.last = number;
}

static void take_some(struct frame_queue *q, size_t size)
{
    static uint8_t out[STREAM_QUEUE_SIZE];
    size_t n = frame_queue_take(q, FRAME_RFC4571, out, size);
    INVARIANT(n <= size && (q->len || !q->data));
    for (size_t at = 0; at < n;) {
        struct frame f;
        INVARIANT(frame_read(&f, FRAME_RFC4571, out + at, n - at) == FRAME_OK && f.size <= n - at);
        taken(out + at + f.start, f.len);
        at += f.size;
    }
}

static void fuzz_queue(struct bytes s)
{
    struct frame_queue q = {0};
    memset(&model, 0, sizeof model);
    while (s.len && model.put + 64 < NUMBERS) {
        uint8_t how = script_u8(&s), size = script_u8(&s);
        if (how & 0x80)
            take_some(&q, (size_t)size << (how & 0x0f) % 12);
        else
            for (unsigned n = how >> 1; n; n--)
                put_one(&q, how, size);
    }
    take_some(&q, STREAM_QUEUE_SIZE);
    INVARIANT(q.len == 0 && model.out + q.dropped == model.put);
    frame_queue_free(&q);
}

void fuzz_stream(const uint8_t *data, size_t len)
{
    static void (*const each[])(struct bytes) = {fuzz_first, fuzz_frames, fuzz_queue};
    struct bytes s = {data, len};
    each[script_u8(&s) % 3](s);
}
