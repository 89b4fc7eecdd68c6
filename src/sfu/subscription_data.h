/* One viewer of a track: the numbers of its copy of the stream, and how a packet is written for it. */
#pragma once
#include "base/limits.h"
#include "base/rate.h"
#include "sfu/message.h"
#include <stdbool.h>
#include <stddef.h>

struct sfu;
struct session;
struct track;
struct sent_log;
struct spans;
struct tile;

#define RTX_LOG 128 /* recent retransmissions remembered, by sequence number */

struct rtx_log {
    uint16_t seq;
    uint16_t at_ms; /* low bits of the time */
    uint8_t times;
};

/* Why a subscription is paused: bits. */
enum pause_reason {
    PAUSE_ALLOCATION = 1, /* its viewer's line or view has no room for it */
    PAUSE_QUIET = 2       /* a sound, while others in the room are louder */
};

struct subscription {
    /* The fields that every packet needs, together: SUBSCRIPTION_HOT bytes. */
    struct session *viewer;
    struct track *track;
    int64_t first;            /* first source seq of the present span */
    int64_t delta;            /* viewer's extended seq = source seq + delta, always >= 0 */
    int64_t sent_end;         /* highest source seq sent + 1 */
    uint32_t packets, octets; /* for sender reports */
    uint32_t ssrc;
    uint8_t payload_type, rtx_payload_type; /* rtx 0: without RTX */
    bool started;   /* else paused, or waiting: video for a key frame, sound for any packet */
    uint8_t blocks; /* earlier ones in each packet of a sound, with red_payload_type; 0: none */
    uint8_t red_payload_type;
    uint8_t paused; /* bits of enum pause_reason; 0: not paused */
    uint8_t mid_len;
    struct rtp_extension_ids extensions;
    char mid[MID_ELEMENT_MAX]; /* mid_len 0: too long to be sent */
    /* without RTX. NULL: nothing can be sent again; sound begins to keep it with the first NACK */
    struct sent_log *sent;

    char cname[CNAME_SIZE];
    bool every_sound;                                    /* it flows while its track is quiet */
    uint32_t place;                                      /* in the track's viewers */
    struct subscription *next_of_session, *next_of_ssrc; /* the latter in the viewer's `viewed` */
    uint32_t rtx_ssrc;
    int64_t rtx_next; /* next extended seq of the RTX stream */
    struct rate keyframe_rate;
    mp_time keyframe_asked; /* when its last request was counted; 0: none yet */
    struct rate rtx_rate;
    struct rtx_log *rtx_log; /* [RTX_LOG]; NULL until the first retransmission */
    struct spans *spans;     /* past ones; NULL: none */
    struct tile *tile;       /* of a picture, see viewing.h; NULL: no memory for it */
};

#define SUBSCRIPTION_HOT offsetof(struct subscription, cname)
