/* Our descriptions, and our offers when a participant's subscriptions have changed. */
#include "signal/negotiate.h"
#include "signal/state.h"
#include <stdio.h>
#include <stdlib.h>

/* --- descriptions --- */

struct local { /* data that a description points to while it is written */
    struct sdp_local_section *sections;
    struct sdp_local_codec *codecs; /* of all sections, concatenated */
    char (*tracks)[16];
};

/* Viewers are asked for transport feedback too: they send it at short intervals, so the server soon notices a
 * viewer whose NAT changed its address. */
static void describe_codec(struct sdp_local_codec *out, const struct capability *k)
{
    bool video = codec_is_video(k->codec.codec);
    *out = (struct sdp_local_codec){.payload_type = k->codec.payload_type,
                                    .rtx_payload_type = k->rtx,
                                    .name = codec_name(k->codec.codec),
                                    .clock_rate = k->codec.clock_rate,
                                    .channels = k->codec.channels,
                                    .fmtp = k->codec.fmtp,
                                    .nack = video && k->codec.nack,
                                    .pli = video && k->codec.pli,
                                    .fir = video && k->codec.fir,
                                    .transport_cc = k->codec.transport_cc};
}

static struct text text_of(const char *s) { return (struct text){s, s ? strlen(s) : 0}; }

static void describe_publication(struct sdp_local_section *out, const struct publication *pub)
{
    out->direction = SDP_RECVONLY;
    out->rid_count = pub->layers.rid_count;
    for (uint8_t i = 0; i < out->rid_count; i++)
        out->rids[i] = text_of(pub->layers.rids[i]);
}

static void describe_subscription(struct sdp_local_section *out, const struct section *s, char track[16])
{
    const struct publication *pub = s->subscription;
    snprintf(track, 16, "t%u", pub->track);
    out->direction = SDP_SENDONLY;
    out->stream_id = pub->publisher->streams[pub->source >= SOURCE_SCREEN];
    out->track_id = track;
    out->cname = pub->publisher->streams[0];
    out->ssrc = s->ssrc;
    out->rtx_ssrc = s->capability->rtx ? s->rtx_ssrc : 0;
}

static bool says_one(struct text fmtp, const char *name)
{
    struct text value;
    return sdp_fmtp(fmtp, name, &value) && value.len == 1 && *value.data == '1';
}

/* RFC 7587 7.1: `stereo` is what the writer prefers to receive, `sprop-stereo` what it is likely to send. We
 * prefer what the publisher sends, and pass on its `sprop-stereo`. */
static const char *stereo_of(const struct section *s, bool sends, struct text fmtp)
{
    if (s->publication)
        return says_one(fmtp, "stereo") || says_one(fmtp, "sprop-stereo") ? "stereo=1" : "";
    return sends && says_one(s->subscription->capability.codec.fmtp, "sprop-stereo") ? "sprop-stereo=1" : "";
}

static bool receives(enum sdp_direction client) { return client == SDP_RECVONLY || client == SDP_SENDRECV; }

/* An answer only has directions and codecs that the client's offer allows (RFC 3264 6.1); an offer has what
 * we want. */
static void describe_section(const struct participant *p, const struct section *s, bool answer,
                             struct sdp_local_section *out, struct sdp_local_codec *codecs, char track[16])
{
    const struct capabilities *known = s->kind == SDP_AUDIO ? p->audio : p->video;
    bool sends = s->subscription && (!answer || s->sending);
    const struct capability *k = s->publication ? &s->publication->capability
                                 : sends        ? s->capability
                                 : s->common    ? s->common
                                                : capability_first(known);
    *out =
        (struct sdp_local_section){.kind = s->kind, .refused = s->refused || !k, .direction = SDP_INACTIVE};
    memcpy(out->mid, s->mid, MID_SIZE);
    out->protocol = text_of(s->protocol);
    out->rtcp_mux = !answer || s->rtcp_mux; /* our offers ask for both */
    out->rtcp_rsize = !answer || s->rtcp_rsize;
    if (out->refused) {
        out->media = text_of(s->media);
        out->format = text_of(s->format);
        out->rtpmap = text_of(s->rtpmap);
        return;
    }
    describe_codec(codecs, k);
    /* No browser offers NACK for sound, all send them when asked to. */
    codecs->nack |= sends && s->kind == SDP_AUDIO && (!answer || k->codec.nack);
    if (k->codec.codec == CODEC_OPUS)
        codecs->stereo = stereo_of(s, sends, k->codec.fmtp);
    out->codecs = codecs;
    out->codec_count = 1;
    for (size_t i = 0; s->publication && s->choice && i < s->choice->count; i++)
        if (s->choice->list[i].codec.payload_type != k->codec.payload_type)
            describe_codec(&codecs[out->codec_count++], &s->choice->list[i]);
    out->extensions = answer ? extensions_of_answer(p, s) : extensions_of_offer(p, s);
    out->extensions_received = s->extensions_sent;
    if (s->publication)
        describe_publication(out, s->publication);
    else if (sends)
        describe_subscription(out, s, track);
}

