#include "signal/state.h"
#include <stdlib.h>

bool codec_is_usable(const struct sdp_codec *codec)
{
    return codec->codec != CODEC_NONE && codec->fmtp.len <= FMTP_MAX;
}

/* `fmtp`: the buffer for its parameters. */
static void fill(struct capability *k, const struct sdp_section *section, const struct sdp_codec *codec,
                 char *fmtp)
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

void capabilities_free(struct capabilities *c)
{
    while (c) {
        struct capabilities *next = c->next;
        free(c);
        c = next;
    }
}

static const struct capability *find_same(const struct capabilities *c, bool guesses,
                                          const struct capability *k)
{
    for (; c && (guesses || !c->guessed); c = c->next)
        for (size_t i = 0; i < c->count; i++)
            if (c->list[i].codec.payload_type == k->codec.payload_type && c->list[i].rtx == k->rtx &&
                c->list[i].codec.channels == k->codec.channels &&
                sdp_codec_matches(&c->list[i].codec, &k->codec))
                return &c->list[i];
    return NULL;
}

const struct capability *capability_same(const struct capabilities *known, const struct capability *k)
{
    return find_same(known, true, k);
}

/* Keeps the new ones only: moves them up and numbers them. Guesses do not count as known. */
static void keep_new(struct capabilities *c, const struct capabilities *known)
{
    size_t count = 0, number = 0;
    for (const struct capabilities *k = known; k; k = k->next)
        number += k->count;
    for (size_t i = 0; i < c->count && number < KNOWN_MAX; i++) {
        if (find_same(known, c->guessed, &c->list[i]))
            continue;
        c->list[count] = c->list[i];
        c->list[count++].number = (uint8_t)number++;
    }
    c->count = count;
}

static bool is_guess(const struct sdp_section *in)
{
    return in->direction != SDP_RECVONLY && in->direction != SDP_SENDRECV;
}

/* Guesses are last in the list. */
bool capabilities_learn(struct capabilities **known, const struct sdp_section *in)
{
    struct capabilities *c = capabilities_of(in), **link = known;
    if (!c)
        return false;
    c->guessed = is_guess(in);
    keep_new(c, *known);
    if (!c->count && *known) { /* the first list stays although it is empty: it shows that there is such a
                                  section */
        free(c);
        return true;
    }
    while (*link && (c->guessed || !(*link)->guessed))
        link = &(*link)->next;
    c->next = *link;
    *link = c;
    return true;
}

const struct capability *capability_first(const struct capabilities *c)
{
    while (c && !c->count)
        c = c->next;
    return c ? &c->list[0] : NULL;
}

const struct capability *capability_match(const struct capabilities *known, const struct capability *wanted)
{
    bool guesses = known && known->guessed; /* only guesses so far */
    for (const struct capabilities *c = known; c && c->guessed == guesses; c = c->next)
        for (size_t i = 0; i < c->count; i++)
            if (sdp_codec_matches(&c->list[i].codec, &wanted->codec))
                return &c->list[i];
    return NULL;
}

/* Whether all present watchers decode it. */
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
