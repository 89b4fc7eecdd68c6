/* Views and viewing: how clients show pictures, and in which form their workers send them. */
#include "base/limits.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include <stdlib.h>

static struct stage s;

/* Somebody who publishes camera and microphone, and somebody who watches both. */
static struct peer *publisher, *viewer;
static const char *picture, *sound; /* the mids in which the viewer gets them */

static const struct message *subscribed(uint32_t session, bool video)
{
    for (size_t i = s.command_count; i-- > 0;)
        if (s.commands[i].type == MESSAGE_SUBSCRIBE && s.commands[i].session == session &&
            codec_is_video(s.commands[i].subscribe.codec) == video)
            return &s.commands[i];
    return NULL;
}

static void open_room(void)
{
    stage_open(&s, 16, NULL);
    publisher = peer_call(&s, "one", "call", 0);
    viewer = peer_call(&s, "one", "watch", 1);
    picture = subscribed(peer_session(viewer), true)->subscribe.mid;
    sound = subscribed(peer_session(viewer), false)->subscribe.mid;
    s.commands_seen = s.command_count;
    forget(viewer);
}

static uint32_t track(void) { return subscribed(peer_session(viewer), true)->track; }

static void view(struct peer *p, const char *mid, const char *fields)
{
    char text[1024];
    snprintf(text, sizeof text, "{\"type\":\"view\",\"peerId\":\"%s\",\"tracks\":{\"%s\":%s}}", p->id, mid,
             fields);
    peer_text(p, text);
}

static const struct view *told_view(void)
{
    const struct message *m = stage_command(&s, MESSAGE_VIEW, peer_session(viewer));
    return m ? &m->view : NULL;
}

static void the_worker_learns_how_a_picture_is_shown(void)
{
    open_room();
    view(viewer, picture, "{\"width\":640,\"height\":360,\"visible\":true,\"pinned\":true,\"fps\":15}");
    const struct message *m = stage_command(&s, MESSAGE_VIEW, peer_session(viewer));
    CHECK(m && m->to == 1 && m->track == track());
    CHECK(m && m->view.width == 640 && m->view.height == 360 && m->view.fps == 15 && m->view.visible &&
          m->view.pinned);
    view(viewer, picture, "{\"visible\":false}");
    const struct view *v = told_view(); /* a view replaces the last one as a whole */
    CHECK(v && !v->width && !v->height && !v->fps && !v->visible && !v->pinned);
    view(viewer, picture, "{}");
    v = told_view();
    CHECK(v && v->visible && !v->height && !v->fps && !v->pinned);
    CHECK_EQ(stage_metric(&s, "monoport_views_total"), 3);
    stage_close(&s);
}

static void a_view_that_changes_nothing_is_not_told(void)
{
    open_room();
    view(viewer, picture, "{\"visible\":true}"); /* the default */
    CHECK(!told_view());
    const char *const fields[] = {
        "{\"width\":1}",
        "{\"width\":1,\"height\":1}",
        "{\"width\":1,\"height\":1,\"fps\":1}",
        "{\"width\":1,\"height\":1,\"fps\":1,\"visible\":false}",
        "{\"width\":1,\"height\":1,\"fps\":1,\"visible\":false,\"pinned\":true}",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        view(viewer, picture, fields[i]);
        CHECK(told_view());
        view(viewer, picture, fields[i]);
        CHECK(!told_view());
    }
    stage_close(&s);
}

static void views_of_sections_without_a_picture_are_counted(void)
{
    open_room();
    view(viewer, "no such mid", "{\"visible\":false}");
    view(viewer, sound, "{\"visible\":false}");
    view(publisher, "1", "{\"visible\":false}"); /* the section of its own camera */
    CHECK_EQ(stage_commands(&s, MESSAGE_VIEW), 0);
    CHECK_EQ(waiting(viewer, "error") + waiting(publisher, "error"), 0);
    CHECK_EQ(stage_metric(&s, "monoport_views_unknown_total"), 3);
    stage_close(&s);
}

