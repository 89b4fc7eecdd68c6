#include "signal/whip.h"
#include "proto/sdp/sdp.h"
#include "signal/whip_sdp.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include "tests/unit/token.h"
#include <stdlib.h>

static struct stage s;

struct exchange { /* the last request's answer */
    unsigned status;
    char body[16384], headers[4096], location[128], type[64];
};
static struct exchange x;
static const char *authorization = "", *origin = "";

static unsigned ask(enum whip_method method, const char *path, const char *query, const char *type,
                    const char *if_match, const char *body)
{
    struct whip_response r;
    struct whip_request q = {.method = method,
                             .path = path,
                             .query = query,
                             .host = "monoport.example",
                             .origin = origin,
                             .authorization = authorization,
                             .content_type = type,
                             .if_match = if_match,
                             .body = body,
                             .len = strlen(body)};
    address_parse(&q.local, "192.0.2.1", 8000);
    address_parse(&q.remote, "203.0.113.7", 4000);
    bool ours = whip_request(s.whip, &q, &r, s.now);
    stage_go_on(&s);
    if (!ours)
        return 0;
    x.status = r.status;
    snprintf(x.body, sizeof x.body, "%s", r.body ? r.body : "");
    snprintf(x.type, sizeof x.type, "%s", r.content_type ? r.content_type : "");
    snprintf(x.headers, sizeof x.headers, "%s", r.headers);
    const char *location = strstr(x.headers, "location: ");
    if (location)
        snprintf(x.location, sizeof x.location, "%.*s", (int)strcspn(location + 10, "\n"), location + 10);
    free(r.body);
    free(r.headers);
    whip_turn(s.whip, s.now);
    stage_go_on(&s);
    return r.status;
}

static unsigned post(const char *path, const char *query, const char *name)
{
    char *offer = golden(name);
    unsigned status = ask(WHIP_POST, path, query, "application/sdp", "", offer);
    free(offer);
    return status;
}

/* The session that the last answer described. */
static uint32_t session(void)
{
    char ufrag[64];
    struct session_credentials credentials;
    uint32_t id = SESSION_NONE;
    unsigned owner;
    CHECK(whip_attribute(x.body, "ice-ufrag", ufrag, sizeof ufrag));
    CHECK(registry_find(s.registry, (struct bytes){(const uint8_t *)ufrag, strlen(ufrag)}, &id, &owner,
                        &credentials));
    return id;
}

static uint32_t claim(unsigned worker)
{
    uint32_t id = session();
    CHECK(registry_claim(s.registry, id, worker));
    stage_event(&s, MESSAGE_CLAIMED, id, worker);
    return id;
}

static size_t sending(const char *answer)
{
    size_t n = 0;
    while ((answer = strstr(answer, "a=sendonly"))) {
        n++;
        answer++;
    }
    return n;
}

static void publisher_by_post_is_a_participant_like_others(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "r", "watch", 0);
    forget(p);
    CHECK_EQ(post("/whip/r", "x=1&name=Jo+Do&y", "chromium-stream"), 201);
    json_t *joined = json_object_get(take(p, "participant-joined"), "participant");
    CHECK(strcmp(json_string_value(json_object_get(joined, "name")), "Jo Do") == 0);
    CHECK(strcmp(json_string_value(json_object_get(joined, "role")), "stream") == 0);
    CHECK(!strstr(x.location, json_string_value(json_object_get(
                                  joined, "id")))); /* public names do not give access to the resource */
    CHECK(strstr(x.body, "a=setup:passive") && strstr(x.body, "a=end-of-candidates") && sending(x.body) == 0);
    uint32_t id = claim(1);
    CHECK(stage_command(&s, MESSAGE_PUBLISH, id) && stage_command(&s, MESSAGE_PUBLISH, id));
    CHECK(waiting(p, "offer") == 1);
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 200);
    CHECK(take(p, "participant-left") != NULL);
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 404);
    stage_close(&s);
}

/* RFC 3986 2.2: an escaped delimiter is data. */
static void query_is_cut_before_it_is_decoded(void)
{
    static const struct {
        const char *query, *name;
    } queries[] = {{"name=A%26B&x=1", "A&B"},       {"name=A%3DB%3d", "A=B="},
                   {"name=a%2Bb+c%20d", "a+b c d"}, {"x=name=no&name=J%C3%B6", "J\xc3\xb6"},
                   {"name=100%", "100%"},           {"name=%zz%4", "%zz%4"}};
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "r", "watch", 0);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        forget(p);
        CHECK_EQ(post("/whip/r", queries[i].query, "chromium-stream"), 201);
        json_t *joined = json_object_get(take(p, "participant-joined"), "participant");
        CHECK(strcmp(json_string_value(json_object_get(joined, "name")), queries[i].name) == 0);
        CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 200);
    }
    /* the server refuses names that are too long, and does not store them */
    for (int len = 60; len < 400; len++) {
        char query[512];
        snprintf(query, sizeof query, "name=%0*d", len, 0);
        CHECK_EQ(post("/whip/r", query, "chromium-stream"), len <= PARTICIPANT_NAME_MAX ? 201 : 400);
        CHECK(x.status == 400 || ask(WHIP_DELETE, x.location, "", "", "", "") == 200);
    }
    stage_close(&s);
}

