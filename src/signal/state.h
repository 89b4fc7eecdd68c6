/* The state of the control plane. Only src/signal includes it. */
#pragma once
#include "adapt/speaker.h"
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

#define SPEAKERS_RECENT   4    /* told to clients */
#define CAPABILITIES_MAX  24   /* known codecs in one section */
#define KNOWN_MAX         64   /* codecs of one kind that one client ever described: a bit each */
#define FMTP_MAX          1024 /* H.264's may contain its parameter sets */
#define TURN_URLS         2
#define RESUME_TIME       MP_S(15)
#define VANISH_TIME       MP_S(8)
#define RESUME_TOKEN_SIZE 32

enum role { ROLE_CALL, ROLE_STREAM, ROLE_WATCH };
enum source { SOURCE_MICROPHONE, SOURCE_CAMERA, SOURCE_SCREEN, SOURCE_SCREEN_AUDIO, SOURCE_COUNT };

/* A codec that a client described, and the payload type of its RTX. */
struct capability {
    struct sdp_codec codec; /* its fmtp points behind the list, or into a publication */
    uint8_t rtx;            /* 0: none */
    uint8_t number;         /* its number among the client's codecs of this kind */
};

struct capabilities { /* of one section; or of all sections of a kind, concatenated */
    struct capabilities *next;
    bool guessed; /* the client only sends these: no section has told yet what it decodes */
    size_t count;
    struct capability list[];
};

/* The streams of a source, as its client describes them; with `several` they are its simulcast layers. */
struct source_layers {
    uint32_t ssrc[LAYERS_MAX], rtx_ssrc[LAYERS_MAX]; /* 0: not announced */
    bool several;
    uint8_t rid_count;
    char rids[LAYERS_MAX][RTP_ONE_BYTE_MAX + 1]; /* the names in the answer */
};

/* One published source. */
struct publication {
    uint32_t track; /* its id, for workers and for a=msid */
    struct participant *publisher;
    struct publication *next;                   /* list of the publisher's */
    struct publication *room_next, **room_link; /* of the room */
    enum sdp_kind kind;
    enum source source;
    char mid[MID_SIZE];
    struct capability capability; /* the codec of its packets */
    struct source_layers layers;
    uint32_t announced; /* number of the announcement (its publisher's path is known, so others are offered
                           it); 0: not yet */
    uint32_t mark;      /* mark of the last participant that was found to receive it */
    struct {
        struct speaker_scores scores;
        mp_time told_at;     /* 0: its worker has told no level */
        bool none;           /* its packets have none */
        bool chosen;         /* at the last decision */
        mp_time flows_until; /* though it is not chosen any more */
        bool quiet;          /* its worker has paused it */
    } level;                 /* of a sound */
    char fmtp[];             /* its capability's fmtp */
};

/* One m= section of a client's connection. Sections never move; index is the m= line. */
struct section {
    enum sdp_kind kind;
    char mid[MID_SIZE];
    bool refused;                     /* port 0 */
    char *media, *format, *rtpmap;    /* of a refused section, repeated in answers; malloc'ed. No
                                                rtpmap: NULL */
    char *protocol;                   /* the client's; malloc'ed. NULL: our section */
    bool rtcp_mux, rtcp_rsize;        /* in the client's last description */
    struct publication *publication;  /* the client's publication in this section */
    struct publication *subscription; /* the publication that we send in this section */
    bool sending;                     /* the client accepted it and the worker sends */
    bool retiring;                    /* our stream ended: the client must know before we use the
                                                section again */
    bool retiring_told;               /* our open offer says so */
    uint8_t extensions;               /* extensions in the client's last description of it, bit by
                                                rtp_extension */
    uint8_t extensions_sent;          /* the subset that the client does not receive */
    enum sdp_direction direction;     /* the client's, in its last description of the section */
    bool ours;                        /* our own section, or offered as recvonly: free for sending */
    uint32_t ssrc, rtx_ssrc;
    struct view view;                     /* how the client shows it, whatever we send there */
    struct viewing viewing, viewing_told; /* the form in which it gets it, and what it was told of that */
    const struct capability *capability;  /* the client's capability that we send with */
    const struct capability *common;      /* the first known codec in the client's last offer of the
                                                section; NULL: none, or not in the offer */
    uint64_t offered;                     /* all known codecs in that offer, bit by number; 0: not in
                                                the offer */
    struct capabilities *choice;          /* codecs that the client may send here, all of which the
                                                answer lists; NULL: only one; malloc'ed */
};

