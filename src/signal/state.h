/* What the control plane keeps. Only src/signal includes it. */
#pragma once
#include "base/callers.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/rate.h"
#include "proto/codec.h"
#include "proto/sdp/sdp.h"
#include "proto/turn.h"
#include "signal/signaling.h"
#include "signal/timeline.h"
#include <jansson.h>
#include <sys/queue.h>

#define CAPABILITIES_MAX 24 /* codecs that we know in one section */
#define KNOWN_MAX        64 /* of one kind, that a client ever said that it knows: a bit each */
#define FMTP_MAX         1024 /* H.264's may carry its parameter sets */
#define TURN_URLS        2
#define RESUME_TIME      MP_S(15)
#define VANISH_TIME      MP_S(8)
#define RESUME_TOKEN_SIZE 32

enum role { ROLE_CALL, ROLE_STREAM, ROLE_WATCH };
enum source { SOURCE_MICROPHONE, SOURCE_CAMERA, SOURCE_SCREEN, SOURCE_SCREEN_AUDIO, SOURCE_COUNT };

/* A codec that a client described, with the payload type that repairs it. */
struct capability {
    struct sdp_codec codec; /* its fmtp points behind the list, or to a publication's own */
    uint8_t rtx;            /* 0: none */
    uint8_t number;         /* among all that the client knows of this kind */
};

struct capabilities { /* of one section, or, one behind the other, of all of a kind */
    struct capabilities *next;
    bool guessed; /* the client only sends them: what it decodes no section has told yet */
    size_t count;
    struct capability list[];
};

/* In which streams a source comes, as its client's description says; `several` are layers of it (simulcast). */
struct source_layers {
    uint32_t ssrc[LAYERS_MAX], rtx_ssrc[LAYERS_MAX]; /* 0: not announced */
    bool several;
    uint8_t rid_count;
    char rids[LAYERS_MAX][RTP_ONE_BYTE_MAX + 1]; /* the names that are answered */
};

/* One published source. */
struct publication {
    uint32_t track; /* its id, for workers and for a=msid */
    struct participant *publisher;
    struct publication *next;                    /* of the publisher */
    struct publication *room_next, **room_link;  /* of the room */
    enum sdp_kind kind;
    enum source source;
    char mid[MID_SIZE];
    struct capability capability; /* what it is sent with */
    struct source_layers layers;
    uint32_t announced; /* others are offered it, as its publisher's path is known: its number among all that are; 0: not yet */
    uint32_t mark;  /* of the last participant that was looked at and is sent it */
    char fmtp[];    /* of its capability */
};

/* One m= section of a client's connection. Sections never move; index is the m= line. */
struct section {
    enum sdp_kind kind;
    char mid[MID_SIZE];
    bool refused;                            /* port 0 */
    char *media, *format, *rtpmap;           /* of a refused one, to be repeated; malloc'ed. No rtpmap: NULL */
    char *protocol;                          /* of the client's; malloc'ed. NULL: we made it */
    bool rtcp_mux, rtcp_rsize;               /* in the client's last description */
    struct publication *publication;         /* what the client sends here */
    struct publication *subscription;        /* what we send here */
    bool sending;                            /* the client accepted it: the worker was told to send */
    bool retiring;                           /* what we sent ended: the client must hear of it before the section is used again */
    bool retiring_told;                      /* our open offer says so */
    uint8_t extensions;                      /* that the client's last description of it has, bit by rtp_extension */
    uint8_t extensions_sent;                 /* of them, those that it does not receive */
    enum sdp_direction direction;            /* the client's, in its last description of the section */
    bool ours;                               /* made by us, or offered as recvonly: free to send in */
    uint32_t ssrc, rtx_ssrc;
    const struct capability *capability;     /* the client's, that we send with */
    const struct capability *common;         /* the first that its last offer of the section has; NULL: none, or it did not offer it */
    uint64_t offered;                        /* all that it has, bit by number; 0: it did not offer it */
    struct capabilities *choice;             /* what the client may send here, all of which is answered; NULL: one codec is; malloc'ed */
};

enum session_state { SESSION_NOT_OPEN, SESSION_OPEN, SESSION_CLAIMED, SESSION_CONNECTED };

