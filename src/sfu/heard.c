#include "sfu/heard.h"
#include "sfu/core.h"
#include "sfu/peer_data.h"

void heard_refused(struct sfu *sfu, int error)
{
    drop(sfu, error == SRTP_AUTH     ? DROP_SRTP_AUTH
              : error == SRTP_REPLAY ? DROP_SRTP_REPLAY
              : error == SRTP_SHORT  ? DROP_SRTP_SHORT
                                     : DROP_SRTP_STREAMS);
}

void heard_sender(struct sfu *sfu, struct peer *p, uint32_t ssrc)
{
    const struct path *path = peer_path(p);
    for (uint8_t i = 0; i < p->sender_count; i++)
        if (p->senders[i].ssrc == ssrc)
            return;
    if (path && p->sender_count < SENDERS_MAX)
        sender_add(&sfu->roaming.senders, &p->senders[p->sender_count++], p, ssrc, &path->remote);
}
