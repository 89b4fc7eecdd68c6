/* One session's ICE agent, lite (RFC 8445 2.5): the client controls; the agent answers its checks and follows
 * its nomination. Unlike other lite agents, it also checks each address itself before it sends media there: a
 * Binding request, whose answer proves that the client receives there (RFC 8445 2.5 allows it). So it can
 * follow a client whose NAT changed the mapping.
 *
 * A tuple is a path that carried an authenticated message. `wanted` is the tuple that media should use: the
 * nominated one, or the one that the client's media now comes from. `selected` is the tuple that media does
 * use: the last wanted one that was validated.
 *
 * Timers: consent: without an authenticated check for 30 s the session ends, and a path is no longer used
 * (RFC 7675 5.1); our own checks: sent at 0, 100, 300, 700 and 1500 ms, given up at 3.1 s; silence: a
 * selected path that is silent for 4 s is checked. */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include "base/time.h"
#include "crypto/crypto.h"
#include "proto/stun.h"

#define ICE_CONSENT_TIMEOUT  MP_S(30)
#define ICE_NOMINATION_HOLDS MP_S(5)
#define ICE_CHECK_RTO        MP_MS(100)
#define ICE_CHECK_TRIES      4          /* fails after 1.5 s, so a lost client is noticed within 2 s */
#define ICE_QUIET            MP_S(4)    /* limit of silence without media: Chromium checks every 2.5 s */
#define ICE_QUIET_LIVELY     MP_S(1)    /* limit of silence with steady media or feedback */
#define ICE_QUIET_PAUSES     8          /* between the limits: so many of the path's usual pauses */
#define ICE_BURST            MP_MS(10)  /* packets closer together are one burst, without pauses */
#define ICE_SILENT           MP_MS(200) /* then the session follows media from another known path */
#define ICE_AMPLIFICATION    3 /* bytes sent to an unvalidated path for each byte from it (RFC 9000 8) */

/* Why a path is wanted: the client chose it, by nomination or by sending there; a NAT or network change moved
 * the client; or an ICE restart. */
enum ice_reason { ICE_BY_NOMINATION, ICE_BY_ROAMING, ICE_BY_RESTART };

/* How far our own checks of a tuple have come. RFC 8445 6.1.2.6 gives a full agent's pairs such states. A
 * valid tuple stays valid: the client's answer proved that it receives there, and later silence does not
 * disprove that. Only tuple_enter in ice.c changes the state:
 *
 *   from        when                                                      to
 *   NONE        first authentic packet by this path, UDP                  CHECKING
 *   NONE        the same, by a stream or an allocation                    VALID
 *   CHECKING    the client's answer                                       VALID
 *   CHECKING    the last retransmission is not answered                   FAILED
 *   FAILED      nominated, or media comes from there: it is wanted        CHECKING
 *   VALID       selected, and it is quiet or the caller doubts it         RECHECKING
 *   RECHECKING  the client's answer                                       VALID
 *   RECHECKING  the last retransmission is not answered: ICE_CHECK_FAILED,
 *               or ICE_LOST where it is selected                          VALID
 *   any         all places are taken and a new path needs this one        NONE
 *
 * `wanted` and `selected` of struct ice are apart from it: any tuple may be wanted, a selected is valid. */
enum ice_tuple_state {
    ICE_TUPLE_NONE,       /* an unused place */
    ICE_TUPLE_CHECKING,   /* not validated; a check of ours runs, or waits for the client's credentials */
    ICE_TUPLE_FAILED,     /* not validated; no check runs */
    ICE_TUPLE_VALID,      /* validated: media may go there */
    ICE_TUPLE_RECHECKING, /* validated; a check of ours runs again */
};

struct ice_tuple {
    struct path path;
    mp_time last_check;     /* the client's last authenticated check, or its last answer to ours */
    mp_time last_nominated; /* the last check with USE-CANDIDATE; valid if `nominated` */
    uint32_t priority;      /* of the candidate, from the check */
    uint32_t credit;        /* bytes that may still be sent there; not used once validated */
    enum ice_tuple_state state;
    bool nominated;
    uint8_t ours;  /* index of our credentials that its last message used */
    int8_t theirs; /* index of the client's credentials; -1: old ones, or not known yet */
    struct {       /* while CHECKING or RECHECKING */
        uint8_t txid[STUN_TXID_SIZE];
        uint8_t tries;
        mp_time first, at; /* first sent; next due, or the end; MP_NEVER: no check runs */
    } check;
};

/* Credentials of both sides: the first ones, or those of an ICE restart. The two sides do not change at the
 * same time: a client that restarts uses its new ones at once but learns ours only from our answer. Until
 * then it checks with its new and our old ones. Chromium does so, and may keep that pair through further
 * restarts. */
struct ice_credentials {
    uint32_t generation;
    char local_ufrag[UFRAG_SIZE + 1];
    struct hmac_sha1 local_key;              /* local password: signs the client's checks and our answers */
    char remote_ufrag[REMOTE_UFRAG_MAX + 1]; /* "": not known yet */
    struct hmac_sha1 remote_key;             /* client's password: signs our checks and its answers */
};

