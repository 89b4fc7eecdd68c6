/* A session's DTLS association and the SRTP keys that it negotiates. A second association may exist beside
 * the one in use for a while.
 *
 * Functions that return bool: false means that the session has to end, for the reason `*why`. */
#pragma once
#include "base/time.h"
#include "sfu/message.h"
#include <stdbool.h>

struct arrival;
struct session;
struct sfu;

bool association_input(struct sfu *, struct session *, const struct arrival *, enum end_reason *why,
                       mp_time now);
/* If the client waits for our ClientHello: begins as soon as there is a path to send it by. */
bool association_begin(struct sfu *, struct session *, enum end_reason *why, mp_time now);
bool association_timeout(struct sfu *, struct session *, enum end_reason *why, mp_time now);
mp_time association_deadline(const struct session *);
/* call when the handshake is known to be complete on both sides */
void association_release(struct session *);
void association_close(struct sfu *, struct session *); /* sends close_notify */
void association_free(struct session *);                /* the keys too */
