#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include "tests/unit/token.h"
#include <stdlib.h>

#define SECRET "a secret of thirty-two bytes ...."

static struct stage s;
static const struct access closed = {
    .algorithm = ACCESS_HS256, .key = SECRET, .key_len = sizeof SECRET - 1, .open_rooms = "lobby"};

static bool is_error(struct peer *p, const char *code)
{
    return strcmp(take_text(p, "error", "code"), code) == 0;
}

/* `claims` are further ones than exp, 60 s from now. */
static char *ticket(const char *claims)
{
    char all[1024];
    snprintf(all, sizeof all, "{\"exp\":%lld%s%s}", (long long)(STAGE_UNIX_S + s.now / MP_S(1) + 60),
             *claims ? "," : "", claims);
    return token(all, JWT_ALG_HS256, SECRET);
}

static struct peer *visitor(void) { return peer_open(&s, "monoport.example", "192.0.2.1"); }

/* NULL: joined; else the error's code. */
static const char *ask(struct peer *p, const char *room, const char *role, const char *claims)
{
    peer_say(p, "join-room", "{s:s*, s:s, s:s*}", "room", room, "role", role, "token",
             claims ? ticket(claims) : NULL);
    return take(p, "joined") ? NULL : take_text(p, "error", "code");
}

static bool refused(const char *code, const char *room, const char *role, const char *claims)
{
    struct peer *p = visitor();
    const char *found = ask(p, room, role, claims);
    bool as_expected = found && strcmp(found, code) == 0 && peer_session(p) == SESSION_NONE &&
                       stage_metric(&s, "monoport_participants") == 0;
    peer_offer_golden(p, "chromium-call");
    as_expected &= waiting(p, "answer") == 0 && is_error(p, "not-joined");
    peer_close(p);
    peer_free(p);
    return as_expected;
}

#define ADA  "\"sub\":\"ada\",\"room\":\"blue\",\"rights\":[\"publish\",\"watch\"]"
#define EVE  "\"sub\":\"eve\",\"room\":\"blue\",\"rights\":[\"watch\"]"
#define MIKE "\"sub\":\"mike\",\"room\":\"*\",\"rights\":[\"publish\"],\"name\":\"Mike\""

/* --- tokens --- */

static void a_closed_room_takes_a_token(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    CHECK(refused("unauthorized", "blue", "call", NULL));
    CHECK(refused("unauthorized", NULL, "watch", NULL));
    CHECK(!ask(visitor(), "blue", "call", ADA));
    stage_close(&s);
}

static void an_open_room_takes_none(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    struct peer *p = visitor();
    CHECK(!ask(p, "lobby", "call", NULL));
    CHECK(!ask(visitor(), "lobby", "call",
               "\"sub\":\"ada\",\"room\":\"lobby\",\"rights\":[\"publish\",\"watch\"]"));
    CHECK(strcmp(json_string_value(json_object_get(
                     json_object_get(take(p, "participant-joined"), "participant"), "identity")),
                 "ada") == 0);
    stage_close(&s);
    stage_open_bounded(&s, 8, NULL, NULL); /* a server without a key ignores tokens */
    peer_say(p = visitor(), "join-room", "{s:s, s:s}", "room", "blue", "token", "nonsense");
    CHECK(take(p, "joined") != NULL);
    stage_close(&s);
}

static void a_token_is_for_its_room(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    CHECK(refused("forbidden", "red", "call", ADA));
    CHECK(refused("forbidden", "blu", "call", ADA) && refused("forbidden", "blue2", "call", ADA) &&
          refused("forbidden", "*", "call", ADA));
    CHECK(refused("forbidden", "blue", "call", "\"sub\":\"ada\",\"rights\":[\"publish\",\"watch\"]"));
    CHECK(refused("forbidden", "lobby", "call", ADA)); /* open, but the token is for another room */
    struct peer *p = visitor();
    peer_say(p, "join-room", "{s:s}", "token", ticket(ADA)); /* which need not be named */
    CHECK(strcmp(take_text(p, "joined", "room"), "blue") == 0);
    CHECK(!ask(visitor(), "red", "stream", MIKE) && !ask(visitor(), NULL, "stream", MIKE));
    stage_close(&s);
}

static void rights_are_those_of_the_role(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    CHECK(refused("forbidden", "blue", "call", EVE) && refused("forbidden", "blue", "stream", EVE));
    CHECK(refused("forbidden", "blue", "call", MIKE) && refused("forbidden", "blue", "watch", MIKE));
    CHECK(refused("forbidden", "blue", "watch", "\"sub\":\"x\",\"room\":\"blue\",\"rights\":[\"admin\"]"));
    struct peer *a = peer_call(&s, "lobby", "call", 0), *p = visitor();
    CHECK(a != NULL && !ask(p, "blue", "watch", EVE));
    peer_offer_golden(p, "chromium-call"); /* a watcher cannot publish, whatever it offers */
    CHECK(is_error(p, "forbidden"));
    CHECK_EQ(stage_commands(&s, MESSAGE_PUBLISH), 2); /* of the other room's caller */
    stage_close(&s);
}

