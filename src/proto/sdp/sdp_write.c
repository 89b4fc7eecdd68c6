#include "proto/candidate.h"
#include "proto/sdp/sdp_parse.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const directions[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
static const char *const setups[] = {"actpass", "actpass", "active", "passive"};

static bool reserve(struct sdp_writer *w, size_t more)
{
    if (w->failed)
        return false;
    if (w->size - w->len > more)
        return true;
    size_t size = (w->len + more) * 2 + 1024;
    char *data = realloc(w->data, size);
    if (!data) {
        w->failed = true;
        return false;
    }
    w->data = data;
    w->size = size;
    return true;
}

void sdp_printf(struct sdp_writer *w, const char *format, ...)
{
    for (size_t room = 256;;) {
        if (!reserve(w, room))
            return;
        va_list args;
        va_start(args, format);
        int n = vsnprintf(w->data + w->len, w->size - w->len, format, args);
        va_end(args);
        if (n < 0) {
            w->failed = true;
            return;
        }
        if ((size_t)n < w->size - w->len) {
            w->len += (size_t)n;
            return;
        }
        room = (size_t)n + 1;
    }
}

/* --- parts that many sections have alike: the first is written, the others are copies of it --- */

struct part { /* as written in the description; `of`: the section that has it, NULL: none yet */
    const struct sdp_local_section *of;
    size_t at, len;
};

struct parts {
    struct part transport, extensions[2], codecs[2]; /* [kind] */
};

static void part_end(struct sdp_writer *w, struct part *part, const struct sdp_local_section *of, size_t at)
{
    *part = (struct part){.of = of, .at = at, .len = w->len - at};
}

static void part_copy(struct sdp_writer *w, const struct part *part)
{
    if (!reserve(w, part->len))
        return;
    memcpy(w->data + w->len, w->data + part->at, part->len);
    w->len += part->len;
    w->data[w->len] = 0;
}

static bool same_codec(const struct sdp_local_codec *a, const struct sdp_local_codec *b)
{
    return a->payload_type == b->payload_type && a->rtx_payload_type == b->rtx_payload_type &&
           a->name == b->name && a->clock_rate == b->clock_rate && a->channels == b->channels &&
           a->fmtp.data == b->fmtp.data && a->fmtp.len == b->fmtp.len && a->stereo == b->stereo &&
           a->nack == b->nack && a->pli == b->pli && a->fir == b->fir && a->transport_cc == b->transport_cc;
}

static bool same_codecs(const struct sdp_local_section *a, const struct sdp_local_section *b)
{
    if (!a || a->codec_count != b->codec_count)
        return false;
    for (size_t i = 0; i < a->codec_count; i++)
        if (!same_codec(&a->codecs[i], &b->codecs[i]))
            return false;
    return true;
}

static bool same_extensions(const struct sdp_local_section *a, const struct sdp_local_section *b)
{
    return a && a->extensions_received == b->extensions_received &&
           memcmp(&a->extensions, &b->extensions, sizeof a->extensions) == 0;
}

/* --- sections --- */

#define TEXT(t) (int)(t).len, (t).len ? (t).data : ""

/* A section without any codec can only be written as refused: m= lines need a format. */
static bool is_refused(const struct sdp_local_section *s)
{
    return s->refused || s->codec_count == 0 || s->kind > SDP_VIDEO;
}

static const char *kind_name(enum sdp_kind kind)
{
    return kind == SDP_AUDIO ? "audio" : kind == SDP_VIDEO ? "video" : "application";
}

static void write_media_line(struct sdp_writer *w, const struct sdp_local_section *s)
{
    if (s->protocol.len) /* RFC 9429 5.3.1: an answer has its offer's */
        sdp_printf(w, "m=%s 9 %.*s", kind_name(s->kind), TEXT(s->protocol));
    else
        sdp_printf(w, "m=%s 9 UDP/TLS/RTP/SAVPF", kind_name(s->kind));
    for (size_t i = 0; i < s->codec_count; i++) {
        sdp_printf(w, " %u", s->codecs[i].payload_type);
        if (s->codecs[i].rtx_payload_type)
            sdp_printf(w, " %u", s->codecs[i].rtx_payload_type);
    }
    sdp_printf(w, "\r\nc=IN IP4 0.0.0.0\r\n");
}

