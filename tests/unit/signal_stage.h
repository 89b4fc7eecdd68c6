/* The control plane alone: the test plays its sockets, its clients and its workers. The workers record their
 * commands and break an invariant if a command contradicts an earlier one. */
#pragma once
#include "base/prng.h"
#include "proto/sdp/sdp.h"
#include "sfu/message.h"
#include "signal/signaling.h"
#include "signal/whip.h"
#include <jansson.h>

#define STAGE_PEERS_MAX    256
#define STAGE_WORKERS      2
#define STAGE_COMMANDS_MAX 65536
#define STAGE_TURN_SECRET  "the stage's secret"
#define STAGE_WALL_S       3900000000 /* since 1900, at mp_time 0 */
#define STAGE_UNIX_S       (STAGE_WALL_S - 2208988800)

struct line { /* one m= line as the client has it */
    enum sdp_kind kind;
    enum sdp_direction direction; /* the client's */
    char mid[MID_SIZE];
    bool refused, stopped; /* stopped: the client neither sends nor receives there, also in its answers */
};

struct peer {
    struct stage *stage;
    struct participant *participant; /* NULL: its socket is closed */
    char id[64];
    json_t *received, *taken;
    uint16_t close_code; /* of the server; 0: open */
    char close_reason[32];
    unsigned doubted;  /* pings from the server */
    char ufrag[64];    /* of the server's answer */
    unsigned restarts; /* of ICE, by the client's next offer */
    unsigned codecs;   /* video codecs of the client, bits of enum codec; it always has Opus */
    struct line lines[SDP_SECTIONS_MAX];
    size_t line_count;
};

struct published { /* state of a worker */
    uint32_t session, track;
};

struct stage {
    mp_time now;
    struct registry *registry;
    struct stats stats[STAGE_WORKERS];
    const struct stats *stats_list[STAGE_WORKERS];
    struct signaling *signaling;
    struct whip *whip;
    struct prng prng;
    struct peer *peers[STAGE_PEERS_MAX];
    size_t peer_count;
    struct message commands[STAGE_COMMANDS_MAX];
    size_t command_count, commands_seen; /* `seen`: by stage_command */
    size_t closes_answered;              /* commands that stage_work looked through */
    struct session_ice credentials;      /* the last that a worker was told */
    struct published tracks[1024], viewers[4096];
    size_t track_count, viewer_count;
};

/* With room for so many sessions; `announced` may be NULL, else the only address that is offered. */
void stage_open(struct stage *, size_t sessions, const char *announced);
/* The same with bounds, of which the stage keeps copies; the wall clock is at STAGE_UNIX_S + now. */
void stage_open_bounded(struct stage *, size_t sessions, const struct access *, const struct signal_limits *);
/* closes every socket and ends all sessions; checks that nothing is left */
void stage_close(struct stage *);
void stage_timeout(struct stage *); /* its time has come */
void stage_go_on(struct stage *);   /* runs all work that may be done now */
/* Workers answer every SESSION_CLOSE that they have not answered. */
void stage_work(struct stage *);
void stage_event(struct stage *, enum message_type, uint32_t session, unsigned worker);
void stage_tell(struct stage *, const struct message *);           /* an event of a worker */
void stage_end(struct stage *, uint32_t session, enum end_reason); /* its worker forgets the session */
/* The next command of this type for that session (SESSION_NONE: any) that was not returned before; NULL:
 * none. */
const struct message *stage_command(struct stage *, enum message_type, uint32_t session);
size_t stage_commands(const struct stage *, enum message_type); /* how many there ever were */
long long stage_metric(struct stage *, const char *name);       /* -1: not there */
char *golden(const char *name);                                 /* malloc'ed text of tests/golden */

struct peer *peer_open(struct stage *, const char *host, const char *local);
struct peer *peer_open_from(struct stage *, const char *remote);
void peer_free(struct peer *); /* closed ones only; the stage forgets it */
void peer_close(struct peer *);
void peer_text(struct peer *, const char *);
void peer_say(struct peer *, const char *type, const char *format,
              ...); /* further members, as json_pack; "" for none */
struct peer *peer_join(struct stage *, const char *room, const char *role);
/* The first waiting message of this type; NULL: none. Valid until the next take. */
json_t *take(struct peer *, const char *type);
const char *take_text(struct peer *, const char *type, const char *member); /* "" without */
size_t waiting(const struct peer *, const char *type);                      /* NULL: of all types */
/* the number of waiting messages */
void forget(struct peer *);

struct line *peer_line(struct peer *, enum sdp_kind, enum sdp_direction); /* to be offered */
void peer_offer(struct peer *);                                           /* its lines */
void peer_lines(struct peer *, const char *sdp);                          /* its lines become those */
void peer_offer_text(struct peer *, const char *sdp);                     /* the same, and offers it */
bool peer_offer_golden(struct peer *, const char *name);
/* Answers the offer that waits, but refuses section `but` (NULL: none). False: no offer waits. */
bool peer_answer(struct peer *, const char *but);
void peer_learn(struct peer *, const char *answer); /* reads the connection data of an answer */
uint32_t peer_session(const struct peer *);         /* SESSION_NONE: none */
void peer_claim(struct peer *, unsigned worker);
/* Joins, offers camera and microphone by the role, is claimed, and answers its offers. */
struct peer *peer_call(struct stage *, const char *room, const char *role, unsigned worker);
