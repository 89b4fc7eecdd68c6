/* Sources of several layers: what tells a viewer's decoder about them, and which of several streams of one source it is sent. */
#include "codec.h"
#include "prng.h"
#include "test.h"
#include "world.h"
#include <stdlib.h>

#define VIDEO 0x1111
#define OUT   0x9999

static struct world w;

/* --- dependency descriptors --- */

#define DEPENDENCY_ID 12

static struct {
    unsigned count;
    bool there[64], rtx[64];
    struct bytes value[64];
    uint8_t bytes[64][256];
} seen;

static void see(struct world_client *c, const uint8_t *data, size_t len)
{
    struct rtp_view v;
    struct bytes value;
    CHECK(rtp_parse(&v, data, len) && seen.count < 64);
    seen.there[seen.count] = rtp_extension_find(&v, DEPENDENCY_ID, &value);
    if (seen.there[seen.count])
        memcpy(seen.bytes[seen.count], value.data, value.len);
    seen.value[seen.count] = (struct bytes){seen.bytes[seen.count], value.len};
    seen.rtx[seen.count++] = v.payload_type & 1;
    CHECK(rtp_extension_find(&v, 1, &value) && bytes_equal(value, "s1", 2)); /* in either form */
}

static void watch(struct world_client *v, struct world_client *p, enum codec codec, uint8_t dependency)
{
    world_command(&w, (struct message){.type = MESSAGE_SUBSCRIBE,
                                       .to = (uint8_t)world_owner(&w, v),
                                       .session = v->session,
                                       .track = 1,
                                       .subscribe = {.origin = (uint8_t)world_owner(&w, p),
                                                     .codec = codec,
                                                     .payload_type = 122,
                                                     .rtx_payload_type = 123,
                                                     .clock_rate = 90000,
                                                     .ssrc = OUT,
                                                     .rtx_ssrc = OUT + 1,
                                                     .extensions = {.id = {[EXT_MID] = 1,
                                                                           [EXT_ABS_SEND_TIME] = 2,
                                                                           [EXT_TRANSPORT_CC] = 3,
                                                                           [EXT_DEPENDENCY] = dependency}},
                                                     .mid = "s1"}});
    world_settle(&w);
}

/* The publisher's id is 6, the viewer's another. A structure of three spatial layers has some 90 bytes. */
static void dependency_descriptor_reaches_who_has_it(void)
{
    static const size_t lengths[] = {91, 3, 16, 17, 3, 0, 255, 3, 4, 40};
    uint8_t payload[900] = {0x18, 0x0a}, descriptor[255], nack[32];
    size_t used;
    for (unsigned i = 0; i < 255; i++)
        descriptor[i] = (uint8_t)(i + 1);
    for (unsigned workers = 1; workers <= 2; workers++)
        for (unsigned id = 0; id <= DEPENDENCY_ID; id += DEPENDENCY_ID) {
            world_open(&w, workers);
            struct world_client *p = world_join(&w, 0), *v = world_join(&w, workers - 1);
            world_connect(&w, p);
            world_connect(&w, v);
            v->on_rtp = see;
            memset(&seen, 0, sizeof seen);
            world_publish(&w, p, 1, CODEC_AV1, VIDEO);
            watch(v, p, CODEC_AV1, (uint8_t)id);
            for (unsigned i = 0; i < 10; i++) {
                payload[0] = i ? 0x10 : 0x18; /* a coded video sequence starts */
                world_send_rtp(&w, p,
                               &(struct world_rtp){.codec = CODEC_AV1,
                                                   .ssrc = VIDEO,
                                                   .index = 10 + i,
                                                   .timestamp = 3000 * (i / 5), /* runs of several packets */
                                                   .marker = i % 5 == 4,
                                                   .payload = {payload, 800 + i},
                                                   .values = {[EXT_DEPENDENCY] = {descriptor, lengths[i]}}});
                if (i % 5 == 4)
                    world_settle(&w);
            }
            CHECK_EQ(v->rtp, 10);
            struct rtp_view last;
            CHECK(rtp_parse(&last, v->last, v->last_len) && last.payload_len == 809);
            uint16_t missing = (uint16_t)(last.seq - 3); /* the one of 255 bytes, by RTX */
            world_send_rtcp(&w, v, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, &missing, 1, &used));
            world_settle(&w);
            CHECK(seen.count == 11 && seen.rtx[10]);
            for (unsigned i = 0; i < seen.count; i++) {
                size_t len = i == 10 ? 255 : lengths[i];
                CHECK_EQ(seen.there[i], id && len);
                CHECK(!seen.there[i] || bytes_equal(seen.value[i], descriptor, len));
            }
            world_close(&w);
        }
}

TEST_MAIN(TEST(dependency_descriptor_reaches_who_has_it))
