/* Floods by clients: requests for key frames and retransmissions, false reports, handshakes that they never
 * finish. Other clients must not notice. */
#include "base/prng.h"
#include "proto/codec.h"
#include "proto/rtp.h"
#include "proto/stun.h"
#include "sfu/report.h"
#include "sfu/session.h"
#include "sfu/track.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"
#include <malloc.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define ROUNDS 5
#else
#define ROUNDS 100
#endif
#define UNFINISHED 100 /* handshakes of a round */

#define VIDEO   0x1111
#define OUT     0x9000 /* the first viewer's; two numbers each */
#define VIEWERS 100
#define FRAME   MP_MS(33)
#define SIZE    1000

static struct world w;
static struct world_client *publisher, *viewers[VIEWERS];
static uint64_t next_index;

static uint32_t ssrc_of(unsigned viewer) { return OUT + 2 * viewer; }

static void call(unsigned workers, unsigned count)
{
    world_open_for(&w, workers, 256);
    publisher = world_join(&w, 0);
    world_connect(&w, publisher);
    world_publish(&w, publisher, 1, CODEC_VP8, VIDEO);
    next_index = 10;
    for (unsigned i = 0; i < count; i++) {
        w.event_count = 0;
        viewers[i] = world_join(&w, i % workers);
        world_connect(&w, viewers[i]);
        world_subscribe(&w, viewers[i], publisher, 1, CODEC_VP8, ssrc_of(i));
    }
}

static void frame(bool key)
{
    world_send(&w, publisher, CODEC_VP8, VIDEO, next_index, (uint32_t)(3000 * next_index), key, true, SIZE);
    next_index++;
    w.event_count = 0;
    world_run(&w, FRAME);
}

static void hundred_viewers_that_ask_for_pictures_cost_the_publisher_one_a_second(void)
{
    uint8_t pli[12];
    call(2, VIEWERS);
    frame(true);
    world_run(&w, MP_S(2));
    unsigned before = publisher->pli, rtp = viewers[7]->rtp;
    for (unsigned turn = 0; turn < 300; turn++) { /* 3 s: a hundred requests a second of each */
        for (unsigned i = 0; i < VIEWERS; i++)
            world_send_rtcp(&w, viewers[i], pli, rtcp_write_pli(pli, sizeof pli, 1, ssrc_of(i)));
        if (turn % 3 == 0)
            world_send(&w, publisher, CODEC_VP8, VIDEO, next_index++, 3000, false, true, 100);
        world_run(&w, MP_MS(10));
    }
    CHECK(publisher->pli - before >= 2 && publisher->pli - before <= 4);
    CHECK_EQ(viewers[7]->rtp - rtp, 100); /* all that was sent, and no more */
    world_close(&w);
}

/* A viewer asks ten times a second for 60 s, as one on a narrow line does: five times, and once more in ten
 * seconds, each with one repetition. Another viewer's request is answered at once. */
static void viewer_gets_its_share_of_the_key_frames_that_all_viewers_get(void)
{
    uint8_t pli[12];
    call(2, 3);
    frame(true);
    world_run(&w, MP_S(2));
    unsigned before = publisher->pli;
    for (unsigned turn = 0; turn < 600; turn++) {
        world_send_rtcp(&w, viewers[0], pli, rtcp_write_pli(pli, sizeof pli, 1, ssrc_of(0)));
        frame(false);
        world_run(&w, MP_MS(100) - FRAME);
    }
    CHECK(publisher->pli - before >= 10 && publisher->pli - before <= 22);
    CHECK(stat_get(&w.stats[0].pli_refused) + stat_get(&w.stats[1].pli_refused) >= 400);
    before = publisher->pli;
    world_send_rtcp(&w, viewers[1], pli, rtcp_write_pli(pli, sizeof pli, 1, ssrc_of(1)));
    world_run(&w, MP_MS(50));
    CHECK_EQ(publisher->pli - before, 1);
    world_close(&w);
}

/* --- retransmissions --- */

static uint64_t rtx_bytes;
static uint32_t rtx_ssrc;
static void count_rtx(struct world_client *c, const uint8_t *data, size_t len)
{
    rtx_bytes += get32(data + 8) == rtx_ssrc ? len : 0;
}

/* Every number of the last second or so, in as few packets as it takes. */
static void nack_everything(struct world_client *viewer, uint32_t ssrc, uint16_t newest)
{
    uint16_t numbers[256];
    uint8_t nack[1200];
    size_t used = 0;
    for (unsigned i = 0; i < 256; i++)
        numbers[i] = (uint16_t)(newest - 255 + i);
    for (size_t at = 0; at < 256; at += used)
        world_send_rtcp(&w, viewer, nack,
                        rtcp_write_nack(nack, sizeof nack, 1, ssrc, numbers + at, 256 - at, &used));
}

