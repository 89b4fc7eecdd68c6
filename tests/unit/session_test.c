/* A session's life beyond its first offer: ICE restarts, a lost socket, the timeline, descriptions that
 * change. */
#include "proto/ice.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <stdlib.h>

static struct stage s;

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

static void tell(const struct peer *p, struct session_event e, const char *ip)
{
    struct message m = {
        .type = MESSAGE_SESSION_EVENT, .to = TO_CONTROL, .session = peer_session(p), .event = e};
    m.event.at = s.now;
    CHECK(address_parse(&m.event.path.remote, ip, 5000));
    signal_event(s.signaling, &m, s.now);
}

static void event(const struct peer *p, enum session_event_kind kind, const char *ip, uint32_t value)
{
    tell(p, (struct session_event){.kind = (uint8_t)kind, .value = value}, ip);
}

/* --- ICE restart --- */

static bool known(const char *ufrag)
{
    struct session_credentials c;
    uint32_t session;
    unsigned owner;
    return registry_find(s.registry, (struct bytes){(const uint8_t *)ufrag, strlen(ufrag)}, &session, &owner,
                         &c);
}

static void restart(struct peer *p)
{
    p->restarts++;
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
}

static void ice_restart_is_answered_with_new_credentials(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 1);
    char before[64];
    memcpy(before, p->ufrag, sizeof before);
    forget(p);
    size_t commands = s.command_count;
    restart(p);
    CHECK(!same(before, p->ufrag));
    CHECK(s.command_count == commands + 1 && s.commands[commands].type == MESSAGE_CREDENTIALS);
    CHECK(s.credentials.generation == 2 && same(s.credentials.ufrag, p->ufrag));
    CHECK(same(s.credentials.remote_ufrag, "ab01"));
    CHECK(known(before) && known(p->ufrag));
    event(p, EVENT_RESTARTED, "203.0.113.9", 2);
    CHECK(!known(before) && known(p->ufrag));
    peer_offer(p); /* the same credentials: no restart */
    CHECK_EQ(s.credentials.generation, 2);
    CHECK(strstr(take_text(p, "answer", "sdp"), p->ufrag) != NULL);
    stage_close(&s);
}

static void restart_before_the_claim_is_told_with_it(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    char before[64];
    memcpy(before, p->ufrag, sizeof before);
    restart(p);
    CHECK_EQ(s.command_count, 0);
    CHECK(known(before) && known(p->ufrag));
    peer_claim(p, 0);
    CHECK(s.credentials.generation == 2 && same(s.credentials.ufrag, p->ufrag));
    stage_close(&s);
}

static void hundred_restarts_leave_one_pair_known(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 1);
    for (uint32_t i = 2; i < 99; i++) {
        char before[64];
        memcpy(before, p->ufrag, sizeof before);
        restart(p);
        if (i % 3 == 0) /* otherwise the next restart begins before this one ends */
            event(p, EVENT_RESTARTED, "203.0.113.9", i);
        CHECK(known(p->ufrag) && (i % 3 || !known(before)));
    }
    CHECK_EQ(s.credentials.generation, 98);
    stage_close(&s);
}

static void lost_path_asks_for_a_restart_but_not_often(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 1);
    forget(p);
    for (int i = 0; i < 19; i++, s.now += MP_S(1))
        event(p, EVENT_LOST, "203.0.113.9", 0);
    CHECK_EQ(waiting(p, "restart-ice"), 2);
    stage_close(&s);
}

