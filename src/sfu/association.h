/* A session's DTLS association and the SRTP keys that come of it; for a while there may be a second one
 * beside that in use.
 *
 * What returns bool: false, the session has to end, for the reason `*why`. */
#pragma once
#include "base/time.h"
#include "sfu/message.h"
#include <stdbool.h>

struct arrival;
struct session;
struct sfu;

bool association_input(struct sfu *, struct session *, const struct arrival *, enum end_reason *why,
                       mp_time now);
/* Where the client waits for our ClientHello: begins as soon as there is a path to send it by. */
bool association_begin(struct sfu *, struct session *, enum end_reason *why, mp_time now);
bool association_timeout(struct sfu *, struct session *, enum end_reason *why, mp_time now);
mp_time association_deadline(const struct session *);
/* the handshake is known to be complete on both sides */
void association_release(struct session *);
void association_close(struct sfu *, struct session *); /* says goodbye */
void association_free(struct session *);                /* keys and all */
