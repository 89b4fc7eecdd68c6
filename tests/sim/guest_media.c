#include "base/check.h"
#include "base/limits.h"
#include "proto/rtcp.h"
#include "proto/srtp.h"
#include "tests/sim/guest_internal.h"
#include "tests/sim/invariants.h"

#define REPORT_EVERY MP_S(1)
#define WANTS_MAX    64

/* client.h's callbacks carry the guest alone; one simulation runs at a time. */
static struct sim *current;

void guest_now(struct sim *s) { current = s; }

static void protect(struct sim *s, struct guest *g, const uint8_t *plain, size_t len, uint64_t index)
{
    uint8_t out[PACKET_SIZE];
    if ((len = client_rtp(g->client, plain, len, index, out)))
        guest_send(s, g, out, len);
}

static void send_rtcp(struct sim *s, struct guest *g, const uint8_t *plain, size_t len)
{
    uint8_t out[DATAGRAM_OUT_MAX + SRTCP_OVERHEAD_MAX];
    if (len && (len = client_rtcp(g->client, plain, len, out)))
        guest_send(s, g, out, len);
}

/* --- received media --- */

void guest_section(struct guest *g, bool video, uint32_t ssrc, uint32_t rtx_ssrc)
{
    struct decoder *unused = NULL;
    for (unsigned i = 0; i < DECODERS_MAX; i++) {
        if (g->decoders[i].used && g->decoders[i].ssrc == ssrc)
            return;
        if (!g->decoders[i].used && !unused)
            unused = &g->decoders[i];
    }
    INVARIANT(unused != NULL);
    decoder_init(unused, video, ssrc, rtx_ssrc);
}

static struct decoder *decoder_of(struct guest *g, uint32_t ssrc, bool rtx)
{
    for (unsigned i = 0; i < DECODERS_MAX; i++)
        if (g->decoders[i].used && (rtx ? g->decoders[i].rtx_ssrc : g->decoders[i].ssrc) == ssrc)
            return &g->decoders[i];
    return NULL;
}

void guest_rtp(void *context, const uint8_t *data, size_t len, mp_time now)
{
    struct guest *g = context;
    struct rtp_view v;
    struct content stamp;
    if (!rtp_parse(&v, data, len)) {
        violated(current, "content", "guest %u was sent a malformed packet", g->number);
        return;
    }
    bool rtx = v.payload_type == VIDEO_RTX_TYPE;
    const uint8_t *payload = data + v.header_len + (rtx ? 2 : 0);
    size_t size = v.payload_len - (rtx && v.payload_len >= 2 ? 2u : 0);
    if (!content_read(&stamp, payload, size)) {
        violated(current, "content", "guest %u was sent what nobody made, or what was changed", g->number);
        return;
    }
    check_room(current, g, &stamp);
    struct decoder *d = decoder_of(g, v.ssrc, rtx);
    if (!d) /* the offer with its section has not arrived yet */
        return;
    decoder_packet(d, rtx ? get16(data + v.header_len) : v.seq, &stamp, now);
    current->result.frames++;
    if (d->mixed)
        violated(current, "layers", "guest %u: guest %u's layer %u without its key frame", g->number,
                 stamp.guest, stamp.layer);
    if (d->lied)
        violated(current, "continuity",
                 "guest %u: frame %u of guest %u follows in number, but another one is missing", g->number,
                 d->last.frame, d->last.guest);
}

const struct decoder *guest_sees(const struct guest *g, const struct guest *publisher, bool video)
{
    for (unsigned i = 0; i < DECODERS_MAX; i++) {
        const struct decoder *d = &g->decoders[i];
        if (d->used && d->video == video && d->decoded && d->last.guest == publisher->number &&
            d->last.life == publisher->life)
            return d;
    }
    return NULL;
}

/* --- received feedback --- */

struct asked {
    struct sim *sim;
    struct guest *guest;
    struct encoder *encoder;
};

static void on_nack(void *context, uint16_t seq)
{
    struct asked *a = context;
    uint8_t plain[PACKET_SIZE];
    uint64_t index;
    size_t len = encoder_repeat(a->encoder, seq, plain, &index);
    if (len)
        protect(a->sim, a->guest, plain, len, index);
}

static struct encoder *encoder_of(struct guest *g, uint32_t ssrc)
{
    for (unsigned i = 0; i < ENCODERS; i++)
        if (g->encoders[i].on && g->encoders[i].ssrc == ssrc)
            return &g->encoders[i];
    return NULL;
}

