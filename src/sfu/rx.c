#include "sfu/rx.h"
#include "sfu/track_data.h"

/* A viewer's numbers start up to 2^15 higher and have 48 bits under SRTP. A source gets here in days of nothing but the largest
 * gaps. */
#define SEQ_MAX (INT64_C(1) << 47)

/* RFC 3550 A.1, MAX_DROPOUT: more than that is no loss. Nothing of it is in a history, and a viewer that is away meanwhile would
 * miss 2^15 numbers, after which it cannot tell how often they wrapped (RFC 3711 3.3.1). */
#define GAP_MAX 3000

static bool seen_test(const struct rx *rx, int64_t seq)
{
    return rx->seen[(uint64_t)seq % RX_SEEN / 64] >> ((uint64_t)seq % 64) & 1;
}

static void seen_set(struct rx *rx, int64_t seq)
{
    rx->seen[(uint64_t)seq % RX_SEEN / 64] |= 1ull << ((uint64_t)seq % 64);
}

/* Moves the window up to `seq`: what enters it was not seen yet. */
static void seen_advance(struct rx *rx, int64_t seq)
{
    if (seq - rx->max >= RX_SEEN) {
        memset(rx->seen, 0, sizeof rx->seen);
        return;
    }
    for (int64_t s = rx->max + 1; s <= seq; s++)
        rx->seen[(uint64_t)s % RX_SEEN / 64] &= ~(1ull << ((uint64_t)s % 64));
}

/* RFC 3550 A.8, with the difference of transit times in nanoseconds until the end. */
static void note_jitter(struct rx *rx, const struct packet *p)
{
    double rate = rx->stream.clock_rate;
    mp_time transit = p->arrival - (mp_time)((double)p->media.timestamp * 1e9 / rate);
    if (rx->transit) {
        double d = (double)(transit - rx->transit) * rate / 1e9;
        if (d < 0)
            d = -d;
        if (d < rate * 10) /* a timestamp's wrap or jump is not jitter */
            rx->jitter += (d - rx->jitter) / 16;
    }
    rx->transit = transit;
}

/* A source that starts again, under a new SSRC or elsewhere in its numbers, goes on in the track's numbers and times, so that
 * viewers see one stream. If what is heard of it first is no key frame, one was missed: a number is left out, or that picture would
 * be built on the last one. */
static void rebase(struct rx *rx, const struct packet *p, uint32_t ssrc, mp_time now)
{
    bool whole = p->media.keyframe || !rx->track->video;
    int64_t next = rx->started ? rx->max + 1 + !whole : p->media.seq;
    uint32_t timestamp = p->media.timestamp;
    if (rx->started) /* another picture than the last has another time */
        timestamp = rx->timestamp_last + 1 +
                    (uint32_t)(int64_t)((double)(now - rx->timestamp_time) * rx->stream.clock_rate / 1e9);
    rx->first = next; /* an earlier one of it would be taken for one of the source before */
    rx->offset = next - p->media.seq;
    rx->timestamp_offset = timestamp - p->media.timestamp;
    rx->ssrc = ssrc;
    rx->anew = false;
    rx->transit = 0;
    rx->has_sr = false;
    rx->nack.count = 0;
    rx->nack.overflow = rx->started && !whole;
    if (!rx->started) {
        rx->started = true;
        rx->base = next;
        rx->max = next - 1;
    }
}

bool rx_receive(struct rx *rx, struct packet *p, uint32_t ssrc, bool recovered, mp_time now)
{
    if (recovered && !rx->started)
        return false;
    if (!recovered && (!rx->started || rx->ssrc != ssrc || rx->anew || p->media.seq + rx->offset > rx->max + GAP_MAX))
        rebase(rx, p, ssrc, now);
    int64_t seq = p->media.seq + rx->offset;
    if (seq <= rx->max - RX_SEEN || seq < rx->first || seq > SEQ_MAX || (seq <= rx->max && seen_test(rx, seq)))
        return false;
    if (recovered && seq > rx->max + NACK_MISSING_MAX) /* of a source before this one, or a lie: what is sent again was sent */
        return false;
    p->media.seq = seq;
    if (!recovered)
        note_jitter(rx, p);
    p->media.timestamp += rx->timestamp_offset;
    if (seq > rx->max) {
        seen_advance(rx, seq);
        if (rx->stream.nack && seq > rx->max + 1)
            nack_gap(&rx->nack, rx->max + 1, seq, now);
        rx->max = seq;
        rx->timestamp_last = p->media.timestamp;
        rx->timestamp_time = now;
    } else {
        /* Without RTX what was sent again looks like what was late. */
        mp_time took = nack_found(&rx->nack, seq, recovered || !rx->stream.rtx_payload_type, now);
        if (recovered && took)
            rx->rtt_sample = took;
    }
    seen_set(rx, seq);
    rx->received++;
    return true;
}

void rx_report(struct rx *rx, struct rtcp_report *r, mp_time now)
{
    int64_t expected = rx->max - rx->base + 1;
    int64_t expected_interval = expected - rx->expected_prior;
    int64_t received_interval = (int64_t)(rx->received - rx->received_prior);
    int64_t lost_interval = expected_interval - received_interval;
    int64_t lost = expected - (int64_t)rx->received;
    rx->expected_prior = expected;
    rx->received_prior = rx->received;
    lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
    *r = (struct rtcp_report){
        .ssrc = rx->ssrc,
        .fraction_lost = expected_interval > 0 && lost_interval > 0
                             ? (uint8_t)(lost_interval < expected_interval ? (lost_interval << 8) / expected_interval : 255)
                             : 0,
        .lost = (int32_t)lost,
        .seq_ext_max = (uint32_t)(rx->max - rx->offset),
        .jitter = (uint32_t)rx->jitter,
        .lsr = rx->has_sr ? rx->sr_ntp : 0,
        .dlsr = rx->has_sr ? (uint32_t)(mp_to_ntp(now - rx->sr_time) >> 16) : 0,
    };
}
