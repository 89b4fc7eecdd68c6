/* Wrapping counters of RTP, extended to integers that do not wrap. */
#pragma once
#include <stdint.h>

/* The number nearest to `near` whose low 16 bits are `seq`. */
static inline int64_t seq_extend(int64_t near, uint16_t seq)
{
    return near + (int16_t)(uint16_t)(seq - (uint16_t)near);
}
/* The same for 32-bit timestamps. */
static inline int64_t timestamp_extend(int64_t near, uint32_t ts)
{
    return near + (int32_t)(ts - (uint32_t)near);
}
