/* Offers and answers of several participants, and the resulting commands to the workers. */
#include "sfu/layers.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include <stdlib.h>

static struct stage s;

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

static bool is_error(struct peer *p, const char *code)
{
    return same(take_text(p, "error", "code"), code) && !waiting(p, "error");
}

/* A copy of the description in the offer that waits first; NULL: none waits. Free what it points into with
 * `drop`. */
static char *offered_text;
static struct sdp *offered(struct peer *p)
{
    enum sdp_error error;
    for (size_t i = 0; i < json_array_size(p->received); i++) {
        json_t *message = json_array_get(p->received, i);
        if (!same(json_string_value(json_object_get(message, "type")), "offer"))
            continue;
        offered_text = strdup(json_string_value(json_object_get(message, "sdp")));
        return sdp_parse(offered_text, strlen(offered_text), &error);
    }
    return NULL;
}

static void drop(struct sdp *sdp)
{
    sdp_free(sdp);
    free(offered_text);
    offered_text = NULL;
}

/* How many sections of the offer that waits have this direction; -1: none waits. */
static int offered_as(struct peer *p, enum sdp_direction direction)
{
    int n = 0;
    struct sdp *sdp = offered(p);
    if (!sdp)
        return -1;
    for (size_t i = 0; i < sdp->count; i++)
        n += sdp->sections[i].port && sdp->sections[i].direction == direction;
    drop(sdp);
    return n;
}

static void settle(void)
{
    for (size_t i = 0; i < s.peer_count; i++)
        if (s.peers[i]->participant && !s.peers[i]->close_code)
            while (peer_answer(s.peers[i], NULL))
                ;
}

/* A peer of this role with one camera line, whose video is one of `codecs`; claimed, and its offers not yet
 * answered. */
static struct peer *camera(const char *role, const char *wish, unsigned codecs)
{
    struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
    if (wish)
        peer_say(p, "join-room", "{s:s, s:s}", "role", role, "codec", wish);
    else
        peer_say(p, "join-room", "{s:s}", "role", role);
    p->codecs = codecs;
    peer_line(p, SDP_VIDEO, same(role, "watch") ? SDP_RECVONLY : SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 0);
    return p;
}

#define VP8  (1u << CODEC_VP8)
#define VP9  (1u << CODEC_VP9)
#define H264 (1u << CODEC_H264)
#define AV1  (1u << CODEC_AV1)
#define ALL  (VP8 | VP9 | H264 | AV1)

/* --- commands --- */

static void nothing_is_commanded_before_a_worker_claims_and_everything_after(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 1), *p = peer_join(&s, "one", "call");
    size_t before = s.command_count;
    CHECK(peer_offer_golden(p, "chromium-call"));
    const char *answer = take_text(p, "answer", "sdp");
    CHECK(!strstr(answer, "a=rtcp-fb:111 nack")); /* RFC 4585 4.2: only what was offered */
    peer_learn(p, answer);
    CHECK_EQ(s.command_count, before);
    CHECK_EQ(waiting(v, "offer"), 0); /* the answer may never arrive */
    peer_claim(p, 0);
    uint32_t session = peer_session(p);
    const struct message *m = &s.commands[before];
    CHECK(m->type == MESSAGE_CREDENTIALS && m->session == session && m->to == 0);
    CHECK(s.credentials.generation == 1 && s.credentials.remote_ufrag[0] && s.credentials.remote_password[0]);
    m++;
    CHECK(m->type == MESSAGE_EXTENSIONS && m->session == session && m->to == 0);
    CHECK(m->extensions.id[EXT_MID] == 4 && m->extensions.id[EXT_TRANSPORT_CC] == 3);
    CHECK(m->extensions.id[EXT_AUDIO_LEVEL] == 1 && m->extensions.id[EXT_ABS_SEND_TIME] == 2);
    CHECK_EQ(s.command_count, before + 4);
    int audio = m[1].publish.codec == CODEC_OPUS ? 1 : 2;
    CHECK(m[1].type == MESSAGE_PUBLISH && m[2].type == MESSAGE_PUBLISH && m[1].track != m[2].track);
    CHECK(m[audio].publish.payload_type == 111 && m[audio].publish.clock_rate == 48000 &&
          same(m[audio].publish.mid, "0"));
    m += 3 - audio;
    CHECK(m->publish.codec == CODEC_VP8 && m->publish.payload_type == 96 &&
          m->publish.rtx_payload_type == 97);
    CHECK(m->publish.nack && m->publish.pli && m->publish.transport_cc && same(m->publish.mid, "1"));
    CHECK(m->publish.ssrc[0] && m->publish.rtx_ssrc[0] && !m->publish.ssrc[1] &&
          m->publish.clock_rate == 90000);
    CHECK_EQ(waiting(v, "offer"), 1);
    stage_close(&s);
}

static void a_viewer_is_told_of_to_its_worker_after_its_answer(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "stream", 1), *v = peer_call(&s, "one", "watch", 0);
    const struct message *m[2];
    for (int i = 0; i < 2; i++) {
        m[i] = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v));
        CHECK(m[i] && m[i]->to == 0 && m[i]->subscribe.origin == 1);
        CHECK(m[i] && m[i]->subscribe.payload_type == (m[i]->subscribe.codec == CODEC_OPUS ? 111 : 96));
    }
    CHECK(m[0] && m[1] && m[0]->track != m[1]->track && !same(m[0]->subscribe.mid, m[1]->subscribe.mid));
    CHECK(m[0] && m[1] && same(m[0]->subscribe.cname, m[1]->subscribe.cname)); /* they are played together */
    CHECK(!stage_command(&s, MESSAGE_SUBSCRIBE, SESSION_NONE));
    peer_close(p);
    CHECK_EQ(stage_commands(&s, MESSAGE_UNSUBSCRIBE), 2);
    CHECK_EQ(stage_commands(&s, MESSAGE_UNPUBLISH), 2);
    stage_close(&s);
}

static void a_viewer_that_answers_before_its_claim_is_sent_to_after_it(void)
{
    stage_open(&s, 16, NULL);
    peer_call(&s, "one", "stream", 1);
    struct peer *v = peer_join(&s, "one", "watch");
    peer_line(v, SDP_VIDEO, SDP_RECVONLY);
    peer_offer(v);
    peer_learn(v, take_text(v, "answer", "sdp"));
    CHECK(peer_answer(v, NULL));
    CHECK_EQ(stage_commands(&s, MESSAGE_SUBSCRIBE), 0);
    peer_claim(v, 0);
    CHECK_EQ(stage_commands(&s, MESSAGE_SUBSCRIBE), 1); /* it knows no audio: it offered no such section */
    stage_close(&s);
}

static void extensions_of_a_later_section_reach_the_worker(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 0);
    const struct message *m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(p));
    CHECK(m && m->extensions.id[EXT_AUDIO_LEVEL] == 1 && m->extensions.id[EXT_ABS_SEND_TIME] == 0);
    peer_line(p, SDP_VIDEO, SDP_SENDRECV);
    peer_offer(p);
    m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(p));
    CHECK(m && m->extensions.id[EXT_AUDIO_LEVEL] == 1 && m->extensions.id[EXT_ABS_SEND_TIME] == 13);
    m = stage_command(&s, MESSAGE_PUBLISH, peer_session(p));
    CHECK(m && m->publish.codec == CODEC_VP8); /* and before its packets are known */
    peer_offer(p);
    CHECK(!stage_command(&s, MESSAGE_EXTENSIONS, peer_session(p))); /* nothing new */
    stage_close(&s);
}

/* The answer to that golden offer, with `from` replaced by `to` of the same length. */
static const char *answer_to(struct peer *p, const char *name, const char *from, const char *to)
{
    char *text = golden(name), *at = from ? strstr(text, from) : NULL;
    CHECK(!from || (at && strlen(to) == strlen(from)));
    if (at)
        memcpy(at, to, strlen(to));
    peer_offer_text(p, text);
    free(text);
    return take_text(p, "answer", "sdp");
}

#define DEPENDENCY                                                                                           \
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension\r\n"

#define ALLOCATION "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00\r\n"

/* AOM's RTP specification, A.8: a key frame's descriptor has the structure of all its layers, and no place in
 * the one-byte form; RFC 8285 6: both forms may be mixed only for a client with a=extmap-allow-mixed. */
static void a_dependency_descriptor_is_for_who_takes_long_extensions(void)
{
    for (int mixed = 0; mixed < 2; mixed++) {
        stage_open(&s, 16, NULL);
        struct peer *p = peer_join(&s, "one", "call");
        const char *answer = answer_to(p, "chromium-simulcast", "a=extmap-allow-mixed",
                                       mixed ? "a=extmap-allow-mixed" : "a=extmap-allow-xxxxx");
        CHECK(!strstr(answer, "a=extmap:12 " DEPENDENCY) == !mixed &&
              !strstr(answer, "a=extmap-allow-mixed\r\n") == !mixed);
        peer_learn(p, answer);
        peer_claim(p, 0);
        const struct message *m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(p));
        CHECK_EQ(m->extensions.id[EXT_DEPENDENCY], mixed ? 12 : 0);
        stage_close(&s);
    }
}

/* The worker's command to take that participant's video; NULL: none. */
static const struct message *video_command(struct peer *p, enum message_type type)
{
    const struct message *m = stage_command(&s, type, peer_session(p));
    while (m && m->publish.codec == CODEC_OPUS)
        m = stage_command(&s, type, peer_session(p));
    return m;
}

/* RFC 8853 5.3.2: an answer without a=simulcast leaves one layer, the first. RFC 8851 6.3: each is
 * answered in the other direction. */
