/* Sounds that are paused while others in their room are louder. */
#include "sfu/core.h"
#include "sfu/session.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"
#include "sfu/track_data.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define AUDIO 0x2222
#define OUT   0x9000

static struct world w;
static struct world_client *publisher, *here, *there, *recorder;
static uint64_t seq;

struct got {
    unsigned count;
    uint16_t last;
    bool gap;
};

static void note(struct world_client *c, const uint8_t *data, size_t len)
{
    struct got *got = c->user;
    uint16_t number = get16(data + 2);
    got->gap |= got->count && number != (uint16_t)(got->last + 1);
    got->last = number;
    got->count++;
}

static struct world_client *watch(unsigned worker, struct got *got, bool every_sound)
{
    struct world_client *c = world_join(&w, worker);
    world_connect(&w, c);
    *got = (struct got){0};
    c->user = got;
    c->on_rtp = note;
    world_command(&w, (struct message){.type = MESSAGE_SUBSCRIBE,
                                       .to = (uint8_t)worker,
                                       .session = c->session,
                                       .track = 1,
                                       .subscribe = {.codec = CODEC_OPUS,
                                                     .payload_type = 111,
                                                     .clock_rate = 48000,
                                                     .every_sound = every_sound,
                                                     .ssrc = OUT,
                                                     .cname = "cname"}});
    world_settle(&w);
    return c;
}

static struct got got_here, got_there, got_recorder;

static void open_room(void)
{
    world_open(&w, 2);
    publisher = world_join(&w, 0);
    world_connect(&w, publisher);
    world_publish(&w, publisher, 1, CODEC_OPUS, AUDIO);
    here = watch(0, &got_here, false);
    there = watch(1, &got_there, false);
    seq = 10;
}

static void sounds(unsigned count)
{
    for (unsigned i = 0; i < count; i++, seq++) {
        world_send(&w, publisher, CODEC_OPUS, AUDIO, seq, (uint32_t)seq * 960, false, false, 80);
        world_run(&w, MP_MS(20));
    }
}

static void quiet(bool is)
{
    world_command(
        &w, (struct message){.type = MESSAGE_QUIET, .session = publisher->session, .track = 1, .quiet = is});
    world_settle(&w);
}

static void quiet_sound_stops_on_all_workers_and_continues_without_a_gap(void)
{
    open_room();
    sounds(3);
    quiet(true);
    unsigned copied = w.told[MESSAGE_MEDIA];
    sounds(50);
    CHECK_EQ(got_here.count, 3);
    CHECK_EQ(got_there.count, 3);
    CHECK_EQ(w.told[MESSAGE_MEDIA], copied); /* not even to the other worker */
    quiet(false);
    sounds(4);
    CHECK_EQ(got_here.count, 7);
    CHECK_EQ(got_there.count, 7);
    CHECK(!got_here.gap && !got_there.gap);
    world_close(&w);
}

static void recorder_gets_quiet_sound(void)
{
    open_room();
    recorder = watch(1, &got_recorder, true);
    sounds(3);
    quiet(true);
    sounds(50);
    CHECK_EQ(got_recorder.count, 53);
    CHECK_EQ(got_there.count, 3);
    CHECK_EQ(got_here.count, 3);
    world_close(&w);
}

static void recorder_that_comes_later_gets_quiet_sound(void)
{
    open_room();
    sounds(3);
    quiet(true);
    sounds(3);
    recorder = watch(1, &got_recorder, true);
    sounds(3);
    CHECK_EQ(got_recorder.count, 3);
    struct got other;
    watch(0, &other, true);
    sounds(3);
    CHECK_EQ(other.count, 3);
    CHECK_EQ(got_here.count, 3);
    CHECK_EQ(got_there.count, 3);
    world_close(&w);
}

static void viewers_that_come_later_wait_for_the_sound(void)
{
    open_room();
    world_command(
        &w, (struct message){.type = MESSAGE_UNSUBSCRIBE, .to = 1, .session = there->session, .track = 1});
    quiet(true);
    struct got got[2];
    watch(0, &got[0], false);
    watch(1, &got[1], false); /* the first on its worker */
    sounds(3);
    CHECK_EQ(got[0].count + got[1].count, 0);
    quiet(false);
    sounds(3);
    CHECK_EQ(got[0].count, 3);
    CHECK_EQ(got[1].count, 3);
    world_close(&w);
}

static void paused_by_its_viewers_line_too_it_stays_paused(void)
{
    open_room();
    sounds(1);
    struct subscription *s = session_find(w.sfu[0], here->session)->subscriptions;
    subscription_pause(w.sfu[0], s, PAUSE_ALLOCATION, w.now);
    quiet(true);
    quiet(false);
    sounds(2);
    CHECK_EQ(got_here.count, 1);
    CHECK_EQ(got_there.count, 3);
    subscription_resume(w.sfu[0], s, PAUSE_ALLOCATION, w.now);
    sounds(2);
    CHECK_EQ(got_here.count, 3);
    CHECK(!got_here.gap);
    world_close(&w);
}

static void unknown_track_is_ignored(void)
{
    open_room();
    world_command(&w, (struct message){
                          .type = MESSAGE_QUIET, .session = publisher->session, .track = 7, .quiet = true});
    sounds(1);
    CHECK_EQ(got_here.count, 1);
    world_close(&w);
}

TEST_MAIN(TEST(quiet_sound_stops_on_all_workers_and_continues_without_a_gap), TEST(recorder_gets_quiet_sound),
          TEST(recorder_that_comes_later_gets_quiet_sound), TEST(viewers_that_come_later_wait_for_the_sound),
          TEST(paused_by_its_viewers_line_too_it_stays_paused), TEST(unknown_track_is_ignored))
