/* What a publisher of the load generator sends, and when. */
#include "load/source.h"
#include "tests/unit/test.h"

static struct source source;
static uint8_t packet[1500];
static uint16_t twcc;

static void begin(const struct source_config *c)
{
    struct prng prng;
    prng_seed(&prng, 1);
    source_init(&source, c, &prng);
    source_start(&source, MP_S(1));
}

static bool next(mp_time now)
{
    uint64_t index;
    return source_packet(&source, packet, 16, &twcc, now, now, &index) > 0;
}

/* 1.5 Mbit/s in 30 frames a second are 6250 bytes a frame: 5 packets of 1200. */
static const struct source_config video = {.video = true, .mid = '1', .video_bps = 1500000};

static void a_frame_is_one_burst(void)
{
    begin(&video);
    for (int i = 0; i < 5; i++)
        CHECK(next(MP_S(1)));
    CHECK(!next(MP_S(1)));
    CHECK_EQ(source.next, MP_S(1) + MP_S(1) / FRAME_RATE);
}

static void paced_packets_leave_at_equal_intervals_within_the_pace(void)
{
    struct source_config paced = video;
    paced.pace = MP_MS(13);
    begin(&paced);
    for (int i = 0; i < 5; i++) {
        mp_time due = MP_S(1) + MP_MS(13) * i / 5;
        CHECK_EQ(source.next, due);
        CHECK(i == 0 || !next(due - 1));
        CHECK(next(due));
    }
    CHECK_EQ(source.next, MP_S(1) + MP_S(1) / FRAME_RATE); /* the next frame is not later for it */
}

static void sound_is_never_paced(void)
{
    begin(&(struct source_config){.mid = '0', .pace = MP_MS(13)});
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(source.next, MP_S(1) + i * MP_MS(20));
        CHECK(next(source.next));
    }
}

/* The level of the next packet of sound (RFC 6464: the highest bit is V). */
static uint8_t level_at(mp_time now)
{
    static const struct rtp_extension_ids ids = {.id = {[EXT_AUDIO_LEVEL] = SEND_AUDIO_LEVEL}};
    struct rtp_view v;
    struct bytes values[EXT_COUNT];
    uint64_t index;
    source.next = now;
    CHECK(rtp_parse(&v, packet, source_packet(&source, packet, 16, &twcc, now, now, &index)));
    rtp_extensions_read(&v, &ids, values);
    CHECK_EQ(values[EXT_AUDIO_LEVEL].len, 1);
    return *values[EXT_AUDIO_LEVEL].data;
}

static void publishers_speak_in_turn(void)
{
    begin(&(struct source_config){.mid = '0', .client = 1, .turns = 3});
    CHECK_EQ(level_at(TURN_LENGTH - 1), 127);
    uint8_t first = level_at(TURN_LENGTH), second = level_at(TURN_LENGTH + MP_MS(20));
    CHECK(first & 0x80 && second & 0x80 && first != second);
    CHECK_EQ(level_at(2 * TURN_LENGTH), 127);
    CHECK(level_at(4 * TURN_LENGTH) & 0x80);
    begin(&(struct source_config){.mid = '0', .client = 1});
    CHECK_EQ(level_at(2 * TURN_LENGTH), 0x80 | 40);
}

TEST_MAIN(TEST(a_frame_is_one_burst), TEST(paced_packets_leave_at_equal_intervals_within_the_pace),
          TEST(sound_is_never_paced), TEST(publishers_speak_in_turn))
