/* The estimate of a viewer's line follows the packets sent and the viewer's feedback; the control plane is
 * told of it. */
#include "proto/twcc.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define VIDEO         0x1111
#define OUT           0x9000
#define TRANSPORT_CC  3
#define FRAME         MP_MS(40)
#define PACKETS       8 /* of a frame: 1.6 Mbit/s */
#define REPORTS_AFTER 3 /* frames */

static struct world w;
static struct world_client *publisher, *viewer;
static struct twcc_record record; /* of the viewer */
static mp_time delay;             /* of the viewer's line */
static uint64_t seq;
static uint32_t frame;

static void arrives(struct world_client *c, const uint8_t *data, size_t len)
{
    struct rtp_view v;
    struct bytes ext[EXT_COUNT];
    struct rtp_extension_ids ids = {.id = {[EXT_TRANSPORT_CC] = TRANSPORT_CC}};
    CHECK(rtp_parse(&v, data, len));
    rtp_extensions_read(&v, &ids, ext);
    CHECK_EQ(ext[EXT_TRANSPORT_CC].len, 2);
    twcc_arrived(&record, get16(ext[EXT_TRANSPORT_CC].data), w.now + delay);
}

static void room(void)
{
    memset(&record, 0, sizeof record);
    delay = 0;
    seq = 1;
    frame = 1;
    world_open(&w, 1);
    publisher = world_join(&w, 0);
    viewer = world_join(&w, 0);
    world_connect(&w, publisher);
    world_connect(&w, viewer);
    viewer->on_rtp = arrives;
    world_publish(&w, publisher, 1, CODEC_VP8, VIDEO);
    world_command(&w,
                  (struct message){.type = MESSAGE_SUBSCRIBE,
                                   .session = viewer->session,
                                   .track = 1,
                                   .subscribe = {.codec = CODEC_VP8,
                                                 .payload_type = 96,
                                                 .clock_rate = 90000,
                                                 .ssrc = OUT,
                                                 .mid = "0",
                                                 .extensions = {.id = {[EXT_TRANSPORT_CC] = TRANSPORT_CC}},
                                                 .cname = "cname"}});
}

static void report(void)
{
    uint8_t packet[1200];
    size_t len = twcc_write(&record, packet, sizeof packet, 1, OUT);
    if (len)
        world_send_rtcp(&w, viewer, packet, len);
    world_settle(&w);
}

/* `slower`: so much later than the previous frame each frame arrives. */
static void pass(mp_time span, mp_time slower, bool answered)
{
    for (mp_time end = w.now + span; w.now < end; frame++) {
        for (int i = 1; i <= PACKETS; i++)
            world_send(&w, publisher, CODEC_VP8, VIDEO, seq++, 3600 * frame, frame == 1, i == PACKETS, 1000);
        world_settle(&w);
        world_run(&w, FRAME);
        delay += slower;
        if (answered && frame % REPORTS_AFTER == 0)
            report();
    }
}

static const struct line_state *line(void)
{
    const struct message *m = world_event(&w, MESSAGE_LINE, viewer->session);
    return m ? &m->line : NULL;
}

/* 1.6 Mbit/s and headers, which is more than the 1 Mbit/s that is assumed at first. */
static void line_that_carries_the_stream_is_told_with_its_rate(void)
{
    room();
    pass(MP_S(4), 0, true);
    CHECK(line() != NULL);
    CHECK(line()->bps > 1600000);
    CHECK(line()->acknowledged_bps > 1500000 && line()->acknowledged_bps < 1800000);
    CHECK_EQ(line()->cause, LINE_RISES);
    world_close(&w);
}

/* Each frame comes 10 ms later than the one before: the line carries 4/5 of the stream. */
static void queue_on_the_line_is_told_as_delay(void)
{
    room();
    pass(MP_S(4), 0, true);
    uint32_t before = line()->bps;
    pass(MP_S(2), MP_MS(10), true);
    CHECK(line()->bps < before);
    CHECK_EQ(line()->cause, LINE_DELAY);
    world_close(&w);
}

static void silence_of_the_viewer_is_told(void)
{
    room();
    pass(MP_S(4), 0, true);
    pass(MP_S(2), 0, false);
    CHECK_EQ(line()->cause, LINE_SILENCE);
    world_close(&w);
}

static void viewer_without_feedback_has_no_line(void)
{
    room();
    pass(MP_S(2), 0, false);
    CHECK(line() == NULL);
    world_close(&w);
}

static void feedback_about_packets_that_were_not_sent_changes_nothing(void)
{
    room();
    for (uint16_t i = 0; i < 20; i++)
        twcc_arrived(&record, (uint16_t)(40000 + i), w.now + MP_MS(i));
    report();
    world_run(&w, MP_S(1));
    CHECK(line() == NULL);
    world_close(&w);
}

/* 20 at once, 40 a second. */
static void feedback_over_its_rate_is_dropped(void)
{
    room();
    for (uint16_t i = 0; i < 100; i++) {
        twcc_arrived(&record, i, w.now + MP_US(i));
        report();
    }
    CHECK_EQ(stat_get(&w.stats[0].feedback_in), 20);
    CHECK_EQ(world_drops(&w, DROP_FEEDBACK_RATE), 80);
    world_close(&w);
}

static void remb_counts_without_feedback(void)
{
    static const uint8_t remb[] = {0x8f, 206, 0,   5, 0,    0,    0,    1, 0, 0,    0, 0, 'R',
                                   'E',  'M', 'B', 1, 0x09, 0x86, 0xa0, 0, 0, 0x90, 0}; /* 100,000 << 2 */
    room();
    pass(MP_S(1), 0, false);
    world_send_rtcp(&w, viewer, remb, sizeof remb);
    pass(MP_S(1), 0, false);
    CHECK(line() != NULL);
    CHECK_EQ(line()->bps, 400000);
    CHECK_EQ(line()->cause, LINE_REMB);
    world_close(&w);
}

TEST_MAIN(TEST(line_that_carries_the_stream_is_told_with_its_rate), TEST(queue_on_the_line_is_told_as_delay),
          TEST(silence_of_the_viewer_is_told), TEST(viewer_without_feedback_has_no_line),
          TEST(feedback_about_packets_that_were_not_sent_changes_nothing),
          TEST(feedback_over_its_rate_is_dropped), TEST(remb_counts_without_feedback))