static void viewer_is_answered_with_what_is_there(void)
{
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whep/r", "", "chromium-watch"), 404);
    CHECK(strstr(x.headers, "retry-after: "));
    CHECK_EQ(stage_metric(&s, "monoport_participants"), 0);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    CHECK_EQ(post("/whep/r", "", "chromium-watch"), 404); /* no participant knows of the publisher yet */
    post("/whip/r", "", "chromium-stream");
    uint32_t publisher = claim(1);
    CHECK(stage_command(&s, MESSAGE_PUBLISH, publisher) != NULL);
    char publishing[128];
    snprintf(publishing, sizeof publishing, "%s", x.location);
    CHECK_EQ(post("/whep/r", "", "chromium-watch"), 201);
    CHECK_EQ(sending(x.body), 2);
    uint32_t viewer = claim(0);
    const struct message *first = stage_command(&s, MESSAGE_SUBSCRIBE, viewer),
                         *second = stage_command(&s, MESSAGE_SUBSCRIBE, viewer);
    CHECK(first && second && first->subscribe.origin == 1);
    CHECK_EQ(ask(WHIP_DELETE, publishing, "", "", "", ""), 200);
    CHECK(stage_command(&s, MESSAGE_UNSUBSCRIBE, viewer) && stage_command(&s, MESSAGE_UNSUBSCRIBE, viewer));
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201); /* the next one goes where the last one was */
    claim(1);
    first = stage_command(&s, MESSAGE_SUBSCRIBE, viewer);
    second = stage_command(&s, MESSAGE_SUBSCRIBE, viewer);
    CHECK(first && second && strcmp(first->subscribe.mid, second->subscribe.mid) != 0);
    stage_close(&s);
}

static void event(uint32_t id, enum session_event_kind kind)
{
    struct message m = {.type = MESSAGE_SESSION_EVENT,
                        .to = TO_CONTROL,
                        .session = id,
                        .event = {.kind = (uint8_t)kind, .at = s.now}};
    signal_event(s.signaling, &m, s.now);
    whip_turn(s.whip, s.now);
    stage_go_on(&s);
}

static void later(mp_time span)
{
    s.now += span;
    if (signal_deadline(s.signaling) <= s.now)
        stage_timeout(&s);
}

/* The publisher that the viewer was last subscribed to; 0: no new one. */
static uint32_t sent(uint32_t viewer)
{
    uint32_t track = 0;
    for (const struct message *m; (m = stage_command(&s, MESSAGE_SUBSCRIBE, viewer));)
        track = m->track;
    return track;
}

static void who_vanished_makes_room_for_who_comes_and_may_come_back(void)
{
    stage_open(&s, 16, NULL);
    struct peer *watcher = peer_call(&s, "r", "watch", 0);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    char publishing[128];
    snprintf(publishing, sizeof publishing, "%s", x.location);
    uint32_t publisher = claim(1);
    while (peer_answer(watcher, NULL))
        ;
    forget(watcher);
    CHECK_EQ(post("/whep/r", "", "chromium-watch"), 201);
    uint32_t viewer = claim(0);
    CHECK(sent(viewer) != 0);
    event(publisher, EVENT_LOST);
    later(MP_S(7));
    CHECK_EQ(waiting(watcher, "track-stalled"), 0);
    later(MP_S(1));
    CHECK_EQ(waiting(watcher, "track-stalled"), 2);
    CHECK_EQ(sent(viewer), 0); /* there is nobody else */
    CHECK_EQ(stage_commands(&s, MESSAGE_UNSUBSCRIBE), 0);
    CHECK_EQ(post("/whep/r", "", "chromium-watch"), 404); /* nor for who comes now */
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    claim(1);
    CHECK(sent(viewer) != 0); /* at once */
    CHECK_EQ(post("/whep/r", "", "chromium-watch"), 201);
    CHECK_EQ(sending(x.body), 2);
    CHECK_EQ(ask(WHIP_PATCH, publishing, "", "application/trickle-ice-sdpfrag", "*",
                 "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"),
             200); /* its session is there still */
    event(publisher, EVENT_SELECTED);
    CHECK_EQ(sent(viewer), 0); /* which stays where it is */
    later(MP_S(60));
    CHECK_EQ(waiting(watcher, "track-stalled"), 2);
    stage_close(&s);
}

