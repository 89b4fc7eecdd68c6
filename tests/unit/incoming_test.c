/* One received stream: its numbers, which packets it accepts, and its report. */
#include "sfu/incoming.h"
#include "sfu/track.h"
#include "tests/unit/test.h"

#define SSRC   0x1111
#define OTHER  0x2222
#define GAP    3000 /* RFC 3550 A.1: MAX_DROPOUT */
#define WINDOW 1024

static struct track track;
static struct incoming in;
static struct packet packet; /* the last */

static void begin(bool video)
{
    track = (struct track){.video = video};
    in = (struct incoming){
        .track = &track,
        .stream = {.clock_rate = video ? 90000 : 48000, .nack = true, .rtx_payload_type = 97}};
}

/* Receives number `seq` of the source `ssrc`; its timestamp is that of `at`, when it also arrives. */
static bool from(uint32_t ssrc, int64_t seq, bool keyframe, bool recovered, mp_time at)
{
    packet = (struct packet){.arrival = at + MP_MS(5),
                             .media = {.seq = seq,
                                       .keyframe = keyframe,
                                       .timestamp = (uint32_t)(at / MP_MS(1) * in.stream.clock_rate / 1000)}};
    return incoming_receive(&in, &packet, ssrc, recovered, at);
}

static bool came(int64_t seq) { return from(SSRC, seq, false, false, MP_S(1)); }

static bool came_again(int64_t seq, mp_time now) { return from(SSRC, seq, false, true, now); }

/* The number that the last packet has for viewers. */
static int64_t number(void) { return packet.media.seq; }

static void each_number_is_taken_once_inside_the_window(void)
{
    begin(true);
    CHECK(came(5000) && number() == 5000);
    CHECK(!came(5000) && !came(4999)); /* before the beginning there was nothing */
    CHECK(came(5002) && came(5001) && !came(5001) && !came(5002));
    CHECK(came(5002 + WINDOW) && came(5003) && !came(5003)); /* 5002 + 1024 has the place of 5002 */
    CHECK(!came(5002));                                      /* too old to be told from a duplicate */
    CHECK(came(8000));                                       /* all numbers leave the window */
    for (int64_t seq = 8000 - WINDOW + 1; seq < 8000; seq++)
        CHECK(came(seq) && !came(seq));
    CHECK(!came(8000 - WINDOW) && !came(8000));
    CHECK_EQ(in.received, 6 + WINDOW - 1);
}

static void places_of_the_window_are_free_again_when_it_moves(void)
{
    begin(true);
    for (int64_t seq = 100; seq < 100 + WINDOW; seq++)
        CHECK(came(seq));
    CHECK(came(100 + WINDOW + 9)); /* ten places move; nine of them are free */
    for (int64_t seq = 100 + WINDOW; seq < 100 + WINDOW + 9; seq++)
        CHECK(came(seq) && !came(seq));
    CHECK(came(100 + 2 * WINDOW + 8)); /* by one less than the window */
    CHECK(came(100 + WINDOW + 10) && !came(100 + WINDOW + 9));
}

static void a_gap_is_asked_for_and_a_jump_is_another_source(void)
{
    begin(true);
    came(10);
    CHECK(in.nack.count == 0 && came(11) && in.nack.count == 0);
    CHECK(came(13) && in.nack.count == 1 && in.nack.missing[0].seq == 12);
    CHECK(came(13 + GAP) && number() == 13 + GAP); /* loss, however much */
    CHECK(in.nack.overflow && in.nack.count == 0);
    in.nack.overflow = false;
    /* one more: no loss. The number between says that a key frame was missed */
    CHECK(came(13 + 2 * GAP + 1));
    CHECK_EQ(number(), 13 + GAP + 2);
    CHECK(in.nack.overflow && in.nack.count == 1 && in.nack.missing[0].seq == 13 + GAP + 1);
    CHECK(came(13 + 2 * GAP + 3)); /* and goes on from there */
    CHECK_EQ(number(), 13 + GAP + 4);
    CHECK(!came(13 + 2 * GAP)); /* before the jump: of the source before */
    in.stream.nack = false;
    CHECK(in.nack.count == 2 && came(13 + 2 * GAP + 9) && in.nack.count == 2);
}

static void another_source_goes_on_in_numbers_and_time(void)
{
    for (int whole = 0; whole < 3; whole++) { /* a picture built on others, a key frame, sound */
        begin(whole < 2);
        CHECK(from(SSRC, 70000, true, false, MP_S(1)));
        uint32_t rate = in.stream.clock_rate, last = packet.media.timestamp;
        CHECK_EQ(last, rate);
        CHECK(from(SSRC, 70002, false, false, MP_S(1)) && in.nack.count == 1);
        in.has_sr = true;
        in.jitter = 0;
        CHECK(from(OTHER, 5, whole == 1, false, MP_S(3)));
        CHECK_EQ(number(), whole ? 70003 : 70004);
        CHECK_EQ(packet.media.timestamp, last + 1 + 2 * rate); /* never the time of the last picture */
        CHECK(in.nack.overflow == !whole && in.nack.count == !whole && in.ssrc == OTHER && !in.has_sr);
        CHECK(from(OTHER, 6, false, false, MP_S(3) + MP_MS(20)) && number() == (whole ? 70004 : 70005));
        CHECK_EQ(packet.media.timestamp, last + 1 + 2 * rate + rate / 50);
        CHECK(in.jitter == 0); /* two clocks are not compared */
        CHECK(!from(OTHER, 4, false, false, MP_S(3)) && in.base == 70000);
    }
}

