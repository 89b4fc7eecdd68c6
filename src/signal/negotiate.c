/* Handles clients' offers and makes answers: what the client sends becomes publications. offer.c has the
 * other direction. */
#include "signal/negotiate.h"
#include "base/check.h"
#include "signal/state.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const source_names[SOURCE_COUNT] = {"microphone", "camera", "screen", "screen-audio"};

const char *negotiate_source_name(enum source source) { return source_names[source]; }

/* Who negotiates is in a room, as its publications are. */
static void check_participant(const struct participant *p)
{
    INVARIANT(p->joined && p->room);
    INVARIANT(p->sections_told <= p->section_count && p->section_count <= p->section_room);
}

/* --- sections --- */

struct section *negotiate_section(struct participant *p, enum sdp_kind kind, const char *mid)
{
    if (p->section_count == p->section_room) {
        size_t room = p->section_room ? p->section_room * 2 : 8;
        struct section *more = realloc(p->sections, room * sizeof *more);
        if (!more)
            return NULL;
        p->sections = more;
        p->section_room = room;
    }
    struct section *s = &p->sections[p->section_count++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->view.visible = true;
    memcpy(s->mid, mid, MID_SIZE);
    return s;
}

static void section_clear(struct section *s)
{
    free(s->media);
    free(s->protocol);
    free(s->format);
    free(s->rtpmap);
    capabilities_free(s->choice);
    s->choice = NULL;
    s->media = s->protocol = s->format = s->rtpmap = NULL;
}

static char *copy(struct text t) { return t.data ? strndup(t.data, t.len) : strdup(""); }

/* The rtpmap of its first format, if there is one. */
static char *first_rtpmap(const struct sdp_section *in)
{
    const struct sdp_codec *c = in->codecs;
    char *text, channels[8] = "";
    if (!in->codec_count || !c->name.len)
        return NULL;
    if (c->channels > 1)
        snprintf(channels, sizeof channels, "/%u", c->channels);
    int n = asprintf(&text, "%u %.*s/%u%s", c->payload_type, (int)c->name.len, c->name.data, c->clock_rate,
                     channels);
    return n < 0 ? NULL : text;
}

static void note_protocol(struct section *s, const struct sdp_section *in)
{
    section_clear(s);
    s->protocol = copy(in->protocol);
    s->rtcp_mux = in->rtcp_mux;
    s->rtcp_rsize = in->rtcp_rsize;
}

static void refuse(struct section *s, const struct sdp_section *in)
{
    note_protocol(s, in);
    s->refused = true;
    s->media = copy(in->media);
    s->format = copy(in->format);
    s->rtpmap = first_rtpmap(in);
}

/* The reason for the refusal; NULL: the client knows it. */
static const char *why_refused(const struct sdp_section *in)
{
    if (in->outside)
        return "it is not in the BUNDLE group, and there is only one transport";
    if ((!in->port && !in->bundle_only) || in->kind == SDP_APPLICATION)
        return NULL;
    if (in->kind == SDP_OTHER)
        return "only audio and video over RTP are supported";
    return "no supported codec: Monoport supports opus, VP8, VP9, H264 and AV1";
}

static void say_refused(struct participant *p, const struct sdp_section *in)
{
    char text[MID_SIZE + 128];
    const char *why = why_refused(in);
    if (!why)
        return;
    snprintf(text, sizeof text, "the section with mid \"%s\": %s", in->mid, why);
    say_error(p, "section-refused", text);
}

void negotiate_forget(struct participant *p)
{
    check_participant(p);
    while (p->publications)
        publication_end(p, p->publications);
    for (size_t i = 0; i < p->section_count; i++)
        section_clear(&p->sections[i]);
    free(p->sections);
    capabilities_free(p->audio);
    capabilities_free(p->video);
    p->sections = NULL;
    p->audio = p->video = NULL;
    p->section_count = p->section_room = p->sections_told = 0;
    p->offering = false;
    offer_untouch(p);
}

/* --- what an offer says of the connection --- */

/* Not stopped, and inside the one transport. */
static bool is_alive(const struct sdp_section *in) { return (in->port || in->bundle_only) && !in->outside; }

static bool client_sends(const struct sdp_section *in)
{
    return in->direction == SDP_SENDRECV || in->direction == SDP_SENDONLY;
}

static bool client_receives(const struct sdp_section *in)
{
    return in->direction == SDP_SENDRECV || in->direction == SDP_RECVONLY;
}

static bool has_known_codec(const struct sdp_section *in)
{
    for (size_t i = 0; i < in->codec_count; i++)
        if (codec_is_usable(&in->codecs[i]))
            return true;
    return false;
}

/* The section that defines the transport: in the bundle's order the first that is not refused (RFC 9143
 * 7.3.2; sections may have their own until the answer). If all are refused, the first that has one. */
static const struct sdp_section *first_usable(const struct sdp *sdp)
{
    const struct sdp_section *first = NULL;
    bool first_taken = false;
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_section *in = &sdp->sections[i];
        bool taken = has_known_codec(in);
        if (!in->ufrag.len || !in->fingerprint.len || !is_alive(in))
            continue;
        if (!first || (taken && !first_taken) || (taken == first_taken && in->place < first->place)) {
            first = in;
            first_taken = taken;
        }
    }
    return first;
}

