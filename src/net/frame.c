#include "net/frame.h"
#include "base/limits.h"

#define STUN_HEADER     20
#define STUN_COOKIE     0x2112a442u
#define CHANNEL_HEADER  4
#define DATA_INDICATION 0x0017

static bool is_channel(uint8_t first) { return first >= 64 && first < 80; }

static size_t padded(size_t n) { return (n + 3) & ~(size_t)3; }

static enum frame_result read_turn(struct frame *f, const uint8_t *data, size_t len)
{
    if (len < FRAME_HEADER_MAX)
        return FRAME_MORE;
    size_t n = get16(data + 2);
    if (is_channel(data[0]))
        *f = (struct frame){CHANNEL_HEADER + padded(n), 0, CHANNEL_HEADER + n};
    else if (data[0] < 4 && n % 4 == 0) /* RFC 8489 5: two zero bits, a length of whole words */
        *f = (struct frame){STUN_HEADER + n, 0, STUN_HEADER + n};
    else
        return FRAME_BAD;
    return f->len <= STREAM_DATAGRAM_MAX ? FRAME_OK : FRAME_BAD;
}

enum frame_result frame_read(struct frame *f, enum frame_format format, const uint8_t *data, size_t len)
{
    if (format == FRAME_TURN)
        return read_turn(f, data, len);
    if (len < 2)
        return FRAME_MORE;
    *f = (struct frame){2 + (size_t)get16(data), 2, get16(data)};
    return f->len <= STREAM_DATAGRAM_MAX ? FRAME_OK : FRAME_BAD;
}

bool frame_write(uint8_t header[FRAME_HEADER_MAX], size_t *header_len, size_t *behind,
                 enum frame_format format, const uint8_t *datagram, size_t len)
{
    struct frame f;
    if (format == FRAME_TURN) {
        *header_len = 0;
        *behind = padded(len) - len;
        return read_turn(&f, datagram, len) == FRAME_OK && f.len <= len && f.size == padded(len);
    }
    *header_len = 2;
    *behind = 0;
    put16(header, (uint16_t)len);
    return len > 0 && len <= STREAM_DATAGRAM_MAX;
}

bool frame_is_media(enum frame_format format, const uint8_t *data)
{
    if (format == FRAME_RFC4571)
        return data[2] >= 128;
    return is_channel(data[0]) ? data[4] >= 128 : get16(data) == DATA_INDICATION;
}