struct words { /* of a client, that were not heard yet */
    STAILQ_ENTRY(words) next;
    size_t len;
    char text[]; /* ends with a 0 that `len` does not count */
};

TAILQ_HEAD(participants, participant);

struct participant {
    struct signaling *signaling;

    /* Its connection. signaling.c or whip.c sets it when the connection opens; resume.c gives that of the client that
     * comes back to the participant that was lost. */
    void *socket; /* NULL: it was lost, and the client may come back on another */
    struct address local, remote;
    char host[256];
    bool forwarded, guest;
    bool by_http;                 /* WHIP or WHEP: its socket is no connection that could end */
    bool closing;                 /* say_bye said so */
    struct rate messages, offers; /* that it may still send; each that is heard takes from them */

    /* Messages that wait for its room's turn. Only turns.c changes these. */
    STAILQ_HEAD(, words) words;
    size_t words_len;        /* bytes of all of them */
    struct room *unheard_in; /* whose queue it is in; NULL: there are none */
    TAILQ_ENTRY(participant) unheard_next;

    /* Resumption after a lost connection. Only resume.c changes these. */
    bool resumable;
    char token[RESUME_TOKEN_SIZE + 1]; /* if it is resumable */
    mp_time lost_at;                   /* without a socket */

    /* Who it is. join.c takes this from the join message and its token; only a newer token changes it later. */
    char id[PEER_ID_MAX + 1], name[4 * PARTICIPANT_NAME_MAX + 1];
    char identity[IDENTITY_SIZE]; /* that its token vouches for; "" without */
    mp_time expires_at;           /* when its token does; MP_NEVER: it has none */
    mp_time joined_at;
    enum role role;
    enum codec codec;      /* that it wishes to publish with; CODEC_NONE: ours to choose */
    struct caller *caller; /* its address's, while it has joined; NULL: without bounds */

    /* Its place in the room. Only rooms.c changes these; join.c names the room. */
    bool joined;
    bool listed; /* the others are told of it by name; of a watcher in a crowd only the number changes */
    struct room *room;
    struct participant *next, **link; /* of the room */
    uint32_t index;                   /* in signaling->participants */
    uint64_t arrival;                 /* its number among all joins */

    /* What the others should know, which protocol.c sets, and what they were told of it, which news.c does. */
    bool audio_muted, video_muted;
    struct {
        bool joined, audio_muted, video_muted;
        bool waiting;      /* in its room's queue: something else is to be told */
        bool resting;      /* in signaling->resting: it was told of a moment ago … */
        mp_time rested_at; /* … and may be again from then on */
        TAILQ_ENTRY(participant) next;
    } news;

    /* Its session on a worker. session.c opens, restarts and closes it, and notes what the worker tells of its path;
     * signaling.c notes who claimed it and how it ended. */
    enum session_state state;
    uint32_t session;
    unsigned owner;                         /* worker, once claimed */
    struct session_credentials credentials; /* ours, of the last generation */
    uint32_t generation;                    /* of ICE credentials; 1 is the first */
    mp_time vanished_at; /* its path gave no sign of life from then on; MP_NEVER: it does */
    bool vanished;       /* for so long that others may take its place */
    struct {
        struct path path; /* port 0: nowhere yet */
        uint32_t reason, changes;
    } media_path;              /* where media goes to, as last told */
    struct timeline *timeline; /* of the session, and of the one before until there is another; NULL: none */
    bool candidates_said;      /* with the first answer */
    bool restart_asked;        /* say.c: of the client */
    mp_time restart_asked_at;

    /* What the client's descriptions say of its connection. negotiate.c changes these, and extensions.c those of header
     * extensions. */
    char remote_ufrag[REMOTE_UFRAG_MAX + 1], remote_password[ICE_CREDENTIAL_MAX + 1];
    struct fingerprint fingerprint;
    bool active;  /* we begin its DTLS association: it is passive */
    bool bundles; /* its last offer has a BUNDLE group */
    struct rtp_extension_ids extensions;
    uint16_t extension_ids; /* that its descriptions ever used, for whatever extension; bit by id */
    bool dependency_ours;   /* we chose the dependency descriptor's id, and the client has not said yet whether it takes it */
    uint8_t audio_extensions, video_extensions; /* those that the client receives, of either kind, bit by rtp_extension */
    struct capabilities *audio, *video;