/* NULL: good. */
static const char *transport_error(const struct sdp *sdp)
{
    const struct sdp_section *first = first_usable(sdp);
    if (!first)
        return "no section with ice-ufrag and a sha-256 (or stronger) fingerprint";
    if (first->ufrag.len > REMOTE_UFRAG_MAX || !first->password.len ||
        first->password.len > ICE_CREDENTIAL_MAX)
        return "an ice-ufrag of more than 64 characters, or no ice-pwd, or one of more than 256";
    return NULL;
}

/* NULL: good. */
static const char *connection_error(const struct participant *p, const struct sdp *sdp)
{
    const char *wrong = transport_error(sdp);
    if (wrong || p->state == SESSION_NOT_OPEN)
        return wrong;
    if (sdp->count < p->section_count)
        return "sections disappeared from the description";
    if (memcmp(&first_usable(sdp)->fingerprint, &p->fingerprint, sizeof p->fingerprint) != 0)
        return "the certificate's fingerprint changed during the session";
    return NULL;
}

static bool learn_connection(struct participant *p, const struct sdp *sdp)
{
    struct rtp_extension_ids before = p->extensions;
    p->fingerprint = first_usable(sdp)->fingerprint;
    if (p->state == SESSION_NOT_OPEN)
        p->active = first_usable(sdp)->setup == SDP_PASSIVE; /* RFC 8842 5.3: fixed for the life of the
                                                                association */
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_section *in = &sdp->sections[i];
        struct capabilities **known = in->kind == SDP_AUDIO   ? &p->audio
                                      : in->kind == SDP_VIDEO ? &p->video
                                                              : NULL;
        if (!known)
            continue;
        extensions_learn(p, in);
        if (is_alive(in) && !capabilities_learn(known, in))
            return false;
    }
    extensions_choose(p, sdp);
    if (memcmp(&before, &p->extensions, sizeof before) != 0) /* a later offer added a section of another
                                                                kind */
        session_command(p, &(struct message){.type = MESSAGE_EXTENSIONS, .extensions = p->extensions});
    return true;
}

/* --- what it says of each section --- */

static enum source source_of(const struct sdp_section *in, json_t *sources)
{
    const char *name = json_string_value(json_object_get(sources, in->mid));
    bool audio = in->kind == SDP_AUDIO;
    for (int i = 0; name && i < SOURCE_COUNT; i++)
        if (strcmp(name, source_names[i]) == 0 &&
            audio == (i == SOURCE_MICROPHONE || i == SOURCE_SCREEN_AUDIO))
            return (enum source)i;
    return audio ? SOURCE_MICROPHONE : SOURCE_CAMERA;
}

