/* A published source, as one worker has it: on its publisher's worker the origin, elsewhere a replica that lives while that
 * worker has viewers of it. It keeps the recent packets, shared by all viewers here, and a list of those viewers. */
#pragma once
#include "base/packet.h"
#include "sfu/gather.h"
#include "sfu/keyframe.h"
#include "sfu/message.h"
#include "sfu/subscription.h"
#include "sfu/viewers.h"
#include <stdbool.h>

struct sfu;
struct peer;

struct track {
    uint32_t id, index; /* index: in sfu->tracks */
    bool video;
    enum codec codec;
    uint32_t clock_rate;
    uint8_t origin;         /* worker */
    struct peer *publisher; /* on the origin, while published */
    uint64_t replicas;      /* on the origin: bit w, worker w has viewers */
    struct keyframe keyframe;
    struct source_clock clock;
    bool has_clock;
    double bitrate_bps; /* smoothed over about a second */
    mp_time rate_from;
    uint64_t rate_bytes;

    struct packet **history; /* [seq & history_mask]; NULL until the first packet */
    size_t history_mask;
    int64_t history_tail, history_end; /* seqs that may be in it: [tail, end) */

    struct packet *pending[PENDING_MAX]; /* since the last drain, in order of arrival */
    size_t pending_count;
    struct gather gather;
    struct viewers viewers; /* sfu_output goes from one to the next */
};

struct track *track_find(struct sfu *, uint32_t id); /* NULL: not here */
/* Finds or makes it; NULL: no room. One that nobody publishes, replicates or watches is given back by track_release. */
struct track *track_get(struct sfu *, uint32_t id, uint8_t origin);
void track_release(struct sfu *, struct track *);

/* A new packet: kept, queued for the viewers here and copied to the workers that have replicas. Takes no reference of the
 * caller's. Its media.seq was never pushed before. */
void track_push(struct sfu *, struct track *, struct packet *, mp_time now);
struct packet *track_packet(const struct track *, int64_t seq); /* from the history; NULL: gone */
void track_flush(struct sfu *, struct track *);                 /* forgets pending packets and history */
void track_clock(struct sfu *, struct track *, const struct source_clock *);
void track_keyframe(struct sfu *, struct track *, mp_time now); /* a viewer needs one */

/* Messages of other workers. */
void track_replica_open(struct sfu *, uint32_t id, unsigned worker);
void track_replica_close(struct sfu *, uint32_t id, unsigned worker);
void track_media(struct sfu *, const struct message *, mp_time now);
