#include "sfu/subscription.h"
#include "base/check.h"
#include "base/seq.h"
#include "proto/rtp.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/outbox.h"
#include "sfu/redundant.h"
#include "sfu/sent.h"
#include "sfu/session_data.h"
#include "sfu/span.h"
#include "sfu/track.h"
#include <stdlib.h>

/* Retransmissions may add this share of the track's bitrate, and at least the floor. */
#define RTX_SHARE     0.25
#define RTX_BPS_FLOOR 40000.0
#define RTX_BURST     60000.0
#define RTX_TIMES_MAX 10 /* as often as a browser asks; RTX_SHARE bounds the cost of all of them */

/* Sound is not sent again when its viewer would have played on before it comes: so long after its arrival, or
 * over a longer round trip than a jitter buffer bridges. A late packet of a picture still saves a key
 * frame. */
#define RTX_SOUND_AGE MP_MS(500)
#define RTX_SOUND_RTT MP_MS(120)

/* A key frame that one viewer asks for goes to all viewers, and has several times the bytes of another
 * picture. A viewer whose line is too narrow would ask once a second for ever. */
#define KEYFRAMES_PER_S 0.1
#define KEYFRAMES_BURST 5

struct subscription *subscription_new(struct sfu *sfu, struct session *viewer, struct track *track,
                                      const struct subscribe *how)
{
    struct subscription *s = slab_take(&sfu->subscription_slab);
    if (!s)
        return NULL;
    s->viewer = viewer;
    s->track = track;
    s->ssrc = how->ssrc;
    s->rtx_ssrc = how->rtx_ssrc;
    s->payload_type = how->payload_type;
    s->rtx_payload_type = how->rtx_payload_type;
    s->extensions = how->extensions;
    s->every_sound = how->every_sound;
    s->red_payload_type = how->red_payload_type;
    s->blocks = how->red_payload_type ? viewer->downlink->redundancy.blocks : 0;
    s->paused = track->quiet && !how->every_sound ? PAUSE_QUIET : 0;
    size_t mid_len = strnlen(how->mid, MID_SIZE);
    s->mid_len = mid_len <= MID_ELEMENT_MAX ? (uint8_t)mid_len : 0;
    memcpy(s->mid, how->mid, s->mid_len);
    memcpy(s->cname, how->cname, CNAME_SIZE);
    /* RFC 3550 5.1: a random start; below 2^15, so that a loss right behind it does not look like a wrap
     * (RFC 3711 3.3.1). */
    s->delta = 1 + prng_below(&sfu->prng, 0x7fff);
    s->rtx_next = 1 + prng_below(&sfu->prng, 0x7fff);
    if (!viewers_add(&track->viewers, s)) {
        slab_give(&sfu->subscription_slab, s);
        return NULL;
    }
    if (!viewed_add(&viewer->viewed, s)) {
        viewers_remove(&track->viewers, s);
        slab_give(&sfu->subscription_slab, s);
        return NULL;
    }
    track->hear_all += s->every_sound;
    s->next_of_session = viewer->subscriptions;
    viewer->subscriptions = s;
    stat_set(&stats_of(sfu)->subscriptions, ++sfu->subscription_count);
    return s;
}

void subscription_free(struct sfu *sfu, struct subscription *s)
{
    struct subscription **link = &s->viewer->subscriptions;
    viewers_remove(&s->track->viewers, s);
    viewed_remove(&s->viewer->viewed, s);
    s->track->hear_all -= s->every_sound;
    while (*link != s)
        link = &(*link)->next_of_session;
    *link = s->next_of_session;
    stat_set(&stats_of(sfu)->subscriptions, --sfu->subscription_count);
    free(s->rtx_log);
    free(s->sent);
    free(s->spans);
    slab_give(&sfu->subscription_slab, s);
}

/* RFC 3711 3.3.1: under other keys a receiver takes the roll-over counter for 0. The sequence numbers in the
 * packets continue. */
