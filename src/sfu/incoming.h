/* One received stream of a publisher: sequence, loss and jitter for its reports, missing packets, and its
 * clock. */
#pragma once
#include "base/limits.h"
#include "base/packet.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "sfu/layers.h"
#include "sfu/lead.h"
#include "sfu/levels.h"
#include "sfu/message.h"
#include "sfu/nack.h"

struct track;

#define INCOMING_SEEN 1024 /* sequence numbers remembered to tell duplicates */

struct incoming {
    struct track *track;
    struct incoming *next; /* of the session */
    struct publish stream;
    uint32_t ssrc; /* 0: not seen yet */

    uint8_t other, other_count; /* other_count: packets in a row with the payload type `other` */

    bool started;
    bool anew;         /* new keys: the stream's extended numbers restart */
    int64_t base, max; /* first and highest seq, in the track's numbering */
    int64_t first;     /* first seq of the present SSRC */
    /* track seq = the stream's own extended seq + offset: a new SSRC continues where the last ended */
    int64_t offset;
    uint32_t timestamp_offset, timestamp_last;
    mp_time timestamp_time;
    uint64_t seen[INCOMING_SEEN / 64];

    uint64_t received; /* without duplicates */
    uint64_t received_prior;
    int64_t expected_prior;
    double jitter; /* in clock units, RFC 3550 A.8 */
    mp_time transit;
    struct nack nack;
    struct lead lead;
    struct level level;   /* of a sound */
    struct layers layers; /* of a layered stream */
    mp_time rtt_sample;   /* from a NACK to its retransmission; 0: none new */
    mp_time bye_at;       /* of its last BYE; 0: none */
    bool has_sr;
    uint32_t sr_ntp; /* middle 32 bits of the last SR, for LSR */
    mp_time sr_time;
};

/* Numbers the packet in the track's sequence (media.seq in: the stream's own extended number; out: the
 * track's) and updates loss, jitter and clock. `ssrc`: the packet's. False: a duplicate, or too old.
 * `recovered`: it came by RTX. */
bool incoming_receive(struct incoming *, struct packet *, uint32_t ssrc, bool recovered, mp_time now);
/* Whether this packet of the present source, by its own number, has not come yet and would still be taken. */
bool incoming_misses(const struct incoming *, int64_t own_seq);
/* Fills a report block about it (RFC 3550 6.4.1, A.3). */
void incoming_report(struct incoming *, struct rtcp_report *, mp_time now);
