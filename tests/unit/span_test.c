/* Viewers that are paused and resumed: their numbers go on without a gap, and a NACK finds the packet that a
 * number of before the pause belongs to. */
#include "sfu/span.h"
#include "base/seq.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "sfu/core.h"
#include "sfu/session.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"
#include <stdlib.h>

#define VIDEO 0x1111
#define AUDIO 0x2222
#define OUT   0x9999

static struct world w;
static struct world_client *publisher, *viewer;

/* What the viewer was sent, in order of arrival. Payloads of world_send repeat the source's number. */
static struct {
    unsigned count;
    uint32_t ssrc[512], timestamp[512];
    uint16_t seq[512];
    uint8_t source[512]; /* low bits of the publisher's number */
} got;

static void note(struct world_client *c, const uint8_t *data, size_t len)
{
    struct rtp_view v;
    CHECK(rtp_parse(&v, data, len) && got.count < 512);
    unsigned i = got.count++;
    got.ssrc[i] = v.ssrc;
    got.seq[i] = v.seq;
    got.timestamp[i] = v.timestamp;
    got.source[i] = data[len - 1];
}

static void open_call(enum codec codec)
{
    world_open(&w, 2);
    publisher = world_join(&w, 0);
    viewer = world_join(&w, 1);
    world_connect(&w, publisher);
    world_connect(&w, viewer);
    world_publish(&w, publisher, 1, codec, codec == CODEC_OPUS ? AUDIO : VIDEO);
    world_subscribe(&w, viewer, publisher, 1, codec, OUT);
    memset(&got, 0, sizeof got);
    viewer->on_rtp = note;
}

static struct sfu *core(void) { return w.sfu[1]; }

static struct subscription *watched(void) { return session_find(core(), viewer->session)->subscriptions; }

/* A reason that nothing else in the core has. */
static void pauses(void) { subscription_pause(core(), watched(), PAUSE_QUIET, w.now); }

static void resumes(void)
{
    subscription_resume(core(), watched(), PAUSE_QUIET, w.now);
    world_settle(&w);
}

enum part { WHOLE, KEYFRAME, HALF /* the marker is missing */, HALF_KEYFRAME };

static void picture(uint64_t index, enum part part)
{
    world_send(&w, publisher, CODEC_VP8, VIDEO, index, (uint32_t)(3000 * index),
               part == KEYFRAME || part == HALF_KEYFRAME, part == WHOLE || part == KEYFRAME, 1000);
    world_run(&w, MP_MS(33));
}

static void sound(uint64_t index)
{
    world_send(&w, publisher, CODEC_OPUS, AUDIO, index, (uint32_t)(960 * index), false, false, 80);
    world_run(&w, MP_MS(20));
}

static void nack(uint16_t seq)
{
    uint8_t out[32];
    size_t used;
    world_send_rtcp(&w, viewer, out, rtcp_write_nack(out, sizeof out, 1, OUT, &seq, 1, &used));
    world_settle(&w);
}

static uint16_t last_seq(void) { return got.seq[got.count - 1]; }

static void paused_viewer_is_sent_nothing(void)
{
    open_call(CODEC_VP8);
    picture(10, KEYFRAME);
    picture(11, WHOLE);
    picture(12, WHOLE);
    unsigned count = got.count, asked = publisher->pli, reports = viewer->sr;
    pauses();
    nack((uint16_t)(last_seq() - 1));
    uint8_t pli[16];
    world_send_rtcp(&w, viewer, pli, rtcp_write_pli(pli, sizeof pli, 1, OUT));
    for (unsigned i = 13; i < 100; i++)
        picture(i, i % 30 ? WHOLE : KEYFRAME);
    CHECK_EQ(got.count, count);
    CHECK_EQ(publisher->pli, asked);
    CHECK_EQ(viewer->sr, reports);
    world_close(&w);
}