void subscription_rekeyed(struct subscription *s)
{
    s->first = s->sent_end;
    s->delta -= (s->sent_end + s->delta) >> 16 << 16;
    free(s->spans);
    s->spans = NULL;
    s->rtx_next &= 0xffff;
}

/* --- spans --- */

static struct span present_span(const struct subscription *s)
{
    return (struct span){.first = s->first + s->delta,
                         .end = s->sent_end + s->delta,
                         .delta = s->delta,
                         .track = s->track->id};
}

/* A span starts with this packet, which gets the viewer's next number: the random first one, or the one
 * behind the last that was sent. */
static void start(struct subscription *s, const struct packet *p)
{
    s->started = true;
    if (s->track->video && !s->rtx_payload_type && !s->sent)
        s->sent = sent_log_new(HISTORY_VIDEO);
    s->delta += s->sent_end - p->media.seq;
    s->first = s->sent_end = p->media.seq;
}

/* Whether the last packet that was sent ended its picture, as far as is known. */
static bool ended_picture(const struct subscription *s)
{
    const struct packet *p = track_packet(s->track, s->sent_end - 1);
    return !s->track->video || (p && p->media.marker);
}

void subscription_pause(struct sfu *sfu, struct subscription *s, enum pause_reason why, mp_time now)
{
    if (s->started) {
        struct span ended = present_span(s);
        spans_keep(&s->spans, &ended);
        s->delta += !ended_picture(s);
    }
    s->started = false;
    s->paused |= why;
}

/* The source's packet that the viewer was sent, or is due, under this number; NULL: none that is known. */
static struct packet *packet_of(struct sfu *sfu, const struct subscription *s, int64_t number)
{
    struct span present = present_span(s);
    const struct span *span = number >= present.first ? &present : spans_find(s->spans, number);
    if (!span || number >= span->end)
        return NULL;
    const struct track *t = span == &present ? s->track : track_find(sfu, span->track);
    return t ? track_packet(t, number - span->delta) : NULL;
}

/* Whether this packet goes to the viewer at all. */
static bool wanted(struct subscription *s, const struct packet *p)
{
    if (s->started)
        return p->media.seq >= s->first;
    /* a late packet has its number in the past span */
    if (s->paused || p->media.seq < s->sent_end || (s->track->video && !p->media.keyframe))
        return false;
    start(s, p);
    return true;
}

/* abs-send-time: 6.18 fixed point seconds. */
static void put_send_time(uint8_t out[3], mp_time now)
{
    uint64_t s = (uint64_t)now / 1000000000u, ns = (uint64_t)now % 1000000000u;
    put24(out, (uint32_t)(s << 18 | (ns << 18) / 1000000000u) & 0xffffff);
}

/* The fields of a packet that the viewer gets for the first time. */
static struct sent sent_now(struct subscription *s, size_t padding, mp_time now)
{
    struct sent sent = {.padding = (uint8_t)padding};
    put_send_time(sent.send_time, now);
    if (s->extensions.id[EXT_TRANSPORT_CC])
        sent.transport_seq = s->viewer->transport_seq++;
    return sent;
}

struct extension_values {
    struct bytes value[EXT_COUNT];
    uint8_t transport_seq[2], audio_level;
};

/* Those that do not follow from a packet of the source. */
static void extensions_begin(struct extension_values *e, const struct subscription *s,
                             const struct sent *sent)
{
    memset(e->value, 0, sizeof e->value);
    e->value[EXT_MID] = (struct bytes){(const uint8_t *)s->mid, s->mid_len};
    e->value[EXT_ABS_SEND_TIME] = (struct bytes){sent->send_time, 3};
    put16(e->transport_seq, sent->transport_seq);
    e->value[EXT_TRANSPORT_CC] = (struct bytes){e->transport_seq, 2};
}

static void extensions_of(struct extension_values *e, const struct subscription *s, const struct packet *p,
                          const struct sent *sent)
{
    extensions_begin(e, s, sent);
    if (p->media.audio_level >= 0) {
        e->audio_level = (uint8_t)p->media.audio_level;
        e->value[EXT_AUDIO_LEVEL] = (struct bytes){&e->audio_level, 1};
    }
    if (p->media.dependency_len)
        e->value[EXT_DEPENDENCY] = (struct bytes){p->data + p->media.dependency, p->media.dependency_len};
}