static void who_vanishes_gives_way_to_a_living_publication(void)
{
    char location[128];
    stage_open(&s, 16, NULL);
    struct peer *watcher = peer_call(&s, "r", "watch", 0);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    uint32_t first = claim(1);
    CHECK_EQ(post("/whep/r", "", "chromium-watch"), 201);
    uint32_t viewer = claim(0);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    snprintf(location, sizeof location, "%s", x.location);
    uint32_t second = claim(1);
    while (peer_answer(watcher, NULL))
        ;
    forget(watcher);
    CHECK(sent(viewer) != 0);
    event(first, EVENT_LOST);
    later(MP_S(4));
    event(second, EVENT_LOST);
    later(MP_S(4));
    CHECK_EQ(waiting(watcher, "track-stalled"), 2);
    CHECK(sent(viewer) != 0); /* the second, which was there already */
    CHECK_EQ(stage_commands(&s, MESSAGE_UNSUBSCRIBE), 2);
    later(MP_S(4));
    CHECK_EQ(waiting(watcher, "track-stalled"), 4);
    CHECK_EQ(sent(viewer), 0); /* no publisher is left: it stays where it is */
    CHECK_EQ(stage_commands(&s, MESSAGE_UNSUBSCRIBE), 2);
    CHECK_EQ(ask(WHIP_DELETE, location, "", "", "", ""), 200);
    CHECK_EQ(sent(viewer), 0);
    event(first, EVENT_SELECTED); /* it is back */
    CHECK(sent(viewer) != 0);
    stage_close(&s);
}

static void who_is_found_in_time_has_not_vanished(void)
{
    stage_open(&s, 16, NULL);
    struct peer *watcher = peer_call(&s, "r", "watch", 0);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    uint32_t publisher = claim(1);
    while (peer_answer(watcher, NULL))
        ;
    event(publisher, EVENT_LOST);
    later(MP_S(7));
    event(publisher, EVENT_LOST); /* repeated: the first one counts */
    event(publisher, EVENT_FOUND);
    later(MP_S(7));
    CHECK_EQ(waiting(watcher, "track-stalled"), 0);
    event(publisher, EVENT_LOST);
    later(MP_S(4));
    event(publisher, EVENT_LOST);
    later(MP_S(4));
    CHECK_EQ(waiting(watcher, "track-stalled"), 2);
    stage_close(&s);
}

static void goodbye_by_rtcp_ends_who_has_no_socket(void)
{
    stage_open(&s, 16, NULL);
    struct peer *watcher = peer_call(&s, "r", "watch", 0), *other = peer_call(&s, "r", "stream", 0);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    uint32_t publisher = claim(1);
    forget(watcher);
    event(peer_session(other), EVENT_BYE); /* a browser's streams may end without it */
    CHECK(!other->close_code && waiting(watcher, "participant-left") == 0);
    event(publisher, EVENT_BYE);
    CHECK_EQ(waiting(watcher, "participant-left"), 1);
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 404);
    stage_close(&s);
}

#define SECRET "a secret of thirty-two bytes ...."

#define CLIENT                                                                                               \
    "a=ice-ufrag:ab00\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=fingerprint:sha-256 "    \
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
#define SESSION "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define VIDEO(codec, direction)                                                                              \
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 " codec "/90000\r\na=" direction "\r\n"

/* RFC 9725 4.2 (the offer is sendonly) and 4.4.3 (no session without media): 400, 406, 422, in the words of
 * RFC 9457. */
static void an_offer_of_which_nothing_comes_is_refused_before_anybody_joins(void)
{
    static const struct {
        const char *path, *body;
        unsigned status;
        const char *words;
    } cases[] = {
        {"/whip/r", "", 400, "not a valid session description"},
        {"/whip/r", SESSION, 400, "no sections"},
        {"/whip/r", SESSION CLIENT VIDEO("VP8", "recvonly"), 422, "nothing in it is sent"},
        {"/whip/r", SESSION CLIENT VIDEO("VP8", "inactive"), 422, "nothing in it is sent"},
        {"/whip/r", SESSION VIDEO("VP8", "sendonly"), 422, "no section with ice-ufrag"},
        {"/whip/r", SESSION CLIENT VIDEO("H265", "sendonly"), 406, "no supported codec"},
        {"/whip/r", SESSION CLIENT "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n", 406,
         "audio or video"},
        {"/whep/r", SESSION CLIENT VIDEO("VP8", "sendonly"), 422, "nothing in it is received"},
        {"/whep/r", SESSION CLIENT VIDEO("H265", "recvonly"), 406, "no supported codec"},
        {"/whip/r", SESSION CLIENT "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n",
         422, "ice-ufrag"},
        {"/whip/r",
         SESSION CLIENT
         "a=group:BUNDLE 0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=rtpmap:111 opus/48000/2\r\n" VIDEO(
             "H265", "sendonly"),
         406, "no supported codec"},
    };
    stage_open(&s, 16, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_EQ(ask(WHIP_POST, cases[i].path, "", "application/sdp", "", cases[i].body), cases[i].status);
        json_t *problem = json_loads(x.body, 0, NULL);
        const char *detail = json_string_value(json_object_get(problem, "detail"));
        CHECK(detail && strstr(detail, cases[i].words));
        CHECK(strstr(x.body, "\"code\":\"bad-sdp\"") != NULL);
        CHECK_EQ(json_integer_value(json_object_get(problem, "status")), cases[i].status);
        CHECK(strcmp(x.type, "application/problem+json") == 0);
        json_decref(problem);
    }
    CHECK_EQ(stage_metric(&s, "monoport_joins_total"), 0);
    stage_close(&s);
}

