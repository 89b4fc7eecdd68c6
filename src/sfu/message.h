/* Messages between threads: commands of the control plane, events of the workers, and messages among workers.
 * The same messages will connect machines. */
#pragma once
#include "adapt/speaker.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/packet.h"
#include "base/path.h"
#include "base/time.h"
#include "proto/codec.h"
#include "proto/rtp.h"

#define CNAME_SIZE 17
#define TO_CONTROL 0xff /* message.to: the control thread */

enum message_type {
    /* control -> the worker that owns `session` */
    MESSAGE_SESSION_CLOSE,
    MESSAGE_CREDENTIALS, /* payload: struct session_ice; after CLAIMED, and for each ICE restart */
    /* its signaling socket was lost: check the path now, EVENT_LOST if that is dead too */
    MESSAGE_DOUBT,
    MESSAGE_EXTENSIONS,  /* extension ids of what the session sends */
    MESSAGE_PUBLISH,     /* take this stream as `track` */
    MESSAGE_REPUBLISH,   /* `track` has fewer layers now: `publish`, otherwise as before */
    MESSAGE_UNPUBLISH,   /* `track` */
    MESSAGE_SUBSCRIBE,   /* send `track` to `session` */
    MESSAGE_UNSUBSCRIBE, /* `session`, `track` */
    MESSAGE_VIEW,        /* `session` shows `track` like this: `view` */
    MESSAGE_QUIET, /* others are louder than the sound `track`, or not any more: `quiet`. Its publisher's
                            worker passes it on to those of the viewers */

    /* worker -> control */
    MESSAGE_CLAIMED,       /* `from` owns `session` */
    MESSAGE_PATH_SEEN,     /* first authentic datagram of `session` by `path` */
    MESSAGE_SESSION_EVENT, /* another ICE or DTLS event: `event` */
    MESSAGE_CONNECTED,     /* keys exist, media can flow */
    MESSAGE_CODEC,         /* `track` now has another negotiated `payload_type` */
    MESSAGE_ENDED,         /* the worker removed `session`; also the answer to SESSION_CLOSE */
    MESSAGE_VIEWING,       /* `session` gets `track` in another form: `viewing` */
    MESSAGE_LINE,          /* the estimate of the line to `session` changed: `line` */
    MESSAGE_LEVELS,        /* of several sounds: `levels` */

    /* worker -> worker */
    MESSAGE_STRAY,      /* payload: a datagram that came by `path` for a session that `to` owns */
    MESSAGE_PATH_ADDED, /* datagrams by `path` belong to `from`'s `session` */
    MESSAGE_PATH_REMOVED,
    /* `from` has viewers of `to`'s `track`, or now one with `every_sound` */
    MESSAGE_REPLICA_OPEN,
    MESSAGE_REPLICA_CLOSE,
    MESSAGE_MEDIA,    /* payload: a plain RTP packet of `track`; `media` describes it */
    MESSAGE_KEYFRAME, /* viewers at `from` need a key frame of `track` */
    MESSAGE_CLOCK,    /* sender report of `track`, in our time */
    MESSAGE_TRANSMIT, /* payload: a finished datagram for `path`, whose link is `to`'s */
};

enum end_reason { END_CLOSED /* by command */, END_CONSENT, END_DTLS_FAILED, END_PEER_CLOSED, END_NO_MEMORY };

struct session_ice { /* credentials of one ICE generation, 0-terminated texts */
    uint32_t generation;
    char ufrag[UFRAG_SIZE + 1], password[PASSWORD_SIZE + 1]; /* ours */
    char remote_ufrag[REMOTE_UFRAG_MAX + 1], remote_password[ICE_CREDENTIAL_MAX + 1];
};

enum session_event_kind {
    EVENT_CHECK_SENT,     /* our own check of `path`: the first try */
    EVENT_CHECK_ANSWERED, /* value: round trip in us */
    EVENT_CHECK_FAILED,
    EVENT_NOMINATED, /* by the client */
    EVENT_SELECTED,  /* media goes to `path`; value: enum ice_reason */
    EVENT_LOST,      /* the selected path is silent */
    EVENT_FOUND,     /* it answers again */
    EVENT_BYE,       /* the client left: an RTCP BYE of every SSRC that it sends, or a close_notify */
    EVENT_RESTARTED, /* only the credentials of generation `value` are valid now */
    EVENT_DTLS_STARTED,
    EVENT_STALLED, /* it publishes track `value` but answers no key frame request */
};

struct session_event {
    struct path path;
    uint8_t kind;
    bool moved;     /* EVENT_SELECTED: media had used the previous path */
    uint8_t unsaid; /* events before this one that a client made too fast to be told, at most 255 */
    uint32_t value;
    mp_time at;
};