/* Header and extensions of one packet for this viewer; returns their length. */
static size_t write_header(uint8_t *out, const struct subscription *s, const struct packet *p,
                           struct rtp_header h, const struct sent *sent)
{
    struct extension_values e;
    h.timestamp = p->media.timestamp;
    h.marker = p->media.marker;
    h.padding = sent->padding > 0;
    size_t len = rtp_write(out, &h);
    extensions_of(&e, s, p, sent);
    return len + rtp_write_extensions(out, &s->extensions, e.value);
}

/* Length of the same, without writing it. */
static size_t header_len(const struct subscription *s, const struct packet *p)
{
    const uint8_t *id = s->extensions.id;
    size_t dependency = id[EXT_DEPENDENCY] ? p->media.dependency_len : 0,
           head = dependency > RTP_ONE_BYTE_MAX ? 2 : 1;
    size_t n = (id[EXT_MID] && s->mid_len ? head + s->mid_len : 0) + (id[EXT_ABS_SEND_TIME] ? head + 3 : 0) +
               (id[EXT_TRANSPORT_CC] ? head + 2 : 0) +
               (id[EXT_AUDIO_LEVEL] && p->media.audio_level >= 0 ? head + 1 : 0) +
               (dependency ? head + dependency : 0);
    return RTP_HEADER_SIZE + (n ? 4 + ((n + 3) & ~(size_t)3) : 0);
}

/* The run's packets have one length: the longest's. Shorter ones get RTP padding (RFC 3550 5.1), at most
 * RUN_PADDING_MAX bytes, as libwebrtc splits a frame into nearly equal parts. The padding is in the shared
 * packet's tail, because all viewers of this drain need the same bytes. Returns its length. */
static size_t pad(struct packet *p, size_t need)
{
    if (need) {
        uint8_t *tail = p->data + p->media.payload + p->media.payload_len;
        memset(tail, 0, need - 1);
        tail[need - 1] = (uint8_t)need;
    }
    return need;
}

struct burst {
    struct packet *packets[RUN_PACKETS_MAX];
    uint16_t len[RUN_PACKETS_MAX]; /* header and payload */
    size_t count, segment;
};

/* The packet as this viewer gets it: with earlier ones if its line loses packets. */
static struct packet *form_of(struct sfu *sfu, const struct subscription *s, struct packet *p)
{
    struct packet *redundant =
        s->blocks ? redundant_packet(sfu, s->track, p, s->blocks, s->payload_type) : NULL;
    if (redundant)
        stat_add(&stats_of(sfu)->red_out, 1);
    return redundant ? redundant : p;
}

/* Collects the next packets that can go out as one run: all within RUN_PADDING_MAX of the longest, except the
 * last, which may be of any shorter length. */
static void collect(struct sfu *sfu, struct burst *r, struct subscription *s, size_t *from)
{
    const struct track *t = s->track;
    size_t longest = 0, shortest = SIZE_MAX;
    r->count = 0;
    for (; *from < t->pending_count && r->count < RUN_PACKETS_MAX; ++*from) {
        struct packet *p = t->pending[*from];
        if (!wanted(s, p))
            continue;
        p = form_of(sfu, s, p);
        size_t len = header_len(s, p) + p->media.payload_len;
        size_t high = len > longest ? len : longest, low = len < shortest ? len : shortest;
        bool fits = r->count == 0 || high - low <= RUN_PADDING_MAX;
        if (!fits && len > longest)
            break;
        r->packets[r->count] = p;
        r->len[r->count++] = (uint16_t)len;
        if (!fits) { /* a short one ends the run */
            ++*from;
            break;
        }
        longest = high;
        shortest = low;
    }
    r->segment = longest;
}

/* 0 for a last packet that is more than RUN_PADDING_MAX shorter than the run's segment: it stays short. */
static size_t padding_of(const struct burst *r, size_t i)
{
    size_t need = r->segment - r->len[i];
    return r->count > 1 && need <= RUN_PADDING_MAX ? need : 0;
}