static void stalled_track_is_told_to_its_publisher_and_to_whom_it_is_sent(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 1), *v = peer_call(&s, "one", "watch", 0);
    struct peer *others[] = {peer_call(&s, "one", "stream", 0), peer_call(&s, "two", "call", 0)};
    uint32_t track = 0; /* its video */
    for (const struct message *m; (m = stage_command(&s, MESSAGE_PUBLISH, peer_session(p)));)
        track = codec_is_video(m->publish.codec) ? m->track : track;
    event(p, EVENT_STALLED, "203.0.113.9", track + 100); /* one that ended meanwhile */
    CHECK_EQ(waiting(p, "track-stalled") + waiting(v, "track-stalled"), 0);
    event(p, EVENT_STALLED, "203.0.113.9", track);
    for (int i = 0; i < 2; i++) {
        json_t *m = take(i ? v : p, "track-stalled");
        CHECK(m && same(json_string_value(json_object_get(m, "participant")), p->id));
        CHECK(m && same(json_string_value(json_object_get(m, "source")), "camera"));
    }
    CHECK_EQ(waiting(others[0], "track-stalled") + waiting(others[1], "track-stalled"), 0);
    peer_say(p, "timeline", "");
    json_t *events = json_object_get(json_object_get(take(p, "timeline"), "timeline"), "events");
    json_t *last = json_array_get(events, json_array_size(events) - 1);
    CHECK(same(json_string_value(json_object_get(last, "event")), "track-stalled"));
    CHECK_EQ(json_integer_value(json_object_get(last, "track")), track);
    stage_close(&s);
}

static void path_tells_how_often_it_changed(void)
{
    static const struct {
        const char *ip;
        enum ice_reason reason;
        bool moved;
        int changes;
    } paths[] = {
        {"203.0.113.1", ICE_BY_NOMINATION, false, 0},
        {"203.0.113.5", ICE_BY_NOMINATION, false, 0}, /* its own ICE: no change */
        {"203.0.113.1", ICE_BY_NOMINATION, false, 0},
        {"203.0.113.1", ICE_BY_ROAMING, true, 0}, /* another of our addresses */
        {"203.0.113.2", ICE_BY_ROAMING, true, 1},
        {"2001:db8::3", ICE_BY_NOMINATION, true, 2},
    };
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 1);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        tell(
            p,
            (struct session_event){.kind = EVENT_SELECTED, .value = paths[i].reason, .moved = paths[i].moved},
            paths[i].ip);
        json_t *m = take(p, "path");
        CHECK(same(json_string_value(json_object_get(m, "address")), paths[i].ip));
        CHECK(same(json_string_value(json_object_get(m, "reason")),
                   paths[i].reason == ICE_BY_ROAMING ? "roamed" : "nominated"));
        CHECK_EQ(json_integer_value(json_object_get(m, "changes")), paths[i].changes);
    }
    stage_close(&s);
}

/* --- timeline --- */

static void timeline_is_the_last_events_of_ones_own_session(void)
{
    stage_open(&s, 16, NULL);
    json_int_t opened = STAGE_UNIX_S * 1000 + s.now / MP_MS(1);
    struct peer *p = peer_call(&s, "one", "call", 1), *other = peer_call(&s, "one", "call", 0);
    uint32_t session = peer_session(p);
    for (uint32_t i = 0; i < 100; i++) {
        s.now += MP_MS(10);
        event(p, EVENT_CHECK_ANSWERED, "203.0.113.9", 1500);
    }
    peer_say(p, "timeline", "");
    json_t *t = json_object_get(take(p, "timeline"), "timeline"), *events = json_object_get(t, "events");
    CHECK_EQ(json_integer_value(json_object_get(t, "session")), session);
    CHECK(same(json_string_value(json_object_get(t, "peerId")), p->id));
    CHECK_EQ(json_integer_value(json_object_get(t, "startedAt")), opened);
    CHECK_EQ(json_array_size(events), TIMELINE_EVENTS_MAX);
    CHECK_EQ(json_integer_value(json_object_get(t, "dropped")),
             2 + 100 - TIMELINE_EVENTS_MAX); /* offered, claimed */
    json_t *last = json_array_get(events, TIMELINE_EVENTS_MAX - 1);
    CHECK_EQ(json_integer_value(json_object_get(last, "at")), 1000);
    CHECK(json_real_value(json_object_get(last, "ms")) == 1.5);
    CHECK(same(json_string_value(json_object_get(last, "event")), "check-answered"));
    CHECK_EQ(waiting(other, "timeline"), 0);
    peer_say(other, "timeline", "");
    t = json_object_get(take(other, "timeline"), "timeline");
    CHECK_EQ(json_integer_value(json_object_get(t, "session")), peer_session(other));
    stage_close(&s);
}

