/* Which sounds of a large room flow. */
#include "base/limits.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include <stdlib.h>

#define PEOPLE 15

static struct stage s;
static struct peer *people[PEOPLE];

static void open_room(int count)
{
    stage_open(&s, 64, NULL);
    for (int i = 0; i < count; i++)
        people[i] = peer_call(&s, "one", "call", 0);
}

static uint32_t sound_of(const struct peer *p)
{
    for (size_t i = 0; i < s.command_count; i++)
        if (s.commands[i].type == MESSAGE_PUBLISH && s.commands[i].session == peer_session(p) &&
            s.commands[i].publish.codec == CODEC_OPUS)
            return s.commands[i].track;
    return 0;
}

static bool flows(const struct peer *p)
{
    uint32_t track = sound_of(p);
    for (size_t i = s.command_count; i-- > 0;)
        if (s.commands[i].type == MESSAGE_QUIET && s.commands[i].track == track) {
            CHECK_EQ(s.commands[i].session, peer_session(p));
            return !s.commands[i].quiet;
        }
    return true;
}

static unsigned flowing(int count)
{
    unsigned bits = 0;
    for (int i = 0; i < count; i++)
        bits |= (unsigned)flows(people[i]) << i;
    return bits;
}

static void hear(const struct peer *p, struct sound_level level)
{
    struct message m = {.type = MESSAGE_LEVELS, .to = TO_CONTROL, .levels = {.count = 1}};
    level.session = peer_session(p);
    level.track = sound_of(p);
    m.levels.list[0] = level;
    stage_tell(&s, &m);
}

static void loud(const struct peer *p, uint8_t loudness)
{
    hear(p, (struct sound_level){.scores = {.interval = {loudness / 10, 1, 0}, .loudness = loudness}});
}

static void none(const struct peer *p) { hear(p, (struct sound_level){.none = true}); }

static void decide(void)
{
    s.now += SPEAKER_DECIDES + MP_MS(50);
    stage_timeout(&s);
    stage_go_on(&s);
}

/* The loudness of each participant, told and compared. */
static void levels(const uint8_t *loudness, int count)
{
    for (int i = 0; i < count; i++)
        loud(people[i], loudness[i]);
    decide();
}

static void five_loudest_of_eight_flow(void)
{
    open_room(8);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40, 50}, 8);
    CHECK_EQ(flowing(8), 0xea);
    CHECK_EQ(stage_commands(&s, MESSAGE_QUIET), 3);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40, 50}, 8);
    CHECK_EQ(stage_commands(&s, MESSAGE_QUIET), 3);
    stage_close(&s);
}

static void all_of_seven_flow(void)
{
    open_room(7);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40}, 7);
    CHECK_EQ(stage_commands(&s, MESSAGE_QUIET), 0);
    stage_close(&s);
}

static void all_flow_again_when_the_room_is_small(void)
{
    open_room(8);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40, 50}, 8);
    peer_close(people[1]);
    decide();
    CHECK(flows(people[0]) && flows(people[2]));
    stage_close(&s);
}

static void dominant_speaker_flows_beside_the_loudest(void)
{
    open_room(8);
    hear(people[0], (struct sound_level){.scores = {.interval = {9, 5, 9}, .loudness = 90}});
    decide();
    for (int i = 0; i < 20; i++) /* it pauses; nobody else speaks for long enough */
        levels((uint8_t[]){0, 80, 20, 70, 30, 60, 40, 50}, 8);
    CHECK_EQ(flowing(8), 0xeb);
    stage_close(&s);
}

static void sound_flows_two_seconds_longer(void)
{
    open_room(8);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40, 50}, 8);
    mp_time began = s.now;
    levels((uint8_t[]){10, 80, 60, 70, 30, 60, 25, 50}, 8);
    CHECK_EQ(flowing(8), 0xee); /* the seventh is not among the loudest any more, the third is */
    while (flows(people[6]) && s.now < began + MP_S(9))
        decide();
    CHECK(s.now - began >= MP_S(2) && s.now - began < MP_MS(2800));
    CHECK_EQ(flowing(8), 0xae);
    stage_close(&s);
}

static void at_most_five_flow_longer(void)
{
    open_room(15);
    for (int turn = 0; turn < 3; turn++) {
        uint8_t loudness[15];
        for (int i = 0; i < 15; i++)
            loudness[i] = i / 5 == turn ? 80 : 10;
        levels(loudness, 15);
    }
    CHECK_EQ(flowing(15), 0x7fe0);
    stage_close(&s);
}

static void paused_sound_that_speaks_flows_at_once(void)
{
    open_room(8);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40, 50}, 8);
    CHECK(!flows(people[0]));
    loud(people[0], 90);
    CHECK(!flows(people[0])); /* a decision was made just now */
    s.now += MP_MS(100);
    loud(people[0], 90);
    CHECK(flows(people[0]));
    stage_close(&s);
}

static void muted_sound_is_not_among_the_loudest(void)
{
    open_room(8);
    peer_say(people[1], "mute", "{s:b}", "audio", 1);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40, 50}, 8);
    CHECK_EQ(flowing(8), 0xf8);
    stage_close(&s);
}

