/* What a viewer is sent follows the estimate of its line and its views, and the control plane is told. */
#include "sfu/viewing.h"
#include "proto/twcc.h"
#include "sfu/core.h"
#include "sfu/downlink.h"
#include "sfu/session_data.h"
#include "sfu/subscription_data.h"
#include "sfu/track_data.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define PICTURE      0x1111 /* SSRC of the publisher */
#define SOUND        0x2222
#define PICTURE_OUT  0x9000 /* to the viewer */
#define SOUND_OUT    0x9100
#define TRANSPORT_CC 3
#define FRAME        MP_MS(40)
#define PACKETS      8 /* of a frame: 1.6 Mbit/s */
#define QUEUE        MP_MS(100)
#define WIDE         20000000 /* bit/s */
#define NARROW       500000

static struct world w;
static struct world_client *publisher, *viewer;
static struct twcc_record record; /* of the viewer */

static struct {
    unsigned bps;
    mp_time free_at;
} line; /* to the viewer */

static struct {
    bool picture, sound, answers;
    uint64_t picture_seq, sound_seq;
    uint32_t frame;
    unsigned asked; /* key frames that were sent */
} does;

static struct {
    unsigned pictures, sounds, padding, bytes;
} came;

static void arrives(struct world_client *c, const uint8_t *data, size_t len)
{
    struct rtp_view v;
    struct bytes ext[EXT_COUNT];
    struct rtp_extension_ids ids = {.id = {[EXT_TRANSPORT_CC] = TRANSPORT_CC}};
    CHECK(rtp_parse(&v, data, len));
    came.pictures += v.ssrc == PICTURE_OUT && v.payload_len > 0;
    came.padding += v.payload_len == 0;
    came.bytes += len;
    came.sounds += v.ssrc == SOUND_OUT;
    rtp_extensions_read(&v, &ids, ext);
    mp_time end = mp_max(line.free_at, w.now) + (mp_time)(len * 8000000000u / line.bps);
    if (end - w.now > QUEUE)
        return;
    line.free_at = end;
    twcc_arrived(&record, get16(ext[EXT_TRANSPORT_CC].data), end);
}

static void subscribe(uint32_t track, enum codec codec, uint32_t ssrc)
{
    world_command(&w,
                  (struct message){.type = MESSAGE_SUBSCRIBE,
                                   .session = viewer->session,
                                   .track = track,
                                   .subscribe = {.codec = codec,
                                                 .payload_type = 96,
                                                 .rtx_payload_type = codec == CODEC_OPUS ? 0 : 97,
                                                 .clock_rate = 90000,
                                                 .ssrc = ssrc,
                                                 .rtx_ssrc = ssrc + 1,
                                                 .mid = "0",
                                                 .extensions = {.id = {[EXT_TRANSPORT_CC] = TRANSPORT_CC}},
                                                 .cname = "cname"}});
}

/* The publisher sends before the viewer comes. */
static void call(unsigned bps)
{
    memset(&record, 0, sizeof record);
    memset(&does, 0, sizeof does);
    memset(&came, 0, sizeof came);
    does.picture = does.sound = does.answers = true;
    does.picture_seq = does.sound_seq = does.frame = 1;
    line.bps = bps;
    line.free_at = 0;
    world_open(&w, 1);
    publisher = world_join(&w, 0);
    viewer = world_join(&w, 0);
    world_connect(&w, publisher);
    world_connect(&w, viewer);
    viewer->on_rtp = arrives;
    world_publish(&w, publisher, 1, CODEC_VP8, PICTURE);
    world_publish(&w, publisher, 2, CODEC_OPUS, SOUND);
}

static void watch(void)
{
    subscribe(2, CODEC_OPUS, SOUND_OUT);
    subscribe(1, CODEC_VP8, PICTURE_OUT);
}

static void answer(void)
{
    uint8_t packet[1200];
    size_t len = twcc_write(&record, packet, sizeof packet, 1, PICTURE_OUT);
    if (len && does.answers)
        world_send_rtcp(&w, viewer, packet, len);
    world_settle(&w);
}

static void send_frame(void)
{
    bool keyframe = publisher->pli != does.asked;
    does.asked = publisher->pli;
    for (int i = 1; does.picture && i <= PACKETS; i++)
        world_send(&w, publisher, CODEC_VP8, PICTURE, does.picture_seq++, 3600 * does.frame,
                   keyframe && i == 1, i == PACKETS, 1000);
    for (int i = 0; does.sound && i < 2; i++, does.sound_seq++)
        world_send(&w, publisher, CODEC_OPUS, SOUND, does.sound_seq, 960 * (uint32_t)does.sound_seq, false,
                   false, 100);
    world_settle(&w);
}