static void what_is_sent_again_was_sent(void)
{
    begin(true);
    CHECK(!came_again(10, MP_S(1)) && !in.started);
    came(10);
    CHECK(came_again(10 + NACK_MISSING_MAX, MP_S(1)));
    /* farther ahead than any requested packet */
    CHECK(!came_again(10 + 2 * NACK_MISSING_MAX + 1, MP_S(1)));
    CHECK(in.max == 10 + NACK_MISSING_MAX && in.received == 2);
    CHECK(came_again(11, MP_S(1)) && !came_again(11, MP_S(1)));
    CHECK_EQ(in.jitter, 0);
}

static void the_answer_to_one_request_tells_the_round_trip(void)
{
    static uint16_t seqs[4];
    begin(true);
    came(10);
    came(13);
    CHECK_EQ(nack_due(&in.nack, seqs, 4, 0, MP_MS(100), MP_S(2)), 2);
    CHECK(came_again(11, MP_S(2) + MP_MS(30)) && in.rtt_sample == MP_MS(30));
    in.rtt_sample = 0;
    CHECK(from(SSRC, 12, false, false, MP_S(2) + MP_MS(40)) && in.rtt_sample == 0); /* only late */
    CHECK_EQ(in.nack.count, 0);
    CHECK(in.nack.late > 0); /* which raises the delay before a NACK */
    begin(true);
    in.stream.rtx_payload_type = 0; /* a retransmission looks like a late packet */
    came(10);
    came(12);
    CHECK(came(11) && in.nack.late == 0);
}

static void late_by(mp_time late, int64_t seq)
{
    CHECK(from(SSRC, seq, false, false, MP_S(seq)));
    in.transit -= late; /* as if the one before had been quicker */
}

/* RFC 3550 A.8: a sixteenth of the difference, in units of the clock. */
static void jitter_is_the_smoothed_difference_of_transit_times(void)
{
    begin(true);
    late_by(MP_MS(16), 1);
    CHECK_EQ((int64_t)in.jitter, 0);
    late_by(-MP_MS(16), 2);
    CHECK_EQ((int64_t)(in.jitter + 0.001), 90); /* 16 ms of 90 kHz are 1440 */
    late_by(MP_S(10), 3);
    CHECK_EQ((int64_t)(in.jitter * 100), 17437); /* 90 + (1440 - 90) / 16, whatever the sign */
    double before = in.jitter;
    late_by(0, 4);
    CHECK(in.jitter == before); /* ten seconds: a timestamp that jumped */
    late_by(0, 5);
    CHECK_EQ((int64_t)(in.jitter * 100), 16347);
}

static struct rtcp_report report(mp_time now)
{
    struct rtcp_report r;
    incoming_report(&in, &r, now);
    return r;
}

/* RFC 3550 6.4.1 and A.3. */
static void report_counts_since_the_last_one_and_in_all(void)
{
    begin(true);
    for (int64_t seq = 65530; seq < 65540; seq++)
        if (seq != 65535)
            came(seq);
    struct rtcp_report r = report(MP_S(2));
    CHECK(r.ssrc == SSRC && r.lost == 1 && r.fraction_lost == 25 && r.seq_ext_max == 65539); /* 256 / 10 */
    CHECK(r.lsr == 0 && r.dlsr == 0);
    for (int64_t seq = 65540; seq < 65550; seq++)
        came(seq);
    r = report(MP_S(3));
    CHECK(r.lost == 1 && r.fraction_lost == 0 && r.seq_ext_max == 65549);
    came(65535);
    r = report(MP_S(4));
    CHECK(r.lost == 0 && r.fraction_lost == 0); /* more packets arrived than expected in this interval */
    came(65553);
    r = report(MP_S(5));
    CHECK(r.lost == 3 && r.fraction_lost == 192);
    in.has_sr = true;
    in.sr_ntp = 0x12345678;
    in.sr_time = MP_S(4);
    in.jitter = 7.9;
    r = report(MP_S(5) + MP_MS(500));
    CHECK(r.lsr == 0x12345678 && r.dlsr == 0x18000 && r.jitter == 7 && r.fraction_lost == 0);
    CHECK(from(OTHER, 99, true, false, MP_S(6)));
    /* in the source's own numbers */
    CHECK(report(MP_S(6)).seq_ext_max == 99 && report(MP_S(6)).ssrc == OTHER);
}

/* 24 bits, signed: RFC 3550 6.4.1 has it clamped. */
static void the_count_of_lost_packets_is_clamped(void)
{
    begin(true);
    in.stream.nack = false;
    int64_t seq = 0;
    while (!in.started || in.max - in.base + 1 - (int64_t)in.received <= 0x7fffff)
        came(seq += GAP);
    CHECK_EQ(report(MP_S(2)).lost, 0x7fffff);
    in.received = (uint64_t)(in.max - in.base + 1);
    CHECK_EQ(report(MP_S(2)).lost, 0);
    in.received += 0x800000;
    CHECK_EQ(report(MP_S(2)).lost, -0x800000);
    in.received++;
    CHECK_EQ(report(MP_S(2)).lost, -0x800000);
    CHECK_EQ(report(MP_S(2)).fraction_lost, 0);
}

TEST_MAIN(TEST(each_number_is_taken_once_inside_the_window),
          TEST(places_of_the_window_are_free_again_when_it_moves),
          TEST(a_gap_is_asked_for_and_a_jump_is_another_source),
          TEST(another_source_goes_on_in_numbers_and_time), TEST(what_is_sent_again_was_sent),
          TEST(the_answer_to_one_request_tells_the_round_trip),
          TEST(jitter_is_the_smoothed_difference_of_transit_times),
          TEST(report_counts_since_the_last_one_and_in_all), TEST(the_count_of_lost_packets_is_clamped))
