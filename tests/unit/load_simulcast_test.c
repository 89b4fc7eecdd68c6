/* The simulcast layers of the load generator's publishers. */
#include "load/describe.h"
#include "load/source.h"
#include "proto/vp8.h"
#include "tests/unit/test.h"

static struct source source;
static uint8_t packet[1500];
static uint16_t twcc;
static const struct rtp_extension_ids ids = {.id = {[EXT_MID] = SEND_MID,
                                                    [EXT_TRANSPORT_CC] = SEND_TRANSPORT_CC,
                                                    [EXT_RID] = SEND_RID,
                                                    [EXT_REPAIRED_RID] = SEND_REPAIRED_RID}};

struct got {
    struct rtp_view rtp;
    struct bytes ext[EXT_COUNT];
    struct vp8_descriptor vp8;
};

static void begin(struct source *s, unsigned layer)
{
    struct prng prng;
    prng_seed(&prng, 1 + layer);
    source_init(s,
                &(struct source_config){.video = true,
                                        .run = 7,
                                        .client = 19999,
                                        .mid = '1',
                                        .layer = &simulcast[layer],
                                        .video_bps = simulcast[layer].bps},
                &prng);
    source_start(s, MP_S(1));
}

/* The next packet that is due; false: none. */
static bool next(struct got *g, mp_time now)
{
    uint64_t index;
    size_t len = source_packet(&source, packet, 16, &twcc, now, now, &index);
    if (!len)
        return false;
    CHECK(len + 16 <= PACKET_MAX);
    CHECK(rtp_parse(&g->rtp, packet, len));
    CHECK_EQ(g->rtp.seq, index & 0xffff);
    rtp_extensions_read(&g->rtp, &ids, g->ext);
    struct bytes payload = {packet + g->rtp.header_len, g->rtp.payload_len};
    CHECK(g->rtp.payload_type != VIDEO_TYPE || vp8_parse(&g->vp8, payload));
    return true;
}

static bool names(struct bytes value, const char *rid) { return value.len == 1 && *value.data == *rid; }

static void skip_probes(struct got *g)
{
    while (source.probes)
        CHECK(next(g, source.next));
}

static void padding_that_names_the_layer_comes_first(void)
{
    struct got g;
    begin(&source, 1);
    for (int i = 0; i < 2; i++) {
        CHECK(next(&g, source.next));
        CHECK_EQ(g.rtp.payload_type, VIDEO_RTX_TYPE);
        CHECK_EQ(g.rtp.ssrc, source.rtx_ssrc);
        CHECK_EQ(g.rtp.payload_len, 0);
        CHECK_EQ(g.rtp.padding, 224);
        CHECK(names(g.ext[EXT_REPAIRED_RID], "h") && !g.ext[EXT_RID].data && names(g.ext[EXT_MID], "1"));
    }
    CHECK(next(&g, source.next));
    CHECK_EQ(g.rtp.payload_type, VIDEO_TYPE);
    CHECK(names(g.ext[EXT_RID], "h") && !g.ext[EXT_REPAIRED_RID].data && names(g.ext[EXT_MID], "1"));
}

static void packets_name_the_layer_until_the_server_reports_it(void)
{
    struct got g;
    begin(&source, 0);
    skip_probes(&g);
    source_reported(&source, source.ssrc + 1);
    CHECK(next(&g, source.next) && g.ext[EXT_RID].data);
    source_reported(&source, source.ssrc);
    CHECK(next(&g, source.next) && !g.ext[EXT_RID].data && !g.ext[EXT_MID].data);
    CHECK_EQ(g.ext[EXT_TRANSPORT_CC].len, 2);
    source_stop(&source); /* another stay, of which the server knows nothing */
    source_start(&source, MP_S(9));
    skip_probes(&g);
    CHECK(next(&g, source.next) && names(g.ext[EXT_RID], "q"));
}

static void a_key_frame_tells_the_size_of_its_layer(void)
{
    struct got g;
    for (unsigned i = 0; i < SIMULCAST_MAX; i++) {
        begin(&source, i);
        skip_probes(&g);
        CHECK(next(&g, source.next));
        CHECK(g.vp8.keyframe && g.vp8.start);
        CHECK_EQ(g.vp8.width, simulcast[i].width);
        CHECK_EQ(g.vp8.height, simulcast[i].height);
    }
}