/* An end of the DTLS association is an event of its own, before the session's. */
static void timeline_tells_how_the_association_ended(void)
{
    static const struct {
        enum end_reason reason;
        const char *event;
    } ends[] = {{END_CONSENT, ""}, {END_DTLS_FAILED, "dtls-failed"}, {END_PEER_CLOSED, "dtls-closed"}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t len;
        stage_open(&s, 16, NULL);
        struct peer *p = peer_call(&s, "one", "call", 1);
        uint32_t session = peer_session(p);
        stage_end(&s, session, ends[i].reason);
        char *text = signal_timeline(s.signaling, session, &len);
        json_t *t = json_loadb(text, len, 0, NULL), *events = json_object_get(t, "events");
        json_t *before = json_array_get(events, json_array_size(events) - 2);
        const char *event = json_string_value(json_object_get(before, "event"));
        CHECK(*ends[i].event ? same(event, ends[i].event) : strncmp(event, "dtls", 4) != 0);
        json_decref(t);
        free(text);
        stage_close(&s);
    }
}

static void timelines_of_ended_sessions_are_kept_for_a_while(void)
{
    stage_open(&s, 16, NULL);
    size_t len;
    uint32_t first = 0;
    for (unsigned i = 0; i < TIMELINES_ENDED_MAX + 2; i++) {
        struct peer *p = peer_call(&s, "one", "call", 1);
        first = i ? first : peer_session(p);
        peer_say(p, "leave", "");
        peer_close(p);
        stage_work(&s);
        peer_free(p);
        char *text = signal_timeline(s.signaling, first, &len);
        CHECK((text != NULL) == (i < TIMELINES_ENDED_MAX));
        CHECK(!text || (strlen(text) == len && strstr(text, "\"ended\"")));
        free(text);
    }
    CHECK(signal_timeline(s.signaling, SESSION_NONE - 1, &len) == NULL);
    stage_close(&s);
}

/* --- a lost socket --- */

static struct peer *resumable(const char *room)
{
    struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
    peer_say(p, "join-room", "{s:s, s:s, s:b}", "room", room, "role", "call", "resume", 1);
    return p;
}

static struct peer *resumes(const char *id, const char *token)
{
    struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
    snprintf(p->id, sizeof p->id, "%s", id);
    peer_say(p, "resume", "{s:s}", "token", token);
    return p;
}

static void lost_socket_is_taken_over_by_another(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one"), *other = peer_call(&s, "one", "call", 0);
    char token[64];
    snprintf(token, sizeof token, "%s", take_text(p, "joined", "resume"));
    CHECK_EQ(strlen(token), 32);
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 1);
    CHECK_EQ(waiting(p, "offer"), 1); /* of the other's tracks; its answer never comes */
    uint32_t session = peer_session(p);
    forget(other);
    peer_close(p);
    /* which the server cannot report to its client now */
    event(p, EVENT_SELECTED, "203.0.113.1", ICE_BY_NOMINATION);
    CHECK_EQ(waiting(other, "participant-left"), 0);
    struct peer *thief = resumes(p->id, "0123456789abcdef0123456789abcdef");
    CHECK(same(take_text(thief, "error", "code"), "not-resumable"));
    peer_close(thief);
    s.now += MP_S(14);
    struct peer *again = resumes(p->id, token);
    json_t *m = take(again, "resumed");
    CHECK(m && same(json_string_value(json_object_get(m, "room")), "one"));
    CHECK_EQ(json_array_size(json_object_get(m, "participants")), 1);
    CHECK(same(take_text(again, "path", "address"), "203.0.113.1"));
    CHECK_EQ(waiting(again, "offer"), 1); /* once more */
    CHECK_EQ(waiting(other, NULL), 0);    /* nobody noticed */
    s.now += MP_S(60);
    stage_timeout(&s);
    size_t len;
    char *text = signal_timeline(s.signaling, session, &len);
    CHECK(strstr(text, "socket-lost") && strstr(text, "socket-resumed"));
    free(text);
    peer_close(again);
    s.now += MP_S(15);
    CHECK(signal_deadline(s.signaling) <= s.now);
    stage_timeout(&s);
    CHECK_EQ(waiting(other, "participant-left"), 1);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    stage_close(&s);
}

