/* Sources of several layers: the dependency descriptor for a viewer's decoder, and the choice among several
 * streams of one source. */
#include "base/prng.h"
#include "proto/codec.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"
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

/* --- layers of one source --- */

#define LAYERS 3
static const char *const rids[LAYERS] = {"q", "h", "f"};
static const unsigned sizes[LAYERS] = {150, 450, 1100}; /* bytes of a picture's two packets, each */

static struct {
    struct world_client *p;
    bool named, paused[LAYERS], keyframe[LAYERS]; /* named: by rids, else by SSRCs that the description has */
    uint32_t ssrc[LAYERS];
    uint64_t index[LAYERS];
    enum codec codec;
    unsigned frame, layers;
} source;

static struct {
    unsigned packets, switches, layer, frames[LAYERS];
    uint16_t seq;
    uint32_t timestamp;
    bool began;
} viewed;

/* Each payload contains, after a VP8 or H.264 header, its layer, whether it begins a picture, and whether
 * that is a key frame. */
static void see_layer(struct world_client *c, const uint8_t *data, size_t len)
{
    struct rtp_view v;
    CHECK(rtp_parse(&v, data, len) && v.payload_len >= 8 && v.ssrc == OUT);
    const uint8_t *stamp = data + v.header_len + 4;
    unsigned layer = stamp[0];
    if (viewed.began) {
        CHECK_EQ(v.seq, (uint16_t)(viewed.seq + 1)); /* no number is left out */
        CHECK((int32_t)(v.timestamp - viewed.timestamp) >= 0 && v.timestamp - viewed.timestamp < 90000 * 8);
        CHECK((v.timestamp != viewed.timestamp) == stamp[1]); /* each picture has its own */
        if (layer != viewed.layer) {
            viewed.switches++;
            CHECK(stamp[1] && stamp[2]); /* at a key frame, from its first packet on */
        }
    } else {
        CHECK(stamp[1] && stamp[2]);
    }
    viewed.began = true;
    viewed.seq = v.seq;
    viewed.timestamp = v.timestamp;
    viewed.layer = layer;
    viewed.packets++;
    viewed.frames[layer] += stamp[1];
}

static void send_part(unsigned layer, unsigned part, bool keyframe)
{
    uint8_t payload[1200] = {0};
    bool h264 = source.codec == CODEC_H264, sets = h264 && keyframe && part == 0;
    static const uint8_t parameters[] = {0x78, 0, 2, 0x67}; /* a STAP-A, of an SPS */
    uint8_t heads[4] = {h264 ? 0x65 : part ? 0 : 0x10, h264 ? 0x80 : keyframe ? 0 : 1, 0, 0};
    if (h264 && !keyframe)
        heads[0] = 0x41;
    memcpy(payload, sets ? parameters : heads, 4);
    payload[4] = (uint8_t)layer;
    payload[5] = part == 0;
    payload[6] = keyframe;
    struct world_rtp r = {.codec = source.codec,
                          .ssrc = source.ssrc[layer],
                          .index = source.index[layer]++,
                          .timestamp = 1000 * layer + 3000 * source.frame,
                          .marker = part == 1,
                          .payload = {payload, sizes[layer]}};
    if (sets)
        put16(payload + 1, (uint16_t)(sizes[layer] - 3));
    if (source.named) {
        r.values[EXT_MID] = (struct bytes){(const uint8_t *)"0", 1};
        r.values[EXT_RID] = (struct bytes){(const uint8_t *)rids[layer], 1};
    }
    world_send_rtp(&w, source.p, &r);
}

/* A picture in each layer that is not paused, smallest first; their packets arrive one by one. */
static void picture(void)
{
    for (unsigned part = 0; part < 2; part++)
        for (unsigned i = 0; i < source.layers; i++)
            if (!source.paused[i]) {
                send_part(i, part, source.keyframe[i]);
                world_settle(&w);
            }
    for (unsigned i = 0; i < LAYERS; i++)
        source.keyframe[i] &= source.paused[i];
    source.frame++;
}