static void a_view_with_a_bad_field_changes_nothing(void)
{
    static const char *const bad[] = {
        "{\"width\":16385}",
        "{\"height\":16385}",
        "{\"width\":1000000000}",
        "{\"width\":-1}",
        "{\"height\":-2147483648}",
        "{\"width\":9223372036854775807}",
        "{\"width\":1.5}",
        "{\"width\":1e3}",
        "{\"width\":\"640\"}",
        "{\"height\":null}",
        "{\"height\":true}",
        "{\"fps\":241}",
        "{\"fps\":-1}",
        "{\"visible\":1}",
        "{\"visible\":\"true\"}",
        "{\"pinned\":null}",
        "[]",
        "null",
        "640",
        "\"hidden\"",
    };
    char fields[600];
    open_room();
    view(viewer, picture, "{\"width\":16384,\"height\":16384,\"fps\":240}"); /* the limits */
    CHECK(told_view());
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        forget(viewer);
        /* A good view of another track in the same message is refused too. */
        snprintf(fields, sizeof fields, "{\"visible\":false},\"other\":%s", bad[i]);
        view(viewer, picture, fields);
        CHECK(strcmp(take_text(viewer, "error", "code"), "bad-message") == 0);
        CHECK(!told_view());
    }
    view(viewer, picture, "{\"width\":NaN}");
    CHECK(strcmp(take_text(viewer, "error", "code"), "bad-json") == 0);
    CHECK_EQ(stage_metric(&s, "monoport_views_total"), 1);
    CHECK_EQ(stage_metric(&s, "monoport_views_unknown_total"), 0);
    stage_close(&s);
}

static void tracks_must_be_an_object(void)
{
    static const char *const bad[] = {"", ",\"tracks\":[]", ",\"tracks\":null", ",\"tracks\":\"0\""};
    char text[256];
    open_room();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{\"type\":\"view\",\"peerId\":\"%s\"%s}", viewer->id, bad[i]);
        peer_text(viewer, text);
        CHECK(strcmp(take_text(viewer, "error", "code"), "bad-message") == 0);
    }
    peer_say(viewer, "view", "{s:{}}", "tracks"); /* of no track at all */
    CHECK_EQ(waiting(viewer, "error"), 0);
    stage_close(&s);
}

/* 256 KiB: as many tracks as a message may have values, and as long a name. */
static void a_huge_view_costs_little(void)
{
    open_room();
    char *text = malloc(WS_MESSAGE_MAX + 1);
    size_t n = (size_t)sprintf(text, "{\"type\":\"view\",\"peerId\":\"%s\",\"tracks\":{\"0\":{}", viewer->id);
    for (size_t i = 0; n < WS_MESSAGE_MAX - 64; i++)
        n += (size_t)sprintf(text + n, ",\"%zu\":{\"visible\":false}", i + 1000);
    sprintf(text + n, "}}");
    peer_text(viewer, text);
    CHECK(strcmp(take_text(viewer, "error", "code"), "too-many-values") == 0);
    n = (size_t)sprintf(text, "{\"type\":\"view\",\"peerId\":\"%s\",\"tracks\":{\"", viewer->id);
    memset(text + n, 'm', WS_MESSAGE_MAX - 64 - n);
    sprintf(text + WS_MESSAGE_MAX - 64, "\":{}}}");
    peer_text(viewer, text);
    CHECK_EQ(waiting(viewer, "error"), 0);
    CHECK_EQ(stage_metric(&s, "monoport_views_unknown_total"), 1);
    CHECK_EQ(stage_commands(&s, MESSAGE_VIEW), 0);
    free(text);
    stage_close(&s);
}

static size_t views_until_refused(size_t tracks)
{
    char text[8192];
    size_t said = 0;
    open_room();
    size_t n = (size_t)sprintf(text, "{\"type\":\"view\",\"peerId\":\"%s\",\"tracks\":{", viewer->id);
    for (size_t i = 0; i < tracks; i++)
        n += (size_t)sprintf(text + n, "%s\"x%zu\":{}", i ? "," : "", i);
    sprintf(text + n, "}}");
    while (!viewer->close_code && said < 2 * CLIENT_MESSAGES_BURST) {
        peer_text(viewer, text);
        said++;
    }
    CHECK(strcmp(take_text(viewer, "bye", "reason"), "too-many-messages") == 0);
    stage_close(&s);
    return said;
}

static void views_count_as_messages_and_large_ones_as_several(void)
{
    size_t small = views_until_refused(VIEWS_PER_MESSAGE - 1),
           larger = views_until_refused(VIEWS_PER_MESSAGE),
           largest = views_until_refused(20 * VIEWS_PER_MESSAGE);
    CHECK(small > CLIENT_MESSAGES_BURST - 32 && small <= CLIENT_MESSAGES_BURST);
    CHECK(larger > small / 2 - 2 && larger < small / 2 + 2);
    CHECK(largest > small / 21 - 2 && largest < small / 21 + 2);
}

