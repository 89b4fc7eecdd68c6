#include "sfu/nack.h"
#include <string.h>

/* Computed when the list changes, which is seldom; the worker reads the deadline for each packet. */
static void plan(struct nack *n)
{
    n->next = MP_NEVER;
    for (size_t i = 0; i < n->count; i++)
        n->next = mp_min(n->next, n->missing[i].at);
}

void nack_gap(struct nack *n, int64_t from, int64_t to, mp_time now)
{
    if (to - from > NACK_MISSING_MAX) {
        n->count = 0;
        n->overflow = true;
        return;
    }
    size_t add = (size_t)(to - from);
    if (n->count + add > NACK_MISSING_MAX) { /* the oldest are the least useful */
        size_t gone = n->count + add - NACK_MISSING_MAX;
        memmove(n->missing, n->missing + gone, (n->count - gone) * sizeof n->missing[0]);
        n->count -= gone;
        n->overflow = true;
        plan(n);
    }
    mp_time at = now + mp_max(NACK_DELAY, n->late);
    n->next = n->count ? mp_min(n->next, at) : at;
    for (int64_t seq = from; seq < to; seq++)
        n->missing[n->count++] = (struct missing){.seq = seq, .noticed = now, .at = at};
}

/* Overtaken packets raise the delay before a NACK, up to a bound; real losses lower it. */
static void learn(struct nack *n, mp_time late, bool again)
{
    if (again)
        n->late -= n->late / 8;
    else
        n->late = mp_min(mp_max(n->late, late + late / 4), NACK_DELAY_MAX);
}

mp_time nack_found(struct nack *n, int64_t seq, bool again, mp_time now)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->missing[i].seq != seq)
            continue;
        learn(n, now - n->missing[i].noticed, again);
        mp_time took = n->missing[i].tries == 1 ? now - n->missing[i].asked : 0;
        memmove(n->missing + i, n->missing + i + 1, (n->count - i - 1) * sizeof n->missing[0]);
        n->count--;
        plan(n);
        return took;
    }
    return 0;
}

mp_time nack_deadline(const struct nack *n) { return n->count ? n->next : MP_NEVER; }

size_t nack_due(struct nack *n, uint16_t *seqs, size_t max, int64_t offset, mp_time rtt, mp_time now)
{
    size_t due = 0, kept = 0;
    for (size_t i = 0; i < n->count; i++) {
        struct missing m = n->missing[i];
        if (m.at <= now && due < max) {
            if (m.tries == NACK_TRIES_MAX) {
                n->overflow = true; /* given up */
                continue;
            }
            seqs[due++] = (uint16_t)(m.seq - offset);
            m.asked = now;
            m.at = now + mp_max(rtt, NACK_AGAIN << m.tries / 2);
            m.tries++;
        }
        n->missing[kept++] = m;
    }
    n->count = kept;
    plan(n);
    return due;
}
