/* A published source, as one worker has it: on its publisher's worker the origin, elsewhere a replica that
 * lives while that worker has viewers of it. It keeps the recent packets, shared by all viewers here, and
 * a list of those viewers. */
#pragma once
#include "base/packet.h"
#include "sfu/gather.h"
#include "sfu/keyframe.h"
#include "sfu/message.h"
#include "sfu/viewers.h"
#include <stdbool.h>

struct sfu;
struct session;

struct track {
    uint32_t id, index; /* index: in sfu->tracks */
    bool video;
    enum codec codec;
    uint32_t clock_rate;
    uint8_t origin;            /* worker */
    struct session *publisher; /* on the origin, while published */
    uint64_t replicas;         /* on the origin: bit w, worker w has viewers */
    bool quiet;        /* a sound that goes only to viewers of every sound, because others are louder */
    uint32_t hear_all; /* those viewers here */
    uint64_t replicas_hear_all; /* on the origin: workers that have or had such viewers */
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
    struct viewers viewers; /* sfu_output serves them in turn */
};