static void layers_are_taken_by_their_names(void)
{
    static const char *const offers[] = {"chromium-simulcast", "firefox-simulcast"};
    for (int i = 0; i < 2; i++) {
        stage_open(&s, 16, NULL);
        struct peer *p = peer_join(&s, "one", "call");
        const char *answer = answer_to(p, offers[i], i ? "m=video 0" : NULL, "m=video 9");
        CHECK(strstr(answer, "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f\r\n"));
        CHECK(strstr(answer, i ? "a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
                               : "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
        CHECK(strstr(answer, "rtp-hdrext:sdes:repaired-rtp-stream-id"));
        peer_learn(p, answer);
        peer_claim(p, 0);
        const struct message *m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(p));
        CHECK(m && m->extensions.id[EXT_RID] == (i ? 9 : 10) &&
              m->extensions.id[EXT_REPAIRED_RID] == (i ? 10 : 11));
        CHECK_EQ(m->extensions.id[EXT_LAYERS], i ? 0 : 9); /* Firefox does not tell what each takes */
        CHECK(!strstr(answer, "a=extmap:9 " ALLOCATION) == (i == 1));
        m = video_command(p, MESSAGE_PUBLISH);
        CHECK(m && m->publish.layered);
        for (int k = 0; m && k < LAYERS_MAX; k++) { /* Chromium's are found by their rids */
            CHECK((m->publish.ssrc[k] != 0) == (i && k < 3) && (m->publish.rtx_ssrc[k] != 0) == (i && k < 3));
            CHECK_EQ(m->publish.rid[k], k < 3 ? layers_rid((const uint8_t *)&"qhf"[k], 1) : 0);
        }
        peer_call(&s, "one", "stream", 1);
        const char *offer = take_text(p, "offer", "sdp"), *ours = strstr(offer, "a=mid:s2");
        CHECK(ours && strstr(ours, "a=sendonly") && !strstr(ours, "rtp-stream-id") &&
              !strstr(ours, "a=rid") && !strstr(ours, "video-layers-allocation"));
        stage_close(&s);
    }
}

/* The golden offer with `lines` behind its last section. malloc'ed. */
static char *golden_with(const char *name, const char *lines)
{
    struct sdp_writer w = {0};
    char *text = golden(name);
    sdp_printf(&w, "%s%s", text, lines);
    free(text);
    return w.data;
}

/* Chromium before it had rids, and clients that still edit its offers so. */
static void layers_are_taken_by_the_ssrcs_of_a_group(void)
{
    static const uint32_t ssrc[LAYERS_MAX] = {13, 11, 12}, rtx[LAYERS_MAX] = {0, 21};
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    char *text =
        golden_with("chromium-watch", "a=ssrc:11 cname:x\r\na=ssrc:12 cname:x\r\na=ssrc:9 cname:x\r\n"
                                      "a=ssrc-group:FID 11 21\r\na=ssrc-group:SIM 13 11 12\r\n"
                                      "a=sendonly\r\n");
    peer_offer_text(p, text);
    free(text);
    const char *answer = take_text(p, "answer", "sdp");
    CHECK(!strstr(answer, "a=rid") && !strstr(answer, "a=simulcast") && !strstr(answer, "rtp-stream-id"));
    peer_learn(p, answer);
    peer_claim(p, 0);
    const struct message *m = video_command(p, MESSAGE_PUBLISH);
    CHECK(m && m->publish.layered);
    for (size_t k = 0; m && k < LAYERS_MAX; k++)
        CHECK(m->publish.ssrc[k] == ssrc[k] && m->publish.rtx_ssrc[k] == rtx[k] && !m->publish.rid[k]);
    stage_close(&s);
}

static void sources_without_a_group_are_no_layers(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    char *text = golden_with("chromium-watch", "a=ssrc:11 cname:x\r\na=ssrc:12 cname:x\r\n"
                                               "a=ssrc-group:FID 11 21\r\na=sendonly\r\n");
    peer_offer_text(p, text);
    free(text);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 0);
    const struct message *m = video_command(p, MESSAGE_PUBLISH);
    CHECK(m && !m->publish.layered);
    for (size_t k = 0; m && k < LAYERS_MAX; k++)
        CHECK(m->publish.ssrc[k] == (k ? 0 : 11) && m->publish.rtx_ssrc[k] == (k ? 0 : 21));
    stage_close(&s);
}

/* Chromium's simulcast offer with other lines about its layers. malloc'ed. */
static char *layered_offer(const char *lines)
{
    struct sdp_writer w = {0};
    char *text = golden("chromium-simulcast");
    sdp_printf(&w, "%.*s%s", (int)(strstr(text, "a=rid:") - text), text, lines);
    free(text);
    return w.data;
}

/* "q;h" of a=rid and a=simulcast lines of an answer; "?" if the two differ. */
static const char *answered_rids(const char *answer)
{
    static char rids[256];
    char want[256] = "";
    const char *at = answer, *list = strstr(answer, "a=simulcast:recv ");
    *rids = 0;
    while ((at = strstr(at, "a=rid:"))) {
        char name[64], direction[16];
        at += strlen("a=rid:");
        if (sscanf(at, "%63s %15s", name, direction) != 2 || !same(direction, "recv"))
            return "?";
        snprintf(want, sizeof want, "%s%s%s", rids, *rids ? ";" : "", name);
        memcpy(rids, want, sizeof rids);
    }
    if (!list != !*rids)
        return "?";
    return !list || (strncmp(list + 17, rids, strlen(rids)) == 0 && list[17 + strlen(rids)] == '\r') ? rids
                                                                                                     : "?";
}

static void check_layers(const struct message *m, const char *rids, bool layered)
{
    char list[256], *word, *rest = list;
    size_t count = 0;
    snprintf(list, sizeof list, "%s", rids);
    CHECK(m && m->publish.layered == layered);
    while (m && (word = strsep(&rest, ";")) && *word)
        CHECK_EQ(m->publish.rid[count++], layers_rid((const uint8_t *)word, strlen(word)));
    for (; m && count < LAYERS_MAX; count++)
        CHECK_EQ(m->publish.rid[count], 0);
}

/* RFC 8853 5.3.2, RFC 8851 6.3. */
static void layers_of_every_form_are_answered(void)
{
    static const struct {
        const char *lines, *rids;
        bool layered;
    } cases[] = {
        {"a=rid:f send\r\na=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h;f\r\n", "q;h;f", true},
        {"a=simulcast:send f;h;q\r\na=rid:q send\r\na=rid:h send\r\na=rid:f send\r\n", "f;h;q", true},
        {"a=rid:q send\r\na=rid:h send\r\na=simulcast:send q;~h\r\n", "q;h", true}, /* it may start paused */
        {"a=rid:q send\r\na=rid:x send\r\na=rid:h send\r\na=simulcast:send q,x;~h,q\r\n", "q;h", true},
        {"a=simulcast:send a;b;c;d;e;f\r\n", "a;b;c;d", true},
        {"a=simulcast:send q;h!;seventeen-letters;sixteen-letters_;q\r\n", "q;sixteen-letters_", true},
        {"a=rid:q send pt=96,98;max-width=320\r\na=rid:h send pt=98\r\na=rid:f send max-fps=30\r\n"
         "a=simulcast:send q;h;f\r\n",
         "q;f", true},
        {"a=rid:q send\r\na=simulcast:send q\r\n", "q", false},
        {"a=rid:q send\r\n", "", false},
        {"a=rid:q send\r\na=rid:a recv\r\na=simulcast:recv a send q;h\r\n", "q;h", true},
        {"a=rid:q recv\r\na=rid:h recv\r\na=simulcast:recv q;h\r\n", "", false},
        {"a=simulcast:send ;;,;\r\n", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stage_open(&s, 16, NULL);
        struct peer *p = peer_join(&s, "one", "call");
        char *text = layered_offer(cases[i].lines);
        peer_offer_text(p, text);
        free(text);
        const char *answer = take_text(p, "answer", "sdp");
        if (!same(answered_rids(answer), cases[i].rids))
            printf("# %s%s\n", cases[i].lines, answer);
        CHECK(same(answered_rids(answer), cases[i].rids));
        CHECK(!strstr(answer, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id") ==
              !*cases[i].rids);
        CHECK(!strstr(answer, "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id") ==
              !*cases[i].rids);
        CHECK(strstr(answer, "a=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\n"
                             "a=rtcp-fb:96 nack pli\r\n"));
        peer_learn(p, answer);
        peer_claim(p, 0);
        check_layers(video_command(p, MESSAGE_PUBLISH), cases[i].rids, cases[i].layered);
        stage_close(&s);
    }
}

static void layers_of_other_stacks_are_answered(void)
{
    static const struct {
        const char *name, *rids;
        uint32_t ssrc;
        uint8_t repaired; /* id of the extension */
        enum codec codec;
    } cases[] = {{"safari-simulcast", "low;mid;high", 0, 11, CODEC_VP8},
                 {"obs-simulcast", "0;1;2", 1862033418, 0, CODEC_H264}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stage_open(&s, 16, NULL);
        struct peer *p = peer_join(&s, "one", "stream");
        CHECK(peer_offer_golden(p, cases[i].name));
        const char *answer = take_text(p, "answer", "sdp");
        CHECK(same(answered_rids(answer), cases[i].rids) && strstr(answer, " nack pli"));
        peer_learn(p, answer);
        peer_claim(p, 0);
        const struct message *m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(p));
        CHECK(m && m->extensions.id[EXT_REPAIRED_RID] == cases[i].repaired && m->extensions.id[EXT_RID]);
        m = video_command(p, MESSAGE_PUBLISH);
        check_layers(m, cases[i].rids, true);
        CHECK(m && m->publish.ssrc[0] == cases[i].ssrc && m->publish.ssrc[1] == 0);
        CHECK(m && m->publish.codec == cases[i].codec);
        stage_close(&s);
    }
}

/* Nobody could tell such layers apart by their rids. */
static void layers_without_the_extension_are_not_answered(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    char *text =
        layered_offer("a=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h\r\na=ssrc-group:SIM 7 5\r\n");
    memcpy(strstr(text, ":rtp-stream-id"), ":rtp-xxxxxx-id", 14);
    peer_offer_text(p, text);
    free(text);
    const char *answer = take_text(p, "answer", "sdp");
    CHECK(same(answered_rids(answer), ""));
    peer_learn(p, answer);
    peer_claim(p, 0);
    const struct message *m = video_command(p, MESSAGE_PUBLISH);
    check_layers(m, "", true);
    CHECK(m && m->publish.ssrc[0] == 7 && m->publish.ssrc[1] == 5);
    stage_close(&s);
}

static void layers_of_sound_are_not_answered(void)
{
    struct sdp_writer w = {0};
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    char *text = golden("chromium-stream"), *at = strstr(text, "a=sendonly");
    sdp_printf(&w, "%.*s%s%s", (int)(at - text), text,
               "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=rid:q send\r\na=rid:h send\r\n"
               "a=simulcast:send q;h\r\na=ssrc-group:SIM 7 5\r\n",
               at);
    peer_offer_text(p, w.data);
    free(w.data);
    free(text);
    const char *answer = take_text(p, "answer", "sdp");
    CHECK(same(answered_rids(answer), ""));
    peer_learn(p, answer);
    peer_claim(p, 0);
    for (int i = 0; i < 2; i++)
        check_layers(stage_command(&s, MESSAGE_PUBLISH, peer_session(p)), "", false);
    stage_close(&s);
}

/* RFC 8853 5.3.4. Chromium then sends one stream without a rid. */
static void layers_that_a_later_offer_drops_end_and_none_come_back(void)
{
    static const struct {
        const char *lines, *rids;
        bool layered, changes;
    } offers[] = {
        {"a=simulcast:send q;h;f\r\n", "q;h;f", true, false},
        {"a=simulcast:send f;q;x\r\n", "q;f", true, true}, /* an order of its own means nothing */
        {"a=simulcast:send q;h;f\r\n", "q;f", true, false},
        {"a=simulcast:send f;x\r\n", "f", false, true},
        {"a=simulcast:send f\r\n", "f", false, false},
        {"", "", false, true},
        {"a=simulcast:send q;h;f\r\n", "", false, false},
    };
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "stream");
    CHECK(peer_offer_golden(p, "chromium-simulcast"));
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 0);
    const struct message *m = video_command(p, MESSAGE_PUBLISH);
    uint32_t track = m ? m->track : 0;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        char *text = layered_offer(offers[i].lines);
        peer_offer_text(p, text);
        free(text);
        CHECK(same(answered_rids(take_text(p, "answer", "sdp")), offers[i].rids));
        m = stage_command(&s, MESSAGE_REPUBLISH, peer_session(p));
        CHECK(!m == !offers[i].changes && (!m || m->track == track));
        if (m)
            check_layers(m, offers[i].rids, offers[i].layered);
    }
    CHECK_EQ(stage_commands(&s, MESSAGE_PUBLISH), 2);
    CHECK_EQ(stage_commands(&s, MESSAGE_UNPUBLISH), 0);
    stage_close(&s);
}