enum session_state { SESSION_NOT_OPEN, SESSION_OPEN, SESSION_CLAIMED, SESSION_CONNECTED };

struct words { /* one text of a client that waits for its turn */
    STAILQ_ENTRY(words) next;
    size_t len;
    char text[]; /* 0-terminated; `len` excludes the 0 */
};

TAILQ_HEAD(participants, participant);

struct participant {
    struct signaling *signaling;

    /* Its connection. signaling.c or whip.c sets it when the connection opens; resume.c gives that of the
     * client that comes back to the participant that was lost. */
    void *socket; /* NULL: lost; the client may come back on another one */
    struct address local, remote;
    char host[256];
    bool forwarded, guest;
    bool by_http;                 /* WHIP or WHEP: its socket is no connection that can break */
    bool closing;                 /* say_bye said so */
    struct rate messages, offers; /* remaining budget for its messages and offers */

    /* Messages that wait for its room's turn. Only turns.c changes these. */
    STAILQ_HEAD(, words) words;
    size_t words_len;        /* bytes of all of them */
    struct room *unheard_in; /* the room whose queue it is in; NULL: no text waits */
    TAILQ_ENTRY(participant) unheard_next;

    /* Resumption after a lost connection. Only resume.c changes these. */
    bool resumable;
    char token[RESUME_TOKEN_SIZE + 1]; /* if it is resumable */
    mp_time lost_at;                   /* the time at which its socket was lost */

    /* Who it is. join.c takes this from the join message and its token; only a newer token changes it
     * later. */
    char id[PEER_ID_MAX + 1], name[4 * PARTICIPANT_NAME_MAX + 1];
    char identity[IDENTITY_SIZE]; /* from its token; "" without one */
    mp_time expires_at;           /* expiry of its token; MP_NEVER: no token */
    mp_time joined_at;
    enum role role;
    bool every_sound;      /* it wants the sounds of a large room that are not among the loudest too */
    enum codec codec;      /* codec that it wants to publish with; CODEC_NONE: we choose */
    struct caller *caller; /* limits of its address, while joined; NULL: no limits */

    /* Its place in the room. Only rooms.c changes these; join.c names the room. */
    bool joined;
    bool listed; /* the others see it by name; of an unlisted watcher (crowd) only the count changes */
    struct room *room;
    struct participant *next, **link; /* of the room */
    uint32_t index;                   /* in signaling->participants */
    uint64_t arrival;                 /* number of its join */

    /* What the others should know, which protocol.c sets, and what they were told of it, which news.c
     * does. */
    bool audio_muted, video_muted;
    struct {
        bool joined, audio_muted, video_muted;
        bool waiting;      /* in its room's queue: a changed state is to be told */
        bool resting;      /* in signaling->resting: its state was told a moment ago … */
        mp_time rested_at; /* … and may be told again from then on */
        TAILQ_ENTRY(participant) next;
    } news;

    /* Its session on a worker. session.c opens, restarts and closes it, and notes what the worker tells of
     * its path; signaling.c notes who claimed it and how it ended. */
    enum session_state state;
    uint32_t session;
    unsigned owner;                         /* worker, once claimed */
    struct session_credentials credentials; /* ours, of the latest generation */
    uint32_t generation;                    /* of ICE credentials; 1 is the first */
    mp_time vanished_at;                    /* its path has been silent since then; MP_NEVER: it is not */
    bool vanished;                          /* silent for so long that others may take its place */
    struct {
        struct path path; /* port 0: none yet */
        uint32_t reason, changes;
    } media_path;              /* the path of its media, as last told */
    struct timeline *timeline; /* of the session; until it has one, of the previous one; NULL: none */
    bool candidates_said;      /* with the first answer */
    bool restart_asked;        /* say.c: of the client */
    mp_time restart_asked_at;

