/* Turns of the signaling: the work of one turn, the order of clients, and how it merges repeated news for a
 * room. */
#include "base/limits.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"

static struct stage s;

/* Sends it; no participant has received it yet. */
static void say_later(struct peer *p, const char *type)
{
    char text[256];
    snprintf(text, sizeof text, "{\"type\":\"%s\",\"peerId\":\"%s\",\"audio\":true}", type, p->id);
    signal_text(s.signaling, p->participant, text, strlen(text), s.now);
}

static size_t pongs(struct peer **list, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += waiting(list[i], "pong");
    return n;
}

static void a_turn_hears_one_text(void)
{
    struct peer *p[10];
    stage_open(&s, 16, NULL);
    for (int i = 0; i < 10; i++)
        p[i] = peer_call(&s, "one", "watch", 0);
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < 3; k++)
            say_later(p[i], "ping");
    CHECK_EQ(pongs(p, 10), 0);
    CHECK_EQ(signal_deadline(s.signaling), 0); /* work is left */
    for (size_t n = 1; n <= 30; n++) {
        signal_go_on(s.signaling, s.now);
        CHECK_EQ(pongs(p, 10), n);
        CHECK_EQ(waiting(p[(n - 1) % 10], "pong"), (n + 9) / 10); /* the oldest first */
    }
    stage_go_on(&s);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    stage_close(&s);
}

static void whoever_waits_has_one_turn_of_each_other_room_before_it(void)
{
    struct peer *crowd[100];
    stage_open(&s, 128, NULL);
    for (int i = 0; i < 100; i++)
        crowd[i] = peer_call(&s, i % 2 ? "odd" : "even", "watch", 0);
    struct peer *other = peer_call(&s, "quiet", "watch", 0),
                *fresh = peer_open(&s, "monoport.example", "192.0.2.1");
    for (int k = 0; k < 10; k++)
        for (int i = 0; i < 100; i++)
            say_later(crowd[i], "ping");
    signal_go_on(s.signaling, s.now);
    say_later(other, "ping");
    say_later(fresh, "join-room");
    for (int turn = 0; turn < 4; turn++)
        signal_go_on(s.signaling, s.now);
    CHECK_EQ(waiting(other, "pong"), 1);
    CHECK_EQ(waiting(fresh, "joined"), 1);
    CHECK_EQ(pongs(crowd, 100), 3);
    stage_close(&s);
}

/* A client makes a room by its name alone: before it has a session, its room gives it no turn of its own. */
static void participants_without_a_session_have_one_turn_together(void)
{
    struct peer *idle[10];
    char room[16];
    stage_open(&s, 16, NULL);
    for (int i = 0; i < 10; i++) {
        snprintf(room, sizeof room, "idle %d", i);
        idle[i] = peer_join(&s, room, "call");
    }
    struct peer *other = peer_call(&s, "one", "watch", 0);
    for (int i = 0; i < 10; i++)
        say_later(idle[i], "ping");
    say_later(other, "ping");
    for (int turn = 0; turn < 2; turn++)
        signal_go_on(s.signaling, s.now);
    CHECK_EQ(waiting(other, "pong"), 1);
    CHECK_EQ(pongs(idle, 10), 1);
    stage_close(&s);
}

static void a_turn_makes_one_offer_and_those_to_one_viewer_become_one(void)
{
    struct peer *viewers[20];
    stage_open(&s, 32, NULL);
    struct peer *p = peer_call(&s, "one", "stream", 0);
    for (int i = 0; i < 20; i++)
        viewers[i] = peer_call(&s, "one", "watch", 1);
    for (int i = 0; i < 20; i++)
        while (peer_answer(viewers[i], NULL))
            ;
    uint64_t before = (uint64_t)stage_metric(&s, "monoport_offers_total");
    for (int n = 0; n < 5; n++) { /* on, off, on, off, on */
        p->lines[1].direction = n % 2 ? SDP_INACTIVE : SDP_SENDONLY;
        peer_line(p, SDP_VIDEO, SDP_SENDONLY);
        peer_offer(p);
    }
    CHECK_EQ(stage_metric(&s, "monoport_offers_total") - before, 20); /* the open ones are answered first */
    for (int i = 0; i < 20; i++)
        CHECK_EQ(waiting(viewers[i], "offer"), 1);
    for (int i = 0; i < 20; i++) { /* the second has all changes since the first */
        CHECK(peer_answer(viewers[i], NULL) && peer_answer(viewers[i], NULL) &&
              !peer_answer(viewers[i], NULL));
    }
    stage_close(&s);
}