    /* m= sections and what is published in them. negotiate.c takes the client's, offer.c adds ours; an answer or the
     * client's offer moves sections_told. */
    struct section *sections;
    size_t section_count, section_room;
    size_t sections_told; /* of them, that the client knows: all, but while an offer is made */
    struct publication *publications;

    /* Our descriptions and offers. offer.c changes these, and negotiate.c ends `offering`; signaling.c draws the ids. */
    uint64_t sdp_session;
    uint32_t sdp_version;
    char streams[2][CNAME_SIZE]; /* MediaStream ids: camera and microphone; screen and its sound */
    uint32_t ssrc_last;          /* that we send under */
    uint32_t judged[2]; /* by kind: of what was announced until then it was told what it does not decode */
    bool offering;      /* our offer waits for its answer */
    bool unoffered;     /* it was not told of all that it should be sent: there was no memory for the offer */
    bool dirty;         /* in its room's queue: what it should be sent may have changed */
    TAILQ_ENTRY(participant) dirty_next;

    /* How a client of WHIP or WHEP negotiates. whip.c sets these once. */
    bool chooses; /* what it publishes is answered with every codec that it offered: it sends one of them */
    bool passive; /* it is never offered anything: what it is sent goes where its own offers left room */
};

struct departed { /* of whom the room is to be told that it left */
    TAILQ_ENTRY(departed) next;
    uint64_t from, until; /* who of those arrivals knows it */
    char id[PEER_ID_MAX + 1];
};

struct room {
    char name[4 * ROOM_NAME_MAX + 1];
    uint32_t index; /* in signaling->rooms */
    size_t count, watchers_listed;
    size_t audience; /* watchers that are not listed */
    bool audience_changed;
    char *listing; /* what a crowd's newcomers are told of the listed ones; NULL: to be written again; malloc'ed */
    struct participant *participants;
    struct publication *publications;
    struct participants unheard, dirty, news; /* the oldest first */
    TAILQ_HEAD(, departed) departed;
    struct rate offers_budget, news_budget;
    enum room_turn { TURN_NONE, TURN_NEXT, TURN_LATER } turn; /* which of signaling's queues it is in */
    TAILQ_ENTRY(room) turn_next;
};

TAILQ_HEAD(rooms, room);

struct signaling {
    struct signal_config config;
    struct signal_io io;
    uint64_t hash_key;
    struct room **rooms;
    uint32_t *room_free;
    size_t room_free_count, room_count;
    struct map room_names;
    struct participant **participants; /* joined ones, by index */
    uint32_t *participant_free;
    size_t participant_free_count, participant_count;
    struct map participant_ids;
    struct participant **by_slot; /* by the session's slot */
    uint32_t next_track, next_mark, announced;
    uint64_t arrivals;
    struct room lobby; /* whoever has no session yet waits there to be heard, not behind the crowd that it joins */
    struct rooms turns[TURN_LATER + 1]; /* rooms with something to do, and those that must not do it before turns_at */
    mp_time turns_at;
    struct participants resting; /* the first may be told of again first */
    mp_time expires_at;  /* the first of its participants' */
    struct callers joiners;
    mp_time audience_at; /* when rooms whose audience changed are told; MP_NEVER: none did */
    mp_time vanish_at; /* when somebody will have been lost for VANISH_TIME; MP_NEVER: nobody is lost */
    mp_time resume_at; /* when to look for participants that did not resume in time; MP_NEVER: nobody might */
    struct timeline *ended[TIMELINES_ENDED_MAX]; /* a ring */
    size_t ended_next;
    bool stopping;
    uint64_t joins, leaves, errors, offers, answers, failures;
};

/* --- join.c --- */
void join_handle(struct participant *, json_t *message, mp_time now);
void join_expire(struct signaling *, mp_time now); /* those whose tokens did leave */

/* --- signaling.c --- */
void participant_replace(struct participant *, mp_time now); /* it leaves: who it is has joined anew. It may be gone afterwards */

