#include "proto/sdp/sdp_parse.h"
#include <stdlib.h>

#define LINE_MAX_BYTES 4096
#define MID_SLOTS      (2 * SDP_SECTIONS_MAX)

_Static_assert((MID_SLOTS & (MID_SLOTS - 1)) == 0, "the mids' table is indexed by mask");
_Static_assert(SDP_CODECS_MAX <= INT8_MAX, "a codec's index fits the table of payload types");

const char *sdp_error_text(enum sdp_error e)
{
    switch (e) {
    case SDP_OK: return "no error";
    case SDP_SYNTAX: return "not a valid session description";
    case SDP_TOO_MANY: return "too many or too long lines";
    case SDP_DUPLICATE: return "every section needs a mid of its own";
    case SDP_LONG_MID: return "a mid of more than 63 characters";
    case SDP_NO_MEMORY: return "out of memory";
    }
    return "unknown error";
}

/* --- sections --- */

/* Ignores formats that are no payload type, are repeated, or do not fit. */
static enum sdp_error read_payload_types(struct sdp_parser *p, struct text formats)
{
    struct sdp_section *s = p->section;
    uint8_t types[SDP_CODECS_MAX];
    uint32_t pt;
    while (formats.len && s->codec_count < SDP_CODECS_MAX)
        if (text_number(text_word(&formats), 127, &pt) && p->codec_of[pt] < 0) {
            p->codec_of[pt] = (int8_t)s->codec_count;
            types[s->codec_count++] = (uint8_t)pt;
        }
    s->codecs = s->codec_count ? calloc(s->codec_count, sizeof *s->codecs) : NULL;
    if (s->codec_count && !s->codecs)
        return SDP_NO_MEMORY;
    for (size_t i = 0; i < s->codec_count; i++)
        s->codecs[i].payload_type = types[i];
    return SDP_OK;
}

/* m=video 9 UDP/TLS/RTP/SAVPF 96 97 */
static enum sdp_error begin_section(struct sdp_parser *p, struct text v)
{
    struct sdp_section *s = p->section = &p->sdp->sections[p->sdp->count];
    uint32_t port;
    *s = p->session;
    p->sdp->count++;
    p->own_fingerprint = false;
    p->raw_count = p->pair_count = p->sim_count = p->rid_line_count = 0;
    memset(p->codec_of, -1, sizeof p->codec_of);
    memset(&p->any, 0, sizeof p->any);
    s->media = text_word(&v);
    struct text ports = text_word(&v);
    s->protocol = text_word(&v);
    s->format = v;
    if (!text_number(text_until(&ports, '/'), UINT16_MAX, &port) || s->media.len == 0 ||
        s->protocol.len == 0 || v.len == 0)
        return SDP_SYNTAX;
    s->port = (uint16_t)port;
    if (text_is(s->media, "application"))
        s->kind = SDP_APPLICATION;
    else if ((text_is(s->media, "audio") || text_is(s->media, "video")) &&
             memmem(s->protocol.data, s->protocol.len, "RTP/", 4))
        s->kind = text_is(s->media, "audio") ? SDP_AUDIO : SDP_VIDEO;
    else
        s->kind = SDP_OTHER;
    return s->kind <= SDP_VIDEO ? read_payload_types(p, v) : SDP_OK;
}

static void resolve_codecs(struct sdp_parser *p)
{
    struct sdp_section *s = p->section;
    for (size_t i = 0; i < s->codec_count; i++) {
        struct sdp_codec *c = &s->codecs[i];
        struct text apt;
        uint32_t pt;
        c->nack |= p->any.nack;
        c->pli |= p->any.pli;
        c->fir |= p->any.fir;
        c->transport_cc |= p->any.transport_cc;
        c->remb |= p->any.remb;
        if (!c->rtx)
            continue;
        c->rtx = sdp_fmtp(c->fmtp, "apt", &apt) && text_number(apt, 127, &pt) && p->codec_of[pt] >= 0;
        if (c->rtx)
            c->apt = (uint8_t)pt;
    }
}

