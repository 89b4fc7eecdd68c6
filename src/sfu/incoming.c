#include "sfu/incoming.h"
#include "sfu/track_data.h"

/* A viewer's numbers start up to 2^15 higher, and SRTP has 48 bits for them. A source reaches this only after
 * days of the largest gaps. */
#define SEQ_MAX (INT64_C(1) << 47)

/* RFC 3550 A.1, MAX_DROPOUT: a larger gap is a restart, not loss. Passed on as a gap, it could make a viewer
 * miss 2^15 numbers, after which the viewer cannot tell how often they wrapped (RFC 3711 3.3.1). */
#define GAP_MAX 3000

static bool seen_test(const struct incoming *in, int64_t seq)
{
    return in->seen[(uint64_t)seq % INCOMING_SEEN / 64] >> ((uint64_t)seq % 64) & 1;
}

static void seen_set(struct incoming *in, int64_t seq)
{
    in->seen[(uint64_t)seq % INCOMING_SEEN / 64] |= 1ull << ((uint64_t)seq % 64);
}

/* Moves the window up to `seq` and marks the new numbers as not seen. */
static void seen_advance(struct incoming *in, int64_t seq)
{
    if (seq - in->max >= INCOMING_SEEN) {
        memset(in->seen, 0, sizeof in->seen);
        return;
    }
    for (int64_t s = in->max + 1; s <= seq; s++)
        in->seen[(uint64_t)s % INCOMING_SEEN / 64] &= ~(1ull << ((uint64_t)s % 64));
}

/* RFC 3550 A.8, with the difference of transit times in nanoseconds until the end. */
static void note_jitter(struct incoming *in, const struct packet *p)
{
    double rate = in->stream.clock_rate;
    mp_time transit = p->arrival - (mp_time)((double)p->media.timestamp * 1e9 / rate);
    if (in->transit) {
        double d = (double)(transit - in->transit) * rate / 1e9;
        if (d < 0)
            d = -d;
        if (d < rate * 10) /* a timestamp's wrap or jump is not jitter */
            in->jitter += (d - in->jitter) / 16;
    }
    in->transit = transit;
}

/* A source that starts again, under a new SSRC or elsewhere in its numbers, goes on in the track's numbers
 * and times, so that viewers see one stream. If its first packet does not start a key frame, the server
 * missed that: it leaves one number out, so that viewers see a loss and do not decode the picture on top of
 * the last one. */
static void rebase(struct incoming *in, const struct packet *p, uint32_t ssrc, mp_time now)
{
    bool whole = p->media.keyframe || !in->track->video;
    int64_t next = in->started ? in->max + 1 + !whole : p->media.seq;
    uint32_t timestamp = p->media.timestamp;
    if (in->started) /* a new picture needs a new timestamp */
        timestamp = in->timestamp_last + 1 +
                    (uint32_t)(int64_t)((double)(now - in->timestamp_time) * in->stream.clock_rate / 1e9);
    in->first = next; /* an earlier packet of it would get a number of the previous source */
    in->offset = next - p->media.seq;
    in->timestamp_offset = timestamp - p->media.timestamp;
    in->ssrc = ssrc;
    in->anew = false;
    in->transit = 0;
    in->has_sr = false;
    in->nack.count = 0;
    in->nack.overflow = in->started && !whole;
    if (!in->started) {
        in->started = true;
        in->base = next;
        in->max = next - 1;
    }
}

bool incoming_receive(struct incoming *in, struct packet *p, uint32_t ssrc, bool recovered, mp_time now)
{
    if (recovered && !in->started)
        return false;
    if (!recovered &&
        (!in->started || in->ssrc != ssrc || in->anew || p->media.seq + in->offset > in->max + GAP_MAX))
        rebase(in, p, ssrc, now);
    int64_t seq = p->media.seq + in->offset;
    if (seq <= in->max - INCOMING_SEEN || seq < in->first || seq > SEQ_MAX ||
        (seq <= in->max && seen_test(in, seq)))
        return false;
    /* of a previous source, or invalid: a retransmission cannot be newer than the stream */
    if (recovered && seq > in->max + NACK_MISSING_MAX)
        return false;
    p->media.seq = seq;
    if (!recovered)
        note_jitter(in, p);
    p->media.timestamp += in->timestamp_offset;
    if (seq > in->max) {
        seen_advance(in, seq);
        if (in->stream.nack && seq > in->max + 1)
            nack_gap(&in->nack, in->max + 1, seq, now);
        in->max = seq;
        in->timestamp_last = p->media.timestamp;
        in->timestamp_time = now;
    } else {
        /* Without RTX a retransmission looks like a late packet. */
        mp_time took = nack_found(&in->nack, seq, recovered || !in->stream.rtx_payload_type, now);
        if (recovered && took)
            in->rtt_sample = took;
    }
    seen_set(in, seq);
    in->received++;
    return true;
}

bool incoming_misses(const struct incoming *in, int64_t own_seq)
{
    int64_t seq = own_seq + in->offset;
    return seq > in->max - INCOMING_SEEN && seq >= in->first && !(seq <= in->max && seen_test(in, seq));
}

void incoming_report(struct incoming *in, struct rtcp_report *r, mp_time now)
{
    int64_t expected = in->max - in->base + 1;
    int64_t expected_interval = expected - in->expected_prior;
    int64_t received_interval = (int64_t)(in->received - in->received_prior);
    int64_t lost_interval = expected_interval - received_interval;
    int64_t lost = expected - (int64_t)in->received;
    in->expected_prior = expected;
    in->received_prior = in->received;
    lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
    *r = (struct rtcp_report){
        .ssrc = in->ssrc,
        .fraction_lost =
            expected_interval > 0 && lost_interval > 0
                ? (uint8_t)(lost_interval < expected_interval ? (lost_interval << 8) / expected_interval
                                                              : 255)
                : 0,
        .lost = (int32_t)lost,
        .seq_ext_max = (uint32_t)(in->max - in->offset),
        .jitter = (uint32_t)in->jitter,
        .lsr = in->has_sr ? in->sr_ntp : 0,
        .dlsr = in->has_sr ? (uint32_t)(mp_to_ntp(now - in->sr_time) >> 16) : 0,
    };
}
