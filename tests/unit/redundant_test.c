/* Redundant audio (RFC 2198): made for viewers on lossy lines, taken from publishers. */
#include "proto/red.h"
#include "sfu/core.h"
#include "sfu/track.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"

#define AUDIO    0x2222
#define OUT      0x9000
#define OPUS     111 /* of viewers, and in world.c of publishers */
#define RED      63
#define RED_SENT 64 /* the publisher's */

static struct world w;
static struct world_client *publisher, *lossy, *clean;
static uint64_t seq;

struct got {
    unsigned count, red;
    uint8_t type;
    uint16_t seq;
    struct rtp_view view;
    uint8_t data[1500];
};
static struct got of_lossy, of_clean;

static void note(struct world_client *c, const uint8_t *data, size_t len)
{
    struct got *got = c->user;
    memcpy(got->data, data, len);
    CHECK(rtp_parse(&got->view, got->data, len));
    got->type = got->view.payload_type;
    got->seq = got->view.seq;
    got->red += got->type == RED;
    got->count++;
}

static struct world_client *watch(unsigned worker, struct got *got, uint8_t payload_type)
{
    struct world_client *c = world_join(&w, worker);
    world_connect(&w, c);
    memset(got, 0, sizeof *got);
    c->user = got;
    c->on_rtp = note;
    world_command(&w, (struct message){.type = MESSAGE_SUBSCRIBE,
                                       .to = (uint8_t)worker,
                                       .session = c->session,
                                       .track = 1,
                                       .subscribe = {.codec = CODEC_OPUS,
                                                     .payload_type = payload_type,
                                                     .red_payload_type = RED,
                                                     .clock_rate = 48000,
                                                     .ssrc = OUT,
                                                     .cname = "cname"}});
    world_settle(&w);
    return c;
}

static void open_call(void)
{
    world_open(&w, 2);
    publisher = world_join(&w, 0);
    world_connect(&w, publisher);
    world_publish(&w, publisher, 1, CODEC_OPUS, AUDIO);
    clean = watch(0, &of_clean, OPUS);
    lossy = watch(1, &of_lossy, OPUS);
    seq = 100;
}

/* A packet whose payload is its number, `len` bytes long. */
static void sound_of(uint8_t level, size_t len, mp_time after)
{
    uint8_t frame[1200];
    memset(frame, (int)seq, len);
    struct world_rtp r = {.codec = CODEC_OPUS,
                          .ssrc = AUDIO,
                          .timestamp = (uint32_t)seq * 960,
                          .index = seq,
                          .payload = {frame, len}};
    r.values[EXT_AUDIO_LEVEL] = (struct bytes){&level, 1};
    world_send_rtp(&w, publisher, &r);
    world_run(&w, after);
    seq++;
}

static void sounds(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        sound_of(0x85, 80, MP_MS(20));
}

static void reports(struct world_client *c, uint8_t fraction_lost, unsigned count)
{
    uint8_t out[64];
    struct rtcp_report r = {.ssrc = OUT, .fraction_lost = fraction_lost};
    for (unsigned i = 0; i < count; i++) {
        world_send_rtcp(&w, c, out, rtcp_write_rr(out, sizeof out, 1, &r, 1));
        world_run(&w, MP_S(1));
    }
}

static size_t blocks_of(const struct got *got, struct red_block blocks[RED_BLOCKS_MAX])
{
    struct bytes payload = {got->data + got->view.header_len, got->view.payload_len};
    return got->type == RED ? red_parse(blocks, payload, RED) : 0;
}

static void check_block(const struct red_block *b, uint64_t number, uint16_t offset, size_t len)
{
    CHECK_EQ(b->payload_type, OPUS);
    CHECK_EQ(b->offset, offset);
    CHECK_EQ(b->data.len, len);
    for (size_t i = 0; i < b->data.len; i++)
        CHECK_EQ(b->data.data[i], (uint8_t)number);
}

