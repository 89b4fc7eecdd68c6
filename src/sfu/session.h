/* One session on the worker that owns it: its life, and the dispatch of its datagrams. It composes
 * connectivity, association, ingress, reports and streams, and contains no protocol logic itself. */
#pragma once
#include "sfu/session_data.h"

struct arrival;

struct session *session_find(struct sfu *, uint32_t id); /* NULL: not here */
/* Call after a claim. NULL: no memory. */
struct session *session_new(struct sfu *, uint32_t id, const struct session_credentials *, mp_time now);
/* Sends close_notify, frees everything, and tells the control plane. */
void session_end(struct sfu *, struct session *, enum end_reason, mp_time now);
void session_free(struct sfu *, struct session *); /* the same without telling anyone */

/* A datagram for it arrived: a check, an answer to our check, DTLS. The session may be gone afterwards. */
void session_check(struct sfu *, struct session *, const struct stun_view *, const struct arrival *,
                   mp_time now);
void session_answer(struct sfu *, struct session *, const struct stun_view *, const struct arrival *,
                    mp_time now);
void session_dtls(struct sfu *, struct session *, const struct arrival *, mp_time now);
/* A datagram of (S)RTP that may be this session's. True: it was, and the session processed it; if the path is
 * new, the session moves there once the client answers a check. The session may be gone afterwards. */
bool session_media(struct sfu *, struct session *, const struct arrival *, mp_time now);
void session_timeout(struct sfu *, struct session *, mp_time now);
mp_time session_deadline(const struct session *);

/* Commands. */
/* struct session_ice */
void session_credentials_set(struct sfu *, struct session *, struct bytes payload, mp_time now);
void session_doubt(struct sfu *, struct session *, mp_time now);
