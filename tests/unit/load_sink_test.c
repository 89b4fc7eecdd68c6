/* How a viewer of the load generator counts and reports what it receives. */
#include "load/sink.h"
#include "proto/rtcp.h"
#include "tests/unit/test.h"

#define MEDIA 0x22222222u

static struct sink sink;

static size_t packet(uint8_t *out, uint16_t seq)
{
    size_t n = rtp_write(out, &(struct rtp_header){.payload_type = VIDEO_TYPE, .seq = seq, .ssrc = MEDIA});
    memset(out + n, 0, 40);
    return n + 40;
}

static void receive(uint16_t seq)
{
    uint8_t data[128];
    size_t len = packet(data, seq);
    if (sink_packet(&sink, data, len) == SINK_SAMPLE_IT)
        sink_plain(&sink, data, len, NULL, MP_S(1));
}

static struct rtcp_report report_at(mp_time now)
{
    uint8_t out[256];
    struct rtcp_view v;
    struct rtcp_report r = {0};
    size_t at = 0, len = sink_report(&sink, out, sizeof out, 1, now);
    CHECK(rtcp_next(&v, out, len, &at) && v.type == RTCP_RR && rtcp_report(&v, 0, &r));
    return r;
}

static void a_report_repeats_the_last_sender_report_and_its_age(void)
{
    sink_init(&sink, 1);
    receive(10);
    struct rtcp_report before = report_at(MP_S(5));
    CHECK_EQ(before.lsr, 0);
    CHECK_EQ(before.dlsr, 0);
    sink_sender_report(&sink, MEDIA, 0x1111222233334444ull, MP_S(5));
    sink_sender_report(&sink, MEDIA + 1, 0x5555666677778888ull, MP_S(5)); /* of no stream */
    struct rtcp_report r = report_at(MP_S(5) + MP_MS(500));
    CHECK_EQ(r.ssrc, MEDIA);
    CHECK_EQ(r.lsr, 0x22223333);
    CHECK_EQ(r.dlsr, 32768);
    sink_free(&sink);
}

static void a_report_tells_the_loss_since_the_last_one(void)
{
    sink_init(&sink, 1);
    receive(10);
    receive(11);
    receive(14);
    struct rtcp_report r = report_at(MP_S(1));
    CHECK_EQ(r.lost, 2);
    CHECK_EQ(r.fraction_lost, 2 * 255 / 5);
    receive(15);
    CHECK_EQ(report_at(MP_S(2)).fraction_lost, 0);
    sink_free(&sink);
}

static void reports_take_turns_where_streams_are_many(void)
{
    uint8_t data[128], out[1200];
    unsigned told[LOAD_STREAMS_MAX] = {0};
    sink_init(&sink, 1);
    for (uint32_t i = 0; i < LOAD_STREAMS_MAX + 1; i++) { /* one too many */
        size_t len = packet(data, 10);
        put32(data + 8, 1000 + i);
        bool taken = sink_packet(&sink, data, len) == SINK_SAMPLE_IT;
        CHECK_EQ(taken, i < LOAD_STREAMS_MAX);
        if (taken)
            sink_plain(&sink, data, len, NULL, MP_S(1));
    }
    for (int round = 0; round < 5; round++) {
        struct rtcp_view v;
        struct rtcp_report r;
        size_t at = 0, len = sink_report(&sink, out, sizeof out, 1, MP_S(2));
        CHECK(rtcp_next(&v, out, len, &at));
        for (size_t i = 0; rtcp_report(&v, i, &r); i++)
            told[r.ssrc - 1000]++;
    }
    for (unsigned i = 0; i < LOAD_STREAMS_MAX; i++)
        CHECK_EQ(told[i], 1 + (i < 5 * 31 - LOAD_STREAMS_MAX));
    sink_free(&sink);
}

TEST_MAIN(TEST(a_report_repeats_the_last_sender_report_and_its_age),
          TEST(a_report_tells_the_loss_since_the_last_one), TEST(reports_take_turns_where_streams_are_many))
