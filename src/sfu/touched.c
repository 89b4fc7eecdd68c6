#include "sfu/touched.h"
#include "sfu/core.h"
#include "sfu/peer_data.h"

void touch(struct sfu *sfu, struct peer *p)
{
    if (p->touched.link)
        return;
    p->touched = (struct touched){.next = sfu->touched, .link = &sfu->touched};
    if (p->touched.next)
        p->touched.next->touched.link = &p->touched.next;
    sfu->touched = p;
}

void untouch(struct peer *p)
{
    if (!p->touched.link)
        return;
    *p->touched.link = p->touched.next;
    if (p->touched.next)
        p->touched.next->touched.link = p->touched.link;
    p->touched.link = NULL;
}