struct ice {
    int8_t selected, wanted; /* -1: none yet. First in the struct, because every sent packet reads it */
    uint8_t count;           /* of tuples */
    enum ice_reason reason;  /* of `wanted` */
    bool flowed;             /* media came by the selected path, or by the one selected before it */
    struct ice_credentials credentials[ICE_GENERATIONS_MAX]; /* [0] in use; then restarts, oldest first */
    uint8_t generations;
    const struct hmac_sha1 *secret; /* key of the transaction ids */
    uint64_t transactions, tie_breaker;
    struct ice_tuple tuples[ICE_TUPLES_MAX];
    mp_time last_check;
    mp_time heard; /* last authenticated message or packet by the selected path */
    mp_time pause; /* smoothed interval between two of these */
    mp_time quiet_at;
};

/* The worker knows its own credentials from the registry when the first check arrives; ice_credentials_set
 * adds the rest. `secret` must outlive the agent; `seed` differs for each session. */
void ice_init(struct ice *, const char *local_ufrag, const char *local_password,
              const struct hmac_sha1 *secret, uint64_t seed, mp_time now);

struct ice_description {
    uint32_t generation; /* from 1 */
    const char *local_ufrag, *local_password, *remote_ufrag, *remote_password;
};
/* A known generation: completes it. A new generation: an ICE restart (RFC 8445 9). With ICE_GENERATIONS_MAX
 * generations it replaces the oldest unfinished restart. remote_ufrag has at most REMOTE_UFRAG_MAX
 * characters. */
void ice_credentials_set(struct ice *, const struct ice_description *);

enum ice_event {
    /* Not for us, not authentic or not a Binding request: no answer; or authentic and answered with an error.
     * No state changes. */
    ICE_REFUSED,
    ICE_CHECK,    /* from a known path */
    ICE_PATH_NEW, /* the first from this path */
    ICE_SELECTED, /* the selected path changed (also if the new path is new) */
};

struct ice_answer {
    enum ice_event event;
    bool path_new;       /* the path was added to the tuples */
    struct path dropped; /* if has_dropped: the oldest unselected tuple, which this path replaced */
    bool has_dropped;
    bool nominated;  /* this check made it the wanted path */
    bool moved;      /* ICE_SELECTED: media had used the previous path */
    mp_time silence; /* ICE_SELECTED: time since the last message by the old path; 0: none */
    mp_time rtt;     /* round-trip time of our check, if this was its answer */
    size_t len;      /* of the response in `reply`, sent to the check's path; 0: no response */
};

/* Handles a Binding request. Writes the response to `reply`: success; 487 if the client claims to be
 * controlled; 420 for unknown required attributes (both errors with event ICE_REFUSED). Nomination rule: the
 * latest authenticated USE-CANDIDATE wins, unless the wanted path has a higher candidate priority and was
 * nominated within the last 5 s, or the check uses older credentials. Plain checks never move the path.
 * MESSAGE-INTEGRITY is verified here, before any state changes. */
struct ice_answer ice_input(struct ice *, const struct stun_view *, const struct path *, uint8_t *reply,
                            size_t size, mp_time now);
/* Handles an answer to a check of ours: it must have the transaction id of the check that runs on this path,
 * and the client's signature. */
struct ice_answer ice_response(struct ice *, const struct stun_view *, const struct path *, mp_time now);
/* `len` bytes arrived by the path and are authentic under the session's media keys. Follows a client that
 * moved, after a check. ICE_CHECK: nothing changed. */
struct ice_answer ice_media(struct ice *, const struct path *, size_t len, mp_time now);

/* The caller doubts that the client is still there: checks the selected path. ICE_LOST follows if the client
 * does not answer. */
void ice_doubt(struct ice *, mp_time now);
/* Writes our next due check and its path; 0: none. Drain after every call of the others. */
size_t ice_output(struct ice *, struct path *to, uint8_t *out, size_t size, mp_time now);
/* Whether `len` bytes may be sent there now. True: they are subtracted from an unvalidated path's credit. An
 * unknown path gets nothing. */
bool ice_spend(struct ice *, const struct path *, size_t len);
/* `len` bytes came from there, authentic or not. */
void ice_credit(struct ice *, const struct path *, size_t len);

const struct path *ice_selected(const struct ice *); /* NULL: none yet. Always validated */
bool ice_knows(const struct ice *, const struct path *);
uint32_t ice_generation(const struct ice *, const struct path *); /* of our credentials there; 0: unknown */

mp_time ice_deadline(const struct ice *);
enum ice_timeout {
    ICE_IDLE,         /* nothing to do now */
    ICE_CHECK_FAILED, /* *path does not answer */
    ICE_LOST,         /* the selected path does not answer; or its consent ended, then no path is selected */
    ICE_EXPIRED,      /* the session's consent ended */
};
/* Call until ICE_IDLE or ICE_EXPIRED. */
enum ice_timeout ice_timeout(struct ice *, struct path *path, mp_time now);

/* "LOCAL:REMOTE" of USERNAME (RFC 8445 7.2.2): the local ufrag is the part before the colon. False: no colon
 * or empty. */
bool ice_username_local(struct bytes username, struct bytes *local);