/* RFC 8285 5: the server answers a /sendonly extension with /recvonly and does not send it. */
static void an_extension_that_the_client_only_sends_is_received(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    const char *answer = answer_to(p, "firefox-simulcast", "m=video 0", "m=video 9");
    CHECK(strstr(answer, "a=extmap:8/recvonly " DEPENDENCY));
    peer_learn(p, answer);
    peer_claim(p, 0);
    peer_call(&s, "one", "stream", 1);
    const char *offer = take_text(p, "offer", "sdp");
    CHECK(strstr(offer, "a=sendonly") && !strstr(strstr(offer, "a=sendonly"), "dependency-descriptor"));
    stage_close(&s);
}

/* The offer as its own answer: the client takes all of it, with or without the descriptor. */
static const char *answer_with(const char *offer, bool dependency)
{
    static char text[16384];
    const char *line = strstr(offer, " " DEPENDENCY);
    snprintf(text, sizeof text, "%s", offer);
    if (!dependency)
        memset(text + (line - offer) + 1, 'x', 10);
    for (char *at; (at = strstr(text, "a=sendonly"));)
        memcpy(at, "a=recvonly", 10);
    return text;
}

/* Chromium does not offer it for what it watches, but takes it: under an id that its own offers do not
 * use. */
static void a_viewer_is_offered_a_dependency_descriptor_and_sent_it_once_it_answers(void)
{
    for (int takes = 0; takes < 2; takes++) {
        const struct message *m = NULL, *next;
        stage_open(&s, 16, NULL);
        struct peer *v = peer_join(&s, "one", "watch");
        peer_learn(v, answer_to(v, "chromium-watch", NULL, NULL));
        peer_claim(v, 0);
        m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(v));
        CHECK(m && m->extensions.id[EXT_DEPENDENCY] == 12);
        peer_call(&s, "one", "stream", 1);
        const char *offer = take_text(v, "offer", "sdp"), *id = strstr(offer, " " DEPENDENCY);
        CHECK(id && strncmp(id - 3, ":12", 3) == 0 && strstr(offer, "a=extmap-allow-mixed\r\n"));
        CHECK(strstr(offer, "a=rtcp-fb:111 nack\r\n")); /* which no browser offers by itself */
        peer_say(v, "answer", "{s:o}", "sdp", json_string(answer_with(offer, takes)));
        while ((next = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v))))
            m = next->subscribe.codec == CODEC_OPUS ? m : next;
        CHECK(m && m->subscribe.extensions.id[EXT_DEPENDENCY] == (takes ? 12 : 0) &&
              m->subscribe.extensions.id[EXT_MID] == 4);
        stage_close(&s);
    }
}

/* RFC 8285 6: long extensions need the client's consent. */
static void a_viewer_without_long_extensions_is_offered_no_dependency_descriptor(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_join(&s, "one", "watch");
    peer_learn(v, answer_to(v, "chromium-watch", "a=extmap-allow-mixed", "a=extmap-allow-xxxxx"));
    peer_claim(v, 0);
    const struct message *m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(v));
    CHECK(m && m->extensions.id[EXT_DEPENDENCY] == 0);
    peer_call(&s, "one", "stream", 1);
    const char *offer = take_text(v, "offer", "sdp");
    CHECK(strstr(offer, "a=sendonly") && !strstr(offer, DEPENDENCY));
    stage_close(&s);
}

/* A publisher with the orientation extension (3GPP TS 26.114 7.4.5) sends rotated pictures, and a viewer
 * without the extension would show them rotated. So the server never accepts it, and publishers rotate their
 * pictures themselves. */
static void orientation_is_promised_to_no_publisher(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    CHECK(peer_offer_golden(p, "chromium-call"));
    const char *answer = take_text(p, "answer", "sdp");
    CHECK(strstr(answer, "m=video 9 ") && !strstr(answer, "video-orientation"));
    stage_close(&s);
}

/* --- when the server offers --- */

static void a_second_peer_brings_one_offer_to_the_first(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_join(&s, "one", "call");
    forget(a);
    CHECK(peer_offer_golden(b, "firefox-call"));
    peer_learn(b, take_text(b, "answer", "sdp"));
    CHECK_EQ(waiting(a, "offer"), 0);
    CHECK_EQ(waiting(b, "offer"), 1); /* a's tracks are there already */
    peer_claim(b, 1);
    CHECK_EQ(waiting(a, "offer"), 1);
    CHECK_EQ(waiting(b, "offer"), 1);
    struct sdp *sdp = offered(a);
    CHECK(sdp && sdp->count == 4 && sdp->ice_lite);
    for (size_t i = 0; sdp && i < sdp->count; i++) {
        const struct sdp_section *in = &sdp->sections[i];
        CHECK_EQ(in->direction, i < 2 ? SDP_RECVONLY : SDP_SENDONLY);
        CHECK(in->setup == SDP_ACTPASS && in->ssrc_count == (i < 2 ? 0 : 1) &&
              (in->stream_id.len > 0) == (i >= 2));
        CHECK(i < 2 || !in->codecs[0].transport_cc);
    }
    drop(sdp);
    CHECK(peer_answer(a, NULL) && peer_answer(b, NULL));
    CHECK_EQ(waiting(a, "offer") + waiting(b, "offer"), 0);
    CHECK_EQ(stage_commands(&s, MESSAGE_SUBSCRIBE), 4);
    stage_close(&s);
}

static void what_changes_while_an_offer_is_open_makes_one_more_after_the_answer(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_call(&s, "one", "call", 1);
    CHECK_EQ(waiting(a, "offer"), 1);
    struct peer *c = peer_call(&s, "one", "call", 0), *d = peer_call(&s, "one", "call", 1);
    peer_close(b);
    CHECK_EQ(waiting(a, "offer"), 1);
    CHECK(peer_answer(a, NULL));
    CHECK_EQ(waiting(a, "offer"), 1);
    CHECK_EQ(offered_as(a, SDP_INACTIVE), 2); /* b's, that were offered, but ended before the answer */
    CHECK_EQ(offered_as(a, SDP_SENDONLY), 4);
    CHECK(peer_answer(a, NULL));
    CHECK_EQ(waiting(a, "offer"), 0);
    CHECK(!peer_answer(a, NULL));
    peer_close(d);
    CHECK(peer_answer(a, NULL));
    CHECK(c->participant && !waiting(a, "error"));
    stage_close(&s);
}

