#include "proto/candidate.h"
#include "proto/ice.h"
#include "proto/turn.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include <stdlib.h>

static struct stage s;

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static bool is_error(struct peer *p, const char *code)
{
    bool good = same(take_text(p, "error", "code"), code) && !waiting(p, "error");
    if (!good)
        printf("# no error %s\n", code);
    return good;
}

/* How often `part` is in the text. */
static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

static struct sdp *parse(const char *text)
{
    enum sdp_error error;
    return sdp_parse(text, strlen(text), &error);
}

/* --- addresses for a client's network --- */

static void a_client_is_told_where_it_comes_from_and_what_it_may_ask(void)
{
    struct signal_client client = {.host = "203.0.113.5:80", .forwarded = true};
    size_t len;
    stage_open(&s, 16, NULL);
    json_t *joined = take(peer_join(&s, "one", "call"), "joined");
    CHECK(same(json_string_value(json_object_get(joined, "address")), "203.0.113.1"));
    CHECK_EQ(json_integer_value(json_object_get(joined, "probePort")), 8001);
    CHECK(address_parse(&client.local, "192.0.2.1", 80));
    char *text = signal_network(s.signaling, &client, true, &len);
    json_t *network = json_loadb(text, len, 0, NULL), *addresses = json_object_get(network, "addresses");
    CHECK(json_object_get(network, "address") == NULL); /* a proxy's address belongs to no client */
    CHECK_EQ(json_integer_value(json_object_get(network, "port")), 8000);
    CHECK_EQ(json_integer_value(json_object_get(network, "probePort")), 8001);
    CHECK(same(json_string_value(json_array_get(addresses, 0)), "203.0.113.5"));
    CHECK(same(json_string_value(json_array_get(addresses, 1)), "192.0.2.1"));
    json_decref(network);
    free(text);
    stage_close(&s);
}

static const char *told(const char *host)
{
    static char kept[256];
    struct signal_client client = {.host = host};
    size_t len;
    CHECK(address_parse(&client.local, "192.0.2.1", 80) &&
          address_parse(&client.remote, "198.51.100.7", 4711));
    char *text = signal_network(s.signaling, &client, false, &len);
    snprintf(kept, sizeof kept, "%s", text);
    free(text);
    return kept;
}
#define TOLD(address) "{\"port\":8000,\"addresses\":[\"" address "\"],\"address\":\"198.51.100.7\"}"

/* It gets only the address that it used, by name or by number; behind a NAT, the announced one. */
static void a_stranger_is_told_no_further_address(void)
{
    stage_open(&s, 16, NULL);
    CHECK(same(told("203.0.113.5:80"), TOLD("203.0.113.5")));
    CHECK(same(told("monoport.example"), TOLD("192.0.2.1")));
    CHECK(same(told("[::]:80"), TOLD("192.0.2.1"))); /* no address of a host */
    CHECK(same(told("0.0.0.0"), TOLD("192.0.2.1")));
    CHECK(same(told("[fe80::1]"), TOLD("192.0.2.1")));
    CHECK(same(told("[febf::1]"), TOLD("192.0.2.1")));
    CHECK(same(told("[fec0::1]"), TOLD("fec0::1")));
    stage_close(&s);
    stage_open(&s, 16, "198.51.100.1");
    CHECK(same(told("203.0.113.5:80"), TOLD("198.51.100.1")));
    CHECK(same(told("monoport.example"), TOLD("198.51.100.1")));
    /* of several announced ones the one that the client reached, else the first */
    static struct address two[2];
    address_parse(&two[0], "198.51.100.1", 8000);
    address_parse(&two[1], "192.0.2.1", 8000);
    signal_addresses(s.signaling, two, 2);
    CHECK(same(told("monoport.example"), TOLD("192.0.2.1")));
    address_parse(&two[1], "203.0.113.5", 8000);
    CHECK(same(told("203.0.113.5:80"), TOLD("203.0.113.5")));
    CHECK(same(told("monoport.example"), TOLD("198.51.100.1")));
    stage_close(&s);
}

/* Longer than any address: it counts as a name. */
static void a_host_of_any_length_is_survived(void)
{
    char host[300];
    stage_open(&s, 16, NULL);
    for (size_t len = 250; len < sizeof host; len++) {
        memset(host, '1', len);
        host[len] = 0;
        CHECK(same(told(host), TOLD("192.0.2.1")));
    }
    stage_close(&s);
}

/* --- TURN --- */

