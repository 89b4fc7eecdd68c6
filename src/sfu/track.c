#include "sfu/track.h"
#include "base/check.h"
#include "sfu/core.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"
#include "sfu/touched.h"
#include "sfu/viewers.h"
#include <stdlib.h>

/* Older packets are of no use to a viewer: its jitter buffer has given them up. */
#define HISTORY_AGE MP_MS(1500)

/* A replica passes key frame requests on at most this often. The origin keeps a second between requests and
 * has a timer for requests within that second. A replica has no timer: with the same second it would lose the
 * request of a viewer that joins just after another. */
#define KEYFRAME_RELAY MP_MS(20)

struct track *track_find(struct sfu *sfu, uint32_t id)
{
    uint32_t i = map_find(&sfu->track_ids, map_hash(id, sfu->hash_key), &id);
    return i == MAP_NONE ? NULL : sfu->tracks[i];
}

struct track *track_get(struct sfu *sfu, uint32_t id, uint8_t origin)
{
    struct track *t = track_find(sfu, id);
    if (t)
        return t;
    if (!sfu->track_free_count || !(t = calloc(1, sizeof *t)))
        return NULL;
    t->id = id;
    t->origin = origin;
    t->index = sfu->track_free[--sfu->track_free_count];
    sfu->tracks[t->index] = t;
    bool added = map_add(&sfu->track_ids, map_hash(id, sfu->hash_key), t->index);
    INVARIANT(added);
    stat_add(&stats_of(sfu)->tracks, 1);
    return t;
}

void track_flush(struct sfu *sfu, struct track *t)
{
    gather_forget(sfu, t);
    for (size_t i = 0; i < t->pending_count; i++)
        packet_drop(&sfu->pool, t->pending[i]);
    t->pending_count = 0;
    for (size_t i = 0; t->history && i <= t->history_mask; i++)
        if (t->history[i])
            packet_drop(&sfu->pool, t->history[i]);
    free(t->history);
    t->history = NULL;
}

void track_release(struct sfu *sfu, struct track *t)
{
    if (t->publisher || t->replicas || t->viewers.count)
        return;
    track_flush(sfu, t);
    if (t->origin != sfu->config.worker)
        outbox_emit(sfu, &(struct message){.type = MESSAGE_REPLICA_CLOSE, .to = t->origin, .track = t->id},
                    NULL);
    map_remove(&sfu->track_ids, map_hash(t->id, sfu->hash_key), &t->id);
    sfu->tracks[t->index] = NULL;
    sfu->track_free[sfu->track_free_count++] = t->index;
    stat_add(&stats_of(sfu)->tracks, (uint64_t)-1);
    viewers_free(&t->viewers);
    free(t);
}

static void forget_at(struct sfu *sfu, struct track *t, int64_t seq)
{
    struct packet **slot = &t->history[(uint64_t)seq & t->history_mask];
    if (*slot) {
        packet_drop(&sfu->pool, *slot);
        *slot = NULL;
    }
}

bool track_may_keep(const struct sfu *sfu) { return sfu->pool.used < sfu->pool.size / 4 * 3; }

/* Adds the packet to the history and removes the oldest ones. False: no memory, or older than the history. */
static bool remember(struct sfu *sfu, struct track *t, struct packet *p, mp_time now)
{
    int64_t seq = p->media.seq;
    size_t size = t->video ? HISTORY_VIDEO : HISTORY_AUDIO;
    if (!t->history) {
        t->history = calloc(size, sizeof *t->history);
        if (!t->history)
            return false;
        t->history_mask = size - 1;
        t->history_tail = t->history_end = seq;
    }
    if (seq < t->history_end - (int64_t)size)
        return false;
    int64_t keep_from = mp_max(t->history_end, seq + 1) - (int64_t)size;
    if (t->history_tail < keep_from - (int64_t)size) /* a jump: every slot is stale */
        t->history_tail = keep_from - (int64_t)size;
    for (; t->history_tail < keep_from; t->history_tail++)
        forget_at(sfu, t, t->history_tail);
    for (; t->history_tail < t->history_end; t->history_tail++) {
        struct packet *old = t->history[(uint64_t)t->history_tail & t->history_mask];
        if (old && now - old->arrival < HISTORY_AGE)
            break;
        forget_at(sfu, t, t->history_tail);
    }
    forget_at(sfu, t, seq);
    if (track_may_keep(sfu))
        t->history[(uint64_t)seq & t->history_mask] = packet_ref(p);
    else
        stat_add(&stats_of(sfu)->history_full, 1);
    t->history_tail = seq < t->history_tail ? seq : t->history_tail;
    t->history_end = mp_max(t->history_end, seq + 1);
    return true;
}