/* Its socket died, and the server has not noticed yet. */
static void the_same_person_takes_its_name_back(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    struct peer *a = visitor(), *eve = visitor(), *open = visitor(), *again = visitor(), *nobody = visitor();
    CHECK(!ask(a, "blue", "call", ADA) && !ask(open, "lobby", "call", NULL));
    memcpy(eve->id, a->id, sizeof eve->id);
    CHECK(strcmp(ask(eve, "blue", "watch", EVE), "peer-taken") == 0 && !a->close_code && a->doubted == 1);
    memcpy(nobody->id, open->id, sizeof nobody->id); /* without tokens, even the same id cannot take over */
    CHECK(strcmp(ask(nobody, "lobby", "call", NULL), "peer-taken") == 0 && !open->close_code);
    memcpy(again->id, a->id, sizeof again->id);
    CHECK(!ask(again, "blue", "call", ADA));
    CHECK(strcmp(take_text(a, "bye", "reason"), "replaced") == 0 && a->close_code == 4001);
    CHECK_EQ(stage_metric(&s, "monoport_participants"), 2);
    peer_close(a); /* which belongs to no participant any more */
    CHECK_EQ(stage_metric(&s, "monoport_participants"), 2);
    stage_close(&s);
}

static void the_identity_is_the_tokens(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    CHECK(refused("unauthorized", "blue", "call", "\"room\":\"blue\",\"rights\":[\"publish\",\"watch\"]"));
    struct peer *a = visitor(), *b = visitor();
    CHECK(!ask(a, "blue", "call", ADA));
    peer_say(b, "join-room", "{s:s, s:s, s:s, s:s, s:s}", "room", "blue", "role", "stream", "name", "Ada",
             "identity", "ada", "token", ticket(MIKE));
    json_t *who = json_object_get(take(a, "participant-joined"), "participant");
    CHECK(strcmp(json_string_value(json_object_get(who, "identity")), "mike") == 0);
    CHECK(strcmp(json_string_value(json_object_get(who, "name")), "Mike") == 0);
    json_t *others = json_object_get(take(b, "joined"), "participants");
    CHECK(strcmp(json_string_value(json_object_get(json_array_get(others, 0), "identity")), "ada") == 0);
    stage_close(&s);
}

static void a_bad_token_is_refused_also_where_none_is_needed(void)
{
    static const char *const tokens[] = {
        "", "nonsense", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJyb29tIjoiKiIsImV4cCI6OTk5OTk5OTk5OX0."};
    stage_open_bounded(&s, 8, &closed, NULL);
    struct peer *p = visitor();
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        peer_say(p, "join-room", "{s:s, s:s}", "room", "lobby", "token", tokens[i]);
        CHECK(is_error(p, "unauthorized"));
    }
    static char endless[TOKEN_MAX + 2];
    memset(endless, 'a', sizeof endless - 1);
    peer_say(p, "join-room", "{s:s, s:s}", "room", "lobby", "token", endless);
    CHECK(is_error(p, "bad-message"));
    peer_say(p, "join-room", "{s:s, s:i}", "room", "lobby", "token", 7);
    CHECK(is_error(p, "bad-message"));
    peer_say(p, "join-room", "{s:s, s:s}", "room", "lobby", "token",
             token("{\"sub\":\"ada\",\"room\":\"*\",\"exp\":1}", JWT_ALG_HS256, SECRET));
    CHECK(is_error(p, "unauthorized"));
    CHECK(!ask(p, "blue", "call", ADA)); /* it may try again */
    stage_close(&s);
}