    /* What the client's descriptions say of its connection. negotiate.c changes these, and extensions.c those
     * of header extensions. */
    char remote_ufrag[REMOTE_UFRAG_MAX + 1], remote_password[ICE_CREDENTIAL_MAX + 1];
    struct fingerprint fingerprint;
    bool active;  /* we start its DTLS handshake: the client is passive */
    bool bundles; /* its last offer has a BUNDLE group */
    struct rtp_extension_ids extensions;
    uint16_t extension_ids; /* ids that its descriptions ever used, for any extension; bit by id */
    bool dependency_ours;   /* we chose the dependency descriptor's id; the client has not accepted it yet */
    uint8_t audio_extensions, video_extensions; /* extensions that the client receives, by kind, bit by
                                                   rtp_extension */
    struct capabilities *audio, *video;

    /* m= sections and the publications in them. negotiate.c adds the client's sections, offer.c ours; an
     * answer or the client's offer moves sections_told. */
    struct section *sections;
    size_t section_count, section_room;
    size_t sections_told; /* the number of sections that the client knows: all, except while an offer is
                             made */
    struct publication *publications;

    /* Its line as its worker estimates it, and what the client was told of it. views.c changes these. */
    struct line_state line, line_told;
    bool viewing_waits; /* in signaling->viewings: there are news … */
    mp_time viewing_at; /* … which it is told then */
    TAILQ_ENTRY(participant) viewing_next;

    /* Our descriptions and offers. offer.c changes these, and negotiate.c ends `offering`; signaling.c
     * draws the ids. */
    uint64_t sdp_session;
    uint32_t sdp_version;
    char streams[2][CNAME_SIZE]; /* MediaStream ids: camera and microphone; screen and its audio */
    uint32_t ssrc_last;          /* the last SSRC that we assigned */
    uint32_t judged[2]; /* by kind: up to this announcement it was told which tracks it cannot decode */
    bool offering;      /* our offer is unanswered */
    bool unoffered;     /* an offer failed for lack of memory */
    bool dirty;         /* in its room's queue: its subscriptions may have changed */
    TAILQ_ENTRY(participant) dirty_next;

    /* How a client of WHIP or WHEP negotiates. whip.c sets these once. */
    bool chooses; /* our answers list every codec that it offered to send: it picks one */
    bool passive; /* it never gets an offer: media for it uses free sections of its own offers */
};

struct departed { /* a departure that the room is to be told */
    TAILQ_ENTRY(departed) next;
    uint64_t from, until; /* participants with these join numbers know it */
    char id[PEER_ID_MAX + 1];
};