static void turn_is_where_the_client_found_us(void)
{
    static const struct {
        const char *host, *local, *tcp;
    } table[] = {
        {"monoport.example:9443", "192.0.2.1", "turn:monoport.example:8000?transport=tcp"},
        {"203.0.113.5", "192.0.2.1", "turn:203.0.113.5:8000?transport=tcp"},
        {"[2001:db8::5]:80", "192.0.2.1", "turn:[2001:db8::5]:8000?transport=tcp"},
        {"", "192.0.2.1", "turn:192.0.2.1:8000?transport=tcp"},
        {"", "2001:db8::9", "turn:[2001:db8::9]:8000?transport=tcp"},
        {"a.example?x=\"", "192.0.2.1", "turn:192.0.2.1:8000?transport=tcp"},
        {"[2001:db8::5", "192.0.2.1", "turn:192.0.2.1:8000?transport=tcp"},
        {"[]@evil.example]", "192.0.2.1", "turn:192.0.2.1:8000?transport=tcp"},
    };
    stage_open(&s, 16, NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char tls[300];
        struct peer *p = peer_open(&s, table[i].host, table[i].local);
        peer_say(p, "turn", "");
        CHECK(is_error(p, "not-joined"));
        peer_say(p, "join-room", "");
        peer_say(p, "turn", "");
        json_t *turn = take(p, "turn"), *server = json_array_get(json_object_get(turn, "iceServers"), 0);
        json_t *urls = json_object_get(server, "urls");
        snprintf(tls, sizeof tls, "turns%s", table[i].tcp + 4);
        CHECK_EQ(json_array_size(urls), 2);
        CHECK(same(json_string_value(json_array_get(urls, 0)), table[i].tcp));
        CHECK(same(json_string_value(json_array_get(urls, 1)), tls));
        CHECK_EQ(json_integer_value(json_object_get(turn, "ttl")), TURN_CREDENTIAL_S);
        peer_close(p);
    }
    stage_close(&s);
}

static void turn_credentials_are_one_clients_and_expire(void)
{
    struct hmac_sha1 secret;
    char names[2][80], password[TURN_PASSWORD_SIZE + 1];
    hmac_sha1_key(&secret, (const uint8_t *)STAGE_TURN_SECRET, strlen(STAGE_TURN_SECRET));
    stage_open(&s, 16, NULL);
    for (int i = 0; i < 2; i++) {
        struct peer *p = peer_join(&s, "r", "call");
        uint64_t expiry;
        struct bytes id;
        peer_say(p, "turn", "");
        json_t *server = json_array_get(json_object_get(take(p, "turn"), "iceServers"), 0);
        snprintf(names[i], sizeof names[i], "%s", text_of(server, "username"));
        struct bytes name = {(const uint8_t *)names[i], strlen(names[i])};
        CHECK(turn_username(name, &expiry, &id));
        CHECK_EQ(expiry, STAGE_WALL_S - 2208988800 + s.now / MP_S(1) + TURN_CREDENTIAL_S);
        turn_password(&secret, name, password);
        CHECK(same(text_of(server, "credential"), password));
    }
    CHECK(!same(names[0], names[1]));
    stage_close(&s);
}

/* --- rooms --- */

static void a_join_is_answered_with_who_is_there(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_open(&s, "monoport.example", "192.0.2.1");
    peer_say(a, "join-room", "");
    json_t *joined = take(a, "joined");
    CHECK(same(text_of(joined, "room"), "default"));
    CHECK(same(text_of(joined, "peerId"), a->id));
    CHECK(same(text_of(joined, "version"), "1.2.3"));
    CHECK_EQ(json_integer_value(json_object_get(joined, "protocol")), 1);
    CHECK_EQ(json_array_size(json_object_get(joined, "participants")), 0);
    CHECK_EQ(json_integer_value(json_object_get(joined, "audience")), 0);
    peer_say(a, "mute", "{s:b, s:b}", "audio", 1, "video", 0);
    struct peer *b = peer_join(&s, "default", "watch");
    joined = take(b, "joined");
    CHECK_EQ(json_array_size(json_object_get(joined, "participants")), 1);
    json_t *other = json_array_get(json_object_get(joined, "participants"), 0);
    CHECK(same(text_of(other, "id"), a->id) && same(text_of(other, "name"), "") &&
          same(text_of(other, "role"), "call"));
    CHECK(json_is_true(json_object_get(other, "audioMuted")) &&
          json_is_false(json_object_get(other, "videoMuted")));
    stage_close(&s);
}

static void joined_updated_and_left_reach_exactly_the_others_of_the_room(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_join(&s, "one", "call"),
                *far = peer_join(&s, "two", "call");
    struct peer *early = peer_open(&s, "monoport.example", "192.0.2.1");
    CHECK(same(text_of(json_object_get(take(a, "participant-joined"), "participant"), "id"), b->id));
    forget(a), forget(b), forget(far);
    peer_say(a, "mute", "{s:b}", "video", 1);
    json_t *updated = json_object_get(take(b, "participant-updated"), "participant");
    CHECK(same(text_of(updated, "id"), a->id) && json_is_true(json_object_get(updated, "videoMuted")));
    CHECK_EQ(waiting(a, NULL) + waiting(b, NULL), 0);
    peer_close(a);
    CHECK(same(take_text(b, "participant-left", "id"), a->id));
    CHECK_EQ(waiting(b, NULL) + waiting(far, NULL) + waiting(early, NULL), 0);
    stage_close(&s);
}

static void rooms_are_apart_and_end_with_their_last_participant(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_call(&s, "two", "call", 1);
    CHECK_EQ(waiting(a, NULL) + waiting(b, NULL), 0);
    CHECK_EQ(stage_commands(&s, MESSAGE_SUBSCRIBE), 0);
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 2);
    CHECK_EQ(stage_metric(&s, "monoport_participants"), 2);
    peer_close(a);
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 1);
    peer_close(b);
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 0);
    CHECK_EQ(stage_metric(&s, "monoport_leaves_total"), 2);
    stage_close(&s);
}