static size_t publication_count(const struct participant *p)
{
    size_t n = 0;
    for (const struct publication *pub = p->publications; pub; pub = pub->next)
        n++;
    return n;
}

static struct publication *publication_new(const struct capability *k)
{
    struct publication *pub = calloc(1, sizeof *pub + k->codec.fmtp.len);
    if (!pub)
        return NULL;
    pub->capability = *k;
    if (k->codec.fmtp.len)
        memcpy(pub->fmtp, k->codec.fmtp.data, k->codec.fmtp.len);
    pub->capability.codec.fmtp.data = pub->fmtp;
    return pub;
}

static void publication_add(struct participant *p, struct section *s, struct publication *pub)
{
    pub->track = ++p->signaling->next_track;
    pub->publisher = p;
    pub->next = p->publications;
    p->publications = pub;
    pub->room_next = p->room->publications;
    pub->room_link = &p->room->publications;
    if (pub->room_next)
        pub->room_next->room_link = &pub->room_next;
    p->room->publications = pub;
    s->publication = pub;
    publication_start(p, pub);
}

/* The answer has rids only if packets will carry them: without the extension nobody could tell the layers
 * apart. One that may not have the chosen codec is left out (RFC 8851 6.3). */
static struct source_layers layers_of(const struct section *s, const struct sdp_section *in,
                                      const struct capability *k)
{
    bool named = in->kind == SDP_VIDEO && s->extensions >> EXT_RID & 1;
    struct source_layers l = {.several = in->layered && in->kind == SDP_VIDEO};
    size_t most = !l.several ? 1 : in->sim_count ? in->sim_count : LAYERS_MAX;
    for (size_t i = 0; i < in->ssrc_count && i < most; i++) {
        l.ssrc[i] = in->ssrcs[i].ssrc;
        l.rtx_ssrc[i] = in->ssrcs[i].rtx;
    }
    for (uint8_t i = 0; named && i < in->rid_count; i++)
        if (sdp_rid_takes(&in->rids[i], k->codec.payload_type))
            snprintf(l.rids[l.rid_count++], sizeof l.rids[0], "%.*s", (int)in->rids[i].name.len,
                     in->rids[i].name.data);
    return l;
}

static bool has_rid(const struct source_layers *l, const char *rid)
{
    for (uint8_t i = 0; i < l->rid_count; i++)
        if (strcmp(l->rids[i], rid) == 0)
            return true;
    return false;
}

/* RFC 8853 5.3.4: a later offer may drop layers; here it adds none, as its first answer decided how many
 * tracks its source has. */
static void drop_layers(struct participant *p, const struct section *s, const struct sdp_section *in)
{
    struct publication *pub = s->publication;
    struct source_layers offered = layers_of(s, in, &pub->capability), *l = &pub->layers;
    uint8_t kept = 0;
    for (uint8_t i = 0; i < l->rid_count; i++)
        if (has_rid(&offered, l->rids[i]))
            memmove(l->rids[kept++], l->rids[i], sizeof l->rids[0]);
    if (kept == l->rid_count)
        return;
    l->rid_count = kept;
    l->several = offered.several && kept > 1;
    publication_change(p, pub);
}

static void publish(struct participant *p, struct section *s, const struct sdp_section *in,
                    const struct capabilities *offered, json_t *sources)
{
    const struct capability *k = capability_choose(p, offered);
    struct publication *pub = k ? publication_new(k) : NULL;
    if (!pub)
        return;
    pub->kind = in->kind;
    pub->source = source_of(in, sources);
    pub->layers = layers_of(s, in, k);
    memcpy(pub->mid, in->mid, MID_SIZE);
    publication_add(p, s, pub);
}

