/* Session descriptions: every view lies in the text, every count has its bound, an extension's id means one
 * URI in all sections, and blanks at the ends of lines change nothing. */
#include "proto/sdp/sdp.h"
#include "fuzz/fuzz.h"
#include <ctype.h>
#include <stdlib.h>

static const char *begin, *end;

static void inside(struct text t) { INVARIANT(!t.len || (t.data >= begin && t.data + t.len <= end)); }

/* RFC 8852 3.3; no two layers have one name. */
static void rid(const struct sdp_section *s, size_t i)
{
    struct text name = s->rids[i].name;
    inside(name);
    inside(s->rids[i].formats);
    INVARIANT(name.len && name.len <= RTP_ONE_BYTE_MAX);
    for (size_t k = 0; k < name.len; k++)
        INVARIANT(isalnum((unsigned char)name.data[k]) || name.data[k] == '-' || name.data[k] == '_');
    for (size_t k = 0; k < i; k++)
        INVARIANT(s->rids[k].name.len != name.len || memcmp(s->rids[k].name.data, name.data, name.len) != 0);
    sdp_rid_takes(&s->rids[i], 96);
}

static void section(const struct sdp *sdp, const struct sdp_section *s)
{
    struct text value;
    INVARIANT(s->codec_count <= SDP_CODECS_MAX && s->ssrc_count <= SDP_SSRCS_MAX &&
              strnlen(s->mid, MID_SIZE) < MID_SIZE);
    inside(s->media);
    inside(s->protocol);
    inside(s->format);
    inside(s->ufrag);
    inside(s->password);
    inside(s->stream_id);
    inside(s->track_id);
    INVARIANT(s->rid_count <= LAYERS_MAX && s->sim_count <= LAYERS_MAX && s->sim_count <= s->ssrc_count);
    INVARIANT(s->layered == (s->rid_count > 1 || s->sim_count > 1));
    for (size_t i = 0; i < s->rid_count; i++)
        rid(s, i);
    for (size_t i = 0; i < s->codec_count; i++) {
        INVARIANT(s->codecs[i].payload_type < 128);
        inside(s->codecs[i].name);
        inside(s->codecs[i].fmtp);
        if (sdp_fmtp(s->codecs[i].fmtp, "profile-id", &value))
            inside(value);
        INVARIANT(sdp_codec_matches(&s->codecs[i], &s->codecs[0]) ==
                  sdp_codec_matches(&s->codecs[0], &s->codecs[i]));
    }
}

static void fingerprints(const struct fingerprint *f)
{
    INVARIANT(f->len == 0 || f->len == 32 || f->len == 48 || f->len == 64);
    INVARIANT(f->len ? (f->more + 1u) * f->len <= sizeof f->value : f->more == 0);
}

/* RFC 9143 9.1. */
static void extensions(const struct sdp *sdp)
{
    int meaning[256];
    memset(meaning, -1, sizeof meaning);
    for (size_t i = 0; i < sdp->count; i++)
        for (int e = 0; e < EXT_COUNT; e++) {
            int *of = &meaning[sdp->sections[i].extensions.id[e]];
            INVARIANT(of == meaning || *of < 0 || *of == e);
            *of = e;
        }
}

/* Every section that counts is in the bundle, or alone, or told apart. */
static void bundle(const struct sdp *sdp)
{
    size_t taken = 0;
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_section *s = &sdp->sections[i];
        INVARIANT(!s->outside || s->port || s->bundle_only);
        taken += (s->port || s->bundle_only) && !s->outside;
        INVARIANT(taken < 2 || sdp->bundled);
    }
}

static void same_section(const struct sdp_section *a, const struct sdp_section *b)
{
    INVARIANT(a->kind == b->kind && a->port == b->port && a->direction == b->direction &&
              a->setup == b->setup);
    INVARIANT(strcmp(a->mid, b->mid) == 0 && a->outside == b->outside && a->rtcp_mux == b->rtcp_mux);
    INVARIANT(a->ufrag.len == b->ufrag.len && a->password.len == b->password.len);
    INVARIANT(memcmp(&a->fingerprint, &b->fingerprint, sizeof a->fingerprint) == 0);
    INVARIANT(memcmp(&a->extensions, &b->extensions, sizeof a->extensions) == 0);
    INVARIANT(a->codec_count == b->codec_count && a->ssrc_count == b->ssrc_count);
    for (size_t i = 0; i < a->codec_count; i++) {
        const struct sdp_codec *x = &a->codecs[i], *y = &b->codecs[i];
        INVARIANT(x->payload_type == y->payload_type && x->codec == y->codec && x->rtx == y->rtx &&
                  x->apt == y->apt);
        INVARIANT(x->nack == y->nack && x->pli == y->pli && x->fir == y->fir &&
                  x->transport_cc == y->transport_cc);
    }
}

/* The same with a blank behind each line. */
static void with_blanks(const struct sdp *sdp, size_t len)
{
    char *text = malloc(2 * len);
    size_t n = 0;
    enum sdp_error error = SDP_OK;
    INVARIANT(text != NULL);
    for (size_t i = 0; i < len; i++) {
        if (begin[i] == '\n' || (begin[i] == '\r' && i + 1 < len && begin[i + 1] == '\n'))
            text[n++] = ' ';
        text[n++] = begin[i];
        if (begin[i] == '\r' && n > 1 && text[n - 2] == ' ' && i + 1 < len)
            text[n++] = begin[++i];
    }
    struct sdp *spaced = sdp_parse(text, n, &error);
    INVARIANT(error == SDP_NO_MEMORY ||
              (spaced && spaced->count == sdp->count && spaced->bundled == sdp->bundled));
    for (size_t i = 0; spaced && i < sdp->count; i++)
        same_section(&sdp->sections[i], &spaced->sections[i]);
    sdp_free(spaced);
    free(text);
}

void fuzz_sdp(const uint8_t *data, size_t len)
{
    enum sdp_error error = SDP_OK;
    begin = (const char *)data;
    end = begin + len;
    struct sdp *sdp = sdp_parse(begin, len, &error);
    INVARIANT((sdp == NULL) == (error != SDP_OK) && sdp_error_text(error));
    if (!sdp)
        return;
    INVARIANT(sdp->count <= SDP_SECTIONS_MAX);
    for (size_t i = 0; i < sdp->count; i++) {
        section(sdp, &sdp->sections[i]);
        fingerprints(&sdp->sections[i].fingerprint);
    }
    extensions(sdp);
    bundle(sdp);
    with_blanks(sdp, len);
    sdp_free(sdp);
}