static void viewer_that_loses_gets_earlier_blocks_and_others_do_not(void)
{
    struct red_block b[RED_BLOCKS_MAX];
    open_call();
    sounds(3);
    CHECK_EQ(of_lossy.type, OPUS);
    reports(lossy, 10, 4); /* 3.9 % */
    reports(clean, 2, 4);
    sounds(3);
    CHECK_EQ(blocks_of(&of_lossy, b), 2);
    check_block(&b[0], seq - 2, 960, 80);
    check_block(&b[1], seq - 1, 0, 80);
    CHECK_EQ(of_clean.type, OPUS);
    reports(lossy, 26, 4); /* 10 % */
    sounds(3);
    CHECK_EQ(blocks_of(&of_lossy, b), 3);
    check_block(&b[0], seq - 3, 1920, 80);
    check_block(&b[1], seq - 2, 960, 80);
    check_block(&b[2], seq - 1, 0, 80);
    reports(lossy, 0, 14);
    sounds(1);
    CHECK_EQ(of_lossy.type, OPUS);
    world_close(&w);
}

static void blocks_are_made_once_for_all_viewers(void)
{
    open_call();
    reports(lossy, 26, 4);
    struct got other_got;
    struct world_client *other = watch(1, &other_got, OPUS);
    sounds(2);
    reports(other, 26, 4);
    sounds(2);
    CHECK(of_lossy.red && other_got.red);
    const struct track *t = track_find(w.sfu[1], 1);
    struct packet *p = track_packet(t, t->history_end - 1);
    CHECK(p && p->redundant[1] && !p->redundant[0]);
    CHECK_EQ(w.stats[1].red_out, of_lossy.red + other_got.red);
    world_close(&w);
}

static void viewer_with_another_payload_type_gets_none_beside_the_first(void)
{
    open_call();
    struct got other_got;
    reports(lossy, 26, 4);
    struct world_client *other = watch(1, &other_got, 97);
    reports(other, 26, 4);
    sounds(3);
    CHECK(of_lossy.red > 0);
    CHECK_EQ(other_got.red, 0);
    CHECK_EQ(other_got.type, 97);
    world_close(&w);
}

static void lost_silent_and_late_packets_are_left_out(void)
{
    struct red_block b[RED_BLOCKS_MAX];
    open_call();
    reports(lossy, 26, 4);
    sounds(2);
    seq++; /* lost on its way here */
    sounds(1);
    CHECK_EQ(blocks_of(&of_lossy, b), 2);
    check_block(&b[0], seq - 3, 1920, 80);
    sound_of(0xff, 80, MP_MS(20)); /* silence */
    sounds(1);
    CHECK_EQ(blocks_of(&of_lossy, b), 2);
    check_block(&b[0], seq - 3, 1920, 80);
    sound_of(0x85, 1030, MP_MS(20)); /* no block holds so much */
    CHECK_EQ(of_lossy.type, OPUS);   /* nor does the packet hold it with another one */
    sounds(1);
    CHECK_EQ(blocks_of(&of_lossy, b), 2);
    check_block(&b[0], seq - 3, 1920, 80);
    world_close(&w);
}

/* The last datagrams to clients, with RTP of OUT. */
static uint8_t wire[4][1500];
static size_t wire_len[4];
static unsigned wires;

static bool record(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    if (!to_client || len < 12 || data[0] >> 6 != 2 || (data[1] & 0x7f) != RED)
        return false;
    memcpy(wire[wires % 4], data, len);
    wire_len[wires++ % 4] = len;
    return false;
}

/* One SRTP index never protects two packets (RFC 3711 9.1). */
static void packet_with_blocks_is_sent_again_as_the_same_bytes(void)
{
    uint8_t out[32];
    size_t used;
    open_call();
    reports(lossy, 26, 4);
    sounds(3);
    uint16_t missing = of_lossy.seq; /* the first request begins the record */
    world_send_rtcp(&w, lossy, out, rtcp_write_nack(out, sizeof out, 1, OUT, &missing, 1, &used));
    w.lose = record;
    wires = 0;
    sounds(3);
    missing = (uint16_t)(of_lossy.seq - 1);
    CHECK_EQ(wires, 3);
    world_send_rtcp(&w, lossy, out, rtcp_write_nack(out, sizeof out, 1, OUT, &missing, 1, &used));
    world_settle(&w);
    CHECK_EQ(wires, 4);
    CHECK_EQ(get16(wire[1] + 2), missing);
    CHECK_EQ(wire_len[3], wire_len[1]);
    CHECK_BYTES(wire[3], wire[1], wire_len[1]);
    w.lose = NULL;
    world_close(&w);
}

