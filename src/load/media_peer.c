/* One client's media.
 *
 * Timers: the transport's own (connectivity checks, DTLS); the next packet of its sources; a report every
 * second, or, with audio alone, every five seconds as browsers do; transport-wide feedback at its interval.
 * Each client has its own offset in these intervals, so that clients do not report all at once. */
#include "base/bytes.h"
#include "load/media_internal.h"
#include "load/media_stream.h"
#include "load/to_sockaddr.h"
#include "net/clock.h"
#include "proto/demux.h"
#include "proto/rtcp.h"
#include "proto/srtp.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPORT_EVERY_VIDEO MP_S(1)
#define REPORT_EVERY_AUDIO MP_S(5)
#define TAG_SIZE           16

/* --- sending --- */

static void send_one(struct media *m, const struct media_peer *p, const uint8_t *data, size_t len)
{
    if (p->stream ? !media_stream_send(p->stream, p->fd, data, len)
                  : send(p->fd, data, len, MSG_DONTWAIT) < 0)
        m->totals.send_errors++;
}

static void drain(struct media *m, struct media_peer *p)
{
    uint8_t data[DATAGRAM_IN_MAX];
    size_t len;
    while ((len = client_output(p->client, data, sizeof data)))
        send_one(m, p, data, len);
}

/* Sends the due packets of one source in batches: the packets of a frame leave in one call, as a burst. */
static void send_source(struct media *m, struct media_peer *p, struct source *s, mp_time now)
{
    uint8_t plain[PACKET_SIZE], out[MEDIA_BATCH][PACKET_SIZE];
    struct iovec iov[MEDIA_BATCH];
    struct mmsghdr messages[MEDIA_BATCH];
    uint64_t index;
    for (;;) {
        unsigned n = 0;
        size_t len;
        while (n < MEDIA_BATCH &&
               (len = source_packet(s, plain, TAG_SIZE, &p->twcc, now, clock_now(), &index))) {
            iov[n] = (struct iovec){out[n], client_rtp(p->client, plain, len, index, out[n])};
            messages[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[n], .msg_iovlen = 1}};
            n++;
        }
        int sent = n ? sendmmsg(p->fd, messages, n, MSG_DONTWAIT) : 0;
        sent = sent < 0 ? 0 : sent;
        m->totals.sent += (unsigned)sent;
        m->totals.send_errors += n - (unsigned)sent;
        progress_add(&m->progress.sent, (unsigned)sent);
        if (n < MEDIA_BATCH)
            return;
    }
}

static void send_reports(struct media *m, struct media_peer *p, mp_time now)
{
    uint8_t plain[DATAGRAM_OUT_MAX], out[DATAGRAM_OUT_MAX + SRTCP_OVERHEAD_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < p->source_count; i++) {
        const struct source *s = &p->sources[i];
        if (s->next == MP_NEVER)
            continue;
        struct rtcp_sr sr = {.ntp = mp_to_ntp(now),
                             .rtp = source_clock(s, now),
                             .packets = (uint32_t)s->packets,
                             .octets = (uint32_t)s->octets};
        len += rtcp_write_sr(plain + len, sizeof plain - len, s->ssrc, &sr, NULL, 0);
        len += rtcp_write_sdes(plain + len, sizeof plain - len, s->ssrc, "load");
    }
    len += sink_report(&p->sink, plain + len, sizeof plain - len, p->ssrc, now);
    if (len && (len = client_rtcp(p->client, plain, len, out)))
        send_one(m, p, out, len);
}

/* RFC 5506: feedback alone, without a report. */
static void send_feedback(struct media *m, struct media_peer *p, mp_time now)
{
    uint8_t plain[DATAGRAM_OUT_MAX], out[DATAGRAM_OUT_MAX + SRTCP_OVERHEAD_MAX];
    size_t len;
    while ((len = feedback_write(p->feedback, plain, sizeof plain - SRTCP_OVERHEAD_MAX, p->ssrc, now))) {
        if (!(len = client_rtcp(p->client, plain, len, out)))
            return;
        send_one(m, p, out, len);
        m->totals.feedbacks += m->phase == MEDIA_MEASURING;
    }
}

/* --- events of the transport --- */

static void on_rtp(void *context, const uint8_t *data, size_t len, mp_time now)
{
    struct media *m = context;
    sink_plain(&m->heard->sink, data, len, m->phase == MEDIA_MEASURING ? &m->totals.latency : NULL,
               m->heard_at);
}

