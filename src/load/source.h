/* One stream of a publisher: frames that look like VP8, or packets that look like Opus. Each payload carries
 * a stamp for the viewers of this run: stream, packet and time. A simulcast layer is a stream of its own. */
#pragma once
#include "base/bytes.h"
#include "base/prng.h"
#include "base/time.h"
#include "load/simulcast.h"
#include "proto/rtp.h"
#include <stdbool.h>

#define PACKET_MAX     1200 /* of a publisher's datagram, tag included */
#define FRAME_RATE     30
#define AUDIO_RATE     50
#define AUDIO_SIZE     100     /* of an audio datagram */
#define TURN_LENGTH    MP_S(4) /* of a publisher that speaks in turn */
#define VIDEO_TYPE     96
#define VIDEO_RTX_TYPE 97
#define AUDIO_TYPE     111
#define VIDEO_CLOCK    90000
#define AUDIO_CLOCK    48000

enum { /* ids of header extensions */
       SEND_AUDIO_LEVEL = 1,
       SEND_ABS_SEND_TIME = 2,
       SEND_TRANSPORT_CC = 3,
       SEND_MID = 4,
       SEND_RID = 10,
       SEND_REPAIRED_RID = 11
};

#define STAMP_SIZE   24
#define STAMP_OFFSET 11 /* behind a VP8 descriptor of one byte and the header of a key frame */

struct stamp {
    uint32_t run;           /* random number of this process, to ignore packets of other tools */
    uint16_t layer, client; /* the sender's number and, of a simulcast layer, its place in simulcast[] */
    uint64_t index;         /* extended sequence number of the packet */
    mp_time time;           /* monotonic */
};
/* Reads it from the payload. False: not of this run. */
bool source_stamp_read(struct stamp *, const struct rtp_view *, uint32_t run);

struct source {
    bool video;
    mp_time pace;
    uint32_t run, client, ssrc, rtx_ssrc;
    uint32_t low_ssrc, low_rtx_ssrc; /* of a lower layer; 0: none */
    char mid[2];
    const struct simulcast_layer *layer; /* NULL: the stream is its source's only one */
    struct pictures pictures;            /* of a layer */
    unsigned turns, turn; /* publishers that speak in turn, and its place; 0: it speaks always */
    bool known;           /* the server reported the SSRC: packets tell no mid and rid any more */
    unsigned probes;      /* padding packets of a layer that are still to be sent */
    uint64_t rtx_index;   /* of the next packet under rtx_ssrc */
    mp_time begun, next;  /* when the stream began; when its next packet or frame is due; MP_NEVER: stopped */
    mp_time keyframe_every, keyframe_at;
    bool keyframe_wanted;
    double frame_bytes, owed; /* owed: bytes that earlier frames left to this one; below 0: that they took
                                 from it */
    uint64_t ticks;           /* frames or audio packets so far */
    uint64_t index;           /* of the next packet: ROC << 16 | SEQ */
    unsigned left, in_frame;  /* packets of the open frame */
    uint16_t size;            /* of each of them */
    bool keyframe;
    uint32_t timestamp;
    uint64_t packets, octets;
};

struct source_config {
    bool video;
    mp_time pace; /* within it the packets of a frame leave, at equal intervals; 0: in one burst */
    uint32_t run, client;
    char mid;
    uint32_t video_bps;
    const struct simulcast_layer *layer; /* NULL: none */
    unsigned turns;             /* publishers that speak in turn, this one in the place of its number; 0: it
                                            speaks always */
    unsigned keyframe_interval; /* s; 0: none by time */
};

void source_init(struct source *, const struct source_config *, struct prng *);
void source_start(struct source *, mp_time now);
/* the stream may start again under new keys, with numbers from ROC 0 on */
void source_stop(struct source *);
/* Writes the next packet that is due, plain, `tag` bytes short of its final size. 0: none is due. `twcc`: the
 * session's counter; `time` goes into the stamp. *index: for encryption. */
size_t source_packet(struct source *, uint8_t *out, size_t tag, uint16_t *twcc, mp_time now, mp_time time,
                     uint64_t *index);
/* The server reported on this SSRC. */
void source_reported(struct source *, uint32_t ssrc);
/* RTP clock of the stream at `now`. */
uint32_t source_clock(const struct source *, mp_time now);