/* --- rooms.c --- */
bool rooms_init(struct signaling *);
void rooms_free(struct signaling *);
enum join_result { JOIN_OK, JOIN_PEER_TAKEN, JOIN_ROOM_FULL, JOIN_SERVER_FULL, JOIN_NO_MEMORY };
/* participant->id must be set. */
enum join_result room_join(struct signaling *, struct participant *, const char *room);
struct participant *participant_find(const struct signaling *, const char *id); /* NULL: nobody */
void room_leave(struct signaling *, struct participant *);
void room_list(struct participant *, mp_time now);   /* after a join: the others see it by name, or counted */
void room_unlist(struct participant *, mp_time now); /* before a leave */

/* --- turns.c: what waits, and whose turn it is --- */
void turns_init(struct room *);
void turns_rich(struct signaling *); /* who waited for its budget may look again */
void turns_forget(struct signaling *, struct room *); /* it ends */
void turn_wanted(struct signaling *, struct room *); /* it has something to do */
/* Keeps what a client said until its room's turn. False: there is no memory. */
bool words_keep(struct participant *, const char *text, size_t len);
void words_move(struct participant *from, struct participant *to); /* behind its own */
void words_wait(struct participant *); /* if it said something: in the room that it is in now, until words_leave */
void words_leave(struct participant *);
void words_drop(struct participant *);

/* --- news.c: what a room is told of who is in it --- */
void news_joined(struct participant *);
void news_changed(struct participant *); /* perhaps */
void news_left(struct participant *);    /* it is still there */
bool news_next(struct room *, mp_time now); /* the oldest; false: there is nothing, or the room has said too much */
bool news_waiting(const struct room *);
void news_forget(struct room *); /* it ends */
void news_rested(struct signaling *, mp_time now);

/* --- say.c: what goes out as JSON --- */
json_t *say_describe(const struct participant *); /* the P of the protocol */
void say_json(struct participant *, json_t *); /* takes the reference */
/* To all of a room's who arrived within these bounds (`until` excluded), but one; takes the reference. */
void say_room(struct room *, const struct participant *except, uint64_t from, uint64_t until, json_t *);
/* An offer or an answer, and whose the streams in it are (NULL: nothing is said of that; takes the reference). False: there
 * was no memory for it, and it is not said. */
bool say_description(struct participant *, const char *type, const char *sdp, json_t *streams);
void say_error(struct participant *, const char *code, const char *message);
void say_bye(struct participant *, const char *reason, const char *message, uint16_t close_code);
void say_too_much(struct participant *); /* to who says too much */
void say_audiences(struct signaling *);
void say_candidates(struct participant *);
void say_resumed(struct participant *);
void say_path(struct participant *);
void say_restart_ice(struct participant *, mp_time now);
void say_stalled(struct participant *, const struct publication *);
void say_unsupported(struct participant *, const struct publication *);
void say_timeline(struct participant *);
void say_turn(struct participant *, mp_time now);
void say_listing_changed(struct room *);
void say_joined(struct participant *); /* to it, and to the others */
void say_seen(struct participant *, const struct address *);

/* --- candidates.c --- */
/* Addresses to offer this client, best first. Returns how many. */
size_t candidates_for(const struct signal_config *, const struct address *local, const char *host,
                      struct address out[CANDIDATES_MAX]);
/* Adds what a client may know of its network: `address`, where it comes from (remote NULL: unknown), and `probePort`. */
void candidates_tell_network(json_t *, const struct address *remote, uint16_t probe_port);

/* --- turn.c --- */
struct turn_access { /* to our TURN server, for one client */
    char urls[TURN_URLS][sizeof "turns:?transport=tcp" + 256 + 8];
    char username[TURN_USERNAME_MAX + 1], credential[TURN_PASSWORD_SIZE + 1];
};
/* `local`, `host`: as the client reached us; `id`: whose credentials they are, for the server's quotas. False: there is no TURN
 * server. */
bool turn_access(const struct signaling *, const struct address *local, const char *host, uint64_t id, struct turn_access *,
                 mp_time now);

/* --- capability.c --- */
bool codec_is_usable(const struct sdp_codec *);
struct capabilities *capabilities_of(const struct sdp_section *); /* NULL: no memory */
void capabilities_free(struct capabilities *);
/* Adds what the section tells of what its client knows: what it takes there, or, until some section tells that, what it sends
 * (RFC 3264 5.1). What was there stays where it is. False: no memory. */
