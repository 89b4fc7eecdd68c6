#include "tests/sim/media.h"
#include "tests/sim/set.h"

#define MAGIC 0x53494d00u

static uint32_t checksum(const uint8_t *payload, size_t len)
{
    uint64_t h = mix_bytes(mix_bytes(7, payload, CONTENT_OFFSET + CONTENT_SIZE - 4), payload + PAYLOAD_MIN,
                           len - PAYLOAD_MIN);
    return (uint32_t)(h >> 32 ^ h);
}

/* RFC 7741 4.2 and 4.3: the descriptor's S bit in a frame's first packet; then the frame tag, whose lowest
 * bit is 0 in a key frame; a key frame continues with a start code and the picture's size. */
static void write_start(uint8_t *p, const struct content *s)
{
    static const uint8_t key[] = {0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    memset(p, 0, CONTENT_OFFSET);
    p[0] = !s->video ? 0x78 : s->part == 0 ? 0x10 : 0;
    if (s->video && s->part == 0 && s->keyframe)
        memcpy(p + 1, key, sizeof key);
    else
        p[1] = 0x11;
}

void content_write(uint8_t *p, size_t len, const struct content *s)
{
    write_start(p, s);
    uint8_t *q = p + CONTENT_OFFSET;
    put32(q, MAGIC | s->video << 1 | s->keyframe);
    put32(q + 4, s->room);
    put32(q + 8, s->guest);
    put32(q + 12, s->life);
    put32(q + 16, s->frame);
    q[20] = s->part;
    q[21] = s->parts;
    put16(q + 22, (uint16_t)len);
    put64(q + 24, (uint64_t)s->time);
    put32(q + 32, s->layer);
    memset(p + PAYLOAD_MIN, s->frame + s->part, len - PAYLOAD_MIN);
    put32(q + 36, checksum(p, len));
}

bool content_read(struct content *s, const uint8_t *p, size_t len)
{
    const uint8_t *q = p + CONTENT_OFFSET;
    if (len < PAYLOAD_MIN || (get32(q) & ~3u) != MAGIC || get16(q + 22) != len ||
        get32(q + 36) != checksum(p, len))
        return false;
    *s = (struct content){.room = get32(q + 4),
                          .guest = get32(q + 8),
                          .life = get32(q + 12),
                          .frame = get32(q + 16),
                          .layer = (uint8_t)get32(q + 32),
                          .part = q[20],
                          .parts = q[21],
                          .video = get32(q) >> 1 & 1,
                          .keyframe = get32(q) & 1,
                          .time = (mp_time)get64(q + 24)};
    return true;
}
