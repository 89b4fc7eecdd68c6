/* The worker waits for the rest of a frame if that is about to arrive, at most one millisecond. */
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define VIDEO 0x1111
#define AUDIO 0x2222
#define OUT   0x9000
#define MOST  5

static struct world w;
static struct world_client *publisher, *viewers[MOST];

static void room(unsigned workers, unsigned count)
{
    world_open(&w, workers);
    publisher = world_join(&w, 0);
    world_connect(&w, publisher);
    world_publish(&w, publisher, 1, CODEC_VP8, VIDEO);
    for (unsigned i = 0; i < count; i++) {
        viewers[i] = world_join(&w, workers - 1);
        world_connect(&w, viewers[i]);
        world_subscribe(&w, viewers[i], publisher, 1, CODEC_VP8, OUT + i);
    }
}

static void send(uint64_t index, unsigned frame, bool marker)
{
    world_send(&w, publisher, CODEC_VP8, VIDEO, index, 3000 * frame, frame == 1, marker, 1000);
    world_settle(&w);
}

/* The number of packets that each viewer received. */
static unsigned got(unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        CHECK_EQ(viewers[i]->rtp, viewers[0]->rtp);
    return viewers[0]->rtp;
}

static void rest_of_a_frame_is_waited_for(void)
{
    room(1, 4);
    send(1, 1, true);
    CHECK_EQ(got(4), 1);
    send(2, 2, false);
    send(3, 2, false);
    CHECK_EQ(got(4), 1);
    send(4, 2, true);
    CHECK_EQ(got(4), 4);
    world_close(&w);
}

static void frame_without_its_end_goes_after_a_millisecond(void)
{
    room(1, 4);
    send(1, 1, true);
    send(2, 2, false);
    world_run(&w, MP_US(900));
    CHECK_EQ(got(4), 1);
    world_run(&w, MP_US(200));
    CHECK_EQ(got(4), 2);
    send(4, 2, false); /* one was lost */
    world_run(&w, MP_MS(2));
    CHECK_EQ(got(4), 3);
    world_close(&w);
}

/* With a slow link or a pacing sender, waiting would gain nothing. */
static void packets_go_at_once_that_are(mp_time apart)
{
    uint64_t index = 1;
    room(1, 4);
    for (unsigned frame = 1; frame <= 6; frame++)
        for (int i = 0; i < 3; i++) {
            send(index++, frame, i == 2);
            world_run(&w, apart);
        }
    for (int i = 0; i < 3; i++) {
        unsigned before = got(4);
        send(index++, 7, i == 2);
        CHECK_EQ(got(4), before + 1);
        world_run(&w, apart);
    }
    for (unsigned frame = 8; frame <= 20; frame++) /* and close together again */
        for (int i = 0; i < 3; i++)
            send(index++, frame, i == 2);
    unsigned before = got(4);
    send(index++, 21, false);
    CHECK_EQ(got(4), before);
    world_close(&w);
}

static void packets_far_apart_go_at_once(void)
{
    packets_go_at_once_that_are(MP_MS(5));
    packets_go_at_once_that_are(MP_US(250)); /* the mean is compared with 200 us */
}

static void few_viewers_do_not_wait(void)
{
    room(1, 3);
    send(1, 1, true);
    send(2, 2, false);
    CHECK_EQ(got(3), 2);
    world_close(&w);
}

static void what_comes_late_does_not_wait(void)
{
    room(1, 4);
    send(1, 1, true);
    send(3, 2, true);
    CHECK_EQ(got(4), 2);
    send(2, 2, false);
    CHECK_EQ(got(4), 3);
    world_close(&w);
}

static void long_frame_goes_in_whole_runs(void)
{
    room(1, 4);
    send(1, 1, true);
    for (unsigned i = 0; i < RUN_PACKETS_MAX; i++)
        send(2 + i, 2, false);
    CHECK_EQ(got(4), 1 + RUN_PACKETS_MAX);
    send(2 + RUN_PACKETS_MAX, 2, false);
    CHECK_EQ(got(4), 1 + RUN_PACKETS_MAX);
    world_close(&w);
}

static void sound_does_not_wait(void)
{
    room(1, 4);
    world_publish(&w, publisher, 2, CODEC_OPUS, AUDIO);
    for (unsigned i = 0; i < 4; i++)
        world_subscribe(&w, viewers[i], publisher, 2, CODEC_OPUS, OUT + 100 + i);
    world_send(&w, publisher, CODEC_OPUS, AUDIO, 1, 960, false, false, 100);
    world_settle(&w);
    CHECK_EQ(got(4), 1);
    world_close(&w);
}

static void replicas_wait_for_themselves(void)
{
    room(2, 4);
    send(1, 1, true);
    send(2, 2, false);
    CHECK_EQ(got(4), 1);
    send(3, 2, true);
    CHECK_EQ(got(4), 3);
    world_close(&w);
}

static void who_comes_meanwhile_is_served_too(void)
{
    room(1, 4);
    send(1, 1, true);
    send(2, 2, false);
    viewers[4] = world_join(&w, 0);
    world_connect(&w, viewers[4]);
    world_subscribe(&w, viewers[4], publisher, 1, CODEC_VP8, OUT + 4);
    world_run(&w, MP_MS(2));
    CHECK_EQ(got(4), 2);
    world_send(&w, publisher, CODEC_VP8, VIDEO, 3, 9000, true, false, 1000);
    world_settle(&w);
    CHECK_EQ(viewers[4]->rtp, 0);
    send(4, 3, true);
    CHECK_EQ(got(4), 4);
    CHECK_EQ(viewers[4]->rtp, 2);
    world_close(&w);
}

/* Pools are checked when the world closes. */
static void publisher_and_viewers_may_go_meanwhile(void)
{
    for (int who = 0; who < 2; who++) {
        room(1, 4);
        send(1, 1, true);
        send(2, 2, false);
        if (who == 0)
            world_command(&w, (struct message){.type = MESSAGE_SESSION_CLOSE, .session = publisher->session});
        for (unsigned i = 0; who == 1 && i < 4; i++)
            world_command(&w,
                          (struct message){.type = MESSAGE_SESSION_CLOSE, .session = viewers[i]->session});
        world_settle(&w);
        world_run(&w, MP_MS(5));
        CHECK_EQ(got(4), who == 0 ? 2 : 1);
        world_close(&w);
    }
}

TEST_MAIN(TEST(rest_of_a_frame_is_waited_for), TEST(frame_without_its_end_goes_after_a_millisecond),
          TEST(packets_far_apart_go_at_once), TEST(few_viewers_do_not_wait),
          TEST(what_comes_late_does_not_wait), TEST(long_frame_goes_in_whole_runs), TEST(sound_does_not_wait),
          TEST(replicas_wait_for_themselves), TEST(who_comes_meanwhile_is_served_too),
          TEST(publisher_and_viewers_may_go_meanwhile))