/* The server accepts the valid sections and refuses only the others. */
static void one_section_that_cannot_be_taken_is_refused_alone(void)
{
    stage_open(&s, 16, NULL);
    CHECK_EQ(ask(WHIP_POST, "/whip/r", "", "application/sdp", "",
                 SESSION "a=group:BUNDLE 0 1\r\n" CLIENT VIDEO(
                     "VP8", "sendonly") "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:1\r\na=sendonly\r\n"),
             201);
    CHECK(strstr(x.body, "m=audio 0 ") && strstr(x.body, "m=video 9 "));
    stage_close(&s);
}

static void say_codec(uint32_t session, uint32_t track, uint8_t payload_type)
{
    struct message m = {.type = MESSAGE_CODEC,
                        .from = 1,
                        .to = TO_CONTROL,
                        .session = session,
                        .track = track,
                        .payload_type = payload_type};
    signal_event(s.signaling, &m, s.now);
    stage_go_on(&s);
}

#define ENCODER                                                                                              \
    SESSION CLIENT                                                                                           \
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 102 49\r\na=mid:0\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n"  \
        "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:49 H265/90000\r\n"   \
        "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\na=ssrc:77 cname:x\r\n"

/* An encoder that offers several codecs and sends one ignores the answer's preference. So the answer lists
 * all codecs that the server can forward (RFC 3264 6.1), and the received payload type decides. */
static void every_codec_is_answered_and_the_one_that_comes_is_taken(void)
{
    stage_open(&s, 16, NULL);
    struct peer *all = peer_call(&s, "r", "watch", 0), *vp8 = peer_join(&s, "r", "watch");
    vp8->codecs = 1u << CODEC_VP8;
    peer_line(vp8, SDP_VIDEO, SDP_RECVONLY);
    peer_offer(vp8);
    peer_learn(vp8, take_text(vp8, "answer", "sdp"));
    peer_claim(vp8, 0);
    forget(vp8);
    CHECK_EQ(ask(WHIP_POST, "/whip/r", "", "application/sdp", "", ENCODER), 201);
    CHECK(strstr(x.body, "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 102\r\n") != NULL);
    CHECK(strstr(x.body, "a=rtpmap:102 H264/90000") && strstr(x.body, "a=rtpmap:98 VP9/90000") &&
          !strstr(x.body, "H265"));
    uint32_t id = claim(1);
    const struct message *m = stage_command(&s, MESSAGE_PUBLISH, id);
    CHECK(m && m->publish.payload_type == 96 && m->publish.others[0] == 0);
    CHECK(m && m->publish.others[1] == (UINT64_C(1) << (98 - 64) | UINT64_C(1) << (102 - 64)));
    CHECK(peer_answer(all, NULL) && peer_answer(vp8, NULL));
    CHECK_EQ(s.viewer_count, 2);
    CHECK_EQ(waiting(vp8, "track-unsupported"), 0);
    uint32_t track = m ? m->track : 0;
    say_codec(id, track, 49);     /* not answered */
    say_codec(id, track + 9, 98); /* nobody's */
    CHECK_EQ(s.viewer_count, 2);
    say_codec(id, track, 102);
    m = stage_command(&s, MESSAGE_UNPUBLISH, id);
    CHECK(m && m->track == track);
    m = stage_command(&s, MESSAGE_PUBLISH, id);
    CHECK(m && m->publish.payload_type == 102 && m->publish.codec == CODEC_H264 && m->track != track);
    CHECK(m && publish_may_turn_to(&m->publish, 96) && !publish_may_turn_to(&m->publish, 102));
    CHECK(m && m->publish.ssrc[0] == 77 && strcmp(m->publish.mid, "0") == 0); /* its section is the same */
    while (peer_answer(all, NULL) || peer_answer(vp8, NULL))
        ;
    CHECK_EQ(s.viewer_count, 1);
    CHECK_EQ(waiting(all, "track-unsupported"), 0);
    CHECK_EQ(waiting(vp8, "track-unsupported"), 1); /* once */
    json_t *told = take(vp8, "track-unsupported");
    CHECK(strcmp(json_string_value(json_object_get(told, "codec")), "H264") == 0);
    CHECK(strcmp(json_string_value(json_object_get(told, "source")), "camera") == 0);
    struct peer *late = peer_join(&s, "r", "watch");
    late->codecs = 1u << CODEC_AV1;
    peer_line(late, SDP_AUDIO, SDP_RECVONLY);
    peer_offer(late);
    CHECK_EQ(waiting(late, "track-unsupported"), 0); /* it watches no pictures */
    peer_line(late, SDP_VIDEO, SDP_RECVONLY);
    peer_offer(late);
    peer_offer(late);
    CHECK_EQ(waiting(late, "track-unsupported"), 1);
    stage_close(&s);
}

