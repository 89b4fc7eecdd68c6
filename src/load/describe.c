#include "load/describe.h"
#include "proto/candidate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(t) (int)(t).len, (t).len ? (t).data : ""

/* --- common head of offers and answers --- */

static void write_session(struct sdp_writer *w)
{
    sdp_printf(w, "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
}

static void write_transport(struct sdp_writer *w, const struct description *d, const char *setup,
                            const char *mid)
{
    sdp_printf(w,
               "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
               "a=ice-options:trickle\r\na=fingerprint:sha-256 ",
               d->ufrag, d->password);
    for (size_t i = 0; i < sizeof d->fingerprint; i++)
        sdp_printf(w, "%s%02X", i ? ":" : "", d->fingerprint[i]);
    sdp_printf(w, "\r\na=setup:%s\r\na=mid:%s\r\n", setup, mid);
}

/* --- offers --- */

static void write_extensions(struct sdp_writer *w, bool video, bool layered)
{
    const struct {
        int id, extension;
    } known[] = {{video ? 0 : SEND_AUDIO_LEVEL, EXT_AUDIO_LEVEL},
                 {SEND_ABS_SEND_TIME, EXT_ABS_SEND_TIME},
                 {SEND_TRANSPORT_CC, EXT_TRANSPORT_CC},
                 {SEND_MID, EXT_MID},
                 {layered ? SEND_RID : 0, EXT_RID},
                 {layered ? SEND_REPAIRED_RID : 0, EXT_REPAIRED_RID}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].id)
            sdp_printf(w, "a=extmap:%d %s\r\n", known[i].id, rtp_extension_uri[known[i].extension]);
}

static void write_ssrc(struct sdp_writer *w, uint32_t ssrc, uint32_t rtx_ssrc, uint32_t client)
{
    if (rtx_ssrc)
        sdp_printf(w, "a=ssrc-group:FID %u %u\r\n", ssrc, rtx_ssrc);
    sdp_printf(w, "a=ssrc:%u cname:load-%u\r\n", ssrc, client);
    if (rtx_ssrc)
        sdp_printf(w, "a=ssrc:%u cname:load-%u\r\n", rtx_ssrc, client);
}

/* RFC 8853: the packets tell which SSRC is which layer. */
static void write_rids(struct sdp_writer *w, const struct description *d)
{
    const char *before = "a=simulcast:send ";
    for (unsigned i = 0; i < d->source_count; i++)
        if (d->sources[i].layer)
            sdp_printf(w, "a=rid:%s send\r\n", d->sources[i].layer->rid);
    for (unsigned i = 0; i < d->source_count; i++) {
        if (!d->sources[i].layer)
            continue;
        sdp_printf(w, "%s%s", before, d->sources[i].layer->rid);
        before = ";";
    }
    sdp_printf(w, "\r\n");
}

static void write_source(struct sdp_writer *w, const struct description *d, const struct source *s)
{
    const char *kind = s->video ? "video" : "audio";
    sdp_printf(w, "a=msid:load-%u load-%u-%s\r\n", s->client, s->client, kind);
    if (s->layer) {
        write_rids(w, d);
        return;
    }
    if (s->low_ssrc)
        sdp_printf(w, "a=ssrc-group:SIM %u %u\r\n", s->low_ssrc, s->ssrc);
    write_ssrc(w, s->ssrc, s->rtx_ssrc, s->client);
    if (s->low_ssrc)
        write_ssrc(w, s->low_ssrc, s->low_rtx_ssrc, s->client);
}