static void pass(mp_time span)
{
    memset(&came, 0, sizeof came);
    for (mp_time end = w.now + span; w.now < end; does.frame++) {
        send_frame();
        world_run(&w, FRAME);
        if (does.frame % 2 == 0)
            answer();
    }
}

static unsigned of_pictures(mp_time span) { return (unsigned)(span / FRAME) * PACKETS; }
static unsigned of_sounds(mp_time span) { return (unsigned)(span / FRAME) * 2; }

static const struct viewing *told(void)
{
    const struct message *m = world_event(&w, MESSAGE_VIEWING, viewer->session);
    return m ? &m->viewing : NULL;
}

static bool was_told(enum viewing_state state, enum viewing_reason reason)
{
    return told() && told()->state == state && told()->reason == reason;
}

static void shows(uint32_t track, bool visible)
{
    world_command(&w, (struct message){.type = MESSAGE_VIEW,
                                       .session = viewer->session,
                                       .track = track,
                                       .view = {.visible = visible}});
}

/* 1.7 Mbit/s with the sound; 1 Mbit/s is assumed of a line at first. */
static void picture_above_the_assumed_rate_comes_from_the_start(void)
{
    call(WIDE);
    pass(MP_S(2));
    watch();
    pass(MP_S(5));
    CHECK(came.pictures >= of_pictures(MP_S(5)) - 4 * PACKETS); /* until the key frame */
    CHECK(told() == NULL);
    world_close(&w);
}

static void picture_that_the_line_does_not_bear_is_paused_and_told(void)
{
    call(NARROW);
    pass(MP_S(2));
    watch();
    pass(MP_S(3));
    CHECK(was_told(VIEWING_PAUSED, VIEWING_BANDWIDTH));
    unsigned asked = publisher->pli;
    pass(MP_S(5));
    CHECK_EQ(came.pictures, 0);
    CHECK_EQ(came.sounds, of_sounds(MP_S(5)));
    CHECK_EQ(publisher->pli, asked);
    world_close(&w);
}

static void line_that_becomes_narrow_loses_its_picture_and_keeps_the_sound(void)
{
    call(WIDE);
    watch();
    pass(MP_S(10));
    CHECK(told() == NULL);
    line.bps = NARROW;
    pass(MP_S(4));
    CHECK(was_told(VIEWING_PAUSED, VIEWING_BANDWIDTH));
    pass(MP_S(1));
    CHECK_EQ(came.pictures, 0);
    CHECK_EQ(came.sounds, of_sounds(MP_S(1)));
    world_close(&w);
}

/* 50 kbit/s of sound alone would never show that the line bears 1.6 Mbit/s. */
static void line_that_becomes_wide_again_gets_its_picture_back_within_3_s(void)
{
    call(WIDE);
    watch();
    pass(MP_S(10));
    line.bps = NARROW;
    pass(MP_S(20));
    CHECK(was_told(VIEWING_PAUSED, VIEWING_BANDWIDTH));
    unsigned asked = publisher->pli;
    line.bps = 3000000;
    pass(MP_S(3));
    CHECK(was_told(VIEWING_WHOLE, VIEWING_NO_REASON));
    CHECK(came.pictures > 0);
    CHECK_EQ(publisher->pli, asked + 1);
    pass(MP_S(5));
    CHECK_EQ(came.pictures, of_pictures(MP_S(5)));
    world_close(&w);
}

static void padding_is_sent_while_a_picture_waits_and_costs_a_share_of_what_is_sent(void)
{
    call(NARROW);
    watch();
    pass(MP_S(30));
    unsigned before = came.bytes;
    pass(MP_S(30));
    CHECK(came.padding > 0);
    CHECK_EQ(came.pictures, 0);
    CHECK_EQ(came.sounds, of_sounds(MP_S(30)));
    CHECK(before > 0 && came.bytes * 8 < 60000 * 30); /* of sound: 50 kbit/s */
    shows(1, false);
    pass(MP_S(3));
    pass(MP_S(10));
    CHECK_EQ(came.padding, 0);
    world_close(&w);
}

static void wide_line_that_has_all_it_wants_gets_no_padding(void)
{
    call(WIDE);
    watch();
    pass(MP_S(5));
    pass(MP_S(10));
    CHECK_EQ(came.padding, 0);
    CHECK_EQ(came.pictures, of_pictures(MP_S(10)));
    world_close(&w);
}

