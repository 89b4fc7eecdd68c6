/* Session descriptions: every view lies in the text, every count has its bound. */
#include "sdp.h"
#include "fuzz.h"

static const char *begin, *end;

static void inside(struct text t)
{
    INVARIANT(!t.len || (t.data >= begin && t.data + t.len <= end));
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

void fuzz_sdp(const uint8_t *data, size_t len)
{
    enum sdp_error error = SDP_OK;
    begin = (const char *)data;
    end = begin + len;
    struct sdp *sdp = sdp_parse(begin, len, &error);
    INVARIANT((sdp == NULL) == (error != SDP_OK) && sdp_error_text(error));
    for (size_t i = 0; sdp && i < sdp->count; i++)
        section(sdp, &sdp->sections[i]);
    INVARIANT(!sdp || sdp->count <= SDP_SECTIONS_MAX);
    sdp_free(sdp);
}