static void want_keyframe(struct media_peer *p, uint32_t ssrc)
{
    for (unsigned i = 0; i < p->source_count; i++)
        if (p->sources[i].ssrc == ssrc)
            p->sources[i].keyframe_wanted = true;
}

/* The report blocks of a sender or receiver report. */
static void on_reports(struct media_peer *p, const struct rtcp_view *v)
{
    struct rtcp_report r;
    for (size_t i = 0; rtcp_report(v, i, &r); i++)
        for (unsigned s = 0; s < p->source_count; s++)
            source_reported(&p->sources[s], r.ssrc);
}

static void count_nack(void *context, uint16_t seq) { ++*(uint64_t *)context; }

static void on_rtcp(void *context, const uint8_t *data, size_t len, mp_time now)
{
    struct media *m = context;
    struct rtcp_view v;
    struct rtcp_sr sr;
    uint32_t ssrc;
    uint8_t command;
    size_t at = 0;
    while (rtcp_next(&v, data, len, &at)) {
        on_reports(m->heard, &v);
        if (v.type == RTCP_PSFB && v.count == PSFB_PLI && rtcp_media_ssrc(&v, &ssrc)) {
            want_keyframe(m->heard, ssrc);
            m->totals.pli++;
        } else if (v.type == RTCP_PSFB && v.count == PSFB_FIR) {
            for (size_t i = 0; rtcp_fir(&v, i, &ssrc, &command); i++)
                want_keyframe(m->heard, ssrc);
            m->totals.pli++;
        } else if (v.type == RTCP_RTPFB && v.count == RTPFB_NACK) {
            rtcp_nack(&v, count_nack, &m->totals.nacks, 1000);
        } else if (rtcp_sr(&v, &sr)) {
            sink_sender_report(&m->heard->sink, v.ssrc, sr.ntp, now);
        }
    }
}

static void set_timer(struct media *m, struct media_peer *p)
{
    mp_time at = client_deadline(p->client);
    if (p->connected_at)
        at = mp_min(at, mp_min(p->report_at, p->feedback_at));
    for (unsigned i = 0; i < p->source_count; i++)
        at = mp_min(at, p->sources[i].next);
    heap_set(&m->timers, &p->timer, p->failed ? MP_NEVER : at);
}

static mp_time report_every(const struct media *m)
{
    return m->options->video ? REPORT_EVERY_VIDEO : REPORT_EVERY_AUDIO;
}

/* A client's first report of one kind, at its own offset in the interval. */
static mp_time first_of(const struct media_peer *p, mp_time every, mp_time now)
{
    return now + every * (1 + p->number % 64) / 64;
}

static void look_complete(struct media *m, struct media_peer *p, mp_time now)
{
    if (p->complete_at || !p->connected_at || p->sink.count < p->streams_wanted)
        return;
    p->complete_at = now;
    atomic_store(&p->stay_complete, p->stay);
    progress_add(&m->progress.complete, 1);
}

static void look_state(struct media *m, struct media_peer *p, mp_time now)
{
    enum client_state state = client_state(p->client);
    if (state == CLIENT_FAILED && !p->failed) {
        p->failed = true;
        progress_add(&m->progress.failed, 1);
    } else if (state == CLIENT_CONNECTED && !p->connected_at) {
        p->connected_at = now;
        atomic_store(&p->stay_connected, p->stay);
        p->report_at = first_of(p, report_every(m), now);
        p->feedback_at = p->feedback ? first_of(p, m->options->feedback, now) : MP_NEVER;
        progress_add(&m->progress.connected, 1);
        for (unsigned i = 0; i < p->source_count && m->phase != MEDIA_DRAINING; i++)
            source_start(&p->sources[i], now + MP_S(1) / FRAME_RATE * (p->number % 16) / 16);
    }
    look_complete(m, p, now);
}

/* --- receiving --- */

static void sample(struct media *m, struct media_peer *p, const uint8_t *data, size_t len)
{
    unsigned streams = p->sink.count;
    mp_time now = clock_now();
    p->sink.sample_good = false;
    client_input(p->client, data, len, now);
    if (p->streams_told > STREAMS_RX_MAX) /* else the transport would have no place for the other streams */
        client_ended(p->client, get32(data + 8));
    m->totals.samples++;
    m->totals.samples_bad += !p->sink.sample_good;
    if (p->sink.count == streams)
        return;
    if (!p->media_at)
        p->media_at = now;
    look_complete(m, p, now);
}