/* Neither sound nor pictures come to it: only padding makes it acknowledge anything. */
static void picture_without_sound_comes_back_after_an_outage(void)
{
    call(WIDE);
    does.sound = false;
    watch();
    pass(MP_S(10));
    line.bps = NARROW;
    pass(MP_S(5));
    CHECK(was_told(VIEWING_PAUSED, VIEWING_BANDWIDTH));
    does.answers = false;
    pass(MP_S(10));
    CHECK(came.padding > 0 && came.padding < 200);
    does.answers = true;
    line.bps = WIDE;
    pass(MP_S(6));
    CHECK(was_told(VIEWING_WHOLE, VIEWING_NO_REASON));
    CHECK(came.pictures > 0);
    world_close(&w);
}

static void viewer_that_tells_nothing_gets_everything(void)
{
    call(NARROW);
    does.answers = false;
    watch();
    pass(MP_S(1));
    pass(MP_S(20));
    CHECK_EQ(came.pictures, of_pictures(MP_S(20)));
    CHECK(told() == NULL);
    world_close(&w);
}

/* Its path is lost; that is no reason to pause. */
static void viewer_that_falls_silent_keeps_what_it_had(void)
{
    call(WIDE);
    watch();
    pass(MP_S(5));
    does.answers = false;
    pass(MP_S(10));
    CHECK_EQ(came.pictures, of_pictures(MP_S(10)));
    CHECK(told() == NULL);
    world_close(&w);
}

static void hidden_picture_is_paused_after_2_s_and_comes_back_at_once(void)
{
    call(WIDE);
    watch();
    pass(MP_S(3));
    shows(1, false);
    pass(MP_MS(1800));
    CHECK_EQ(came.pictures, of_pictures(MP_MS(1800)));
    pass(MP_S(1));
    CHECK(was_told(VIEWING_PAUSED, VIEWING_HIDDEN));
    unsigned asked = publisher->pli;
    pass(MP_S(1));
    CHECK_EQ(came.pictures, 0);
    CHECK_EQ(publisher->pli, asked);
    shows(1, true);
    pass(MP_MS(600));
    CHECK(was_told(VIEWING_WHOLE, VIEWING_NO_REASON));
    CHECK(came.pictures >= of_pictures(MP_MS(400)));
    CHECK_EQ(publisher->pli, asked + 1);
    world_close(&w);
}

/* No packet to the viewer starts a timer any more. */
static void hidden_picture_comes_back_without_sound(void)
{
    call(WIDE);
    does.sound = false;
    watch();
    pass(MP_S(3));
    shows(1, false);
    pass(MP_S(5));
    CHECK_EQ(came.sounds, 0);
    shows(1, true);
    pass(MP_MS(600));
    CHECK(came.pictures > 0);
    world_close(&w);
}

static void publisher_that_sends_nothing_is_told_and_not_paused(void)
{
    call(WIDE);
    watch();
    pass(MP_S(3));
    does.picture = false;
    pass(MP_S(2));
    CHECK(told() == NULL);
    pass(MP_S(3));
    CHECK(was_told(VIEWING_PAUSED, VIEWING_PUBLISHER));
    unsigned asked = publisher->pli;
    does.picture = true;
    pass(MP_S(1));
    CHECK_EQ(came.pictures, of_pictures(MP_S(1)));
    CHECK_EQ(publisher->pli, asked);
    CHECK(was_told(VIEWING_WHOLE, VIEWING_NO_REASON));
    world_close(&w);
}

static unsigned news(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < w.event_count; i++)
        n += w.events[i].type == MESSAGE_VIEWING;
    return n;
}

static void news_come_twice_a_second_at_most(void)
{
    call(WIDE);
    watch();
    pass(MP_S(3));
    shows(1, false);
    unsigned before = news();
    while (news() == before)
        pass(FRAME);
    shows(1, true);
    pass(MP_MS(400));
    CHECK_EQ(news(), before + 1);
    pass(MP_MS(240));
    CHECK_EQ(news(), before + 2);
    world_close(&w);
}

static void view_of_a_track_that_is_not_sent_changes_nothing(void)
{
    call(WIDE);
    watch();
    shows(2, false); /* sound */
    shows(7, false);
    pass(MP_S(4));
    CHECK_EQ(came.sounds, of_sounds(MP_S(4)));
    CHECK(told() == NULL);
    world_close(&w);
}

/* --- a session of its own, without a world --- */

static struct sfu core;
static struct session session;
static struct track tracks[2];
static struct subscription subscriptions[2];

