/* A worker tells the control plane the levels of the sounds that its clients publish. */
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define AUDIO 0x2222
#define LOUD  0x80 | 20
#define QUIET 0x80 | 90
#define NONE  -1

static struct world w;
static struct world_client *publisher;
static uint64_t seq;

static void open_call(void)
{
    world_open(&w, 1);
    publisher = world_join(&w, 0);
    world_connect(&w, publisher);
    world_publish(&w, publisher, 1, CODEC_OPUS, AUDIO);
    world_run(&w, SPEAKER_DECIDES);
    w.event_count = 0;
    seq = 1;
}

/* So many packets of 20 ms; a level of 80 dB below between two words. */
static void sounds_of(uint32_t ssrc, int level, unsigned count, size_t size)
{
    static const uint8_t frame[100];
    for (unsigned i = 0; i < count; i++, seq++) {
        uint8_t value = (uint8_t)(seq % 10 < 8 ? level : QUIET);
        struct world_rtp r = {CODEC_OPUS, ssrc,          (uint32_t)seq * 960, seq, false,
                              false,      {frame, size}, {{NULL, 0}},         0};
        if (level != NONE)
            r.values[EXT_AUDIO_LEVEL] = (struct bytes){&value, 1};
        world_send_rtp(&w, publisher, &r);
        world_run(&w, MP_MS(20));
    }
}

static void sounds(int level, unsigned count) { sounds_of(AUDIO, level, count, sizeof(uint8_t[100])); }

static unsigned told(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < w.event_count; i++)
        n += w.events[i].type == MESSAGE_LEVELS ? w.events[i].levels.count : 0;
    return n;
}

static const struct sound_level *last(void)
{
    for (size_t i = w.event_count; i-- > 0;)
        if (w.events[i].type == MESSAGE_LEVELS)
            return &w.events[i].levels.list[w.events[i].levels.count - 1];
    return NULL;
}

static void loud_sound_is_told_every_300_ms(void)
{
    open_call();
    sounds(QUIET, 50);
    w.event_count = 0;
    sounds(LOUD, 90);
    CHECK_EQ(told(), 6); /* in 1.8 s */
    CHECK(last() && last()->session == publisher->session && last()->track == 1 && !last()->none);
    CHECK(last() && !speaker_is_silent(&last()->scores) && last()->scores.interval[SPEAKER_LONG] > 0);
    world_close(&w);
}

static void silent_sound_is_told_once(void)
{
    open_call();
    sounds(QUIET, 150);
    CHECK_EQ(told(), 1);
    CHECK(last() && speaker_is_silent(&last()->scores) && !last()->none);
    world_close(&w);
}

static void sound_that_stops_is_told_once_more(void)
{
    open_call();
    sounds(QUIET, 20);
    sounds(LOUD, 50);
    world_run(&w, MP_S(3));
    CHECK(last() && speaker_is_silent(&last()->scores));
    w.event_count = 0;
    world_run(&w, MP_S(3));
    CHECK_EQ(told(), 0);
    world_close(&w);
}

/* A liar: the same level for ever, or loud packets without a frame. */
static void level_that_does_not_vary_is_silent(void)
{
    open_call();
    static const uint8_t frame[100];
    uint8_t level = 0x80;
    for (unsigned i = 0; i < 200; i++, seq++) {
        struct world_rtp r = {CODEC_OPUS, AUDIO,        (uint32_t)seq * 960, seq, false,
                              false,      {frame, 100}, {{NULL, 0}},         0};
        r.values[EXT_AUDIO_LEVEL] = (struct bytes){&level, 1};
        world_send_rtp(&w, publisher, &r);
        world_run(&w, MP_MS(20));
    }
    CHECK_EQ(told(), 1);
    CHECK(last() && speaker_is_silent(&last()->scores));
    sounds_of(AUDIO, LOUD, 100, 1);
    CHECK_EQ(told(), 1);
    world_close(&w);
}

static void sound_without_levels_is_told_once(void)
{
    open_call();
    sounds(NONE, 49);
    world_run(&w, SPEAKER_DECIDES);
    CHECK_EQ(told(), 0);
    sounds(NONE, 100);
    CHECK_EQ(told(), 1);
    CHECK(last() && last()->none);
    sounds(QUIET, 30); /* it has begun to tell them */
    CHECK_EQ(told(), 2);
    CHECK(last() && !last()->none);
    world_close(&w);
}

static void message_holds_several_sounds(void)
{
    open_call();
    for (uint32_t t = 2; t <= 12; t++) {
        publisher = world_join(&w, 0);
        world_connect(&w, publisher);
        world_publish(&w, publisher, t, CODEC_OPUS, AUDIO + t);
    }
    world_run(&w, SPEAKER_DECIDES);
    w.event_count = 0;
    for (uint32_t t = 2; t <= 12; t++)
        world_send(&w, &w.clients[t - 1], CODEC_OPUS, AUDIO + t, 1, 0, false, false, 80);
    world_run(&w, SPEAKER_DECIDES);
    CHECK_EQ(w.event_count, 2);
    CHECK_EQ(w.events[0].levels.count, SOUND_LEVELS_MAX);
    CHECK_EQ(told(), 11);
    world_close(&w);
}

static void track_that_ends_is_not_told(void)
{
    open_call();
    sounds(QUIET, 20);
    sounds(LOUD, 20);
    w.event_count = 0;
    world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = publisher->session, .track = 1});
    world_run(&w, MP_S(1));
    CHECK_EQ(told(), 0);
    world_close(&w);
}

static void quiet_sound_is_told_when_it_begins_to_speak(void)
{
    open_call();
    sounds(QUIET, 50);
    world_command(&w, (struct message){
                          .type = MESSAGE_QUIET, .session = publisher->session, .track = 1, .quiet = true});
    while (w.now % SPEAKER_DECIDES >= MP_MS(40)) /* the next point of the grid is far away */
        sounds(QUIET, 1);
    w.event_count = 0;
    seq = seq / 10 * 10 + 10;
    sounds(LOUD, 3);
    CHECK_EQ(told(), 1);
    CHECK(last() && last()->scores.interval[SPEAKER_IMMEDIATE] > 7 && last()->scores.loudness > 40);
    for (int i = 0; i < 20; i++) /* as often as it likes: once in 200 ms, and on the grid */
        sounds(i % 2 ? LOUD : QUIET, 1);
    CHECK(told() <= 5);
    world_close(&w);
}

TEST_MAIN(TEST(loud_sound_is_told_every_300_ms), TEST(silent_sound_is_told_once),
          TEST(sound_that_stops_is_told_once_more), TEST(level_that_does_not_vary_is_silent),
          TEST(sound_without_levels_is_told_once), TEST(message_holds_several_sounds),
          TEST(track_that_ends_is_not_told), TEST(quiet_sound_is_told_when_it_begins_to_speak))
