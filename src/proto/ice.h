/* One session's ICE agent, lite (RFC 8445 2.5) towards the controlling client: it answers checks and follows the client's nomination.
 * What a lite agent need not do and this one does: it checks each address itself before media goes there (a Binding request, whose
 * answer proves that the client is there: RFC 8445 2.5 lets it), and so can follow a client whose NAT gave it another mapping.
 *
 * A tuple is a path that something authentic came by. `wanted` is the one that media should go to, by nomination or because the
 * client's media comes from there now; `selected` is the one that it goes to: the last wanted one that was validated.
 *
 * Timers: consent: 30 s without an authenticated check end the session, and the use of a path (RFC 7675 5.1); our own checks, at 0,
 * 100, 300, 700 and 1500 ms, given up at 3.1 s; a selected path that nothing came by for 4 s is checked. */
#pragma once
#include "crypto.h"
#include "limits.h"
#include "mptime.h"
#include "path.h"
#include "stun.h"

#define ICE_CONSENT_TIMEOUT  MP_S(30)
#define ICE_NOMINATION_HOLDS MP_S(5)
#define ICE_CHECK_RTO        MP_MS(100)
#define ICE_CHECK_TRIES      4         /* fails after 1.5 s: whoever vanished is seen to be gone within 2 */
#define ICE_QUIET            MP_S(4)   /* Chromium checks every 2.5 s … */
#define ICE_QUIET_LIVELY     MP_S(1)   /* … and who sends media or feedback is heard all the time */
#define ICE_QUIET_PAUSES     8         /* in between: silent for so many of its usual pauses */
#define ICE_BURST            MP_MS(10) /* what comes closer together has no pause between it */
#define ICE_SILENT           MP_MS(200) /* then media from another known path moves there */
#define ICE_AMPLIFICATION    3 /* bytes that a path which is not validated may be sent for each that came from it (RFC 9000 8) */

/* Why a path is wanted: the client chose it, by its nomination or by what it sends there; something on the way moved the client; or a
 * restart did. */
enum ice_reason { ICE_BY_NOMINATION, ICE_BY_ROAMING, ICE_BY_RESTART };

/* How far our own checks of a tuple have come. RFC 8445 6.1.2.6 has these states for a full agent's pairs; a valid
 * tuple stays valid, as the client's answer proved that it receives there, and a later silence does not disprove it.
 * Only tuple_enter in ice.c changes the state:
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
 * `wanted` and `selected` of struct ice are not part of it: any tuple may be wanted, only a valid one is selected. */
enum ice_tuple_state {
    ICE_TUPLE_NONE,       /* an unused place */
    ICE_TUPLE_CHECKING,   /* not validated; a check of ours runs, or waits for the client's credentials */
    ICE_TUPLE_FAILED,     /* not validated; no check runs */
    ICE_TUPLE_VALID,      /* validated: media may go there */
    ICE_TUPLE_RECHECKING, /* validated; a check of ours runs again */
};

struct ice_tuple {
    struct path path;
    mp_time last_check;     /* authenticated check of the client's, or its answer to ours */
    mp_time last_nominated; /* the last check with USE-CANDIDATE; only where `nominated` */
    uint32_t priority;      /* of the candidate, from the check */
    uint32_t credit;        /* bytes that may still go there; counts until it is validated */
    enum ice_tuple_state state;
    bool nominated;
    uint8_t ours;           /* which of our credentials it was heard under */
    int8_t theirs;          /* and which the client had; -1: old ones, or we were not told yet */
    struct {
        uint8_t txid[STUN_TXID_SIZE];
        uint8_t tries;
        mp_time first, at; /* first sent; the next one, or the end; MP_NEVER: none runs */
    } check; /* while CHECKING or RECHECKING */
};

/* Credentials of both sides: the first, or those of an ICE restart. They do not change at the same time: a client that restarts has
 * new ones at once and knows ours only when our answer is there. Meanwhile it checks under its new and our old ones (Chromium does,
 * and may stay with that pair, restart after restart). */
struct ice_credentials {
    uint32_t generation;
    char local_ufrag[UFRAG_SIZE + 1];
    struct hmac_sha1 local_key;  /* of the local password: checks are signed with it, and so are our answers */
    char remote_ufrag[REMOTE_UFRAG_MAX + 1]; /* "": not known yet */
    struct hmac_sha1 remote_key; /* of the client's password: our checks are signed with it, and so are its answers */
};

struct ice {
    int8_t selected, wanted; /* -1: none yet. First, as every packet sent asks for it */
    uint8_t count;           /* of tuples */
    enum ice_reason reason;  /* of `wanted` */
    bool flowed;             /* media came by the selected path, or by the one that was selected last */
    struct ice_credentials credentials[ICE_GENERATIONS_MAX]; /* the first are in use; then those of restarts, by age */
    uint8_t generations;
    const struct hmac_sha1 *secret;   /* makes transaction ids */
    uint64_t transactions, tie_breaker;
    struct ice_tuple tuples[ICE_TUPLES_MAX];
    mp_time last_check;
    mp_time heard;           /* anything authentic by the selected path */
    mp_time pause;           /* between two of it, smoothed */
    mp_time quiet_at;
};

