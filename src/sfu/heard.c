#include "sfu/heard.h"
#include "sfu/core.h"
#include "sfu/session_data.h"

void heard_refused(struct sfu *sfu, int error)
{
    drop(sfu, error == SRTP_AUTH     ? DROP_SRTP_AUTH
              : error == SRTP_REPLAY ? DROP_SRTP_REPLAY
              : error == SRTP_SHORT  ? DROP_SRTP_SHORT
                                     : DROP_SRTP_STREAMS);
}

void heard_sender(struct sfu *sfu, struct session *session, uint32_t ssrc)
{
    const struct path *path = session_path(session);
    for (uint8_t i = 0; i < session->sender_count; i++)
        if (session->senders[i].ssrc == ssrc)
            return;
    if (path && session->sender_count < SENDERS_MAX)
        sender_add(&sfu->roaming.senders, &session->senders[session->sender_count++], session, ssrc,
                   &path->remote);
}