static void a_section_is_used_again_only_after_the_client_heard_of_its_end(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0); /* two recvonly sections: they are used first */
    struct peer *a = peer_call(&s, "one", "stream", 1);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 2);
    settle();
    CHECK_EQ(v->line_count, 2);
    peer_close(a);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 0);
    CHECK_EQ(offered_as(v, SDP_INACTIVE), 2);
    struct peer *b = peer_call(&s, "one", "stream", 1); /* comes while that offer is open */
    CHECK(peer_answer(v, NULL));
    CHECK_EQ(v->line_count, 2);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 2);
    CHECK(peer_answer(v, NULL));
    CHECK_EQ(v->line_count, 2);

    peer_call(&s, "one", "stream", 0); /* offered in sections of its own… */
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 4);
    peer_close(b);
    struct peer *c = peer_call(&s, "one", "stream", 1);
    CHECK(peer_answer(v, NULL));
    CHECK_EQ(v->line_count, 4); /* …and c's cannot have b's: the client has not heard of b's end */
    CHECK_EQ(offered_as(v, SDP_INACTIVE), 2);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 4);
    settle();
    CHECK(c->participant && v->line_count == 6);
    CHECK_EQ(s.viewer_count, 4);
    stage_close(&s);
}

static void an_ssrc_is_never_used_twice(void)
{
    static uint32_t seen[4096];
    size_t count = 0;
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0);
    for (int i = 0; i < 100; i++) {
        struct peer *a = peer_call(&s, "one", "stream", 1);
        struct sdp *sdp = offered(v);
        for (size_t k = 0; sdp && k < sdp->count; k++) {
            CHECK_EQ(sdp->sections[k].ssrc_count, 1);
            for (size_t j = 0; j < count; j++)
                CHECK(seen[j] != sdp->sections[k].ssrcs[0].ssrc);
            seen[count++] = sdp->sections[k].ssrcs[0].ssrc;
        }
        drop(sdp);
        settle();
        peer_close(a);
        settle();
        peer_free(a);
        stage_work(&s);
    }
    CHECK(count == 200 && v->line_count == 2);
    stage_close(&s);
}

static const char *sources_of(const json_t *streams, const char *participant, int nth)
{
    static char list[128];
    list[0] = 0;
    for (size_t i = 0; i < json_array_size(streams); i++) {
        json_t *entry = json_array_get(streams, i), *sources = json_object_get(entry, "sources");
        if (!same(json_string_value(json_object_get(entry, "participant")), participant) || nth-- > 0)
            continue;
        for (size_t k = 0; k < json_array_size(sources); k++) {
            if (*list)
                strcat(list, " ");
            strcat(list, json_string_value(json_array_get(sources, k)));
        }
        return list;
    }
    return "";
}

static void streams_say_whose_they_are(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0), *a = peer_call(&s, "one", "stream", 1);
    settle();
    forget(a);
    peer_line(a, SDP_VIDEO, SDP_SENDONLY);
    peer_line(a, SDP_AUDIO, SDP_SENDONLY);
    peer_offer(a); /* without `sources`: one more camera, one more microphone */
    CHECK_EQ(waiting(a, "error"), 0);
    json_t *offer = take(v, "offer"), *streams = json_object_get(offer, "streams");
    CHECK_EQ(json_array_size(streams), 1);
    peer_close(a);

    char *text = golden("chromium-call");
    struct peer *b = peer_join(&s, "two", "call"), *w = peer_call(&s, "two", "watch", 1);
    peer_offer_text(b, text); /* to have its lines */
    peer_learn(b, take_text(b, "answer", "sdp"));
    peer_claim(b, 0);
    settle();
    peer_say(b, "offer", "{s:s, s:{s:s, s:s}}", "sdp", text, "sources", "0", "screen-audio", "1", "screen");
    CHECK_EQ(waiting(w, "offer"), 0); /* a publication keeps its source */
    peer_close(b);
    settle();
    b = peer_join(&s, "two", "call");
    peer_say(b, "offer", "{s:s, s:{s:s, s:s, s:i}}", "sdp", text, "sources", "0", "camera", "1", "screen",
             "x", 1);
    free(text);
    b->line_count = 2;
    peer_learn(b, take_text(b, "answer", "sdp"));
    peer_claim(b, 0);
    offer = take(w, "offer");
    streams = json_object_get(offer, "streams");
    CHECK_EQ(json_array_size(streams), 2);
    for (int i = 0; i < 2; i++) {
        const char *id = json_string_value(json_object_get(json_array_get(streams, (size_t)i), "id"));
        char msid[64];
        CHECK_EQ(strlen(id), 16); /* random, so unique */
        snprintf(msid, sizeof msid, "a=msid:%s ", id);
        CHECK(strstr(json_string_value(json_object_get(offer, "sdp")), msid) != NULL);
    }
    bool first = same(sources_of(streams, b->id, 0), "microphone"); /* audio is no camera */
    CHECK(same(sources_of(streams, b->id, first ? 1 : 0), "screen"));
    CHECK(same(sources_of(streams, b->id, first ? 0 : 1), "microphone"));
    stage_close(&s);
}

static void a_section_that_the_answer_refuses_is_not_sent_to(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0);
    struct peer *a = peer_call(&s, "one", "stream", 1);
    CHECK(peer_answer(v, "1"));
    const struct message *m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v));
    CHECK(m && same(m->subscribe.mid, "0"));
    CHECK(!stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v)));
    CHECK_EQ(waiting(v, "offer") + waiting(v, "error"), 0);
    peer_close(a);
    CHECK_EQ(stage_commands(&s, MESSAGE_UNSUBSCRIBE), 1);
    stage_close(&s);
}

/* RFC 9143 7.3.3: to take a section out of the group is to refuse it, where there is one transport. */
static void a_section_that_the_answer_takes_out_of_the_bundle_is_not_sent_to(void)
{
    char answer[16384];
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0);
    peer_call(&s, "one", "stream", 1);
    snprintf(answer, sizeof answer, "%s", take_text(v, "offer", "sdp"));
    char *group = strstr(answer, "a=group:BUNDLE 0 1\r\n");
    CHECK(group != NULL);
    if (group)
        memcpy(group, "a=group:BUNDLE 0  ", 18);
    for (char *at; (at = strstr(answer, "a=sendonly"));)
        memcpy(at, "a=recvonly", 10);
    peer_say(v, "answer", "{s:s}", "sdp", answer);
    const struct message *m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v));
    CHECK(m && same(m->subscribe.mid, "0"));
    CHECK(!stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v)));
    stage_close(&s);
}

static void a_section_that_an_answer_refused_may_be_recycled(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_call(&s, "one", "call", 1);
    CHECK(peer_answer(a, "s3"));
    CHECK_EQ(waiting(a, "offer"), 0); /* it is not asked again */
    peer_line(a, SDP_AUDIO, SDP_SENDONLY);
    peer_offer(a);
    CHECK(strstr(take_text(a, "answer", "sdp"), "m=audio 0 ") != NULL); /* refused it stays */
    settle();
    CHECK_EQ(s.viewer_count, 4);
    a->lines[3] = (struct line){.kind = SDP_AUDIO, .direction = SDP_SENDRECV, .mid = "new"};
    peer_offer(a);
    CHECK(!waiting(a, "error") && waiting(b, "offer") == 1);
    settle(); /* and b's camera is offered once more, elsewhere */
    CHECK_EQ(s.track_count, 6);
    CHECK_EQ(s.viewer_count, 6);
    stage_close(&s);
}

static void a_section_that_a_later_answer_refuses_is_not_sent_to_any_more(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0), *a = peer_call(&s, "one", "stream", 1);
    settle();
    CHECK_EQ(s.viewer_count, 2);
    peer_call(&s, "one", "stream", 1);
    CHECK(peer_answer(v, "1"));
    CHECK_EQ(s.viewer_count, 3);
    peer_close(a);
    settle();
    CHECK_EQ(s.viewer_count, 2);
    stage_close(&s);
}

static void a_track_that_the_client_stops_is_not_offered_again(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0), *a = peer_call(&s, "one", "stream", 1);
    settle();
    v->lines[1].refused = true;
    peer_offer(v);
    CHECK_EQ(s.viewer_count, 1);
    CHECK_EQ(waiting(v, "offer"), 0);
    peer_call(&s, "one", "stream", 1);
    json_t *offer = take(v, "offer"), *streams = json_object_get(offer, "streams");
    CHECK_EQ(json_array_size(streams), 2);
    for (size_t i = 0; i < json_array_size(streams); i++) {
        json_t *entry = json_array_get(streams, i);
        bool is_a = same(json_string_value(json_object_get(entry, "participant")), a->id);
        CHECK_EQ(json_array_size(json_object_get(entry, "sources")), is_a ? 1 : 2);
    }
    stage_close(&s);
}

static void a_track_that_an_answer_stops_ends(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 0), *v = peer_call(&s, "one", "watch", 1);
    CHECK_EQ(s.track_count, 2);
    p->lines[1].stopped = true; /* while our offer is in flight: only its answer tells us */
    peer_call(&s, "one", "stream", 0);
    CHECK(peer_answer(p, NULL));
    CHECK_EQ(s.track_count, 1 + 2);
    settle();
    CHECK_EQ(s.viewer_count, 2 + 3); /* p watches the stream; v watches the stream and p's remaining track */
    CHECK_EQ(waiting(p, "error") + waiting(v, "error"), 0);
    p->lines[1].stopped = false;
    p->lines[1].direction = SDP_SENDRECV; /* the camera is back */
    peer_offer(p);
    settle();
    CHECK_EQ(s.track_count, 4);
    CHECK_EQ(s.viewer_count, 2 + 4);
    stage_close(&s);
}

/* Payload types of a section in a description, the first one; 0: refused. */
static unsigned first_payload_type(const char *text, size_t section)
{
    enum sdp_error error;
    struct sdp *sdp = sdp_parse(text, strlen(text), &error);
    CHECK(sdp && section < sdp->count);
    unsigned pt = sdp->sections[section].port ? sdp->sections[section].codecs[0].payload_type : 0;
    sdp_free(sdp);
    return pt;
}