static void a_refused_join_says_why(void)
{
    static const struct access closed = {.algorithm = ACCESS_HS256,
                                         .key = "a secret of thirty-two bytes ....",
                                         .key_len = 33,
                                         .open_rooms = ""};
    stage_open_bounded(&s, 16, &closed, NULL);
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 401);
    CHECK(!strstr(x.headers, "retry-after: ")); /* time does not help */
    CHECK(strstr(x.body, "\"code\":\"unauthorized\"") && strstr(x.body, "this room requires a token"));
    stage_close(&s);
}

/* RFC 9110 15.6.4 and 10.2.3, RFC 6585 4: if a later try can succeed, the answer contains the time to
 * wait. */
static void refusals_have_their_status(void)
{
    static const struct {
        struct signal_limits limits;
        unsigned good; /* size of the burst */
        unsigned status;
        const char *code;
    } cases[] = {
        {{.joins_per_s = 1}, CALLER_BURST_S, 429, "\"code\":\"too-many-joins\""},
        {{.participants = 1}, 1, 503, "\"code\":\"room-full\""},
        {{.tracks = 1}, 0, 403, "too many tracks published"}, /* though one was answered */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stage_open_bounded(&s, 64, NULL, &cases[i].limits);
        for (unsigned k = 0; k < cases[i].good; k++)
            CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
        CHECK_EQ(post("/whip/r", "", "chromium-stream"), cases[i].status);
        CHECK(strstr(x.body, cases[i].code) != NULL);
        CHECK_EQ(strstr(x.headers, "retry-after: ") != NULL, cases[i].status != 403);
        CHECK_EQ(stage_metric(&s, "monoport_participants"), cases[i].good);
        stage_close(&s);
    }
}

static void bearer_token_is_that_of_a_join(void)
{
    static const struct access closed = {
        .algorithm = ACCESS_HS256, .key = SECRET, .key_len = sizeof SECRET - 1, .open_rooms = "lobby"};
    char claims[256], header[8200];
    stage_open_bounded(&s, 16, &closed, NULL);
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 401);
    CHECK_EQ(post("/whip/lobby", "", "chromium-stream"), 201);
    authorization = "Bearer no.such.token";
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 401);
    snprintf(claims, sizeof claims,
             "{\"exp\":%lld,\"sub\":\"ada\",\"room\":\"blue\",\"rights\":[\"publish\"]}",
             (long long)(STAGE_UNIX_S + s.now / MP_S(1) + 60));
    snprintf(header, sizeof header, "Bearer %s", token(claims, JWT_ALG_HS256, SECRET));
    authorization = header;
    CHECK_EQ(post("/whip/green", "", "chromium-stream"), 403);
    CHECK_EQ(post("/whep/blue", "", "chromium-watch"), 403);
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 201);
    authorization = "";
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""),
             200); /* the resource's name is its own credential */
    stage_close(&s);
}

static bool says(const char *header) { return strstr(x.headers, header) != NULL; }
#define READABLE_BY(origin) says("access-control-allow-origin: " origin "\n")
#define READABLE            says("access-control-allow-origin")
#define EVIL                "https://evil.example"

/* Every request of a foreign page gets 403, without headers that let its scripts read the answer. */
static void check_refused(const char *path)
{
    CHECK_EQ(post(path, "", "chromium-stream"), 403);
    CHECK(!READABLE && says("vary: origin\n") && !says("location"));
    CHECK_EQ(ask(WHIP_OPTIONS, path, "", "", "", ""), 403);
    CHECK(!READABLE && says("vary: origin\n") && !says("access-control-allow-methods"));
    CHECK_EQ(ask(WHIP_OTHER, path, "", "", "", ""), 403);
    CHECK(!READABLE);
}

static void pages_of_other_sites_are_refused_where_everybody_may_come_in(void)
{
    static const struct access everybody = {.key = "", .open_rooms = "", .origins = "https://meet.example"};
    static const char *const mine[] = {"https://monoport.example", "https://meet.example"};
    stage_open_bounded(&s, 16, &everybody, NULL);
    origin = EVIL;
    check_refused("/whip/blue");
    check_refused("/whep/blue");
    CHECK_EQ(stage_metric(&s, "monoport_joins_total"), 0);
    for (size_t i = 0; i < 2; i++) {
        origin = mine[i];
        CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 201);
        CHECK(i ? READABLE_BY("https://meet.example") : READABLE_BY("https://monoport.example"));
        CHECK(says("vary: origin\n"));
        CHECK_EQ(ask(WHIP_POST, "/whip/blue", "", "text/plain", "", ""), 415);
        CHECK(i ? READABLE_BY("https://meet.example") : READABLE_BY("https://monoport.example"));
        origin = EVIL; /* though it knows the name of the resource */
        check_refused(x.location);
        CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 403);
        origin = "";
        CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 200);
    }
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 201); /* an encoder */
    stage_close(&s);
}

