#include "sfu/report.h"
#include "proto/rtcp.h"
#include "sfu/core.h"
#include "sfu/event.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"
#include "sfu/subscription_data.h"
#include "sfu/track.h"

#define REPORT_SIZE (DATAGRAM_OUT_MAX - SRTCP_OVERHEAD_MAX)
#define BLOCKS_MAX  31 /* report blocks of one packet: the count has five bits */

mp_time report_deadline(const struct session *session)
{
    mp_time at = mp_min(session->report_at, session->twcc_at);
    for (const struct incoming *in = session->streams; in && session->tx; in = in->next)
        at = mp_min(at, mp_min(nack_deadline(&in->nack),
                               in->started ? keyframe_deadline(&in->track->keyframe) : MP_NEVER));
    return at;
}

/* A compound packet under construction; sent when full. */
struct compound {
    struct sfu *sfu;
    struct session *session;
    struct packet *packet;
};

/* Encrypts and sends it. */
static void send_rtcp(struct sfu *sfu, struct session *session, struct packet *packet)
{
    bool sends = session->tx && session_path(session) && packet->len;
    packet->len = sends ? (uint16_t)srtcp_protect(session->tx, packet->data, packet->len) : 0;
    if (packet->len)
        outbox_send(sfu, session_path(session), packet);
    else /* not connected, or the key's packet numbers are used up */
        packet_drop(&sfu->pool, packet);
}

/* Room for `need` bytes at least; NULL: the pool is empty. */
static uint8_t *compound_room(struct compound *c, size_t need, size_t *size)
{
    if (c->packet && c->packet->len + need > REPORT_SIZE) {
        send_rtcp(c->sfu, c->session, c->packet);
        c->packet = NULL;
    }
    if (!c->packet && !(c->packet = outbox_packet(c->sfu)))
        return NULL;
    *size = REPORT_SIZE - c->packet->len;
    return c->packet->data + c->packet->len;
}

static void compound_send(struct compound *c)
{
    if (c->packet)
        send_rtcp(c->sfu, c->session, c->packet);
    c->packet = NULL;
}

/* Sender reports with the source's clock now and the viewer's SSRC. */
static void add_sender_reports(struct compound *c, mp_time now)
{
    for (struct subscription *s = c->session->subscriptions; s; s = s->next_of_session) {
        size_t size;
        uint8_t *out;
        const struct track *t = s->track;
        if (!s->started || !t->has_clock || !(out = compound_room(c, 64, &size)))
            continue;
        struct rtcp_sr sr = {
            .ntp = mp_to_ntp(now + c->sfu->config.wall),
            .rtp = t->clock.rtp + (uint32_t)(int64_t)((double)(now - t->clock.time) * t->clock_rate / 1e9),
            .packets = s->packets,
            .octets = s->octets,
        };
        size_t n = rtcp_write_sr(out, size, s->ssrc, &sr, NULL, 0);
        n += rtcp_write_sdes(out + n, size - n, s->ssrc, s->cname);
        c->packet->len = (uint16_t)(c->packet->len + n);
    }
}

static void add_receiver_report(struct compound *c, mp_time now)
{
    struct rtcp_report blocks[BLOCKS_MAX];
    size_t count = 0, size;
    for (struct incoming *in = c->session->streams; in && count < BLOCKS_MAX; in = in->next)
        if (in->started)
            incoming_report(in, &blocks[count++], now);
    uint8_t *out = count ? compound_room(c, 8 + 24 * count + 32, &size) : NULL;
    if (!out)
        return;
    size_t n = rtcp_write_rr(out, size, c->session->ssrc, blocks, count);
    n += rtcp_write_sdes(out + n, size - n, c->session->ssrc, c->session->cname);
    c->packet->len = (uint16_t)(c->packet->len + n);
}

static void add_transport_feedback(struct compound *c)
{
    size_t size, n;
    uint8_t *out;
    while (c->session->twcc && twcc_pending(c->session->twcc) && (out = compound_room(c, 256, &size))) {
        n = twcc_write(c->session->twcc, out, size, c->session->ssrc, c->session->twcc_media);
        if (!n)
            break;
        c->packet->len = (uint16_t)(c->packet->len + n);
    }
}

static void add_nacks(struct compound *c, struct incoming *in, mp_time now)
{
    uint16_t seqs[NACK_MISSING_MAX];
    size_t count = nack_due(&in->nack, seqs, NACK_MISSING_MAX, in->offset, c->session->rtt, now);
    for (size_t done = 0; done < count;) {
        size_t size, used = 0;
        uint8_t *out = compound_room(c, 64, &size);
        size_t n =
            out ? rtcp_write_nack(out, size, c->session->ssrc, in->ssrc, seqs + done, count - done, &used)
                : 0;
        if (!n || !used)
            break;
        c->packet->len = (uint16_t)(c->packet->len + n);
        done += used;
    }
    stat_add(&stats_of(c->sfu)->nack_out, count);
    if (in->nack.overflow && in->track->video)
        keyframe_want(&in->track->keyframe);
    in->nack.overflow = false;
}

static void add_keyframe_request(struct compound *c, struct incoming *in, mp_time now)
{
    size_t size;
    uint8_t *out;
    struct keyframe *k = &in->track->keyframe;
    mp_time before = k->last;
    if (!in->started || !keyframe_due(k, now))
        return;
    if (in->timestamp_time > before && ++k->vain == KEYFRAME_TRIES) {
        stat_add(&stats_of(c->sfu)->tracks_stalled, 1);
        event_tell(c->sfu, c->session, EVENT_STALLED, NULL, in->track->id, now);
    }
    if (!(out = compound_room(c, 12, &size)))
        return;
    uint32_t asked = in->layers.wanted ? in->layers.wanted : in->ssrc;
    c->packet->len = (uint16_t)(c->packet->len + rtcp_write_pli(out, size, c->session->ssrc, asked));
    stat_add(&stats_of(c->sfu)->pli_out, 1);
}

void report_timeout(struct sfu *sfu, struct session *session, mp_time now)
{
    struct compound c = {sfu, session, NULL};
    if (session->report_at <= now) {
        session->report_at =
            session->streams || session->subscriptions ? mp_on_grid(now + REPORT_INTERVAL) : MP_NEVER;
        add_receiver_report(&c, now);
        add_sender_reports(&c, now);
        for (struct subscription *s = session->subscriptions; s; s = s->next_of_session)
            if (!s->started && !s->paused)
                track_keyframe(sfu, s->track, now);
    }
    if (session->twcc_at <= now) {
        session->twcc_at = MP_NEVER;
        add_transport_feedback(&c);
    }
    for (struct incoming *in = session->streams; in; in = in->next) {
        if (in->rtt_sample) {
            session->rtt = mp_max((session->rtt * 7 + in->rtt_sample) / 8, MP_MS(5));
            in->rtt_sample = 0;
        }
        if (nack_deadline(&in->nack) <= now)
            add_nacks(&c, in, now);
        add_keyframe_request(&c, in, now);
    }
    compound_send(&c);
}
