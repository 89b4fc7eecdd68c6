#include "mask.h"

#define MASK      0x80
#define KEY       4
#define LENGTH_16 126
#define LENGTH_64 127

/* RFC 6455 5.2: two bytes, the extended length, the key. */
static size_t head_size(uint8_t second)
{
    unsigned length = second & ~MASK & 0xff;
    return 2 + (length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0) + KEY;
}

static uint64_t payload_of(const uint8_t *head)
{
    unsigned length = head[1] & ~MASK & 0xff;
    return length == LENGTH_64 ? (uint64_t)get32(head + 2) << 32 | get32(head + 6) : length == LENGTH_16 ? get16(head + 2) : length;
}

bool mask_check(struct mask_check *c, const uint8_t *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        if (c->payload) {
            size_t n = c->payload < len - at ? (size_t)c->payload : len - at;
            c->payload -= n;
            at += n;
            continue;
        }
        c->head[c->have++] = data[at++];
        if (c->have == 2 && !(c->head[1] & MASK))
            return false;
        if (c->have >= 2 && c->have == head_size(c->head[1])) {
            c->payload = payload_of(c->head);
            c->have = 0;
        }
    }
    return true;
}