static void begin(void)
{
    memset(&core, 0, sizeof core);
    memset(&session, 0, sizeof session);
    memset(tracks, 0, sizeof tracks);
    memset(subscriptions, 0, sizeof subscriptions);
    slab_init(&core.downlink_slab, sizeof(struct downlink));
    slab_init(&core.tile_slab, sizeof(struct tile));
    session.downlink = downlink_new(&core);
    for (uint32_t i = 0; i < 2; i++) {
        tracks[i] = (struct track){.id = 1 + i, .video = i == 0};
        subscriptions[i].track = &tracks[i];
        subscriptions[i].next_of_session = session.subscriptions;
        session.subscriptions = &subscriptions[i];
        session.downlink->allocate_at = MP_S(99);
        viewing_subscribed(&core, &session, &subscriptions[i], MP_S(10));
        CHECK_EQ(session.downlink->allocate_at, 0);
    }
}

static void end(void)
{
    for (uint32_t i = 0; i < 2; i++) {
        session.downlink->allocate_at = MP_S(99);
        viewing_unsubscribed(&core, &session, &subscriptions[i]);
        CHECK(subscriptions[i].tile == NULL && session.downlink->allocate_at == 0);
    }
    downlink_free(&core, session.downlink);
    slab_free(&core.downlink_slab);
    slab_free(&core.tile_slab);
}

static void picture_begins_whole_and_visible_and_a_sound_has_no_tile(void)
{
    begin();
    const struct tile *tile = subscriptions[0].tile;
    CHECK(tile && !subscriptions[1].tile);
    CHECK(tile->since == MP_S(10) && tile->source.visible && tile->source.sent);
    CHECK(tile->told.state == VIEWING_WHOLE);
    session.downlink->estimate.heard = 1; /* of a known line it waits for the allocation */
    viewing_unsubscribed(&core, &session, &subscriptions[0]);
    viewing_subscribed(&core, &session, &subscriptions[0], MP_S(11));
    CHECK(subscriptions[0].tile->since == MP_S(11) && !subscriptions[0].tile->source.sent);
    end();
}

static void view_is_kept_and_asks_for_an_allocation(void)
{
    const struct view shown = {.width = 640, .height = 360, .fps = 15, .visible = true, .pinned = true};
    struct view hidden = shown;
    begin();
    struct allocate_source *source = &subscriptions[0].tile->source;
    session.downlink->allocate_at = MP_S(99);
    viewing_view(&session, 1, &shown, MP_S(20));
    CHECK(source->width == 640 && source->height == 360 && source->most_fps == 15);
    CHECK(source->visible && source->pinned && source->hidden_since == 0);
    CHECK(session.downlink->allocate_at == 0 && downlink_deadline(&session) == MP_S(20));
    hidden.visible = false;
    viewing_view(&session, 1, &hidden, MP_S(21));
    CHECK(!source->visible && source->hidden_since == MP_S(21));
    viewing_view(&session, 1, &hidden, MP_S(22));
    CHECK_EQ(source->hidden_since, MP_S(21)); /* it has been hidden since then */
    viewing_view(&session, 1, &shown, MP_S(23));
    CHECK(source->visible && source->hidden_since == MP_S(21));
    session.downlink->allocate_at = MP_S(99);
    viewing_view(&session, 2, &hidden, MP_S(24)); /* a sound */
    viewing_view(&session, 3, &hidden, MP_S(24));
    CHECK_EQ(session.downlink->allocate_at, MP_S(99));
    end();
}

TEST_MAIN(TEST(picture_above_the_assumed_rate_comes_from_the_start),
          TEST(picture_that_the_line_does_not_bear_is_paused_and_told),
          TEST(line_that_becomes_narrow_loses_its_picture_and_keeps_the_sound),
          TEST(line_that_becomes_wide_again_gets_its_picture_back_within_3_s),
          TEST(padding_is_sent_while_a_picture_waits_and_costs_a_share_of_what_is_sent),
          TEST(wide_line_that_has_all_it_wants_gets_no_padding),
          TEST(picture_without_sound_comes_back_after_an_outage),
          TEST(viewer_that_tells_nothing_gets_everything), TEST(viewer_that_falls_silent_keeps_what_it_had),
          TEST(hidden_picture_is_paused_after_2_s_and_comes_back_at_once),
          TEST(hidden_picture_comes_back_without_sound),
          TEST(publisher_that_sends_nothing_is_told_and_not_paused), TEST(news_come_twice_a_second_at_most),
          TEST(view_of_a_track_that_is_not_sent_changes_nothing),
          TEST(picture_begins_whole_and_visible_and_a_sound_has_no_tile),
          TEST(view_is_kept_and_asks_for_an_allocation))
