#include "base/packet.h"
#include "base/check.h"
#include <stdlib.h>

bool packet_pool_init(struct packet_pool *pool, size_t packets)
{
    *pool = (struct packet_pool){.packets = calloc(packets, sizeof(struct packet)), .size = packets};
    return pool->packets != NULL;
}

void packet_pool_free(struct packet_pool *pool)
{
    INVARIANT(pool->used == 0);
    free(pool->packets);
    *pool = (struct packet_pool){0};
}

struct packet *packet_take(struct packet_pool *pool)
{
    struct packet *p = pool->free;
    if (p)
        pool->free = p->next;
    else if (pool->fresh < pool->size)
        p = &pool->packets[pool->fresh++];
    else
        return NULL;
    p->next = NULL;
    p->refs = 1;
    p->len = 0;
    p->blocks = 0;
    for (unsigned i = 0; i < PACKET_REDUNDANT; i++)
        p->redundant[i] = NULL;
    if (++pool->used > pool->used_max)
        pool->used_max = pool->used;
    return p;
}

void packet_drop(struct packet_pool *pool, struct packet *p)
{
    INVARIANT(p->refs > 0);
    if (--p->refs)
        return;
    for (unsigned i = 0; i < PACKET_REDUNDANT; i++)
        if (p->redundant[i])
            packet_drop(pool, p->redundant[i]); /* which has none itself */
    p->next = pool->free;
    pool->free = p;
    pool->used--;
}