bool capabilities_learn(struct capabilities **known, const struct sdp_section *);
const struct capability *capability_first(const struct capabilities *known); /* NULL: there is none */
/* The same codec by the same numbers; NULL: none. */
const struct capability *capability_same(const struct capabilities *known, const struct capability *);
/* The viewer's description of the same codec; NULL: it cannot decode that. */
const struct capability *capability_match(const struct capabilities *, const struct capability *);
/* What a publisher should send with: its wish, what all in the room decode, VP8, its own order. NULL: nothing known. */
const struct capability *capability_choose(const struct participant *, const struct capabilities *);

/* --- extensions.c: which RTP header extensions go where, and under which ids --- */
/* Those of a section of the client's offer, bit by rtp_extension. */
uint8_t extensions_learn(struct participant *, const struct sdp_section *);
/* An id for the dependency descriptor, which Chromium takes but does not offer. */
void extensions_choose(struct participant *, const struct sdp *offer);
/* Those of our section that the client's answer takes. */
uint8_t extensions_accepted(struct participant *, const struct sdp_section *answer);
/* Those of our description of a section, and of what is sent there. An answer has nothing that its offer lacks; an offer of ours
 * has all that the client receives of that kind. */
struct rtp_extension_ids extensions_of_answer(const struct participant *, const struct section *); /* and of what is sent there */
struct rtp_extension_ids extensions_of_offer(const struct participant *, const struct section *);

/* --- session.c: the session behind a participant, and its worker --- */
bool session_open(struct participant *, mp_time now); /* false: the server is full */
void session_restart(struct participant *, mp_time now); /* an ICE restart: new credentials */
void session_credentials(struct participant *);          /* tells the owner which they are */
/* What the worker tells of it. */
void session_event(struct participant *, const struct session_event *, mp_time now);
void session_vanish(struct signaling *, mp_time now); /* those that were lost for long */
void session_close(struct participant *);
void session_command(struct participant *, struct message *); /* to the owner, if there is one yet */
/* Its packets come with this payload type, one of its section's choice. */
void publication_turn(struct participant *, uint32_t track, uint8_t payload_type, mp_time now);
void publication_start(struct participant *, struct publication *);
void publication_end(struct participant *, struct publication *);
void subscription_start(struct participant *, struct section *);
void subscription_pause(struct participant *, struct section *); /* the client does not want it now */
void subscription_end(struct participant *, struct section *);

/* --- resume.c: participants whose socket was lost --- */
void resume_offer(struct participant *);                            /* makes its token */
void resume_handle(struct participant *, json_t *message, mp_time now);    /* on a new socket; `participant` may be gone afterwards */
void resume_wait(struct participant *, mp_time now);                /* its socket was lost */
void resume_never(struct participant *, mp_time now);               /* it has no socket, and nothing to come back for */
/* The next one whose time is up, or with `all` the next one without a socket; NULL: none. */
struct participant *resume_overdue(struct signaling *, bool all, mp_time now);

/* --- negotiate.c --- */
void negotiate_offer(struct participant *, const char *sdp, size_t len, json_t *sources, mp_time now);
/* Looks at an offer of which a session is to come, before anybody joins for it: of a publisher, or of who `watches`. *why: in words,
 * unless it is good. */
enum offer_fault {
    OFFER_GOOD,
    OFFER_UNREADABLE,     /* no session description */
    OFFER_NOT_POSSIBLE,   /* one of which no session can come */
    OFFER_NOT_ACCEPTABLE, /* all that it has would be refused */
};
enum offer_fault negotiate_look(const char *sdp, size_t len, bool watches, const char **why);
void negotiate_answer(struct participant *, const char *sdp, size_t len, mp_time now);
void negotiate_forget(struct participant *); /* it leaves: its sections and publications */

/* --- offer.c --- */
/* What `participant` should be sent may have changed: it is offered when it is its turn. */
void offer_touch(struct participant *);
void offer_touch_room(struct room *);
/* Makes the oldest offer that waits in the room; false: there is none, or the room has said too much. */
bool offer_next(struct room *, mp_time now);
void offer_fill(struct participant *); /* gives who is passive what there is to watch, in the sections that it offered */
void offer_resumed(struct participant *); /* on another socket: the offer that its client may not have got, or what changed meanwhile */