static void who_reports_everything_missing_gets_a_quarter_more_and_nobody_else_notices(void)
{
    struct rtp_view view;
    call(2, 3);
    frame(true);
    rtx_bytes = 0;
    rtx_ssrc = ssrc_of(0) + 1;
    viewers[0]->on_rtp = count_rtx;
    unsigned rtp[3] = {viewers[0]->rtp, viewers[1]->rtp, viewers[2]->rtp};
    uint64_t media = 0, asked = stat_get(&w.stats[0].nack_in);
    for (unsigned n = 0; n < 900; n++) { /* 30 s, every packet of the last 8 reported 10 times a frame */
        frame(false);
        media += SIZE;
        CHECK(rtp_parse(&view, viewers[0]->last, viewers[0]->last_len));
        for (unsigned i = 0; i < 10; i++)
            nack_everything(viewers[0], ssrc_of(0), (uint16_t)(view.ssrc == ssrc_of(0) ? view.seq : 0));
        world_settle(&w);
    }
    asked = stat_get(&w.stats[0].nack_in) - asked;
    printf("# %llu numbers reported, %llu bytes sent again beside %llu of media\n", (unsigned long long)asked,
           (unsigned long long)rtx_bytes, (unsigned long long)media);
    CHECK(asked > 1000000);
    CHECK(rtx_bytes > 0 &&
          rtx_bytes < (media / 4 + 60000) * 11 / 10); /* the share and one burst, and RTX is a bit longer */
    CHECK(world_drops(&w, DROP_RTX_BUDGET) > 0);
    CHECK_EQ(viewers[1]->rtp - rtp[1], 900);
    CHECK_EQ(viewers[2]->rtp - rtp[2], 900);
    CHECK_EQ(publisher->nacked, 0); /* the server has the packets: it requests none from the publisher */
    world_close(&w);
}

/* --- false reports --- */

static size_t write_remb(uint8_t *out, uint32_t ssrc, uint8_t exponent, uint32_t mantissa)
{
    static const uint8_t head[] = {0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1};
    memcpy(out, head, sizeof head);
    out[17] = (uint8_t)(exponent << 2 | mantissa >> 16);
    put16(out + 18, (uint16_t)mantissa);
    put32(out + 20, ssrc);
    return 24;
}

/* One feedback packet whose reference time and numbers go backwards from one to the next. */
static size_t write_backwards_twcc(uint8_t *out, uint32_t ssrc, unsigned turn)
{
    memset(out, 0, 24);
    put32(out, 0x8fcd0005); /* RTPFB 15 of 24 bytes */
    put32(out + 4, 1);
    put32(out + 8, ssrc);
    put16(out + 12, (uint16_t)(60000 - turn * 7));
    put16(out + 14, 1);                    /* one packet … */
    put24(out + 16, 0xffffff - turn * 50); /* … received 3 s before the last one */
    out[19] = (uint8_t)turn;
    put16(out + 20, 0x2001); /* a run of one, small delta */
    return 24;
}

static void lying_reports_change_nothing_for_anybody_else(void)
{
    uint8_t out[256];
    unsigned turn = 0;
    call(2, 3);
    frame(true);
    unsigned rtp[3] = {viewers[0]->rtp, viewers[1]->rtp, viewers[2]->rtp};
    unsigned nacked = publisher->nacked, pli = publisher->pli;
    for (; turn < 300; turn++) {
        struct rtcp_report lost = {.ssrc = ssrc_of(0),
                                   .fraction_lost = 255,
                                   .lost = 0x7fffff,
                                   .seq_ext_max = turn * 0x01000000u,
                                   .jitter = UINT32_MAX,
                                   .lsr = turn * 0x10001u,
                                   .dlsr = UINT32_MAX - turn};
        frame(false);
        world_send_rtcp(&w, viewers[0], out, write_remb(out, ssrc_of(0), 0, 0));        /* 0 bit/s */
        world_send_rtcp(&w, viewers[0], out, write_remb(out, ssrc_of(0), 63, 0x3ffff)); /* 2^81 */
        /* about a stream of another client */
        world_send_rtcp(&w, viewers[0], out, write_remb(out, VIDEO, 0, 0));
        world_send_rtcp(&w, viewers[0], out, write_backwards_twcc(out, ssrc_of(0), turn));
        world_send_rtcp(&w, viewers[0], out, rtcp_write_rr(out, sizeof out, 1, &lost, 1));
        lost.ssrc = VIDEO;
        world_send_rtcp(&w, viewers[0], out, rtcp_write_rr(out, sizeof out, VIDEO, &lost, 1));
        world_send_rtcp(&w, viewers[0], out,
                        rtcp_write_bye(out, sizeof out, VIDEO)); /* in the publisher's name */
        world_settle(&w);
    }
    CHECK_EQ(viewers[1]->rtp - rtp[1], turn);
    CHECK_EQ(viewers[2]->rtp - rtp[2], turn);
    /* The publisher gets reports of the server's own measurements: no loss, no NACK, the true rate. */
    CHECK_EQ(publisher->nacked, nacked);
    CHECK_EQ(publisher->pli, pli);
    CHECK(publisher->twcc > 20);
    CHECK_EQ(world_drops(&w, DROP_RTCP_MALFORMED), 0);
    /* The lying viewer gets its streams as before. */
    CHECK_EQ(viewers[0]->rtp - rtp[0], turn);
    world_close(&w);
}