static void a_view_stays_with_its_section(void)
{
    open_room();
    char mid[MID_SIZE];
    memcpy(mid, picture, sizeof mid);
    view(viewer, mid, "{\"height\":180}");
    CHECK(told_view());
    peer_close(publisher);
    while (peer_answer(viewer, NULL))
        ;
    view(viewer, mid, "{\"height\":90}"); /* nothing is sent there now */
    CHECK(!told_view());
    publisher = peer_call(&s, "one", "call", 0);
    while (peer_answer(viewer, NULL))
        ;
    CHECK(strcmp(subscribed(peer_session(viewer), true)->subscribe.mid, mid) == 0);
    const struct message *m = stage_command(&s, MESSAGE_VIEW, peer_session(viewer));
    CHECK(m && m->view.height == 180 && m->track == track());
    CHECK(!told_view());
    stage_close(&s);
}

/* A client hears of a track in the offer, and may speak before its answer. */
static void a_view_before_the_answer_is_told_with_the_subscription(void)
{
    stage_open(&s, 16, NULL);
    viewer = peer_call(&s, "one", "watch", 1);
    publisher = peer_call(&s, "one", "call", 0);
    CHECK_EQ(waiting(viewer, "offer"), 1);
    s.commands_seen = s.command_count;
    for (int i = 0; i < 4; i++) {
        char mid[8];
        snprintf(mid, sizeof mid, "%d", i);
        view(viewer, mid, "{\"visible\":false}");
        snprintf(mid, sizeof mid, "s%d", i);
        view(viewer, mid, "{\"visible\":false}");
    }
    CHECK_EQ(stage_commands(&s, MESSAGE_VIEW), 0);
    CHECK_EQ(stage_metric(&s, "monoport_views_total"), 0);
    CHECK(peer_answer(viewer, NULL));
    const struct message *subscribe = NULL, *told = NULL;
    for (size_t i = 0; i < s.command_count; i++) {
        if (s.commands[i].type == MESSAGE_VIEW)
            told = &s.commands[i];
        else if (s.commands[i].type == MESSAGE_SUBSCRIBE && codec_is_video(s.commands[i].subscribe.codec))
            subscribe = &s.commands[i];
    }
    CHECK(subscribe && told && told > subscribe && told->track == subscribe->track && !told->view.visible);
    CHECK_EQ(stage_commands(&s, MESSAGE_VIEW), 1);
    stage_close(&s);
}

static void who_has_not_joined_has_no_views(void)
{
    stage_open(&s, 16, NULL);
    struct peer *p = peer_open(&s, "monoport.example", "192.0.2.1");
    view(p, "0", "{}");
    CHECK(strcmp(take_text(p, "error", "code"), "not-joined") == 0);
    p = peer_join(&s, "one", "call");
    view(p, "0", "{}"); /* it has no sections yet */
    CHECK_EQ(waiting(p, "error"), 0);
    CHECK_EQ(stage_metric(&s, "monoport_views_unknown_total"), 1);
    stage_close(&s);
}

/* --- viewing --- */

static void tell_viewing(struct viewing v)
{
    stage_tell(&s, &(struct message){.type = MESSAGE_VIEWING,
                                     .from = 1,
                                     .to = TO_CONTROL,
                                     .session = peer_session(viewer),
                                     .track = track(),
                                     .viewing = v});
}

static void tell_line(struct line_state line)
{
    stage_tell(&s, &(struct message){.type = MESSAGE_LINE,
                                     .from = 1,
                                     .to = TO_CONTROL,
                                     .session = peer_session(viewer),
                                     .line = line});
}

/* Its next message; NULL: none is due. */
static json_t *told(void)
{
    mp_time at = signal_deadline(s.signaling);
    if (at != MP_NEVER)
        s.now = mp_max(s.now, at);
    stage_timeout(&s);
    CHECK(waiting(viewer, "viewing") <= 1);
    return take(viewer, "viewing");
}