/* Sends so many pictures, 30 a second; each layer answers requests for it. */
static void pictures(unsigned count)
{
    while (count--) {
        unsigned pli = source.p->pli;
        picture();
        world_run(&w, MP_US(33333));
        for (unsigned i = 0; i < LAYERS && source.p->pli != pli; i++)
            source.keyframe[i] |= source.p->last_pli == source.ssrc[i];
    }
}

static struct world_client *simulcast(enum codec codec, bool named, unsigned workers)
{
    world_open(&w, workers);
    struct world_client *p = world_join(&w, 0), *v = world_join(&w, workers - 1);
    world_connect(&w, p);
    world_connect(&w, v);
    memset(&source, 0, sizeof source);
    memset(&viewed, 0, sizeof viewed);
    source.p = p;
    source.named = named;
    source.codec = codec;
    source.layers = LAYERS;
    v->on_rtp = see_layer;
    struct message m = {.type = MESSAGE_PUBLISH,
                        .to = (uint8_t)world_owner(&w, p),
                        .session = p->session,
                        .track = 1,
                        .publish = {.codec = codec,
                                    .payload_type = codec == CODEC_VP8 ? 96 : 98,
                                    .rtx_payload_type = codec == CODEC_VP8 ? 97 : 99,
                                    .clock_rate = 90000,
                                    .layered = true,
                                    .mid = "0",
                                    .nack = true,
                                    .pli = true}};
    for (unsigned i = 0; i < LAYERS; i++) {
        source.ssrc[i] = VIDEO + 2 * i;
        source.index[i] = 1000 * (i + 1);
        source.keyframe[i] = true;
        if (!named)
            m.publish.ssrc[i] = source.ssrc[i], m.publish.rtx_ssrc[i] = source.ssrc[i] + 1;
    }
    world_command(&w, m);
    world_subscribe(&w, v, p, 1, codec, OUT);
    return v;
}

/* The received bitrate decides which layer is the best: layers named by rids, smallest first, and by SSRCs of
 * a SIM group. */
static void the_highest_layer_that_flows_is_forwarded(void)
{
    for (unsigned workers = 1; workers <= 2; workers++)
        for (unsigned named = 0; named < 2; named++)
            for (unsigned h264 = 0; h264 < 2; h264++) {
                simulcast(h264 ? CODEC_H264 : CODEC_VP8, named, workers);
                pictures(90);
                CHECK_EQ(viewed.layer, 2);
                CHECK_EQ(viewed.switches, 1);
                CHECK_EQ(viewed.frames[1], 0);
                CHECK(viewed.frames[2] > 25);
                CHECK(viewed.frames[0] + viewed.frames[2] > 88); /* without a pause */
                world_close(&w);
            }
}

static void a_layer_that_pauses_gives_way_and_comes_back(void)
{
    for (unsigned named = 0; named < 2; named++) {
        simulcast(CODEC_VP8, named, 1);
        pictures(90);
        CHECK_EQ(viewed.layer, 2);
        source.paused[2] = true;
        pictures(90);              /* 3 s */
        CHECK_EQ(viewed.layer, 1); /* not the lowest */
        CHECK(viewed.frames[1] > 20);
        source.paused[1] = true;
        pictures(90);
        CHECK_EQ(viewed.layer, 0);
        source.paused[1] = source.paused[2] = false;
        source.keyframe[1] = source.keyframe[2] = true;
        pictures(120);
        CHECK_EQ(viewed.layer, 2);
        CHECK_EQ(viewed.switches, 4);
        world_close(&w);
    }
}

/* A browser's encoder starts anew: the same rid under another SSRC. */
static void a_layer_under_another_ssrc_goes_on(void)
{
    simulcast(CODEC_VP8, true, 1);
    pictures(90);
    CHECK_EQ(viewed.layer, 2);
    for (unsigned i = 0; i < LAYERS; i++) {
        source.ssrc[i] += 100;
        source.keyframe[i] = true;
    }
    pictures(60);
    CHECK_EQ(viewed.layer, 2);
    CHECK(viewed.frames[2] > 70);
    world_close(&w);
}

