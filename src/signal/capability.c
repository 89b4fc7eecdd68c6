#include "state.h"
#include <stdlib.h>

bool codec_is_usable(const struct sdp_codec *codec) { return codec->codec != CODEC_NONE && codec->fmtp.len <= FMTP_MAX; }

/* `fmtp`: where its parameters are kept. */
static void fill(struct capability *k, const struct sdp_section *section, const struct sdp_codec *codec, char *fmtp)
{
    k->codec = *codec;
    if (codec->fmtp.len)
        memcpy(fmtp, codec->fmtp.data, codec->fmtp.len);
    k->codec.fmtp = (struct text){fmtp, codec->fmtp.len};
    k->codec.name = (struct text){codec_name(codec->codec), strlen(codec_name(codec->codec))};
    for (size_t i = 0; i < section->codec_count; i++)
        if (section->codecs[i].rtx && section->codecs[i].apt == codec->payload_type)
            k->rtx = section->codecs[i].payload_type;
}

struct capabilities *capabilities_of(const struct sdp_section *section)
{
    size_t count = 0, text = 0;
    for (size_t i = 0; i < section->codec_count && count < CAPABILITIES_MAX; i++)
        if (codec_is_usable(&section->codecs[i])) {
            count++;
            text += section->codecs[i].fmtp.len;
        }
    struct capabilities *c = calloc(1, sizeof *c + count * sizeof c->list[0] + text);
    char *fmtp = c ? (char *)&c->list[count] : NULL;
    for (size_t i = 0; c && i < section->codec_count && c->count < count; i++)
        if (codec_is_usable(&section->codecs[i])) {
            fill(&c->list[c->count++], section, &section->codecs[i], fmtp);
            fmtp += section->codecs[i].fmtp.len;
        }
    return c;
}

const struct capability *capability_match(const struct capabilities *c, const struct capability *wanted)
{
    for (size_t i = 0; c && i < c->count; i++)
        if (sdp_codec_matches(&c->list[i].codec, &wanted->codec))
            return &c->list[i];
    return NULL;
}

/* Whether everybody who is there, and watches, decodes it. */
static bool all_decode(const struct participant *publisher, const struct capability *k)
{
    for (const struct participant *p = publisher->room->participants; p; p = p->next)
        if (p != publisher && p->role != ROLE_STREAM && p->video && !capability_match(p->video, k))
            return false;
    return true;
}

static int rank(const struct participant *p, const struct capability *k)
{
    bool wished = p->codec != CODEC_NONE && k->codec.codec == p->codec;
    return (wished ? 4 : 0) + (all_decode(p, k) ? 2 : 0) + (k->codec.codec == CODEC_VP8 ? 1 : 0);
}

const struct capability *capability_choose(const struct participant *p, const struct capabilities *c)
{
    const struct capability *best = NULL;
    for (size_t i = 0; i < c->count; i++) {
        const struct capability *k = &c->list[i];
        if (!codec_is_video(k->codec.codec))
            return k;
        if (!best || rank(p, k) > rank(p, best))
            best = k;
    }
    return best;
}
