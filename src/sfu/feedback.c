#include "sfu/feedback.h"
#include "proto/rtcp.h"
#include "sfu/arrival.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/event.h"
#include "sfu/heard.h"
#include "sfu/ingress.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"
#include "sfu/track.h"

#define FEEDBACK_NACKS_MAX 512 /* missing numbers read from one datagram; the client repeats the others */
#define CLOCK_EVERY        MP_MS(5) /* closer reports of one source are not passed to other workers */
/* a report; nobody notices so small a difference between audio and video */
#define CLOCK_LEAK MP_MS(1)

/* The publisher's clock in ours. The NTP time in its reports need not be right, but its audio and video share
 * it. The report that travelled quickest relates it to our time: one offset for all its tracks, so audio and
 * video stay synchronised. */
static void sender_report(struct sfu *sfu, struct session *session, const struct rtcp_view *v, mp_time now)
{
    struct rtcp_sr sr;
    struct incoming *in = session->streams;
    while (in && in->ssrc != v->ssrc)
        in = in->next;
    if (!in || !in->started || (in->has_sr && now - in->sr_time < CLOCK_EVERY) || !rtcp_sr(v, &sr))
        return;
    in->has_sr = true;
    in->sr_ntp = (uint32_t)(sr.ntp >> 16);
    in->sr_time = now;
    mp_time offset = now - mp_from_ntp(sr.ntp);
    mp_time away = offset - session->clock_offset;
    /* the first, a quicker one, or the client set its clock */
    if (!session->has_clock_offset || away < 0 || away > MP_S(5))
        session->clock_offset = offset;
    else
        /* slower: the network delayed it, or the client's clock runs slower than ours; without the leak it
         * would be seconds behind after a day */
        session->clock_offset += mp_min(away / 16, CLOCK_LEAK);
    session->has_clock_offset = true;
    struct source_clock clock = {.time = mp_from_ntp(sr.ntp) + session->clock_offset,
                                 .rtp = sr.rtp + in->timestamp_offset};
    track_clock(sfu, in->track, &clock);
}

/* RFC 3550 6.4.1: round trip = now - LSR - DLSR, in 1/65536 s of our NTP time. */
static void receiver_report(struct sfu *sfu, struct session *session, const struct rtcp_view *v, mp_time now)
{
    struct rtcp_report r;
    uint32_t ntp = (uint32_t)(mp_to_ntp(now + sfu->config.wall) >> 16);
    int worst = -1;
    for (size_t i = 0; rtcp_report(v, i, &r); i++) {
        if (!viewed_find(&session->viewed, r.ssrc))
            continue;
        worst = r.fraction_lost > worst ? r.fraction_lost : worst;
        if (!r.lsr)
            continue;
        uint32_t units = ntp - r.lsr - r.dlsr;
        if (units > 10 * 65536) /* negative, or nonsense */
            continue;
        mp_time rtt = (mp_time)((uint64_t)units * 1000000000u / 65536);
        session->rtt = mp_max((session->rtt * 7 + rtt) / 8, MP_MS(1));
    }
    if (worst >= 0)
        downlink_report(session, (uint8_t)worst, now);
}

struct nack_of {
    struct sfu *sfu;
    struct subscription *subscription;
    mp_time now;
};

static void nacked(void *context, uint16_t seq)
{
    struct nack_of *n = context;
    subscription_nack(n->sfu, n->subscription, seq, n->now);
}

/* Some stacks leave the SSRC 0 in a PLI or in a FIR's entry. Such a request counts for all subscriptions of
 * the viewer, which usually has only one. The server handles it once a second, because it walks all of
 * them. */
static void unnamed_request(struct sfu *sfu, struct session *session, mp_time now)
{
    if (session->asked_all && now - session->asked_all < KEYFRAME_INTERVAL)
        return;
    session->asked_all = now;
    stat_add(&stats_of(sfu)->pli_in, 1);
    for (struct subscription *s = session->subscriptions; s; s = s->next_of_session)
        subscription_keyframe(sfu, s, now);
}

static void picture_wanted(struct sfu *sfu, struct session *session, uint32_t ssrc, mp_time now)
{
    struct subscription *s = viewed_find(&session->viewed, ssrc);
    if (s) {
        stat_add(&stats_of(sfu)->pli_in, 1);
        subscription_keyframe(sfu, s, now);
    } else if (!ssrc) {
        unnamed_request(sfu, session, now);
    }
}