static const struct capability *choice_of(const struct section *s, uint8_t payload_type)
{
    for (size_t i = 0; s->choice && i < s->choice->count; i++)
        if (s->choice->list[i].codec.payload_type == payload_type)
            return &s->choice->list[i];
    return NULL;
}

static struct section *section_of(struct participant *p, uint32_t track)
{
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].publication && p->sections[i].publication->track == track)
            return &p->sections[i];
    return NULL;
}

/* For viewers the old publication ends and a new one begins: each is offered the codec that it described.
 * This costs the room as much as an offer and counts as one. */
void negotiate_turn(struct participant *p, uint32_t track, uint8_t payload_type, mp_time now)
{
    check_participant(p);
    struct section *s = section_of(p, track);
    const struct capability *k = s ? choice_of(s, payload_type) : NULL;
    struct publication *pub = k && rate_take(&p->offers, 1, CLIENT_OFFERS_PER_S, CLIENT_OFFERS_BURST, now)
                                  ? publication_new(k)
                                  : NULL;
    if (!pub)
        return;
    const struct publication *old = s->publication;
    pub->kind = old->kind;
    pub->source = old->source;
    pub->layers = old->layers;
    memcpy(pub->mid, old->mid, MID_SIZE);
    publication_end(p, s->publication);
    publication_add(p, s, pub);
}

/* The client refuses a section. The section keeps its subscription until the client recycles it; without that
 * we would offer it again and again. */
static void stop(struct participant *p, struct section *s, const struct sdp_section *in)
{
    if (s->sending)
        session_command(p, &(struct message){.type = MESSAGE_UNSUBSCRIBE, .track = s->subscription->track});
    s->sending = false;
    if (s->publication)
        publication_end(p, s->publication);
    refuse(s, in);
}

/* Whether its sections continue ours. Checked before any of them is taken: a refused offer changes nothing.
 * NULL: no error. */
static const char *sections_error(const struct participant *p, const struct sdp *sdp)
{
    for (size_t i = 0; i < p->section_count && i < sdp->count; i++) {
        const struct section *s = &p->sections[i];
        if (!s->refused && (strcmp(s->mid, sdp->sections[i].mid) != 0 || s->kind != sdp->sections[i].kind))
            return "a section changed its mid or kind";
    }
    return NULL;
}

static bool has_payload_type(const struct sdp_section *in, const struct section *s)
{
    for (size_t i = 0; i < in->codec_count; i++)
        if (in->codecs[i].payload_type == s->capability->codec.payload_type)
            return true;
    return false;
}

/* Notes the codecs for the answer to an inactive section, which we may send there later. */
static void note_codecs(struct section *s, const struct capabilities *known,
                        const struct capabilities *offered)
{
    s->common = NULL;
    s->offered = 0;
    for (size_t i = 0; i < offered->count; i++) {
        const struct capability *k = capability_same(known, &offered->list[i]);
        s->common = s->common ? s->common : k;
        s->offered |= k ? UINT64_C(1) << k->number : 0;
    }
}

/* Starts or pauses our stream in the section by the client's direction (RFC 3264 6.1). */
static void let_flow(struct participant *p, struct section *s, const struct sdp_section *in)
{
    bool flows = client_receives(in) && s->subscription && has_payload_type(in, s);
    s->direction = in->direction;
    if (flows && !s->sending)
        subscription_start(p, s);
    else if (!flows && s->sending)
        subscription_suspend(p, s);
}

/* A section that is not refused; its codecs are not empty, and may be kept. A track continues while its codec
 * is in the offer with the same payload types. */