static void a_name_in_use_is_not_given_twice(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_open(&s, "monoport.example", "192.0.2.1");
    char own[sizeof b->id];
    memcpy(own, b->id, sizeof own);
    memcpy(b->id, a->id, sizeof own);
    peer_say(b, "join-room", "{s:s}", "room", "two");
    json_t *error = take(b, "error");
    CHECK(strcmp(json_string_value(json_object_get(error, "code")), "peer-taken") == 0 &&
          !waiting(b, "error"));
    CHECK(strstr(json_string_value(json_object_get(error, "message")), "free in 5 s") !=
          NULL); /* once the one before is asked */
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 1);
    peer_say(b, "ping", "");
    CHECK(is_error(b, "not-joined"));
    memcpy(b->id, own, sizeof own);
    peer_say(b, "join-room", "{s:s}", "room", "two");
    CHECK(take(b, "joined") != NULL);
    peer_close(a);
    struct peer *again = peer_open(&s, "monoport.example", "192.0.2.1");
    memcpy(again->id, a->id, sizeof own); /* a client that left may return under the same name */
    peer_say(again, "join-room", "");
    CHECK(take(again, "joined") != NULL);
    stage_close(&s);
}

static void a_full_server_and_a_full_room_refuse(void)
{
    stage_open(&s, 2, NULL);
    struct peer *a = peer_join(&s, "one", "call");
    peer_join(&s, "two", "call");
    struct peer *c = peer_join(&s, "three", "call");
    CHECK(is_error(c, "server-full") && !c->close_code);
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 2);
    peer_close(a);
    peer_say(c, "join-room", "{s:s}", "room", "three");
    CHECK(take(c, "joined") != NULL);
    stage_close(&s);

    stage_open(&s, ROOM_PARTICIPANTS_MAX + 1, NULL);
    struct peer *last = NULL;
    static struct participant *crowd[ROOM_PARTICIPANTS_MAX];
    last = peer_open(&s, "monoport.example", "192.0.2.1");
    for (int i = 0; i < ROOM_PARTICIPANTS_MAX; i++) { /* all of them on one socket of the test's */
        char text[128];
        crowd[i] = signal_opened(s.signaling, &(struct signal_client){.socket = last, .host = ""}, s.now);
        snprintf(text, sizeof text, "{\"type\":\"join-room\",\"peerId\":\"c%d\",\"role\":\"watch\"}", i);
        signal_text(s.signaling, crowd[i], text, strlen(text), s.now);
        stage_go_on(&s);
        forget(last);
    }
    peer_say(last, "join-room", "");
    CHECK(is_error(last, "room-full"));
    peer_say(last, "join-room", "{s:s}", "room", "another");
    CHECK(take(last, "joined") != NULL);
    for (int i = 0; i < ROOM_PARTICIPANTS_MAX; i++)
        signal_closed(s.signaling, crowd[i], s.now);
    stage_close(&s);
}

static void a_crowd_of_watchers_is_counted_at_most_every_2_s(void)
{
    stage_open(&s, 64, NULL);
    struct peer *first = peer_join(&s, "one", "call"), *listed[WATCHERS_LISTED_MAX];
    for (int i = 0; i < WATCHERS_LISTED_MAX; i++)
        listed[i] = peer_join(&s, "one", "watch");
    CHECK_EQ(waiting(first, "participant-joined"), WATCHERS_LISTED_MAX);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    forget(first);
    struct peer *a = peer_join(&s, "one", "watch"), *b = peer_join(&s, "one", "watch");
    json_t *joined = take(b, "joined");
    CHECK_EQ(json_array_size(json_object_get(joined, "participants")), WATCHERS_LISTED_MAX + 1);
    CHECK_EQ(json_integer_value(json_object_get(joined, "audience")), 1); /* not itself */
    CHECK_EQ(waiting(first, NULL), 0);
    CHECK_EQ(signal_deadline(s.signaling), s.now + MP_S(2));
    s.now += MP_S(2) - 1;
    stage_timeout(&s);
    CHECK_EQ(waiting(first, NULL), 0);
    s.now += 1;
    stage_timeout(&s);
    CHECK_EQ(json_integer_value(json_object_get(take(first, "audience"), "count")), 2);
    CHECK_EQ(json_integer_value(json_object_get(take(listed[1], "audience"), "count")), 2);
    CHECK_EQ(json_integer_value(json_object_get(take(b, "audience"), "count")), 1);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    peer_say(a, "mute", "{s:b}", "video", 1); /* no client knows its name */
    peer_close(a);
    s.now += MP_S(2);
    stage_timeout(&s);
    CHECK_EQ(json_integer_value(json_object_get(take(first, "audience"), "count")), 1);
    CHECK_EQ(waiting(first, NULL), 0);
    peer_close(listed[0]); /* its place is for the next one */
    CHECK(same(take_text(first, "participant-left", "id"), listed[0]->id));
    peer_join(&s, "one", "watch");
    CHECK_EQ(waiting(first, "participant-joined"), 1);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    stage_close(&s);
}

/* --- messages --- */

