#include "adapt/loss.h"
#include <string.h>

#define OBSERVATION     MP_MS(250)
#define WEIGHT          0.9 /* of an observation against the next one */
#define INHERENT_LEAST  1e-3
#define INHERENT_FIRST  0.01
#define BALANCE         100.0 /* kbit/s */
#define OFFSET          0.15  /* loss up to here bounds nothing at once and may be inherent, */
#define OFFSET_QUEUE    0.05  /* or up to here, where a queue stands */
#define FEWEST          3     /* observations, before which nothing is said */
#define NEWTON          0.75
#define PREFERENCE      0.2 /* above this loss the lower rate is preferred */
#define PREFERENCE_SOFT 0.002
#define BIAS            0.0002
#define BIAS_LOG        0.02
#define HOLD_FIRST      MP_MS(300)
#define HOLD_MOST       MP_S(10)
#define RISES           1.5 /* of the acknowledged rate */

/* Natural logarithm of a positive number, to 1e-6: the core links no mathematics library. */
static double logarithm(double of)
{
    uint64_t bits;
    memcpy(&bits, &of, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    bits = (bits & ((1ull << 52) - 1)) | 1023ull << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.41421356) {
        m /= 2;
        exponent++;
    }
    double z = (m - 1) / (m + 1), z2 = z * z;
    return 2 * z * (1 + z2 * (1.0 / 3 + z2 * (1.0 / 5 + z2 / 7))) + exponent * 0.69314718056;
}

static double within(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

static uint32_t kept(const struct loss *l) { return l->count < LOSS_KEPT ? l->count : LOSS_KEPT; }

/* The i-th newest. */
static const struct loss_seen *seen(const struct loss *l, uint32_t i)
{
    return &l->ring[(l->count - 1 - i) % LOSS_KEPT];
}

static void measure_average(struct loss *l)
{
    double weight = 1, kb = 0, lost = 0;
    for (uint32_t i = 0; i < kept(l); i++, weight *= WEIGHT) {
        kb += weight * seen(l, i)->kb;
        lost += weight * seen(l, i)->lost;
    }
    l->average = kb > 0 ? lost / kb : 0;
}

static bool end_observation(struct loss *l)
{
    mp_time took = l->last - l->since;
    if (took < OBSERVATION)
        return false;
    double lost = within(l->lost, 0, l->bytes);
    l->ring[l->count++ % LOSS_KEPT] = (struct loss_seen){.kb = (float)(l->bytes / 1000),
                                                         .lost = (float)(lost / 1000),
                                                         .kbps = (float)(l->bytes * 8e6 / (double)took)};
    l->since = l->last;
    l->bytes = 0;
    l->lost = l->lost < 0 ? l->lost : 0; /* late receipts of the observation before */
    measure_average(l);
    return true;
}

bool loss_add(struct loss *l, const struct groups *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct group *group = &g->list[i];
        if (l->last == 0)
            l->since = group->sent;
        l->last = mp_max(l->last, group->sent);
        l->bytes += group->bytes + (double)group->lost_bytes - group->late_bytes;
        l->lost += (double)group->lost_bytes - group->late_bytes;
    }
    return g->count > 0 && end_observation(l);
}

static double probability(double inherent, double limit_kbps, double kbps)
{
    double p = inherent;
    if (kbps > limit_kbps)
        p += (1 - inherent) * (kbps - limit_kbps) / kbps;
    return within(p, 1e-6, 1 - 1e-6);
}

static double feasible(const struct loss *l, double inherent, double kbps)
{
    return within(inherent, INHERENT_LEAST, within(l->offset + BALANCE / kbps, 0, 1));
}

/* One step of Newton's method towards the most likely inherent loss of a rate. */
static double inherent_of(const struct loss *l, double kbps)
{
    double inherent = feasible(l, l->inherent, kbps), weight = 1, first = 0, second = 0;
    for (uint32_t i = 0; i < kept(l); i++, weight *= WEIGHT) {
        const struct loss_seen *o = seen(l, i);
        double p = probability(inherent, kbps, o->kbps), q = 1 - p;
        first += weight * (o->lost / p - (o->kb - o->lost) / q);
        second -= weight * (o->lost / (p * p) + (o->kb - o->lost) / (q * q));
    }
    return second < 0 ? feasible(l, inherent - NEWTON * first / second, kbps) : inherent;
}

static double bias(const struct loss *l, double kbps)
{
    double room = PREFERENCE - l->average;
    double share = room / (PREFERENCE_SOFT + (room < 0 ? -room : room));
    return share * (BIAS * kbps + BIAS_LOG * logarithm(1 + kbps));
}

static double likelihood(const struct loss *l, double kbps, double inherent)
{
    double weight = 1, sum = 0, higher = bias(l, kbps);
    for (uint32_t i = 0; i < kept(l); i++, weight *= WEIGHT) {
        const struct loss_seen *o = seen(l, i);
        double p = probability(inherent, kbps, o->kbps);
        sum += weight * (o->lost * logarithm(p) + (o->kb - o->lost) * logarithm(1 - p) + higher * o->kb);
    }
    return sum;
}

static double most_likely(struct loss *l, double delay_bps, double acked_bps)
{
    double most = RISES * acked_bps > l->bps ? RISES * acked_bps : l->bps;
    double candidates[] = {1.02 * l->bps, l->bps, 0.95 * l->bps, delay_bps, acked_bps / (1 - l->inherent)};
    double best = l->bps, best_value = 0, best_inherent = l->inherent;
    bool found = false;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        double bps = candidates[i] < most ? candidates[i] : most;
        if (bps < 1000)
            continue;
        double inherent = inherent_of(l, bps / 1000), value = likelihood(l, bps / 1000, inherent);
        if (!found || value > best_value) {
            best = bps;
            best_value = value;
            best_inherent = inherent;
        }
        found = true;
    }
    l->inherent = best_inherent;
    return best;
}

static double bound_at_once(const struct loss *l)
{
    double over = l->average - l->offset;
    return over > 0 ? BALANCE * 1000 / over : 1e12;
}

static void note_reduction(struct loss *l, mp_time now)
{
    bool again = l->reduced && now - l->reduced < 2 * HOLD_MOST;
    l->hold = again ? mp_min(2 * l->hold, HOLD_MOST) : HOLD_FIRST;
    l->reduced = now;
}

double loss_update(struct loss *l, double delay_bps, double acked_bps, bool queue, mp_time now)
{
    if (l->bps <= 0) {
        l->bps = delay_bps;
        l->inherent = INHERENT_FIRST;
    }
    if (l->count < FEWEST)
        return l->bps = delay_bps;
    l->offset = queue ? OFFSET_QUEUE : OFFSET;
    double to = most_likely(l, delay_bps, acked_bps), bound = bound_at_once(l);
    to = to < bound ? to : bound;
    to = to < acked_bps ? acked_bps : to; /* the line bore so much */
    if (to < 0.98 * l->bps)
        note_reduction(l, now);
    else if (l->reduced && now - l->reduced < l->hold && to > l->bps)
        to = l->bps;
    l->bps = to < delay_bps ? to : delay_bps;
    return l->bps;
}

void loss_raise(struct loss *l, double bps)
{
    if (l->bps > 0 && l->bps < bps)
        l->bps = bps;
}