static void who_has_a_token_leaves_when_it_expires(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    struct peer *a = visitor(), *b = visitor(), *c = visitor();
    mp_time start = s.now;
    CHECK(!ask(a, "blue", "call", ADA) && !ask(c, "lobby", "call", NULL));
    s.now += MP_S(10);
    CHECK(!ask(b, "blue", "watch", EVE));
    CHECK_EQ(signal_deadline(s.signaling), start + MP_S(60));
    s.now = start + MP_S(60) - 1;
    stage_timeout(&s);
    CHECK_EQ(waiting(a, "bye"), 0);
    s.now++;
    stage_timeout(&s);
    CHECK(strcmp(take_text(a, "bye", "reason"), "expired") == 0 && a->close_code == 1008);
    CHECK(!b->close_code && !c->close_code);
    CHECK_EQ(signal_deadline(s.signaling), start + MP_S(70));
    peer_close(a);
    CHECK(take(b, "participant-left") != NULL);
    s.now = start + MP_S(70);
    stage_timeout(&s);
    CHECK(strcmp(take_text(b, "bye", "reason"), "expired") == 0 && !c->close_code);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    struct peer *late = visitor(); /* for ever is a long time */
    peer_say(late, "join-room", "{s:s}", "token",
             token("{\"sub\":\"z\",\"room\":\"*\",\"rights\":[\"publish\",\"watch\"],\"exp\":1e300}",
                   JWT_ALG_HS256, SECRET));
    CHECK(take(late, "joined") && signal_deadline(s.signaling) > s.now + MP_S(86400) &&
          signal_deadline(s.signaling) < MP_NEVER);
    stage_close(&s);
}

static void a_lost_one_leaves_when_its_token_expires(void)
{
    stage_open_bounded(&s, 8, &closed, NULL);
    struct peer *a = visitor(), *b = visitor();
    peer_say(a, "join-room", "{s:s, s:b}", "token", ticket(ADA), "resume", 1);
    CHECK(take(a, "joined") != NULL);
    s.now += MP_S(10);
    CHECK(!ask(b, "blue", "stream", MIKE));
    s.now += MP_S(49);
    peer_close(a);
    CHECK_EQ(waiting(b, "participant-left"), 0); /* it may come back … */
    s.now += MP_S(1);
    stage_timeout(&s);
    CHECK(take(b, "participant-left") != NULL); /* … until now */
    stage_close(&s);
}

/* --- limits: one more than allowed --- */

static void rooms_are_bounded(void)
{
    stage_open_bounded(&s, 8, NULL, &(struct signal_limits){.rooms = 2});
    struct peer *a = peer_join(&s, "one", "call");
    peer_join(&s, "two", "call");
    struct peer *c = peer_join(&s, "three", "call");
    CHECK(is_error(c, "server-full") && !c->close_code);
    CHECK(take(peer_join(&s, "two", "call"), "joined") != NULL);
    peer_close(a);
    peer_say(c, "join-room", "{s:s}", "room", "three");
    CHECK(take(c, "joined") != NULL);
    stage_close(&s);
}

static void participants_of_a_room_are_bounded(void)
{
    stage_open_bounded(&s, 8, NULL, &(struct signal_limits){.participants = 2});
    peer_join(&s, "one", "call");
    peer_join(&s, "one", "watch");
    CHECK(is_error(peer_join(&s, "one", "call"), "room-full"));
    CHECK(take(peer_join(&s, "two", "call"), "joined") != NULL);
    stage_close(&s);
}

static void tracks_of_a_participant_are_bounded(void)
{
    stage_open_bounded(&s, 8, NULL, &(struct signal_limits){.tracks = 1});
    struct peer *p = peer_join(&s, "one", "call");
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_line(p, SDP_VIDEO, SDP_SENDRECV);
    peer_offer(p);
    CHECK(is_error(p, "forbidden"));
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 0);
    CHECK_EQ(s.track_count, 1);
    stage_close(&s);
}

static void joins_of_an_address_are_bounded(void)
{
    stage_open_bounded(&s, 64, NULL, &(struct signal_limits){.joins_per_s = 2});
    struct peer *p = NULL;
    for (int i = 0; i < 2 * CALLER_BURST_S; i++) {
        peer_say(p = peer_open_from(&s, "203.0.113.7"), "join-room", "");
        CHECK(take(p, "joined") != NULL);
    }
    peer_say(p = peer_open_from(&s, "::ffff:203.0.113.7"), "join-room", ""); /* the same address */
    CHECK(is_error(p, "too-many-joins") && !p->close_code);
    struct peer *other = peer_open_from(&s, "203.0.113.8");
    peer_say(other, "join-room", "");
    CHECK(take(other, "joined") != NULL);
    for (int i = 0; i < 4 * CALLER_BURST_S; i++) { /* behind a proxy, everybody is this machine */
        struct peer *local = peer_open_from(&s, "127.0.0.1");
        peer_say(local, "join-room", "");
        CHECK(take(local, "joined") != NULL);
        peer_close(local);
        peer_free(local);
    }
    s.now += MP_MS(501);
    peer_say(p, "join-room", "");
    CHECK(take(p, "joined") != NULL);
    stage_close(&s);
}

