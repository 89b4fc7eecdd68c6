/* Who speaks in a room, by the levels that workers tell. */
#include "signal/state.h"
#include "tests/unit/signal_stage.h"
#include "tests/unit/test.h"
#include <stdlib.h>

#define PEOPLE 4

static struct stage s;
static struct peer *people[PEOPLE], *watcher;

static void open_room(void)
{
    stage_open(&s, 16, NULL);
    for (int i = 0; i < PEOPLE; i++)
        people[i] = peer_call(&s, "one", "call", 0);
    watcher = peer_call(&s, "one", "watch", 1);
    for (int i = 0; i < PEOPLE; i++)
        forget(people[i]);
    forget(watcher);
}

static uint32_t sound_of(const struct peer *p)
{
    for (size_t i = 0; i < s.command_count; i++)
        if (s.commands[i].type == MESSAGE_PUBLISH && s.commands[i].session == peer_session(p) &&
            s.commands[i].publish.codec == CODEC_OPUS)
            return s.commands[i].track;
    return 0;
}

static struct speaker_scores scores_of(int speech)
{
    return speech ? (struct speaker_scores){.interval = {9, 5, (uint8_t)speech}, .loudness = 80}
                  : (struct speaker_scores){0};
}

/* `speech`: tenths of the last second that were loud. */
static void hear(const struct peer *p, int speech)
{
    struct message m = {.type = MESSAGE_LEVELS, .to = TO_CONTROL, .levels = {.count = 1}};
    m.levels.list[0] =
        (struct sound_level){.session = peer_session(p), .track = sound_of(p), .scores = scores_of(speech)};
    stage_tell(&s, &m);
}

/* Until the next decision is made and told. */
static void decide(void)
{
    s.now += SPEAKER_DECIDES + MP_MS(50);
    stage_timeout(&s);
    stage_go_on(&s);
}

static const char *speaker(struct peer *p) { return take_text(p, "speaker", "id"); }

static void room_is_told_who_speaks(void)
{
    open_room();
    hear(people[1], 9);
    hear(people[0], 0);
    decide();
    for (int i = 0; i < PEOPLE; i++)
        CHECK(strcmp(speaker(people[i]), people[1]->id) == 0);
    json_t *told = take(watcher, "speaker");
    CHECK(told && strcmp(json_string_value(json_object_get(told, "id")), people[1]->id) == 0);
    CHECK(told && json_array_size(json_object_get(told, "recent")) == 0);
    hear(people[1], 9);
    decide();
    CHECK_EQ(waiting(watcher, "speaker"), 0); /* nothing has changed */
    stage_close(&s);
}

static void recent_speakers_are_told_the_last_first(void)
{
    open_room();
    static const int order[] = {0, 1, 2, 0};
    for (int i = 0; i < 4; i++) {
        for (int p = 0; p < PEOPLE; p++)
            hear(people[p], p == order[i] ? 9 : 0);
        decide();
        CHECK(i == 3 || strcmp(speaker(watcher), people[order[i]]->id) == 0);
    }
    json_t *told = take(watcher, "speaker"), *recent = json_object_get(told, "recent");
    CHECK(strcmp(json_string_value(json_object_get(told, "id")), people[0]->id) == 0);
    CHECK_EQ(json_array_size(recent), 2);
    CHECK(strcmp(json_string_value(json_array_get(recent, 0)), people[2]->id) == 0);
    CHECK(strcmp(json_string_value(json_array_get(recent, 1)), people[1]->id) == 0);
    stage_close(&s);
}

static void newcomer_learns_the_speaker(void)
{
    open_room();
    struct peer *early = peer_join(&s, "one", "watch");
    CHECK_EQ(waiting(early, "speaker"), 0);
    hear(people[3], 9);
    decide();
    struct peer *late = peer_join(&s, "one", "watch");
    CHECK(strcmp(speaker(late), people[3]->id) == 0);
    stage_close(&s);
}

static void muted_participant_does_not_speak(void)
{
    open_room();
    hear(people[1], 9);
    decide();
    CHECK(strcmp(speaker(watcher), people[1]->id) == 0);
    peer_say(people[1], "mute", "{s:b}", "audio", 1);
    hear(people[1], 9); /* it goes on to send loud packets */
    decide();
    json_t *told = take(watcher, "speaker");
    CHECK(told && !json_object_get(told, "id"));
    CHECK(told && json_array_size(json_object_get(told, "recent")) == 1);
    hear(people[2], 5);
    decide();
    CHECK(strcmp(speaker(watcher), people[2]->id) == 0);
    stage_close(&s);
}

