/* Result of SRTP for a packet of a session. */
#pragma once
#include <stdint.h>

struct session;
struct sfu;

void heard_refused(struct sfu *, int srtp_error); /* counts the drop */
/* The packet is authentic: remembers its SSRC, to find the session if its media comes from a new address. */
void heard_sender(struct sfu *, struct session *, uint32_t ssrc);