static void take_live_section(struct participant *p, struct section *s, const struct sdp_section *in,
                              struct capabilities **all, json_t *sources)
{
    const struct capabilities *offered = *all;
    if (s->refused)
        s->subscription = NULL; /* see stop */
    bool sends = client_sends(in) && !s->subscription;
    if (s->publication && !(sends && capability_same(offered, &s->publication->capability)))
        publication_end(p, s->publication);
    note_protocol(s, in);
    s->refused = false;
    s->extensions = extensions_learn(p, in);
    s->extensions_sent = in->extensions_sent;
    note_codecs(s, in->kind == SDP_AUDIO ? p->audio : p->video, offered);
    s->ours |= in->direction == SDP_RECVONLY;
    if (s->publication)
        drop_layers(p, s, in);
    let_flow(p, s, in);
    if (sends && p->chooses) {
        s->choice = *all;
        *all = NULL;
    }
    if (!sends || s->publication)
        return;
    if (p->role == ROLE_WATCH || publication_count(p) >= p->signaling->config.limits.tracks)
        say_error(p, "forbidden",
                  p->role == ROLE_WATCH ? "a watcher cannot publish" : "too many tracks published");
    else
        publish(p, s, in, offered, sources);
}

/* Takes one section of the client's offer, in a section of ours or a new one. False: no memory. */
static bool take_section(struct participant *p, size_t i, const struct sdp_section *in, json_t *sources)
{
    struct section *s = i < p->section_count ? &p->sections[i] : negotiate_section(p, in->kind, in->mid);
    if (!s)
        return false;
    if (s->refused) {
        s->kind = in->kind; /* may be recycled (JSEP, RFC 9429 5.2.2) */
        memcpy(s->mid, in->mid, MID_SIZE);
    }
    bool alive = is_alive(in) && in->kind <= SDP_VIDEO;
    struct capabilities *offered = alive ? capabilities_of(in) : NULL;
    if (offered && offered->count) {
        take_live_section(p, s, in, &offered, sources);
    } else {
        if (!s->refused)
            say_refused(p, in);
        stop(p, s, in);
    }
    bool memory = !alive || offered != NULL || s->choice != NULL;
    capabilities_free(offered);
    return memory;
}

static void send_answer(struct participant *p)
{
    char *sdp = offer_describe(p, p->active ? SDP_ACTIVE : SDP_PASSIVE);
    if (sdp)
        say_description(p, "answer", sdp, NULL);
    free(sdp);
    p->signaling->answers++;
}

static bool text_equal(struct text t, const char *s)
{
    return t.len == strlen(s) && memcmp(t.data, s, t.len) == 0;
}

/* The client's ICE credentials. Changed ones mean an ICE restart (RFC 8839 4.4.1.1.1). */
static void learn_credentials(struct participant *p, const struct sdp *sdp, bool first, mp_time now)
{
    const struct sdp_section *in = first_usable(sdp);
    if (!first && text_equal(in->ufrag, p->remote_ufrag) && text_equal(in->password, p->remote_password))
        return;
    snprintf(p->remote_ufrag, sizeof p->remote_ufrag, "%.*s", (int)in->ufrag.len, in->ufrag.data);
    snprintf(p->remote_password, sizeof p->remote_password, "%.*s", (int)in->password.len, in->password.data);
    if (!first)
        session_restart(p, now);
}

/* Takes a checked offer. NULL: done, or the client got an error already; else the error. */
static const char *take_offer(struct participant *p, const struct sdp *sdp, json_t *sources, mp_time now)
{
    bool first = p->state == SESSION_NOT_OPEN;
    if (!learn_connection(p, sdp))
        return "out of memory";
    if (first && !session_open(p, now)) {
        say_error(p, "server-full", "this server is full: it accepts no further sessions");
        return NULL;
    }
    learn_credentials(p, sdp, first, now);
    p->bundles = sdp->bundled;
    for (size_t i = 0; i < sdp->count; i++)
        if (!take_section(p, i, &sdp->sections[i], sources))
            return "out of memory";
    p->sections_told = p->section_count;
    for (size_t i = 0; i < p->section_count; i++)
        p->sections[i].retiring = false; /* the answer tells it */
    if (p->passive)
        offer_fill(p);
    send_answer(p);
    if (!p->candidates_said)
        say_candidates(p);
    p->candidates_said = true;
    offer_touch(p);
    return NULL;
}

