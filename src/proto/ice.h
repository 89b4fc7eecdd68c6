/* One session's ICE agent, lite (RFC 8445 2.5): it answers checks and follows the controlling client's nomination.
 *
 * Timer: consent. 30 s without an authenticated check ends the session (RFC 7675 5.1). */
#pragma once
#include "crypto.h"
#include "limits.h"
#include "mptime.h"
#include "path.h"
#include "stun.h"

#define ICE_CONSENT_TIMEOUT  MP_S(30)
#define ICE_NOMINATION_HOLDS MP_S(5)

struct ice_tuple { /* a path that an authenticated check came by */
    struct path path;
    mp_time first_check, last_check;
    mp_time last_nominated; /* the last check with USE-CANDIDATE; only where `nominated` */
    uint32_t priority;      /* of the candidate, from the check */
    bool nominated;
};

struct ice {
    char local_ufrag[UFRAG_SIZE + 1];
    struct hmac_sha1 local_key; /* of the local password: checks are signed with it, and so are our answers */
    struct ice_tuple tuples[ICE_TUPLES_MAX];
    uint8_t count;
    int8_t selected; /* -1: nothing was nominated yet */
    mp_time started, last_check;
};

void ice_init(struct ice *, const char *local_ufrag, const char *local_password, mp_time now);

enum ice_event {
    ICE_REFUSED,    /* not for us, not authentic, not a Binding request: dropped without an answer; or authentic and
                       answered with an error. Nothing learned */
    ICE_CHECK,      /* a check from a known path */
    ICE_PATH_NEW,   /* the first check from this path */
    ICE_NOMINATED,  /* the selected path changed (also when the new path is new) */
};

struct ice_answer {
    enum ice_event event;
    bool path_new;       /* the path was added to the tuples by this check */
    struct path dropped; /* path_new with has_dropped: the oldest tuple that is not selected made room */
    bool has_dropped;
    size_t len;          /* of the response in `reply`; goes to the path that the check came by; 0: say nothing */
};

/* Handles a Binding request. The response (success; 487 where the client claims to be controlled; 420 for unknown
 * required attributes; both with event ICE_REFUSED) is written to `reply`. The nomination rule of ours: the latest
 * authenticated USE-CANDIDATE wins unless its candidate priority is below that of the selected path while that path was
 * itself nominated within the last 5 s; plain checks never move the path. MESSAGE-INTEGRITY is verified here, before
 * anything is learned. */
struct ice_answer ice_input(struct ice *, const struct stun_view *, const struct path *, uint8_t *reply, size_t size,
                            mp_time now);

const struct path *ice_selected(const struct ice *); /* NULL: none yet */
bool ice_knows(const struct ice *, const struct path *);
mp_time ice_deadline(const struct ice *);            /* when consent ends */
bool ice_expired(const struct ice *, mp_time now);

/* "LOCAL:REMOTE" of USERNAME (RFC 8445 7.2.2): the local ufrag is the part before the colon. False: no colon or empty. */
bool ice_username_local(struct bytes username, struct bytes *local);

/* A candidate line's value ("candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host"), of RFC 8839 5.1. */
enum candidate_type { CANDIDATE_HOST, CANDIDATE_SRFLX, CANDIDATE_PRFLX, CANDIDATE_RELAY };
struct candidate {
    char foundation[33];
    uint16_t component;
    bool tcp;
    uint32_t priority;
    struct address address; /* all zero where the client hides it behind an mDNS name (".local") */
    bool hidden;            /* such a name */
    enum candidate_type type;
};
/* Accepts with or without the leading "a=" and "candidate:". `text` need not end in 0. False: malformed. An empty text
 * (end of candidates) is malformed too: the caller knows it. */
bool candidate_parse(struct candidate *, const char *text, size_t len);
/* Writes "candidate:…" for host and srflx (with raddr 0.0.0.0 or ::, rport 0) candidates. Returns the length, 0: does not fit. */
size_t candidate_write(const struct candidate *, char *out, size_t size);
/* RFC 8445 5.1.2.1: type preference (host 126, prflx 110, srflx 100, relay 0), local preference, component. */
uint32_t candidate_priority(enum candidate_type, uint16_t local_preference, uint16_t component);
/* The server's own candidate of its address number `i`: by UDP, or passive TCP (RFC 6544), which ranks below UDP's of all. */
struct candidate candidate_host(const struct address *, size_t i, bool tcp);
