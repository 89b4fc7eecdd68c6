#include "sfu/ingress.h"
#include "base/seq.h"
#include "proto/red.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/heard.h"
#include "sfu/outbox.h"
#include "sfu/report.h"
#include "sfu/session_data.h"
#include "sfu/track.h"

#define SOURCE_SILENT  MP_S(1)
#define TURNED_PACKETS 3

/* Frees this SSRC's slot here and in the SRTP context. */
static void unbind(struct session *session, unsigned i)
{
    if (session->rx)
        srtp_rx_ended(session->rx, session->by_ssrc[i].ssrc);
    session->by_ssrc[i] = session->by_ssrc[--session->ssrc_count];
}

void ingress_unbind(struct session *session, const struct incoming *in)
{
    for (unsigned i = session->ssrc_count; i-- > 0;)
        if (session->by_ssrc[i].incoming == in)
            unbind(session, i);
}

void ingress_rekeyed(struct session *session)
{
    for (struct incoming *in = session->streams; in; in = in->next)
        in->anew = in->started;
}

/* A client may start a new SSRC at any time: it replaces the longest silent one of those that no description
 * names. */
static bool make_room(struct session *session, mp_time now)
{
    unsigned oldest = STREAMS_RX_MAX;
    if (session->ssrc_count < STREAMS_RX_MAX)
        return false;
    for (unsigned i = 0; i < session->ssrc_count; i++)
        if (!session->by_ssrc[i].named && now - session->by_ssrc[i].heard >= SOURCE_SILENT &&
            (oldest == STREAMS_RX_MAX || session->by_ssrc[i].heard < session->by_ssrc[oldest].heard))
            oldest = i;
    if (oldest == STREAMS_RX_MAX)
        return false;
    unbind(session, oldest);
    return true;
}

static void bind_ssrc(struct session *session, struct incoming *in, uint32_t ssrc, bool rtx, uint32_t repairs,
                      bool named, mp_time now)
{
    if (!ssrc)
        return;
    for (uint8_t i = 0; i < session->ssrc_count; i++)
        if (session->by_ssrc[i].ssrc == ssrc)
            return; /* the first section that named it keeps it */
    if (session->ssrc_count == STREAMS_RX_MAX && !make_room(session, now))
        return;
    session->by_ssrc[session->ssrc_count].ssrc = ssrc;
    session->by_ssrc[session->ssrc_count].rtx = rtx;
    session->by_ssrc[session->ssrc_count].left = false;
    session->by_ssrc[session->ssrc_count].named = named;
    session->by_ssrc[session->ssrc_count].repairs = repairs;
    session->by_ssrc[session->ssrc_count].rid = 0;
    session->by_ssrc[session->ssrc_count].heard = now;
    session->by_ssrc[session->ssrc_count++].incoming = in;
    if (session->rx)
        srtp_rx_goes_on(session->rx, ssrc);
}

void ingress_bind(struct session *session, struct incoming *in, uint32_t ssrc, uint32_t rtx_ssrc, mp_time now)
{
    bind_ssrc(session, in, ssrc, false, 0, true, now);
    bind_ssrc(session, in, rtx_ssrc, true, ssrc, true, now);
}

static bool is_redundant(const struct incoming *in, uint8_t payload_type)
{
    return in->stream.red_payload_type && in->stream.red_payload_type == payload_type;
}

/* Assigns an unannounced SSRC by its mid, or to the only stream that has its payload type (RFC 8843 9.2). */
static bool find_unannounced(struct session *session, const struct rtp_view *v, struct bytes mid, mp_time now)
{
    struct incoming *found = NULL;
    bool rtx = false;
    for (struct incoming *in = session->streams; in; in = in->next) {
        bool primary = in->stream.payload_type == v->payload_type ||
                       publish_may_turn_to(&in->stream, v->payload_type) || is_redundant(in, v->payload_type);
        bool repair = in->stream.rtx_payload_type && in->stream.rtx_payload_type == v->payload_type;
        bool named = mid.data && bytes_equal(mid, in->stream.mid, strnlen(in->stream.mid, MID_SIZE));
        if ((!primary && !repair) || (mid.data && !named))
            continue;
        if (found)
            return false; /* ambiguous */
        found = in;
        rtx = repair;
    }
    if (!found)
        return false;
    bind_ssrc(session, found, v->ssrc, rtx, 0, false, now);
    return true;
}

