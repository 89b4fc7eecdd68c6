#include "adapt/standing.h"

#define SLOT       MP_MS(125)
#define BASE       MP_S(10)
#define LIMIT      MP_MS(10)
#define NOISE_MOST MP_MS(15) /* more is a queue that grows, not jitter */

static void begin(struct standing *s, const struct group *g)
{
    *s = (struct standing){.base = {-g->sent, MP_NEVER},
                           .least = {-g->sent, MP_NEVER},
                           .base_since = g->sent,
                           .slot_since = g->sent,
                           .last_sent = g->sent,
                           .last_arrival = g->earliest,
                           .heard = true};
}

static void next_slot(struct standing *s, mp_time sent)
{
    if (s->least[1] != MP_NEVER) {
        double step = (double)(s->least[0] - s->least[1]);
        step = step < 0 ? -step : step;
        s->noise += (mp_min((mp_time)step, 4 * NOISE_MOST) - s->noise) / 16;
    }
    s->least[1] = s->least[0];
    s->least[0] = MP_NEVER;
    s->slot_since = sent;
}

static void add(struct standing *s, const struct group *g)
{
    if (!s->heard)
        begin(s, g);
    if (g->sent < s->last_sent)
        return;
    s->arrival += (int32_t)(g->earliest - s->last_arrival) * MP_US(250);
    s->last_arrival = g->earliest;
    s->last_sent = g->sent;
    if (g->sent - s->slot_since >= SLOT)
        next_slot(s, g->sent);
    if (g->sent - s->base_since >= BASE) {
        s->base[1] = s->base[0];
        s->base[0] = MP_NEVER;
        s->base_since = g->sent;
    }
    mp_time delay = s->arrival - g->sent;
    s->least[0] = mp_min(s->least[0], delay);
    s->base[0] = mp_min(s->base[0], delay);
}

void standing_add(struct standing *s, const struct groups *g)
{
    if (g->restarted)
        s->heard = false;
    for (size_t i = 0; i < g->count; i++) {
        if (g->list[i].arrived > 0)
            add(s, &g->list[i]);
    }
}

mp_time standing_delay(const struct standing *s)
{
    return s->heard ? mp_min(s->least[0], s->least[1]) - mp_min(s->base[0], s->base[1]) : 0;
}

mp_time standing_limit(const struct standing *s)
{
    return LIMIT + mp_min((mp_time)(3 * s->noise), 3 * NOISE_MOST);
}