static void write_transport(struct sdp_writer *w, const struct sdp_local *l)
{
    sdp_printf(w, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 ", l->ufrag, l->password);
    for (size_t i = 0; i < sizeof l->fingerprint; i++)
        sdp_printf(w, "%s%02X", i ? ":" : "", l->fingerprint[i]);
    sdp_printf(w, "\r\na=setup:%s\r\n", setups[l->setup]);
}

static void put_transport(struct sdp_writer *w, const struct sdp_local *l, const struct sdp_local_section *s,
                          struct parts *parts)
{
    size_t at = w->len;
    if (parts->transport.of) {
        part_copy(w, &parts->transport);
    } else {
        write_transport(w, l);
        part_end(w, &parts->transport, s, at);
    }
    if (s->mid[0])
        sdp_printf(w, "a=mid:%s\r\n", s->mid);
}

static void write_rtcp(struct sdp_writer *w, const struct sdp_local_section *s)
{
    if (s->rtcp_mux)
        sdp_printf(w, "a=rtcp-mux\r\n");
    if (s->rtcp_rsize)
        sdp_printf(w, "a=rtcp-rsize\r\n");
}

/* RFC 9143 7.3.3: a refused section is not in the group. It has a direction because Firefox's own refused
 * sections have one, and a c= line because RFC 8866 5.7 requires one. It also has its transport, although RFC
 * 9429 5.3.1 asks for none: GStreamer, aiortc and werift parse all sections alike and drop the whole answer
 * if one lacks it. aiortc and werift also drop it if a section has no codec that they know, and they know a
 * codec by its rtpmap only. */
static void write_refused(struct sdp_writer *w, const struct sdp_local *l, const struct sdp_local_section *s,
                          struct parts *parts)
{
    if (s->media.len && s->protocol.len && s->format.len)
        sdp_printf(w, "m=%.*s 0 %.*s %.*s\r\n", TEXT(s->media), TEXT(s->protocol), TEXT(s->format));
    else
        sdp_printf(w, "m=%s 0 UDP/TLS/RTP/SAVPF 0\r\n", kind_name(s->kind));
    sdp_printf(w, "c=IN IP4 0.0.0.0\r\n");
    put_transport(w, l, s, parts);
    sdp_printf(w, "a=inactive\r\n");
    write_rtcp(w, s);
    if (s->rtpmap.len)
        sdp_printf(w, "a=rtpmap:%.*s\r\n", TEXT(s->rtpmap));
    if (s->kind == SDP_APPLICATION)
        sdp_printf(w, "a=sctp-port:5000\r\n"); /* RFC 8841 5.1; the usual one */
}

static void write_candidates(struct sdp_writer *w, const struct sdp_local *l)
{
    for (size_t i = 0; i < 2 * l->address_count; i++) {
        char line[256];
        size_t k = i % l->address_count;
        struct candidate c = candidate_host(&l->addresses[k], k, i >= l->address_count);
        size_t n = candidate_write(&c, line, sizeof line);
        if (n)
            sdp_printf(w, "a=%.*s\r\n", (int)n, line);
    }
    if (l->address_count)
        sdp_printf(w, "a=end-of-candidates\r\n");
}

static bool is_stereo(struct text parameter)
{
    struct text key = text_until(&parameter, '=');
    return text_is_nocase(key, "stereo") || text_is_nocase(key, "sprop-stereo");
}

static void write_parameter(struct sdp_writer *w, const struct sdp_local_codec *c, struct text parameter,
                            bool *begun)
{
    if (!parameter.len)
        return;
    if (*begun)
        sdp_printf(w, ";");
    else
        sdp_printf(w, "a=fmtp:%u ", c->payload_type);
    sdp_printf(w, "%.*s", TEXT(parameter));
    *begun = true;
}

/* Stereo of Opus is a choice of each side for itself (RFC 7587 7.1): the publisher's choice is not
 * repeated. */
static void write_stereo_fmtp(struct sdp_writer *w, const struct sdp_local_codec *c)
{
    struct text fmtp = c->fmtp;
    bool begun = false;
    while (fmtp.len) {
        struct text parameter = text_until(&fmtp, ';');
        text_skip_blanks(&parameter);
        if (!is_stereo(parameter))
            write_parameter(w, c, parameter, &begun);
    }
    write_parameter(w, c, (struct text){c->stereo, strlen(c->stereo)}, &begun);
    if (begun)
        sdp_printf(w, "\r\n");
}

static void write_codec(struct sdp_writer *w, const struct sdp_local_codec *c)
{
    unsigned pt = c->payload_type;
    sdp_printf(w, "a=rtpmap:%u %s/%u", pt, c->name, c->clock_rate);
    if (c->channels > 1)
        sdp_printf(w, "/%u", c->channels);
    sdp_printf(w, "\r\n");
    if (c->stereo)
        write_stereo_fmtp(w, c);
    else if (c->fmtp.len)
        sdp_printf(w, "a=fmtp:%u %.*s\r\n", pt, TEXT(c->fmtp));
    const struct {
        bool on;
        const char *name;
    } feedback[] = {
        {c->transport_cc, "transport-cc"}, {c->fir, "ccm fir"}, {c->nack, "nack"}, {c->pli, "nack pli"}};
    for (size_t i = 0; i < sizeof feedback / sizeof *feedback; i++)
        if (feedback[i].on)
            sdp_printf(w, "a=rtcp-fb:%u %s\r\n", pt, feedback[i].name);
    if (c->rtx_payload_type)
        sdp_printf(w, "a=rtpmap:%u rtx/%u\r\na=fmtp:%u apt=%u\r\n", c->rtx_payload_type, c->clock_rate,
                   c->rtx_payload_type, pt);
}

static void write_source(struct sdp_writer *w, const struct sdp_local_section *s)
{
    if (s->stream_id && s->track_id)
        sdp_printf(w, "a=msid:%s %s\r\n", s->stream_id, s->track_id);
    if (!s->ssrc || !s->cname)
        return;
    if (s->rtx_ssrc)
        sdp_printf(w, "a=ssrc-group:FID %u %u\r\n", s->ssrc, s->rtx_ssrc);
    sdp_printf(w, "a=ssrc:%u cname:%s\r\n", s->ssrc, s->cname);
    if (s->rtx_ssrc)
        sdp_printf(w, "a=ssrc:%u cname:%s\r\n", s->rtx_ssrc, s->cname);
}

static void write_layers(struct sdp_writer *w, const struct sdp_local_section *s)
{
    for (uint8_t i = 0; i < s->rid_count; i++)
        sdp_printf(w, "a=rid:%.*s recv\r\n", TEXT(s->rids[i]));
    for (uint8_t i = 0; i < s->rid_count; i++)
        sdp_printf(w, "%s%.*s%s", i ? ";" : "a=simulcast:recv ", TEXT(s->rids[i]),
                   i + 1 < s->rid_count ? "" : "\r\n");
}

static void put_extensions(struct sdp_writer *w, const struct sdp_local_section *s, struct part *part)
{
    size_t at = w->len;
    if (same_extensions(part->of, s)) {
        part_copy(w, part);
        return;
    }
    for (int e = 0; e < EXT_COUNT; e++)
        if (s->extensions.id[e])
            sdp_printf(w, "a=extmap:%u%s %s\r\n", s->extensions.id[e],
                       s->extensions_received >> e & 1 ? "/recvonly" : "", rtp_extension_uri[e]);
    if (s->extensions.id[EXT_DEPENDENCY])
        sdp_printf(w, "a=extmap-allow-mixed\r\n");
    part_end(w, part, s, at);
}

static void put_codecs(struct sdp_writer *w, const struct sdp_local_section *s, struct part *part)
{
    size_t at = w->len;
    if (same_codecs(part->of, s)) {
        part_copy(w, part);
        return;
    }
    for (size_t i = 0; i < s->codec_count; i++)
        write_codec(w, &s->codecs[i]);
    part_end(w, part, s, at);
}

static void write_section(struct sdp_writer *w, const struct sdp_local *l, const struct sdp_local_section *s,
                          struct parts *parts, bool with_candidates)
{
    write_media_line(w, s);
    put_transport(w, l, s, parts);
    put_extensions(w, s, &parts->extensions[s->kind]);
    sdp_printf(w, "a=%s\r\n", directions[s->direction]);
    write_rtcp(w, s);
    put_codecs(w, s, &parts->codecs[s->kind]);
    write_source(w, s);
    write_layers(w, s);
    if (with_candidates)
        write_candidates(w, l);
}

void sdp_write_session(struct sdp_writer *w, const struct sdp_local *l, const struct sdp_local_section *s,
                       size_t count)
{
    bool candidates_written = false, grouped = false;
    struct parts parts = {0};
    sdp_printf(w, "v=0\r\no=- %llu %u IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
               (unsigned long long)l->session_id, l->version);
    for (size_t i = 0; i < count; i++) {
        if (is_refused(&s[i]) || l->no_bundle || !s[i].mid[0])
            continue;
        sdp_printf(w, "%s %s", grouped ? "" : "a=group:BUNDLE", s[i].mid);
        grouped = true;
    }
    sdp_printf(w, "%sa=ice-lite\r\na=ice-options:trickle\r\na=msid-semantic:WMS *\r\n",
               grouped ? "\r\n" : "");
    for (size_t i = 0; i < count; i++) {
        if (is_refused(&s[i])) {
            write_refused(w, l, &s[i], &parts);
        } else {
            write_section(w, l, &s[i], &parts, !candidates_written);
            candidates_written = true;
        }
    }
}
