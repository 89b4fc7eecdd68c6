#include "proto/sdp/sdp_parse.h"
#include <ctype.h>

/* A malformed value is ignored like an unknown attribute (RFC 8866 5): one line does not refuse an offer.
 * Code that needs the value finds it absent. */
typedef void attribute(struct sdp_parser *, struct text value);

static void on_mid(struct sdp_parser *p, struct text v)
{
    struct text mid = text_word(&v);
    if (mid.len >= MID_SIZE)
        p->long_mid = true;
    if (mid.len == 0 || mid.len >= MID_SIZE)
        return;
    memset(p->section->mid, 0, MID_SIZE);
    memcpy(p->section->mid, mid.data, mid.len);
}

static void on_group(struct sdp_parser *p, struct text v)
{
    if (!text_is(text_word(&v), "BUNDLE") || p->has_bundle)
        return;
    p->has_bundle = true;
    p->bundle = v;
}

static void credential(struct text *to, struct text v)
{
    v = text_word(&v);
    if (v.len && v.len <= ICE_CREDENTIAL_MAX)
        *to = v;
}

static void on_ufrag(struct sdp_parser *p, struct text v) { credential(&p->section->ufrag, v); }
static void on_password(struct sdp_parser *p, struct text v) { credential(&p->section->password, v); }

static void on_ice_options(struct sdp_parser *p, struct text v)
{
    while (v.len) {
        struct text word = text_word(&v);
        p->sdp->trickle |= text_is(word, "trickle");
        p->sdp->ice_renomination |= text_is(word, "renomination");
    }
}

static void on_ice_lite(struct sdp_parser *p, struct text v) { p->section->ice_lite = true; }