static void what_is_no_message_is_an_error_and_no_more(void)
{
    stage_open(&s, 16, NULL);
    static const struct {
        const char *text, *code;
    } bad[] = {
        {"", "bad-json"},
        {"{", "bad-json"},
        {"[]", "bad-message"},
        {"{\"type\":\"ping\",\"type\":\"ping\"}", "bad-json"},
        {"{}", "bad-message"},
        {"{\"type\":7}", "bad-message"},
        {"{\"type\":\"dance\"}", "unknown-type"},
        {"{\"type\":\"ping\"}", "not-joined"},
        {"{\"type\":\"join-room\"}", "bad-message"},
        {"{\"type\":\"join-room\",\"peerId\":\"\"}", "bad-message"},
        {"{\"type\":\"join-room\",\"peerId\":\"a\\u0000b\"}", "bad-json"},
        {"{\"type\":\"join-room\",\"peerId\":\"a\",\"room\":\"\"}", "bad-message"},
        {"{\"type\":\"join-room\",\"peerId\":\"a\",\"room\":1}", "bad-message"},
        {"{\"type\":\"join-room\",\"peerId\":\"a\",\"role\":\"boss\"}", "bad-message"},
        {"{\"type\":\"join-room\",\"peerId\":\"a\",\"codec\":\"opus\"}", "bad-message"},
        {"{\"type\":\"join-room\",\"peerId\":\"a\",\"codec\":\"h261\"}", "bad-message"},
        {"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "too-deep"},
    };
    struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        peer_text(p, bad[i].text);
        CHECK(is_error(p, bad[i].code));
    }
    CHECK_EQ(stage_metric(&s, "monoport_signaling_errors_total"), sizeof bad / sizeof *bad);
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 0);
    peer_say(p, "join-room", "{s:s, s:n}", "name", "\xc3\xa4\xc3\xb6\xc3\xbc", "nobody knows this");
    CHECK(take(p, "joined") != NULL && !p->close_code);
    stage_close(&s);
}

static void who_says_very_many_values_is_told_so(void)
{
    static const char *const units[] = {",[]", ",0", ",{}"}, *const heads[] = {"{\"type\":\"ping\",\"n\":[0",
                                                                               "{\"n\":[\"\\\"\""};
    stage_open(&s, 16, NULL);
    struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
    for (size_t head = 0; head < sizeof heads / sizeof *heads; head++) {
        for (size_t unit = 0; unit < sizeof units / sizeof *units; unit++) {
            char text[4 * JSON_VALUES_MAX + 64];
            strcpy(text, heads[head]);
            for (int n = 0; n < JSON_VALUES_MAX; n++)
                strcat(text, units[unit]);
            peer_text(p, strcat(text, "]}"));
            CHECK(is_error(p, "too-many-values"));
        }
    }
    /* Inside a string they do not count. */
    char text[JSON_VALUES_MAX + 64] = "{\"type\":\"dance\",\"n\":\"";
    memset(text + strlen(text), ',', JSON_VALUES_MAX + 1);
    peer_text(p, strcat(text, "\"}"));
    CHECK(is_error(p, "unknown-type"));
    stage_close(&s);
}

static void texts_are_measured_in_characters(void)
{
    stage_open(&s, 16, NULL);
    char name[2 * 65 + 1] = {0};
    for (int i = 0; i < 64; i++)
        memcpy(name + 2 * i, "\xc3\xa4", 2);
    struct peer *a = peer_open(&s, "monoport.example", "192.0.2.1"),
                *b = peer_open(&s, "monoport.example", "192.0.2.1");
    peer_say(a, "join-room", "{s:s, s:s}", "room", name, "name", name);
    CHECK(same(take_text(a, "joined", "room"), name));
    memcpy(name + 2 * 64, "\xc3\xa4", 2);
    peer_say(b, "join-room", "{s:s}", "room", name);
    CHECK(is_error(b, "bad-message"));
    peer_say(b, "join-room", "{s:s}", "name", name);
    CHECK(is_error(b, "bad-message"));
    stage_close(&s);
}

static void members_of_the_wrong_kind_are_refused(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    peer_say(p, "join-room", "");
    CHECK(is_error(p, "already-joined"));
    peer_say(p, "offer", "");
    CHECK(is_error(p, "bad-message"));
    peer_say(p, "offer", "{s:s, s:s}", "sdp", "", "sources", "x");
    CHECK(is_error(p, "bad-message"));
    peer_say(p, "answer", "{s:i}", "sdp", 1);
    CHECK(is_error(p, "bad-message"));
    peer_say(p, "mute", "{s:s}", "audio", "yes");
    CHECK(is_error(p, "bad-message"));
    peer_say(p, "offer", "{s:s}", "sdp", "not a description");
    CHECK(is_error(p, "bad-sdp"));
    CHECK_EQ(peer_session(p), SESSION_NONE);
    signal_too_large(s.signaling, p->participant, s.now);
    CHECK(is_error(p, "too-large"));
    peer_say(p, "ping", "");
    CHECK(take(p, "pong") != NULL);
    stage_close(&s);
}

static void messages_that_claim_another_name_are_refused(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_join(&s, "one", "call");
    forget(a), forget(b);
    static const char *const types[] = {"offer", "answer", "ice-candidate", "mute", "leave", "ping"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        peer_say(b, types[i], "{s:s}", "peerId", a->id);
        CHECK(is_error(b, "wrong-peer"));
    }
    peer_text(b, "{\"type\":\"leave\"}");
    CHECK(is_error(b, "wrong-peer"));
    CHECK(!a->close_code && !b->close_code && !waiting(a, NULL));
    stage_close(&s);
}

