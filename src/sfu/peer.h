/* One session on the worker that owns it: its life, and who does what with what comes for it. Composes connectivity, association,
 * ingress, reports and streams, and holds no protocol logic itself. */
#pragma once
#include "sfu/peer_data.h"

struct arrival;

struct peer *peer_find(struct sfu *, uint32_t session); /* NULL: not here */
/* After a claim. NULL: no memory. */
struct peer *peer_new(struct sfu *, uint32_t session, const struct session_credentials *, mp_time now);
/* Says goodbye, forgets everything, tells the control plane. */
void peer_end(struct sfu *, struct peer *, enum end_reason, mp_time now);
void peer_free(struct sfu *, struct peer *); /* the same without a word to anyone */

/* A datagram for it came: a check of the client's, its answer to one of ours, DTLS. The peer may be gone afterwards. */
void peer_check(struct sfu *, struct peer *, const struct stun_view *, const struct arrival *, mp_time now);
void peer_answer(struct sfu *, struct peer *, const struct stun_view *, const struct arrival *, mp_time now);
void peer_dtls(struct sfu *, struct peer *, const struct arrival *, mp_time now);
/* A datagram of (S)RTP that may be this peer's. True: it is, and it was taken; by a new path, the peer moves there when it answers
 * a check. The peer may be gone afterwards. */
bool peer_media(struct sfu *, struct peer *, const struct arrival *, mp_time now);
void peer_timeout(struct sfu *, struct peer *, mp_time now);
mp_time peer_deadline(const struct peer *);

/* Commands. */
void peer_credentials(struct sfu *, struct peer *, struct bytes payload, mp_time now); /* struct session_ice */
void peer_doubt(struct sfu *, struct peer *, mp_time now);
