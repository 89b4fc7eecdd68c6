/* Datagrams of one destination, one behind the other: what the kernel can send in one operation (GSO). */
#pragma once
#include "path.h"
#include <stdint.h>

struct transmit {
    struct path path;
    const uint8_t *data;
    uint32_t len;
    uint16_t segment; /* each datagram's length but the last's, which may be shorter; >= len: one datagram */
};
