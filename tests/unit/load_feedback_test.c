/* The feedback of the load generator's viewers: the server's parser reads from it what arrived. */
#include "load/feedback.h"
#include "load/source.h"
#include "proto/rtcp.h"
#include "tests/unit/test.h"

#define SENDER 0x11111111u
#define MEDIA  0x22222222u

struct told {
    unsigned count, received;
    int64_t arrival[64]; /* in units of 250 us */
    bool came[64];
};

static void note(void *context, uint16_t seq, bool received, int64_t arrival)
{
    struct told *t = context;
    t->arrival[t->count] = arrival;
    t->came[t->count++] = received;
    t->received += received;
}

/* A packet as the server writes it; the bytes behind the header are encrypted, so they may be anything. */
static size_t packet(uint8_t *out, uint16_t number, bool padded)
{
    static const struct rtp_extension_ids ids = {
        .id = {[EXT_MID] = SEND_MID, [EXT_TRANSPORT_CC] = SEND_TRANSPORT_CC}};
    uint8_t value[2];
    put16(value, number);
    struct bytes values[EXT_COUNT] = {[EXT_MID] = {(const uint8_t *)"0", 1}, [EXT_TRANSPORT_CC] = {value, 2}};
    size_t n =
        rtp_write(out, &(struct rtp_header){.padding = padded, .payload_type = VIDEO_TYPE, .ssrc = MEDIA});
    n += rtp_write_extensions(out, &ids, values);
    memset(out + n, 0, 40);
    return n + 40;
}

static void will_arrive(struct feedback *f, uint16_t number, mp_time at, mp_time now)
{
    uint8_t data[128];
    size_t len = packet(data, number, number % 2);
    feedback_packet(f, data, len, at, now);
}

static void arrives(struct feedback *f, uint16_t number, mp_time now) { will_arrive(f, number, now, now); }

static bool read_feedback_at(struct feedback *f, struct told *t, mp_time now)
{
    uint8_t out[1200];
    struct rtcp_view v;
    struct twcc_feedback head;
    size_t at = 0, len = feedback_write(f, out, sizeof out, SENDER, now);
    *t = (struct told){0};
    if (!len || !rtcp_next(&v, out, len, &at))
        return false;
    CHECK_EQ(v.type, RTCP_RTPFB);
    CHECK_EQ(v.count, RTPFB_TWCC);
    CHECK_EQ(v.ssrc, SENDER);
    CHECK_EQ(get32(v.body.data + 4), MEDIA);
    return twcc_parse((struct bytes){v.body.data + 8, v.body.len - 8}, &head, note, t);
}

static bool read_feedback(struct feedback *f, struct told *t) { return read_feedback_at(f, t, MP_S(1000)); }

static void tells_arrivals_and_losses(void)
{
    static struct feedback f;
    struct told t;
    f = (struct feedback){0};
    arrives(&f, 100, MP_S(64));
    arrives(&f, 101, MP_S(64) + MP_MS(5));
    arrives(&f, 103, MP_S(64) + MP_MS(6)); /* 102 was lost */
    CHECK(read_feedback(&f, &t));
    CHECK_EQ(t.count, 4);
    CHECK_EQ(t.received, 3);
    CHECK(t.came[0] && t.came[1] && !t.came[2] && t.came[3]);
    CHECK_EQ(t.arrival[1] - t.arrival[0], 20);
    CHECK_EQ(t.arrival[3] - t.arrival[1], 4);
    CHECK(!read_feedback(&f, &t)); /* each arrival is told once */
}

static void a_packet_without_number_is_no_arrival(void)
{
    static struct feedback f;
    struct told t;
    uint8_t data[64] = {0};
    f = (struct feedback){0};
    size_t len = rtp_write(data, &(struct rtp_header){.payload_type = VIDEO_TYPE, .ssrc = MEDIA});
    feedback_packet(&f, data, len + 40, MP_S(1), MP_S(1));
    feedback_packet(&f, data, 5, MP_S(1), MP_S(1)); /* cut off */
    CHECK(!read_feedback(&f, &t));
}

static void an_arrival_is_told_once_it_has_come(void)
{
    static struct feedback f;
    struct told t;
    f = (struct feedback){0};
    for (int i = 0; i < 4; i++)
        will_arrive(&f, (uint16_t)(7 + i), MP_S(64) + MP_MS(10) * i, MP_S(64));
    CHECK(read_feedback_at(&f, &t, MP_S(64) + MP_MS(20)));
    CHECK_EQ(t.count, 3);
    CHECK_EQ(t.arrival[2] - t.arrival[0], 80);
    CHECK(!read_feedback_at(&f, &t, MP_S(64) + MP_MS(30) - 1));
    CHECK(read_feedback_at(&f, &t, MP_S(64) + MP_MS(30)));
    CHECK_EQ(t.count, 1);
}

static void more_arrivals_than_fit_are_told_early(void)
{
    static struct feedback f;
    struct told t;
    f = (struct feedback){0};
    for (int i = 0; i < FEEDBACK_LATER + 3; i++)
        will_arrive(&f, (uint16_t)i, MP_S(64) + MP_MS(1) * i, MP_S(1));
    CHECK(read_feedback_at(&f, &t, MP_S(1)));
    CHECK_EQ(t.count, 4);
    CHECK_EQ(t.received, 4);
}

TEST_MAIN(TEST(tells_arrivals_and_losses), TEST(a_packet_without_number_is_no_arrival),
          TEST(an_arrival_is_told_once_it_has_come), TEST(more_arrivals_than_fit_are_told_early))
