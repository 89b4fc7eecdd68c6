/* The estimate of a viewer's line follows the packets sent and the viewer's feedback; the control plane is
 * told of it. */
#include "sfu/downlink.h"
#include "proto/rtcp.h"
#include "proto/twcc.h"
#include "sfu/core.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"
#include "sfu/touched.h"
#include "tests/unit/exact.h"
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

/* --- a session of its own, without a world --- */

static struct sfu core;
static struct stats stats;
static struct session session;
static struct downlink *d;
static mp_time now;

static void begin(void)
{
    memset(&core, 0, sizeof core);
    memset(&stats, 0, sizeof stats);
    memset(&session, 0, sizeof session);
    core.config.stats = &stats;
    slab_init(&core.downlink_slab, sizeof(struct downlink));
    CHECK(outbox_init(&core));
    session.downlink = d = downlink_new(&core);
    session.id = 7;
    now = MP_S(10);
}

static void end(void)
{
    downlink_free(&core, session.downlink);
    downlink_free(&core, NULL);
    slab_free(&core.downlink_slab);
    outbox_free(&core);
}

static const struct line_state *emitted(void)
{
    static struct message m;
    return sfu_emit(&core, &m) && m.type == MESSAGE_LINE && m.session == 7 ? &m.line : NULL;
}

static void sent(unsigned count, bool numbered, bool retransmission)
{
    static uint16_t first;
    downlink_sent(&core, &session,
                  &(struct downlink_run){.first = first,
                                         .count = count,
                                         .size = 1000,
                                         .last = 300,
                                         .numbered = numbered,
                                         .retransmission = retransmission},
                  now);
    first = (uint16_t)(first + count);
}

static void tick(mp_time after)
{
    now += after;
    d->tick_at = now;
    CHECK(downlink_timeout(&core, &session, now));
}

static void new_line_is_bounded_by_1_gbit_and_has_no_timer(void)
{
    begin();
    CHECK_EQ(downlink_deadline(&session), MP_NEVER);
    estimate_probed(&d->estimate, UINT32_MAX);
    CHECK(d->estimate.aimd.bps == 1000000000);
    session.downlink = NULL;
    CHECK_EQ(downlink_deadline(&session), MP_NEVER);
    CHECK(!downlink_timeout(&core, &session, now));
    downlink_report(&session, 255, now);
    downlink_remb(&session, 1);
    session.downlink = d;
    end();
}

static void bytes_of_a_run_count_its_last_packet_apart(void)
{
    begin();
    sent(3, true, false);
    CHECK(d->estimate.sent_bytes == 2300 && d->rtx_bytes == 0);
    CHECK_EQ(d->estimate.runs.ring[0].flags, 0);
    sent(2, true, true);
    CHECK(d->estimate.sent_bytes == 3600 && d->rtx_bytes == 1300);
    CHECK_EQ(d->estimate.runs.ring[1].flags, RUN_RTX);
    CHECK_EQ(d->estimate.runs.end, 2);
    sent(3, false, true);
    CHECK(d->estimate.sent_bytes == 5900 && d->rtx_bytes == 3600);
    CHECK_EQ(d->estimate.runs.end, 2);
    end();
}

static void first_packet_starts_the_timer(void)
{
    begin();
    now += 1;
    sent(1, true, false);
    CHECK_EQ(downlink_deadline(&session), MP_S(10) + MP_MS(150)); /* on the grid */
    CHECK(core.touched == &session);
    touched_remove(&session);
    now += MP_MS(20);
    sent(1, true, false);
    CHECK_EQ(downlink_deadline(&session), MP_S(10) + MP_MS(150));
    CHECK(core.touched == NULL);
    now = MP_S(10) + MP_MS(150);
    CHECK(!downlink_timeout(&core, &session, now - 1));
    CHECK(downlink_timeout(&core, &session, now));
    CHECK_EQ(downlink_deadline(&session), now + MP_MS(100)); /* packets were sent */
    d->estimate.unanswered = 0;
    tick(MP_MS(100));
    CHECK_EQ(downlink_deadline(&session), MP_NEVER);
    d->estimate.unanswered = now; /* feedback is expected */
    tick(MP_MS(100));
    CHECK_EQ(downlink_deadline(&session), now + MP_MS(100));
    d->estimate.unanswered = 0;
    sent(1, false, false);
    tick(MP_MS(100));
    CHECK_EQ(downlink_deadline(&session), now + MP_MS(100));
    downlink_wake(&session, now + MP_MS(200));
    CHECK_EQ(downlink_deadline(&session), now + MP_MS(100));
    downlink_wake(&session, now + 1);
    CHECK_EQ(downlink_deadline(&session), now + MP_MS(50));
    end();
}

/* 1250 bytes in a tick of 100 ms are 100 kbit/s. */
static void retransmissions_are_a_mean_of_ten_ticks(void)
{
    begin();
    d->rtx_bytes = 1250;
    tick(MP_MS(100));
    CHECK(d->rtx_bps == 10000 && d->rtx_bytes == 0);
    d->rtx_bytes = 1250;
    tick(MP_MS(100));
    CHECK_EQ(d->rtx_bps, 19000);
    tick(MP_MS(100));
    CHECK_EQ(d->rtx_bps, 17100);
    end();
}