struct room {
    char name[4 * ROOM_NAME_MAX + 1];
    uint32_t index; /* in signaling->rooms */
    size_t count, watchers_listed;
    size_t audience; /* unlisted watchers */
    bool audience_changed;
    char *listing; /* list of the listed participants for newcomers of a crowd; NULL: to be written again;
                      malloc'ed */
    struct participant *participants;
    struct publication *publications;
    struct participants unheard, dirty, news; /* the oldest first */
    TAILQ_HEAD(, departed) departed;
    struct rate offers_budget, news_budget;
    struct {
        struct publication *dominant; /* NULL: nobody has spoken yet, or the last speaker stopped its sound */
        struct participant *recent[SPEAKERS_RECENT + 1]; /* speakers, the last first */
        size_t recent_count;
        mp_time decided_at;
        bool changed; /* to be told */
        bool waiting; /* in signaling->deciding */
        TAILQ_ENTRY(room) next;
    } speakers;                                               /* only speakers.c changes these */
    enum room_turn { TURN_NONE, TURN_NEXT, TURN_LATER } turn; /* the signaling's queue that it is in */
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
    struct participant **participants; /* joined participants, by index */
    uint32_t *participant_free;
    size_t participant_free_count, participant_count;
    struct map participant_ids;
    struct participant **by_slot; /* by the session's slot */
    uint32_t next_track, next_mark, announced;
    uint64_t arrivals;
    struct room lobby; /* clients without a session: their texts wait here, not behind the crowd of the
                          room that they join */
    struct rooms turns[TURN_LATER + 1]; /* rooms with waiting work; and rooms that must wait until turns_at */
    mp_time turns_at;
    struct participants resting;  /* in order of the time when they may be told again */
    struct participants viewings; /* in order of the time when they are told of their pictures */
    struct rooms deciding;        /* rooms with new levels, to be compared at decide_at */
    mp_time decide_at;            /* MP_NEVER: there are none */
    mp_time expires_at;           /* the earliest expiry of a participant's token */
    struct callers joiners;
    mp_time audience_at; /* when changed audience counts are told; MP_NEVER: none changed */
    mp_time vanish_at; /* when the next silent participant has been silent for VANISH_TIME; MP_NEVER: none */
    mp_time resume_at; /* when the next participant's time to resume ends; MP_NEVER: none */
    struct timeline *ended[TIMELINES_ENDED_MAX]; /* a ring */
    size_t ended_next;
    bool stopping;
    uint64_t joins, leaves, errors, offers, answers, failures, views, views_unknown, viewings_told;
};

/* --- join.c --- */
void join_handle(struct participant *, json_t *message, mp_time now);
void join_expire(struct signaling *, mp_time now); /* removes participants with expired tokens */

/* --- signaling.c --- */
void participant_replace(struct participant *, mp_time now); /* it leaves: the same person has joined anew.
                                                                It may be gone afterwards */

/* --- rooms.c --- */
bool rooms_init(struct signaling *);
void rooms_free(struct signaling *);
enum join_result { JOIN_OK, JOIN_PEER_TAKEN, JOIN_ROOM_FULL, JOIN_SERVER_FULL, JOIN_NO_MEMORY };
/* participant->id must be set. */
enum join_result room_join(struct signaling *, struct participant *, const char *name);
struct participant *participant_find(const struct signaling *, const char *id); /* NULL: nobody */
void room_leave(struct signaling *, struct participant *);
void room_list(struct participant *, mp_time now);   /* after a join: the others see it by name, or counted */
void room_unlist(struct participant *, mp_time now); /* before a leave */

/* --- turns.c: what waits, and whose turn it is --- */
void turns_init(struct room *);
void turns_rich(struct signaling *);                  /* rooms that waited for their budget may go on */
void turns_forget(struct signaling *, struct room *); /* it ends */
void turn_wanted(struct signaling *, struct room *);  /* the room has work */
/* Keeps a client's text until its room's turn. False: no memory. */
bool words_keep(struct participant *, const char *text, size_t len);
void words_move(struct participant *from, struct participant *to); /* appends them to the other's own */
void words_wait(struct participant *); /* queues it in its present room if it has texts, until words_leave */
void words_leave(struct participant *);
void words_drop(struct participant *);

/* --- news.c: the news of participants for their room --- */
void news_joined(struct participant *);
void news_changed(struct participant *);    /* its state may have changed */
void news_left(struct participant *);       /* call before it is removed */
bool news_next(struct room *, mp_time now); /* tells the oldest news; false: none, or the room's budget is
                                               used up */
bool news_waiting(const struct room *);
void news_forget(struct room *); /* it ends */
void news_rested(struct signaling *, mp_time now);

/* --- speakers.c: who speaks in a room --- */
void speakers_levels(struct signaling *, const struct sound_levels *, mp_time now); /* of a worker */
void speakers_muted(struct participant *, mp_time now);                             /* or not any more */
void speakers_ended(struct publication *); /* call before it is removed */
void speakers_joined(struct participant *, mp_time now);
void speakers_left(struct participant *, mp_time now);   /* the same */
void speakers_forget(struct signaling *, struct room *); /* it ends */
void speakers_timeout(struct signaling *, mp_time now);
/* All zero while its participant may not speak, or its worker has told nothing for a second. */
struct speaker_scores speakers_scores(const struct publication *, mp_time now);
bool speakers_waiting(const struct room *);  /* there is a change to be told */
void speakers_tell(struct room *);           /* tells it */
void speakers_welcome(struct participant *); /* a newcomer, or one that resumed */