static void write_offered(struct sdp_writer *w, const struct description *d, bool video,
                          const struct source *s)
{
    sdp_printf(w, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\n", video ? "video" : "audio",
               !video           ? "111"
               : d->without_rtx ? "96"
                                : "96 97");
    write_transport(w, d, "actpass", video ? "1" : "0");
    write_extensions(w, video, s && s->layer);
    sdp_printf(w, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", s ? "sendonly" : "recvonly");
    if (video)
        sdp_printf(
            w,
            "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 "
            "ccm fir\r\n"
            "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n%s",
            d->without_rtx ? "" : "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n");
    else
        sdp_printf(w, "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 "
                      "minptime=10;useinbandfec=1\r\n");
    if (s)
        write_source(w, d, s);
}

static const struct source *source_of(const struct description *d, bool video)
{
    for (unsigned i = 0; i < d->source_count; i++)
        if (d->sources[i].video == video)
            return &d->sources[i];
    return NULL;
}

char *describe_offer(const struct description *d, bool audio, bool video)
{
    struct sdp_writer w = {0};
    write_session(&w);
    sdp_printf(&w, "a=group:BUNDLE%s%s\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n",
               audio ? " 0" : "", video ? " 1" : "");
    if (audio)
        write_offered(&w, d, false, source_of(d, false));
    if (video)
        write_offered(&w, d, true, source_of(d, true));
    if (w.failed) {
        free(w.data);
        return NULL;
    }
    return w.data;
}

/* --- answers --- */

static void write_codec(struct sdp_writer *w, const struct description *d, const struct sdp_codec *c)
{
    unsigned type = c->payload_type;
    sdp_printf(w, "a=rtpmap:%u %.*s/%u", type, TEXT(c->name), c->clock_rate);
    if (c->channels > 1)
        sdp_printf(w, "/%u", c->channels);
    sdp_printf(w, "\r\n");
    if (c->nack)
        sdp_printf(w, "a=rtcp-fb:%u nack\r\n", type);
    if (c->pli)
        sdp_printf(w, "a=rtcp-fb:%u nack pli\r\n", type);
    if (c->transport_cc && d->feedback)
        sdp_printf(w, "a=rtcp-fb:%u transport-cc\r\n", type);
    if (c->fmtp.len)
        sdp_printf(w, "a=fmtp:%u %.*s\r\n", type, TEXT(c->fmtp));
}

static const char *answer_direction(const struct description *d, const struct sdp_section *s)
{
    if (s->direction == SDP_SENDONLY)
        return d->receives ? "recvonly" : "inactive";
    return s->direction == SDP_RECVONLY && source_of(d, s->kind == SDP_VIDEO) ? "sendonly" : "inactive";
}

static void write_answered(struct sdp_writer *w, const struct description *d, const struct sdp_section *s)
{
    if (!s->port) {
        sdp_printf(w, "m=%.*s 0 %.*s %.*s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n", TEXT(s->media),
                   TEXT(s->protocol), TEXT(s->format), s->mid);
        return;
    }
    sdp_printf(w, "m=%.*s 9 %.*s %.*s\r\n", TEXT(s->media), TEXT(s->protocol), TEXT(s->format));
    write_transport(w, d, "active", s->mid);
    for (int e = 0; e < EXT_COUNT; e++)
        if (s->extensions.id[e])
            sdp_printf(w, "a=extmap:%u %s\r\n", s->extensions.id[e], rtp_extension_uri[e]);
    sdp_printf(w, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", answer_direction(d, s));
    for (size_t i = 0; i < s->codec_count; i++)
        write_codec(w, d, &s->codecs[i]);
}

char *describe_answer(const struct description *d, const char *offer, size_t len)
{
    enum sdp_error error;
    struct sdp *sdp = sdp_parse(offer, len, &error);
    struct sdp_writer w = {0};
    bool grouped = false;
    if (!sdp)
        return NULL;
    write_session(&w);
    for (size_t i = 0; i < sdp->count; i++) {
        if (!sdp->sections[i].port)
            continue;
        sdp_printf(&w, "%s %s", grouped ? "" : "a=group:BUNDLE", sdp->sections[i].mid);
        grouped = true;
    }
    sdp_printf(&w, "%sa=msid-semantic: WMS\r\n", grouped ? "\r\n" : "");
    for (size_t i = 0; i < sdp->count; i++)
        write_answered(&w, d, &sdp->sections[i]);
    sdp_free(sdp);
    if (w.failed) {
        free(w.data);
        return NULL;
    }
    return w.data;
}

/* --- the server's answer --- */

static bool copy(char *out, size_t size, struct text t)
{
    if (!t.len || t.len >= size)
        return false;
    memcpy(out, t.data, t.len);
    out[t.len] = 0;
    return true;
}

static bool choose_candidate(struct address *out, const char *text, size_t len, const struct address *near)
{
    static const char name[] = "a=candidate:";
    int best = 0;
    for (const char *line = text, *end = text + len; line && line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t n = newline ? (size_t)(newline - line) : (size_t)(end - line);
        struct candidate c;
        if (n && line[n - 1] == '\r')
            n--;
        if (n > sizeof name && memcmp(line, name, sizeof name - 1) == 0 && candidate_parse(&c, line, n) &&
            !c.tcp && !c.hidden) {
            int rank = memcmp(c.address.ip, near->ip, sizeof near->ip) == 0 ? 3
                       : address_is_v4(&c.address) == address_is_v4(near)   ? 2
                                                                            : 1;
            if (rank > best) {
                best = rank;
                *out = c.address;
            }
        }
        line = newline ? newline + 1 : NULL;
    }
    return best > 0;
}

const char *describe_read(struct media_remote *r, const char *answer, size_t len, const struct address *near)
{
    enum sdp_error error;
    struct sdp *sdp = sdp_parse(answer, len, &error);
    const char *wrong = sdp ? "its answer accepts nothing" : sdp_error_text(error);
    for (size_t i = 0; sdp && i < sdp->count; i++) {
        const struct sdp_section *s = &sdp->sections[i];
        if (!s->port || !s->fingerprint.len)
            continue;
        r->fingerprint = s->fingerprint;
        bool good = copy(r->remote_ufrag, sizeof r->remote_ufrag, s->ufrag) &&
                    copy(r->remote_password, sizeof r->remote_password, s->password);
        wrong = !good                                              ? "its answer has no credentials"
                : !choose_candidate(&r->server, answer, len, near) ? "its answer has no candidate"
                                                                   : NULL;
        break;
    }
    sdp_free(sdp);
    return wrong;
}