static void a_resume_token_opens_by_all_of_its_characters(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one");
    char token[64], wrong[64];
    snprintf(token, sizeof token, "%s", take_text(p, "joined", "resume"));
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 1);
    size_t len = strlen(token);
    CHECK_EQ(len, 32);
    peer_close(p);
    for (size_t i = 0; i <= len + 1; i++) { /* each character wrong; one missing; one more */
        snprintf(wrong, sizeof wrong, "%.*s%s", (int)(i == len ? len - 1 : len), token, i > len ? "0" : "");
        if (i < len)
            wrong[i] = wrong[i] == '0' ? '1' : '0';
        struct peer *thief = resumes(p->id, wrong);
        CHECK(same(take_text(thief, "error", "code"), "not-resumable"));
        peer_close(thief);
    }
    struct peer *again = resumes(p->id, token);
    CHECK(take(again, "resumed") != NULL);
    peer_say(again, "leave", "");
    stage_close(&s);
}

/* Without a socket only the media path shows whether the client is still there. */
static void a_client_that_loses_its_socket_has_its_path_checked(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one");
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 1);
    uint32_t session = peer_session(p);
    CHECK_EQ(stage_commands(&s, MESSAGE_DOUBT), 0);
    peer_close(p);
    CHECK(stage_command(&s, MESSAGE_DOUBT, session) != NULL);
    CHECK_EQ(stage_commands(&s, MESSAGE_DOUBT), 1);
    s.now += MP_S(15);
    stage_timeout(&s);
    stage_close(&s);
}

static void a_client_that_resumes_is_told_the_turn_server_by_its_new_name(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one");
    char token[64];
    snprintf(token, sizeof token, "%s", take_text(p, "joined", "resume"));
    struct peer *again = peer_open(&s, "other.example", "192.0.2.1");
    snprintf(again->id, sizeof again->id, "%s", p->id);
    peer_say(again, "resume", "{s:s}", "token", token);
    CHECK(take(again, "resumed") != NULL);
    peer_say(again, "turn", "");
    json_t *server = json_array_get(json_object_get(take(again, "turn"), "iceServers"), 0);
    CHECK(same(json_string_value(json_array_get(json_object_get(server, "urls"), 0)),
               "turn:other.example:8000?transport=tcp"));
    peer_say(again, "leave", "");
    stage_close(&s);
}

/* The room keeps the list that it wrote for an unlisted watcher, and frees it at its end: a build that
 * notices leaks tests this. */
static void a_room_ends_with_the_list_for_its_last_unlisted_watcher(void)
{
    struct peer *listed[WATCHERS_LISTED_MAX];
    stage_open(&s, 64, NULL);
    for (int i = 0; i < WATCHERS_LISTED_MAX; i++)
        listed[i] = peer_join(&s, "one", "watch");
    struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
    peer_say(p, "join-room", "{s:s, s:s, s:b}", "room", "one", "role", "watch", "resume", 1);
    char token[64];
    snprintf(token, sizeof token, "%s", take_text(p, "joined", "resume"));
    for (int i = 0; i < WATCHERS_LISTED_MAX; i++)
        peer_close(listed[i]);
    struct peer *again = resumes(p->id, token);
    json_t *m = take(again, "resumed");
    CHECK(m && json_array_size(json_object_get(m, "participants")) == 0);
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 1);
    peer_say(again, "leave", "");
    peer_close(again);
    CHECK_EQ(stage_metric(&s, "monoport_rooms"), 0);
    stage_close(&s);
}

/* A client that the server expelled cannot resume its session. */
static void who_was_told_goodbye_cannot_resume(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one");
    char token[64];
    snprintf(token, sizeof token, "%s", take_text(p, "joined", "resume"));
    while (!p->close_code) /* it sends without end */
        peer_say(p, "ping", "");
    struct peer *again = resumes(p->id, token);
    CHECK(same(take_text(again, "error", "code"), "not-resumable"));
    stage_close(&s);
}

