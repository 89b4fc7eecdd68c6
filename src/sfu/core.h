/* The parts of one sfu and the links between them. Only src/sfu includes it. */
#pragma once
#include "base/heap.h"
#include "base/map.h"
#include "base/packet.h"
#include "base/prng.h"
#include "base/rate.h"
#include "base/slab.h"
#include "proto/ice.h"
#include "proto/srtp.h"
#include "sfu/gather.h"
#include "sfu/levels.h"
#include "sfu/outbox.h"
#include "sfu/paths.h"
#include "sfu/roaming.h"
#include "sfu/sfu.h"

struct sfu {
    struct sfu_config config;
    struct packet_pool pool;
    struct heap timers; /* one node for each session */
    struct session *touched;
    struct prng prng;
    uint64_t hash_key;
    struct paths paths;
    struct roaming roaming;
    struct levels levels;
    struct hmac_sha1 secret;  /* of config.secret: transaction ids */
    struct srtp_batch *batch; /* packets of the current sfu_output */
    struct outbox outbox;
    struct emissions emissions;
    struct slab session_slab, subscription_slab, downlink_slab, tile_slab;
    struct session **sessions; /* by slot */
    size_t session_count;
    struct map track_ids;
    struct track **tracks; /* by index of track_ids' values */
    uint32_t *track_free;
    size_t track_free_count, tracks_max, subscription_count;
    /* tracks with packets that wait for the rest of a frame, or for sfu_output */
    struct track_queue gathering, ready;
    uint8_t *arena; /* memory of the last sfu_output's transmits */
    size_t arena_used;
    struct rate stun_rates[STUN_BUCKETS];
    struct relay *relay; /* the TURN server; NULL: there is none */
};

static inline struct stats *stats_of(struct sfu *sfu) { return sfu->config.stats; }
static inline void drop(struct sfu *sfu, enum drop_reason reason)
{
    stat_add(&sfu->config.stats->drops[reason], 1);
}