/* RFC 7741 4.2: pictures are numbered without gaps; TL0PICIDX counts those of temporal layer 0. */
static void pictures_are_numbered_in_three_temporal_layers(void)
{
    static const uint8_t layers[] = {0, 2, 1, 2, 0, 2, 1, 2}, syncs[] = {0, 1, 1, 0, 0, 0, 0, 0};
    struct got g;
    begin(&source, 2);
    skip_probes(&g);
    uint16_t id = 0;
    uint8_t tl0 = 0;
    for (int frame = 0; frame < 60; frame++) {
        bool first = true;
        mp_time now = source.next;
        source.keyframe_wanted |= frame == 21; /* the pattern begins again */
        int place = frame < 21 ? frame % 8 : (frame - 21) % 8;
        while (next(&g, now)) {
            CHECK_EQ(g.vp8.start, first);
            CHECK_EQ(g.vp8.keyframe, first && (frame == 0 || frame == 21));
            CHECK(frame == 0 || g.vp8.picture_id == ((id + first) & 0x7fff));
            CHECK(frame == 0 || g.vp8.tl0 == (uint8_t)(tl0 + (first && layers[place] == 0)));
            CHECK(g.vp8.wide && g.vp8.layered);
            CHECK_EQ(g.vp8.temporal, layers[place]);
            CHECK_EQ(g.vp8.sync, syncs[place]);
            CHECK_EQ(g.vp8.discardable, layers[place] == 2);
            id = g.vp8.picture_id;
            tl0 = g.vp8.tl0;
            first = false;
        }
        CHECK(g.rtp.marker);
    }
}

/* Bytes of `frames` frames, headers included; *key: of the first. */
static size_t bytes_of(unsigned frames, size_t *key)
{
    size_t sum = 0;
    struct got g;
    for (unsigned i = 0; i < frames; i++) {
        mp_time now = source.next;
        while (next(&g, now))
            sum += g.rtp.len + 16u;
        if (i == 0)
            *key = sum;
    }
    return sum;
}

static void a_layer_keeps_its_rate_though_key_frames_are_large(void)
{
    struct got g;
    for (unsigned i = 0; i < SIMULCAST_MAX; i++) {
        size_t key = 0, mean = simulcast[i].bps / 8 / FRAME_RATE;
        begin(&source, i);
        skip_probes(&g);
        size_t sum = bytes_of(100 * FRAME_RATE, &key);
        CHECK(key > 5 * mean && key < 7 * mean);
        CHECK(sum > mean * 98 * FRAME_RATE && sum < mean * 102 * FRAME_RATE);
    }
}

static void a_viewer_reads_the_stamp_of_a_layer(void)
{
    struct got g;
    struct stamp stamp;
    begin(&source, 2);
    skip_probes(&g);
    for (int i = 0; i < 3; i++) {
        CHECK(next(&g, source.next));
        CHECK(source_stamp_read(&stamp, &g.rtp, 7));
        CHECK_EQ(stamp.layer, 2);
        CHECK_EQ(stamp.client, 19999);
        CHECK_EQ((uint16_t)stamp.index, g.rtp.seq);
        CHECK(!source_stamp_read(&stamp, &g.rtp, 8));
    }
}

static void rates_are_shared_in_proportion(void)
{
    CHECK_EQ(simulcast_bps(3), 2400000);
    CHECK_EQ(simulcast_bps(2), 600000);
    CHECK_EQ(simulcast_share(2, 3, 2400000), 1800000);
    CHECK_EQ(simulcast_share(0, 3, 1200000), 75000);
}

static bool has(const char *text, const char *part) { return strstr(text, part) != NULL; }

/* RFC 8853 5.2, in the form of tests/golden/chromium-simulcast.sdp. */
static void the_offer_has_the_layers_in_one_section(void)
{
    struct source layers[SIMULCAST_MAX];
    for (unsigned i = 0; i < SIMULCAST_MAX; i++)
        begin(&layers[i], i);
    struct description d = {
        .ufrag = "user", .password = "passwordpasswordpassword", .sources = layers, .source_count = 3};
    char *offer = describe_offer(&d, false, true);
    enum sdp_error error;
    struct sdp *sdp = sdp_parse(offer, strlen(offer), &error);
    CHECK(sdp && sdp->count == 1 && sdp->sections[0].layered && sdp->sections[0].rid_count == 3);
    for (unsigned i = 0; i < SIMULCAST_MAX; i++)
        CHECK(sdp->sections[0].rids[i].name.len == 1 &&
              *sdp->sections[0].rids[i].name.data == *simulcast[i].rid);
    CHECK(has(offer, "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n"));
    CHECK(has(offer, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"));
    CHECK(has(offer, "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"));
    CHECK(!has(offer, "a=ssrc"));
    sdp_free(sdp);
    free(offer);
}

TEST_MAIN(TEST(padding_that_names_the_layer_comes_first),
          TEST(packets_name_the_layer_until_the_server_reports_it),
          TEST(a_key_frame_tells_the_size_of_its_layer), TEST(pictures_are_numbered_in_three_temporal_layers),
          TEST(a_layer_keeps_its_rate_though_key_frames_are_large), TEST(a_viewer_reads_the_stamp_of_a_layer),
          TEST(rates_are_shared_in_proportion), TEST(the_offer_has_the_layers_in_one_section))