static void candidates_of_clients_are_looked_at(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    static const char *const good[] = {
        "{\"candidate\":\"candidate:1 1 udp 2122260223 192.0.2.7 5000 typ host\",\"sdpMid\":\"0\"}",
        "{\"candidate\":\"candidate:1 1 udp 2113937151 b0a8c3a0-1.local 5000 typ host\",\"sdpMid\":\"0\"}",
        "{\"candidate\":\"candidate:1 1 quic 2113937151 host.example 5000 typ nat64 with so much\"}",
        "{\"candidate\":\"candidate:1 1 tcp 1 192.0.2.7 9 typ host\"}", /* Firefox of old: no tcptype */
        "{\"candidate\":\"\",\"sdpMid\":\"0\"}",
        "null"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        peer_say(p, "ice-candidate", "{s:s}", "candidate", good[i]);
        CHECK_EQ(waiting(p, "error"), 0);
    }
    static const char *const bad[] = {"",
                                      "{}",
                                      "{\"candidate\":5}",
                                      "{\"candidate\":\"candidate:1 1 udp\"}",
                                      "{\"candidate\":\"a b c d e f g h\"}",
                                      "{\"candidate\":\"1 1 udp 1 192.0.2.7 9 typ host\"}",
                                      "{\"candidate\":\"candidate:1 1 udp 1 192.0.2.7 9 host x\"}",
                                      "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        peer_say(p, "ice-candidate", "{s:s}", "candidate", bad[i]);
        CHECK(is_error(p, "bad-candidate"));
    }
    peer_say(p, "ice-candidate", "{s:{s:s}}", "candidate", "candidate",
             "candidate:1 1 udp 1 192.0.2.7 5000 typ host");
    CHECK(is_error(p, "bad-candidate"));
    stage_close(&s);
}

/* --- the first offer --- */