static void resumed_picture_continues_at_a_key_frame(void)
{
    open_call(CODEC_VP8);
    picture(10, KEYFRAME);
    picture(11, WHOLE);
    uint16_t before = last_seq();
    uint32_t timestamp = got.timestamp[got.count - 1];
    pauses();
    for (unsigned i = 12; i < 40; i++)
        picture(i, i == 20 ? KEYFRAME : WHOLE);
    unsigned asked = publisher->pli;
    resumes();
    world_run(&w, MP_MS(30));
    CHECK_EQ(publisher->pli, asked + 1);
    picture(40, WHOLE);
    CHECK_EQ(got.count, 2);
    picture(41, KEYFRAME);
    picture(42, WHOLE);
    CHECK_EQ(got.count, 4);
    CHECK_EQ((uint16_t)(got.seq[2] - before), 1);
    CHECK_EQ((uint16_t)(got.seq[3] - before), 2);
    CHECK_EQ(got.timestamp[2] - timestamp, 30 * 3000);
    world_close(&w);
}

static void number_behind_half_a_picture_is_left_out(void)
{
    open_call(CODEC_VP8);
    picture(10, HALF_KEYFRAME);
    uint16_t before = last_seq();
    pauses();
    resumes();
    picture(11, WHOLE);
    picture(12, KEYFRAME);
    CHECK_EQ(got.count, 2);
    CHECK_EQ((uint16_t)(last_seq() - before), 2);
    nack((uint16_t)(before + 1)); /* nobody's */
    CHECK_EQ(got.count, 2);
    world_close(&w);
}

static void resumed_sound_continues_at_once(void)
{
    open_call(CODEC_OPUS);
    sound(10);
    uint16_t first = last_seq();
    pauses();
    for (unsigned i = 11; i < 20; i++)
        sound(i);
    CHECK_EQ(got.count, 1);
    resumes();
    sound(20);
    CHECK_EQ(got.count, 2);
    CHECK_EQ((uint16_t)(last_seq() - first), 1);
    world_close(&w);
}

static void pausing_twice_and_before_the_first_packet_leaves_nothing_out(void)
{
    open_call(CODEC_VP8);
    pauses();
    resumes();
    picture(10, HALF_KEYFRAME);
    uint16_t first = last_seq();
    pauses();
    pauses();
    resumes();
    resumes();
    pauses(); /* while it waits for the key frame */
    resumes();
    picture(11, KEYFRAME);
    CHECK_EQ((uint16_t)(last_seq() - first), 2);
    world_close(&w);
}

/* The publisher's retransmission of a packet of before the pause. */
static void stream_with_two_reasons_resumes_without_either(void)
{
    open_call(CODEC_OPUS);
    sound(10);
    pauses();
    subscription_pause(core(), watched(), PAUSE_ALLOCATION, w.now);
    resumes();
    sound(11);
    subscription_resume(core(), watched(), PAUSE_QUIET, w.now); /* not a reason any more */
    sound(12);
    CHECK_EQ(got.count, 1);
    subscription_resume(core(), watched(), PAUSE_ALLOCATION, w.now);
    sound(13);
    CHECK_EQ(got.count, 2);
    CHECK_EQ((uint16_t)(got.seq[1] - got.seq[0]), 1);
    world_close(&w);
}

static void late_packet_of_before_a_pause_is_not_sent_behind_it(void)
{
    open_call(CODEC_OPUS);
    sound(10);
    sound(12);
    uint16_t before = last_seq();
    pauses();
    resumes();
    sound(11);
    CHECK_EQ(got.count, 2);
    sound(13);
    sound(14);
    CHECK_EQ(got.count, 4);
    CHECK_EQ((uint16_t)(got.seq[2] - before), 1);
    CHECK_EQ(got.source[2], 13);
    CHECK_EQ((uint16_t)(got.seq[3] - before), 2);
    world_close(&w);
}

static void nack_finds_the_packet_of_a_past_span(void)
{
    open_call(CODEC_VP8);
    for (unsigned i = 0; i < 5; i++) {
        picture(10 + 4 * i, KEYFRAME);
        picture(11 + 4 * i, WHOLE);
        pauses();
        picture(12 + 4 * i, WHOLE);
        picture(13 + 4 * i, WHOLE);
        resumes();
    }
    picture(30, KEYFRAME);
    CHECK_EQ(got.count, 11);
    for (unsigned i = 0; i < 11; i++) {
        nack(got.seq[i]);
        CHECK_EQ(got.count, 12 + i);
        CHECK_EQ(got.ssrc[11 + i], OUT + 1);
        CHECK_EQ(got.source[11 + i], got.source[i]);
    }
    world_close(&w);
}