/* `nacks`: how many numbers the datagram may still report missing. A FIR has the SSRCs in its entries (RFC
 * 5104 4.3.1.2). */
static void viewer_feedback(struct sfu *sfu, struct session *session, const struct rtcp_view *v,
                            size_t *nacks, mp_time now)
{
    uint32_t ssrc;
    if (!rtcp_media_ssrc(v, &ssrc))
        return;
    struct subscription *s;
    if (v->type == RTCP_RTPFB && v->count == RTPFB_NACK && (s = viewed_find(&session->viewed, ssrc))) {
        struct nack_of n = {sfu, s, now};
        size_t told = rtcp_nack(v, nacked, &n, *nacks);
        stat_add(&stats_of(sfu)->nack_in, told);
        *nacks -= told;
    } else if (v->type == RTCP_RTPFB && v->count == RTPFB_TWCC) {
        downlink_feedback(sfu, session, v, now);
    } else if (v->type == RTCP_PSFB && v->count == PSFB_AFB) {
        uint64_t bps;
        if (rtcp_remb(v, &bps))
            downlink_remb(session, bps);
    } else if (v->type == RTCP_PSFB && v->count == PSFB_PLI) {
        picture_wanted(sfu, session, ssrc, now);
    } else if (v->type == RTCP_PSFB && v->count == PSFB_FIR) {
        uint8_t command;
        for (size_t i = 0; rtcp_fir(v, i, &ssrc, &command); i++)
            picture_wanted(sfu, session, ssrc, now);
    }
}

/* A client sends one BYE for each of its streams, within this time. */
#define BYE_SPAN MP_S(1)

static bool said_bye(mp_time at, mp_time now) { return at && now - at < BYE_SPAN; }

/* RFC 3550 6.6. A publisher has left when all its media SSRCs sent a BYE; a viewer, when all SSRCs of its
 * reports did. */
static bool all_said_bye(const struct session *session, mp_time now)
{
    bool any = false;
    for (const struct incoming *in = session->streams; in; in = in->next) {
        if (in->started && !said_bye(in->bye_at, now))
            return false;
        any |= in->started;
    }
    for (uint8_t i = 0; i < session->sender_count && !session->streams; i++) {
        if (!said_bye(session->senders[i].bye_at, now))
            return false;
        any = true;
    }
    return any;
}

static void bye(struct sfu *sfu, struct session *session, const struct rtcp_view *v, mp_time now)
{
    uint32_t ssrc;
    for (size_t i = 0; rtcp_bye(v, i, &ssrc); i++) {
        for (struct incoming *in = session->streams; in; in = in->next)
            in->bye_at = in->ssrc == ssrc ? now : in->bye_at;
        for (uint8_t k = 0; k < session->sender_count; k++)
            session->senders[k].bye_at = session->senders[k].ssrc == ssrc ? now : session->senders[k].bye_at;
    }
    if (all_said_bye(session, now))
        event_tell(sfu, session, EVENT_BYE, NULL, 0, now);
}

bool feedback_input(struct sfu *sfu, struct session *session, const struct arrival *arrival, mp_time now)
{
    uint8_t plain[DATAGRAM_IN_MAX];
    struct rtcp_view v;
    size_t at = 0, nacks = FEEDBACK_NACKS_MAX;
    if (!session->rx || arrival->bytes.len > sizeof plain) {
        drop(sfu, session->rx ? DROP_RTCP_MALFORMED : DROP_SRTP_EARLY);
        return false;
    }
    int n = srtcp_unprotect(session->rx, arrival->bytes.data, arrival->bytes.len, plain);
    if (n < 0) {
        heard_refused(sfu, n);
        return false;
    }
    heard_sender(sfu, session, get32(plain + 4));
    while (rtcp_next(&v, plain, (size_t)n, &at)) {
        switch (v.type) {
        case RTCP_SR:
            sender_report(sfu, session, &v, now);
            receiver_report(sfu, session, &v, now);
            break;
        case RTCP_RR: receiver_report(sfu, session, &v, now); break;
        case RTCP_BYE: bye(sfu, session, &v, now); break;
        case RTCP_RTPFB:
        case RTCP_PSFB: viewer_feedback(sfu, session, &v, &nacks, now); break;
        default: break;
        }
    }
    if (at != (size_t)n)
        drop(sfu, DROP_RTCP_MALFORMED);
    return true;
}