/* The header fields that are the same in every transmission of the packet to this viewer. */
static struct rtp_header header_of(const struct subscription *s, const struct packet *p, int64_t number)
{
    return (struct rtp_header){.payload_type = p->blocks ? s->red_payload_type : s->payload_type,
                               .seq = (uint16_t)number,
                               .ssrc = s->ssrc};
}

static size_t write_packet(struct sfu *sfu, struct subscription *s, struct packet *p, size_t padding,
                           uint8_t *out, mp_time now)
{
    struct sent sent = sent_now(s, padding, now);
    sent.blocks = p->blocks;
    int64_t number = p->media.seq + s->delta;
    size_t header = write_header(out, s, p, header_of(s, p, number), &sent);
    size_t payload = p->media.payload_len + pad(p, padding);
    if (s->sent)
        sent_keep(s->sent, number, &sent);
    if (p->media.seq >= s->sent_end)
        s->sent_end = p->media.seq + 1;
    s->packets++;
    s->octets += p->media.payload_len;
    return srtp_batch_protect(sfu->batch, s->viewer->tx, out, header, p->data + p->media.payload, payload,
                              (uint64_t)number);
}

bool subscription_run(struct sfu *sfu, struct subscription *s, size_t *from, uint8_t *out, struct transmit *t,
                      mp_time now)
{
    struct burst r;
    const struct path *path = session_path(s->viewer);
    if (!s->viewer->tx || !path)
        return false;
    collect(sfu, &r, s, from);
    if (!r.count)
        return false;
    size_t len = 0, overhead = srtp_tx_overhead(s->viewer->tx);
    struct downlink_run sent = {
        .first = s->viewer->transport_seq,
        .count = (unsigned)r.count,
        .size = (uint16_t)(r.segment + overhead),
        .last = (uint16_t)(r.len[r.count - 1] + padding_of(&r, r.count - 1) + overhead),
        .numbered = s->extensions.id[EXT_TRANSPORT_CC] != 0,
    };
    for (size_t i = 0; i < r.count; i++)
        len += write_packet(sfu, s, r.packets[i], padding_of(&r, i), out + len, now);
    *t = (struct transmit){
        .path = *path,
        .data = out,
        .len = (uint32_t)len,
        .segment = sent.size,
    };
    downlink_sent(sfu, s->viewer, &sent, now);
    stat_add(&stats_of(sfu)->rtp_out, r.count);
    return true;
}

/* True: this packet was not retransmitted within a round trip, nor too often. */
static bool rtx_allowed(struct subscription *s, uint16_t seq, mp_time now)
{
    uint16_t now_ms = (uint16_t)(now / MP_MS(1));
    uint16_t rtt_ms = (uint16_t)(mp_min(s->viewer->rtt, MP_MS(500)) / MP_MS(1));
    if (!s->rtx_log && !(s->rtx_log = calloc(RTX_LOG, sizeof *s->rtx_log)))
        return false;
    struct rtx_log *log = &s->rtx_log[seq % RTX_LOG];
    if (log->times && log->seq == seq) {
        if ((uint16_t)(now_ms - log->at_ms) < rtt_ms || log->times == RTX_TIMES_MAX)
            return false;
        log->times++;
    } else {
        *log = (struct rtx_log){.seq = seq, .times = 1};
    }
    log->at_ms = now_ms;
    return true;
}

static double rtx_bps(const struct subscription *s)
{
    double share = s->track->bitrate_bps * RTX_SHARE;
    return share > RTX_BPS_FLOOR ? share : RTX_BPS_FLOOR;
}

/* RFC 4588 4: the original's header with the RTX stream's SSRC and numbers; the original sequence number
 * precedes the payload. */