/* False: it is lost on the viewer's line. Else *arrival becomes the time when the line delivers it. */
static bool pass_line(struct media *m, struct media_peer *p, size_t len, mp_time *arrival)
{
    mp_time came = *arrival;
    if (!p->line.bps)
        return true;
    bool passed = line_take(&p->line, len, came, arrival);
    if (m->phase != MEDIA_MEASURING)
        return passed;
    m->totals.line_lost += !passed;
    m->totals.line_bytes += passed ? len : 0;
    if (passed)
        histogram_add(&m->totals.line_wait, *arrival - came);
    return passed;
}

/* Handles one datagram of m->heard. Those of the transport take their part of a narrow line's rate, but are
 * neither late nor lost: the line is there to shape media. */
static void datagram(void *context, const uint8_t *data, size_t len, mp_time arrival)
{
    struct media *m = context;
    struct media_peer *p = m->heard;
    bool passed = pass_line(m, p, len, &arrival);
    m->heard_at = arrival;
    if (len > m->totals.largest)
        m->totals.largest = len;
    if (demux(data, len) != DATAGRAM_RTP) {
        client_input(p->client, data, len, clock_now());
        m->told = true;
        return;
    }
    if (!passed)
        return;
    if (p->feedback)
        feedback_packet(p->feedback, data, len, arrival, m->now);
    switch (sink_packet(&p->sink, data, len)) {
    case SINK_SAMPLE_IT: sample(m, p, data, len); break;
    case SINK_IGNORED: m->totals.ignored++; break;
    case SINK_COUNTED: break;
    }
}

static void stream_ended(struct media *m, struct media_peer *p)
{
    if (p->waited)
        epoll_ctl(m->epoll, EPOLL_CTL_DEL, p->fd, NULL);
    p->waited = false;
    if (p->failed)
        return;
    p->failed = true;
    progress_add(&m->progress.failed, 1);
    set_timer(m, p);
}

void media_peer_read(struct media *m, struct media_peer *p, mp_time now)
{
    uint64_t received = p->sink.received, gaps = p->sink.gaps;
    m->heard = p;
    m->now = now;
    m->told = false;
    if (p->stream && !media_stream_read(p->stream, p->fd, datagram, m, now)) {
        stream_ended(m, p);
        return;
    }
    while (!p->stream && media_receiver_read(m->receiver, p->fd, m->wall, datagram, m, now))
        ;
    progress_add(&m->progress.received, p->sink.received - received);
    progress_add(&m->progress.gaps, p->sink.gaps - gaps); /* may decrease: a late packet fills a gap */
    if (m->told) {
        drain(m, p);
        look_state(m, p, now);
        set_timer(m, p);
    }
    if (p->waited && p->complete_at) {
        epoll_ctl(m->epoll, EPOLL_CTL_DEL, p->fd, NULL);
        p->waited = false;
    }
}

void media_peer_timeout(struct media *m, struct media_peer *p, mp_time now)
{
    if (client_deadline(p->client) <= now) {
        client_timeout(p->client, now);
        drain(m, p);
    }
    look_state(m, p, now);
    for (unsigned i = 0; i < p->source_count; i++)
        if (p->sources[i].next <= now)
            send_source(m, p, &p->sources[i], now);
    if (p->connected_at && p->report_at <= now) {
        send_reports(m, p, now);
        p->report_at += report_every(m);
    }
    if (p->connected_at && p->feedback_at <= now) {
        send_feedback(m, p, now);
        p->feedback_at += m->options->feedback;
    }
    set_timer(m, p);
}

void media_peer_phase(struct media *m, struct media_peer *p, mp_time now)
{
    if (m->phase == MEDIA_MEASURING) {
        m->totals.missing_joining += sink_restart(&p->sink);
        return;
    }
    for (unsigned i = 0; i < p->source_count; i++)
        p->sources[i].next = MP_NEVER;
    if (p->client)
        set_timer(m, p);
}

/* --- life --- */

static void add_sources(const struct media *m, struct media_peer *p, struct prng *prng)
{
    const struct options *o = m->options;
    struct source_config c = {.run = m->run, .client = p->number, .mid = '0'};
    c.turns = o->talk ? o->publishers : 0;
    if (o->audio)
        source_init(&p->sources[p->source_count++], &c, prng);
    c.video = true;
    c.mid = '1';
    c.pace = o->pace;
    c.keyframe_interval = o->keyframe_interval;
    for (unsigned i = 0; o->video && i < o->layers; i++) {
        c.layer = o->layers > 1 ? &simulcast[i] : NULL;
        c.video_bps = o->layers > 1 ? simulcast_share(i, o->layers, o->video_bps) : o->video_bps;
        source_init(&p->sources[p->source_count++], &c, prng);
    }
}

