#include "adapt/aimd.h"

#define DECREASE      0.85
#define INCREASE      0.08 /* a second */
#define FORGETS       0.05 /* weight of a new capacity sample */
#define DEVIATION     0.4  /* least and most of the variance, in kbit/s a kbit/s of the mean */
#define DEVIATION_MAX 2.5
#define PACKET_BITS   9600.0
#define FRAMES        30.0
#define ABOVE_ACKED   1.5
#define ABOVE_LITTLE  10000

static double root(double of)
{
    double r = of > 1 ? of : 1;
    for (int i = 0; i < 20; i++)
        r = (r + of / r) / 2;
    return r;
}

static double within(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static double margin(const struct aimd *a) { return 3 * root(a->deviation * a->capacity); }

static void forget_capacity_if_far(struct aimd *a, double kbps)
{
    if (a->capacity > 0 && (kbps > a->capacity + margin(a) || kbps < a->capacity - margin(a)))
        a->capacity = 0;
}

static void note_capacity(struct aimd *a, double kbps)
{
    forget_capacity_if_far(a, kbps);
    if (a->capacity <= 0) {
        a->capacity = kbps;
        a->deviation = DEVIATION;
        return;
    }
    a->capacity += FORGETS * (kbps - a->capacity);
    double error = a->capacity - kbps;
    a->deviation = within((1 - FORGETS) * a->deviation + FORGETS * error * error / a->capacity, DEVIATION,
                          DEVIATION_MAX);
}

/* A fall shows in the delay a round trip later, and then the queue must drain. */
static bool too_soon(const struct aimd *a, double acked, mp_time rtt, mp_time now)
{
    return a->decreased && acked >= a->bps / 2 && now - a->decreased < rtt + MP_MS(100);
}

static void decrease(struct aimd *a, double acked, mp_time rtt, mp_time now)
{
    if (too_soon(a, acked, rtt, now))
        return;
    double to = DECREASE * (acked > 0 ? acked : a->bps);
    if (to > a->bps && a->capacity > 0)
        to = DECREASE * a->capacity * 1000;
    a->bps = to < a->bps ? to : a->bps;
    if (acked > 0)
        note_capacity(a, acked / 1000);
    a->decreased = now;
}

/* A packet a response time, of the size that frames of this rate have. */
static double additive(const struct aimd *a, mp_time rtt)
{
    double frame = a->bps / FRAMES;
    double packets = (double)(int)(frame / PACKET_BITS) + 1;
    return within(frame / packets * 1e9 / (double)(rtt + MP_MS(100)), 4000, INCREASE * a->bps);
}

static void increase(struct aimd *a, double acked, mp_time rtt, mp_time now)
{
    if (acked > 0)
        forget_capacity_if_far(a, acked / 1000 > a->capacity ? acked / 1000 : a->capacity);
    double seconds = within((double)(now - a->updated) / 1e9, 0, 1);
    double by = a->capacity > 0 ? additive(a, rtt) : INCREASE * a->bps;
    double bound = acked > 0 ? ABOVE_ACKED * acked + ABOVE_LITTLE : a->bps;
    double to = a->bps + by * seconds;
    if (to <= bound)
        a->bps = to;
    else if (a->bps < bound)
        a->bps = bound;
}

void aimd_update(struct aimd *a, enum trend_state state, uint32_t acked, mp_time rtt, mp_time now)
{
    if (state == TREND_OVERUSE)
        decrease(a, acked, rtt, now);
    else if (state == TREND_NORMAL && a->updated)
        increase(a, acked, rtt, now);
    a->updated = now;
    a->bps = a->bps > a->most ? a->most : a->bps;
}