/* --- loudest.c: which sounds of a large room flow --- */
/* True: to be decided again soon, though no level may be told until then. */
bool loudest_decide(struct signaling *, struct room *, mp_time now);

/* --- views.c: how clients show their pictures, and in which form they get them --- */
void views_handle(struct participant *, json_t *message, mp_time now);
void views_started(struct participant *, struct section *); /* after the worker was told to send there */
/* Events of the worker. */
void views_viewing(struct participant *, uint32_t track, const struct viewing *, mp_time now);
void views_line(struct participant *, const struct line_state *, mp_time now);
void views_resumed(struct participant *, mp_time now); /* it may have missed messages: everything again */
void views_forget(struct participant *);               /* it leaves */
mp_time views_deadline(const struct signaling *);
void views_timeout(struct signaling *, mp_time now);

/* --- say.c: what goes out as JSON --- */
json_t *say_describe(const struct participant *); /* `P` of docs/signaling.md */
void say_json(struct participant *, json_t *);    /* takes the reference */
/* Sends to all participants of a room with these join numbers (`until` excluded), except one; takes the
 * reference. */
void say_room(struct room *, const struct participant *except, uint64_t from, uint64_t until, json_t *);
/* Sends an offer or an answer, and the owner of each stream in it (NULL: not told; takes the reference).
 * False: no memory, nothing was sent. */
bool say_description(struct participant *, const char *type, const char *sdp, json_t *streams);
void say_error(struct participant *, const char *code, const char *message);
void say_bye(struct participant *, const char *reason, const char *message, uint16_t close_code);
void say_too_much(struct participant *); /* to a client over its message limit */
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
void say_joined(struct participant *); /* to the participant and to the others */
void say_seen(struct participant *, const struct address *);

/* --- candidates.c --- */
/* Addresses to offer this client, best first. Returns how many. */
size_t candidates_for(const struct signal_config *, const struct address *local, const char *host,
                      struct address out[CANDIDATES_MAX]);
/* Adds the client's network facts: `address`, the address it comes from (remote NULL: unknown), and
 * `probePort`. */
void candidates_tell_network(json_t *, const struct address *remote, uint16_t probe_port);

/* --- turn.c --- */
struct turn_access { /* credentials for our TURN server, for one client */
    char urls[TURN_URLS][sizeof "turns:?transport=tcp" + 256 + 8];
    char username[TURN_USERNAME_MAX + 1], credential[TURN_PASSWORD_SIZE + 1];
};
/* `local`, `host`: how the client reached us; `id`: the user of the credentials, for the server's quotas.
 * False: there is no TURN server. */
bool turn_access(const struct signaling *, const struct address *local, const char *host, uint64_t id,
                 struct turn_access *, mp_time now);

/* --- capability.c --- */
bool codec_is_usable(const struct sdp_codec *);
struct capabilities *capabilities_of(const struct sdp_section *); /* NULL: no memory */
void capabilities_free(struct capabilities *);
/* Adds the codecs that the section shows its client to know: the ones it receives there; or, until a section
 * tells that, the ones it sends (RFC 3264 5.1). Existing entries stay in place. False: no memory. */
bool capabilities_learn(struct capabilities **known, const struct sdp_section *);
const struct capability *capability_first(const struct capabilities *c); /* NULL: there is none */
/* The same codec with the same payload types; NULL: none. */
const struct capability *capability_same(const struct capabilities *known, const struct capability *);
/* The viewer's description of the same codec; NULL: it cannot decode it. */
const struct capability *capability_match(const struct capabilities *, const struct capability *);
/* The codec that a publisher should use: its wish, a codec that all in the room decode, VP8, its own order.
 * NULL: no known codec. */
