/* What SRTP said of a packet of a session. */
#pragma once
#include <stdint.h>

struct session;
struct sfu;

void heard_refused(struct sfu *, int srtp_error); /* counts the drop */
/* It is authentic, and came under this SSRC: the session is found by it when it comes from elsewhere. */
void heard_sender(struct sfu *, struct session *, uint32_t ssrc);