static int find_stream(struct session *session, const struct rtp_view *v, struct bytes mid, mp_time now)
{
    for (int again = 0; again < 2; again++) {
        for (uint8_t i = 0; i < session->ssrc_count; i++)
            if (session->by_ssrc[i].ssrc == v->ssrc)
                return i;
        if (!find_unannounced(session, v, mid, now))
            break;
    }
    return -1;
}

/* RFC 4588 4: the original sequence number stands in front of the payload. False: padding only, or nothing
 * to repair. */
static bool unwrap_rtx(const struct incoming *in, struct packet *packet, const struct rtp_view *v)
{
    if (v->payload_len < 2 || !in->started)
        return false;
    int64_t near = in->max - in->offset;
    packet->media.seq = seq_extend(near, get16(v->data + v->header_len));
    packet->media.payload = (uint16_t)(v->header_len + 2);
    packet->media.payload_len = (uint16_t)(v->payload_len - 2);
    return packet->media.seq >= 0;
}

static void note_transport_seq(struct session *session, struct bytes value, uint32_t ssrc, mp_time arrival,
                               mp_time now)
{
    if (!session->twcc || value.len < 2)
        return;
    twcc_arrived(session->twcc, get16(value.data), arrival);
    session->twcc_media = ssrc;
    if (session->twcc_at == MP_NEVER)
        session->twcc_at = mp_on_grid(now + TWCC_DELAY);
}

static int16_t byte_of(struct bytes value) { return value.data && value.len >= 1 ? value.data[0] : -1; }

/* The newest SSRC of a stream counts; packets of an older one are late, and dropped. Otherwise two SSRCs of
 * one stream would alternate and restart it each time, as would the layers of a client that sends simulcast
 * unasked. If the newest falls silent, an older one may continue. */
static bool is_straggler(const struct session *session, int i, mp_time now)
{
    return session->by_ssrc[i].left && now - session->by_ssrc[i].incoming->timestamp_time < SOURCE_SILENT;
}

static void note_source(struct session *session, const struct incoming *in)
{
    for (uint8_t i = 0; i < session->ssrc_count; i++)
        if (session->by_ssrc[i].incoming == in && !session->by_ssrc[i].rtx)
            session->by_ssrc[i].left = session->by_ssrc[i].ssrc != in->ssrc;
}

enum came { CAME_FIRST, CAME_AGAIN /* by RTX */, CAME_LATER /* in a later packet (RED) */ };

/* Numbers the packet in its stream and passes it to the track. */
static void forward(struct sfu *sfu, struct session *session, struct incoming *in, struct packet *packet,
                    uint32_t ssrc, enum came came, mp_time now)
{
    uint32_t source = in->ssrc;
    if (!incoming_receive(in, packet, ssrc, came != CAME_FIRST, now)) {
        drop(sfu, DROP_RTP_DUPLICATE);
        return;
    }
    if (in->ssrc != source)
        note_source(session, in);
    stat_add(&stats_of(sfu)->rtp_in, 1);
    if (came == CAME_AGAIN)
        stat_add(&stats_of(sfu)->rtx_in, 1);
    else if (came == CAME_LATER)
        stat_add(&stats_of(sfu)->red_in, 1);
    if (!in->track->video && came != CAME_LATER)
        levels_heard(sfu, in, packet, now);
    track_push(sfu, in->track, packet, now);
    if (in->nack.overflow) {
        in->nack.overflow = false;
        track_keyframe(sfu, in->track, now);
    }
}

