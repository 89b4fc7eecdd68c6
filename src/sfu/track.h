/* Operations on a published source: see track_data.h. */
#pragma once
#include "sfu/track_data.h"

struct track *track_find(struct sfu *, uint32_t id); /* NULL: not here */
/* Finds or makes it; NULL: no room. track_release frees it once nobody publishes, replicates or watches
 * it. */
struct track *track_get(struct sfu *, uint32_t id, uint8_t origin);
void track_release(struct sfu *, struct track *);

/* A new packet: kept, queued for the viewers here and copied to the workers that have replicas. The caller
 * keeps its reference. No earlier packet had its media.seq. */
void track_push(struct sfu *, struct track *, struct packet *, mp_time now);
/* Histories take three quarters of the pool: packets in flight, such as answers to checks, need the rest. */
bool track_may_keep(const struct sfu *);
struct packet *track_packet(const struct track *, int64_t seq); /* from the history; NULL: gone */
void track_flush(struct sfu *, struct track *);                 /* forgets pending packets and history */
void track_clock(struct sfu *, struct track *, const struct source_clock *);
void track_keyframe(struct sfu *, struct track *, mp_time now); /* a viewer needs a key frame */

/* The sound stops or flows again, except for viewers of every sound; streams_quiet tells the viewers here. */
void track_quiet(struct sfu *, struct track *, bool quiet);

/* Messages of other workers. */
void track_replica_open(struct sfu *, uint32_t id, unsigned worker, bool every_sound);
void track_replica_close(struct sfu *, uint32_t id, unsigned worker);
void track_media(struct sfu *, const struct message *, mp_time now);