static void check_answer(struct peer *p)
{
    char *text = strdup(take_text(p, "answer", "sdp"));
    struct sdp *sdp = parse(text);
    CHECK(sdp != NULL && sdp->count == 3);
    if (sdp && sdp->count == 3) {
        CHECK(sdp->ice_lite && sdp->bundled && sdp->trickle);
        CHECK(strstr(text, "a=group:BUNDLE 0 1\r\n") != NULL);
        for (int i = 0; i < 2; i++) {
            const struct sdp_section *section = &sdp->sections[i];
            CHECK(section->kind == (i ? SDP_VIDEO : SDP_AUDIO) && section->port &&
                  section->setup == SDP_PASSIVE);
            CHECK(section->direction == SDP_RECVONLY && section->rtcp_mux && section->ssrc_count == 0);
            CHECK(section->ufrag.len == UFRAG_SIZE && section->password.len == PASSWORD_SIZE);
            CHECK(section->fingerprint.len == 32 && section->fingerprint.value[31] == 31);
            CHECK_EQ(section->codecs[0].codec, i ? CODEC_VP8 : CODEC_OPUS);
            CHECK(section->codecs[0].transport_cc);
        }
        CHECK(sdp->sections[1].codecs[0].nack && sdp->sections[1].codecs[0].pli);
        CHECK_EQ(sdp->sections[2].port, 0);
        CHECK(strstr(text, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n") != NULL);
        peer_learn(p, text);
        CHECK(peer_session(p) != SESSION_NONE);
    }
    sdp_free(sdp);
    free(text);
}

static void offers_of_browsers_are_answered(void)
{
    static const char *const names[] = {"chromium-original", "firefox-original"};
    stage_open(&s, 16, NULL);
    for (size_t i = 0; i < 2; i++) {
        struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
        peer_say(p, "join-room", "");
        CHECK(peer_offer_golden(p, names[i]));
        CHECK_EQ(waiting(p, "error"), 0);
        check_answer(p);
        peer_close(p);
    }
    stage_close(&s);
}

static void every_golden_offer_gets_its_answer(void)
{
    static const char *const names[] = {
        "chromium-call",      "chromium-original", "chromium-stream", "chromium-watch", "chromium-gathered",
        "chromium-h264",      "chromium-vp9",      "chromium-av1",    "firefox-call",   "firefox-original",
        "firefox-stream",     "firefox-watch",     "firefox-vp9",     "firefox-av1",    "firefox-gathered",
        "chromium-simulcast", "firefox-simulcast"};
    stage_open(&s, 32, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct peer *p = peer_join(&s, "one", strstr(names[i], "watch") ? "watch" : "call");
        CHECK(peer_offer_golden(p, names[i]));
        char *text = strdup(take_text(p, "answer", "sdp"));
        struct sdp *sdp = parse(text);
        CHECK(sdp != NULL);
        for (size_t k = 0; sdp && k < sdp->count && k < 2; k++)
            CHECK_EQ(sdp->sections[k].direction, strstr(names[i], "watch") ? SDP_INACTIVE : SDP_RECVONLY);
        peer_learn(p, text);
        peer_claim(p, (unsigned)i % STAGE_WORKERS);
        while (peer_answer(p, NULL))
            CHECK_EQ(waiting(p, "error"), 0);
        sdp_free(sdp);
        free(text);
    }
    for (size_t i = 0; i < s.peer_count; i++) /* whatever the browser: all answered, in both directions */
        while (peer_answer(s.peers[i], NULL))
            CHECK_EQ(waiting(s.peers[i], "error"), 0);
    CHECK_EQ(s.track_count, 2 * 15);
    CHECK_EQ(s.viewer_count, 2 * (15 * 14 + 2 * 15));
    stage_close(&s);
}

/* The addresses of the `candidate` messages that wait, in order, as "ip:port …": UDP's, then the same by
 * TCP. */
static const char *offered_addresses(struct peer *p)
{
    static char lists[2][512];
    uint32_t priority = UINT32_MAX;
    json_t *message;
    lists[0][0] = lists[1][0] = 0;
    while ((message = take(p, "candidate"))) {
        char address[ADDRESS_TEXT_SIZE] = "?";
        struct candidate c;
        json_t *inner = json_loads(text_of(message, "candidate"), JSON_REJECT_DUPLICATES, NULL);
        const char *line = text_of(inner, "candidate");
        CHECK(strncmp(line, "candidate:", 10) == 0);
        CHECK(same(text_of(inner, "sdpMid"), "0") &&
              json_is_integer(json_object_get(inner, "sdpMLineIndex")));
        if (candidate_parse(&c, line, strlen(line)) && c.type == CANDIDATE_HOST && c.component == 1)
            address_text(&c.address, address);
        CHECK(c.priority < priority && c.tcp == (strstr(line, " tcptype passive") != NULL));
        CHECK(c.tcp || !*lists[1]);
        priority = c.priority;
        char *list = lists[c.tcp];
        snprintf(list + strlen(list), sizeof lists[0] - strlen(list), "%s%s", *list ? " " : "", address);
        json_decref(inner);
    }
    CHECK(same(lists[0], lists[1]));
    return lists[0];
}

static void check_addresses(const char *announced, const char *host, const char *local, const char *expected)
{
    stage_open(&s, 16, announced);
    struct peer *p = peer_open(&s, host, local);
    peer_say(p, "join-room", "");
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    const char *answer = take_text(p, "answer", "sdp");
    CHECK_EQ(occurrences(answer, "a=candidate:"), 2 * occurrences(expected, ":8000"));
    CHECK_EQ(occurrences(answer, " tcptype passive"), occurrences(expected, ":8000"));
    CHECK_EQ(occurrences(answer, "a=end-of-candidates"), 1);
    const char *offered = offered_addresses(p);
    if (!same(offered, expected))
        printf("# %s instead of %s\n", offered, expected);
    CHECK(same(offered, expected));
    stage_close(&s);
}

static void candidates_are_strings_of_json_best_address_first(void)
{
    check_addresses("203.0.113.5", "198.51.100.7:443", "192.0.2.1", "203.0.113.5:8000");
    check_addresses(NULL, "monoport.example", "192.0.2.1", "192.0.2.1:8000 198.51.100.1:8000");
    check_addresses(NULL, "198.51.100.7:443", "192.0.2.1",
                    "198.51.100.7:8000 192.0.2.1:8000 198.51.100.1:8000");
    check_addresses(NULL, "[2001:db8::7]:443", "2001:db8::1",
                    "[2001:db8::7]:8000 [2001:db8::1]:8000 198.51.100.1:8000");
    check_addresses(NULL, "192.0.2.1", "192.0.2.1", "192.0.2.1:8000 198.51.100.1:8000");
    check_addresses(NULL, "0.0.0.0:443", "fe80::1", "198.51.100.1:8000");
    check_addresses(NULL, "", "198.51.100.1", "198.51.100.1:8000");
}

static void the_seen_address_is_told_as_a_srflx_candidate(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 0);
    struct candidate c;
    stage_event(&s, MESSAGE_PATH_SEEN, peer_session(p), 0);
    json_t *inner = json_loads(take_text(p, "stun-candidate", "stunCandidate"), JSON_REJECT_DUPLICATES, NULL);
    const char *line = text_of(inner, "candidate");
    CHECK(candidate_parse(&c, line, strlen(line)) && c.type == CANDIDATE_SRFLX);
    CHECK(c.component == 1 && c.priority == (100 << 24 | 65535 << 8 | (256 - 1))); /* RFC 8445 5.1.2.1 */
    CHECK(strstr(line, " 203.0.113.9 4444 typ srflx raddr 0.0.0.0 rport 0") != NULL);
    CHECK(same(text_of(inner, "sdpMid"), "0"));
    json_decref(inner);
    CHECK_EQ(waiting(p, NULL), 0);
    struct message by_stream = {.type = MESSAGE_PATH_SEEN, .session = peer_session(p)};
    by_stream.path.link = link_make(LINK_STREAM, 0, 1);
    signal_event(s.signaling, &by_stream, s.now);
    CHECK_EQ(waiting(p, NULL), 0); /* a TCP connection's address is no srflx candidate */
    stage_close(&s);
}

static void an_offer_that_cannot_be_is_refused(void)
{
    static const struct {
        const char *part, *instead;
    } bad[] = {{"a=fingerprint:sha-256", "a=fingerprint:md5----"}, {"a=mid:1", "a=mid:0"}};
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = golden("chromium-call"), *at = text;
        while ((at = strstr(at, bad[i].part)))
            memcpy(at, bad[i].instead, strlen(bad[i].part));
        peer_say(p, "offer", "{s:s}", "sdp", text);
        CHECK(is_error(p, "bad-sdp"));
        free(text);
    }
    CHECK_EQ(waiting(p, "answer"), 0);
    CHECK(peer_offer_golden(p, "chromium-call")); /* it left no trace */
    CHECK_EQ(waiting(p, "error"), 0);
    stage_close(&s);
}

