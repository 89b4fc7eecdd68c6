#include "sdp_parse.h"

typedef enum sdp_error attribute(struct sdp_parser *, struct text value);

static enum sdp_error on_mid(struct sdp_parser *p, struct text v)
{
    if (v.len == 0 || v.len >= MID_SIZE || memchr(v.data, ' ', v.len))
        return SDP_SYNTAX;
    memset(p->section->mid, 0, MID_SIZE);
    memcpy(p->section->mid, v.data, v.len);
    return SDP_OK;
}

static enum sdp_error on_group(struct sdp_parser *p, struct text v)
{
    if (!text_is(text_word(&v), "BUNDLE") || p->has_bundle)
        return SDP_OK;
    p->has_bundle = true;
    p->bundle = v;
    return SDP_OK;
}

static enum sdp_error credential(struct text *to, struct text v)
{
    if (v.len == 0 || v.len > ICE_CREDENTIAL_MAX || memchr(v.data, ' ', v.len))
        return SDP_SYNTAX;
    *to = v;
    return SDP_OK;
}

static enum sdp_error on_ufrag(struct sdp_parser *p, struct text v)
{
    return credential(&p->section->ufrag, v);
}
static enum sdp_error on_password(struct sdp_parser *p, struct text v)
{
    return credential(&p->section->password, v);
}

static enum sdp_error on_ice_options(struct sdp_parser *p, struct text v)
{
    while (v.len) {
        struct text word = text_word(&v);
        p->sdp->trickle |= text_is(word, "trickle");
        p->sdp->ice_renomination |= text_is(word, "renomination");
    }
    return SDP_OK;
}

static enum sdp_error on_ice_lite(struct sdp_parser *p, struct text v)
{
    p->section->ice_lite = true;
    return SDP_OK;
}