/* The bytes behind the hash's name. False: another count than the hash has, or not bytes. */
static bool read_bytes(struct text v, uint8_t *out, size_t len)
{
    if (v.len != len * 3 - 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = text_hex(v.data[3 * i]), low = text_hex(v.data[3 * i + 1]);
        if (high < 0 || low < 0 || (i + 1 < len && v.data[3 * i + 2] != ':'))
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* RFC 8122 5: of several lines the ones with the strongest hash count, and the certificate matches one of
 * them. */
static void add_fingerprint(struct fingerprint *all, const char *hash, uint8_t len, const uint8_t *value)
{
    if (len > all->len) {
        memset(all, 0, sizeof *all);
        memcpy(all->hash, hash, sizeof all->hash);
        memcpy(all->value, value, len);
        all->len = len;
    } else if (len == all->len && (all->more + 2u) * len <= sizeof all->value) {
        memcpy(all->value + ++all->more * len, value, len);
    }
}

static void on_fingerprint(struct sdp_parser *p, struct text v)
{
    static const struct {
        const char name[8];
        uint8_t len;
    } hashes[] = {{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
    struct fingerprint *all = &p->section->fingerprint;
    uint8_t value[64];
    struct text name = text_word(&v), bytes = text_word(&v);
    if (!p->own_fingerprint) /* a section's own replaces the session's, even if it is too weak to use */
        memset(all, 0, sizeof *all);
    p->own_fingerprint = true;
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
        if (text_is_nocase(name, hashes[i].name) && read_bytes(bytes, value, hashes[i].len))
            add_fingerprint(all, hashes[i].name, hashes[i].len, value);
}

static void on_setup(struct sdp_parser *p, struct text v)
{
    struct text role = text_word(&v);
    p->section->setup = text_is(role, "actpass")   ? SDP_ACTPASS
                        : text_is(role, "active")  ? SDP_ACTIVE
                        : text_is(role, "passive") ? SDP_PASSIVE
                                                   : SDP_SETUP_NONE;
}

#define FLAG(name, member, value_)                                                                           \
    static void on_##name(struct sdp_parser *p, struct text v) { p->section->member = value_; }
FLAG(sendrecv, direction, SDP_SENDRECV)
FLAG(sendonly, direction, SDP_SENDONLY)
FLAG(recvonly, direction, SDP_RECVONLY)
FLAG(inactive, direction, SDP_INACTIVE)
FLAG(bundle_only, bundle_only, true)
FLAG(rtcp_mux, rtcp_mux, true)
FLAG(rtcp_rsize, rtcp_rsize, true)
FLAG(end_of_candidates, end_of_candidates, true)
FLAG(extmap_allow_mixed, extmap_mixed, true)

/* RFC 9143 12: in a bundle an id means one extension. The second URI with the same id is ignored, also if
 * only one of the two is known here. */
static bool id_is_free(struct sdp_parser *p, uint32_t id, struct text uri)
{
    struct text *taken = &p->extension_of[id];
    if (!taken->len)
        *taken = uri;
    return text_same(*taken, uri);
}

static void on_extmap(struct sdp_parser *p, struct text v)
{
    struct text id = text_word(&v), uri = text_word(&v), digits = text_until(&id, '/');
    uint32_t n;
    if (!text_number(digits, EXTENSIONS_MAX, &n) || n == 0 || uri.len == 0)
        return;
    if (n <= EXTENSION_ID_MAX)
        p->sdp->extension_ids |= (uint16_t)(1u << n);
    if (text_is(id, "inactive") || !id_is_free(p, n, uri))
        return;
    for (int e = 0; e < EXT_COUNT; e++) {
        if (!text_is(uri, rtp_extension_uri[e]))
            continue;
        p->section->extensions.id[e] = (uint8_t)n;
        if (text_is(id, "sendonly"))
            p->section->extensions_sent |= (uint8_t)(1u << e);
    }
}

/* The codec whose payload type starts `v`; NULL: the m= line does not name it. */
static struct sdp_codec *take_codec(struct sdp_parser *p, struct text *v)
{
    uint32_t pt;
    if (!text_number(text_word(v), 127, &pt) || p->codec_of[pt] < 0)
        return NULL;
    return &p->section->codecs[p->codec_of[pt]];
}

/* RFC 7587 7, RFC 7741 6, RFC 9628 7, RFC 6184 8.2.1 and AV1's payload format: one clock rate each. The
 * server could receive another rate, but never forward it. */
static bool clock_is_right(enum codec codec, uint32_t rate)
{
    return rate == (codec_is_video(codec) ? 90000 : 48000);
}

static void on_rtpmap(struct sdp_parser *p, struct text v)
{
    struct sdp_codec *c = take_codec(p, &v);
    uint32_t rate, channels = 1;
    v = text_word(&v);
    struct text name = text_until(&v, '/'), clock = text_until(&v, '/');
    if (!c || name.len == 0 || !text_number(clock, UINT32_MAX, &rate) ||
        (v.len && !text_number(v, 255, &channels)))
        return;
    c->name = name;
    c->clock_rate = rate;
    c->channels = (uint8_t)channels;
    /* RFC 5761 4: where RTCP is multiplexed, payload types 64-95 look like RTCP as soon as the marker is set.
     */
    bool usable = (c->payload_type & 0x60) != 0x40;
    enum codec codec = codec_parse(name.data, name.len);
    c->rtx = usable && text_is_nocase(name, "rtx");
    c->codec = usable && clock_is_right(codec, rate) ? codec : CODEC_NONE;
}

static void on_fmtp(struct sdp_parser *p, struct text v)
{
    struct sdp_codec *c = take_codec(p, &v);
    if (c)
        c->fmtp = v;
}

static void on_rtcp_fb(struct sdp_parser *p, struct text v)
{
    struct text after = v, pt = text_word(&after);
    struct sdp_codec *c = text_is(pt, "*") ? &p->any : take_codec(p, &v);
    struct text type = text_word(&after), parameter = text_word(&after);
    if (!c)
        return;
    c->nack |= text_is(type, "nack") && parameter.len == 0;
    c->pli |= text_is(type, "nack") && text_is(parameter, "pli");
    c->fir |= text_is(type, "ccm") && text_is(parameter, "fir");
    c->transport_cc |= text_is(type, "transport-cc");
    c->remb |= text_is(type, "goog-remb");
}

/* SSRCs that do not fit are ignored: the server learns them from the packets. SSRC 0 means none here and is
 * ignored too. */
static bool add_ssrc(struct sdp_parser *p, uint32_t ssrc)
{
    for (size_t i = 0; i < p->raw_count; i++)
        if (p->ssrcs[i] == ssrc)
            return true;
    if (ssrc == 0 || p->raw_count == RAW_SSRCS_MAX)
        return false;
    p->ssrcs[p->raw_count++] = ssrc;
    return true;
}

static void on_ssrc(struct sdp_parser *p, struct text v)
{
    uint32_t ssrc;
    if (text_number(text_word(&v), UINT32_MAX, &ssrc))
        add_ssrc(p, ssrc);
}

/* RFC 8852 3.3: an id that fits a header extension and consists of letters, digits, '-' and '_'. */
static bool is_rid(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!isalnum((unsigned char)t.data[i]) && t.data[i] != '-' && t.data[i] != '_')
            return false;
    return t.len > 0 && t.len <= RTP_ONE_BYTE_MAX;
}

/* RFC 8851 10: "q send pt=96,97;max-width=1280". Only the payload types matter here: a server that forwards
 * has no bounds of its own. */
static void on_rid(struct sdp_parser *p, struct text v)
{
    struct text name = text_word(&v), direction = text_word(&v), formats = {0};
    if (!text_is(direction, "send") || !is_rid(name) || p->rid_line_count == RID_LINES_MAX)
        return;
    sdp_fmtp(v, "pt", &formats);
    p->rid_lines[p->rid_line_count++] = (struct sdp_rid){name, formats};
}

static void add_rid(struct sdp_section *s, struct text name)
{
    for (uint8_t i = 0; i < s->rid_count; i++)
        if (text_same(s->rids[i].name, name))
            return;
    s->rids[s->rid_count++].name = name;
}

/* RFC 8853 5.1: "send q;h,h2;~f recv ..." in either order: layers, the alternatives of each, and `~` for a
 * paused start. */
static void on_simulcast(struct sdp_parser *p, struct text v)
{
    struct sdp_section *s = p->section;
    struct text direction = text_word(&v), list = text_word(&v);
    if (text_is(direction, "recv")) {
        direction = text_word(&v);
        list = text_word(&v);
    }
    if (!text_is(direction, "send"))
        return;
    for (s->rid_count = 0; list.len && s->rid_count < LAYERS_MAX;) {
        struct text layer = text_until(&list, ';'), rid = text_until(&layer, ',');
        if (rid.len && *rid.data == '~')
            text_skip(&rid, 1);
        if (is_rid(rid))
            add_rid(s, rid);
    }
}

/* Layers of one source, in the order of clients that know no rids. The first group counts. */
static void on_sim_group(struct sdp_parser *p, struct text v)
{
    uint32_t ssrc;
    for (bool first = !p->sim_count; first && v.len && p->sim_count < LAYERS_MAX;)
        if (text_number(text_word(&v), UINT32_MAX, &ssrc) && add_ssrc(p, ssrc))
            p->sim[p->sim_count++] = ssrc;
}

static void on_ssrc_group(struct sdp_parser *p, struct text v)
{
    uint32_t primary, rtx;
    struct text semantics = text_word(&v);
    if (text_is(semantics, "SIM"))
        on_sim_group(p, v);
    if (!text_is(semantics, "FID") || !text_number(text_word(&v), UINT32_MAX, &primary) ||
        !text_number(text_word(&v), UINT32_MAX, &rtx) || v.len || primary == rtx ||
        p->pair_count == SDP_SSRCS_MAX || !add_ssrc(p, primary) || !add_ssrc(p, rtx))
        return;
    p->pairs[p->pair_count][0] = primary;
    p->pairs[p->pair_count++][1] = rtx;
}

static void on_msid(struct sdp_parser *p, struct text v)
{
    struct text stream = text_word(&v), track = text_word(&v);
    if (stream.len == 0 || p->section->stream_id.data || p->section->track_id.data)
        return;
    if (!text_is(stream, "-")) /* RFC 8830 2: "-" is a track without a stream */
        p->section->stream_id = stream;
    p->section->track_id = track;
}

static const struct {
    const char *name;
    attribute *handle;
    bool session, section; /* levels where it is valid; elsewhere it is ignored */
} attributes[] = {
    {"rtcp-fb", on_rtcp_fb, false, true},
    {"rtpmap", on_rtpmap, false, true},
    {"fmtp", on_fmtp, false, true},
    {"extmap", on_extmap, true, true},
    {"extmap-allow-mixed", on_extmap_allow_mixed, true, true},
    {"ssrc", on_ssrc, false, true},
    {"ssrc-group", on_ssrc_group, false, true},
    {"simulcast", on_simulcast, false, true},
    {"rid", on_rid, false, true},
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

void sdp_attribute(struct sdp_parser *p, struct text v)
{
    struct text name = text_until(&v, ':');
    bool in_session = p->section == &p->session;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (text_is(name, attributes[i].name) && (in_session ? attributes[i].session : attributes[i].section))
            attributes[i].handle(p, v);
}