/* RFC 8445 5.3 allows 256 characters for either; a ufrag has 64 here. */
static void ice_credentials_have_bounds(void)
{
    static const struct {
        int ufrag, password;
        bool good;
    } cases[] = {{4, 22, true},   {64, 256, true},  {65, 22, false},
                 {4, 257, false}, {65, 257, false}, {4, 0, false}};
    stage_open(&s, 16, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2048], password[300] = "";
        if (cases[i].password)
            snprintf(password, sizeof password, "a=ice-pwd:%0*d\r\n", cases[i].password, 0);
        snprintf(
            text, sizeof text,
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:%0*d\r\n%s"
            "a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:"
            "1B:1C:1D:1E:1F\r\na=setup:actpass\r\n"
            "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\na=sendrecv\r\n",
            cases[i].ufrag, 0, password);
        struct peer *p = peer_join(&s, "one", "call");
        peer_say(p, "offer", "{s:s}", "sdp", text);
        CHECK_EQ(waiting(p, "answer"), cases[i].good);
        CHECK(cases[i].good || is_error(p, "bad-sdp"));
    }
    stage_close(&s);
}

/* RFC 8842 5.5: another certificate means another association, and this server begins none. The second offer
 * differs from the first by one digit of the fingerprint. */
static void a_certificate_that_changes_in_mid_session_is_refused(void)
{
    static const char before[] = "a=fingerprint:sha-256 ";
    for (size_t digit = 0; digit < 3 * 32; digit += digit % 3 ? 2 : 1) {
        stage_open(&s, 16, NULL);
        struct peer *p = peer_join(&s, "one", "call");
        char *text = golden("chromium-call");
        CHECK(peer_offer_golden(p, "chromium-call"));
        forget(p);
        for (char *at = text; (at = strstr(at, before)); at += digit) {
            at += sizeof before - 1;
            at[digit] = at[digit] == '0' ? '1' : '0';
        }
        peer_say(p, "offer", "{s:s}", "sdp", text);
        CHECK(is_error(p, "bad-sdp"));
        CHECK_EQ(waiting(p, "answer"), 0);
        CHECK(peer_offer_golden(p, "chromium-call")); /* the first one is still good */
        free(text);
        stage_close(&s);
    }
}

static void a_session_keeps_its_certificate_and_its_sections(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    CHECK(peer_offer_golden(p, "chromium-call"));
    forget(p);
    CHECK(!peer_offer_golden(p, "chromium-stream")); /* another fingerprint */
    CHECK(is_error(p, "bad-sdp"));
    stage_close(&s);

    stage_open(&s, 16, NULL);
    p = peer_call(&s, "one", "call", 0);
    p->line_count = 1;
    peer_offer(p);
    CHECK(is_error(p, "bad-sdp"));
    p->line_count = 2;
    memcpy(p->lines[1].mid, "x", 2);
    peer_offer(p);
    CHECK(is_error(p, "bad-sdp"));
    stage_close(&s);
}

/* --- ends --- */

static void leaving_ends_a_session_that_no_worker_has(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_join(&s, "one", "call");
    peer_line(a, SDP_VIDEO, SDP_SENDRECV);
    peer_offer(a);
    peer_learn(a, take_text(a, "answer", "sdp"));
    CHECK(peer_session(a) != SESSION_NONE);
    peer_say(a, "leave", "");
    CHECK(same(take_text(a, "bye", "reason"), "left"));
    CHECK(a->close_code == 1000 && same(a->close_reason, "left"));
    peer_say(a, "ping", ""); /* the server ignores messages while the socket closes */
    peer_close(a);
    CHECK_EQ(peer_session(a), SESSION_NONE);
    CHECK_EQ(s.command_count, 0);
    CHECK(same(take_text(b, "participant-left", "id"), a->id));
    stage_close(&s);
}

static void leaving_tells_the_worker_whose_answer_frees_the_slot(void)
{
    stage_open(&s, 1, NULL);
    struct peer *a = peer_call(&s, "one", "call", 1);
    uint32_t session = peer_session(a);
    peer_close(a);
    const struct message *m = stage_command(&s, MESSAGE_SESSION_CLOSE, session);
    CHECK(m && m->to == 1);
    struct peer *b = peer_join(&s, "one", "call");
    peer_line(b, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(b);
    CHECK(is_error(b, "server-full")); /* the worker still has it */
    stage_work(&s);
    forget(b);
    peer_offer(b);
    peer_learn(b, take_text(b, "answer", "sdp"));
    CHECK(peer_session(b) != SESSION_NONE && peer_session(b) != session);
    CHECK_EQ(session_slot(peer_session(b)), session_slot(session));
    stage_close(&s);
}

static void late_events_of_a_session_that_was_closed_are_ignored(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_join(&s, "one", "call"), *b = peer_join(&s, "one", "call");
    peer_line(a, SDP_VIDEO, SDP_SENDRECV);
    peer_offer(a);
    peer_learn(a, take_text(a, "answer", "sdp"));
    uint32_t session = peer_session(a);
    CHECK(registry_claim(s.registry, session, 1)); /* a worker owns it, but the event has not arrived */
    peer_close(a);
    CHECK(stage_command(&s, MESSAGE_SESSION_CLOSE, session) != NULL);
    forget(b);
    stage_event(&s, MESSAGE_CLAIMED, session, 1);
    stage_event(&s, MESSAGE_PATH_SEEN, session, 1);
    stage_event(&s, MESSAGE_CONNECTED, session, 1);
    CHECK_EQ(s.command_count, 1);
    stage_work(&s);
    CHECK_EQ(waiting(b, NULL), 0);
    CHECK_EQ(stage_metric(&s, "monoport_session_failures_total"), 0);
    stage_close(&s);
}

static void a_session_that_its_worker_ends_says_why(void)
{
    static const struct {
        enum end_reason reason;
        const char *word;
    } ends[] = {{END_CONSENT, "timeout"},
                {END_DTLS_FAILED, "failed"},
                {END_PEER_CLOSED, "failed"},
                {END_NO_MEMORY, "failed"},
                {END_CLOSED, "failed"}};
    stage_open(&s, 2, NULL);
    struct peer *b = peer_call(&s, "one", "call", 0);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct peer *a = peer_call(&s, "one", "call", 1);
        while (peer_answer(b, NULL))
            ;
        forget(b);
        stage_end(&s, peer_session(a), ends[i].reason);
        CHECK(same(take_text(a, "bye", "reason"), ends[i].word));
        CHECK(a->close_code == 1000 && peer_session(a) == SESSION_NONE);
        CHECK(same(take_text(b, "participant-left", "id"), a->id));
        CHECK_EQ(waiting(b, "offer"), 1); /* its tracks are gone */
        CHECK_EQ(stage_metric(&s, "monoport_participants"), 1);
        CHECK_EQ(stage_metric(&s, "monoport_session_failures_total"), i + 1);
        peer_close(a);
        CHECK(peer_answer(b, NULL));
    }
    CHECK_EQ(stage_commands(&s, MESSAGE_SESSION_CLOSE), 0);
    stage_close(&s);
}

