#include "load/stay.h"

#define PAUSE_FIRST   MP_MS(500)
#define PAUSE_DOUBLES 4

struct stay stay_draw(struct prng *prng)
{
    static const int ms[] = {[STAY_OPENED] = 5,
                             [STAY_OFFERED] = 5,
                             [STAY_ANSWERED] = 20,
                             [STAY_HANDSHAKE] = 12,
                             [STAY_CONNECTED] = 100};
    /* Half of them get into the call. */
    enum stay_end end =
        prng_below(prng, 2) ? STAY_CONNECTED : (enum stay_end)prng_below(prng, STAY_CONNECTED);
    return (struct stay){.end = end,
                         .goodbye = prng_below(prng, 2) && end != STAY_OPENED,
                         .after = MP_MS(prng_below(prng, (uint32_t)ms[end]))};
}

mp_time stay_pause(unsigned failures, struct prng *prng)
{
    mp_time most = PAUSE_FIRST << (failures < PAUSE_DOUBLES ? failures : PAUSE_DOUBLES);
    return most / 2 + most / 2 / 1000 * prng_below(prng, 1001);
}