static void a_codec_that_a_later_offer_lacks_gives_way_to_one_that_it_has(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = camera("call", NULL, ALL), *v = camera("watch", NULL, ALL);
    settle();
    uint32_t session = peer_session(p);
    CHECK_EQ(stage_command(&s, MESSAGE_PUBLISH, session)->publish.payload_type, 96);
    peer_offer(p); /* the same again */
    CHECK_EQ(first_payload_type(take_text(p, "answer", "sdp"), 0), 96);
    CHECK_EQ(stage_commands(&s, MESSAGE_UNPUBLISH), 0);
    p->codecs = H264; /* setCodecPreferences */
    peer_offer(p);
    CHECK_EQ(first_payload_type(take_text(p, "answer", "sdp"), 0), 102);
    CHECK_EQ(stage_commands(&s, MESSAGE_UNPUBLISH), 1);
    const struct message *m = stage_command(&s, MESSAGE_PUBLISH, session);
    CHECK(m && m->publish.payload_type == 102 && m->publish.codec == CODEC_H264);
    settle();
    CHECK(s.track_count == 1 && s.viewer_count == 1 && !waiting(v, "error"));
    stage_close(&s);
}

static void a_section_of_unknown_codecs_is_refused_and_a_viewer_without_the_codec_is_not_sent_to(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = camera("call", NULL, VP8), *v = camera("watch", NULL, ALL);
    settle();
    CHECK_EQ(s.viewer_count, 1);
    v->codecs = H264;
    peer_offer(v);
    const char *text = take_text(v, "answer", "sdp");
    CHECK(first_payload_type(text, 0) == 102 && strstr(text, "a=inactive") && !strstr(text, "a=sendonly"));
    CHECK_EQ(s.viewer_count, 0);
    p->codecs = 0; /* none that this server knows */
    peer_line(p, SDP_VIDEO, SDP_SENDRECV);
    peer_offer_text(
        p,
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
        "a=ice-ufrag:ab00\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 "
        "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
        "a=setup:actpass\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\na=sendrecv\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 49\r\na=mid:1\r\na=rtpmap:49 H265/90000\r\na=sendrecv\r\n");
    text = take_text(p, "answer", "sdp");
    CHECK_EQ(first_payload_type(text, 0), 96);
    CHECK_EQ(first_payload_type(text, 1), 0);
    CHECK_EQ(s.track_count, 1);
    stage_close(&s);
}

#define CLIENT                                                                                               \
    "a=ice-ufrag:ab00\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=fingerprint:sha-256 "    \
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
#define SESSION "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define LINE(mid, pt, codec, direction)                                                                      \
    "m=video 9 UDP/TLS/RTP/SAVPF " pt "\r\na=mid:" mid "\r\na=rtpmap:" pt " " codec "/90000\r\na=" direction \
    "\r\n"

/* The answer to this offer of a client that joins for it; other messages stay queued. Free it with `drop`. */
static struct sdp *answered(struct peer *p, const char *offer)
{
    enum sdp_error error;
    peer_offer_text(p, offer);
    offered_text = strdup(take_text(p, "answer", "sdp"));
    if (*offered_text)
        peer_learn(p, offered_text);
    return sdp_parse(offered_text, strlen(offered_text), &error);
}

/* RFC 8285 6. */
static void one_section_of_video_tells_that_long_extensions_are_taken(void)
{
    static const char *const says[] = {"", "a=extmap-allow-mixed\r\n"};
    for (int i = 0; i < 2; i++) {
        char offer[2048];
        stage_open(&s, 16, NULL);
        struct peer *p = peer_join(&s, "one", "watch");
        snprintf(offer, sizeof offer, "%s%s", SESSION CLIENT LINE("0", "96", "VP8", "recvonly"), says[i]);
        drop(answered(p, offer));
        peer_claim(p, 0);
        const struct message *m = stage_command(&s, MESSAGE_EXTENSIONS, peer_session(p));
        CHECK(m && !m->extensions.id[EXT_DEPENDENCY] == !i);
        stage_close(&s);
    }
}

/* An invalid line or section does not make the server refuse the whole offer. RFC 9143 7.3.3, RFC 9429 5.3.1,
 * RFC 5761 5.1.1, RFC 5506 5. */
static void what_cannot_be_taken_is_refused_alone_and_said(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "stream");
    struct sdp *sdp = answered(
        p, SESSION
        "a=group:BUNDLE 7f000001-cafe-4dad-beef-0123456789ab pcmu data\r\n" CLIENT
        "m=video 9 UDP/TLS/RTP/SAVP 96\r\na=mid:7f000001-cafe-4dad-beef-0123456789ab \r\na=rtpmap:96 VP8/90000 \r\n"
        "a=rtcp-fb:96 nack \r\na=rtcp-mux\r\na=sendonly \r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:pcmu\r\na=rtcp-mux\r\na=sendonly\r\na=rtpmap:0 PCMU/8000\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:data\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:out\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n");
    CHECK(sdp && sdp->count == 4 && sdp->bundled);
    for (size_t i = 0; sdp && i < 4; i++) {
        const struct sdp_section *in = &sdp->sections[i];
        CHECK_EQ(in->port == 0, i > 0);
        CHECK(in->ufrag.len && in->password.len && in->fingerprint.len && in->setup == SDP_PASSIVE);
        CHECK_EQ(in->rtcp_mux, i < 2);
        CHECK(!in->rtcp_rsize);
        /* or aiortc drops the whole answer */
        CHECK(i != 1 || (in->codecs[0].name.len == 4 && in->codecs[0].clock_rate == 8000));
        CHECK(i || (in->codecs[0].nack && in->protocol.len == strlen("UDP/TLS/RTP/SAVP")));
        CHECK(i == 0 || in->direction == SDP_INACTIVE); /* as Firefox writes its own */
    }
    CHECK(sdp && sdp->sections[3].codecs[0].channels == 2);
    CHECK(strstr(offered_text, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n") !=
          NULL); /* RFC 3264 6: as in the offer, with a format */
    CHECK(strstr(offered_text, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n") != NULL);
    CHECK(strstr(offered_text, "a=rtpmap:0 PCMU/8000\r\n") != NULL); /* as in the offer */
    drop(sdp);
    CHECK_EQ(waiting(p, "error"), 2);
    json_t *error = take(p, "error");
    CHECK(same(json_string_value(json_object_get(error, "code")), "section-refused"));
    CHECK(strstr(json_string_value(json_object_get(error, "message")), "\"pcmu\": no supported codec") !=
          NULL);
    CHECK(strstr(take_text(p, "error", "message"), "\"out\": it is not in the BUNDLE group") != NULL);
    stage_close(&s);
}

/* RFC 9143 7.3.2: if sections have different credentials, as aiortc writes them, those of the first accepted
 * section count. */
static void the_transport_is_that_of_the_first_section_that_is_taken(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "stream");
    drop(answered(
        p, SESSION
        "a=group:BUNDLE 2 0 1\r\n" CLIENT
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:pcmu\r\na=sendonly\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ice-ufrag:later\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=ice-ufrag:first\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n"));
    peer_claim(p, 0);
    CHECK(same(s.credentials.remote_ufrag, "first")); /* by the group's order */
    struct peer *q = peer_join(&s, "one", "stream");
    char *text = golden("aiortc-stream"), *pcmu = strstr(text, "SAVPF 96 0 8");
    memcpy(pcmu, "SAVPF 0 8  0", 12); /* it may have nothing but PCMU */
    peer_offer_text(q, text);
    peer_learn(q, take_text(q, "answer", "sdp"));
    peer_claim(q, 0);
    CHECK(same(s.credentials.remote_ufrag, "5Keb")); /* the video section's */
    free(text);
    stage_close(&s);
}

/* RFC 8842 5.3: FFmpeg's WHIP muxer insists on being passive, so the answer is active, also to its later
 * offers. */
static void a_passive_offer_is_answered_active(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "stream"), *q = peer_join(&s, "one", "stream");
    char *text = golden("ffmpeg-stream");
    for (int i = 0; i < 2; i++) {
        struct sdp *sdp = answered(p, text);
        CHECK(sdp && sdp->sections[0].setup == SDP_ACTIVE && sdp->sections[1].setup == SDP_ACTIVE);
        CHECK(sdp && sdp->sections[0].port && sdp->sections[1].port && !sdp->sections[0].rtcp_rsize &&
              sdp->sections[1].rtcp_rsize);
        drop(sdp);
    }
    CHECK(registry_setup(s.registry, peer_session(p))->active);
    for (char *at = text; (at = strstr(at, "a=setup:passive"));)
        memcpy(at, "a=setup:actpass", strlen("a=setup:actpass"));
    struct sdp *sdp = answered(p, text); /* an actpass client keeps the present role */
    CHECK(sdp && sdp->sections[0].setup == SDP_ACTIVE);
    drop(sdp);
    sdp = answered(q, text);
    CHECK(sdp && sdp->sections[0].setup == SDP_PASSIVE &&
          !registry_setup(s.registry, peer_session(q))->active);
    drop(sdp);
    free(text);
    /* RFC 9143 7.3: an offer without a group is answered without one, in either role */
    struct peer *r = peer_join(&s, "one", "stream");
    sdp = answered(r, SESSION CLIENT LINE("0", "96", "VP8", "sendonly") "a=setup:passive\r\n");
    CHECK(sdp && !sdp->bundled && sdp->sections[0].setup == SDP_ACTIVE && !strstr(offered_text, "a=group"));
    drop(sdp);
    stage_close(&s);
}

/* RFC 9143 12: aiortc names its video's sending time by the id of its audio's level. */
static void an_id_of_two_extensions_is_given_to_one(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "stream");
    char *text = golden("aiortc-stream");
    struct sdp *sdp = answered(p, text);
    CHECK(sdp && sdp->sections[0].extensions.id[EXT_AUDIO_LEVEL] == 2 &&
          sdp->sections[0].extensions.id[EXT_MID] == 1);
    CHECK(sdp && sdp->sections[1].extensions.id[EXT_ABS_SEND_TIME] == 0 &&
          sdp->sections[1].extensions.id[EXT_MID] == 1);
    drop(sdp);
    free(text);
    stage_close(&s);
    /* and over two offers */
    stage_open(&s, 16, NULL);
    p = peer_join(&s, "one", "stream");
    peer_line(p, SDP_AUDIO, SDP_SENDONLY);
    peer_offer(p); /* 1: audio level */
    forget(p);
    sdp =
        answered(p, SESSION
                 "a=group:BUNDLE 0 1\r\n" CLIENT
                 "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n"
                 "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n"
                 "a=extmap:1 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
                 "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"); /* 4 in the audio's section, above */
    CHECK(sdp && sdp->sections[1].port && sdp->sections[1].extensions.id[EXT_ABS_SEND_TIME] == 0);
    /* RFC 8285 6: no id that the offer's section has not */
    CHECK(sdp && sdp->sections[1].extensions.id[EXT_MID] == 0);
    drop(sdp);
    stage_close(&s);
}

/* RFC 7587 7 has "/2"; a client that omits it means the same, and the answer omits it too. */
static void opus_without_its_channels_is_opus(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0), *p = peer_join(&s, "one", "stream");
    struct sdp *sdp = answered(
        p, SESSION CLIENT "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000\r\na=sendonly\r\n");
    CHECK(sdp && sdp->sections[0].port && sdp->sections[0].codecs[0].channels == 1);
    drop(sdp);
    CHECK_EQ(waiting(p, "error"), 0);
    peer_claim(p, 1);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 1);
    sdp = answered(p, SESSION CLIENT
                   "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=sendonly\r\n");
    CHECK(sdp && sdp->sections[0].port && sdp->sections[0].codecs[0].channels == 2);
    drop(sdp);
    stage_close(&s);
}