/* --- unfinished handshakes --- */

static uint8_t hello[1500];
static size_t hello_len;
static bool record_hello(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    if (!to_client && !hello_len && data[0] == 22) {
        memcpy(hello, data, len);
        hello_len = len;
    }
    return false;
}

/* A session whose client sends an authentic check and a true ClientHello, and then nothing. */
static uint32_t unfinished(uint8_t number, uint8_t round)
{
    struct session_setup setup = {.fingerprint = {.hash = "sha-256", .len = 32}};
    struct session_credentials credentials;
    struct stun_writer s;
    struct hmac_sha1 key;
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE], check[300];
    char name[64];
    struct path path = *client_path(publisher->client);
    path.local.ip[14] = number;
    path.local.ip[15] = round;
    memset(random, number + round, sizeof random);
    uint32_t session = registry_open(w.registry, &setup, random, &credentials);
    snprintf(name, sizeof name, "%s:them", credentials.ufrag);
    hmac_sha1_key(&key, (const uint8_t *)credentials.password, PASSWORD_SIZE);
    stun_begin(&s, check, sizeof check, STUN_REQUEST, STUN_BINDING, (const uint8_t *)"123456789012");
    stun_add(&s, STUN_ATTR_USERNAME, name, strlen(name));
    stun_add(&s, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&s, &key);
    stun_add_fingerprint(&s);
    world_datagram(&w, 0, &path, check, stun_end(&s));
    world_datagram(&w, 0, &path, hello, hello_len);
    world_settle(&w);
    return session;
}

static void handshakes_that_nobody_ends_are_let_go_and_others_connect_meanwhile(void)
{
    uint32_t sessions[UNFINISHED];
    hello_len = 0;
    world_open_for(&w, 1, UNFINISHED + ROUNDS + 1);
    w.lose = record_hello;
    publisher = world_join(&w, 0);
    world_connect(&w, publisher);
    w.lose = NULL;
    CHECK(hello_len > 0);
    size_t before = mallinfo2().uordblks, during = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (uint8_t i = 0; i < UNFINISHED; i++)
            sessions[i] = unfinished(i, (uint8_t)round);
        w.event_count = 0;
        CHECK_EQ(stat_get(&w.stats[0].sessions), UNFINISHED + 1 + round);
        during = during ? during : mallinfo2().uordblks;
        world_connect(&w, world_join(&w, 0)); /* an honest one, at its usual pace */
        world_run(&w, MP_S(31));
        for (uint8_t i = 0; i < UNFINISHED; i++) {
            const struct message *ended = world_event(&w, MESSAGE_ENDED, sessions[i]);
            CHECK(ended && ended->reason != END_CLOSED);
            registry_release(w.registry, sessions[i]);
        }
        CHECK_EQ(stat_get(&w.stats[0].sessions), 2 + round);
        CHECK_EQ(client_state(publisher->client), CLIENT_CONNECTED);
    }
    printf("# %u handshakes, %zu KiB of each while it lasts\n", ROUNDS * UNFINISHED,
           (during - before) / UNFINISHED / 1024);
    world_close(&w);
}

/* --- work for one datagram of feedback --- */

static unsigned deadlines, clocks; /* computed, told */

mp_time __real_report_deadline(const struct session *);
mp_time __wrap_report_deadline(const struct session *session)
{
    deadlines++;
    return __real_report_deadline(session);
}

void __real_track_clock(struct sfu *, struct track *, const struct source_clock *);
void __wrap_track_clock(struct sfu *sfu, struct track *t, const struct source_clock *clock)
{
    clocks++;
    __real_track_clock(sfu, t, clock);
}