/* An upper bound. */
static size_t codecs_described(const struct participant *p)
{
    size_t n = p->section_count;
    for (size_t i = 0; i < p->section_count; i++)
        n += p->sections[i].choice ? p->sections[i].choice->count : 0;
    return n;
}

char *offer_describe(struct participant *p, enum sdp_setup setup)
{
    struct address addresses[CANDIDATES_MAX];
    size_t n = p->section_count;
    struct local l = {calloc(n, sizeof *l.sections), calloc(codecs_described(p), sizeof *l.codecs),
                      calloc(n, sizeof *l.tracks)};
    struct sdp_local_codec *codecs = l.codecs;
    struct sdp_writer w = {0};
    struct sdp_local local = {
        .session_id = p->sdp_session,
        .version = ++p->sdp_version,
        .ufrag = p->credentials.ufrag,
        .password = p->credentials.password,
        .setup = setup,
        .no_bundle = setup != SDP_ACTPASS && !p->bundles,
        .addresses = addresses,
        .address_count = candidates_for(&p->signaling->config, &p->local, p->host, addresses),
    };
    memcpy(local.fingerprint, p->signaling->config.fingerprint, sizeof local.fingerprint);
    if (l.sections && l.codecs && l.tracks) {
        for (size_t i = 0; i < n; i++) {
            describe_section(p, &p->sections[i], setup != SDP_ACTPASS, &l.sections[i], codecs, l.tracks[i]);
            codecs += l.sections[i].codec_count;
        }
        sdp_write_session(&w, &local, l.sections, n);
    }
    free(l.sections);
    free(l.codecs);
    free(l.tracks);
    if (w.failed) {
        free(w.data);
        return NULL;
    }
    return w.data;
}

/* --- offers --- */

/* The owner of each stream of the offer: [{"id", "participant", "sources"}]. */
static json_t *streams_of(const struct participant *p)
{
    json_t *list = json_array();
    const char *ids[SDP_SECTIONS_MAX]; /* ids of the list's entries: each stream has one place in memory */
    size_t count = 0;
    for (size_t i = 0; i < p->section_count; i++) {
        const struct publication *pub = p->sections[i].subscription;
        size_t k = 0;
        if (!pub || p->sections[i].refused)
            continue;
        const char *id = pub->publisher->streams[pub->source >= SOURCE_SCREEN];
        while (k < count && ids[k] != id)
            k++;
        if (k == count) {
            ids[count++] = id;
            json_array_append_new(
                list, json_pack("{s:s, s:s, s:[]}", "id", id, "participant", pub->publisher->id, "sources"));
        }
        json_array_append_new(json_object_get(json_array_get(list, k), "sources"),
                              json_string(negotiate_source_name(pub->source)));
    }
    return list;
}

static bool is_free(const struct section *s, enum sdp_kind kind)
{
    return s->ours && s->kind == kind && !s->refused && !s->publication && !s->subscription && !s->retiring;
}

static bool has_mid(const struct participant *p, const char *mid)
{
    for (size_t i = 0; i < p->section_count; i++)
        if (strcmp(p->sections[i].mid, mid) == 0)
            return true;
    return false;
}

/* A client may use such a mid itself. */
static struct section *new_section(struct participant *p, enum sdp_kind kind)
{
    char mid[MID_SIZE] = {0};
    size_t n = p->section_count;
    if (p->section_count == SDP_SECTIONS_MAX)
        return NULL;
    do
        snprintf(mid, sizeof mid, "s%zu", n++);
    while (has_mid(p, mid));
    struct section *s = negotiate_section(p, kind, mid);
    if (s)
        s->ours = true;
    return s;
}

/* A section to send this codec in, if possible one that the client offered with it. *full: no section of its
 * kind is left. */
static struct section *free_section(struct participant *p, enum sdp_kind kind, const struct capability *k,
                                    bool *full)
{
    struct section *other = NULL;
    for (size_t i = 0; i < p->section_count; i++) {
        struct section *s = &p->sections[i];
        if (!is_free(s, kind))
            continue;
        if (!s->offered || s->offered >> k->number & 1)
            return s;
        other = s;
    }
    if (!p->passive && !other)
        other = new_section(p, kind);
    *full = !other;
    return p->passive ? NULL : other;
}

/* From a random start in steps of an odd number: under one session's key no SSRC repeats, as a random one
 * could. */
static uint32_t new_ssrc(struct participant *p)
{
    struct signaling *s = p->signaling;
    if (!p->ssrc_last)
        s->io.random(s->io.context, (uint8_t *)&p->ssrc_last, sizeof p->ssrc_last);
    do
        p->ssrc_last += 0x9e3779b1u;
    while (!p->ssrc_last);
    return p->ssrc_last;
}

void offer_new_ssrcs(struct participant *p, struct section *s)
{
    s->ssrc = new_ssrc(p);
    s->rtx_ssrc = new_ssrc(p);
}

