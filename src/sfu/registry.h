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

/* data that the owner needs from the first check on; constant while the slot is open */
struct session_setup {
    struct fingerprint fingerprint; /* of the client's certificate */
    bool active;                    /* we begin the DTLS handshake: the client is passive */
};

struct registry;
struct registry *registry_new(size_t sessions_max); /* NULL: no memory */
void registry_free(struct registry *);
size_t registry_size(const struct registry *);

/* Control thread. `random` is UFRAG_SIZE + PASSWORD_SIZE secret random bytes. Returns the session's id, which
 * does not recur for the next 4096 uses of the slot; SESSION_NONE: full. */
uint32_t registry_open(struct registry *, const struct session_setup *,
                       const uint8_t random[UFRAG_SIZE + PASSWORD_SIZE], struct session_credentials *);
/* Control thread: true: no worker owned it, and the slot is free again. False: a worker owns it; tell that
 * worker (registry_owner) to close it, and call registry_release after it reported the end. */
bool registry_close(struct registry *, uint32_t session);
/* Control thread: an ICE restart of an open session. From now on registry_find knows the new credentials too.
 * The previous ones stay valid until registry_retire removes all generations before `generation`. If all
 * ICE_GENERATIONS_MAX exist, the new one replaces the oldest that is not in use. The first generation is 1;
 * each later one has a higher number. */
void registry_restart(struct registry *, uint32_t session, uint32_t generation,
                      const uint8_t random[UFRAG_SIZE + PASSWORD_SIZE], struct session_credentials *);
void registry_retire(struct registry *, uint32_t session, uint32_t generation);
void registry_release(struct registry *, uint32_t session);
unsigned registry_owner(const struct registry *, uint32_t session);

/* Any thread. False: no such session. The copy is consistent: all of it belongs to that session. */
bool registry_find(const struct registry *, struct bytes ufrag, uint32_t *session, unsigned *owner,
                   struct session_credentials *);
/* Call after verifying a check. True: `worker` owns the session now; false: another one was first, or the
 * session is closed. */
bool registry_claim(struct registry *, uint32_t session, unsigned worker);
/* The owner only. */
const struct session_setup *registry_setup(const struct registry *, uint32_t session);

static inline uint32_t session_slot(uint32_t session) { return session & ((1u << SESSION_SLOT_BITS) - 1); }