struct publish {
    enum codec codec;
    uint8_t payload_type, rtx_payload_type; /* rtx 0: none */
    uint32_t clock_rate;
    uint64_t others[2];       /* other payload types that the client may send, a bit each */
    uint8_t red_payload_type; /* it may send this instead: redundant audio (red.h) of `codec`; 0: none */
    /* Its streams. Several are layers, in the order described: by a SIM group or by a=simulcast. With rids,
     * a packet's rid tells its layer; that SSRCs come in the rids' order is a guess. */
    uint32_t ssrc[LAYERS_MAX], rtx_ssrc[LAYERS_MAX]; /* 0: not announced; found by mid, or mid and rid */
    uint32_t rid[LAYERS_MAX];                        /* layers_rid of the names accepted; 0: none */
    bool layered; /* several SSRCs are simulcast layers; else the newest one counts */
    char mid[MID_SIZE];
    bool nack, pli, transport_cc;
};

static inline bool publish_may_turn_to(const struct publish *p, uint8_t payload_type)
{
    return p->others[payload_type >> 6 & 1] >> (payload_type & 63) & 1;
}

struct subscribe {
    uint8_t origin; /* the publisher's worker */
    enum codec codec;
    uint8_t payload_type, rtx_payload_type; /* rtx 0: retransmissions are not possible */
    uint8_t red_payload_type;               /* it takes redundant audio (red.h) under this one; 0: not */
    uint32_t clock_rate;
    bool every_sound; /* it is sent a sound also while that is quiet */
    uint32_t ssrc, rtx_ssrc;
    char mid[MID_SIZE];
    struct rtp_extension_ids extensions; /* that the viewer accepts */
    char cname[CNAME_SIZE]; /* the publisher's: streams with the same one are synchronised (RFC 3550 6.5.1) */
};

/* How a viewer shows a picture. Without a view: visible, as large as it comes. */
struct view {
    uint32_t width, height; /* of the tile, in pixels of the screen; height 0: as large as it comes */
    uint8_t fps;            /* at most; 0: no bound */
    bool visible, pinned;
};

enum viewing_state { VIEWING_WHOLE, VIEWING_REDUCED, VIEWING_PAUSED };
enum viewing_reason {
    VIEWING_NO_REASON,
    VIEWING_BANDWIDTH,
    VIEWING_HIDDEN,
    VIEWING_PUBLISHER,
    VIEWING_LIMIT
};

/* In which form a viewer gets a track. */
struct viewing {
    uint8_t state, reason;
    uint8_t fps;            /* 0: not known */
    uint16_t width, height; /* 0: not known */
};

enum line_cause {
    LINE_START,   /* not measured yet */
    LINE_RISES,   /* nothing holds it back */
    LINE_DELAY,   /* packets queue */
    LINE_LOSS,    /* the line loses an excess */
    LINE_SILENCE, /* the client acknowledges nothing */
    LINE_REMB,    /* the client says so */
    LINE_QUEUE    /* our queue to the client grows */
};

struct line_state { /* from us to a viewer */
    uint32_t bps, acknowledged_bps;
    uint8_t cause;
};

struct sound_level { /* of `track`, which `session` publishes */
    uint32_t session, track;
    struct speaker_scores scores;
    bool none; /* its packets tell no level */
};
#define SOUND_LEVELS_MAX 8 /* of one message */
struct sound_levels {
    uint8_t count;
    struct sound_level list[SOUND_LEVELS_MAX];
};

struct source_clock { /* at `time` (ours), the source's RTP clock showed `rtp` */
    mp_time time;
    uint32_t rtp;
};

struct message {
    uint8_t type, from, to;
    uint32_t session, track;
    union {
        struct publish publish;
        struct subscribe subscribe;
        struct rtp_extension_ids extensions;
        struct path path;
        struct session_event event;
        struct packet_media media;
        struct source_clock clock;
        enum end_reason reason;
        mp_time at; /* CONNECTED: since when */
        struct view view;
        struct viewing viewing;
        struct line_state line;
        struct sound_levels levels;
        bool quiet;
        bool every_sound; /* REPLICA_OPEN */
        uint8_t payload_type;
    };
    struct bytes payload; /* a view; valid until the next call */
};

/* Whether a full inbox may drop it: media, strays and hints; state changes must arrive. */
static inline bool message_may_drop(const struct message *m)
{
    return m->type == MESSAGE_STRAY || m->type == MESSAGE_MEDIA || m->type == MESSAGE_KEYFRAME ||
           m->type == MESSAGE_CLOCK || m->type == MESSAGE_PATH_SEEN || m->type == MESSAGE_TRANSMIT ||
           m->type == MESSAGE_CODEC || m->type == MESSAGE_LEVELS ||
           (m->type == MESSAGE_SESSION_EVENT && m->event.kind != EVENT_RESTARTED);
}

/* Whether it may wait until its reader wakes up anyway: it carries its own time. */
static inline bool message_may_wait(const struct message *m)
{
    return m->type == MESSAGE_CONNECTED ||
           (m->type == MESSAGE_SESSION_EVENT &&
            (m->event.kind == EVENT_CHECK_SENT || m->event.kind == EVENT_CHECK_ANSWERED ||
             m->event.kind == EVENT_CHECK_FAILED || m->event.kind == EVENT_NOMINATED ||
             m->event.kind == EVENT_DTLS_STARTED));
}
