/* Where a viewer of H.264 begins (RFC 6184, H.264 7.4.1.2): at an IDR picture, with its parameter sets. */
#include "proto/codec.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"
#include <stdlib.h>

#define VIDEO 0x1111
#define OUT   0x9999

static struct world w;

/* Whole NAL units and packets of them, as RFC 6184 5.6 to 5.8 has them. */
#define DELIMITER     "09f0"
#define SEI           "0605"
#define SPS           "6742c01f"
#define PPS           "68ce3c80"
#define SPS_EXTENSION "6d80"
#define SUBSET_SPS    "6f42c01f"
#define IDR           "6588840a"
#define SLICE         "419a0211"
#define STAP_A        "78 0004 6742c01f 0004 68ce3c80"
#define STAP_A_IDR    "78 0004 6742c01f 0004 68ce3c80 0004 6588840a"
#define IDR_START     "7c85 88840a"
#define IDR_END       "7c45 112233"

static struct {
    unsigned count;
    uint16_t seq[32];
    uint8_t first[32][2]; /* bytes of the payload */
} seen;

static void see(struct world_client *c, const uint8_t *data, size_t len)
{
    struct rtp_view v;
    CHECK(rtp_parse(&v, data, len) && v.payload_len >= 2 && seen.count < 32);
    seen.seq[seen.count] = v.seq;
    memcpy(seen.first[seen.count++], data + v.header_len, 2);
}

static void call(unsigned workers, struct world_client **p, struct world_client **v)
{
    world_open(&w, workers);
    *p = world_join(&w, 0);
    *v = world_join(&w, workers - 1);
    world_connect(&w, *p);
    world_connect(&w, *v);
    (*v)->on_rtp = see;
    memset(&seen, 0, sizeof seen);
    world_publish(&w, *p, 1, CODEC_H264, VIDEO);
    world_subscribe(&w, *v, *p, 1, CODEC_H264, OUT);
}

static void send_packet(struct world_client *p, uint64_t index, uint32_t timestamp, const char *hex)
{
    uint8_t payload[64];
    size_t len = unhex(payload, hex);
    world_send_rtp(&w, p,
                   &(struct world_rtp){.codec = CODEC_H264,
                                       .ssrc = VIDEO,
                                       .index = index,
                                       .timestamp = timestamp,
                                       .payload = {payload, len}});
    world_settle(&w);
}

/* The viewer's packets: the first bytes of each payload, and numbers without a gap. */
static bool saw(const char *const *hex, unsigned count)
{
    bool good = seen.count == count;
    for (unsigned i = 0; i < count && good; i++) {
        uint8_t payload[64];
        unhex(payload, hex[i]);
        good = memcmp(seen.first[i], payload, 2) == 0 && (uint16_t)(seen.seq[i] - seen.seq[0]) == i;
    }
    return good;
}

static void parameter_sets_alone_begin_nothing(void)
{
    struct world_client *p, *v;
    call(1, &p, &v);
    unsigned asked = p->pli;
    send_packet(p, 10, 0, STAP_A);
    send_packet(p, 11, 0, SLICE);
    send_packet(p, 12, 3000, SPS);
    send_packet(p, 13, 3000, PPS);
    send_packet(p, 14, 3000, SLICE);
    world_run(&w, MP_MS(1500));
    CHECK_EQ(v->rtp, 0);
    CHECK(p->pli > asked); /* they do not fulfil its request */
    world_close(&w);
}

static void viewer_begins_with_the_parameter_sets_of_the_picture(void)
{
    static const char *const units[] = {DELIMITER, SPS,       SPS_EXTENSION, SUBSET_SPS, PPS,
                                        SEI,       IDR_START, IDR_END,       SLICE};
    static const char *const stap[] = {STAP_A, IDR_START, IDR_END};
    static const char *const whole[] = {STAP_A_IDR};
    static const char *const alone[] = {IDR};
    static const struct {
        const char *const *packets;
        unsigned count;
    } pictures[] = {{units, 9}, {stap, 3}, {whole, 1}, {alone, 1}};
    for (unsigned workers = 1; workers <= 2; workers++)
        for (size_t k = 0; k < sizeof pictures / sizeof *pictures; k++) {
            struct world_client *p, *v;
            call(workers, &p, &v);
            send_packet(p, 7, 0, SLICE);
            send_packet(p, 8, 3000, SPS); /* another picture's */
            send_packet(p, 9, 3000, SLICE);
            for (unsigned i = 0; i < pictures[k].count; i++)
                send_packet(p, 10 + i, 6000, pictures[k].packets[i]);
            CHECK(saw(pictures[k].packets, pictures[k].count));
            world_close(&w);
        }
}

/* A viewer that has started gets all packets in order. */
static void what_leads_is_not_lost(void)
{
    static const char *const packets[] = {IDR,   DELIMITER, SLICE,     STAP_A, DELIMITER,
                                          SLICE, STAP_A,    IDR_START, IDR_END};
    static const uint32_t timestamps[] = {0, 1, 1, 2, 3, 3, 4, 4, 4};
    struct world_client *p, *v;
    call(1, &p, &v);
    for (unsigned i = 0; i < 9; i++)
        send_packet(p, 10 + i, 3000 * timestamps[i], packets[i]);
    CHECK(saw(packets, 9));
    world_close(&w);
}

static void more_leads_than_are_kept_go_ahead(void)
{
    static const char *const packets[] = {IDR, SEI, SEI, SEI, SEI, SEI, SEI, SEI, SEI, SEI, SEI, SLICE};
    struct world_client *p, *v;
    call(1, &p, &v);
    for (unsigned i = 0; i < 12; i++)
        send_packet(p, 10 + i, i ? 3000 : 0, packets[i]);
    CHECK(saw(packets, 12));
    world_close(&w);
}

/* The end of a stream frees its waiting packets. */
static void what_leads_to_nothing_is_given_back(void)
{
    struct world_client *p, *v;
    call(1, &p, &v);
    send_packet(p, 10, 0, SPS);
    send_packet(p, 11, 0, PPS);
    CHECK_EQ(v->rtp, 0);
    world_close(&w);
}

TEST_MAIN(TEST(parameter_sets_alone_begin_nothing),
          TEST(viewer_begins_with_the_parameter_sets_of_the_picture), TEST(what_leads_is_not_lost),
          TEST(more_leads_than_are_kept_go_ahead), TEST(what_leads_to_nothing_is_given_back))
