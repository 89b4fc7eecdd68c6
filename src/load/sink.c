#include "load/sink.h"
#include "base/seq.h"
#include "proto/rtcp.h"
#include <stdlib.h>

void sink_init(struct sink *k, uint32_t run) { *k = (struct sink){.run = run}; }

void sink_free(struct sink *k)
{
    for (unsigned i = 0; i < k->count; i++)
        free(k->streams[i]);
    k->count = 0;
}

static struct sink_stream *find(const struct sink *k, uint32_t ssrc)
{
    for (unsigned i = 0; i < k->count; i++)
        if (k->ssrcs[i] == ssrc)
            return k->streams[i];
    return NULL;
}

static void mark(struct sink_stream *s, int64_t seq)
{
    s->seen[(uint64_t)seq / 64 % (SINK_WINDOW / 64)] |= 1ull << ((uint64_t)seq % 64);
}

static bool seen(const struct sink_stream *s, int64_t seq)
{
    return s->seen[(uint64_t)seq / 64 % (SINK_WINDOW / 64)] >> ((uint64_t)seq % 64) & 1;
}

static void advance(struct sink_stream *s, int64_t seq)
{
    int64_t steps = seq - s->highest;
    for (int64_t i = 1; i <= steps && i <= SINK_WINDOW; i++) {
        int64_t at = s->highest + i;
        s->seen[(uint64_t)at / 64 % (SINK_WINDOW / 64)] &= ~(1ull << ((uint64_t)at % 64));
    }
    s->highest = seq;
}

static void count(struct sink *k, struct sink_stream *s, uint16_t low)
{
    int64_t seq = seq_extend(s->highest, low);
    k->received++;
    if (seq > s->highest) {
        k->gaps += (uint64_t)(seq - s->highest - 1);
        advance(s, seq);
    } else if (seq < s->base || seq <= s->highest - SINK_WINDOW) {
        return;
    } else if (seen(s, seq)) {
        s->duplicates++;
        return;
    } else {
        k->gaps--;
    }
    mark(s, seq);
    s->received++;
}

enum sink_result sink_packet(struct sink *k, const uint8_t *data, size_t len)
{
    uint8_t type = data[1] & 0x7f;
    if (type != VIDEO_TYPE && type != AUDIO_TYPE)
        return SINK_IGNORED;
    struct sink_stream *s = find(k, get32(data + 8));
    if (!s) /* only an authentic packet begins a stream */
        return k->count < LOAD_STREAMS_MAX ? SINK_SAMPLE_IT : SINK_IGNORED;
    count(k, s, get16(data + 2));
    if (--s->until_sample)
        return SINK_COUNTED;
    s->until_sample = SINK_SAMPLE;
    return SINK_SAMPLE_IT;
}

static struct sink_stream *add(struct sink *k, const struct rtp_view *v)
{
    struct sink_stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    /* The low end is one window away from 0, so that extended numbers stay positive. */
    int64_t seq = 0x10000 + v->seq;
    *s = (struct sink_stream){
        .ssrc = v->ssrc, .video = v->payload_type == VIDEO_TYPE, .base = seq, .highest = seq, .received = 1};
    s->until_sample = 1 + v->ssrc % SINK_SAMPLE; /* viewers' samples are of different packets */
    mark(s, seq);
    k->ssrcs[k->count] = v->ssrc;
    k->streams[k->count++] = s;
    k->received++;
    return s;
}

void sink_plain(struct sink *k, const uint8_t *data, size_t len, struct histogram *latency, mp_time now)
{
    struct rtp_view v;
    struct stamp stamp;
    k->sample_good = true;
    if (!rtp_parse(&v, data, len) || (v.payload_type != VIDEO_TYPE && v.payload_type != AUDIO_TYPE))
        return;
    struct sink_stream *s = find(k, v.ssrc);
    if (!s && !(s = add(k, &v)))
        return;
    if (!source_stamp_read(&stamp, &v, k->run))
        return;
    k->switches += s->stamped && stamp.layer != s->layer;
    s->layer = stamp.layer < SIMULCAST_MAX ? stamp.layer : 0;
    s->stamped = true;
    s->client = stamp.client;
    s->offset = seq_extend(s->highest, v.seq) - (int64_t)stamp.index;
    if (latency)
        histogram_add(latency, now - stamp.time);
}

uint64_t sink_restart(struct sink *k)
{
    uint64_t missing = 0;
    k->switches = 0;
    for (unsigned i = 0; i < k->count; i++) {
        struct sink_stream *s = k->streams[i];
        missing += (uint64_t)(s->highest + 1 - s->base) - s->received;
        s->base = s->highest + 1;
        s->received = s->duplicates = s->reported = s->reported_expected = 0;
    }
    return missing;
}

uint64_t sink_expected(const struct sink_stream *s, int64_t end)
{
    int64_t last = s->stamped ? mp_max(end + s->offset, s->highest + 1) : s->highest + 1;
    return (uint64_t)(last - s->base);
}

void sink_sender_report(struct sink *k, uint32_t ssrc, uint64_t ntp, mp_time now)
{
    struct sink_stream *s = find(k, ssrc);
    if (!s)
        return;
    s->lsr = (uint32_t)(ntp >> 16);
    s->sr_at = now;
}

/* RFC 3550 6.4.1: DLSR is in units of 1/65536 s, and 0 without a sender report. */
static uint32_t since_sender_report(const struct sink_stream *s, mp_time now)
{
    return s->lsr ? (uint32_t)((now - s->sr_at) * 65536 / MP_S(1)) : 0;
}

static void report(struct sink_stream *s, struct rtcp_report *r, mp_time now)
{
    uint64_t expected = (uint64_t)(s->highest + 1 - s->base), fresh = expected - s->reported_expected;
    uint64_t came = s->received - s->reported, lost = fresh > came ? fresh - came : 0;
    *r = (struct rtcp_report){.ssrc = s->ssrc,
                              .fraction_lost = fresh ? (uint8_t)(lost * 255 / fresh) : 0,
                              .lost = (int32_t)(expected - s->received),
                              .seq_ext_max = (uint32_t)s->highest,
                              .lsr = s->lsr,
                              .dlsr = since_sender_report(s, now)};
    s->reported = s->received;
    s->reported_expected = expected;
}

size_t sink_report(struct sink *k, uint8_t *out, size_t size, uint32_t ssrc, mp_time now)
{
    struct rtcp_report reports[31];
    size_t n = 0;
    for (; n < k->count && n < 31; n++)
        report(k->streams[(k->reported + n) % k->count], &reports[n], now);
    if (!n)
        return 0;
    k->reported = (k->reported + (unsigned)n) % k->count;
    size_t len = rtcp_write_rr(out, size, ssrc, reports, n);
    return len + rtcp_write_sdes(out + len, size - len, ssrc, "load");
}