static void parameters_may_be_long(void)
{
    char sets[512], text[2048];
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "default", "stream"), *v = camera("watch", NULL, ALL);
    memset(sets, 'Z', sizeof sets - 1);
    sets[sizeof sets - 1] = 0;
    snprintf(
        text, sizeof text,
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:ab00\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
        "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
        "a=setup:actpass\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:video0\r\na=rtpmap:96 H264/90000\r\n"
        "a=fmtp:96 packetization-mode=1;profile-level-id=42c01f;sprop-parameter-sets=%s\r\na=sendonly\r\n",
        sets);
    peer_offer_text(p, text);
    const char *answer = take_text(p, "answer", "sdp");
    CHECK(first_payload_type(answer, 0) == 96 && strstr(answer, sets));
    CHECK(strstr(answer, "a=mid:video0\r\n") && !strstr(answer, "a=group")); /* it has none */
    peer_learn(p, answer);
    peer_claim(p, 0);
    settle();
    CHECK_EQ(s.viewer_count, 1);
    CHECK(v->participant != NULL);
    stage_close(&s);
}

static void a_lonely_section_needs_no_name(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "default", "stream"), *v = camera("watch", NULL, ALL);
    peer_offer_text(
        p,
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:ab00\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
        "a=fingerprint:sha-256 "
        "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
        "a=setup:actpass\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=sendonly\r\n");
    const char *answer = take_text(p, "answer", "sdp");
    CHECK(first_payload_type(answer, 0) == 96 && !strstr(answer, "a=mid") && !strstr(answer, "a=group"));
    peer_learn(p, answer);
    peer_claim(p, 0);
    settle();
    CHECK(s.viewer_count == 1 && !waiting(v, "error"));
    stage_close(&s);
}

static void a_client_that_offers_into_an_open_offer_is_told_glare(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0);
    peer_call(&s, "one", "call", 1);
    forget(a); /* the offer is on its way when a offers */
    CHECK_EQ(stage_metric(&s, "monoport_offers_total"), 2);
    peer_line(a, SDP_VIDEO, SDP_SENDONLY);
    peer_offer(a);
    CHECK(is_error(a, "glare") && !waiting(a, NULL));
    CHECK_EQ(s.track_count, 4);
    stage_close(&s);
}

static void an_answer_to_nothing_is_unexpected(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call");
    peer_say(a, "answer", "{s:s}", "sdp", "v=0");
    CHECK(is_error(a, "unexpected-answer"));
    peer_line(a, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(a);
    peer_learn(a, take_text(a, "answer", "sdp"));
    peer_claim(a, 0);
    peer_call(&s, "one", "call", 1);
    peer_say(a, "answer", "{s:s}", "sdp", "v=0");
    CHECK(is_error(a, "bad-sdp"));
    CHECK(peer_answer(a, NULL)); /* the offer is still open */
    CHECK(!waiting(a, "error"));
    peer_say(a, "answer", "{s:s}", "sdp", "v=0");
    CHECK(is_error(a, "unexpected-answer"));
    stage_close(&s);
}

static void either_side_may_offer_again(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_call(&s, "one", "call", 1);
    settle();
    forget(a), forget(b);
    peer_line(a, SDP_VIDEO, SDP_SENDONLY); /* behind the sections of the server */
    peer_offer(a);
    CHECK_EQ(waiting(a, "answer"), 1);
    CHECK_EQ(offered_as(b, SDP_SENDONLY), 3);
    settle();
    a->lines[4].direction = SDP_INACTIVE;
    peer_offer(a);
    CHECK_EQ(offered_as(b, SDP_SENDONLY), 2);
    CHECK_EQ(offered_as(b, SDP_INACTIVE), 1);
    settle();
    CHECK_EQ(s.track_count, 4);
    a->lines[4].direction = SDP_SENDONLY; /* and on again: another track, in the section that b knows */
    peer_offer(a);
    size_t lines = b->line_count;
    settle();
    CHECK_EQ(s.track_count, 5);
    CHECK(b->line_count == lines && s.viewer_count == 5);
    CHECK(!waiting(a, "error") && !waiting(b, "error"));
    stage_close(&s);
}

static void a_line_that_the_client_stopped_may_be_recycled(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_call(&s, "one", "call", 1);
    settle();
    forget(a);
    a->lines[1].refused = true;
    peer_offer(a);
    CHECK_EQ(s.track_count, 3);
    enum sdp_error error;
    const char *text = take_text(a, "answer", "sdp");
    struct sdp *sdp = sdp_parse(text, strlen(text), &error);
    CHECK(sdp && sdp->sections[1].port == 0 && sdp->sections[0].port);
    sdp_free(sdp);
    settle();
    a->lines[1] = (struct line){.kind = SDP_AUDIO, .direction = SDP_SENDRECV, .mid = "new"};
    peer_offer(a);
    CHECK(!waiting(a, "error"));
    settle();
    CHECK_EQ(s.track_count, 4);
    CHECK(s.viewer_count == 4 && b->participant);
    stage_close(&s);
}

/* --- roles --- */

static void a_watcher_may_not_publish(void)
{
    stage_open(&s, 16, NULL);
    struct peer *other = peer_call(&s, "one", "call", 0), *w = peer_join(&s, "one", "watch");
    forget(other);
    CHECK(peer_offer_golden(w, "chromium-call"));
    CHECK_EQ(waiting(w, "error"), 2);
    json_t *error = take(w, "error");
    CHECK(same(json_string_value(json_object_get(error, "code")), "forbidden"));
    CHECK(same(json_string_value(json_object_get(error, "message")), "a watcher cannot publish"));
    peer_learn(w, take_text(w, "answer", "sdp"));
    peer_claim(w, 1);
    CHECK_EQ(s.track_count, 2);
    CHECK_EQ(waiting(other, NULL), 0);
    CHECK_EQ(offered_as(w, SDP_SENDONLY), 2); /* it watches all the same */
    stage_close(&s);
}

static void a_stream_is_offered_nothing(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "stream", 0), *b = peer_call(&s, "one", "call", 1);
    CHECK_EQ(waiting(a, "offer"), 0);
    CHECK_EQ(waiting(a, "participant-joined"), 1);
    CHECK_EQ(s.viewer_count, 2);
    peer_close(b);
    CHECK_EQ(waiting(a, "offer"), 0);
    stage_close(&s);
}

static void more_tracks_than_one_may_publish_are_forbidden(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "stream");
    for (int i = 0; i < PUBLICATIONS_MAX + 1; i++)
        peer_line(a, SDP_VIDEO, SDP_SENDONLY);
    peer_offer(a);
    CHECK(is_error(a, "forbidden"));
    peer_learn(a, take_text(a, "answer", "sdp"));
    peer_claim(a, 0);
    CHECK_EQ(s.track_count, PUBLICATIONS_MAX);
    stage_close(&s);
}

/* --- codecs --- */

static enum codec published_by(struct peer *p)
{
    const struct message *m;
    s.commands_seen = 0;
    m = stage_command(&s, MESSAGE_PUBLISH, peer_session(p));
    return m ? m->publish.codec : CODEC_NONE;
}

static void vp8_is_chosen_unless_the_client_wishes_another(void)
{
    stage_open(&s, 16, NULL);
    CHECK_EQ(published_by(camera("call", NULL, ALL)), CODEC_VP8);
    CHECK_EQ(published_by(camera("call", "av1", ALL)), CODEC_AV1);
    CHECK_EQ(published_by(camera("call", "VP9", ALL)), CODEC_VP9);
    CHECK_EQ(published_by(camera("call", "h264", ALL)), CODEC_H264);
    CHECK_EQ(published_by(camera("call", "h264", ALL & ~H264)), CODEC_VP8); /* its offer has it not */
    stage_close(&s);
}