static void speaker_that_leaves_is_forgotten(void)
{
    open_room();
    hear(people[1], 9);
    decide();
    forget(watcher);
    peer_close(people[1]);
    stage_go_on(&s);
    json_t *told = take(watcher, "speaker");
    CHECK(told && !json_object_get(told, "id"));
    CHECK(told && json_array_size(json_object_get(told, "recent")) == 0);
    decide();
    stage_close(&s);
}

static void levels_that_are_not_told_again_do_not_count(void)
{
    open_room();
    hear(people[1], 9);
    decide();
    forget(watcher);
    hear(people[2], 5);
    s.now += MP_S(1); /* the decision is late, and the message that it is silent was lost */
    decide();
    CHECK_EQ(waiting(watcher, "speaker"), 0);
    stage_close(&s);
}

static void unknown_sounds_are_ignored(void)
{
    open_room();
    struct message m = {.type = MESSAGE_LEVELS, .to = TO_CONTROL, .levels = {.count = 2}};
    m.levels.list[0] = (struct sound_level){.session = peer_session(people[0]) + (1 << SESSION_SLOT_BITS),
                                            .track = sound_of(people[0]),
                                            .scores = scores_of(9)};
    m.levels.list[1] = (struct sound_level){
        .session = peer_session(people[0]), .track = sound_of(people[1]), .scores = scores_of(9)};
    stage_tell(&s, &m);
    decide();
    CHECK_EQ(waiting(watcher, "speaker"), 0);
    stage_close(&s);
}

static void other_rooms_are_not_told(void)
{
    open_room();
    struct peer *other = peer_call(&s, "two", "call", 0);
    forget(other);
    hear(people[1], 9);
    decide();
    CHECK_EQ(waiting(watcher, "speaker"), 1);
    CHECK_EQ(waiting(other, "speaker"), 0);
    stage_close(&s);
}

/* --- bounds --- */

static void decision_is_50_ms_after_the_grid(void)
{
    open_room();
    s.now = 100 * SPEAKER_DECIDES + 1;
    hear(people[1], 9);
    hear(people[1], 9);
    s.now = 101 * SPEAKER_DECIDES + MP_MS(50) - 1;
    stage_timeout(&s);
    stage_go_on(&s);
    CHECK_EQ(waiting(watcher, "speaker"), 0);
    s.now += 1;
    stage_timeout(&s);
    stage_go_on(&s);
    CHECK_EQ(waiting(watcher, "speaker"), 1);
    stage_close(&s);
}

static void level_counts_for_less_than_a_second(void)
{
    for (int late = 0; late < 2; late++) {
        open_room();
        hear(people[2], 5);
        s.now += MP_S(1) - 1 + late;
        stage_timeout(&s);
        stage_go_on(&s);
        CHECK_EQ(waiting(watcher, "speaker"), !late);
        stage_close(&s);
    }
}

static void last_speakers_alone_are_recent(void)
{
    struct peer *many[SPEAKERS_RECENT + 3];
    stage_open(&s, 32, NULL);
    for (size_t i = 0; i < SPEAKERS_RECENT + 3; i++)
        many[i] = peer_call(&s, "one", "call", 0);
    watcher = peer_call(&s, "one", "watch", 1);
    for (size_t i = 0; i < SPEAKERS_RECENT + 3; i++) {
        for (size_t p = 0; p < SPEAKERS_RECENT + 3; p++)
            hear(many[p], p == i ? 9 : 0);
        forget(watcher);
        decide();
        json_t *told = take(watcher, "speaker"), *recent = json_object_get(told, "recent");
        size_t before = i < SPEAKERS_RECENT ? i : SPEAKERS_RECENT;
        CHECK_EQ(json_array_size(recent), before);
        for (size_t k = 0; k < before; k++)
            CHECK(strcmp(json_string_value(json_array_get(recent, k)), many[i - 1 - k]->id) == 0);
    }
    forget(watcher);
    peer_say(many[SPEAKERS_RECENT + 2], "mute", "{s:b}", "audio", 1);
    decide();
    json_t *told = take(watcher, "speaker");
    CHECK(told && !json_object_get(told, "id"));
    CHECK_EQ(json_array_size(json_object_get(told, "recent")), SPEAKERS_RECENT);
    stage_close(&s);
}

TEST_MAIN(TEST(room_is_told_who_speaks), TEST(recent_speakers_are_told_the_last_first),
          TEST(newcomer_learns_the_speaker), TEST(muted_participant_does_not_speak),
          TEST(speaker_that_leaves_is_forgotten), TEST(levels_that_are_not_told_again_do_not_count),
          TEST(unknown_sounds_are_ignored), TEST(other_rooms_are_not_told),
          TEST(decision_is_50_ms_after_the_grid), TEST(level_counts_for_less_than_a_second),
          TEST(last_speakers_alone_are_recent))