static void write_rtx(struct subscription *s, struct packet *p, int64_t number, struct packet *copy,
                      mp_time now)
{
    struct sent sent = sent_now(s, 0, now);
    size_t header = write_header(copy->data, s, p,
                                 (struct rtp_header){.payload_type = s->rtx_payload_type,
                                                     .seq = (uint16_t)s->rtx_next,
                                                     .ssrc = s->rtx_ssrc},
                                 &sent);
    size_t payload = p->media.payload_len;
    if (header + 2 + payload + SRTP_OVERHEAD_MAX > PACKET_SIZE)
        return;
    put16(copy->data + header, (uint16_t)number);
    memcpy(copy->data + header + 2, p->data + p->media.payload, payload);
    copy->len = (uint16_t)srtp_protect(s->viewer->tx, copy->data, header, copy->data + header, payload + 2,
                                       (uint64_t)s->rtx_next++);
}

/* Byte for byte as the first time: see sent.h. */
static void write_again(struct subscription *s, struct packet *p, int64_t number, struct packet *copy)
{
    const struct sent *sent = sent_find(s->sent, number);
    if (sent && sent->blocks)
        p = p->redundant[sent->blocks - 1];
    if (!sent || !p)
        return;
    size_t header = write_header(copy->data, s, p, header_of(s, p, number), sent);
    size_t payload = p->media.payload_len + pad(p, sent->padding);
    copy->len = (uint16_t)srtp_protect(s->viewer->tx, copy->data, header, p->data + p->media.payload, payload,
                                       (uint64_t)number);
}

static void send_again(struct sfu *sfu, struct subscription *s, struct packet *p, int64_t number,
                       const struct path *path, mp_time now)
{
    struct packet *copy = outbox_packet(sfu);
    if (!copy)
        return;
    copy->len = 0;
    uint16_t transport_seq = s->viewer->transport_seq;
    if (s->rtx_payload_type)
        write_rtx(s, p, number, copy, now);
    else
        write_again(s, p, number, copy);
    if (!copy->len) {
        packet_drop(&sfu->pool, copy);
        return;
    }
    /* the identical packet has the number of its first transmission, which the record has */
    struct downlink_run sent = {.first = transport_seq,
                                .count = 1,
                                .last = copy->len,
                                .numbered = s->rtx_payload_type && s->extensions.id[EXT_TRANSPORT_CC],
                                .retransmission = true};
    downlink_sent(sfu, s->viewer, &sent, now);
    outbox_send(sfu, path, copy);
    stat_add(&stats_of(sfu)->rtx_out, 1);
}

/* --- padding --- */

#define PADDING_MAX 255 /* RFC 3550 5.1: the last byte counts it */

/* Without RTX, its numbers are those of the stream, behind the last one: so not within a span. */
bool subscription_may_pad(const struct subscription *s)
{
    return s->extensions.id[EXT_TRANSPORT_CC] && (s->rtx_payload_type || !s->started);
}

static struct rtp_header header_of_padding(const struct subscription *s, int64_t number)
{
    const struct packet *last = track_packet(s->track, s->track->history_end - 1);
    bool rtx = s->rtx_payload_type;
    return (struct rtp_header){.payload_type = rtx ? s->rtx_payload_type : s->payload_type,
                               .seq = (uint16_t)number,
                               .ssrc = rtx ? s->rtx_ssrc : s->ssrc,
                               .timestamp = last ? last->media.timestamp : 0,
                               .padding = true};
}

static void write_padding(struct subscription *s, size_t padding, struct packet *copy, mp_time now)
{
    struct extension_values e;
    struct sent sent = sent_now(s, padding, now);
    int64_t number = s->rtx_payload_type ? s->rtx_next++ : s->sent_end + s->delta++;
    struct rtp_header h = header_of_padding(s, number);
    size_t header = rtp_write(copy->data, &h);
    extensions_begin(&e, s, &sent);
    header += rtp_write_extensions(copy->data, &s->extensions, e.value);
    memset(copy->data + header, 0, padding - 1);
    copy->data[header + padding - 1] = (uint8_t)padding;
    copy->len = (uint16_t)srtp_protect(s->viewer->tx, copy->data, header, copy->data + header, padding,
                                       (uint64_t)number);
}