/* The worker knows its own side from the registry when the first check comes; ice_credentials_set tells the rest. `secret` stays;
 * `seed` is another one for each session. */
void ice_init(struct ice *, const char *local_ufrag, const char *local_password, const struct hmac_sha1 *secret, uint64_t seed,
              mp_time now);

struct ice_description {
    uint32_t generation; /* from 1 */
    const char *local_ufrag, *local_password, *remote_ufrag, *remote_password;
};
/* Of a known generation: completes it. Of a new one: an ICE restart (RFC 8445 9); with ICE_GENERATIONS_MAX of them, instead of the
 * oldest that had not come to its end. remote_ufrag has at most REMOTE_UFRAG_MAX characters. */
void ice_credentials_set(struct ice *, const struct ice_description *);

enum ice_event {
    ICE_REFUSED,    /* not for us, not authentic, not a Binding request: dropped without an answer; or authentic and
                       answered with an error. Nothing learned */
    ICE_CHECK,      /* from a known path */
    ICE_PATH_NEW,   /* the first from this path */
    ICE_SELECTED,   /* the selected path changed (also when the new path is new) */
};

struct ice_answer {
    enum ice_event event;
    bool path_new;       /* the path was added to the tuples */
    struct path dropped; /* path_new with has_dropped: the oldest tuple that is not selected made room */
    bool has_dropped;
    bool nominated;      /* by this check it became the wanted path */
    bool moved;          /* ICE_SELECTED: media had flowed by the path before */
    mp_time silence;     /* ICE_SELECTED: since something came by the path before; 0: there was none */
    mp_time rtt;         /* of our own check, if this was its answer */
    size_t len;          /* of the response in `reply`; goes to the path that the check came by; 0: say nothing */
};

/* Handles a Binding request. The response (success; 487 where the client claims to be controlled; 420 for unknown
 * required attributes; both with event ICE_REFUSED) is written to `reply`. The nomination rule of ours: the latest
 * authenticated USE-CANDIDATE wins unless its candidate priority is below that of the wanted path while that path was
 * itself nominated within the last 5 s, or its credentials are older; plain checks never move the path. MESSAGE-INTEGRITY is
 * verified here, before anything is learned. */
struct ice_answer ice_input(struct ice *, const struct stun_view *, const struct path *, uint8_t *reply, size_t size,
                            mp_time now);
/* Handles an answer to a check of ours: it must be of the transaction that runs on that very path, and signed by the client. */
struct ice_answer ice_response(struct ice *, const struct stun_view *, const struct path *, mp_time now);
/* `len` bytes came by the path that authenticate under the session's media keys: a client that moved is followed, after a check.
 * ICE_CHECK: nothing changed. */
struct ice_answer ice_media(struct ice *, const struct path *, size_t len, mp_time now);

/* The caller doubts that the client is still there: checks the selected path, and ICE_LOST follows if the client does not answer. */
void ice_doubt(struct ice *, mp_time now);
/* The next check of ours that is due, and where it goes; 0: none. Drain after every call of the others. */
size_t ice_output(struct ice *, struct path *to, uint8_t *out, size_t size, mp_time now);
/* Whether `len` bytes may go there now. True: they are taken from what an unvalidated path may get. An unknown path gets nothing. */
bool ice_spend(struct ice *, const struct path *, size_t len);
void ice_credit(struct ice *, const struct path *, size_t len); /* `len` bytes came from there, authentic or not */

const struct path *ice_selected(const struct ice *); /* NULL: none yet. Always validated */
bool ice_knows(const struct ice *, const struct path *);
uint32_t ice_generation(const struct ice *, const struct path *); /* of our credentials there; 0: not known */

mp_time ice_deadline(const struct ice *);
enum ice_timeout {
    ICE_IDLE,         /* nothing more to do now */
    ICE_CHECK_FAILED, /* *path does not answer */
    ICE_LOST,         /* the same, and it is the selected one; or its consent ended, then nothing is selected */
    ICE_EXPIRED,      /* the session's consent ended */
};
/* Call until ICE_IDLE or ICE_EXPIRED. */
enum ice_timeout ice_timeout(struct ice *, struct path *path, mp_time now);

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
/* Whether it looks like a candidate's line, though of a transport, type or address that is not known here: RFC 8839 5.1 has
 * such candidates ignored. */
bool candidate_is_line(const char *text, size_t len);
/* Writes "candidate:…" for host and srflx (with raddr 0.0.0.0 or ::, rport 0) candidates. Returns the length, 0: does not fit. */
size_t candidate_write(const struct candidate *, char *out, size_t size);
/* RFC 8445 5.1.2.1: type preference (host 126, prflx 110, srflx 100, relay 0), local preference, component. */
uint32_t candidate_priority(enum candidate_type, uint16_t local_preference, uint16_t component);
/* The server's own candidate of its address number `i`: by UDP, or passive TCP (RFC 6544), which ranks below UDP's of all. */
struct candidate candidate_host(const struct address *, size_t i, bool tcp);
