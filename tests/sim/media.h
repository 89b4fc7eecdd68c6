/* Media of guests: pictures of several packets that look like VP8, and audio that looks like Opus. Each
 * payload contains its sender, its picture and its part of that, and a checksum, so that a viewer can verify
 * it. */
#pragma once
#include "base/bytes.h"
#include "base/prng.h"
#include "base/time.h"
#include "load/source.h" /* payload types and extension ids, as describe.h names them */
#include "proto/rtp.h"
#include <stdbool.h>

struct content {
    uint32_t room, guest, life; /* where, who, and which of its connections */
    uint32_t frame;             /* picture or sound, counted by the encoder */
    uint8_t layer;              /* 0: the highest */
    uint8_t part, parts;
    bool video, keyframe;
    mp_time time; /* time of its creation */
};

#define CONTENT_SIZE   40
#define CONTENT_OFFSET 11 /* behind a VP8 descriptor and the header of a key frame */
#define PAYLOAD_MIN    (CONTENT_OFFSET + CONTENT_SIZE)
#define PAYLOAD_MAX    1100

void content_write(uint8_t *payload, size_t len,
                   const struct content *); /* PAYLOAD_MIN at least; fills all of it */
bool content_read(struct content *, const uint8_t *payload, size_t len); /* false: not as it was written */

/* --- sending --- */

#define SENT_KEPT 256

struct sent {
    uint16_t len;
    uint64_t index;
    uint8_t data[RTP_HEADER_SIZE + 16 + PAYLOAD_MAX];
};

/* Timer: `next`, when a frame is due. */
struct encoder {
    bool on, video;
    struct content stamp;               /* of the next part */
    uint32_t ssrc, rtx_ssrc, timestamp; /* rtx_ssrc 0: it repeats the same packet */
    uint64_t index, rtx_index;          /* of the next packet: ROC << 16 | SEQ */
    mp_time begun, next, interval;
    uint32_t parts_max, size_max;
    bool keyframe_wanted;
    mp_time silent_until;
    uint64_t packets, octets;
    struct sent *kept; /* [index % SENT_KEPT] */
};

void encoder_init(struct encoder *, bool video, bool rtx, const struct content *who, struct prng *);
void encoder_free(struct encoder *);
void encoder_start(struct encoder *, mp_time now);
/* Writes the next due packet, not encrypted; 0: none is due. `twcc`: the connection's counter. *index: for
 * encryption. */
size_t encoder_packet(struct encoder *, uint8_t *out, uint64_t *index, uint16_t *twcc, struct prng *,
                      mp_time now);
/* Writes a sent packet again, by RTX if it has that; 0: no longer stored, or audio. */
size_t encoder_repeat(struct encoder *, uint16_t seq, uint8_t *out, uint64_t *index);
uint32_t encoder_clock(const struct encoder *, mp_time now);

/* --- receiving --- */

#define DECODER_WINDOW 1024

struct slot {
    bool present;
    struct content stamp;
    mp_time missed, asked; /* 0: not yet */
};

/* Decodes pictures from the first key frame on, each complete and after its predecessor; otherwise waits for
 * a key frame and requests one.
 *
 * Timer: `next`, the time to check for missing packets. */
struct decoder {
    bool used, video;
    uint32_t ssrc, rtx_ssrc;
    bool started, synced, keyframe_seen;
    int64_t position, max; /* next number to decode; highest number received */
    struct content last;   /* the last decoded frame */
    uint64_t decoded, breaks;
    mp_time decoded_at, asked_at, next;
    uint32_t sr_ntp;
    mp_time sr_time;
    uint64_t received;
    struct slot *slots; /* [DECODER_WINDOW] */
    bool lied;          /* frames with consecutive numbers that are not neighbours */
    bool mixed;         /* layer changes without a key frame */
};

void decoder_init(struct decoder *, bool video, uint32_t ssrc, uint32_t rtx_ssrc);
void decoder_free(struct decoder *);
void decoder_packet(struct decoder *, uint16_t seq, const struct content *, mp_time now);
/* Fills the numbers to request again; *pli: request a key frame. Returns their count. */
size_t decoder_wants(struct decoder *, uint16_t *seqs, size_t max, bool *pli, mp_time now);
