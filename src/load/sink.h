/* The packets that one viewer receives. The sink counts every packet by its plain header. It decrypts the
 * first packet of a stream and one in SINK_SAMPLE, to verify it and read its stamp. */
#pragma once
#include "load/histogram.h"
#include "load/options.h"
#include "load/source.h"
#include "proto/rtp.h"
#include <stdbool.h>

#define SINK_SAMPLE 101 /* a prime, so that samples spread over all positions in a frame */
#define SINK_WINDOW 1024

struct sink_stream {
    uint32_t ssrc;
    bool video, stamped;
    uint32_t client;       /* stamped: the sender */
    unsigned layer;        /* stamped: of its last sample, in simulcast[] */
    int64_t offset;        /* stamped: our sequence number minus the sender's index */
    int64_t base, highest; /* first counted and highest received number; extended */
    uint64_t received, duplicates;
    uint64_t seen[SINK_WINDOW / 64];
    unsigned until_sample;
    uint64_t reported, reported_expected; /* at the last receiver report */
    uint32_t lsr;                         /* middle bits of the last sender report's NTP time; 0: none */
    mp_time sr_at;                        /* its arrival */
};

struct sink {
    uint32_t run;
    unsigned count;
    uint32_t ssrcs[LOAD_STREAMS_MAX];
    struct sink_stream *streams[LOAD_STREAMS_MAX];
    unsigned reported;       /* the first stream of the next report */
    uint64_t received, gaps; /* of all streams, since the beginning; gaps: missing so far */
    uint64_t switches;       /* samples of another layer than the one before */
    bool sample_good;        /* the sampled packet was authentic */
};

enum sink_result { SINK_COUNTED, SINK_SAMPLE_IT, SINK_IGNORED };

void sink_init(struct sink *, uint32_t run);
void sink_free(struct sink *);
/* One encrypted packet. SINK_SAMPLE_IT: decrypt it and give it to sink_plain. */
enum sink_result sink_packet(struct sink *, const uint8_t *, size_t len);
/* A decrypted packet; its latency is added to `latency` unless that is NULL. */
void sink_plain(struct sink *, const uint8_t *, size_t len, struct histogram *latency, mp_time now);
/* Restarts the counters. Returns the number of missing packets so far. */
uint64_t sink_restart(struct sink *);
/* Packets that should have come; `end`: the sender's index behind its last, where the stream is stamped. */
uint64_t sink_expected(const struct sink_stream *, int64_t end);
/* A sender report arrived. */
void sink_sender_report(struct sink *, uint32_t ssrc, uint64_t ntp, mp_time now);
/* One receiver report over the streams, of more than 31 over the next ones each time. 0: there are none. */
size_t sink_report(struct sink *, uint8_t *out, size_t size, uint32_t ssrc, mp_time now);