static void pages_of_other_sites_come_in_by_a_token(void)
{
    static const struct access closed = {
        .algorithm = ACCESS_HS256, .key = SECRET, .key_len = sizeof SECRET - 1, .open_rooms = "lobby"};
    char claims[256], header[8200], location[128];
    stage_open_bounded(&s, 16, &closed, NULL);
    snprintf(claims, sizeof claims,
             "{\"exp\":%lld,\"sub\":\"ada\",\"room\":\"*\",\"rights\":[\"publish\",\"watch\"]}",
             (long long)(STAGE_UNIX_S + s.now / MP_S(1) + 60));
    snprintf(header, sizeof header, "Bearer %s", token(claims, JWT_ALG_HS256, SECRET));
    origin = EVIL;
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 403); /* without one */
    authorization = "Bearer no.such.token";
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 403);
    authorization = header;
    check_refused("/whip/lobby"); /* which takes none */
    CHECK_EQ(ask(WHIP_OPTIONS, "/whip/blue", "", "", "", ""), 204);
    CHECK(READABLE_BY(EVIL) && says("vary: origin\n") && says("access-control-allow-methods"));
    CHECK_EQ(post("/whip/blue", "", "chromium-stream"), 201);
    CHECK(READABLE_BY(EVIL));
    snprintf(location, sizeof location, "%s", x.location);
    authorization = "";
    CHECK_EQ(ask(WHIP_OPTIONS, location, "", "", "", ""), 204);
    CHECK_EQ(ask(WHIP_PATCH, location, "", "text/plain", "", ""), 415);
    CHECK(READABLE_BY(EVIL));
    CHECK_EQ(ask(WHIP_DELETE, location, "", "", "", ""), 200);
    CHECK(READABLE_BY(EVIL));
    check_refused(location);
    origin = "";
    CHECK_EQ(post("/whip/lobby", "", "chromium-stream"), 201);
    stage_close(&s);
}

static void nobody_is_kept_who_does_not_connect(void)
{
    stage_open(&s, 16, NULL);
    CHECK_EQ(whip_deadline(s.whip), MP_NEVER);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    claim(0);
    s.now += MP_S(10);
    CHECK_EQ(post("/whip/r", "", "firefox-stream"), 201);
    CHECK_EQ(stage_metric(&s, "monoport_participants"), 2);
    s.now = whip_deadline(s.whip);
    whip_turn(s.whip, s.now);
    stage_go_on(&s);
    CHECK_EQ(stage_metric(&s, "monoport_participants"),
             2); /* the first client's deadline has passed, and it is connected */
    s.now = whip_deadline(s.whip);
    whip_turn(s.whip, s.now);
    stage_go_on(&s);
    CHECK_EQ(stage_metric(&s, "monoport_participants"), 1);
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 404);
    CHECK_EQ(whip_deadline(s.whip), MP_NEVER);
    stage_close(&s);
}

static void session_that_its_worker_ends_is_gone(void)
{
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    uint32_t id = claim(0);
    stage_end(&s, id, END_CONSENT);
    whip_turn(s.whip, s.now);
    stage_go_on(&s);
    CHECK_EQ(stage_metric(&s, "monoport_participants"), 0);
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 404);
    stage_close(&s);
}

static void full_server_says_so(void)
{
    stage_open(&s, 2, NULL);
    CHECK(post("/whip/r", "", "chromium-stream") == 201 && post("/whip/r", "", "chromium-stream") == 201);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 503);
    CHECK(strstr(x.headers, "retry-after: "));
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 200);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    stage_close(&s);
}