static void offers_are_made_one_a_turn(void)
{
    struct peer *viewers[20];
    stage_open(&s, 32, NULL);
    for (int i = 0; i < 20; i++)
        viewers[i] = peer_call(&s, "one", "watch", 1);
    struct peer *p = peer_join(&s, "one", "stream");
    peer_line(p, SDP_VIDEO, SDP_SENDONLY);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    uint32_t session = peer_session(p);
    CHECK(registry_claim(s.registry, session, 0));
    struct message m = {.type = MESSAGE_CLAIMED, .to = TO_CONTROL, .session = session};
    signal_event(s.signaling, &m, s.now);
    for (size_t turn = 1; turn <= 21; turn++) {
        signal_go_on(s.signaling, s.now);
        size_t offers = 0;
        for (int i = 0; i < 20; i++)
            offers += waiting(viewers[i], "offer");
        CHECK_EQ(offers, turn - 1); /* the first turn served the publisher, which gets no offer */
    }
    stage_close(&s);
}

/* --- news --- */

static void mute(struct peer *p, bool audio) { peer_say(p, "mute", "{s:b}", "audio", (int)audio); }

static bool told_muted(struct peer *p)
{
    json_t *m = take(p, "participant-updated");
    return json_is_true(json_object_get(json_object_get(m, "participant"), "audioMuted"));
}

static void no_news_is_no_message(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_join(&s, "one", "call");
    forget(a);
    mute(b, false);
    CHECK_EQ(waiting(a, NULL), 0);
    mute(b, true);
    CHECK(told_muted(a));
    mute(b, true);
    mute(b, false); /* and back before the server reported it */
    mute(b, true);
    s.now += MP_S(1);
    stage_timeout(&s);
    CHECK_EQ(waiting(a, NULL), 0);
    stage_close(&s);
}

static void updates_are_four_a_second_and_the_last_is_delivered(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_join(&s, "one", "call");
    forget(a);
    for (int n = 1; n <= 101; n++, s.now += MP_MS(10), stage_timeout(&s))
        mute(b, n % 2);
    size_t told = waiting(a, "participant-updated");
    CHECK(told >= 3 && told <= UPDATES_PER_S + 1);
    CHECK(signal_deadline(s.signaling) <= s.now + MP_S(1) / UPDATES_PER_S);
    s.now += MP_S(1) / UPDATES_PER_S;
    stage_timeout(&s);
    bool last = false;
    while (waiting(a, "participant-updated"))
        last = told_muted(a);
    CHECK(last);
    s.now += MP_S(1);
    stage_timeout(&s);
    CHECK_EQ(waiting(a, NULL), 0);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    stage_close(&s);
}