static enum sdp_error on_fingerprint(struct sdp_parser *p, struct text v)
{
    static const struct {
        const char *name;
        uint8_t len;
    } hashes[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
    struct fingerprint f = {0}, *best = &p->section->fingerprint;
    struct text name = text_word(&v);
    if (!p->own_fingerprint) /* a section's own replaces the session's, even where it is too weak to use */
        memset(best, 0, sizeof *best);
    p->own_fingerprint = true;
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
        if (text_is_nocase(name, hashes[i].name)) {
            memcpy(f.hash, hashes[i].name, sizeof f.hash);
            f.len = hashes[i].len;
        }
    if (f.len == 0)
        return SDP_OK;
    if (v.len != (size_t)f.len * 3 - 1)
        return SDP_SYNTAX;
    for (size_t i = 0; i < f.len; i++) {
        int high = text_hex(v.data[3 * i]), low = text_hex(v.data[3 * i + 1]);
        if (high < 0 || low < 0 || (i + 1 < f.len && v.data[3 * i + 2] != ':'))
            return SDP_SYNTAX;
        f.value[i] = (uint8_t)(high << 4 | low);
    }
    if (f.len > best->len)
        *best = f;
    return SDP_OK;
}

static enum sdp_error on_setup(struct sdp_parser *p, struct text v)
{
    p->section->setup = text_is(v, "actpass")   ? SDP_ACTPASS
                        : text_is(v, "active")  ? SDP_ACTIVE
                        : text_is(v, "passive") ? SDP_PASSIVE
                                                : SDP_SETUP_NONE;
    return SDP_OK;
}

#define FLAG(name, member, value_)                                                                           \
    static enum sdp_error on_##name(struct sdp_parser *p, struct text v)                                     \
    {                                                                                                        \
        p->section->member = value_;                                                                         \
        return SDP_OK;                                                                                       \
    }
FLAG(sendrecv, direction, SDP_SENDRECV)
FLAG(sendonly, direction, SDP_SENDONLY)
FLAG(recvonly, direction, SDP_RECVONLY)
FLAG(inactive, direction, SDP_INACTIVE)
FLAG(bundle_only, bundle_only, true)
FLAG(rtcp_mux, rtcp_mux, true)
FLAG(rtcp_rsize, rtcp_rsize, true)
FLAG(end_of_candidates, end_of_candidates, true)

static enum sdp_error on_extmap(struct sdp_parser *p, struct text v)
{
    struct text id = text_word(&v), uri = text_word(&v), digits = text_until(&id, '/');
    uint8_t *ids = p->section->extensions.id;
    uint32_t n;
    if (!text_number(digits, 255, &n) || n == 0 || uri.len == 0)
        return SDP_SYNTAX;
    for (int e = 0; e < EXT_COUNT; e++) {
        if (text_is(id, "inactive") || !text_is(uri, rtp_extension_uri[e]))
            continue;
        for (int other = 0; other < EXT_COUNT; other++)
            if (other != e && ids[other] == n)
                return SDP_SYNTAX;
        ids[e] = (uint8_t)n;
    }
    return SDP_OK;
}

/* The payload type in front of `v`. *codec NULL: one that the m= line does not name. */
static enum sdp_error take_codec(struct sdp_parser *p, struct text *v, struct sdp_codec **codec)
{
    uint32_t pt;
    *codec = NULL;
    if (!text_number(text_word(v), 127, &pt))
        return SDP_SYNTAX;
    if (p->codec_of[pt] >= 0)
        *codec = &p->section->codecs[p->codec_of[pt]];
    return SDP_OK;
}

static enum sdp_error on_rtpmap(struct sdp_parser *p, struct text v)
{
    struct sdp_codec *c;
    uint32_t rate, channels = 1;
    enum sdp_error e = take_codec(p, &v, &c);
    if (e)
        return e;
    v = text_word(&v);
    struct text name = text_until(&v, '/'), clock = text_until(&v, '/');
    if (name.len == 0 || !text_number(clock, UINT32_MAX, &rate) || (v.len && !text_number(v, 255, &channels)))
        return SDP_SYNTAX;
    if (!c)
        return SDP_OK;
    c->name = name;
    c->clock_rate = rate;
    c->channels = (uint8_t)channels;
    /* RFC 5761 4: where RTCP is multiplexed, payload types 64-95 look like RTCP as soon as the marker is set.
     */
    bool usable = (c->payload_type & 0x60) != 0x40;
    c->rtx = usable && text_is_nocase(name, "rtx");
    c->codec = usable ? codec_parse(name.data, name.len) : CODEC_NONE;
    return SDP_OK;
}

static enum sdp_error on_fmtp(struct sdp_parser *p, struct text v)
{
    struct sdp_codec *c;
    enum sdp_error e = take_codec(p, &v, &c);
    if (!e && c)
        c->fmtp = v;
    return e;
}

static enum sdp_error on_rtcp_fb(struct sdp_parser *p, struct text v)
{
    struct text after = v, pt = text_word(&after);
    struct sdp_codec *c = &p->any;
    if (text_is(pt, "*")) {
        v = after;
    } else {
        enum sdp_error e = take_codec(p, &v, &c);
        if (e || !c)
            return e;
    }
    c->nack |= text_is(v, "nack");
    c->pli |= text_is(v, "nack pli");
    c->fir |= text_is(v, "ccm fir");
    c->transport_cc |= text_is(v, "transport-cc");
    c->remb |= text_is(v, "goog-remb");
    return SDP_OK;
}

static enum sdp_error add_ssrc(struct sdp_parser *p, uint32_t ssrc)
{
    for (size_t i = 0; i < p->raw_count; i++)
        if (p->ssrcs[i] == ssrc)
            return SDP_OK;
    if (ssrc == 0) /* possible in RTP, but here 0 means none; it is then learned from the packets */
        return SDP_OK;
    if (p->raw_count == RAW_SSRCS_MAX)
        return SDP_TOO_MANY;
    p->ssrcs[p->raw_count++] = ssrc;
    return SDP_OK;
}

static enum sdp_error on_ssrc(struct sdp_parser *p, struct text v)
{
    uint32_t ssrc;
    if (!text_number(text_word(&v), UINT32_MAX, &ssrc))
        return SDP_SYNTAX;
    return add_ssrc(p, ssrc);
}

static enum sdp_error on_ssrc_group(struct sdp_parser *p, struct text v)
{
    uint32_t primary, rtx;
    enum sdp_error e;
    if (!text_is(text_word(&v), "FID"))
        return SDP_OK;
    if (!text_number(text_word(&v), UINT32_MAX, &primary) || !text_number(text_word(&v), UINT32_MAX, &rtx) ||
        v.len || primary == rtx)
        return SDP_SYNTAX;
    if (p->pair_count == SDP_SSRCS_MAX)
        return SDP_TOO_MANY;
    if ((e = add_ssrc(p, primary)) || (e = add_ssrc(p, rtx)))
        return e;
    p->pairs[p->pair_count][0] = primary;
    p->pairs[p->pair_count++][1] = rtx;
    return SDP_OK;
}

static enum sdp_error on_msid(struct sdp_parser *p, struct text v)
{
    struct text stream = text_word(&v), track = text_word(&v);
    if (stream.len == 0)
        return SDP_SYNTAX;
    if (p->section->stream_id.data || p->section->track_id.data)
        return SDP_OK;
    if (!text_is(stream, "-")) /* RFC 8830 2: "-" is a track without a stream */
        p->section->stream_id = stream;
    p->section->track_id = track;
    return SDP_OK;
}

static const struct {
    const char *name;
    attribute *handle;
    bool session, section; /* where it may stand; elsewhere it is ignored, as every unknown attribute */
} attributes[] = {
    {"rtcp-fb", on_rtcp_fb, false, true},
    {"rtpmap", on_rtpmap, false, true},
    {"fmtp", on_fmtp, false, true},
    {"extmap", on_extmap, true, true},
    {"ssrc", on_ssrc, false, true},
    {"ssrc-group", on_ssrc_group, false, true},
    {"mid", on_mid, false, true},
    {"msid", on_msid, false, true},
    {"group", on_group, true, false},
    {"ice-ufrag", on_ufrag, true, true},
    {"ice-pwd", on_password, true, true},
    {"ice-options", on_ice_options, true, true},
    {"ice-lite", on_ice_lite, true, true},
    {"fingerprint", on_fingerprint, true, true},
    {"setup", on_setup, true, true},
    {"sendrecv", on_sendrecv, true, true},
    {"sendonly", on_sendonly, true, true},
    {"recvonly", on_recvonly, true, true},
    {"inactive", on_inactive, true, true},
    {"bundle-only", on_bundle_only, false, true},
    {"rtcp-mux", on_rtcp_mux, false, true},
    {"rtcp-rsize", on_rtcp_rsize, false, true},
    {"end-of-candidates", on_end_of_candidates, true, true},
};

enum sdp_error sdp_attribute(struct sdp_parser *p, struct text v)
{
    struct text name = text_until(&v, ':');
    bool in_session = p->section == &p->session;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (text_is(name, attributes[i].name))
            return (in_session ? attributes[i].session : attributes[i].section) ? attributes[i].handle(p, v)
                                                                                : SDP_OK;
    return SDP_OK;
}