static void what_not_all_decode_is_avoided(void)
{
    stage_open(&s, 16, NULL);
    camera("watch", NULL, H264 | VP9);
    CHECK_EQ(published_by(camera("call", NULL, ALL)),
             CODEC_VP9); /* the first remaining codec, in the client's order */
    camera("watch", NULL, H264);
    CHECK_EQ(published_by(camera("call", NULL, ALL)), CODEC_H264);
    camera("stream", NULL, AV1); /* it watches nothing */
    CHECK_EQ(published_by(camera("call", NULL, ALL)), CODEC_H264);
    camera("watch", NULL, AV1); /* nothing suits all */
    CHECK_EQ(published_by(camera("call", NULL, ALL)), CODEC_VP8);
    stage_close(&s);
}

static void a_viewer_without_the_codec_is_not_offered_the_track(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = camera("watch", NULL, VP8), *both = camera("watch", NULL, VP8 | AV1);
    camera("call", "av1", ALL);
    CHECK_EQ(waiting(v, "offer"), 0);
    CHECK_EQ(offered_as(both, SDP_SENDONLY), 1);
    settle();
    camera("call", "vp8", ALL);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 1);
    CHECK_EQ(offered_as(both, SDP_SENDONLY), 2);
    stage_close(&s);
}

/* RFC 3264 8.3.2: an offer may list a codec that the section had not. A new section would cost the client a
 * transceiver, and a client with as many sections as are allowed could not watch at all. */
static void a_section_of_another_codec_is_used_when_no_better_one_is_left(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_join(&s, "default", "watch");
    drop(answered(v, SESSION "a=group:BUNDLE 0 1\r\n" CLIENT LINE("0", "98", "VP9", "recvonly")
                         LINE("1", "96", "VP8", "recvonly")));
    peer_claim(v, 0);
    for (int i = 0; i < 2; i++) {
        camera("stream", "vp8", ALL);
        settle();
        const struct message *m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v));
        CHECK(m && m->subscribe.codec == CODEC_VP8 && same(m->subscribe.mid, i ? "0" : "1"));
    }
    CHECK_EQ(v->line_count, 2);
    stage_close(&s);
}

static void a_viewer_gets_the_codec_by_its_own_number(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_join(&s, "one", "watch");
    CHECK(peer_offer_golden(v, "firefox-watch"));
    peer_learn(v, take_text(v, "answer", "sdp"));
    peer_claim(v, 0);
    struct peer *a = peer_join(&s, "one", "stream");
    CHECK(peer_offer_golden(a, "chromium-stream"));
    peer_learn(a, take_text(a, "answer", "sdp"));
    peer_claim(a, 1);
    CHECK(peer_answer(v, NULL));
    for (int i = 0; i < 2; i++) {
        const struct message *m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v));
        CHECK(m && m->subscribe.payload_type == (m->subscribe.codec == CODEC_OPUS ? 109 : 120));
        CHECK(m && m->subscribe.rtx_payload_type == (m->subscribe.codec == CODEC_OPUS ? 0 : 124));
    }
    stage_close(&s);
}

/* RFC 3264 5.1: a sendonly section lists what its client sends, a recvonly one what it takes. */
static void what_a_client_decodes_its_receiving_sections_say(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_join(&s, "default", "call");
    drop(answered(v, SESSION "a=group:BUNDLE 0 1\r\n" CLIENT LINE("0", "102", "VP9", "sendonly")
                         LINE("1", "96", "VP8", "recvonly")));
    peer_claim(v, 0);
    camera("stream", "vp8", ALL);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 1);
    settle();
    camera("stream", "vp9", ALL);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), -1);
    CHECK_EQ(published_by(camera("call", NULL, VP9 | VP8)), CODEC_VP8); /* what all decode */
    stage_close(&s);

    stage_open(&s, 16, NULL); /* each codec in the section that has it, also by a later offer */
    v = peer_join(&s, "default", "watch");
    drop(answered(v, SESSION "a=group:BUNDLE 0 1\r\n" CLIENT LINE("0", "96", "VP8", "sendonly")));
    peer_claim(v, 0);
    drop(answered(v, SESSION "a=group:BUNDLE 0 1 2\r\n" CLIENT LINE("0", "96", "VP8", "inactive")
                         LINE("1", "98", "VP9", "recvonly") LINE("2", "45", "AV1", "recvonly")));
    camera("stream", "av1", ALL);
    settle();
    camera("stream", "vp9", ALL);
    settle();
    camera("stream", "vp8", ALL);
    CHECK_EQ(waiting(v, "offer"), 0);
    const struct message *m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v));
    CHECK(m && m->subscribe.codec == CODEC_AV1 && m->subscribe.payload_type == 45 &&
          same(m->subscribe.mid, "2"));
    m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(v));
    CHECK(m && m->subscribe.codec == CODEC_VP9 && same(m->subscribe.mid, "1"));
    stage_close(&s);

    stage_open(&s, 16, NULL); /* a client that only sends counts as able to decode its codecs */
    v = camera("call", NULL, VP9);
    v->lines[0].direction = SDP_SENDONLY;
    peer_offer(v);
    camera("stream", "vp9", ALL);
    CHECK_EQ(offered_as(v, SDP_SENDONLY), 1);
    stage_close(&s);

    /* but the server reports an unplayable stream only after the client listed its decoders */
    stage_open(&s, 16, NULL);
    v = peer_join(&s, "default", "call");
    drop(answered(v, SESSION "a=group:BUNDLE 0\r\n" CLIENT LINE("0", "98", "VP9", "sendonly")));
    peer_claim(v, 0);
    camera("stream", "vp8", ALL);
    CHECK_EQ(waiting(v, "track-unsupported") + waiting(v, "offer"), 0);
    drop(answered(v, SESSION "a=group:BUNDLE 0 1\r\n" CLIENT LINE("0", "98", "VP9", "sendonly")
                         LINE("1", "98", "VP9", "recvonly")));
    CHECK_EQ(waiting(v, "track-unsupported"), 1);
    stage_close(&s);
}

static bool says(struct sdp *sdp, size_t section, const char *parameter)
{
    struct text value;
    return sdp && section < sdp->count && sdp->sections[section].codec_count &&
           sdp_fmtp(sdp->sections[section].codecs[0].fmtp, parameter, &value) && value.len == 1 &&
           *value.data == '1';
}

/* RFC 7587 7.1: the server asks a stereo publisher for stereo and announces it to viewers, and never passes
 * on one client's preferences to another. */
static void stereo_is_asked_for_and_passed_on(void)
{
    static const struct {
        const char *fmtp;
        bool asked, told;
    } cases[] = {{"minptime=10;sprop-stereo=1", true, true},
                 {"stereo=1;minptime=10", true, false},
                 {"sprop-stereo=0", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char offer[1024];
        stage_open(&s, 16, NULL);
        struct peer *v = peer_join(&s, "default", "call"), *p = peer_join(&s, "default", "stream");
        snprintf(
            offer, sizeof offer,
            "%sm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 %s\r\n",
            SESSION CLIENT, "stereo=1;sprop-stereo=1;useinbandfec=1");
        drop(answered(v, offer)); /* the viewer's own wishes are its own */
        peer_claim(v, 0);
        snprintf(
            offer, sizeof offer,
            "%sm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 %s\r\n",
            SESSION CLIENT, cases[i].fmtp);
        struct sdp *sdp = answered(p, offer);
        CHECK_EQ(says(sdp, 0, "stereo"), cases[i].asked);
        CHECK(!says(sdp, 0, "sprop-stereo"));
        drop(sdp);
        peer_claim(p, 0);
        sdp = offered(v);
        CHECK(sdp && sdp->count == 2);
        CHECK_EQ(says(sdp, 1, "sprop-stereo"), cases[i].told);
        struct text track = sdp->sections[1].track_id; /* its number behind a letter, and no other's */
        CHECK(track.len >= 2 && track.data[0] == 't' &&
              strspn(track.data + 1, "0123456789") == track.len - 1);
        CHECK(!says(sdp, 1, "stereo") && says(sdp, 1, "useinbandfec") && says(sdp, 0, "stereo"));
        drop(sdp);
        stage_close(&s);
    }
}

/* They are described one behind the other, of the same codec. */
static void stereo_of_one_publisher_is_not_said_of_another(void)
{
    static const char *const fmtp[] = {"sprop-stereo=1", "minptime=10"};
    char offer[1024];
    stage_open(&s, 16, NULL);
    struct peer *v = peer_call(&s, "one", "watch", 0);
    for (int i = 0; i < 2; i++) {
        struct peer *p = peer_join(&s, "one", "stream");
        snprintf(
            offer, sizeof offer,
            "%sm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 %s\r\n",
            SESSION CLIENT, fmtp[i]);
        drop(answered(p, offer));
        peer_claim(p, 0);
    }
    CHECK(peer_answer(v, NULL));
    struct sdp *sdp = offered(v);
    CHECK(sdp && sdp->count == 3 && says(sdp, 0, "sprop-stereo") && !says(sdp, 2, "sprop-stereo"));
    drop(sdp);
    stage_close(&s);
}

/* Of a section's codecs the first 24 are remembered, with their parameters. */
static void section_of_more_codecs_than_are_remembered_is_taken(void)
{
    char offer[32768];
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "stream");
    int n = snprintf(offer, sizeof offer, "%sm=video 9 UDP/TLS/RTP/SAVPF", SESSION CLIENT);
    for (int pt = 96; pt < 124; pt++)
        n += snprintf(offer + n, sizeof offer - (size_t)n, " %d", pt);
    n += snprintf(offer + n, sizeof offer - (size_t)n, "\r\na=mid:0\r\na=sendonly\r\n");
    for (int pt = 96; pt < 124; pt++)
        n += snprintf(offer + n, sizeof offer - (size_t)n, "a=rtpmap:%d VP8/90000\r\na=fmtp:%d x=%0900d\r\n",
                      pt, pt, pt);
    struct sdp *sdp = answered(p, offer);
    CHECK(sdp && sdp->count == 1 && sdp->sections[0].port);
    drop(sdp);
    stage_close(&s);
}

