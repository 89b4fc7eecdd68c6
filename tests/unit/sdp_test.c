#include "proto/sdp/sdp.h"
#include "base/path.h"
#include "tests/unit/test.h"
#include <stdlib.h>
#include <time.h>

static char *read_golden(const char *name, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/%s.sdp", SOURCE_ROOT, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = malloc(1 << 16);
    *len = fread(text, 1, 1 << 16, f);
    fclose(f);
    return text;
}

static bool text_equals(struct text t, const char *s)
{
    return t.len == strlen(s) && memcmp(t.data, s, t.len) == 0;
}

static const struct sdp_codec *codec_with(const struct sdp_section *s, unsigned payload_type)
{
    for (size_t i = 0; i < s->codec_count; i++)
        if (s->codecs[i].payload_type == payload_type)
            return &s->codecs[i];
    return NULL;
}

static enum sdp_error error_of(const char *text)
{
    enum sdp_error e = SDP_OK;
    sdp_free(sdp_parse(text, strlen(text), &e));
    return e;
}

#define HEAD    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define AUDIO   "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
#define SESSION HEAD AUDIO

static const char *const golden[] = {
    "chromium-call",      "chromium-original", "chromium-stream", "chromium-watch", "chromium-gathered",
    "chromium-h264",      "chromium-vp9",      "chromium-av1",    "firefox-call",   "firefox-original",
    "firefox-stream",     "firefox-watch",     "firefox-vp9",     "firefox-av1",    "firefox-gathered",
    "chromium-simulcast", "firefox-simulcast", "safari-simulcast"};

static void line_may_have_no_value(void)
{
    static const char text[] = HEAD "i=\r\n" AUDIO;
    enum sdp_error e = SDP_OK;
    struct sdp *sdp = sdp_parse(text, sizeof text - 1, &e);
    CHECK(sdp && sdp->count == 1);
    sdp_free(sdp);
}

static void golden_offers_are_understood(void)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        size_t len = 0;
        enum sdp_error e;
        char *text = read_golden(golden[i], &len);
        CHECK(text != NULL);
        struct sdp *sdp = text ? sdp_parse(text, len, &e) : NULL;
        CHECK(sdp != NULL);
        if (sdp) {
            CHECK(sdp->bundled && sdp->trickle && !sdp->ice_lite);
            CHECK_EQ(sdp->count, strstr(golden[i], "original") ? 3 : 2);
            CHECK_EQ(sdp->sections[0].kind, SDP_AUDIO);
            CHECK_EQ(sdp->sections[1].kind, SDP_VIDEO);
            for (size_t k = 0; k < sdp->count; k++) {
                const struct sdp_section *s = &sdp->sections[k];
                CHECK(s->mid[0] == '0' + (char)k && s->mid[1] == 0);
                CHECK(s->ufrag.len >= 4 && s->password.len >= 22 && s->fingerprint.len == 32);
                CHECK(s->setup == SDP_ACTPASS);
                CHECK(s->kind == SDP_APPLICATION || (s->rtcp_mux && s->extensions.id[EXT_MID]));
            }
        }
        sdp_free(sdp);
        free(text);
    }
}

static void chromium_video_is_read_in_full(void)
{
    size_t len = 0;
    enum sdp_error e;
    char *text = read_golden("chromium-call", &len);
    struct sdp *sdp = sdp_parse(text, len, &e);
    const struct sdp_section *a = &sdp->sections[0], *v = &sdp->sections[1];
    const struct sdp_codec *opus = codec_with(a, 111), *vp8 = codec_with(v, 96), *rtx = codec_with(v, 97);
    CHECK(opus && opus->codec == CODEC_OPUS && opus->clock_rate == 48000 && opus->channels == 2 &&
          opus->transport_cc && !opus->nack && text_equals(opus->fmtp, "minptime=10;useinbandfec=1"));
    CHECK(codec_with(a, 9) && codec_with(a, 9)->codec == CODEC_NONE);
    CHECK(vp8 && vp8->codec == CODEC_VP8 && vp8->nack && vp8->pli && vp8->fir && vp8->transport_cc &&
          vp8->remb);
    CHECK(rtx && rtx->rtx && rtx->apt == 96 && rtx->codec == CODEC_NONE);
    CHECK_EQ(v->codecs[0].payload_type, 96);
    CHECK_EQ(v->extensions.id[EXT_ABS_SEND_TIME], 2);
    CHECK_EQ(v->extensions.id[EXT_TRANSPORT_CC], 3);
    CHECK_EQ(a->extensions.id[EXT_AUDIO_LEVEL], 1);
    CHECK_EQ(a->ssrc_count, 1);
    CHECK_EQ(v->ssrc_count, 1);
    CHECK_EQ(v->ssrcs[0].ssrc, 1686103457);
    CHECK_EQ(v->ssrcs[0].rtx, 2863332578);
    CHECK(text_equals(v->stream_id, "08b0dc0d-ee00-4a71-9062-917d257d29f2"));
    CHECK(text_equals(v->track_id, "d29624da-aa08-4226-a4bc-b58ddb1a896b"));
    CHECK(text_equals(v->ufrag, "eyIT") && v->rtcp_rsize && v->direction == SDP_SENDRECV);
    CHECK_EQ(v->fingerprint.value[31], 0x3d);
    sdp_free(sdp);
    free(text);
}

static void firefox_attributes_come_in_any_order(void)
{
    size_t len = 0;
    enum sdp_error e;
    char *text = read_golden("firefox-simulcast", &len);
    struct sdp *sdp = sdp_parse(text, len, &e);
    const struct sdp_section *v = &sdp->sections[1];
    const struct sdp_codec *vp8 = codec_with(v, 120), *rtx = codec_with(v, 124);
    CHECK(v->bundle_only && v->port == 0 && v->direction == SDP_SENDONLY);
    CHECK(vp8 && vp8->codec == CODEC_VP8 && text_equals(vp8->fmtp, "max-fs=12288;max-fr=60"));
    CHECK(rtx && rtx->rtx && rtx->apt == 120);
    CHECK_EQ(v->ssrc_count, 3);
    CHECK_EQ(v->ssrcs[1].ssrc, 2660777977);
    CHECK_EQ(v->ssrcs[1].rtx, 3903229390);
    CHECK_EQ(v->fingerprint.value[0], 0xda); /* the session's */
    sdp_free(sdp);
    free(text);
    text = read_golden("chromium-gathered", &len);
    sdp = sdp_parse(text, len, &e);
    CHECK(sdp && sdp->sections[0].port != 0);
    sdp_free(sdp);
    free(text);
}

/* In a buffer of exact size, so that a sanitizer sees reads past its end. */
static void every_prefix_parses_or_fails_cleanly(void)
{
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        size_t len = 0, parsed = 0;
        char *text = read_golden(golden[i], &len);
        for (size_t n = 0; n <= len; n++) {
            char *prefix = malloc(n ? n : 1);
            enum sdp_error e = SDP_OK;
            memcpy(prefix, text, n);
            struct sdp *sdp = sdp_parse(prefix, n, &e);
            CHECK((sdp == NULL) == (e != SDP_OK));
            parsed += sdp != NULL;
            sdp_free(sdp);
            free(prefix);
        }
        CHECK(parsed > 100 && parsed < len);
        free(text);
    }
}