size_t subscription_pad(struct sfu *sfu, struct subscription *s, size_t bytes, mp_time now)
{
    const struct path *path = session_path(s->viewer);
    struct packet *copy = s->viewer->tx && path ? outbox_packet(sfu) : NULL;
    if (!copy)
        return 0;
    struct downlink_run sent = {
        .first = s->viewer->transport_seq, .count = 1, .numbered = true, .padding = true};
    write_padding(s, bytes < PADDING_MAX ? bytes : PADDING_MAX, copy, now);
    size_t len = copy->len;
    if (!len) { /* the key's packet numbers are used up */
        packet_drop(&sfu->pool, copy);
        return 0;
    }
    sent.last = copy->len;
    downlink_sent(sfu, s->viewer, &sent, now);
    outbox_send(sfu, path, copy);
    stat_add(&stats_of(sfu)->padding_out, 1);
    return len;
}

/* --- retransmissions --- */

/* Most viewers of sound lose nothing and need no memory of what they were sent. So the first packet that one
 * asks for cannot be sent again. */
static bool can_send_again(struct subscription *s)
{
    if (s->track->video)
        return true;
    if (s->viewer->rtt > RTX_SOUND_RTT)
        return false;
    if (!s->sent)
        s->sent = sent_log_new(HISTORY_AUDIO);
    return s->sent != NULL;
}

void subscription_nack(struct sfu *sfu, struct subscription *s, uint16_t seq, mp_time now)
{
    const struct path *path = session_path(s->viewer);
    if (!s->started || !path || !s->viewer->tx || !can_send_again(s))
        return;
    int64_t number = seq_extend(s->sent_end + s->delta, seq);
    struct packet *p = packet_of(sfu, s, number);
    if (!p || !rtx_allowed(s, seq, now))
        return;
    if (!s->track->video && now - p->arrival > RTX_SOUND_AGE) {
        drop(sfu, DROP_RTX_LATE);
        return;
    }
    if (!rate_take(&s->rtx_rate, p->len * 8.0, rtx_bps(s), RTX_BURST * 8, now)) {
        drop(sfu, DROP_RTX_BUDGET);
        return;
    }
    send_again(sfu, s, p, number, path, now);
}

/* Elsewhere a track may have viewers that this worker does not know. */
static bool has_other_viewers(const struct track *t)
{
    return t->viewers.count > 1 || t->replicas || !t->publisher;
}

/* True: this request is within the viewer's share. Its repetitions within a second count as one request; they
 * bring at most one key frame more, as the track asks at most once a second (keyframe.h). */
static bool keyframe_allowed(struct subscription *s, mp_time now)
{
    if (s->keyframe_asked && now - s->keyframe_asked < KEYFRAME_INTERVAL)
        return true;
    if (!rate_take(&s->keyframe_rate, 1, KEYFRAMES_PER_S, KEYFRAMES_BURST, now) &&
        has_other_viewers(s->track))
        return false;
    s->keyframe_asked = now;
    return true;
}

void subscription_keyframe(struct sfu *sfu, struct subscription *s, mp_time now)
{
    if (s->paused)
        return;
    if (keyframe_allowed(s, now))
        track_keyframe(sfu, s->track, now);
    else
        stat_add(&stats_of(sfu)->pli_refused, 1);
}

/* Until then a key frame would be lost. */
static bool can_send(const struct session *session) { return session->tx && session_path(session); }

void subscriptions_ask(struct sfu *sfu, struct session *session, mp_time now)
{
    if (!can_send(session))
        return;
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session)
        if (!s->started && !s->paused)
            track_keyframe(sfu, s->track, now);
}

void subscription_resume(struct sfu *sfu, struct subscription *s, enum pause_reason why, mp_time now)
{
    if (!(s->paused & why))
        return;
    s->paused &= (uint8_t)~why;
    if (!s->paused && can_send(s->viewer))
        track_keyframe(sfu, s->track, now);
}

void subscriptions_ask_again(struct sfu *sfu, struct session *session, mp_time now)
{
    if (!can_send(session))
        return;
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session)
        if (!s->paused)
            track_keyframe(sfu, s->track, now);
}