static void a_session_that_ends_before_its_claim_is_heard_of_ends(void)
{
    stage_open(&s, 1, NULL);
    struct peer *a = peer_join(&s, "one", "call");
    peer_line(a, SDP_VIDEO, SDP_SENDRECV);
    peer_offer(a);
    peer_learn(a, take_text(a, "answer", "sdp"));
    CHECK(registry_claim(s.registry, peer_session(a), 0));
    stage_end(&s, peer_session(a), END_NO_MEMORY);
    CHECK(same(take_text(a, "bye", "reason"), "failed"));
    CHECK_EQ(s.command_count, 0);
    stage_close(&s);
}

static void who_leaves_while_its_session_ends_leaves_once(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_join(&s, "one", "call");
    forget(a), forget(b);
    peer_say(a, "leave", "");
    stage_end(&s, peer_session(a), END_PEER_CLOSED);
    peer_close(a);
    CHECK_EQ(waiting(a, "bye"), 1);
    CHECK_EQ(waiting(b, "participant-left"), 1);
    CHECK_EQ(stage_metric(&s, "monoport_leaves_total"), 1);
    stage_close(&s);
}

static void a_shutdown_says_goodbye_and_lets_nobody_in(void)
{
    stage_open(&s, 16, NULL);
    struct peer *a = peer_call(&s, "one", "call", 0), *b = peer_join(&s, "two", "watch");
    struct peer *early = peer_open(&s, "monoport.example", "192.0.2.1");
    signal_shutdown(s.signaling, s.now);
    CHECK(same(take_text(a, "bye", "reason"), "shutdown") && a->close_code == 1001);
    CHECK(same(take_text(b, "bye", "reason"), "shutdown") && b->close_code == 1001);
    CHECK(!peer_open(&s, "monoport.example", "192.0.2.1")->participant);
    if (!early->close_code)
        peer_say(early, "join-room", "");
    CHECK_EQ(waiting(early, "joined"), 0);
    stage_close(&s);
}

TEST_MAIN(TEST(a_client_is_told_where_it_comes_from_and_what_it_may_ask),
          TEST(a_stranger_is_told_no_further_address), TEST(a_host_of_any_length_is_survived),
          TEST(turn_is_where_the_client_found_us), TEST(turn_credentials_are_one_clients_and_expire),
          TEST(a_join_is_answered_with_who_is_there),
          TEST(joined_updated_and_left_reach_exactly_the_others_of_the_room),
          TEST(rooms_are_apart_and_end_with_their_last_participant), TEST(a_name_in_use_is_not_given_twice),
          TEST(a_full_server_and_a_full_room_refuse), TEST(a_crowd_of_watchers_is_counted_at_most_every_2_s),
          TEST(what_is_no_message_is_an_error_and_no_more), TEST(who_says_very_many_values_is_told_so),
          TEST(texts_are_measured_in_characters), TEST(members_of_the_wrong_kind_are_refused),
          TEST(messages_that_claim_another_name_are_refused), TEST(candidates_of_clients_are_looked_at),
          TEST(offers_of_browsers_are_answered), TEST(every_golden_offer_gets_its_answer),
          TEST(candidates_are_strings_of_json_best_address_first),
          TEST(the_seen_address_is_told_as_a_srflx_candidate), TEST(an_offer_that_cannot_be_is_refused),
          TEST(ice_credentials_have_bounds), TEST(a_certificate_that_changes_in_mid_session_is_refused),
          TEST(a_session_keeps_its_certificate_and_its_sections),
          TEST(leaving_ends_a_session_that_no_worker_has),
          TEST(leaving_tells_the_worker_whose_answer_frees_the_slot),
          TEST(late_events_of_a_session_that_was_closed_are_ignored),
          TEST(a_session_that_its_worker_ends_says_why),
          TEST(a_session_that_ends_before_its_claim_is_heard_of_ends),
          TEST(who_leaves_while_its_session_ends_leaves_once),
          TEST(a_shutdown_says_goodbye_and_lets_nobody_in))
