/* A whole deployment on one thread, in virtual time, from one seed: the real sfu of several workers with the
 * real mailboxes between them, the real signaling, guests made of the client transport, NATs and lossy links.
 * The seed determines all events, so it reproduces a failure; the simulator checks the invariants all the
 * time (see invariants.h). */
#pragma once
#include "base/heap.h"
#include "base/prng.h"
#include "base/time.h"
#include "tests/sim/set.h"
#include <stdbool.h>
#include <stdint.h>

#define GUESTS_MAX  10
#define WORKERS     4 /* at the most */
#define ROOMS_COUNT 3

struct sim;
struct network;
struct server;
struct guest;

/* An event at a time; part of the object that it concerns. */
struct event {
    struct heap_node node; /* first: a node is its event */
    void (*run)(struct sim *, struct event *);
};

/* Deliberate faults, one for each invariant, to show that its check detects a violation. */
#define SABOTAGES(X)                                                                                         \
    X(SABOTAGE_NONE, "none")                                                                                 \
    X(SABOTAGE_AUTHENTICATION,                                                                               \
      "authentication")                  /* somebody has a guest's password and checks from elsewhere */     \
    X(SABOTAGE_ROOM, "room")             /* a viewer is subscribed to a track of another room */             \
    X(SABOTAGE_DECODING, "decoding")     /* one guest's RTP is lost for ever */                              \
    X(SABOTAGE_POOLS, "pools")           /* a replica's end is not reported to the origin */                 \
    X(SABOTAGE_NONCES, "nonces")         /* a publisher sends other bytes under a number used before */      \
    X(SABOTAGE_RESENDING, "resending")   /* retransmissions without RTX get new extensions */                \
    X(SABOTAGE_LAYERS, "layers")         /* a publisher's layers come mixed under one SSRC */                \
    X(SABOTAGE_NUMBERS, "numbers")       /* a stream that pauses goes on with a gap in its numbers */        \
    X(SABOTAGE_OWNERS, "owners")         /* a path's end is not reported to its worker */                    \
    X(SABOTAGE_CONTENT, "content")       /* a publisher's bytes are changed before it encrypts them */       \
    X(SABOTAGE_CONTINUITY, "continuity") /* a publisher leaves a frame out without leaving a number out */   \
    X(SABOTAGE_CONNECTION, "connection") /* a session that is up ends as if its handshake had failed */      \
    X(SABOTAGE_DEADLINES, "deadlines")   /* a worker always has a deadline in the past */                    \
    X(SABOTAGE_SIGNALING, "signaling")   /* a guest sends an invalid message */                              \
    X(SABOTAGE_NEWS, "news")             /* the server does not report a mute */
enum sabotage {
#define X(name, word) name,
    SABOTAGES(X)
#undef X
};

struct sim_options {
    bool real_crypto; /* else payloads stay readable and tags are checksums */
    bool verbose;     /* logs events on standard output */
    enum sabotage sabotage;
    /* Not 0: instead of a scenario, a call of three whose links do this to so many datagrams in both
     * directions: lose them, at random or in bursts, or reorder and duplicate them. */
    unsigned loss_percent, burst_percent, reorder_percent;
};

struct sim_result {
    bool failed;
    const char *invariant; /* name of the violated invariant */
    char detail[240];
    uint64_t trace;   /* a hash of all datagrams and messages; equal for equal seed and options */
    mp_time duration; /* virtual */
    uint64_t pictures_due, pictures, sounds_due,
        sounds; /* in a call with loss: frames that viewers should have decoded, and did */
    uint64_t datagrams, frames, joins, faults;
    mp_time settled; /* from the last fault until everybody decoded everybody */
    /* asked: missing packets requested from publishers */
    uint64_t rtp_in, rtx_out, nack_in, asked, pli_out, strays, drops;
};

struct sim {
    struct sim_options options;
    struct sim_result result;
    struct prng prng;
    mp_time now;
    struct heap events;
    struct network *network;
    struct server *server;
    struct guest *guests[GUESTS_MAX];
    unsigned guest_count;
    bool stopped;       /* an invariant failed */
    bool sabotage_done; /* the sabotage took effect at least once */
};

/* Runs one seed to its end, or to the first broken invariant. */
void sim_run(struct sim_result *, uint64_t seed, const struct sim_options *);
void sim_tell_crashes(void); /* from now on a crash prints its seed */

/* --- for the parts --- */
void event_at(struct sim *, struct event *, mp_time);     /* sets the time, replacing an earlier plan */
void event_before(struct sim *, struct event *, mp_time); /* sets the time, unless it is planned earlier */
void event_off(struct sim *, struct event *);
void sim_until(struct sim *, mp_time); /* runs events until that time */

/* An invariant does not hold: the run ends. */
void violated(struct sim *, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tell(struct sim *, const char *format, ...) __attribute__((format(printf, 2, 3))); /* where verbose */
static inline void trace(struct sim *s, uint64_t v) { s->result.trace = mix(s->result.trace, v); }

static inline uint32_t below(struct sim *s, uint32_t n) { return prng_below(&s->prng, n); }
static inline bool chance(struct sim *s, uint32_t per_10000)
{
    return per_10000 && below(s, 10000) < per_10000;
}
/* A duration, in whole microseconds. */
static inline mp_time between(struct sim *s, mp_time low, mp_time high)
{
    return low + MP_US(below(s, (uint32_t)((high - low) / 1000) + 1));
}
/* Whether to do it now: this sabotage is on. */
static inline bool sabotaged(struct sim *s, enum sabotage what)
{
    if (s->options.sabotage != what)
        return false;
    s->sabotage_done = true;
    return true;
}