const struct capability *capability_choose(const struct participant *, const struct capabilities *);

/* --- extensions.c: which RTP header extensions go where, and under which ids --- */
/* The extensions of a section of the client's offer, bit by rtp_extension. */
uint8_t extensions_learn(struct participant *, const struct sdp_section *);
/* Chooses an id for the dependency descriptor, which Chromium accepts but does not offer. */
void extensions_choose(struct participant *, const struct sdp *offer);
/* The extensions of our section that the client's answer accepts. */
uint8_t extensions_accepted(struct participant *, const struct sdp_section *answer);
/* The extensions of our description of a section, and of the packets sent there. An answer has only
 * extensions of its offer; an offer of ours has all that the client receives of that kind. */
struct rtp_extension_ids extensions_of_answer(const struct participant *, const struct section *); /* and
                                                                                                      of
                                                                                                      the
                                                                                                      packets
                                                                                                      sent
                                                                                                      there */
struct rtp_extension_ids extensions_of_offer(const struct participant *, const struct section *);

/* --- session.c: the session behind a participant, and its worker --- */
bool session_open(struct participant *, mp_time now);    /* false: the server is full */
void session_restart(struct participant *, mp_time now); /* an ICE restart: new credentials */
void session_credentials(struct participant *);          /* tells the owner the credentials */
/* Handles an event of the worker. */
void session_event(struct participant *, const struct session_event *, mp_time now);
void session_vanish(struct signaling *, mp_time now); /* marks sessions that were silent for long */
void session_close(struct participant *);
void session_command(struct participant *, struct message *); /* to the owning worker, if there is one yet */
/* The publisher now sends this payload type, one of its section's choice. */
void negotiate_turn(struct participant *, uint32_t track, uint8_t payload_type, mp_time now);
void publication_start(struct participant *, struct publication *);
void publication_change(struct participant *, const struct publication *); /* it has other layers now */
void publication_end(struct participant *, struct publication *);
void subscription_start(struct participant *, struct section *);
void subscription_suspend(struct participant *, struct section *); /* the client paused it */
void subscription_end(struct participant *, struct section *);

/* --- resume.c: participants whose socket was lost --- */
void resume_offer(struct participant *);                                /* makes its token */
void resume_handle(struct participant *, json_t *message, mp_time now); /* on a new socket;
                                                                              `participant` may be gone
                                                                              afterwards */
void resume_wait(struct participant *, mp_time now);                    /* its socket was lost */
void resume_never(struct participant *, mp_time now);                   /* it has no socket and no session to
                                                                       resume */
/* The next participant whose time to resume is over; with `all` the next one without a socket; NULL: none. */
struct participant *resume_overdue(struct signaling *, bool all, mp_time now);

/* --- negotiate.c --- */
void negotiate_offer(struct participant *, const char *text, size_t len, json_t *sources, mp_time now);
/* Checks an offer before a participant joins for it: a publisher's, or with `watches` a viewer's. *why: an
 * error text if it is not good. */
enum offer_fault {
    OFFER_GOOD,
    OFFER_UNREADABLE,     /* not a session description */
    OFFER_NOT_POSSIBLE,   /* no session is possible with it */
    OFFER_NOT_ACCEPTABLE, /* every section would be refused */
};
enum offer_fault negotiate_look(const char *text, size_t len, bool watches, const char **why);
void negotiate_answer(struct participant *, const char *text, size_t len, mp_time now);
void negotiate_forget(struct participant *); /* frees its sections and publications */

/* --- offer.c --- */
/* The participant's subscriptions may have changed: offers the change when its turn comes. */
void offer_touch(struct participant *);
void offer_touch_room(struct room *);
/* Makes the oldest waiting offer of the room; false: none, or the room's budget is used up. */
bool offer_next(struct room *, mp_time now);
void offer_fill(struct participant *);    /* fills a passive participant's offered sections with the room's
                                          publications */
void offer_resumed(struct participant *); /* after a resume: repeats the unanswered offer, or offers what
                                             changed meanwhile */
