#include "load/line.h"

#define HEADERS 28 /* bytes of IPv4 and UDP */

/* A token bucket of one datagram's depth, kept as the time at which it will be full. */
bool line_take(struct line *l, size_t len, mp_time now, mp_time *arrival)
{
    *arrival = now;
    if (!l->bps)
        return true;
    mp_time begin = mp_max(l->free, now);
    if (begin - now > LINE_QUEUE_TIME)
        return false;
    l->free = *arrival = begin + (mp_time)((len + HEADERS) * 8 * (uint64_t)MP_S(1) / l->bps);
    return true;
}
