#include "sfu/viewers.h"
#include "base/check.h"
#include "base/prefetch.h"
#include "sfu/core.h"
#include "sfu/session_data.h"
#include "sfu/subscription_data.h"
#include <stdlib.h>

/* Between two frames a viewer's memory leaves the cache, and each pointer leads to the next: subscription,
 * session, path and keys. So viewers_next prefetches each this many turns ahead, when the memory with its
 * pointer is in the cache. */
#define AHEAD_SUBSCRIPTION 8
#define AHEAD_SESSION      6
#define AHEAD_TRANSPORT    4
#define AHEAD_KEY          2

bool viewers_add(struct viewers *v, struct subscription *s)
{
    if (v->count == v->room) {
        uint32_t room = v->room ? 2 * v->room : 4;
        struct subscription **grown = realloc(v->list, room * sizeof *grown);
        if (!grown)
            return false;
        v->list = grown;
        v->room = room;
    }
    s->place = v->count;
    v->list[v->count++] = s;
    return true;
}

static void move(struct viewers *v, uint32_t from, uint32_t to)
{
    if (from == to) /* that entry leaves, or moved already */
        return;
    v->list[to] = v->list[from];
    v->list[to]->place = to;
}

/* Served viewers stay before `turn`, the others at it or behind. */
void viewers_remove(struct viewers *v, struct subscription *s)
{
    uint32_t hole = s->place;
    INVARIANT(hole < v->count && v->list[hole] == s);
    if (hole < v->turn) {
        move(v, v->turn - 1, hole);
        hole = --v->turn;
        if (hole + 1 < v->count) { /* the current viewer stays the current one */
            move(v, hole + 1, hole);
            hole++;
        }
    } else if (hole == v->turn) {
        v->packet = 0;
    }
    move(v, v->count - 1, hole);
    v->count--;
}

void viewers_free(struct viewers *v)
{
    INVARIANT(v->count == 0);
    free(v->list);
}

void viewers_begin(struct viewers *v)
{
    v->turn = 0;
    v->packet = 0;
}

static struct subscription *ahead(const struct viewers *v, uint32_t by)
{
    return v->count - v->turn > by ? v->list[v->turn + by] : NULL;
}

void viewers_next(struct sfu *sfu, struct viewers *v)
{
    struct subscription *s;
    INVARIANT(v->turn < v->count); /* viewers_current was not NULL */
    v->turn++;
    v->packet = 0;
    if ((s = ahead(v, AHEAD_SUBSCRIPTION)))
        prefetch(s, SUBSCRIPTION_HOT);
    if ((s = ahead(v, AHEAD_SESSION)))
        session_prefetch(s->viewer);
    if ((s = ahead(v, AHEAD_TRANSPORT)))
        session_prefetch_transport(s->viewer);
    if ((s = ahead(v, AHEAD_KEY)) && s->viewer->tx)
        srtp_batch_prefetch(sfu->batch, s->viewer->tx);
}