static void a_client_without_socket_and_path_has_vanished(void)
{
    static const enum session_event_kind harmless[] = {EVENT_CHECK_SENT,   EVENT_CHECK_ANSWERED,
                                                       EVENT_CHECK_FAILED, EVENT_NOMINATED,
                                                       EVENT_SELECTED,     EVENT_DTLS_STARTED};
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one"), *other = peer_call(&s, "one", "call", 0);
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 1);
    forget(other);
    peer_close(p);
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        event(p, harmless[i], "203.0.113.1", 0);
    stage_timeout(&s);
    CHECK_EQ(waiting(other, "participant-left"), 0);
    CHECK_EQ(signal_deadline(s.signaling), s.now + MP_S(15));
    event(p, EVENT_LOST, "203.0.113.1", 0);
    CHECK_EQ(signal_deadline(s.signaling), s.now);
    stage_timeout(&s);
    CHECK_EQ(waiting(other, "participant-left"), 1);
    stage_close(&s);
}

static struct peer *resumable_call(const char *room)
{
    struct peer *p = resumable(room);
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 1);
    return p;
}

static void each_participant_has_15_s_of_its_own_to_resume(void)
{
    stage_open(&s, 16, NULL);
    struct peer *first = resumable_call("one"), *second = resumable_call("one"),
                *other = peer_call(&s, "one", "call", 0);
    forget(other);
    peer_close(first);
    s.now += MP_S(10);
    peer_close(second);
    s.now += MP_S(5);
    stage_timeout(&s);
    CHECK(same(take_text(other, "participant-left", "id"), first->id));
    CHECK_EQ(waiting(other, "participant-left"), 0);
    CHECK_EQ(signal_deadline(s.signaling), s.now + MP_S(10));
    s.now += MP_S(10);
    stage_timeout(&s);
    CHECK(same(take_text(other, "participant-left", "id"), second->id));
    stage_close(&s);
}

static void what_changed_without_a_socket_is_offered_after_it(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one");
    char token[64];
    snprintf(token, sizeof token, "%s", take_text(p, "joined", "resume"));
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 1);
    peer_close(p);
    peer_call(&s, "one", "call", 0);
    struct peer *again = resumes(p->id, token);
    CHECK_EQ(waiting(again, "offer"), 1);
    peer_say(again, "leave", "");
    stage_close(&s);
}

static void socket_that_only_the_client_knows_to_be_dead_is_closed(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one");
    char token[64];
    snprintf(token, sizeof token, "%s", take_text(p, "joined", "resume"));
    struct peer *again = resumes(p->id, token);
    CHECK_EQ(p->close_code, 4001);
    CHECK(!p->participant && again->participant);
    peer_close(p); /* whenever its end is noticed */
    peer_say(again, "ping", "");
    CHECK_EQ(waiting(again, "pong"), 1);
    peer_say(again, "leave", "");
    CHECK(same(take_text(again, "bye", "reason"), "left"));
    peer_close(again);
    struct peer *late = resumes(p->id, token);
    CHECK(same(take_text(late, "error", "code"), "not-resumable"));
    stage_close(&s);
}

static void client_that_does_not_resume_leaves_with_its_socket(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call"), *other = peer_join(&s, "one", "call");
    CHECK(same(take_text(p, "joined", "resume"), ""));
    forget(other);
    peer_close(p);
    CHECK_EQ(waiting(other, "participant-left"), 1);
    stage_close(&s);
}

static void participants_without_a_socket_do_not_outlive_the_server(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = resumable("one");
    peer_close(p);
    signal_shutdown(s.signaling, s.now);
    stage_close(&s);
}

/* --- descriptions --- */

