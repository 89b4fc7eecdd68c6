#include "sfu/lead.h"
#include "base/packet.h"

static bool same_picture(const struct lead *l, uint32_t ssrc, const struct packet *p)
{
    return l->ssrc == ssrc && l->packets[0]->media.timestamp == p->media.timestamp;
}

bool lead_takes(const struct lead *l, uint32_t ssrc, const struct packet *p)
{
    return !l->count || (l->count < LEAD_MAX && same_picture(l, ssrc, p));
}

void lead_add(struct lead *l, uint32_t ssrc, struct packet *p)
{
    l->ssrc = ssrc;
    l->packets[l->count++] = packet_ref(p);
}

bool lead_mark(struct lead *l, uint32_t ssrc, const struct packet *next)
{
    if (!l->count || !next->media.keyframe || !same_picture(l, ssrc, next))
        return false;
    l->packets[0]->media.keyframe = true;
    return true;
}

void lead_drop(struct packet_pool *pool, struct lead *l)
{
    while (l->count)
        packet_drop(pool, l->packets[--l->count]);
}