void guest_rtcp(void *context, const uint8_t *data, size_t len, mp_time now)
{
    struct guest *g = context;
    struct rtcp_view v;
    struct rtcp_sr sr;
    uint32_t ssrc = 0;
    size_t at = 0;
    while (rtcp_next(&v, data, len, &at)) {
        struct decoder *d = decoder_of(g, v.ssrc, false);
        struct encoder *e = rtcp_media_ssrc(&v, &ssrc) ? encoder_of(g, ssrc) : NULL;
        if (v.type == RTCP_SR && d && rtcp_sr(&v, &sr)) {
            d->sr_ntp = (uint32_t)(sr.ntp >> 16);
            d->sr_time = now;
        } else if (v.type == RTCP_PSFB && v.count == PSFB_PLI && e) {
            e->keyframe_wanted = true;
        } else if (v.type == RTCP_RTPFB && v.count == RTPFB_NACK && e) {
            rtcp_nack(&v, on_nack, &(struct asked){current, g, e}, WANTS_MAX);
        }
    }
    if (at != len)
        violated(current, "content", "guest %u was sent a malformed RTCP packet", g->number);
}

/* --- sending --- */

void guest_media_start(struct sim *s, struct guest *g)
{
    for (unsigned i = 0; i < ENCODERS; i++)
        if (g->encoders[i].on)
            encoder_start(&g->encoders[i], s->now + between(s, 0, MP_MS(50)));
    g->report_at = s->now + between(s, 0, REPORT_EVERY);
}

mp_time guest_media_deadline(const struct guest *g)
{
    mp_time at = g->report_at;
    for (unsigned i = 0; i < ENCODERS; i++)
        at = mp_min(at, g->encoders[i].on ? g->encoders[i].next : MP_NEVER);
    for (unsigned i = 0; i < DECODERS_MAX; i++)
        at = mp_min(at, g->decoders[i].used ? g->decoders[i].next : MP_NEVER);
    return at;
}

static void report(struct sim *s, struct guest *g)
{
    uint8_t plain[DATAGRAM_OUT_MAX];
    struct rtcp_report blocks[31];
    size_t len = 0, count = 0;
    for (unsigned i = 0; i < ENCODERS; i++) {
        const struct encoder *e = &g->encoders[i];
        if (!e->packets)
            continue;
        struct rtcp_sr sr = {.ntp = mp_to_ntp(s->now + MP_S(100) * (g->number + 1)),
                             .rtp = encoder_clock(e, s->now),
                             .packets = (uint32_t)e->packets,
                             .octets = (uint32_t)e->octets};
        len += rtcp_write_sr(plain + len, sizeof plain - len, e->ssrc, &sr, NULL, 0);
    }
    for (unsigned i = 0; i < DECODERS_MAX && count < 31; i++) {
        const struct decoder *d = &g->decoders[i];
        if (d->used && d->received)
            blocks[count++] = (struct rtcp_report){
                .ssrc = d->ssrc,
                .seq_ext_max = (uint32_t)d->max,
                .lsr = d->sr_ntp,
                .dlsr = d->sr_ntp ? (uint32_t)((s->now - d->sr_time) * 65536 / MP_S(1)) : 0};
    }
    if (count)
        len += rtcp_write_rr(plain + len, sizeof plain - len, g->ssrc, blocks, count);
    send_rtcp(s, g, plain, len);
    g->report_at = s->now + REPORT_EVERY;
}

static void ask(struct sim *s, struct guest *g, struct decoder *d)
{
    uint8_t plain[DATAGRAM_OUT_MAX];
    uint16_t seqs[WANTS_MAX];
    size_t len = 0, used;
    bool pli;
    size_t count = decoder_wants(d, seqs, WANTS_MAX, &pli, s->now);
    if (count)
        len += rtcp_write_nack(plain, sizeof plain, g->ssrc, d->ssrc, seqs, count, &used);
    if (pli)
        len += rtcp_write_pli(plain + len, sizeof plain - len, g->ssrc, d->ssrc);
    send_rtcp(s, g, plain, len);
}

void guest_media_timeout(struct sim *s, struct guest *g)
{
    uint8_t plain[PACKET_SIZE];
    uint64_t index;
    size_t len;
    for (unsigned i = 0; i < ENCODERS; i++)
        while ((len = encoder_packet(&g->encoders[i], plain, &index, &g->twcc, &s->prng, s->now))) {
            if (i == 1 && g->layered && sabotaged(s, SABOTAGE_LAYERS))
                g->encoders[1].stamp.layer ^= 1;
            /* else it repeats the one that was not changed */
            if (!g->description.without_rtx && sabotaged(s, SABOTAGE_CONTENT))
                plain[len - 1] ^= 1;
            protect(s, g, plain, len, index);
        }
    for (unsigned i = 0; i < DECODERS_MAX; i++)
        if (g->decoders[i].used && g->decoders[i].next <= s->now)
            ask(s, g, &g->decoders[i]);
    if (g->report_at <= s->now)
        report(s, g);
}