/* Adds it with its RTX, if it repairs no other and was not added yet. */
static void resolve_ssrc(struct sdp_parser *p, uint32_t primary)
{
    struct sdp_section *s = p->section;
    struct sdp_ssrc ssrc = {primary, 0};
    for (size_t i = 0; i < s->ssrc_count; i++)
        if (s->ssrcs[i].ssrc == primary)
            return;
    for (size_t k = 0; k < p->pair_count; k++) {
        if (p->pairs[k][1] == primary)
            return;
        if (p->pairs[k][0] == primary && !ssrc.rtx)
            ssrc.rtx = p->pairs[k][1];
    }
    s->ssrcs[s->ssrc_count++] = ssrc;
}

static void resolve_ssrcs(struct sdp_parser *p)
{
    struct sdp_section *s = p->section;
    for (size_t i = 0; i < p->sim_count; i++)
        resolve_ssrc(p, p->sim[i]);
    s->sim_count = (uint8_t)s->ssrc_count;
    for (size_t i = 0; i < p->raw_count && s->ssrc_count < SDP_SSRCS_MAX; i++)
        resolve_ssrc(p, p->ssrcs[i]);
    s->layered = s->rid_count > 1 || s->sim_count > 1;
}

static void resolve_rids(struct sdp_parser *p)
{
    struct sdp_section *s = p->section;
    for (uint8_t i = 0; i < s->rid_count; i++)
        for (size_t k = p->rid_line_count; k-- > 0;)
            if (text_same(s->rids[i].name, p->rid_lines[k].name))
                s->rids[i].formats = p->rid_lines[k].formats;
}

static void end_section(struct sdp_parser *p)
{
    if (p->section == &p->session)
        return;
    resolve_codecs(p);
    resolve_rids(p);
    resolve_ssrcs(p);
}

/* --- mids --- */

/* Sections by mid: open addressing, so that both checks below stay linear. */
struct mids {
    const struct sdp *sdp;
    uint16_t slot[MID_SLOTS]; /* section + 1 */
};

static uint16_t *mid_slot(struct mids *m, struct text mid)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < mid.len; i++)
        h = (h ^ (uint8_t)mid.data[i]) * 16777619u;
    for (;; h++) {
        uint16_t *slot = &m->slot[h & (MID_SLOTS - 1)];
        if (*slot == 0 || text_is(mid, m->sdp->sections[*slot - 1].mid))
            return slot;
    }
}

/* Whether the section is in use: bundle-only ones have port 0 in offers (RFC 9143 6). */
static bool is_live(const struct sdp_section *s) { return s->port != 0 || s->bundle_only; }

/* Each section has a mid of its own, if there are several. */
static enum sdp_error name_sections(const struct sdp_parser *p, struct mids *mids)
{
    const struct sdp *sdp = p->sdp;
    size_t live = 0, live_nameless = 0;
    if (p->long_mid)
        return SDP_LONG_MID;
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_section *s = &sdp->sections[i];
        live += is_live(s);
        live_nameless += is_live(s) && !s->mid[0];
        if (!s->mid[0])
            continue;
        uint16_t *slot = mid_slot(mids, (struct text){s->mid, strlen(s->mid)});
        if (*slot)
            return SDP_DUPLICATE;
        *slot = (uint16_t)(i + 1);
    }
    return live > 1 && live_nameless ? SDP_DUPLICATE : SDP_OK;
}

/* Without a group one section can have the only transport: the first with media. */
static size_t first_alone(const struct sdp *sdp)
{
    size_t first = sdp->count;
    for (size_t i = sdp->count; i-- > 0;)
        if (is_live(&sdp->sections[i]) && (first == sdp->count || sdp->sections[i].kind <= SDP_VIDEO))
            first = i;
    return first;
}