static void line_is_told_each_half_second_if_it_changed_by_a_tenth(void)
{
    begin();
    d->heard = true;
    tick(MP_MS(100));
    const struct line_state *line = emitted();
    CHECK(line && line->bps == 1000000 && line->cause == LINE_START);
    d->estimate.aimd.bps = 1100000; /* a tenth, and no more */
    tick(MP_S(1));
    CHECK(!emitted());
    d->estimate.aimd.bps = 1200000;
    d->told_at = now;
    tick(MP_MS(500) - 1);
    CHECK(!emitted());
    tick(1);
    line = emitted();
    CHECK(line && line->bps == 1200000);
    CHECK_EQ(d->told_at, now);
    d->estimate.aimd.bps = 1080000;
    tick(MP_S(1));
    CHECK(!emitted());
    d->estimate.aimd.bps = 1000000;
    tick(MP_S(1));
    line = emitted();
    CHECK(line && line->bps == 1000000);
    d->estimate.cause = ESTIMATE_BACKLOG;
    tick(MP_S(1));
    line = emitted();
    CHECK(line && line->cause == LINE_QUEUE);
    d->heard = false;
    d->estimate.aimd.bps = 2000000;
    tick(MP_S(1));
    CHECK(!emitted());
    end();
}

static void fall_because_of_congestion_is_remembered(void)
{
    static const struct {
        enum estimate_cause cause;
        bool congested;
    } causes[] = {{ESTIMATE_START, false}, {ESTIMATE_RISES, false}, {ESTIMATE_DELAY, true},
                  {ESTIMATE_LOSS, true},   {ESTIMATE_QUEUE, true},  {ESTIMATE_BACKLOG, true}};
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        begin();
        tick(MP_MS(100));
        d->estimate.aimd.bps = 500000;
        d->estimate.cause = causes[i].cause;
        d->allocate_at = now + MP_S(9);
        tick(MP_MS(100));
        CHECK_EQ(d->fell, causes[i].congested);
        CHECK_EQ(d->allocate_at, 0);
        d->fell = false;
        d->estimate.aimd.bps = 1000000; /* a rise, of whatever cause */
        tick(MP_MS(100));
        CHECK(!d->fell);
        d->allocate_at = now + MP_S(9);
        tick(MP_MS(100)); /* nothing is published */
        CHECK(d->allocate_at > now && !d->fell);
        d->estimate.cause = ESTIMATE_BACKLOG; /* published, at the same rate */
        tick(MP_MS(100));
        CHECK(!d->fell);
        end();
    }
}

static void report_of_loss_lowers_the_estimate(void)
{
    begin();
    session.rtt = MP_MS(50);
    downlink_report(&session, 128, now);
    CHECK(d->estimate.aimd.bps == 750000 && d->estimate.rtt == MP_MS(50));
    end();
}

static void feedback_body(const uint8_t *data, size_t len)
{
    downlink_feedback(&core, &session, &(struct rtcp_view){.body = {data, len}}, now);
}

static void malformed_feedback_is_counted(void)
{
    /* SSRCs; base 0, one status, time 0, count 0; a run of one small delta; 1 ms */
    static const uint8_t body[] = {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x20, 1, 4, 0};
    begin();
    feedback_body(body, 7);
    CHECK_EQ(stat_get(&stats.feedback_in), 0);
    feedback_body(body, 8);
    CHECK_EQ(stat_get(&stats.feedback_in), 1);
    CHECK_EQ(stat_get(&stats.drops[DROP_RTCP_MALFORMED]), 1);
    feedback_body(body, sizeof body - 2); /* the time is missing */
    CHECK_EQ(stat_get(&stats.drops[DROP_RTCP_MALFORMED]), 2);
    d->tick_at = MP_NEVER;
    feedback_body(exact(body, sizeof body), sizeof body);
    CHECK_EQ(stat_get(&stats.drops[DROP_RTCP_MALFORMED]), 2);
    CHECK_EQ(stat_get(&stats.feedback_in), 3);
    CHECK_EQ(downlink_deadline(&session), now);
    CHECK_EQ(d->estimate.runs.unknown, 1);
    session.downlink = NULL;
    feedback_body(body, 8);
    session.downlink = d;
    CHECK_EQ(stat_get(&stats.feedback_in), 3);
    end();
}

TEST_MAIN(TEST(line_that_carries_the_stream_is_told_with_its_rate), TEST(queue_on_the_line_is_told_as_delay),
          TEST(silence_of_the_viewer_is_told), TEST(viewer_without_feedback_has_no_line),
          TEST(feedback_about_packets_that_were_not_sent_changes_nothing),
          TEST(feedback_over_its_rate_is_dropped), TEST(remb_counts_without_feedback),
          TEST(new_line_is_bounded_by_1_gbit_and_has_no_timer),
          TEST(bytes_of_a_run_count_its_last_packet_apart), TEST(first_packet_starts_the_timer),
          TEST(retransmissions_are_a_mean_of_ten_ticks),
          TEST(line_is_told_each_half_second_if_it_changed_by_a_tenth),
          TEST(fall_because_of_congestion_is_remembered), TEST(report_of_loss_lowers_the_estimate),
          TEST(malformed_feedback_is_counted))