/* All mute at once, again and again: the news for the room are bounded and continue. */
static void a_room_is_told_no_more_than_its_budget(void)
{
    enum { COUNT = 250 };
    static struct peer *p[COUNT];
    stage_open(&s, 256, NULL);
    for (int i = 0; i < COUNT; i++)
        p[i] = peer_join(&s, "one", "call");
    struct peer *elsewhere[] = {peer_join(&s, "two", "call"), peer_join(&s, "two", "call")};
    for (int i = 0; i < COUNT; i++)
        forget(p[i]);
    size_t told = 0, at_once = 0;
    for (int n = 1; n <= 20; n++, s.now += MP_MS(100), stage_timeout(&s)) {
        for (int i = 0; i < COUNT; i++)
            mute(p[i], n % 2);
        for (int i = 0; i < COUNT; i++) {
            told += waiting(p[i], "participant-updated");
            forget(p[i]);
        }
        at_once = n == 1 ? told : at_once;
    }
    size_t one = strlen(
        "{\"type\":\"participant-updated\",\"participant\":"
        "{\"id\":\"peer-0000\",\"name\":\"\",\"role\":\"call\",\"audioMuted\":true,\"videoMuted\":false}}");
    CHECK(at_once > 10000);
    CHECK(told * one > ROOM_NEWS_BURST);
    CHECK(told * (one - 5) < ROOM_NEWS_BURST + 2 * ROOM_NEWS_PER_S + 2 * COUNT * one);
    CHECK(signal_deadline(s.signaling) != 0); /* it waits, and the loop does not spin */
    forget(elsewhere[1]);
    mute(elsewhere[0], true);
    CHECK(told_muted(elsewhere[1]));
    for (int n = 0; n < 200; n++, s.now += MP_MS(100))
        stage_timeout(&s);
    for (int i = 0; i < COUNT; i++)
        forget(p[i]);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER); /* all of it was reported */
    stage_close(&s);
}

/* If a participant joins and leaves while the room's news are delayed, only participants that saw it in their
 * list learn of its end. */
static void who_came_and_went_is_told_to_who_saw_it(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_open(&s, "monoport.example", "192.0.2.1");
    char text[128];
    snprintf(text, sizeof text, "{\"type\":\"join-room\",\"peerId\":\"%s\",\"room\":\"one\"}", b->id);
    signal_text(s.signaling, b->participant, text, strlen(text), s.now);
    signal_go_on(s.signaling, s.now); /* it is heard; its room's turn comes after this */
    CHECK_EQ(waiting(b, "joined"), 1);
    CHECK_EQ(waiting(a, "participant-joined"), 0);
    struct peer *c = peer_open(&s, "monoport.example", "192.0.2.1");
    signal_closed(s.signaling, b->participant, s.now);
    b->participant = NULL;
    b->close_code = 1006;
    snprintf(text, sizeof text, "{\"type\":\"join-room\",\"peerId\":\"%s\",\"room\":\"one\"}", c->id);
    signal_text(s.signaling, c->participant, text, strlen(text), s.now);
    stage_go_on(&s);
    CHECK_EQ(waiting(a, "participant-joined"), 1); /* c */
    CHECK_EQ(waiting(a, "participant-left"), 0);
    CHECK_EQ(waiting(c, "participant-left"), 0);
    stage_close(&s);
}

static void what_waits_is_bounded_and_goes_with_its_client(void)
{
    struct signal_limits limits = {.message = 1000};
    stage_open_bounded(&s, 16, NULL, &limits);
    struct peer *p = peer_join(&s, "one", "call"), *other = peer_join(&s, "one", "call");
    int said = 0;
    for (; said < 100 && !p->close_code; said++)
        say_later(p, "ping");
    CHECK(said > 20 && said < 60); /* twice a message */
    CHECK_EQ(p->close_code, 1008);
    say_later(other, "ping");
    peer_close(other);
    stage_go_on(&s);
    CHECK_EQ(waiting(p, "pong"), 0); /* it is closing */
    stage_close(&s);
}

TEST_MAIN(TEST(a_turn_hears_one_text), TEST(whoever_waits_has_one_turn_of_each_other_room_before_it),
          TEST(a_turn_makes_one_offer_and_those_to_one_viewer_become_one), TEST(offers_are_made_one_a_turn),
          TEST(no_news_is_no_message), TEST(updates_are_four_a_second_and_the_last_is_delivered),
          TEST(a_room_is_told_no_more_than_its_budget), TEST(who_came_and_went_is_told_to_who_saw_it),
          TEST(what_waits_is_bounded_and_goes_with_its_client),
          TEST(participants_without_a_session_have_one_turn_together))