static void forward_lead(struct sfu *sfu, struct session *session, struct incoming *in, mp_time now)
{
    for (uint8_t i = 0; i < in->lead.count; i++)
        forward(sfu, session, in, in->lead.packets[i], in->lead.ssrc, CAME_FIRST, now);
    lead_drop(&sfu->pool, &in->lead);
}

/* --- layers --- */

static uint32_t rid_of(struct bytes value) { return value.data ? layers_rid(value.data, value.len) : 0; }

/* Whether a retransmission belongs to the forwarded layer: other layers have other numbers. */
static bool repairs_present(struct session *session, int i, struct bytes rid)
{
    const struct incoming *in = session->by_ssrc[i].incoming;
    if (!in->stream.layered)
        return true;
    if (rid.data)
        session->by_ssrc[i].rid = rid_of(rid);
    if (session->by_ssrc[i].repairs)
        return session->by_ssrc[i].repairs == in->ssrc;
    return session->by_ssrc[i].rid && session->by_ssrc[i].rid == layers_rid_of(&in->layers, in->ssrc);
}

/* Switches to the next layer, starting with the packets that precede its key frame. The previous layer ends
 * at once. */
static void switch_layer(struct sfu *sfu, struct session *session, struct incoming *in, mp_time now)
{
    lead_drop(&sfu->pool, &in->lead);
    in->lead = in->layers.ahead;
    in->layers.ahead = (struct lead){0};
    in->layers.wanted = 0;
    forward_lead(sfu, session, in, now);
}

/* A packet of the layer that will take over. True: it takes over with this packet. */
static bool takes_over(struct sfu *sfu, struct incoming *in, struct packet *packet, uint32_t ssrc, bool leads,
                       mp_time now)
{
    struct lead *ahead = &in->layers.ahead;
    if (leads && lead_takes(ahead, ssrc, packet)) {
        lead_add(ahead, ssrc, packet);
        return false;
    }
    if (!packet->media.keyframe || !lead_mark(ahead, ssrc, packet))
        lead_drop(&sfu->pool, ahead);
    if (leads)
        lead_add(ahead, ssrc, packet);
    if (packet->media.keyframe)
        return true;
    if (!in->track->keyframe.wanted) /* a key frame of the previous layer may have fulfilled the request */
        track_keyframe(sfu, in->track, now);
    return false;
}

/* Whether this packet belongs to the layer that viewers get. */
static bool is_of_layer(struct sfu *sfu, struct session *session, struct incoming *in, struct packet *packet,
                        uint32_t ssrc, uint32_t rid, bool leads, mp_time now)
{
    struct layers *l = &in->layers;
    if (!layers_heard(l, ssrc, rid, packet->len, now))
        return false;
    if (!in->started) /* the first layer that arrives, without mixing in another */
        return !in->lead.count || in->lead.ssrc == ssrc;
    uint32_t best = layers_best(l, in->ssrc, now);
    l->wanted = best == in->ssrc ? 0 : best;
    if (ssrc == in->ssrc)
        return true;
    if (ssrc != best || !takes_over(sfu, in, packet, ssrc, leads, now))
        return false;
    switch_layer(sfu, session, in, now);
    return true;
}

/* Packets that precede a picture wait for its first packet. */
static void forward_picture(struct sfu *sfu, struct session *session, struct incoming *in,
                            struct packet *packet, uint32_t ssrc, bool leads, mp_time now)
{
    if (!leads || !lead_takes(&in->lead, ssrc, packet)) {
        lead_mark(&in->lead, ssrc, packet);
        forward_lead(sfu, session, in, now);
    }
    if (leads)
        lead_add(&in->lead, ssrc, packet);
    else
        forward(sfu, session, in, packet, ssrc, CAME_FIRST, now);
}