void media_peer_init(struct media *m, struct media_peer *p, unsigned number)
{
    const struct options *o = m->options;
    bool publishes = number < o->publishers;
    struct prng prng;
    *p = (struct media_peer){.number = number, .fd = -1, .receives = !publishes || o->meeting};
    p->streams_told = p->receives ? (o->publishers - publishes) * options_streams(o) : 0;
    p->streams_wanted = o->talk && p->streams_told ? 1 : p->streams_told;
    if (p->receives && number - (o->meeting ? 0 : o->publishers) < o->line_viewers)
        p->line.bps = o->line_bps;
    prng_seed(&prng, (uint64_t)m->run << 32 | number);
    p->ssrc = (uint32_t)prng_next(&prng) | 1;
    sink_init(&p->sink, m->run);
    if (publishes)
        add_sources(m, p, &prng);
}

void media_peer_free(struct media_peer *p)
{
    sink_free(&p->sink);
    client_free(p->client);
    media_stream_free(p->stream);
    free(p->feedback);
    if (p->fd >= 0)
        close(p->fd);
}

void media_peer_disconnect(struct media *m, struct media_peer *p)
{
    progress_add(&m->progress.connected, -(uint64_t)(p->connected_at != 0));
    progress_add(&m->progress.complete, -(uint64_t)(p->complete_at != 0));
    progress_add(&m->progress.failed, -(uint64_t)p->failed);
    heap_set(&m->timers, &p->timer, MP_NEVER);
    media_peer_free(p);
    sink_init(&p->sink, m->run);
    p->fd = -1;
    p->stream = NULL;
    p->client = NULL;
    p->feedback = NULL;
    p->waited = p->failed = false;
    p->connected_at = p->media_at = p->complete_at = 0;
    p->line.free = 0;
    for (unsigned i = 0; i < p->source_count; i++)
        source_stop(&p->sources[i]);
}

/* A connected socket: it has its own source port, and no call has to pass or check an address. */
static bool open_socket(struct media *m, struct media_peer *p, const struct media_remote *remote)
{
    struct sockaddr_storage to;
    socklen_t len = to_sockaddr(&to, &remote->server);
    struct epoll_event readable = {.events = EPOLLIN, .data.ptr = p};
    if (m->options->way != WAY_UDP && p->number >= m->options->publishers) {
        p->stream = media_stream_connect(&(struct media_stream_config){.way = m->options->way,
                                                                       .to = (struct sockaddr *)&to,
                                                                       .len = len,
                                                                       .server = remote->server,
                                                                       .login = remote->turn},
                                         &p->fd);
        p->waited = p->stream && epoll_ctl(m->epoll, EPOLL_CTL_ADD, p->fd, &readable) == 0;
        return p->waited;
    }
    p->fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return false;
    media_receiver_options(p->fd);
    p->waited = connect(p->fd, (struct sockaddr *)&to, len) == 0 &&
                epoll_ctl(m->epoll, EPOLL_CTL_ADD, p->fd, &readable) == 0;
    return p->waited;
}

/* False: no memory. */
static bool open_feedback(const struct media *m, struct media_peer *p)
{
    if (!m->options->feedback || !p->receives)
        return true;
    p->feedback = calloc(1, sizeof *p->feedback);
    return p->feedback;
}

void media_peer_connect(struct media *m, struct media_peer *p, const struct media_remote *remote, mp_time now)
{
    struct client_config config = {.path = {.remote = remote->server},
                                   .ufrag = remote->ufrag,
                                   .password = remote->password,
                                   .remote_ufrag = remote->remote_ufrag,
                                   .remote_password = remote->remote_password,
                                   .remote_fingerprint = remote->fingerprint,
                                   .identity = m->identity,
                                   .crypto = m->crypto,
                                   .cm_only = m->options->cm_only,
                                   .seed =
                                       ((uint64_t)m->run << 32 | p->number) + ((uint64_t)remote->stay << 48),
                                   .context = m,
                                   .rtp = on_rtp,
                                   .rtcp = on_rtcp};
    if (p->client || p->failed)
        return;
    p->stay = remote->stay;
    if (open_feedback(m, p) && open_socket(m, p, remote))
        p->client = client_new(&config, now);
    if (!p->client) {
        p->failed = true;
        progress_add(&m->progress.failed, 1);
        return;
    }
    drain(m, p);
    set_timer(m, p);
}