/* RFC 5888 4: mids are unique; a client may already use one that we would choose. */
static void our_mid_is_none_of_the_clients(void)
{
    stage_open(&s, 16, NULL);
    struct peer *v = peer_join(&s, "default", "call");
    drop(answered(v, SESSION "a=group:BUNDLE s1\r\n" CLIENT LINE("s1", "96", "VP8", "sendrecv")));
    peer_claim(v, 0);
    camera("stream", NULL, ALL);
    camera("stream", NULL, ALL);
    settle();
    CHECK(v->line_count == 3 && same(v->lines[1].mid, "s2") && same(v->lines[2].mid, "s3"));
    CHECK_EQ(s.viewer_count, 2);
    stage_close(&s);
}

/* --- all of it, at random --- */

static void change_lines(struct peer *p)
{
    struct line *l;
    if (p->line_count < 12 && (!p->line_count || prng_below(&s.prng, 3) == 0))
        peer_line(p, prng_below(&s.prng, 2) ? SDP_VIDEO : SDP_AUDIO,
                  (enum sdp_direction)prng_below(&s.prng, 4));
    l = &p->lines[prng_below(&s.prng, (uint32_t)p->line_count)];
    if (l->refused && prng_below(&s.prng, 2)) {
        snprintf(l->mid, sizeof l->mid, "r%u", prng_below(&s.prng, 1u << 30));
        l->refused = false;
        l->kind = prng_below(&s.prng, 2) ? SDP_VIDEO : SDP_AUDIO;
    } else if (prng_below(&s.prng, 4) == 0) {
        l->refused = p->line_count > 1 && l != &p->lines[0];
    }
    l->direction = (enum sdp_direction)prng_below(&s.prng, 4);
}

static void join_at_random(void)
{
    static const char *const roles[] = {"call", "call", "stream", "watch"}, *const rooms[] = {"a", "b", "c"};
    static const char *const codecs[] = {"vp8", "vp9", "h264", "av1"};
    struct peer *p = peer_open(&s, "198.51.100.7", "192.0.2.1");
    p->codecs = VP8 << prng_below(&s.prng, 4) | VP8 << prng_below(&s.prng, 4);
    peer_say(p, "join-room", "{s:s, s:s, s:s}", "room", rooms[prng_below(&s.prng, 3)], "role",
             roles[prng_below(&s.prng, 4)], "codec", codecs[prng_below(&s.prng, 4)]);
}

static void end_at_random(struct peer *p, bool claimed)
{
    switch (prng_below(&s.prng, 6)) {
    case 0: peer_say(p, "leave", ""); break;
    case 1:
        if (claimed)
            stage_end(&s, peer_session(p), (enum end_reason)prng_below(&s.prng, 5));
        break;
    case 2:
        peer_close(p);
        peer_free(p);
        break;
    case 3:
    case 4: stage_work(&s); break;
    default: peer_say(p, "mute", "{s:b}", "audio", (int)prng_below(&s.prng, 2));
    }
}

/* As a client that mostly follows the protocol. */
static void offer_at_random(struct peer *p)
{
    struct line before[16];
    size_t count = p->line_count;
    memcpy(before, p->lines, sizeof before);
    if (!waiting(p, "offer") && count < 16)
        change_lines(p);
    peer_offer(p);
    const char *answer = take_text(p, "answer", "sdp");
    if (*answer && !p->ufrag[0])
        peer_learn(p, answer);
    if (!*answer && count < 16) { /* rolled back */
        memcpy(p->lines, before, sizeof before);
        p->line_count = count;
    }
    while (take(p, "candidate") || take(p, "error"))
        ;
}

static void act(struct peer *p)
{
    uint32_t session = p->ufrag[0] ? peer_session(p) : SESSION_NONE;
    bool claimed = session != SESSION_NONE && registry_owner(s.registry, session) != OWNER_NONE;
    if (p->close_code) {
        peer_close(p);
        peer_free(p);
        return;
    }
    switch (prng_below(&s.prng, 8)) {
    case 0:
    case 1: offer_at_random(p); break;
    case 2:
    case 3:
    case 4: peer_answer(p, prng_below(&s.prng, 4) ? NULL : "s3"); break;
    case 5:
    case 6:
        if (session != SESSION_NONE && !claimed)
            peer_claim(p, prng_below(&s.prng, STAGE_WORKERS));
        else if (claimed)
            stage_event(&s, MESSAGE_CONNECTED, session, registry_owner(s.registry, session));
        break;
    default: end_at_random(p, claimed);
    }
}

static void nothing_is_left_of_hundreds_of_random_calls(void)
{
    stage_open(&s, 20, NULL);
    for (int i = 0; i < 15000 && s.command_count < STAGE_COMMANDS_MAX / 2; i++) {
        if (s.peer_count < 16 && prng_below(&s.prng, 6) == 0)
            join_at_random();
        if (s.peer_count)
            act(s.peers[prng_below(&s.prng, (uint32_t)s.peer_count)]);
        s.now += MP_MS(100);
        stage_timeout(&s);
    }
    CHECK(stage_metric(&s, "monoport_joins_total") > 500);
    CHECK(stage_commands(&s, MESSAGE_SUBSCRIBE) > 500);
    CHECK(stage_commands(&s, MESSAGE_UNSUBSCRIBE) > 100);
    printf("# %lld joins, %zu commands, %lld offers, %lld errors\n", stage_metric(&s, "monoport_joins_total"),
           s.command_count, stage_metric(&s, "monoport_offers_total"),
           stage_metric(&s, "monoport_signaling_errors_total"));
    stage_close(&s);
}

TEST_MAIN(TEST(nothing_is_commanded_before_a_worker_claims_and_everything_after),
          TEST(a_viewer_is_told_of_to_its_worker_after_its_answer),
          TEST(a_viewer_that_answers_before_its_claim_is_sent_to_after_it),
          TEST(extensions_of_a_later_section_reach_the_worker),
          TEST(a_viewer_without_long_extensions_is_offered_no_dependency_descriptor),
          TEST(orientation_is_promised_to_no_publisher),
          TEST(a_dependency_descriptor_is_for_who_takes_long_extensions),
          TEST(layers_are_taken_by_their_names), TEST(layers_are_taken_by_the_ssrcs_of_a_group),
          TEST(sources_without_a_group_are_no_layers), TEST(layers_of_every_form_are_answered),
          TEST(layers_of_other_stacks_are_answered), TEST(layers_without_the_extension_are_not_answered),
          TEST(layers_of_sound_are_not_answered),
          TEST(layers_that_a_later_offer_drops_end_and_none_come_back),
          TEST(an_extension_that_the_client_only_sends_is_received),
          TEST(a_viewer_is_offered_a_dependency_descriptor_and_sent_it_once_it_answers),
          TEST(a_second_peer_brings_one_offer_to_the_first),
          TEST(what_changes_while_an_offer_is_open_makes_one_more_after_the_answer),
          TEST(a_section_is_used_again_only_after_the_client_heard_of_its_end),
          TEST(an_ssrc_is_never_used_twice), TEST(streams_say_whose_they_are),
          TEST(a_section_that_the_answer_refuses_is_not_sent_to),
          TEST(a_section_that_the_answer_takes_out_of_the_bundle_is_not_sent_to),
          TEST(a_section_that_an_answer_refused_may_be_recycled),
          TEST(a_section_that_a_later_answer_refuses_is_not_sent_to_any_more),
          TEST(a_track_that_the_client_stops_is_not_offered_again), TEST(a_track_that_an_answer_stops_ends),
          TEST(a_codec_that_a_later_offer_lacks_gives_way_to_one_that_it_has),
          TEST(a_section_of_unknown_codecs_is_refused_and_a_viewer_without_the_codec_is_not_sent_to),
          TEST(one_section_of_video_tells_that_long_extensions_are_taken),
          TEST(what_cannot_be_taken_is_refused_alone_and_said),
          TEST(the_transport_is_that_of_the_first_section_that_is_taken),
          TEST(a_passive_offer_is_answered_active), TEST(an_id_of_two_extensions_is_given_to_one),
          TEST(opus_without_its_channels_is_opus), TEST(parameters_may_be_long),
          TEST(a_lonely_section_needs_no_name), TEST(a_client_that_offers_into_an_open_offer_is_told_glare),
          TEST(an_answer_to_nothing_is_unexpected), TEST(either_side_may_offer_again),
          TEST(a_line_that_the_client_stopped_may_be_recycled), TEST(a_watcher_may_not_publish),
          TEST(a_stream_is_offered_nothing), TEST(more_tracks_than_one_may_publish_are_forbidden),
          TEST(vp8_is_chosen_unless_the_client_wishes_another), TEST(what_not_all_decode_is_avoided),
          TEST(a_viewer_without_the_codec_is_not_offered_the_track),
          TEST(a_section_of_another_codec_is_used_when_no_better_one_is_left),
          TEST(a_viewer_gets_the_codec_by_its_own_number),
          TEST(what_a_client_decodes_its_receiving_sections_say), TEST(stereo_is_asked_for_and_passed_on),
          TEST(stereo_of_one_publisher_is_not_said_of_another),
          TEST(section_of_more_codecs_than_are_remembered_is_taken), TEST(our_mid_is_none_of_the_clients),
          TEST(nothing_is_left_of_hundreds_of_random_calls))