/* --- publishers --- */

static void publish_red(void)
{
    world_open(&w, 1);
    publisher = world_join(&w, 0);
    world_connect(&w, publisher);
    w.red = RED_SENT;
    world_publish(&w, publisher, 1, CODEC_OPUS, AUDIO);
    w.red = 0;
    clean = watch(0, &of_clean, OPUS);
    seq = 100;
}

/* Sends packet `seq` with the one or two before. */
static void send_red(unsigned blocks, uint8_t payload_type)
{
    uint8_t payload[1200], frames[3][40];
    struct red_block list[3];
    for (unsigned i = 0; i <= blocks; i++) {
        unsigned back = blocks - i;
        memset(frames[i], (int)(seq - back), sizeof frames[i]);
        list[i] = (struct red_block){payload_type, (uint16_t)(960 * back), {frames[i], sizeof frames[i]}};
    }
    size_t len = red_write(payload, sizeof payload, list, blocks + 1);
    struct world_rtp r = {.codec = CODEC_OPUS,
                          .ssrc = AUDIO,
                          .timestamp = (uint32_t)seq * 960,
                          .index = seq,
                          .payload_type = RED_SENT,
                          .payload = {payload, len}};
    world_send_rtp(&w, publisher, &r);
    world_run(&w, MP_MS(20));
    seq++;
}

static void publishers_blocks_are_stripped(void)
{
    publish_red();
    send_red(0, OPUS);
    send_red(1, OPUS);
    send_red(2, OPUS);
    CHECK_EQ(of_clean.count, 3);
    CHECK_EQ(of_clean.type, OPUS);
    CHECK_EQ(of_clean.view.payload_len, 40);
    CHECK_EQ(of_clean.data[of_clean.view.header_len], (uint8_t)(seq - 1));
    CHECK_EQ(w.stats[0].red_in, 0);
    world_close(&w);
}

static void lost_packets_are_recovered_from_blocks(void)
{
    publish_red();
    send_red(0, OPUS);
    uint16_t first = of_clean.seq;
    seq += 2; /* lost */
    send_red(2, OPUS);
    CHECK_EQ(of_clean.count, 4);
    CHECK_EQ((uint16_t)(of_clean.seq - first), 3);
    CHECK_EQ(of_clean.view.timestamp, (uint32_t)(seq - 1) * 960);
    CHECK_EQ(w.stats[0].red_in, 2);
    seq -= 2; /* the second comes late: it is known */
    send_red(1, OPUS);
    CHECK_EQ(of_clean.count, 4);
    world_close(&w);
}

static void malformed_blocks_are_dropped(void)
{
    publish_red();
    send_red(1, OPUS);
    struct world_rtp r = {.codec = CODEC_OPUS, .ssrc = AUDIO, .index = seq++, .payload_type = RED_SENT};
    uint8_t recursive[] = {RED_SENT, 1, 2, 3}, cut[] = {0x80 | OPUS, 0, 0x03, 0xff, OPUS, 1};
    r.payload = (struct bytes){recursive, sizeof recursive};
    world_send_rtp(&w, publisher, &r);
    r.index = seq++;
    r.payload = (struct bytes){cut, sizeof cut};
    world_send_rtp(&w, publisher, &r);
    world_settle(&w);
    CHECK_EQ(world_drops(&w, DROP_RTP_MALFORMED), 2);
    CHECK_EQ(of_clean.count, 1);
    send_red(1, 5); /* blocks of another codec: neither taken nor recovered from */
    CHECK_EQ(of_clean.count, 1);
    CHECK_EQ(world_drops(&w, DROP_RTP_STREAM), 1);
    world_close(&w);
}

TEST_MAIN(TEST(viewer_that_loses_gets_earlier_blocks_and_others_do_not),
          TEST(blocks_are_made_once_for_all_viewers),
          TEST(viewer_with_another_payload_type_gets_none_beside_the_first),
          TEST(lost_silent_and_late_packets_are_left_out),
          TEST(packet_with_blocks_is_sent_again_as_the_same_bytes), TEST(publishers_blocks_are_stripped),
          TEST(lost_packets_are_recovered_from_blocks), TEST(malformed_blocks_are_dropped))