static const char *text_in(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static long long number_in(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return value ? json_integer_value(value) : -1;
}

static json_t *first_track(json_t *message)
{
    CHECK_EQ(json_array_size(json_object_get(message, "tracks")), 1);
    return json_array_get(json_object_get(message, "tracks"), 0);
}

static void a_viewer_is_told_in_which_form_it_gets_a_picture(void)
{
    static const struct {
        struct viewing v;
        const char *state, *reason;
    } cases[] = {
        {{VIEWING_REDUCED, VIEWING_BANDWIDTH, 15, 320, 180}, "reduced", "bandwidth"},
        {{VIEWING_PAUSED, VIEWING_HIDDEN, 0, 0, 0}, "paused", "hidden"},
        {{VIEWING_PAUSED, VIEWING_PUBLISHER, 0, 0, 0}, "paused", "publisher"},
        {{VIEWING_REDUCED, VIEWING_LIMIT, 30, 65535, 65535}, "reduced", "limit"},
        {{VIEWING_WHOLE, VIEWING_NO_REASON, 30, 1280, 720}, "whole", ""},
    };
    open_room();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tell_viewing(cases[i].v);
        json_t *message = told(), *one = first_track(message);
        CHECK(strcmp(text_in(one, "mid"), picture) == 0);
        CHECK(strcmp(text_in(one, "state"), cases[i].state) == 0);
        CHECK(strcmp(text_in(one, "reason"), cases[i].reason) == 0);
        CHECK_EQ(number_in(one, "width"), cases[i].v.width ? cases[i].v.width : -1);
        CHECK_EQ(number_in(one, "height"), cases[i].v.height ? cases[i].v.height : -1);
        CHECK_EQ(number_in(one, "fps"), cases[i].v.fps ? cases[i].v.fps : -1);
        CHECK(!json_object_get(message, "line"));
    }
    CHECK_EQ(stage_metric(&s, "monoport_viewings_total"), 5);
    stage_close(&s);
}

static void a_viewer_is_told_of_its_line(void)
{
    static const char *const causes[] = {"start", "rises", "delay", "loss", "silence", "remb", "queue"};
    open_room();
    for (uint8_t cause = LINE_START; cause <= LINE_QUEUE; cause++) {
        tell_line((struct line_state){UINT32_MAX - cause, 900000, cause});
        json_t *message = told(), *line = json_object_get(message, "line");
        CHECK_EQ(number_in(line, "bps"), UINT32_MAX - cause);
        CHECK_EQ(number_in(line, "acknowledged"), 900000);
        CHECK(strcmp(text_in(line, "cause"), causes[cause]) == 0);
        CHECK(json_is_array(json_object_get(message, "tracks")) &&
              !json_array_size(json_object_get(message, "tracks")));
    }
    stage_close(&s);
}

static void news_of_one_moment_make_one_message(void)
{
    open_room();
    mp_time begin = s.now;
    tell_viewing((struct viewing){.state = VIEWING_REDUCED});
    s.now += MP_MS(100);
    tell_line((struct line_state){.bps = 1, .cause = LINE_LOSS});
    tell_viewing((struct viewing){VIEWING_PAUSED, VIEWING_BANDWIDTH, 0, 0, 0});
    CHECK_EQ(signal_deadline(s.signaling), begin + MP_MS(250));
    s.now = begin + MP_MS(250) - 1;
    stage_timeout(&s);
    CHECK_EQ(waiting(viewer, "viewing"), 0);
    json_t *message = told();
    CHECK_EQ(s.now, begin + MP_MS(250));
    CHECK(strcmp(text_in(first_track(message), "state"), "paused") == 0);
    CHECK_EQ(number_in(json_object_get(message, "line"), "bps"), 1);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    stage_close(&s);
}

static void only_changes_are_told(void)
{
    struct viewing v = {VIEWING_REDUCED, VIEWING_BANDWIDTH, 15, 320, 180};
    struct line_state line = {1, 2, LINE_DELAY};
    open_room();
    tell_viewing(v);
    tell_line(line);
    CHECK(told());
    tell_viewing(v);
    tell_line(line);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    tell_viewing((struct viewing){.state = VIEWING_PAUSED}); /* and undone at once */
    tell_viewing(v);
    CHECK(!told());
    struct viewing others[] = {v, v, v, v, v};
    others[0].state = VIEWING_PAUSED;
    others[1].reason = VIEWING_LIMIT;
    others[2].fps++;
    others[3].width++;
    others[4].height++;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        tell_viewing(others[i]);
        CHECK(told());
        tell_viewing(v);
        CHECK(told());
    }
    struct line_state lines[] = {{2, 2, LINE_DELAY}, {2, 3, LINE_DELAY}, {2, 3, LINE_LOSS}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        tell_line(lines[i]);
        CHECK(told());
    }
    stage_close(&s);
}