static void note_media(struct packet *packet, const struct rtp_view *v, const struct bytes ext[EXT_COUNT],
                       uint64_t index)
{
    packet->media = (struct packet_media){
        .seq = (int64_t)index,
        .timestamp = v->timestamp,
        .payload = v->header_len,
        .payload_len = v->payload_len,
        .marker = v->marker,
        .audio_level = byte_of(ext[EXT_AUDIO_LEVEL]),
    };
    if (ext[EXT_DEPENDENCY].data) {
        packet->media.dependency = (uint16_t)(ext[EXT_DEPENDENCY].data - packet->data);
        packet->media.dependency_len = (uint8_t)ext[EXT_DEPENDENCY].len;
    }
}

/* Whether the packet has the negotiated payload type. If several in a row have another one that the client
 * may send instead, tells the control plane; a single one may be late from before a change. */
static bool is_agreed(struct sfu *sfu, struct session *session, struct incoming *in, uint8_t payload_type)
{
    bool agreed = payload_type == in->stream.payload_type;
    if (agreed || payload_type != in->other)
        in->other_count = 0;
    in->other = payload_type;
    if (agreed || !publish_may_turn_to(&in->stream, payload_type))
        return agreed;
    if (++in->other_count < TURNED_PACKETS)
        return false;
    in->other_count = 0;
    outbox_emit(sfu,
                &(struct message){.type = MESSAGE_CODEC,
                                  .to = TO_CONTROL,
                                  .session = session->id,
                                  .track = in->track->id,
                                  .payload_type = payload_type},
                NULL);
    return false;
}

/* --- redundant audio (RFC 2198) --- */

/* A block of `packet`, of its own: it was the packet `back` before. */
static void recover(struct sfu *sfu, struct session *session, struct incoming *in,
                    const struct packet *packet, uint32_t ssrc, const struct red_block *block, size_t back,
                    mp_time now)
{
    int64_t seq = packet->media.seq - (int64_t)back;
    if (!block->data.len || block->payload_type != in->stream.payload_type || !incoming_misses(in, seq))
        return;
    struct packet *p = packet_take(&sfu->pool);
    if (!p) {
        drop(sfu, DROP_POOL);
        return;
    }
    memcpy(p->data, block->data.data, block->data.len);
    p->len = (uint16_t)block->data.len;
    p->arrival = packet->arrival;
    p->media = (struct packet_media){.seq = seq,
                                     .timestamp = packet->media.timestamp - block->offset,
                                     .payload_len = p->len,
                                     .audio_level = -1};
    forward(sfu, session, in, p, ssrc, CAME_LATER, now);
    packet_drop(&sfu->pool, p);
}

/* Leaves the primary block alone in the packet, and recovers lost packets from the others. The blocks have no
 * sequence numbers: they are the packets just before. Returns the primary's payload type; 0: malformed. */
static uint8_t strip_redundancy(struct sfu *sfu, struct session *session, struct incoming *in,
                                struct packet *packet, uint32_t ssrc, mp_time now)
{
    struct red_block blocks[RED_BLOCKS_MAX];
    struct bytes payload = {packet->data + packet->media.payload, packet->media.payload_len};
    size_t count = red_parse(blocks, payload, in->stream.red_payload_type);
    if (!count)
        return 0;
    bool goes_on = in->started && in->ssrc == ssrc && !in->anew;
    for (size_t i = 0; goes_on && i + 1 < count; i++)
        recover(sfu, session, in, packet, ssrc, &blocks[i], count - 1 - i, now);
    const struct red_block *primary = &blocks[count - 1];
    packet->media.payload = (uint16_t)(primary->data.data - packet->data);
    packet->media.payload_len = (uint16_t)primary->data.len;
    return primary->payload_type;
}