static void sound_without_levels_flows(void)
{
    open_room(8);
    none(people[0]);
    for (int i = 1; i < 8; i++)
        loud(people[i], (uint8_t)(10 * i));
    decide();
    CHECK_EQ(flowing(8), 0xf9);
    loud(people[0], 5); /* it has begun to tell levels, and is the most silent one */
    decide();
    CHECK_EQ(flowing(8), 0xf8);
    stage_close(&s);
}

static void sound_of_which_nothing_is_known_flows(void)
{
    open_room(8);
    for (int i = 1; i < 8; i++)
        loud(people[i], (uint8_t)(10 * i));
    decide();
    CHECK_EQ(flowing(8), 0xf9);
    stage_close(&s);
}

/* A call whose sound has these parameters (as long as the usual ones), or comes from this source. */
static struct peer *call_with(const char *fmtp, const char *source)
{
    char *text = golden("chromium-call"), *at = strstr(text, "minptime=10;useinbandfec=1");
    struct peer *p = peer_join(&s, "one", "call");
    memcpy(at, fmtp, strlen(fmtp));
    peer_lines(p, text);
    peer_say(p, "offer", "{s:s, s:{s:s}}", "sdp", text, "sources", "0", source);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 0);
    free(text);
    return p;
}

static void music_and_sound_of_a_screen_flow(void)
{
    open_room(8);
    static const char *const usual = "minptime=10;useinbandfec=1";
    struct peer *music = call_with("stereo=1;sprop-stereo=1;x=", "microphone"),
                *screen = call_with(usual, "screen-audio"), *other = call_with(usual, "microphone"),
                *hears_stereo = call_with("stereo=1;sprop-stereo=0;x=", "microphone");
    loud(music, 5);
    loud(screen, 5);
    loud(other, 5);
    loud(hears_stereo, 5);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40, 50}, 8);
    CHECK(flows(music) && flows(screen));
    CHECK(!flows(other) && !flows(hears_stereo));
    CHECK_EQ(flowing(8), 0xea);
    stage_close(&s);
}

static void twenty_sounds_that_cannot_be_compared_flow(void)
{
    struct peer *all[UNCOMPARED_MAX + 2];
    stage_open(&s, 64, NULL);
    for (int i = 0; i < UNCOMPARED_MAX + 2; i++) {
        all[i] = peer_call(&s, "one", "stream", 0);
        none(all[i]);
    }
    decide();
    for (int i = 0; i < UNCOMPARED_MAX + 2; i++)
        CHECK_EQ(flows(all[i]), i < UNCOMPARED_MAX);
    peer_close(all[0]);
    decide();
    CHECK(flows(all[UNCOMPARED_MAX]) && !flows(all[UNCOMPARED_MAX + 1]));
    stage_close(&s);
}

static void recorder_asks_for_every_sound(void)
{
    open_room(1);
    struct peer *p = peer_open_from(&s, "203.0.113.1");
    peer_say(p, "join-room", "{s:s, s:s, s:s}", "room", "one", "role", "watch", "sounds", "some");
    CHECK(strcmp(take_text(p, "error", "code"), "bad-message") == 0);
    peer_say(p, "join-room", "{s:s, s:s, s:s}", "room", "one", "role", "watch", "sounds", "all");
    peer_line(p, SDP_AUDIO, SDP_RECVONLY);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, 1);
    while (peer_answer(p, NULL))
        ;
    const struct message *m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(p));
    CHECK(m && m->track == sound_of(people[0]) && m->subscribe.every_sound);
    struct peer *usual = peer_call(&s, "one", "watch", 1);
    m = stage_command(&s, MESSAGE_SUBSCRIBE, peer_session(usual));
    CHECK(m && !m->subscribe.every_sound);
    stage_close(&s);
}

static void room_that_becomes_large_is_decided(void)
{
    open_room(7);
    levels((uint8_t[]){10, 80, 20, 70, 30, 60, 40}, 7);
    s.now += MP_S(5);
    peer_join(&s, "one", "watch");
    decide();
    CHECK_EQ(stage_commands(&s, MESSAGE_QUIET), 2); /* all have been silent for long: any five flow */
    stage_close(&s);
}

TEST_MAIN(TEST(five_loudest_of_eight_flow), TEST(all_of_seven_flow), TEST(room_that_becomes_large_is_decided),
          TEST(all_flow_again_when_the_room_is_small), TEST(dominant_speaker_flows_beside_the_loudest),
          TEST(sound_flows_two_seconds_longer), TEST(at_most_five_flow_longer),
          TEST(paused_sound_that_speaks_flows_at_once), TEST(muted_sound_is_not_among_the_loudest),
          TEST(sound_without_levels_flows), TEST(sound_of_which_nothing_is_known_flows),
          TEST(music_and_sound_of_a_screen_flow), TEST(twenty_sounds_that_cannot_be_compared_flow),
          TEST(recorder_asks_for_every_sound))