static void a_network_of_ipv6_is_one_address(void)
{
    stage_open_bounded(&s, 64, NULL, &(struct signal_limits){.joins_per_s = 1});
    struct peer *p = NULL;
    for (int i = 0; i < CALLER_BURST_S; i++) {
        char remote[32];
        snprintf(remote, sizeof remote, "2001:db8::%d", i + 1);
        peer_say(p = peer_open_from(&s, remote), "join-room", "");
        CHECK(take(p, "joined") != NULL);
    }
    peer_say(p = peer_open_from(&s, "2001:db8::ffff:1:2:3"), "join-room", "");
    CHECK(is_error(p, "too-many-joins"));
    peer_say(p = peer_open_from(&s, "2001:db8:0:1::1"), "join-room", "");
    CHECK(take(p, "joined") != NULL);
    stage_close(&s);
}

static void sessions_of_an_address_are_bounded(void)
{
    struct peer *p[3];
    stage_open_bounded(&s, 64, NULL, &(struct signal_limits){.sessions = 3});
    for (int i = 0; i < 3; i++) {
        peer_say(p[i] = peer_open_from(&s, "203.0.113.7"), "join-room", "");
        CHECK(take(p[i], "joined") != NULL);
    }
    struct peer *fourth = peer_open_from(&s, "203.0.113.7"), *other = peer_open_from(&s, "203.0.113.8");
    peer_say(fourth, "join-room", "");
    CHECK(is_error(fourth, "too-many-joins") && !fourth->close_code);
    peer_say(other, "join-room", "");
    CHECK(take(other, "joined") != NULL);
    peer_close(p[1]); /* a participant that leaves makes room */
    peer_say(fourth, "join-room", "");
    CHECK(take(fourth, "joined") != NULL);
    stage_close(&s);
}

/* Sends `count` messages at this rate; returns how many of them the server accepted. */
static int speak(struct peer *p, const char *what, int count, int per_s)
{
    int said = 0;
    for (; said < count && !p->close_code; said++, s.now += MP_S(1) / per_s, stage_timeout(&s))
        if (*what == 'o')
            peer_offer(p);
        else
            peer_say(p, what, "{s:b}", "audio", said % 2);
    return said;
}

static void who_says_too_much_is_closed(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p[3], *other = peer_call(&s, "one", "watch", 0);
    for (int i = 0; i < 3; i++)
        p[i] = peer_call(&s, "one", "stream", 0);
    forget(other);
    CHECK_EQ(speak(p[0], "mute", 6000, 100), 6000); /* a minute of it */
    size_t told = waiting(other, "participant-updated");
    CHECK(told >= 59 * UPDATES_PER_S && told <= 60 * UPDATES_PER_S + 1);
    forget(other);
    int said = speak(p[1], "mute", 6000, 10000);
    CHECK(said >= CLIENT_MESSAGES_BURST && said < 2 * CLIENT_MESSAGES_BURST);
    CHECK(waiting(other, "participant-updated") <= UPDATES_PER_S);
    CHECK_EQ(p[1]->close_code, 1008);
    CHECK(strcmp(take_text(p[1], "bye", "reason"), "too-many-messages") == 0);
    said = speak(p[2], "offer", 6000, 10000);
    CHECK(said >= CLIENT_OFFERS_BURST && said < 2 * CLIENT_OFFERS_BURST);
    CHECK_EQ(p[2]->close_code, 1008);
    CHECK(!other->close_code && !p[0]->close_code);
    stage_close(&s);
}

static void large_messages_count_for_several(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    char *text = calloc(1, WS_MESSAGE_MAX);
    memset(text, ' ', WS_MESSAGE_MAX - 1);
    int said = 0;
    for (; said < 1000 && !p->close_code; said++)
        peer_text(p, text);
    int most = CLIENT_MESSAGES_BURST * CLIENT_MESSAGE_UNIT / (CLIENT_MESSAGE_UNIT + WS_MESSAGE_MAX) + 1;
    CHECK(said <= most && said >= most - 1); /* it joined before */
    free(text);
    stage_close(&s);
}

TEST_MAIN(TEST(a_closed_room_takes_a_token), TEST(an_open_room_takes_none), TEST(a_token_is_for_its_room),
          TEST(rights_are_those_of_the_role), TEST(the_same_person_takes_its_name_back),
          TEST(the_identity_is_the_tokens), TEST(a_bad_token_is_refused_also_where_none_is_needed),
          TEST(who_has_a_token_leaves_when_it_expires), TEST(a_lost_one_leaves_when_its_token_expires),
          TEST(rooms_are_bounded), TEST(participants_of_a_room_are_bounded),
          TEST(tracks_of_a_participant_are_bounded), TEST(joins_of_an_address_are_bounded),
          TEST(a_network_of_ipv6_is_one_address), TEST(sessions_of_an_address_are_bounded),
          TEST(who_says_too_much_is_closed), TEST(large_messages_count_for_several))