static void packet_of_more_than_eight_spans_ago_is_not_sent_again(void)
{
    open_call(CODEC_VP8);
    for (unsigned i = 0; i <= SPANS_MAX; i++) {
        picture(10 + i, KEYFRAME);
        pauses();
        resumes();
    }
    picture(30, KEYFRAME);
    nack(got.seq[0]);
    CHECK_EQ(got.count, SPANS_MAX + 2);
    nack(got.seq[1]);
    CHECK_EQ(got.count, SPANS_MAX + 3);
    CHECK_EQ(got.source[SPANS_MAX + 2], 11);
    world_close(&w);
}

/* Sound has no RTX: the same bytes under the same number, also behind a pause (RFC 3711 9.1). */
static void sound_of_a_past_span_is_sent_again_as_the_same_bytes(void)
{
    open_call(CODEC_OPUS);
    session_find(core(), viewer->session)->rtt = MP_MS(20);
    sound(10);
    nack(last_seq()); /* it begins to remember */
    sound(11);
    uint16_t seq = last_seq();
    pauses();
    sound(12);
    resumes();
    sound(13);
    uint64_t again = stat_get(&w.stats[1].rtx_out);
    unsigned count = got.count;
    nack(seq);
    CHECK_EQ(stat_get(&w.stats[1].rtx_out), again + 1);
    CHECK_EQ(got.count, count); /* the identical packet is a replay */
    world_close(&w);
}

static void new_keys_of_a_paused_viewer_begin_with_a_small_index(void)
{
    open_call(CODEC_VP8);
    struct subscription *s = watched();
    picture(10, KEYFRAME);
    pauses();
    s->delta += 3 << 16; /* as if 200,000 packets had been sent */
    uint16_t next = (uint16_t)(s->sent_end + s->delta);
    subscription_rekeyed(s);
    CHECK_EQ(s->sent_end + s->delta, next);
    CHECK(s->spans == NULL);
    world_close(&w);
}

static void kept_spans_are_found_by_their_numbers(void)
{
    struct spans *spans = NULL;
    CHECK(spans_find(spans, 0) == NULL);
    for (int64_t i = 0; i < SPANS_MAX + 1; i++)
        spans_keep(&spans, &(struct span){.first = 100 * i, .end = 100 * i + 50, .delta = i, .track = 7});
    CHECK(spans_find(spans, 49) == NULL); /* the oldest is gone */
    CHECK_EQ(spans_find(spans, 100)->delta, 1);
    CHECK_EQ(spans_find(spans, 149)->delta, 1);
    CHECK(spans_find(spans, 150) == NULL && spans_find(spans, 199) == NULL);
    CHECK_EQ(spans_find(spans, 100 * SPANS_MAX)->delta, SPANS_MAX);
    spans_keep(&spans, &(struct span){.first = 5000, .end = 5000}); /* nothing was sent in it */
    CHECK_EQ(spans_find(spans, 100)->delta, 1);
    free(spans);
}

TEST_MAIN(TEST(paused_viewer_is_sent_nothing), TEST(resumed_picture_continues_at_a_key_frame),
          TEST(number_behind_half_a_picture_is_left_out), TEST(resumed_sound_continues_at_once),
          TEST(pausing_twice_and_before_the_first_packet_leaves_nothing_out),
          TEST(stream_with_two_reasons_resumes_without_either),
          TEST(late_packet_of_before_a_pause_is_not_sent_behind_it),
          TEST(nack_finds_the_packet_of_a_past_span),
          TEST(packet_of_more_than_eight_spans_ago_is_not_sent_again),
          TEST(sound_of_a_past_span_is_sent_again_as_the_same_bytes),
          TEST(new_keys_of_a_paused_viewer_begin_with_a_small_index),
          TEST(kept_spans_are_found_by_their_numbers))