/* Retransmissions of another layer have that layer's numbers. */
static void retransmissions_of_another_layer_are_left_out(void)
{
    for (unsigned named = 0; named < 2; named++) {
        struct world_client *v = simulcast(CODEC_VP8, named, 1);
        uint8_t payload[60] = {0};
        pictures(90);
        CHECK_EQ(viewed.layer, 2);
        unsigned before = v->rtp;
        for (unsigned i = 0; i < LAYERS; i++) {
            /* layer 2's next one by its own stream, and one of the others' */
            uint16_t seq = (uint16_t)(source.index[2] + (i == 2 ? 0 : 1));
            payload[0] = (uint8_t)(seq >> 8);
            payload[1] = (uint8_t)seq;
            payload[2] = 0x10;
            payload[3] = 1;
            payload[6] = 2;
            payload[7] = 1;
            struct world_rtp r = {.codec = CODEC_VP8,
                                  .ssrc = source.ssrc[i] + 1,
                                  .rtx = true,
                                  .index = 70 + i,
                                  .timestamp = 2000 + 3000 * source.frame,
                                  .payload = {payload, sizeof payload}};
            if (named) {
                r.values[EXT_MID] = (struct bytes){(const uint8_t *)"0", 1};
                r.values[EXT_REPAIRED_RID] = (struct bytes){(const uint8_t *)rids[i], 1};
            }
            world_send_rtp(&w, source.p, &r);
            world_settle(&w);
        }
        CHECK_EQ(v->rtp, before + 1);
        world_close(&w);
    }
}

/* A later offer dropped the layers (RFC 8853 5.3.4): what is forwarded goes on without another's packets in
 * it, and when it ends, the one stream that is left follows. */
static void a_source_that_becomes_one_stream_goes_on(void)
{
    for (unsigned left = 0; left < LAYERS; left++) {
        simulcast(CODEC_VP8, true, 1);
        pictures(90);
        world_command(&w, (struct message){.type = MESSAGE_REPUBLISH,
                                           .to = (uint8_t)world_owner(&w, source.p),
                                           .session = source.p->session,
                                           .track = 1});
        pictures(15); /* the offer comes before the encoders end */
        CHECK(viewed.layer == 2 && viewed.frames[2] > 40 && viewed.switches == 1);
        source.named = false; /* Chromium tells no rid any more */
        for (unsigned i = 0; i < LAYERS; i++)
            source.paused[i] = i != left;
        source.keyframe[left] = true;
        unsigned before = viewed.frames[left];
        pictures(90);
        CHECK_EQ(viewed.layer, left);
        CHECK_EQ(viewed.switches, left == 2 ? 1 : 2);
        CHECK(viewed.frames[left] - before > (left == 2 ? 85 : 50)); /* after LAYER_SILENT */
        world_close(&w);
    }
}

/* More SSRCs than the maximal number of layers do no harm. */
static void layers_without_end_are_bounded(void)
{
    struct prng r;
    prng_seed(&r, 5);
    simulcast(CODEC_VP8, true, 1);
    pictures(60);
    for (unsigned k = 0; k < 200; k++) {
        uint8_t name[16], payload[20] = {0x10};
        for (unsigned i = 0; i < sizeof name; i++)
            name[i] = (uint8_t)prng_next(&r);
        struct world_rtp p = {
            .codec = CODEC_VP8, .ssrc = 5000 + k, .index = 1, .payload = {payload, sizeof payload}};
        p.values[EXT_MID] = (struct bytes){(const uint8_t *)"0", 1};
        p.values[EXT_RID] = (struct bytes){name, sizeof name};
        world_send_rtp(&w, source.p, &p);
        world_settle(&w);
    }
    unsigned before = viewed.frames[2];
    pictures(60);
    CHECK(viewed.frames[2] >= before + 59);
    world_close(&w);
}

TEST_MAIN(TEST(dependency_descriptor_reaches_who_has_it), TEST(the_highest_layer_that_flows_is_forwarded),
          TEST(a_layer_that_pauses_gives_way_and_comes_back), TEST(a_layer_under_another_ssrc_goes_on),
          TEST(retransmissions_of_another_layer_are_left_out), TEST(layers_without_end_are_bounded),
          TEST(a_source_that_becomes_one_stream_goes_on))
