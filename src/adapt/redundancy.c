#include "adapt/redundancy.h"

#define WINDOW  MP_S(2)
#define LEAST   50 /* packets of a window: one of fewer would be 2 % */
#define CLEAN   MP_S(10)
#define PERCENT 2.56

static uint8_t blocks_for(uint8_t lost_share)
{
    return lost_share > 8 * PERCENT ? 2 : lost_share > 2 * PERCENT ? 1 : 0;
}

static void end_window(struct redundancy *r, mp_time now)
{
    uint32_t share = (uint32_t)(256ull * r->lost / (r->arrived + r->lost));
    r->lost_share = (uint8_t)(share > UINT8_MAX ? UINT8_MAX : share);
    if (blocks_for(r->lost_share) > r->blocks)
        r->blocks = blocks_for(r->lost_share);
    if (r->lost_share >= 1 * PERCENT)
        r->clean_since = 0;
    else if (!r->clean_since)
        r->clean_since = r->from;
    if (r->clean_since && now - r->clean_since >= CLEAN)
        r->blocks = 0;
    r->arrived = r->lost = 0;
    r->from = now;
}

void redundancy_note(struct redundancy *r, uint32_t arrived, uint32_t lost, mp_time now)
{
    if (!r->from)
        r->from = now;
    r->arrived += arrived;
    r->lost += lost;
    if (now - r->from >= WINDOW && r->arrived + r->lost >= LEAST)
        end_window(r, now);
}
