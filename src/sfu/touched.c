#include "sfu/touched.h"
#include "sfu/core.h"
#include "sfu/session_data.h"

void touched_add(struct sfu *sfu, struct session *session)
{
    if (session->touched.link)
        return;
    session->touched = (struct touched){.next = sfu->touched, .link = &sfu->touched};
    if (session->touched.next)
        session->touched.next->touched.link = &session->touched.next;
    sfu->touched = session;
}

void touched_remove(struct session *session)
{
    if (!session->touched.link)
        return;
    *session->touched.link = session->touched.next;
    if (session->touched.next)
        session->touched.next->touched.link = session->touched.link;
    session->touched.link = NULL;
}