static void every_changed_byte_parses_or_fails_cleanly(void)
{
    size_t len = 0;
    char *text = read_golden("firefox-original", &len), *copy = malloc(len);
    static const char bytes[] = {0, '\n', ' ', ':', '0', '9', '/', '*', '\xff'};
    for (size_t i = 0; i < len * sizeof bytes; i++) {
        enum sdp_error e;
        memcpy(copy, text, len);
        copy[i / sizeof bytes] = bytes[i % sizeof bytes];
        struct sdp *sdp = sdp_parse(copy, len, &e);
        CHECK((sdp == NULL) == (e != SDP_OK));
        sdp_free(sdp);
    }
    free(copy);
    free(text);
}

static char *repeat(const char *head, const char *line, size_t times, size_t *len)
{
    size_t h = strlen(head), n = strlen(line);
    char *text = malloc(h + n * times + 1);
    memcpy(text, head, h);
    for (size_t i = 0; i < times; i++)
        memcpy(text + h + i * n, line, n);
    *len = h + n * times;
    text[*len] = 0;
    return text;
}

/* RFC 8866 9: a byte-string has no NUL, CR or LF; we take no control character but the tab. */
static void control_characters_are_refused_and_others_are_not(void)
{
    for (unsigned c = 1; c < 256; c++) {
        char text[256];
        snprintf(text, sizeof text, SESSION "a=x:1%c2\r\n", (int)c);
        bool control = (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
        CHECK_EQ(error_of(text) == SDP_SYNTAX, control || c == '\n'); /* "2" alone is no line */
    }
}

static void a_line_may_have_4096_bytes(void)
{
    char text[5000];
    for (int len = 4094; len < 4099; len++) {
        snprintf(text, sizeof text, SESSION "a=%0*d\r\n", len - 2, 0);
        CHECK_EQ(error_of(text), len <= 4096 ? SDP_OK : SDP_TOO_MANY);
    }
}

static enum sdp_error error_of_repeated(const char *head, const char *line, size_t times)
{
    size_t len;
    char *text = repeat(head, line, times, &len);
    enum sdp_error e = SDP_OK;
    sdp_free(sdp_parse(text, len, &e));
    free(text);
    return e;
}

static void too_much_of_anything_is_refused(void)
{
    CHECK_EQ(error_of_repeated(HEAD, AUDIO, 1000), SDP_TOO_MANY);
    CHECK_EQ(error_of_repeated(HEAD, AUDIO, 100000), SDP_TOO_MANY);
    CHECK_EQ(error_of_repeated(HEAD "a=x:", "yyyyyyyyyyyyyyyy", 256), SDP_TOO_MANY);
    CHECK_EQ(error_of_repeated(HEAD "a=x:", "y", 4000), SDP_OK);
}

/* Seventeen a=ssrc lines are no reason to refuse an offer (RFC 5576 knows no bound): the server learns the
 * other SSRCs from the packets. */
static void what_there_is_no_room_for_is_left_out(void)
{
    static char text[65536];
    enum sdp_error e;
    size_t n = (size_t)snprintf(text, sizeof text, "%sm=audio 9 UDP/TLS/RTP/SAVPF", HEAD);
    for (int i = 0; i < 128; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %d", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "\r\na=rtpmap:127 opus/48000/2\r\n");
    for (int i = 1; i <= 3 * SDP_SSRCS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "a=ssrc-group:FID %d %d\r\n", i, i + 1000);
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "a=ssrc:%d cname:x\r\n", 3000 + i);
    struct sdp *sdp = sdp_parse(text, n, &e);
    CHECK(sdp != NULL);
    if (sdp) {
        const struct sdp_section *s = &sdp->sections[0];
        CHECK(s->codec_count == SDP_CODECS_MAX && s->codecs[63].payload_type == 63);
        CHECK(s->ssrc_count == SDP_SSRCS_MAX && s->ssrcs[15].ssrc == 16 && s->ssrcs[15].rtx == 1016);
    }
    sdp_free(sdp);
}

/* Lines of every kind by the ten thousand: the parser may not search the earlier lines for an attribute. */
static void cost_is_linear(void)
{
    static const char *const lines[] = {
        "a=rtcp-fb:111 nack\r\n", "a=rtcp-fb:* nack\r\n", "a=ssrc:7 cname:x\r\n",
        "a=extmap:1 urn:x\r\n",   "a=candidate:1\r\n",    "a=group:BUNDLE a b\r\n",
        "a=fmtp:111 x=y\r\n",     "a=msid:a b\r\n",       "a\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        clock_t start = clock();
        CHECK_EQ(error_of_repeated(SESSION, lines[i], 10000), i == 8 ? SDP_SYNTAX : SDP_OK);
        CHECK(clock() - start < CLOCKS_PER_SEC);
    }
}

static void what_is_no_description_is_refused(void)
{
    static const char *const bad[] = {
        "",
        "v=1\r\n",
        "hello",
        "v=0\r\nnonsense\r\n",
        HEAD "m=audio\r\n",
        HEAD "m=audio 9\r\n",
        HEAD "m=audio 9 UDP/TLS/RTP/SAVPF\r\n",
        HEAD "m=audio x UDP/TLS/RTP/SAVPF 1\r\n",
        HEAD "m=audio 65536 UDP/TLS/RTP/SAVPF 1\r\n",
        SESSION "a=fmtp:111 x\ra=ssrc:1\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (error_of(bad[i]) != SDP_SYNTAX)
            printf("# %s\n", bad[i]);
        CHECK_EQ(error_of(bad[i]), SDP_SYNTAX);
    }
    enum sdp_error e;
    static const char nul[] = SESSION "a=x:\0y\r\n";
    CHECK(!sdp_parse(nul, sizeof nul - 1, &e) && e == SDP_SYNTAX);
    CHECK(!sdp_parse(NULL, 0, &e) && e == SDP_SYNTAX);
}

#define KNOWN                                                                                                \
    HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111 128 x 111 112\r\na=mid:m\r\na=rtpmap:111 opus/48000/2\r\n"         \
         "a=ice-ufrag:good\r\n"                                                                              \
         "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=ssrc:7 cname:x\r\n" SHA256
#define X8     "01:02:03:04:05:06:07:ff"
#define SHA256 "a=fingerprint:SHA-256 " X8 ":" X8 ":" X8 ":" X8 "\r\n"
#define SHA384 "a=fingerprint:sha-384 " X8 ":" X8 ":" X8 ":" X8 ":" X8 ":" X8 "\r\n"
#define SHA512 "a=fingerprint:sha-512 " X8 ":" X8 ":" X8 ":" X8 ":" X8 ":" X8 ":" X8 ":" X8 "\r\n"

/* RFC 8866 5: "any attribute that is not understood is ignored". */
static void a_line_that_lies_is_left_out_alone(void)
{
    static const char *const lines[] = {"a=rtpmap:128 opus/48000/2",
                                        "a=rtpmap:111 opus",
                                        "a=rtpmap:111 VP8/4294967296",
                                        "a=rtpmap:111 VP8/90000/256",
                                        "a=rtpmap:",
                                        "a=fmtp:999 x",
                                        "a=extmap:0 urn:x",
                                        "a=extmap:256 urn:x",
                                        "a=extmap:1",
                                        "a=ssrc:0 cname:x",
                                        "a=ssrc-group:FID 7 0",
                                        "a=ssrc:4294967296 cname:x",
                                        "a=ssrc-group:FID 7",
                                        "a=ssrc-group:FID 7 7",
                                        "a=mid:",
                                        "a=ice-ufrag:",
                                        "a=fingerprint:sha-512 00:11",
                                        "a=fingerprint:sha-256 0G:D8",
                                        "a=candidate:1 1 quic nowhere",
                                        "a=rtcp-fb:x nack",
                                        "a=extmap:4 urn:ietf:params:rtp-hdrext:ssrc-audio-level"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[2048];
        enum sdp_error e;
        snprintf(text, sizeof text, "%s%s\r\n", KNOWN, lines[i]);
        struct sdp *sdp = sdp_parse(text, strlen(text), &e);
        const struct sdp_section *s = sdp ? sdp->sections : NULL;
        if (!s || s->ssrc_count != 1 || s->codecs[0].codec != CODEC_OPUS)
            printf("# %s\n", lines[i]);
        CHECK(s && s->codec_count == 2 && s->codecs[0].codec == CODEC_OPUS && s->codecs[0].channels == 2);
        CHECK(s && text_equals(s->ufrag, "good") && strcmp(s->mid, "m") == 0 && s->fingerprint.len == 32);
        CHECK(s && s->ssrc_count == 1 && s->ssrcs[0].rtx == 0 && s->extensions.id[EXT_MID] == 4 &&
              s->extensions.id[EXT_AUDIO_LEVEL] == 0);
        sdp_free(sdp);
    }
}

/* RFC 7587 7, RFC 7741 6.1: one clock each. The parser once accepted Opus with another rate, which then
 * matched no client. */
static void a_codec_by_a_strange_clock_is_unknown(void)
{
    static const struct {
        const char *rtpmap;
        enum codec codec;
    } cases[] = {{"opus/48000/2", CODEC_OPUS}, {"OPUS/48000", CODEC_OPUS}, {"opus/16000/2", CODEC_NONE},
                 {"VP8/90000", CODEC_VP8},     {"VP8/48000", CODEC_NONE},  {"H264/1000", CODEC_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        enum sdp_error e;
        snprintf(text, sizeof text, "%sa=rtpmap:111 %s\r\n", SESSION, cases[i].rtpmap);
        struct sdp *sdp = sdp_parse(text, strlen(text), &e);
        CHECK(sdp != NULL);
        if (sdp)
            CHECK_EQ(sdp->sections[0].codecs[0].codec, cases[i].codec);
        sdp_free(sdp);
    }
}

/* Every Pion writes "a=rtcp-fb:96 nack " (RFC 4585 4.2: the type, and a parameter behind a blank only if
 * there is one). */
static void blanks_at_the_end_of_a_line_mean_nothing(void)
{
    size_t len = 0, n = 0;
    enum sdp_error e, spaced_error;
    char *text = read_golden("chromium-call", &len), *spaced = malloc(3 * len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r')
            spaced[n++] = ' ', spaced[n++] = '\t';
        spaced[n++] = text[i];
    }
    struct sdp *a = sdp_parse(text, len, &e), *b = sdp_parse(spaced, n, &spaced_error);
    CHECK(a && b && a->count == b->count && a->bundled == b->bundled && a->trickle == b->trickle);
    for (size_t i = 0; a && b && i < a->count; i++) {
        const struct sdp_section *x = &a->sections[i], *y = &b->sections[i];
        CHECK(strcmp(x->mid, y->mid) == 0 && x->direction == y->direction && x->setup == y->setup);
        CHECK(x->ufrag.len == y->ufrag.len && x->password.len == y->password.len);
        CHECK(memcmp(&x->fingerprint, &y->fingerprint, sizeof x->fingerprint) == 0);
        CHECK(memcmp(&x->extensions, &y->extensions, sizeof x->extensions) == 0);
        CHECK(x->codec_count == y->codec_count && x->ssrc_count == y->ssrc_count);
        for (size_t k = 0; k < x->codec_count; k++) {
            const struct sdp_codec *c = &x->codecs[k], *d = &y->codecs[k];
            CHECK(c->codec == d->codec && c->rtx == d->rtx && c->apt == d->apt && c->fmtp.len == d->fmtp.len);
            CHECK(c->nack == d->nack && c->pli == d->pli && c->fir == d->fir && c->remb == d->remb &&
                  c->transport_cc == d->transport_cc);
        }
    }
    sdp_free(a);
    sdp_free(b);
    free(text);
    free(spaced);
}

#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"

static void sections_need_mids(void)
{
    CHECK_EQ(error_of(SESSION), SDP_OK);
    CHECK_EQ(error_of(HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" VIDEO "a=mid:1\r\n"), SDP_OK);
    CHECK_EQ(error_of(HEAD "a=group:BUNDLE 0\r\n" AUDIO "a=mid:0\r\n" VIDEO "a=mid:0\r\n"), SDP_DUPLICATE);
    CHECK_EQ(error_of(HEAD "a=group:BUNDLE 0\r\n" AUDIO "a=mid:0\r\n" VIDEO), SDP_DUPLICATE);
    /* refused sections need neither */
    CHECK_EQ(error_of(HEAD "a=group:BUNDLE 0\r\n" AUDIO "a=mid:0\r\nm=video 0 UDP/TLS/RTP/SAVPF 0\r\n"),
             SDP_OK);
}

/* RFC 5888 9.2 bounds no mid: UUIDs are taken. */
static void mids_may_be_long(void)
{
    enum sdp_error e;
    const char *text = SESSION "a=mid:7f000001-cafe-4dad-beef-0123456789ab\r\n";
    struct sdp *sdp = sdp_parse(text, strlen(text), &e);
    CHECK(sdp && strcmp(sdp->sections[0].mid, "7f000001-cafe-4dad-beef-0123456789ab") == 0);
    sdp_free(sdp);
    char long_one[256];
    for (int n = MID_SIZE - 1; n <= MID_SIZE; n++) {
        snprintf(long_one, sizeof long_one, SESSION "a=mid:%0*d\r\n", n, 0);
        CHECK_EQ(error_of(long_one), n < MID_SIZE ? SDP_OK : SDP_LONG_MID);
    }
    CHECK(strstr(sdp_error_text(SDP_LONG_MID), "63") != NULL);
    text = SESSION "a=mid:first\r\na=mid:b\r\n";
    sdp = sdp_parse(text, strlen(text), &e);
    CHECK(sdp && strcmp(sdp->sections[0].mid, "b") == 0);
    sdp_free(sdp);
}

/* RFC 9143 7.3.3: a section outside the group needs its own transport; so does every section but the first if
 * there is no group. */
static void sections_outside_the_bundle_are_told_apart(void)
{
    static const struct {
        const char *head;
        bool bundled, outside[3];
    } cases[] = {
        {HEAD "a=group:BUNDLE 0 1 2\r\n", true, {false, false, false}},
        {HEAD "a=group:LS 0 1 2\r\na=group:BUNDLE 2 0 0 9 \r\n", true, {false, true, false}},
        {HEAD "a=group:BUNDLE 9\r\n", false, {false, true, true}},
        {HEAD "a=group:BUNDLE 1\r\n", true, {true, false, true}},
        {HEAD, false, {false, true, true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        enum sdp_error e;
        snprintf(text, sizeof text,
                 "%s%sa=mid:0\r\n%sa=mid:1\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\na=mid:2\r\n",
                 cases[i].head, AUDIO, VIDEO);
        struct sdp *sdp = sdp_parse(text, strlen(text), &e);
        CHECK(sdp && sdp->bundled == cases[i].bundled);
        for (size_t k = 0; sdp && k < 3; k++)
            CHECK_EQ(sdp->sections[k].outside, cases[i].outside[k]);
        CHECK(i != 1 || !sdp || (sdp->sections[2].place == 0 && sdp->sections[0].place == 1));
        sdp_free(sdp);
    }
    const char *text =
        HEAD "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n" AUDIO "a=mid:1\r\n";
    enum sdp_error e;
    struct sdp *sdp = sdp_parse(text, strlen(text), &e);
    CHECK(sdp && sdp->sections[0].outside && !sdp->sections[1].outside);
    sdp_free(sdp);
    text = HEAD "a=group:BUNDLE 1\r\n" AUDIO "a=mid:0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n";
    sdp = sdp_parse(text, strlen(text), &e); /* a group of stopped sections does not count */
    CHECK(sdp && !sdp->bundled && !sdp->sections[0].outside);
    sdp_free(sdp);
}

/* RFC 9143 12; aiortc's id 2 is the audio level in one section and the time of sending in the other. */
static void an_extension_id_means_one_uri_in_all_sections(void)
{
    size_t len = 0;
    enum sdp_error e;
    char *text = read_golden("aiortc-stream", &len);
    struct sdp *sdp = sdp_parse(text, len, &e);
    CHECK(sdp && sdp->sections[0].extensions.id[EXT_AUDIO_LEVEL] == 2);
    CHECK(sdp && sdp->sections[1].extensions.id[EXT_MID] == 1 &&
          sdp->sections[1].extensions.id[EXT_ABS_SEND_TIME] == 0);
    sdp_free(sdp);
    free(text);
    const char *strange =
        HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\na=extmap:5 urn:nobody:knows:it\r\n" VIDEO
             "a=mid:1\r\na=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
             "a=extmap:6/inactive urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
    sdp = sdp_parse(strange, strlen(strange), &e);
    CHECK(sdp && sdp->sections[1].extensions.id[EXT_MID] == 0);
    sdp_free(sdp);
}

static const struct {
    const char *name;
    bool passive, rsize, stereo;
    unsigned video; /* payload type of the first video codec */
    enum codec codec;
} strangers[] = {
    {"pion-stream", false, true, false, 96, CODEC_VP8},
    {"aiortc-stream", false, false, false, 97, CODEC_VP8},
    {"werift-stream", false, false, false, 98, CODEC_VP8},
    {"libdatachannel-stream", false, false, true, 102, CODEC_H264},
    {"gstreamer-call", false, true, false, 96, CODEC_VP8},
    {"ffmpeg-stream", true, true, false, 106, CODEC_H264},
    {"obs-simulcast", false, false, true, 96, CODEC_H264},
};

static void offers_of_other_stacks_are_understood(void)
{
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        size_t len = 0;
        enum sdp_error e;
        struct text stereo;
        char *text = read_golden(strangers[i].name, &len);
        struct sdp *sdp = sdp_parse(text, len, &e);
        CHECK(sdp && sdp->count == 2 && sdp->bundled);
        if (sdp) {
            const struct sdp_section *a = &sdp->sections[0], *v = &sdp->sections[1];
            CHECK(a->codecs[0].codec == CODEC_OPUS && a->codecs[0].channels == 2 && a->ssrc_count == 1);
            CHECK(v->codecs[0].payload_type == strangers[i].video &&
                  v->codecs[0].codec == strangers[i].codec);
            CHECK(v->ssrc_count == 1 && v->ssrcs[0].ssrc && a->ssrcs[0].ssrc != v->ssrcs[0].ssrc);
            CHECK(a->setup == (strangers[i].passive ? SDP_PASSIVE : SDP_ACTPASS) && v->setup == a->setup);
            CHECK(a->rtcp_mux && v->rtcp_mux && v->rtcp_rsize == strangers[i].rsize && !a->outside &&
                  !v->outside);
            CHECK(a->ufrag.len && v->ufrag.len && a->fingerprint.len == 32 && v->fingerprint.len == 32);
            CHECK_EQ(sdp_fmtp(a->codecs[0].fmtp, "stereo", &stereo), strangers[i].stereo);
        }
        if (sdp && strcmp(strangers[i].name, "pion-stream") == 0) {
            const struct sdp_codec *vp8 = codec_with(&sdp->sections[1], 96);
            CHECK(vp8->nack && vp8->pli && vp8->fir && vp8->remb && vp8->transport_cc);
            CHECK(codec_with(&sdp->sections[0], 111)->transport_cc);
        }
        sdp_free(sdp);
        free(text);
    }
}

static void sections_inherit_from_the_session(void)
{
    enum sdp_error e;
    const char *text =
        HEAD "a=ice-lite\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=setup:active\r\na=recvonly\r\n"
             "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" VIDEO
             "a=mid:1\r\na=ice-ufrag:efgh\r\na=sendonly\r\na=setup:passive\r\n";
    struct sdp *sdp = sdp_parse(text, strlen(text), &e);
    CHECK(sdp && sdp->ice_lite && !sdp->trickle);
    CHECK(sdp && text_equals(sdp->sections[0].ufrag, "abcd") && text_equals(sdp->sections[1].ufrag, "efgh"));
    CHECK(sdp && sdp->sections[0].direction == SDP_RECVONLY && sdp->sections[1].direction == SDP_SENDONLY);
    CHECK(sdp && sdp->sections[0].setup == SDP_ACTIVE && sdp->sections[1].setup == SDP_PASSIVE);
    sdp_free(sdp);
}

static void the_strongest_fingerprint_counts(void)
{
    static const struct {
        const char *text;
        int len;
    } cases[] = {{SESSION SHA256 SHA512, 64},
                 {SESSION SHA256 SHA384, 48},
                 {SESSION SHA512 SHA256, 64},
                 {SESSION "a=fingerprint:sha-1 00:11\r\n", 0},
                 {HEAD SHA256 AUDIO, 32},
                 {HEAD SHA512 AUDIO SHA256, 32},
                 {HEAD SHA512 AUDIO "a=fingerprint:md5 00\r\n", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum sdp_error e;
        struct sdp *sdp = sdp_parse(cases[i].text, strlen(cases[i].text), &e);
        CHECK(sdp != NULL);
        if (sdp)
            CHECK_EQ(sdp->sections[0].fingerprint.len, cases[i].len);
        if (sdp && cases[i].len == 32)
            CHECK(strcmp(sdp->sections[0].fingerprint.hash, "sha-256") == 0);
        sdp_free(sdp);
    }
}

/* RFC 8122 5: a certificate may match any fingerprint of the strongest hash. */
static void several_fingerprints_are_kept(void)
{
    char text[4096], bytes[32 * 3 + 1];
    enum sdp_error e;
    size_t n = (size_t)snprintf(text, sizeof text, "%s", SESSION);
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned k = 0; k < 32; k++)
            snprintf(bytes + 3 * k, 4, "%02X:", i);
        n += (size_t)snprintf(text + n, sizeof text - n, "a=fingerprint:sha-256 %.95s\r\n", bytes);
    }
    struct sdp *sdp = sdp_parse(text, n, &e);
    const struct fingerprint *f = &sdp->sections[0].fingerprint;
    CHECK_EQ(f->len, 32);
    CHECK_EQ(f->more, 3); /* for as many there is room */
    for (unsigned i = 0; i < 4 * 32; i++)
        CHECK_EQ(f->value[i], i / 32);
    sdp_free(sdp);
    n += (size_t)snprintf(text + n, sizeof text - n, SHA512 SHA256);
    sdp = sdp_parse(text, n, &e);
    CHECK(sdp->sections[0].fingerprint.len == 64 && sdp->sections[0].fingerprint.more == 0);
    sdp_free(sdp);
}

static void payload_types_that_look_like_rtcp_are_not_used(void)
{
    enum sdp_error e;
    const char *text =
        HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 63 64 95 96 66\r\na=rtpmap:63 opus/48000/2\r\na=rtpmap:64 "
             "opus/48000/2\r\na=rtpmap:95 opus/48000/2\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:66 "
             "rtx/48000\r\na=fmtp:66 apt=63\r\n";
    struct sdp *sdp = sdp_parse(text, strlen(text), &e);
    const struct sdp_codec *c = sdp->sections[0].codecs;
    CHECK(c[0].codec == CODEC_OPUS && !c[1].codec && !c[2].codec && c[3].codec == CODEC_OPUS);
    CHECK(!c[4].rtx);
    sdp_free(sdp);
}

static void fmtp_parameters_are_found(void)
{
    struct text v, f = {"a=1; Profile-Level-Id=42e01f ;b;c=", 34};
    CHECK(sdp_fmtp(f, "profile-level-id", &v) && text_equals(v, "42e01f"));
    CHECK(sdp_fmtp(f, "a", &v) && text_equals(v, "1"));
    CHECK(sdp_fmtp(f, "b", &v) && v.len == 0);
    CHECK(sdp_fmtp(f, "c", &v) && v.len == 0);
    CHECK(!sdp_fmtp(f, "d", &v) && !sdp_fmtp((struct text){NULL, 0}, "a", &v));
}

static bool matches(enum codec codec, const char *a, const char *b)
{
    struct sdp_codec x = {.codec = codec, .clock_rate = 90000, .channels = 1, .fmtp = {a, strlen(a)}}, y = x;
    y.fmtp = (struct text){b, strlen(b)};
    CHECK(sdp_codec_matches(&x, &y) == sdp_codec_matches(&y, &x));
    return sdp_codec_matches(&x, &y);
}

/* Whether the byte has these bits; x: any. */
static bool has_bits(unsigned byte, const char *bits)
{
    for (int i = 0; i < 8; i++)
        if (bits[i] != 'x' && (unsigned)(bits[i] - '0') != (byte >> (7 - i) & 1))
            return false;
    return true;
}

/* RFC 6184 8.1, table 5, as it is printed; Constrained High is H.264's A.2.4.2. */
static void h264_profiles_are_those_of_the_table(void)
{
    static const struct {
        unsigned idc;
        const char *iop, *same_as;
    } table[] = {{0x42, "x1xx0000", "42401f"}, {0x4d, "1xxx0000", "42401f"}, {0x58, "11xx0000", "42401f"},
                 {0x42, "x0xx0000", "42001f"}, {0x58, "10xx0000", "42001f"}, {0x4d, "0x0x0000", "4d001f"},
                 {0x64, "00000000", "64001f"}, {0x64, "00001100", "640c1f"}};
    static const char *const profiles[] = {"42401f", "42001f", "4d001f", "64001f", "640c1f"};
    static const unsigned idcs[] = {0x42, 0x43, 0x4c, 0x4d, 0x4e, 0x57, 0x58,
                                    0x59, 0x63, 0x64, 0x65, 0x6e, 0xf4, 0};
    for (size_t i = 0; i < sizeof idcs / sizeof *idcs; i++)
        for (unsigned iop = 0; iop < 256; iop++) {
            const char *same_as = "none";
            char a[64], b[64];
            snprintf(a, sizeof a, "profile-level-id=%02x%02x1f", idcs[i], iop);
            for (size_t k = 0; k < sizeof table / sizeof *table; k++)
                if (idcs[i] == table[k].idc && has_bits(iop, table[k].iop))
                    same_as = table[k].same_as;
            for (size_t k = 0; k < sizeof profiles / sizeof *profiles; k++) {
                snprintf(b, sizeof b, "profile-level-id=%s", profiles[k]);
                CHECK_EQ(matches(CODEC_H264, a, b), strcmp(profiles[k], same_as) == 0);
            }
            CHECK(matches(CODEC_H264, a, a));
        }
    CHECK(matches(CODEC_H264, "", "profile-level-id=42001f")); /* Baseline where none is said */
    CHECK(!matches(CODEC_H264, "profile-level-id=42001", "profile-level-id=42001"));
    CHECK(!matches(CODEC_H264, "profile-level-id=42001g", "profile-level-id=42001g"));
}

static void codecs_match_by_what_decoders_care_for(void)
{
    CHECK(matches(CODEC_VP8, "", "max-fr=60"));
    CHECK(!matches(CODEC_NONE, "", ""));
    CHECK(matches(CODEC_VP9, "", "profile-id=0") && !matches(CODEC_VP9, "profile-id=2", ""));
    CHECK(matches(CODEC_AV1, "level-idx=5;profile=0;tier=0", "") && !matches(CODEC_AV1, "profile=1", ""));
    CHECK(!matches(CODEC_VP9, "profile-id=x", "profile-id=x"));
#define H(profile, mode) "level-asymmetry-allowed=1;packetization-mode=" mode ";profile-level-id=" profile
    CHECK(matches(CODEC_H264, H("42e01f", "1"), H("42E034", "1")));  /* another level */
    CHECK(matches(CODEC_H264, H("42e01f", "1"), H("4d801f", "1")));  /* another spelling */
    CHECK(!matches(CODEC_H264, H("42e01f", "1"), H("42e01f", "0"))); /* single NAL units only */
    CHECK(!matches(CODEC_H264, H("42e01f", "1"), H("42001f", "1"))); /* baseline is more */
    CHECK(!matches(CODEC_H264, H("42e01f", "1"), H("64001f", "1")));
    CHECK(matches(CODEC_H264, "profile-level-id=42001f", ""));
    CHECK(!matches(CODEC_H264, H("42e0", "1"), H("42e0", "1")));
}

static const struct sdp_local_codec opus = {.payload_type = 111,
                                            .name = "opus",
                                            .clock_rate = 48000,
                                            .channels = 2,
                                            .fmtp = {"minptime=10;useinbandfec=1", 26},
                                            .transport_cc = true};
static const struct sdp_local_codec vp8 = {.payload_type = 96,
                                           .rtx_payload_type = 97,
                                           .name = "VP8",
                                           .clock_rate = 90000,
                                           .nack = true,
                                           .pli = true,
                                           .fir = true,
                                           .transport_cc = true};

/* We parse our own description to the same, with one section of each kind: sent, inactive, refused. */
static void written_descriptions_read_back(void)
{
    struct address addresses[2];
    CHECK(address_parse(&addresses[0], "192.0.2.7", 8000) &&
          address_parse(&addresses[1], "2001:db8::7", 8000));
    struct sdp_local local = {.session_id = 77,
                              .version = 3,
                              .ufrag = "abcdefgh",
                              .password = "0123456789abcdefghijkl",
                              .fingerprint = {1, 2, 3},
                              .setup = SDP_ACTPASS,
                              .addresses = addresses,
                              .address_count = 2};
    struct sdp_local_section sections[] = {{.kind = SDP_APPLICATION,
                                            .media = {"application", 11},
                                            .protocol = {"UDP/DTLS/SCTP", 13},
                                            .format = {"webrtc-datachannel", 18},
                                            .refused = true,
                                            .mid = "d"},
                                           {.kind = SDP_AUDIO,
                                            .protocol = {"UDP/TLS/RTP/SAVP", 16},
                                            .mid = "0",
                                            .direction = SDP_INACTIVE,
                                            .codecs = &opus,
                                            .codec_count = 1},
                                           {.kind = SDP_VIDEO,
                                            .mid = "s1",
                                            .rtcp_mux = true,
                                            .rtcp_rsize = true,
                                            .direction = SDP_SENDONLY,
                                            .codecs = &vp8,
                                            .codec_count = 1,
                                            .extensions = {{4, 2, 3, 13}},
                                            .stream_id = "stream",
                                            .track_id = "track",
                                            .cname = "name",
                                            .ssrc = 4294967295u,
                                            .rtx_ssrc = 5}};
    struct sdp_writer w = {0};
    enum sdp_error e = SDP_OK;
    sdp_write_session(&w, &local, sections, 3);
    CHECK(!w.failed && strlen(w.data) == w.len);
    struct sdp *sdp = sdp_parse(w.data, w.len, &e);
    CHECK(sdp && sdp->count == 3 && sdp->bundled && sdp->ice_lite && sdp->trickle);
    CHECK(strstr(w.data, "a=group:BUNDLE 0 s1\r\n") &&
          strstr(w.data, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    CHECK(strstr(w.data, "192.0.2.7 8000 typ host") && strstr(w.data, "2001:db8::7 8000 typ host"));
    if (sdp) {
        const struct sdp_section *v = &sdp->sections[2];
        const struct sdp_codec *c = &v->codecs[0];
        CHECK(sdp->sections[0].port == 0 && strcmp(sdp->sections[0].mid, "d") == 0);
        CHECK(sdp->sections[1].direction == SDP_INACTIVE && sdp->sections[1].end_of_candidates);
        CHECK(!sdp->sections[1].rtcp_mux && !sdp->sections[1].rtcp_rsize);
        CHECK(text_equals(sdp->sections[1].protocol, "UDP/TLS/RTP/SAVP"));
        CHECK(text_equals(v->protocol, "UDP/TLS/RTP/SAVPF"));
        CHECK(v->direction == SDP_SENDONLY && v->setup == SDP_ACTPASS && v->rtcp_mux && v->rtcp_rsize);
        CHECK(c->codec == CODEC_VP8 && c->nack && c->pli && c->fir && c->transport_cc && !c->remb);
        CHECK(v->codecs[1].rtx && v->codecs[1].apt == 96);
        CHECK(v->ssrc_count == 1 && v->ssrcs[0].ssrc == 4294967295u && v->ssrcs[0].rtx == 5);
        CHECK(memcmp(&v->extensions, &sections[2].extensions, sizeof v->extensions) == 0);
        CHECK(text_equals(v->stream_id, "stream") && text_equals(v->track_id, "track"));
        CHECK(v->fingerprint.len == 32 && memcmp(v->fingerprint.value, local.fingerprint, 32) == 0);
    }
    sdp_free(sdp);
    free(w.data);
}

/* RFC 5576 4.1: an a=ssrc line names a source and has an attribute, which is CNAME here. */
static void source_without_ssrc_or_cname_is_not_written(void)
{
    struct sdp_local local = {.ufrag = "abcdefgh", .password = "0123456789abcdefghijkl"};
    for (int i = 0; i < 4; i++) {
        const struct sdp_local_section section = {.kind = SDP_VIDEO,
                                                  .mid = "0",
                                                  .direction = SDP_SENDONLY,
                                                  .codecs = &vp8,
                                                  .codec_count = 1,
                                                  .cname = i & 1 ? "name" : NULL,
                                                  .ssrc = i & 2 ? 7 : 0};
        struct sdp_writer w = {0};
        sdp_write_session(&w, &local, &section, 1);
        CHECK(!w.failed && !strstr(w.data, "a=ssrc") == (i < 3));
        free(w.data);
    }
}

static bool writes(const struct sdp_local_section *section, const char *lines)
{
    struct sdp_local local = {.ufrag = "abcdefgh", .password = "0123456789abcdefghijkl"};
    struct sdp_writer w = {0};
    sdp_write_session(&w, &local, section, 1);
    bool found = !w.failed && strstr(w.data, lines);
    free(w.data);
    return found;
}

/* RFC 5576 4.2 (FID of RFC 4588), RFC 8285 5, RFC 8853 5.1, to the letter. */
static void lines_of_a_section_are_whole(void)
{
    struct sdp_local_section section = {.kind = SDP_VIDEO,
                                        .mid = "0",
                                        .direction = SDP_SENDRECV,
                                        .codecs = &vp8,
                                        .codec_count = 1,
                                        .cname = "name",
                                        .ssrc = 7};
    CHECK(writes(&section, "\r\na=ssrc:7 cname:name\r\n"));
    CHECK(!writes(&section, "a=ssrc-group") && !writes(&section, "a=ssrc:0"));
    section.rtx_ssrc = 8;
    CHECK(writes(&section, "a=ssrc-group:FID 7 8\r\na=ssrc:7 cname:name\r\na=ssrc:8 cname:name\r\n"));
    for (int e = 0; e < EXT_COUNT; e++) {
        char line[200];
        section.extensions = (struct rtp_extension_ids){{0}};
        section.extensions.id[e] = 9;
        section.extensions_received = 0;
        snprintf(line, sizeof line, "\r\na=extmap:9 %s\r\n", rtp_extension_uri[e]);
        CHECK(writes(&section, line));
        CHECK_EQ(writes(&section, "a=extmap-allow-mixed"), e == EXT_DEPENDENCY);
        section.extensions_received = (uint8_t)(1u << e);
        snprintf(line, sizeof line, "\r\na=extmap:9/recvonly %s\r\n", rtp_extension_uri[e]);
        CHECK(writes(&section, line));
        section.extensions_received = (uint8_t) ~(1u << e);
        CHECK(!writes(&section, "/recvonly"));
    }
    section.rid_count = 2;
    section.rids[0] = (struct text){"hi", 2};
    section.rids[1] = (struct text){"lo", 2};
    CHECK(writes(&section, "a=rid:hi recv\r\na=rid:lo recv\r\na=simulcast:recv hi;lo\r\n"));
}

#define SSRCS_123 "a=ssrc:1 cname:x\r\na=ssrc:2 cname:x\r\na=ssrc:3 cname:x\r\n"

/* RFC 8853 5.1, RFC 8851 10: simulcast attributes in all notations, and Chromium's older form. */
static void layers_are_read(void)
{
    static const struct {
        const char *lines, *rids;
        bool layered;
        uint32_t ssrcs[LAYERS_MAX], sim_count; /* the first SSRCs */
    } cases[] = {
        {"a=simulcast:send q;h;f\r\n", "qhf", true, {0}, 0},
        {"a=simulcast:recv a;b send q;h\r\n", "qh", true, {0}, 0},
        {"a=simulcast:send q,x;~h recv a\r\n", "qh", true, {0}, 0},
        {"a=simulcast:send a;b;c;d;e\r\n", "abcd", true, {0}, 0},
        {"a=simulcast:send q\r\n", "q", false, {0}, 0},
        {"a=simulcast:recv q;h\r\n", "", false, {0}, 0},
        {"a=simulcast:send ;/;q w\r\n", "q", false, {0}, 0},
        {"a=simulcast:send\r\n", "", false, {0}, 0},
        {"a=simulcast:send q;q,h;h;q\r\n", "qh", true, {0}, 0},
        {"a=simulcast:send q;h!;a.b;~;f\r\n", "qf", true, {0}, 0},
        {"a=simulcast:send seventeen-letters;q\r\n", "q", false, {0}, 0},
        {"a=rid:q recv\r\na=simulcast:recv q\r\n", "", false, {0}, 0},
        {"a=simulcast:\r\n", "", false, {0}, 0},
        {SSRCS_123 "a=ssrc-group:SIM 1 2 3\r\n", "", true, {1, 2, 3}, 3},
        {"a=ssrc-group:SIM 2 3 1\r\n" SSRCS_123, "", true, {2, 3, 1}, 3},
        {SSRCS_123 "a=ssrc-group:FID 3 9\r\na=ssrc-group:SIM 3 9 1\r\n", "", true, {3, 1, 2}, 2},
        {"a=ssrc-group:SIM 5 4 3 2 1\r\n", "", true, {5, 4, 3, 2}, 4},
        {"a=ssrc-group:SIM 2 3\r\na=ssrc-group:SIM 1 4\r\n", "", true, {2, 3}, 2},
        {"a=ssrc-group:SIM 2 2\r\n", "", false, {2}, 1},
        {"a=ssrc-group:SIM x 0 4294967296 7\r\n", "", false, {7}, 1},
        {"a=ssrc-group:SIM\r\n" SSRCS_123, "", false, {1, 2, 3}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        enum sdp_error e;
        snprintf(text, sizeof text, HEAD "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n%s",
                 cases[i].lines);
        struct sdp *sdp = sdp_parse(text, strlen(text), &e);
        CHECK(sdp && sdp->count == 1);
        const struct sdp_section *s = &sdp->sections[0];
        CHECK_EQ(s->layered, cases[i].layered);
        CHECK_EQ(s->sim_count, cases[i].sim_count);
        for (size_t k = 0; k < LAYERS_MAX; k++)
            CHECK_EQ(s->ssrcs[k].ssrc, cases[i].ssrcs[k]);
        CHECK_EQ(s->rid_count, strlen(cases[i].rids));
        for (uint8_t k = 0; k < s->rid_count; k++)
            CHECK(s->rids[k].name.len == 1 && *s->rids[k].name.data == cases[i].rids[k]);
        sdp_free(sdp);
    }
}

/* RFC 8851 4 and 10: lines in any order, of which a=simulcast decides which count. */
static void layers_have_the_payload_types_that_they_name(void)
{
    static const struct {
        const char *lines;
        bool takes[3]; /* 96, 97, 9 */
    } cases[] = {
        {"a=rid:q send\r\na=simulcast:send q;h\r\n", {true, true, true}},
        {"a=simulcast:send q;h\r\n", {true, true, true}},
        {"a=rid:q send pt=96\r\na=simulcast:send q;h\r\n", {true, false, false}},
        {"a=simulcast:send h;q\r\na=rid:q send max-width=1280;pt=97,96;max-fps=30\r\n", {true, true, false}},
        {"a=rid:h send pt=9\r\na=rid:q send max-br=64000\r\na=simulcast:send q;h\r\n", {true, true, true}},
        {"a=rid:q recv pt=9\r\na=rid:q send pt=97\r\na=simulcast:send q\r\n", {false, true, false}},
        {"a=rid:q send pt=97\r\na=rid:q send pt=9\r\na=simulcast:send q\r\n", {false, true, false}},
        {"a=rid:q send pt=\r\na=simulcast:send q\r\n", {true, true, true}},
        {"a=rid:q send pt=x,1000,,96\r\na=simulcast:send q\r\n", {true, false, false}},
        {"a=rid:q send pt=x\r\na=simulcast:send q\r\n", {false, false, false}},
        {"a=rid:q send; pt=9\r\na=rid\r\na=rid:\r\na=rid:q\r\na=simulcast:send q\r\n", {true, true, true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        enum sdp_error e;
        snprintf(text, sizeof text, HEAD "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n%s", cases[i].lines);
        struct sdp *sdp = sdp_parse(text, strlen(text), &e);
        CHECK(sdp && sdp->sections[0].rid_count >= 1);
        for (uint8_t k = 0; sdp && k < sdp->sections[0].rid_count; k++) {
            const struct sdp_rid *rid = &sdp->sections[0].rids[k];
            if (*rid->name.data != 'q')
                continue;
            CHECK_EQ(sdp_rid_takes(rid, 96), cases[i].takes[0]);
            CHECK_EQ(sdp_rid_takes(rid, 97), cases[i].takes[1]);
            CHECK_EQ(sdp_rid_takes(rid, 9), cases[i].takes[2]);
        }
        sdp_free(sdp);
    }
}

static void layers_of_one_section_are_not_those_of_the_next(void)
{
    const char *text =
        HEAD "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ssrc-group:SIM 1 2\r\na=ssrc-group:FID 1 3\r\n"
             "a=rid:q send pt=97\r\na=simulcast:send q;h\r\n"
             "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ssrc:1 cname:x\r\na=simulcast:send q\r\n"
             "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n";
    enum sdp_error e;
    struct sdp *sdp = sdp_parse(text, strlen(text), &e);
    CHECK(sdp && sdp->count == 3 && sdp->sections[0].layered && sdp->sections[0].sim_count == 2);
    if (sdp) {
        const struct sdp_section *s = &sdp->sections[1];
        CHECK(!s->layered && !s->sim_count && s->ssrc_count == 1 && !s->ssrcs[0].rtx);
        CHECK(s->rid_count == 1 && sdp_rid_takes(&s->rids[0], 96));
        CHECK(!sdp->sections[2].rid_count && !sdp->sections[2].ssrc_count);
    }
    sdp_free(sdp);
}

static void restrictions_beyond_the_table_are_not_read(void)
{
    struct sdp_writer w = {0};
    enum sdp_error e;
    sdp_printf(&w, HEAD "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=simulcast:send 15;16\r\n");
    for (int i = 0; i < 40; i++)
        sdp_printf(&w, "a=rid:%d send pt=7\r\n", i);
    struct sdp *sdp = sdp_parse(w.data, w.len, &e);
    CHECK(sdp && !sdp_rid_takes(&sdp->sections[0].rids[0], 96) &&
          sdp_rid_takes(&sdp->sections[0].rids[1], 96));
    sdp_free(sdp);
    free(w.data);
}

/* GStreamer, aiortc and werift drop a whole answer over one section that lacks its transport. */
static void a_refused_section_has_its_transport(void)
{
    struct sdp_local local = {
        .ufrag = "abcd", .password = "secret", .setup = SDP_PASSIVE, .fingerprint = {9}};
    struct sdp_local_section sections[] = {{.kind = SDP_AUDIO, .refused = true, .mid = "0", .rtcp_mux = true},
                                           {.kind = SDP_APPLICATION,
                                            .refused = true,
                                            .mid = "d",
                                            .media = {"application", 11},
                                            .protocol = {"UDP/DTLS/SCTP", 13},
                                            .format = {"webrtc-datachannel", 18}}};
    struct sdp_writer w = {0};
    enum sdp_error e;
    sdp_write_session(&w, &local, sections, 2);
    struct sdp *sdp = sdp_parse(w.data, w.len, &e);
    CHECK(sdp && sdp->count == 2);
    for (size_t i = 0; sdp && i < 2; i++) {
        const struct sdp_section *s = &sdp->sections[i];
        CHECK(s->port == 0 && text_equals(s->ufrag, "abcd") && text_equals(s->password, "secret"));
        CHECK(s->setup == SDP_PASSIVE && s->fingerprint.len == 32 && s->fingerprint.value[0] == 9);
        CHECK(s->rtcp_mux == (i == 0) && !s->rtcp_rsize);
    }
    CHECK(strstr(strstr(w.data, "m=application"), "a=sctp-port:5000\r\n") != NULL);
    CHECK(strstr(w.data, "\r\nc=IN IP4 0.0.0.0\r\n") &&
          strstr(strstr(w.data, "m=application"), "\r\nc=IN IP4 0.0.0.0\r\n")); /* RFC 8866 5.7 */
    sdp_free(sdp);
    free(w.data);
}

static void stereo_is_written_instead_of_what_another_said(void)
{
    static const struct {
        const char *fmtp, *stereo, *written;
    } cases[] = {{"minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1", NULL,
                  "a=fmtp:111 minptime=10;stereo=1;sprop-stereo=1;useinbandfec=1\r\n"},
                 {"minptime=10; Stereo=1;sprop-stereo=0 ;useinbandfec=1", "",
                  "a=fmtp:111 minptime=10;useinbandfec=1\r\n"},
                 {"stereo=0;x", "sprop-stereo=1", "a=fmtp:111 x;sprop-stereo=1\r\n"},
                 {"", "stereo=1", "a=fmtp:111 stereo=1\r\n"},
                 {"stereo=1", "", "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sdp_local local = {.ufrag = "abcd", .password = "p"};
        struct sdp_local_codec codec = {.payload_type = 111,
                                        .name = "opus",
                                        .clock_rate = 48000,
                                        .channels = 2,
                                        .transport_cc = true,
                                        .fmtp = {cases[i].fmtp, strlen(cases[i].fmtp)},
                                        .stereo = cases[i].stereo};
        struct sdp_local_section section = {
            .kind = SDP_AUDIO, .mid = "0", .codecs = &codec, .codec_count = 1};
        struct sdp_writer w = {0};
        sdp_write_session(&w, &local, &section, 1);
        if (!strstr(w.data, cases[i].written))
            printf("# %s\n", w.data);
        CHECK(strstr(w.data, cases[i].written) != NULL);
        free(w.data);
    }
}

static void a_description_of_refusals_has_no_group(void)
{
    struct sdp_local local = {.ufrag = "abcd", .password = "p", .setup = SDP_PASSIVE};
    struct sdp_local_section sections[] = {
        {.kind = SDP_AUDIO, .refused = true, .mid = "0"},
        {.kind = SDP_VIDEO, .mid = "1"}}; /* without codecs it must be refused */
    struct sdp_writer w = {0};
    sdp_write_session(&w, &local, sections, 2);
    CHECK(!strstr(w.data, "BUNDLE") && strstr(w.data, "m=audio 0 ") && strstr(w.data, "m=video 0 "));
    CHECK_EQ(error_of(w.data), SDP_OK);
    free(w.data);
}

static void long_values_are_written_whole(void)
{
    size_t len;
    char *value = repeat("", "0123456789", 1000, &len);
    struct sdp_writer w = {0};
    sdp_printf(&w, "a=%s\r\n", value);
    sdp_printf(&w, "b=%d\r\n", 1);
    CHECK_EQ(w.len, len + 4 + 5);
    CHECK(memcmp(w.data + 2, value, len) == 0);
    free(w.data);
    free(value);
}

TEST_MAIN(TEST(control_characters_are_refused_and_others_are_not), TEST(a_line_may_have_4096_bytes),
          TEST(layers_are_read), TEST(layers_have_the_payload_types_that_they_name),
          TEST(layers_of_one_section_are_not_those_of_the_next),
          TEST(restrictions_beyond_the_table_are_not_read), TEST(line_may_have_no_value),
          TEST(golden_offers_are_understood), TEST(chromium_video_is_read_in_full),
          TEST(firefox_attributes_come_in_any_order), TEST(every_prefix_parses_or_fails_cleanly),
          TEST(every_changed_byte_parses_or_fails_cleanly), TEST(too_much_of_anything_is_refused),
          TEST(cost_is_linear), TEST(what_there_is_no_room_for_is_left_out),
          TEST(what_is_no_description_is_refused), TEST(a_line_that_lies_is_left_out_alone),
          TEST(a_codec_by_a_strange_clock_is_unknown), TEST(blanks_at_the_end_of_a_line_mean_nothing),
          TEST(sections_need_mids), TEST(mids_may_be_long), TEST(sections_outside_the_bundle_are_told_apart),
          TEST(an_extension_id_means_one_uri_in_all_sections), TEST(offers_of_other_stacks_are_understood),
          TEST(several_fingerprints_are_kept), TEST(sections_inherit_from_the_session),
          TEST(the_strongest_fingerprint_counts), TEST(payload_types_that_look_like_rtcp_are_not_used),
          TEST(fmtp_parameters_are_found), TEST(h264_profiles_are_those_of_the_table),
          TEST(codecs_match_by_what_decoders_care_for), TEST(written_descriptions_read_back),
          TEST(source_without_ssrc_or_cname_is_not_written), TEST(lines_of_a_section_are_whole),
          TEST(a_refused_section_has_its_transport), TEST(stereo_is_written_instead_of_what_another_said),
          TEST(a_description_of_refusals_has_no_group), TEST(long_values_are_written_whole))
