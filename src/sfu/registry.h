/* The table that every thread reads: the sessions, the credentials to verify their checks, and their owners.
 * The control thread opens and closes slots. A worker that verified a check of an unowned session claims it
 * with one compare-and-swap; from then on every thread sees the owner. The local ufrag contains the slot's
 * number, so a look-up is an index and a comparison: constant cost and no state for any input. */
#pragma once
#include "base/bytes.h"
#include "base/limits.h"
#include "proto/dtls.h"
#include <stdbool.h>
#include <stdint.h>

#define SESSION_NONE UINT32_MAX
#define OWNER_NONE   0xff

struct session_credentials {
    char ufrag[UFRAG_SIZE + 1], password[PASSWORD_SIZE + 1]; /* 0-terminated */
};

/* what the owner needs from the first check on; does not change while the slot is open */
struct session_setup {
    struct fingerprint fingerprint; /* of the client's certificate */
    bool active;                    /* we begin the DTLS handshake: the client is passive */
};

struct registry;
struct registry *registry_new(size_t sessions_max); /* NULL: no memory */
void registry_free(struct registry *);
size_t registry_size(const struct registry *);

/* Control thread. `random` is UFRAG_SIZE + PASSWORD_SIZE secret random bytes. Returns the session's id, which
 * is not given out again for the next 4096 uses of the slot; SESSION_NONE: full. */
uint32_t registry_open(struct registry *, const struct session_setup *,
                       const uint8_t random[UFRAG_SIZE + PASSWORD_SIZE], struct session_credentials *);
/* Control thread: true: nobody owned it, the slot is free again. False: a worker owns it; tell that one
 * (registry_owner) to close, and call registry_release when it said that it has. */
bool registry_close(struct registry *, uint32_t session);
/* Control thread: an ICE restart of an open session. Checks under the new credentials are found from now on;
 * those under the ones in use as well, until registry_retire says that nothing before `generation` is wanted
 * any more. With all of ICE_GENERATIONS_MAX there, the oldest that are not in use give way. The first
 * generation is 1, each other one newer than all before. */
void registry_restart(struct registry *, uint32_t session, uint32_t generation,
                      const uint8_t random[UFRAG_SIZE + PASSWORD_SIZE], struct session_credentials *);
void registry_retire(struct registry *, uint32_t session, uint32_t generation);
void registry_release(struct registry *, uint32_t session);
unsigned registry_owner(const struct registry *, uint32_t session);

/* Any thread. False: no such session. The copy is consistent: all of it belongs to that session. */
bool registry_find(const struct registry *, struct bytes ufrag, uint32_t *session, unsigned *owner,
                   struct session_credentials *);
/* A worker that verified a check. True: it owns the session now; false: another one was first, or it is
 * gone. */
bool registry_claim(struct registry *, uint32_t session, unsigned worker);
/* The owner only. */
const struct session_setup *registry_setup(const struct registry *, uint32_t session);

static inline uint32_t session_slot(uint32_t session) { return session & ((1u << SESSION_SLOT_BITS) - 1); }
