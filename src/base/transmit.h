/* Datagrams of one destination, contiguous: the kernel can send them in one operation (GSO). */
#pragma once
#include "base/path.h"
#include <stdint.h>

struct transmit {
    struct path path;
    const uint8_t *data;
    uint32_t len;
    uint16_t segment; /* of each datagram; the last may be shorter; >= len: one datagram */
};