/* Passes a decrypted, authentic packet to its stream. */
static void deliver(struct sfu *sfu, struct session *session, struct packet *packet, const struct rtp_view *v,
                    uint64_t index, mp_time now)
{
    struct bytes ext[EXT_COUNT];
    struct codec_info info = {0};
    rtp_extensions_read(v, &session->extensions, ext);
    note_transport_seq(session, ext[EXT_TRANSPORT_CC], v->ssrc, packet->arrival, now);
    int i = find_stream(session, v, ext[EXT_MID], now);
    if (i < 0) {
        /* of no stream: frees the SRTP slot for one that has a stream */
        srtp_rx_ended(session->rx, v->ssrc);
        drop(sfu, DROP_RTP_STREAM);
        return;
    }
    session->by_ssrc[i].heard = now;
    struct incoming *in = session->by_ssrc[i].incoming;
    bool rtx = session->by_ssrc[i].rtx;
    note_media(packet, v, ext, index);
    if (rtx && !(repairs_present(session, i, ext[EXT_REPAIRED_RID]) && unwrap_rtx(in, packet, v)))
        return; /* a probe, or of another layer */
    bool late = !in->stream.layered && is_straggler(session, i, now);
    uint8_t payload_type = v->payload_type;
    if (!rtx && !late && is_redundant(in, payload_type) &&
        !(payload_type = strip_redundancy(sfu, session, in, packet, v->ssrc, now))) {
        drop(sfu, DROP_RTP_MALFORMED);
        return;
    }
    if (!rtx && (!is_agreed(sfu, session, in, payload_type) || late)) {
        drop(sfu, DROP_RTP_STREAM);
        return;
    }
    if (in->track->video)
        info =
            codec_inspect(in->track->codec, packet->data + packet->media.payload, packet->media.payload_len);
    packet->media.keyframe = info.keyframe;
    if (in->stream.layered && !rtx &&
        !is_of_layer(sfu, session, in, packet, v->ssrc, rid_of(ext[EXT_RID]), info.leads, now))
        return;
    if (rtx)
        forward(sfu, session, in, packet, v->ssrc, CAME_AGAIN, now);
    else
        forward_picture(sfu, session, in, packet, v->ssrc, info.leads, now);
}

/* Allows a second's worth at once, because a key frame may be large. Packets beyond it count as never
 * received, also in the reports to the publisher. */
static bool may_publish(struct sfu *sfu, struct session *session, size_t len, mp_time now)
{
    double bps = sfu->config.publish_bps;
    if (!bps || rate_take(&session->publish_rate, (double)len * 8, bps, bps, now))
        return true;
    drop(sfu, DROP_RTP_RATE);
    return false;
}

bool ingress_rtp(struct sfu *sfu, struct session *session, const struct arrival *arrival, mp_time now)
{
    const uint8_t *data = arrival->bytes.data;
    size_t len = arrival->bytes.len;
    struct rtp_view v;
    uint64_t index;
    bool authentic = false;
    if (!session->rx) {
        drop(sfu, DROP_SRTP_EARLY);
        return false;
    }
    struct packet *packet = len <= DATAGRAM_IN_MAX ? packet_take(&sfu->pool) : NULL;
    if (!packet) {
        drop(sfu, len <= DATAGRAM_IN_MAX ? DROP_POOL : DROP_RTP_MALFORMED);
        return false;
    }
    int n = srtp_unprotect(session->rx, data, len, packet->data, &index);
    if (n == SRTP_STREAMS && make_room(session, now))
        n = srtp_unprotect(session->rx, data, len, packet->data, &index);
    if (n < 0) {
        heard_refused(sfu, n);
    } else if (!rtp_parse(&v, packet->data, (size_t)n)) {
        drop(sfu, DROP_RTP_MALFORMED);
    } else {
        authentic = true;
        packet->len = (uint16_t)n;
        packet->arrival = arrival->time;
        heard_sender(sfu, session, v.ssrc);
        if (may_publish(sfu, session, len, now))
            deliver(sfu, session, packet, &v, index, now);
    }
    packet_drop(&sfu->pool, packet);
    return authentic;
}