static void resources_are_found_by_their_whole_secret_alone(void)
{
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    char path[128];
    size_t len = strlen(x.location);
    for (size_t n = strlen("/resource/"); n < len;
         n++) { /* every shorter one, and every one with another character */
        snprintf(path, sizeof path, "%.*s", (int)n, x.location);
        CHECK_EQ(ask(WHIP_DELETE, path, "", "", "", ""), 404);
        snprintf(path, sizeof path, "%s", x.location);
        path[n] = path[n] == 'a' ? 'b' : 'a';
        CHECK_EQ(ask(WHIP_DELETE, path, "", "", "", ""), 404);
    }
    static const char *const wrong[] = {"/resource/", "/resource/-", "/resource/ffffffffffffffff-0",
                                        "/resource/0-", "/resource/0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_EQ(ask(WHIP_DELETE, wrong[i], "", "", "", ""), 404);
    CHECK_EQ(ask(WHIP_DELETE, "/other", "", "", "", ""), 0);
    CHECK_EQ(ask(WHIP_DELETE, x.location, "", "", "", ""), 200);
    stage_close(&s);
}

static void restart_brings_new_credentials_once(void)
{
    static const char body[] =
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 X 0\r\na=mid:0\r\n";
    char before[64], ufrag[64];
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    CHECK(whip_attribute(x.body, "ice-ufrag", before, sizeof before));
    claim(0);
    CHECK_EQ(ask(WHIP_PATCH, x.location, "", "application/trickle-ice-sdpfrag; charset=utf-8", "*", body),
             200);
    CHECK(whip_attribute(x.body, "ice-ufrag", ufrag, sizeof ufrag) && strcmp(before, ufrag) != 0);
    CHECK(strstr(x.body, "a=candidate:") && strstr(x.body, "a=ice-lite") && !strstr(x.body, "a=rtpmap"));
    const char *tag = strstr(x.headers, "etag: ");
    char etag[64];
    snprintf(etag, sizeof etag, "%.*s", tag ? (int)strcspn(tag + 6, "\n") : 0, tag ? tag + 6 : "");
    CHECK_EQ(ask(WHIP_PATCH, x.location, "", "application/trickle-ice-sdpfrag", etag, body),
             204); /* the same: nothing new */
    CHECK_EQ(ask(WHIP_PATCH, x.location, "", "application/trickle-ice-sdpfragment", etag, body), 415);
    stage_close(&s);
}

static void entity_tag_of_answer(char tag[64])
{
    const char *at = strstr(x.headers, "etag: ");
    snprintf(tag, 64, "%.*s", at ? (int)strcspn(at + 6, "\n") : 0, at ? at + 6 : "");
}

/* RFC 9725 4.6: a Link header for each server, with TURN credentials. */
static void turn_servers_are_linked(void)
{
    static const char form[] = "; rel=\"ice-server\"; username=\"%63[^\"]\"; credential=\"%63[^\"]\"; "
                               "credential-type=\"password\"%c";
    size_t links = 0;
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    for (const char *at = x.headers; (at = strstr(at, "link: <turn")); links++) {
        char username[64], credential[64], end = 0;
        at += strcspn(at, ">") + 1;
        CHECK(sscanf(at, form, username, credential, &end) == 3 && end == '\n');
        /* base64 of a SHA-1 */
        CHECK(strtoll(username, NULL, 10) == STAGE_UNIX_S + s.now / MP_S(1) + TURN_CREDENTIAL_S &&
              strlen(credential) == 28);
    }
    CHECK_EQ(links, 2); /* by TCP and by TLS */
    CHECK(strstr(x.headers, "\naccept-patch: application/trickle-ice-sdpfrag\n"));
    stage_close(&s);
}

/* RFC 9725 4.3.1: a PATCH with the entity tag of another ICE session changes nothing: 412. */
static void patch_of_another_ice_session_is_refused(void)
{
    static const char type[] = "application/trickle-ice-sdpfrag";
    static const char body[] =
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 X 0\r\na=mid:0\r\n";
    static const char candidate[] =
        "m=audio 9 X 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n";
    char other[64], first[64], second[64], location[128];
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whip/q", "", "chromium-stream"), 201);
    entity_tag_of_answer(other);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    entity_tag_of_answer(first);
    snprintf(location, sizeof location, "%s", x.location);
    claim(0);
    size_t told = stage_commands(&s, MESSAGE_CREDENTIALS);
    CHECK_EQ(ask(WHIP_PATCH, location, "", type, other, body), 412);
    CHECK_EQ(ask(WHIP_PATCH, location, "", type, "\"\"", body), 412);
    CHECK_EQ(ask(WHIP_PATCH, location, "", type, "", body), 428);
    CHECK_EQ(stage_commands(&s, MESSAGE_CREDENTIALS), told);
    CHECK_EQ(ask(WHIP_PATCH, location, "", type, first, candidate), 204);
    CHECK_EQ(ask(WHIP_PATCH, location, "", type, first, body), 200);
    entity_tag_of_answer(second);
    CHECK(strcmp(first, second) != 0);
    CHECK_EQ(stage_commands(&s, MESSAGE_CREDENTIALS), told + 1);
    CHECK_EQ(ask(WHIP_PATCH, location, "", type, first, candidate), 412); /* that ICE session is over */
    CHECK_EQ(ask(WHIP_PATCH, location, "", type, second, candidate), 204);
    stage_close(&s);
}

/* RFC 9110 13.1.1: any of a list, compared strongly. */
static void if_match_is_a_list(void)
{
    static const char type[] = "application/trickle-ice-sdpfrag", body[] = "m=audio 9 X 0\r\na=mid:0\r\n";
    static const struct {
        const char *format;
        unsigned status;
    } lists[] = {{"\"%s\"", 204},
                 {"\"x\", \"%s\"", 204},
                 {"\"x\",\t\"%s\" , W/\"y\"", 204},
                 {"\"a,b\", \"%s\"", 204},
                 {"W/\"%s\"", 412},
                 {"\"x%s\"", 412},
                 {"\"%s", 412},
                 {"%s", 412},
                 {"\"x, \"%s\"", 412}};
    char value[128], tag[64];
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    CHECK(sscanf(strstr(x.headers, "etag: "), "etag: \"%63[^\"]", tag) == 1);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const char *percent = strstr(lists[i].format, "%s");
        snprintf(value, sizeof value, "%.*s%s%s", (int)(percent - lists[i].format), lists[i].format, tag,
                 percent + 2);
        CHECK_EQ(ask(WHIP_PATCH, x.location, "", type, value, body), lists[i].status);
    }
    CHECK_EQ(ask(WHIP_PATCH, x.location, "", type, "", body), 428);
    stage_close(&s);
}