/* Marks sections outside the group: they would need a transport of their own (RFC 9143 7.3.3). */
static void bundle_sections(struct sdp_parser *p, struct mids *mids)
{
    struct sdp *sdp = p->sdp;
    bool inside[SDP_SECTIONS_MAX] = {false};
    uint16_t place = 0;
    while (p->bundle.len) {
        struct text mid = text_word(&p->bundle);
        uint16_t at = mid.len && mid.len < MID_SIZE ? *mid_slot(mids, mid) : 0;
        if (!at || inside[at - 1])
            continue;
        inside[at - 1] = true;
        sdp->sections[at - 1].place = place++;
        sdp->bundled |= is_live(&sdp->sections[at - 1]);
    }
    size_t alone = sdp->bundled ? sdp->count : first_alone(sdp);
    for (size_t i = 0; i < sdp->count; i++)
        sdp->sections[i].outside = is_live(&sdp->sections[i]) && !inside[i] && i != alone;
}

static enum sdp_error check_mids(struct sdp_parser *p)
{
    struct mids mids = {.sdp = p->sdp};
    enum sdp_error e = name_sections(p, &mids);
    if (!e)
        bundle_sections(p, &mids);
    return e;
}

/* --- lines --- */

/* Removes one line; ignores blanks at its end. Control characters are refused, so that text passed to other
 * clients cannot contain additional lines. */
static enum sdp_error take_line(struct text *t, struct text *line)
{
    *line = text_until(t, '\n');
    if (line->len && line->data[line->len - 1] == '\r')
        line->len--;
    while (line->len && text_blank(line->data[line->len - 1]))
        line->len--;
    if (line->len > LINE_MAX_BYTES)
        return SDP_TOO_MANY;
    for (size_t i = 0; i < line->len; i++)
        if (((uint8_t)line->data[i] < 0x20 && line->data[i] != '\t') || line->data[i] == 0x7f)
            return SDP_SYNTAX;
    return SDP_OK;
}

/* Counts before anything is allocated: the number of sections decides the memory that a description needs. */
static size_t count_sections(struct text t)
{
    size_t n = 0;
    while (t.len && n <= SDP_SECTIONS_MAX) {
        struct text line = text_until(&t, '\n');
        n += line.len >= 2 && line.data[0] == 'm' && line.data[1] == '=';
    }
    return n;
}

static enum sdp_error read_lines(struct sdp_parser *p, struct text t)
{
    struct text line;
    enum sdp_error e = take_line(&t, &line);
    if (e || !text_is(line, "v=0"))
        return e ? e : SDP_SYNTAX;
    while (t.len) {
        if ((e = take_line(&t, &line)))
            return e;
        if (line.len == 0)
            continue;
        if (line.len < 2 || line.data[0] < 'a' || line.data[0] > 'z' || line.data[1] != '=')
            return SDP_SYNTAX;
        char type = line.data[0];
        text_skip(&line, 2);
        if (type == 'a')
            sdp_attribute(p, line);
        if (type != 'm')
            continue;
        end_section(p);
        if ((e = begin_section(p, line)))
            return e;
    }
    end_section(p);
    p->sdp->ice_lite = p->session.ice_lite;
    return check_mids(p);
}

struct sdp *sdp_parse(const char *text, size_t len, enum sdp_error *error)
{
    struct sdp_parser p = {.section = &p.session};
    size_t sections = count_sections((struct text){text, len});
    if (sections > SDP_SECTIONS_MAX) {
        *error = SDP_TOO_MANY;
        return NULL;
    }
    p.sdp = calloc(1, sizeof *p.sdp);
    if (p.sdp)
        p.sdp->sections = calloc(sections + 1, sizeof *p.sdp->sections);
    if (p.sdp && p.sdp->sections)
        *error = read_lines(&p, (struct text){text, len});
    else
        *error = SDP_NO_MEMORY;
    if (*error) {
        sdp_free(p.sdp);
        return NULL;
    }
    return p.sdp;
}

void sdp_free(struct sdp *sdp)
{
    if (!sdp)
        return;
    for (size_t i = 0; i < sdp->count; i++)
        free(sdp->sections[i].codecs);
    free(sdp->sections);
    free(sdp);
}
