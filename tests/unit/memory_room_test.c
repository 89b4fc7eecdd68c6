/* A room in which allocations of our own code fail. After a failure in jansson a text would be incomplete, so
 * control.c makes jansson abort instead. */
#include "tests/unit/refusal.h"
#include "tests/unit/signal_stage.h"

GUARDED_VOID(signal_text,
             (struct signaling * s, struct participant *p, const char *text, size_t len, mp_time now),
             (s, p, text, len, now))
GUARDED(bool, signal_go_on, (struct signaling * s, mp_time now), (s, now))
GUARDED_VOID(signal_event, (struct signaling * s, const struct message *m, mp_time now), (s, m, now))
GUARDED_VOID(signal_timeout, (struct signaling * s, mp_time now), (s, now))
GUARDED(struct participant *, signal_opened,
        (struct signaling * s, const struct signal_client *c, mp_time now), (s, c, now))
GUARDED(bool, whip_request,
        (struct whip * w, const struct whip_request *q, struct whip_response *r, mp_time now), (w, q, r, now))
GUARDED(char *, signal_timeline, (struct signaling * s, uint32_t session, size_t *len), (s, session, len))

static void room(void)
{
    static struct stage s;
    memset(&s, 0, sizeof s);
    stage_open(&s, 8, "198.51.100.1");
    struct peer *people[3];
    size_t len;
    for (int i = 0; i < 3; i++) {
        struct peer *p = people[i] = peer_open(&s, "example.org", "198.51.100.1");
        if (!p->participant)
            continue;
        peer_say(p, "join-room", "{s:s, s:s}", "room", "memory", "name", "somebody");
        if (!p->participant)
            continue;
        if (!peer_offer_golden(p, i == 1 ? "firefox-call" : "chromium-call")) {
            peer_close(p); /* as clients do that get no answer */
            continue;
        }
        peer_learn(p, take_text(p, "answer", "sdp"));
        peer_claim(p, (unsigned)i % STAGE_WORKERS);
        for (int j = 0; j <= i; j++)
            if (people[j]->participant && !people[j]->close_code)
                peer_answer(people[j], NULL);
    }
    memory.armed = true; /* here alone: the stage checks itself by the same function */
    char *metrics = signal_metrics(s.signaling, &len, s.now);
    memory.armed = false;
    free(metrics);
    for (int i = 0; i < 3; i++)
        if (people[i]->participant && peer_session(people[i]) != SESSION_NONE)
            free(signal_timeline(s.signaling, peer_session(people[i]), &len));
    stage_close(&s);
}

/* Or has left, as clients do that get no answer. */
static struct peer *comes(struct stage *s, unsigned worker)
{
    struct peer *p = peer_open(s, "example.org", "198.51.100.1");
    if (p->participant)
        peer_say(p, "join-room", "{s:s}", "room", "memory");
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_line(p, SDP_VIDEO, SDP_SENDRECV);
    if (p->participant)
        peer_offer(p);
    if (!waiting(p, "answer")) {
        peer_close(p);
        return p;
    }
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, worker);
    return p;
}

/* Clients also leave if the server cannot read their answer. */
static void answers(struct peer *p)
{
    while (p->participant && peer_answer(p, NULL))
        ;
    if (waiting(p, "error"))
        peer_close(p);
}

/* The server could not offer a client its streams, in new sections or in freed ones. It does so later, once
 * memory is available and the client sends another message. */
static void late(bool again)
{
    static struct stage s;
    memset(&s, 0, sizeof s);
    stage_open(&s, 8, "198.51.100.1");
    struct peer *first = comes(&s, 0), *other = comes(&s, 1);
    if (again) {
        answers(first);
        peer_close(other);
        answers(first);
        other = comes(&s, 1);
    }
    memory.fail_at = 0;
    answers(first);
    answers(other);
    bool both = first->participant && other->participant;
    if (both) {
        peer_offer(first);
        answers(first);
        peer_offer(other);
        answers(other);
    }
    CHECK(!both || (first->participant && other->participant));
    CHECK_EQ(s.viewer_count, both ? s.track_count : 0);
    stage_close(&s);
}