/* Tells a participant once that it cannot decode a track, as soon as its codecs are known. */
static void judge(struct participant *p, const struct publication *pub, const struct capabilities *known)
{
    if (known && !known->guessed && pub->announced > p->judged[pub->kind])
        say_unsupported(p, pub);
}

/* All present announcements were judged. */
static void judged(struct participant *p)
{
    if (p->audio && !p->audio->guessed)
        p->judged[SDP_AUDIO] = p->signaling->announced;
    if (p->video && !p->video->guessed)
        p->judged[SDP_VIDEO] = p->signaling->announced;
}

/* Gives the publication a section if the participant decodes it. *full: no section of its kind is left. */
static bool add_subscription(struct participant *p, struct publication *pub, bool *full)
{
    const struct capabilities *known = pub->kind == SDP_AUDIO ? p->audio : p->video;
    const struct capability *k = capability_match(known, &pub->capability);
    if (!k)
        judge(p, pub, known);
    struct section *s = k ? free_section(p, pub->kind, k, full) : NULL;
    if (!s || (p->passive && p->candidates_said && s->capability != k)) /* the answer had another codec, or
                                                                           none */
        return false;
    s->subscription = pub;
    s->capability = k;
    s->sending = false;
    offer_new_ssrcs(p, s);
    return true;
}

/* In a large room this runs for each participant at every join: sections that send already are marked, not
 * searched. */
static bool assign(struct participant *p)
{
    bool changed = false, full[] = {[SDP_AUDIO] = false, [SDP_VIDEO] = false};
    uint32_t mark = ++p->signaling->next_mark;
    if (p->role == ROLE_STREAM)
        return false;
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].subscription)
            p->sections[i].subscription->mark = mark;
    for (struct publication *pub = p->room->publications; pub; pub = pub->room_next)
        if (pub->publisher != p && pub->announced && pub->mark != mark && !full[pub->kind] &&
            !(p->passive && pub->publisher->vanished))
            changed |= add_subscription(p, pub, &full[pub->kind]);
    judged(p);
    return changed;
}

static void send_offer(struct participant *p)
{
    char *sdp = offer_describe(p, SDP_ACTPASS);
    if (sdp && say_description(p, "offer", sdp, streams_of(p))) {
        p->sections_told = p->section_count;
        p->offering = true;
        p->unoffered = false;
        p->signaling->offers++;
        rate_spend(&p->room->offers_budget, (double)strlen(sdp));
    } else { /* the client's next offer would lack the new sections; reused old ones wait for our next
                offer */
        p->section_count = p->sections_told;
    }
    free(sdp);
}

static void offer(struct participant *p)
{
    bool changed = assign(p);
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].retiring)
            changed = p->sections[i].retiring_told = true;
    p->unoffered |= changed;
    if (p->unoffered)
        send_offer(p);
}

/* Another publication that could use the section. */
static bool replaceable(const struct participant *p, const struct section *s)
{
    const struct capabilities *known = s->kind == SDP_AUDIO ? p->audio : p->video;
    for (const struct publication *pub = p->room->publications; pub; pub = pub->room_next)
        if (pub->publisher != p && pub->announced && !pub->publisher->vanished && pub->kind == s->kind &&
            capability_match(known, &pub->capability) == s->capability)
            return true;
    return false;
}

void offer_fill(struct participant *p)
{
    for (size_t i = 0; i < p->section_count; i++) {
        struct section *s = &p->sections[i];
        if (s->subscription && s->subscription->publisher->vanished && replaceable(p, s))
            subscription_end(p, s);
    }
    for (size_t i = 0; i < p->section_count; i++)
        p->sections[i].retiring = false; /* no client is told */
    assign(p);
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].subscription && !p->sections[i].sending && receives(p->sections[i].direction))
            subscription_start(p, &p->sections[i]);
}

void offer_resumed(struct participant *p)
{
    if (p->offering)
        send_offer(p);
    else
        offer_touch(p);
}

void offer_touch(struct participant *p)
{
    if (p->dirty)
        return;
    p->dirty = true;
    TAILQ_INSERT_TAIL(&p->room->dirty, p, dirty_next);
    turn_wanted(p->signaling, p->room);
}

void offer_touch_room(struct room *room)
{
    for (struct participant *p = room->participants; p; p = p->next)
        offer_touch(p);
}

void offer_untouch(struct participant *p)
{
    if (p->dirty)
        TAILQ_REMOVE(&p->room->dirty, p, dirty_next);
    p->dirty = false;
}

/* The offer has all changes since its last one; nothing is told in between. */
bool offer_next(struct room *room, mp_time now)
{
    struct participant *p = TAILQ_FIRST(&room->dirty);
    if (!p || !rate_take(&room->offers_budget, 0, ROOM_OFFERS_PER_S, ROOM_OFFERS_BURST, now))
        return false;
    offer_untouch(p);
    bool open = !p->closing && p->socket && p->state != SESSION_NOT_OPEN;
    if (open && p->passive)
        offer_fill(p);
    else if (open && !p->offering)
        offer(p);
    return true;
}