#define TRACKS 8

/* A publisher of eight tracks that each miss 250 packets, and one viewer of all. */
static void call_with_losses(void)
{
    world_open(&w, 1);
    publisher = world_join(&w, 0);
    viewers[0] = world_join(&w, 0);
    world_connect(&w, publisher);
    world_connect(&w, viewers[0]);
    for (uint32_t i = 0; i < TRACKS; i++) {
        world_publish(&w, publisher, 1 + i, CODEC_VP8, VIDEO + 2 * i);
        world_subscribe(&w, viewers[0], publisher, 1 + i, CODEC_VP8, ssrc_of(i));
    }
    world_run(&w, MP_S(2)); /* the requests of the join are sent */
    for (uint32_t i = 0; i < TRACKS; i++)
        for (uint64_t seq = 10; seq <= 261; seq += 251)
            world_send(&w, publisher, CODEC_VP8, VIDEO + 2 * i, seq, 3000, seq == 10, true, 100);
}

static size_t write_feedback(uint8_t *out, uint8_t format, uint8_t type, size_t len, uint32_t media)
{
    put16(out, (uint16_t)((0x80 | format) << 8 | type));
    put16(out + 2, (uint16_t)(len / 4 - 1));
    put32(out + 4, 1);
    put32(out + 8, media);
    return len;
}

/* RFC 5104 4.3.1: a FIR names as many as fit. */
static void storm_of_key_frame_requests_costs_what_it_changes(void)
{
    uint8_t fir[12 + 170 * 8] = {0};
    call_with_losses();
    size_t len = write_feedback(fir, 4, 206, sizeof fir, 0);
    for (uint32_t i = 0; i < 170; i++)
        put32(fir + 12 + 8 * i, ssrc_of(i % TRACKS));
    for (int again = 0; again < 2; again++) {
        uint64_t before = stat_get(&w.stats[0].pli_in);
        deadlines = 0;
        world_send_rtcp(&w, viewers[0], fir, len);
        CHECK_EQ(stat_get(&w.stats[0].pli_in) - before, 170);
        /* the viewer's own, and of each track that was not asked yet */
        CHECK(deadlines <= (again ? 1 : TRACKS + 1));
    }
    world_run(&w, MP_S(2));
    CHECK_EQ(publisher->pli, 2 * TRACKS);
    world_close(&w);
}

/* RFC 4585 6.2.1: 87 packets of one number and its mask fit a datagram. */
static void numbers_of_one_datagram_are_bounded(void)
{
    uint8_t nacks[87 * 16] = {0};
    call_with_losses();
    for (size_t i = 0; i < 87; i++) {
        write_feedback(nacks + 16 * i, 1, 205, 16, ssrc_of(0));
        put32(nacks + 16 * i + 12, (uint32_t)(17 * i) << 16 | 0xffff);
    }
    world_send_rtcp(&w, viewers[0], nacks, sizeof nacks);
    CHECK_EQ(stat_get(&w.stats[0].nack_in), 512);
    world_close(&w);
}

/* RFC 3550 6.2: reports are seconds apart. */
static void sender_reports_of_one_moment_are_told_once(void)
{
    uint8_t sr[49 * 28] = {0};
    call_with_losses();
    for (size_t i = 0; i < 49; i++)
        CHECK_EQ(
            rtcp_write_sr(sr + 28 * i, 28, VIDEO + 2 * (i % 2), &(struct rtcp_sr){.ntp = i << 32}, NULL, 0),
            28);
    clocks = 0;
    world_send_rtcp(&w, publisher, sr, sizeof sr);
    CHECK_EQ(clocks, 2);
    world_run(&w, MP_MS(5));
    world_send_rtcp(&w, publisher, sr, sizeof sr);
    CHECK_EQ(clocks, 4);
    world_close(&w);
}

TEST_MAIN(TEST(storm_of_key_frame_requests_costs_what_it_changes), TEST(numbers_of_one_datagram_are_bounded),
          TEST(sender_reports_of_one_moment_are_told_once),
          TEST(hundred_viewers_that_ask_for_pictures_cost_the_publisher_one_a_second),
          TEST(viewer_gets_its_share_of_the_key_frames_that_all_viewers_get),
          TEST(who_reports_everything_missing_gets_a_quarter_more_and_nobody_else_notices),
          TEST(lying_reports_change_nothing_for_anybody_else),
          TEST(handshakes_that_nobody_ends_are_let_go_and_others_connect_meanwhile))