static void late_at_first(void) { late(false); }
static void late_after_another(void) { late(true); }

static void what_there_was_no_memory_for_is_offered_later(void)
{
    plays(late_at_first);
    plays(late_after_another);
}

static struct whip_request request(enum whip_method method, const char *path, const char *type,
                                   const char *body)
{
    struct whip_request q = {.method = method,
                             .path = path,
                             .query = "",
                             .host = "example.org",
                             .origin = "",
                             .authorization = "",
                             .content_type = type,
                             .if_match = "*",
                             .body = body,
                             .len = strlen(body)};
    address_parse(&q.local, "192.0.2.1", 8000);
    address_parse(&q.remote, "203.0.113.7", 4000);
    return q;
}

static unsigned without_answer;

/* RFC 9110 15.6.1: 500, where the server has an error and no words for it. */
static void publishes(void)
{
    static struct stage s;
    memset(&s, 0, sizeof s);
    stage_open(&s, 8, "198.51.100.1");
    char *offer = golden("chromium-stream");
    struct whip_request q = request(WHIP_POST, "/whip/memory", "application/sdp", offer);
    struct whip_response r;
    for (int again = 0; again < 2; again++) {
        CHECK(whip_request(s.whip, &q, &r, s.now));
        memory.fail_at = 0;
        stage_go_on(&s);
        if (!again && r.status == 500) {
            CHECK(r.body && strstr(r.body, "the server could not answer"));
            CHECK_EQ(stage_metric(&s, "monoport_participants"), 0);
            without_answer++;
        }
        CHECK(!again || r.status == 201);
        free(r.body);
        free(r.headers);
    }
    free(offer);
    stage_close(&s);
}

static void post_without_memory_for_its_answer_is_a_server_error(void)
{
    plays(publishes);
    CHECK(without_answer > 0);
}

/* RFC 9725 4.3.3: 200 has the server's new credentials. After an error, the client may ask again. */
static void restarts(void)
{
    static const char fragment[] = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";
    static struct stage s;
    memset(&s, 0, sizeof s);
    stage_open(&s, 8, "198.51.100.1");
    char *offer = golden("chromium-stream"), path[128] = "";
    struct whip_request q = request(WHIP_POST, "/whip/memory", "application/sdp", offer);
    struct whip_response r;
    CHECK(whip_request(s.whip, &q, &r, s.now));
    stage_go_on(&s);
    const char *location = r.status == 201 && r.headers ? strstr(r.headers, "location: ") : NULL;
    if (location)
        snprintf(path, sizeof path, "%.*s", (int)strcspn(location + 10, "\n"), location + 10);
    free(r.body);
    free(r.headers);
    free(offer);
    bool restarted = false;
    for (int i = 0; location && i < 2; i++) {
        q = request(WHIP_PATCH, path, "application/trickle-ice-sdpfrag", fragment);
        CHECK(whip_request(s.whip, &q, &r, s.now));
        stage_go_on(&s);
        memory.fail_at = 0;
        CHECK(i == 0 || r.status == (restarted ? 204 : 200));
        CHECK(r.status != 200 || (r.body && strstr(r.body, "a=ice-ufrag:")));
        restarted = r.status == 200;
        free(r.body);
        free(r.headers);
    }
    stage_close(&s);
}

static void an_ice_restart_by_patch_survives_every_refused_allocation(void) { plays(restarts); }

static void a_room_survives_every_refused_allocation(void) { plays(room); }

TEST_MAIN(TEST(post_without_memory_for_its_answer_is_a_server_error),
          TEST(a_room_survives_every_refused_allocation),
          TEST(an_ice_restart_by_patch_survives_every_refused_allocation),
          TEST(what_there_was_no_memory_for_is_offered_later))