void negotiate_offer(struct participant *p, const char *text, size_t len, json_t *sources, mp_time now)
{
    enum sdp_error error;
    check_participant(p);
    if (!rate_take(&p->offers, 1, CLIENT_OFFERS_PER_S, CLIENT_OFFERS_BURST, now)) {
        say_too_much(p);
        return;
    }
    if (p->offering) {
        say_error(p, "glare", "the server's own offer is unanswered: answer it, then offer again");
        return;
    }
    struct sdp *sdp = sdp_parse(text, len, &error);
    const char *wrong = sdp ? connection_error(p, sdp) : sdp_error_text(error);
    INVARIANT(sdp || wrong);
    if (!wrong)
        wrong = sections_error(p, sdp);
    if (!wrong)
        wrong = take_offer(p, sdp, sources, now);
    if (wrong)
        say_error(p, "bad-sdp", wrong);
    sdp_free(sdp);
}

/* --- an offer of which a session is to come, by itself --- */

static enum offer_fault first_fault(const struct sdp *sdp, bool watches, const char **why)
{
    bool directed = false;
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_section *in = &sdp->sections[i];
        if (watches ? !client_receives(in) : !client_sends(in))
            continue;
        if (is_alive(in) && has_known_codec(in))
            return OFFER_GOOD;
        directed = true;
        *why = why_refused(in) ? why_refused(in) : "it has no section of audio or video";
    }
    if (directed)
        return OFFER_NOT_ACCEPTABLE;
    *why = watches ? "nothing in it is received: a player's sections are recvonly"
                   : "nothing in it is sent: a publisher's sections are sendonly (RFC 9725 4.2)";
    return OFFER_NOT_POSSIBLE;
}

enum offer_fault negotiate_look(const char *text, size_t len, bool watches, const char **why)
{
    enum sdp_error error;
    enum offer_fault fault = OFFER_UNREADABLE;
    struct sdp *sdp = sdp_parse(text, len, &error);
    if (!sdp || !sdp->count)
        *why = sdp ? "it has no sections" : sdp_error_text(error);
    else if ((*why = transport_error(sdp)))
        fault = OFFER_NOT_POSSIBLE;
    else
        fault = first_fault(sdp, watches, why);
    sdp_free(sdp);
    return fault;
}

/* --- answers to our offers --- */

void negotiate_answer(struct participant *p, const char *text, size_t len, mp_time now)
{
    enum sdp_error error;
    check_participant(p);
    if (!p->offering) {
        say_error(p, "unexpected-answer", "there is no offer to answer");
        return;
    }
    struct sdp *sdp = sdp_parse(text, len, &error);
    const char *wrong = !sdp                             ? sdp_error_text(error)
                        : sdp->count != p->section_count ? "the answer has not the offer's sections"
                                                         : NULL;
    INVARIANT(sdp || wrong);
    if (wrong) {
        say_error(p, "bad-sdp", wrong);
        sdp_free(sdp);
        return;
    }
    p->offering = false;
    for (size_t i = 0; i < p->section_count; i++) {
        struct section *s = &p->sections[i];
        if (s->retiring_told)
            s->retiring = s->retiring_told = false;
        const struct sdp_section *in = &sdp->sections[i];
        if (s->publication && !client_sends(in)) /* the client will not offer it again: the publication
                                                    ends here */
            publication_end(p, s->publication);
        if (s->ours)
            s->extensions = extensions_accepted(p, in);
        if (!in->port || in->outside)
            stop(p, s, in);
        else
            let_flow(p, s, in);
    }
    sdp_free(sdp);
    offer_touch(p); /* offer what changed meanwhile */
}
