#include "sfu/viewed.h"
#include "base/map.h"
#include "sfu/subscription_data.h"
#include <stdlib.h>

/* The server chooses these SSRCs, so no client can cause collisions. */
static struct subscription **chain_of(const struct viewed *v, uint32_t ssrc)
{
    return &v->chains[map_hash(ssrc, 0) & (v->size - 1)];
}

static void enter(struct viewed *v, struct subscription *s)
{
    struct subscription **chain = chain_of(v, s->ssrc);
    s->next_of_ssrc = *chain;
    *chain = s;
    v->count++;
}

/* Keeps the mean chain length at one. Without memory, chains get longer. */
static void grow(struct viewed *v)
{
    struct viewed larger = {.size = v->size ? 2 * v->size : 4};
    larger.chains = calloc(larger.size, sizeof *larger.chains);
    if (!larger.chains)
        return;
    for (uint32_t i = 0; i < v->size; i++)
        for (struct subscription *s = v->chains[i], *next; s; s = next) {
            next = s->next_of_ssrc;
            enter(&larger, s);
        }
    free(v->chains);
    *v = larger;
}

bool viewed_add(struct viewed *v, struct subscription *s)
{
    if (v->count >= v->size)
        grow(v);
    if (!v->size)
        return false;
    enter(v, s);
    return true;
}

void viewed_remove(struct viewed *v, struct subscription *s)
{
    struct subscription **link = chain_of(v, s->ssrc);
    while (*link != s)
        link = &(*link)->next_of_ssrc;
    *link = s->next_of_ssrc;
    if (--v->count)
        return;
    free(v->chains);
    *v = (struct viewed){0};
}

struct subscription *viewed_find(const struct viewed *v, uint32_t ssrc)
{
    struct subscription *s = v->size ? *chain_of(v, ssrc) : NULL;
    while (s && s->ssrc != ssrc)
        s = s->next_of_ssrc;
    return s;
}