static void section_that_the_client_stops_is_not_sent_to(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 1), *v = peer_call(&s, "one", "call", 0);
    (void)p;
    uint32_t session = peer_session(v);
    size_t ours = 0;
    while (ours < v->line_count && v->lines[ours].mid[0] != 's')
        ours++;
    CHECK(ours < v->line_count);
    size_t viewers = s.viewer_count;
    char ssrc[2][64];
    static const enum sdp_direction not_received[] = {SDP_INACTIVE, SDP_SENDONLY};
    for (int i = 0; i < 2; i++) {
        enum sdp_error error;
        v->lines[ours].direction = not_received[i];
        peer_offer(v);
        const char *text = take_text(v, "answer", "sdp");
        struct sdp *sdp = sdp_parse(text, strlen(text), &error);
        CHECK_EQ(sdp->sections[ours].direction, SDP_INACTIVE);
        sdp_free(sdp);
        CHECK_EQ(s.viewer_count, viewers - 1);
        v->lines[ours].direction = SDP_RECVONLY;
        peer_offer(v);
        text = take_text(v, "answer", "sdp");
        sdp = sdp_parse(text, strlen(text), &error);
        CHECK_EQ(sdp->sections[ours].direction, SDP_SENDONLY);
        snprintf(ssrc[i], sizeof ssrc[i], "%u", sdp->sections[ours].ssrcs[0].ssrc);
        sdp_free(sdp);
        CHECK_EQ(s.viewer_count, viewers);
    }
    CHECK(!same(ssrc[0], ssrc[1])); /* the stage also checks that none is sent twice */
    CHECK_EQ(peer_session(v), session);
    stage_close(&s);
}

static void corrected_first_offer_still_gets_candidates(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_join(&s, "one", "call");
    peer_say(p, "offer", "{s:s}", "sdp", "v=0\r\n");
    CHECK(same(take_text(p, "error", "code"), "bad-sdp"));
    peer_line(p, SDP_AUDIO, SDP_SENDRECV);
    peer_offer(p);
    CHECK(waiting(p, "answer") == 1 && waiting(p, "candidate") > 0);
    size_t said = waiting(p, "candidate");
    peer_offer(p);
    CHECK_EQ(waiting(p, "candidate"), said);
    stage_close(&s);
}

static void refused_offer_changes_nothing(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_call(&s, "one", "call", 1);
    char before[64];
    memcpy(before, p->ufrag, sizeof before);
    size_t commands = s.command_count, tracks = s.track_count;
    CHECK_EQ(tracks, 2);
    /* the first section is fine, and would end a track; so would new credentials */
    p->lines[0].direction = SDP_RECVONLY;
    p->restarts++;
    snprintf(p->lines[1].mid, sizeof p->lines[1].mid, "other");
    peer_offer(p);
    CHECK(same(take_text(p, "error", "code"), "bad-sdp"));
    CHECK_EQ(s.command_count, commands);
    CHECK_EQ(s.track_count, tracks);
    CHECK(known(before));
    stage_close(&s);
}

TEST_MAIN(TEST(ice_restart_is_answered_with_new_credentials), TEST(restart_before_the_claim_is_told_with_it),
          TEST(hundred_restarts_leave_one_pair_known), TEST(lost_path_asks_for_a_restart_but_not_often),
          TEST(stalled_track_is_told_to_its_publisher_and_to_whom_it_is_sent),
          TEST(path_tells_how_often_it_changed), TEST(timeline_is_the_last_events_of_ones_own_session),
          TEST(timeline_tells_how_the_association_ended),
          TEST(timelines_of_ended_sessions_are_kept_for_a_while), TEST(lost_socket_is_taken_over_by_another),
          TEST(a_resume_token_opens_by_all_of_its_characters),
          TEST(each_participant_has_15_s_of_its_own_to_resume),
          TEST(a_client_without_socket_and_path_has_vanished), TEST(who_was_told_goodbye_cannot_resume),
          TEST(a_client_that_loses_its_socket_has_its_path_checked),
          TEST(a_client_that_resumes_is_told_the_turn_server_by_its_new_name),
          TEST(a_room_ends_with_the_list_for_its_last_unlisted_watcher),
          TEST(what_changed_without_a_socket_is_offered_after_it),
          TEST(socket_that_only_the_client_knows_to_be_dead_is_closed),
          TEST(client_that_does_not_resume_leaves_with_its_socket),
          TEST(participants_without_a_socket_do_not_outlive_the_server),
          TEST(section_that_the_client_stops_is_not_sent_to),
          TEST(corrected_first_offer_still_gets_candidates), TEST(refused_offer_changes_nothing))