/* A preflight's answer (Fetch 4.8) allows the page's next request, for every path. */
static void options_tell_the_methods(void)
{
    stage_open(&s, 16, NULL);
    CHECK_EQ(post("/whip/r", "", "chromium-stream"), 201);
    const char *paths[] = {"/whip/r", "/whep/r", x.location};
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(ask(WHIP_OPTIONS, paths[i], "", "", "", ""), 204);
        CHECK(strstr(x.headers, "access-control-allow-methods: OPTIONS, POST, PATCH, DELETE\n"));
        CHECK(strstr(x.headers, i < 2 ? "\nallow: OPTIONS, POST\n" : "\nallow: OPTIONS, PATCH, DELETE\n"));
    }
    stage_close(&s);
}

static void a_path_names_one_room(void)
{
    static const char *const wrong[] = {"/whip/",  "/whep/",   "/whip//",  "/whip//r",
                                        "/whep//", "/whip/r/", "/whep/r/", "/whip/r/s"};
    stage_open(&s, 16, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_EQ(post(wrong[i], "", "chromium-stream"), 404);
        CHECK(strstr(x.body, "POST to /whip/ROOM or /whep/ROOM"));
    }
    stage_close(&s);
}

static void attributes_and_fragments_are_cut_out_of_descriptions(void)
{
    char value[8];
    CHECK(whip_attribute("v=0\na=ice-ufrag:abc\na=ice-ufrag:d\n", "ice-ufrag", value, sizeof value) &&
          strcmp(value, "abc") == 0);
    CHECK(whip_attribute("a=x:\r\n", "x", value, sizeof value) && !*value);
    CHECK(!whip_attribute("", "x", value, sizeof value) &&
          !whip_attribute("a=xy:1", "x", value, sizeof value));
    CHECK(!whip_attribute("a=x:12345678\n", "x", value, sizeof value)); /* too long */
    CHECK(whip_attribute("a=x: 1234567 \t\r\n", "x", value, sizeof value) && strcmp(value, "1234567") == 0);
    CHECK(whip_has_attribute("a=x:1\na=x:23 \n", "x", "23") &&
          !whip_has_attribute("a=x:1\na=x:23\n", "x", "2"));
    char *offer = whip_restarted_offer(
        "v=0\r\na=ice-ufrag:a\r\nm=1\r\na=ice-pwd:b\r\na=candidate:c\r\na=mid:0", "U", "P");
    CHECK(strcmp(offer, "v=0\r\na=ice-ufrag:U\r\nm=1\r\na=ice-pwd:P\r\na=mid:0\r\n") == 0);
    free(offer);
    char *fragment = whip_fragment(
        "v=0\r\na=ice-lite\r\nm=1\r\na=mid:0\r\na=rtpmap:1\r\na=candidate:c\r\nm=2\r\na=mid:1\r\n");
    CHECK(strcmp(fragment, "a=ice-lite\r\nm=1\r\na=mid:0\r\na=candidate:c\r\n") == 0);
    free(fragment);
}

TEST_MAIN(TEST(publisher_by_post_is_a_participant_like_others), TEST(query_is_cut_before_it_is_decoded),
          TEST(viewer_is_answered_with_what_is_there),
          TEST(an_offer_of_which_nothing_comes_is_refused_before_anybody_joins),
          TEST(one_section_that_cannot_be_taken_is_refused_alone),
          TEST(every_codec_is_answered_and_the_one_that_comes_is_taken), TEST(a_refused_join_says_why),
          TEST(refusals_have_their_status), TEST(who_vanished_makes_room_for_who_comes_and_may_come_back),
          TEST(who_is_found_in_time_has_not_vanished), TEST(who_vanishes_gives_way_to_a_living_publication),
          TEST(goodbye_by_rtcp_ends_who_has_no_socket), TEST(bearer_token_is_that_of_a_join),
          TEST(pages_of_other_sites_are_refused_where_everybody_may_come_in),
          TEST(pages_of_other_sites_come_in_by_a_token), TEST(nobody_is_kept_who_does_not_connect),
          TEST(session_that_its_worker_ends_is_gone), TEST(full_server_says_so),
          TEST(resources_are_found_by_their_whole_secret_alone), TEST(restart_brings_new_credentials_once),
          TEST(patch_of_another_ice_session_is_refused), TEST(turn_servers_are_linked),
          TEST(if_match_is_a_list), TEST(options_tell_the_methods), TEST(a_path_names_one_room),
          TEST(attributes_and_fragments_are_cut_out_of_descriptions))