static void note_bitrate(struct track *t, const struct packet *p, mp_time now)
{
    t->rate_bytes += p->len;
    mp_time span = now - t->rate_from;
    if (span < MP_MS(500))
        return;
    if (span < MP_S(3)) {
        double bps = (double)t->rate_bytes * 8e9 / (double)span;
        t->bitrate_bps = t->bitrate_bps > 0 ? t->bitrate_bps * 0.5 + bps * 0.5 : bps;
    }
    t->rate_bytes = 0;
    t->rate_from = now;
}

/* The worker of the publisher alone sends to replicas: two replicas that send to each other would never
 * stop. */
static void to_replicas(struct sfu *sfu, const struct track *t, struct message *m, struct packet *p)
{
    uint64_t to = p && t->quiet ? t->replicas & t->replicas_hear_all : t->replicas;
    for (uint64_t rest = t->publisher ? to : 0; rest; rest &= rest - 1) {
        m->to = (uint8_t)__builtin_ctzll(rest);
        outbox_emit(sfu, m, p);
        if (p)
            stat_add(&stats_of(sfu)->media_out, 1);
    }
}

void track_push(struct sfu *sfu, struct track *t, struct packet *p, mp_time now)
{
    note_bitrate(t, p, now);
    if (p->media.keyframe)
        keyframe_arrived(&t->keyframe);
    to_replicas(sfu, t, &(struct message){.type = MESSAGE_MEDIA, .track = t->id, .media = p->media}, p);
    if (!t->viewers.count || (t->quiet && !t->hear_all))
        return;
    if (!remember(sfu, t, p, now)) {
        drop(sfu, DROP_RTP_DUPLICATE);
        return;
    }
    if (t->pending_count == PENDING_MAX) {
        drop(sfu, DROP_PENDING); /* viewers ask for it again */
        return;
    }
    t->pending[t->pending_count++] = packet_ref(p);
    gather_packet(sfu, t, p, now);
}

struct packet *track_packet(const struct track *t, int64_t seq)
{
    if (!t->history || seq < t->history_tail || seq >= t->history_end)
        return NULL;
    struct packet *p = t->history[(uint64_t)seq & t->history_mask];
    return p && p->media.seq == seq ? p : NULL;
}

void track_clock(struct sfu *sfu, struct track *t, const struct source_clock *clock)
{
    t->clock = *clock;
    t->has_clock = true;
    to_replicas(sfu, t, &(struct message){.type = MESSAGE_CLOCK, .track = t->id, .clock = *clock}, NULL);
}

void track_keyframe(struct sfu *sfu, struct track *t, mp_time now)
{
    /* a request already waits for the publisher's timer */
    if (!t->video || (t->publisher && t->keyframe.wanted))
        return;
    keyframe_want(&t->keyframe);
    if (t->publisher)
        touched_add(sfu, t->publisher);
    else if (t->origin != sfu->config.worker && now - t->keyframe.last >= KEYFRAME_RELAY) {
        t->keyframe.last = now;
        outbox_emit(sfu, &(struct message){.type = MESSAGE_KEYFRAME, .to = t->origin, .track = t->id}, NULL);
    }
}

void track_quiet(struct sfu *sfu, struct track *t, bool quiet)
{
    t->quiet = quiet;
    to_replicas(sfu, t, &(struct message){.type = MESSAGE_QUIET, .track = t->id, .quiet = quiet}, NULL);
}

void track_replica_open(struct sfu *sfu, uint32_t id, unsigned worker, bool every_sound)
{
    struct track *t = track_get(sfu, id, (uint8_t)sfu->config.worker);
    if (!t)
        return;
    t->replicas |= 1ull << worker;
    t->replicas_hear_all |= (uint64_t)every_sound << worker;
    if (t->quiet)
        outbox_emit(
            sfu, &(struct message){.type = MESSAGE_QUIET, .to = (uint8_t)worker, .track = id, .quiet = true},
            NULL);
    if (t->has_clock)
        outbox_emit(
            sfu,
            &(struct message){.type = MESSAGE_CLOCK, .to = (uint8_t)worker, .track = id, .clock = t->clock},
            NULL);
}

void track_replica_close(struct sfu *sfu, uint32_t id, unsigned worker)
{
    struct track *t = track_find(sfu, id);
    if (!t)
        return;
    t->replicas &= ~(1ull << worker);
    t->replicas_hear_all &= ~(1ull << worker);
    track_release(sfu, t);
}

void track_media(struct sfu *sfu, const struct message *m, mp_time now)
{
    struct track *t = track_find(sfu, m->track);
    if (!t || t->publisher || !t->viewers.count || m->payload.len > DATAGRAM_IN_MAX)
        return;
    struct packet *p = packet_take(&sfu->pool);
    if (!p) {
        drop(sfu, DROP_POOL);
        return;
    }
    memcpy(p->data, m->payload.data, m->payload.len);
    p->len = (uint16_t)m->payload.len;
    p->media = m->media;
    p->arrival = now;
    track_push(sfu, t, p, now);
    packet_drop(&sfu->pool, p);
}