static void viewing_of_a_track_that_ended_is_not_told(void)
{
    open_room();
    uint32_t ended = track(), session = peer_session(viewer);
    tell_viewing((struct viewing){.state = VIEWING_PAUSED}); /* it waits when the track ends */
    peer_close(publisher);
    struct message late = {.type = MESSAGE_VIEWING,
                           .from = 1,
                           .to = TO_CONTROL,
                           .session = session,
                           .track = ended,
                           .viewing = {.state = VIEWING_REDUCED}};
    stage_tell(&s, &late);
    CHECK(!told());
    while (peer_answer(viewer, NULL))
        ;
    publisher = peer_call(&s, "one", "call", 0);
    while (peer_answer(viewer, NULL))
        ;
    stage_tell(&s, &late);
    CHECK(!told());
    stage_close(&s);
}

static void a_new_track_counts_as_whole_until_told_otherwise(void)
{
    open_room();
    tell_viewing((struct viewing){.state = VIEWING_PAUSED});
    CHECK(told());
    peer_close(publisher);
    while (peer_answer(viewer, NULL))
        ;
    publisher = peer_call(&s, "one", "call", 0);
    while (peer_answer(viewer, NULL))
        ;
    tell_viewing((struct viewing){.state = VIEWING_WHOLE});
    CHECK(!told());
    tell_viewing((struct viewing){.state = VIEWING_PAUSED});
    CHECK(told());
    stage_close(&s);
}

static void a_client_that_leaves_is_told_nothing(void)
{
    open_room();
    tell_viewing((struct viewing){.state = VIEWING_PAUSED});
    peer_close(viewer);
    CHECK_EQ(signal_deadline(s.signaling), MP_NEVER);
    stage_close(&s);
}

static void after_a_resume_everything_is_told_again(void)
{
    char token[64];
    stage_open(&s, 16, NULL);
    publisher = peer_call(&s, "one", "call", 0);
    viewer = peer_open(&s, "monoport.example", "192.0.2.1");
    peer_say(viewer, "join-room", "{s:s, s:s, s:b}", "room", "one", "role", "watch", "resume", 1);
    snprintf(token, sizeof token, "%s", take_text(viewer, "joined", "resume"));
    peer_line(viewer, SDP_AUDIO, SDP_RECVONLY);
    peer_line(viewer, SDP_VIDEO, SDP_RECVONLY);
    peer_offer(viewer);
    peer_learn(viewer, take_text(viewer, "answer", "sdp"));
    peer_claim(viewer, 1);
    while (peer_answer(viewer, NULL))
        ;
    tell_viewing((struct viewing){.state = VIEWING_PAUSED});
    tell_line((struct line_state){.bps = 5, .cause = LINE_LOSS});
    CHECK(told());
    peer_close(viewer);
    tell_viewing((struct viewing){.state = VIEWING_REDUCED}); /* there is no socket to tell it to */
    CHECK(!told());

    struct peer *lost = viewer;
    viewer = peer_open(&s, "monoport.example", "192.0.2.1");
    memcpy(viewer->id, lost->id, sizeof viewer->id);
    memcpy(viewer->ufrag, lost->ufrag, sizeof viewer->ufrag);
    peer_say(viewer, "resume", "{s:s}", "token", token);
    CHECK_EQ(waiting(viewer, "resumed"), 1);
    s.now += MP_MS(250);
    stage_timeout(&s);
    json_t *message = take(viewer, "viewing");
    CHECK(strcmp(text_in(first_track(message), "state"), "reduced") == 0);
    CHECK_EQ(number_in(json_object_get(message, "line"), "bps"), 5);
    peer_say(viewer, "leave", "");
    stage_close(&s);
}

TEST_MAIN(TEST(the_worker_learns_how_a_picture_is_shown), TEST(a_view_that_changes_nothing_is_not_told),
          TEST(views_of_sections_without_a_picture_are_counted),
          TEST(a_view_with_a_bad_field_changes_nothing), TEST(tracks_must_be_an_object),
          TEST(a_huge_view_costs_little), TEST(views_count_as_messages_and_large_ones_as_several),
          TEST(a_view_stays_with_its_section), TEST(a_view_before_the_answer_is_told_with_the_subscription),
          TEST(who_has_not_joined_has_no_views), TEST(a_viewer_is_told_in_which_form_it_gets_a_picture),
          TEST(a_viewer_is_told_of_its_line), TEST(news_of_one_moment_make_one_message),
          TEST(only_changes_are_told), TEST(viewing_of_a_track_that_ended_is_not_told),
          TEST(a_new_track_counts_as_whole_until_told_otherwise), TEST(a_client_that_leaves_is_told_nothing),
          TEST(after_a_resume_everything_is_told_again))
