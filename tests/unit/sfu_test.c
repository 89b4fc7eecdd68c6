#include "crypto/crypto.h"
#include "proto/codec.h"
#include "proto/demux.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "proto/stun.h"
#include "sfu/core.h"
#include "sfu/keyframe.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"
#include <stdlib.h>

#define VIDEO 0x1111
#define AUDIO 0x2222
#define OUT   0x9999

static struct world w;

/* A publisher and a viewer on workers of the test's choice, both connected; one video track between them. */
static void call(unsigned workers, unsigned a, unsigned b, struct world_client **publisher,
                 struct world_client **viewer)
{
    world_open(&w, workers);
    *publisher = world_join(&w, a);
    *viewer = world_join(&w, b);
    world_connect(&w, *publisher);
    world_connect(&w, *viewer);
    world_publish(&w, *publisher, 1, CODEC_VP8, VIDEO);
    world_subscribe(&w, *viewer, *publisher, 1, CODEC_VP8, OUT);
}

static void frames(struct world_client *c, uint64_t from, unsigned count, bool first_key)
{
    for (unsigned i = 0; i < count; i++) {
        world_send(&w, c, CODEC_VP8, VIDEO, from + i, (uint32_t)(3000 * (from + i)), first_key && i == 0,
                   true, 1000);
        world_settle(&w);
        world_run(&w, MP_MS(33));
    }
}

/* The number of its last received packet. */
static uint16_t last_seq(const struct world_client *c)
{
    struct rtp_view v;
    CHECK(rtp_parse(&v, c->last, c->last_len));
    return v.seq;
}

static bool lose_dtls(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return data[0] >= 20 && data[0] < 64;
}

static void session_is_claimed_by_the_worker_that_hears_it(void)
{
    world_open(&w, 2);
    struct world_client *c = world_join(&w, 1);
    CHECK_EQ(world_owner(&w, c), OWNER_NONE);
    world_connect(&w, c);
    CHECK_EQ(world_owner(&w, c), 1);
    CHECK(world_event(&w, MESSAGE_CLAIMED, c->session) &&
          world_event(&w, MESSAGE_CLAIMED, c->session)->from == 1);
    CHECK(world_event(&w, MESSAGE_CONNECTED, c->session) != NULL);
    const struct message *seen = world_event(&w, MESSAGE_PATH_SEEN, c->session);
    CHECK(seen && address_equal(&seen->path.remote, &client_path(c->client)->local));
    struct address mapped = client_mapped(c->client);
    CHECK(address_equal(&mapped, &client_path(c->client)->local));
    world_close(&w);
}

static unsigned hellos;

/* The server's first two, as on any network. */
static bool lose_hellos(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return to_client && len > 13 && data[0] == 22 && hellos++ < 2;
}

/* RFC 8842 5.2: to setup:passive the answer is active. */
static void passive_client_is_begun_with(void)
{
    struct world_client *c;
    world_open(&w, 2);
    w.passive = true;
    hellos = 0;
    w.lose = lose_hellos;
    c = world_join(&w, 1);
    client_hold_nomination(c->client, true);
    world_run(&w, MP_MS(300));
    CHECK_EQ(hellos, 0); /* not before the client chose a path */
    client_hold_nomination(c->client, false);
    world_connect(&w, c);
    CHECK(hellos > 2);
    CHECK_EQ(world_event(&w, MESSAGE_CONNECTED, c->session) != NULL, true);
    w.passive = false;
    struct world_client *v = world_join(&w, 0);
    world_connect(&w, v);
    world_publish(&w, c, 1, CODEC_VP8, 1000);
    world_subscribe(&w, v, c, 1, CODEC_VP8, 2000);
    frames(c, 0, 10, true);
    CHECK_EQ(v->rtp, 10);
    world_run(&w, MP_S(12)); /* nothing of the handshake is left by then */
    frames(c, 10, 10, false);
    CHECK_EQ(v->rtp, 20);
    world_close(&w);
}

/* Checks go on while the handshake waits for its answer: they do not restart it. */
static void handshake_with_a_passive_client_is_begun_once(void)
{
    unsigned begun = 0;
    world_open(&w, 1);
    w.passive = true;
    w.lose = lose_dtls;
    struct world_client *c = world_join(&w, 0);
    world_run(&w, MP_S(9));
    for (size_t i = 0; i < w.event_count; i++)
        begun += w.events[i].type == MESSAGE_SESSION_EVENT && w.events[i].event.kind == EVENT_DTLS_STARTED;
    CHECK_EQ(begun, 1);
    CHECK(stat_get(&w.stats[0].checks) > 2);
    w.lose = NULL;
    world_run(&w, MP_S(5)); /* the next retransmission comes through */
    CHECK(world_event(&w, MESSAGE_CONNECTED, c->session) != NULL);
    w.passive = false;
    world_close(&w);
}

/* The server ignores a ClientHello of a passive client: two handshakes would cross. */
static void client_hello_of_a_passive_client_is_dropped(void)
{
    static const uint8_t hello[64] = {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 51, 1};
    world_open(&w, 1);
    w.passive = true;
    struct world_client *c = world_join(&w, 0);
    client_hold_nomination(c->client, true);
    world_run(&w, MP_MS(300));
    world_datagram(&w, 0, client_path(c->client), hello, sizeof hello);
    CHECK_EQ(world_drops(&w, DROP_DTLS), 1);
    client_hold_nomination(c->client, false);
    world_connect(&w, c);
    world_close(&w);
}

static void datagrams_at_another_worker_reach_the_owner(void)
{
    struct world_client *p, *v;
    call(2, 0, 0, &p, &v);
    struct address moved = client_path(p->client)->local;
    moved.port++;
    client_move(p->client, &moved);
    p->received_by = 1; /* the kernel's hash of the new address */
    world_run(&w, MP_S(3));
    CHECK_EQ(world_owner(&w, p), 0);
    unsigned before = v->rtp;
    frames(p, 10, 3, true);
    CHECK_EQ(v->rtp - before, 3);
    CHECK(stat_get(&w.stats[1].strays_out) > 0);
    CHECK_EQ(stat_get(&w.stats[1].strays_out), w.told[MESSAGE_STRAY]);
    CHECK_EQ(stat_get(&w.stats[1].sessions), 0);
    world_close(&w);
}

static size_t check_of(const struct world_client *c, uint8_t *data, size_t size)
{
    struct stun_writer s;
    struct hmac_sha1 key;
    char name[64];
    snprintf(name, sizeof name, "%s:abcd", c->credentials.ufrag);
    hmac_sha1_key(&key, (const uint8_t *)c->credentials.password, PASSWORD_SIZE);
    stun_begin(&s, data, size, STUN_REQUEST, STUN_BINDING, (const uint8_t *)"123456789012");
    stun_add(&s, STUN_ATTR_USERNAME, name, strlen(name));
    stun_add_integrity(&s, &key);
    stun_add_fingerprint(&s);
    return stun_end(&s);
}

/* A worker that receives datagrams of another worker's session is told the owner again, at most once a
 * second. */
static void another_worker_is_told_of_a_path_once_a_second(void)
{
    uint8_t check[300];
    world_open(&w, 2);
    struct world_client *c = world_join(&w, 0);
    world_connect(&w, c);
    struct path other = *client_path(c->client);
    other.remote.port++;
    world_datagram(&w, 1, &other, check, check_of(c, check, sizeof check));
    world_settle(&w);
    CHECK_EQ(w.told[MESSAGE_PATH_ADDED], 1);
    for (unsigned i = 1; i <= 50; i++) {
        world_run(&w, MP_MS(100));
        world_datagram(&w, 1, &other, check, check_of(c, check, sizeof check));
        world_settle(&w);
        CHECK_EQ(w.told[MESSAGE_PATH_ADDED], 1 + i / 10);
    }
    world_close(&w);
}

static void session_is_reached_by_another_workers_link(void)
{
    struct world_client *p, *v;
    call(2, 0, 0, &p, &v);
    v->link = p->link = link_make(LINK_STREAM, 1, 4711);
    v->received_by = p->received_by = 1;
    world_run(&w, MP_S(6)); /* their checks nominate it */
    unsigned before = v->rtp, by_link = v->by_link;
    frames(p, 10, 20, true);
    CHECK_EQ(v->rtp - before, 20);
    CHECK_EQ(v->by_link - by_link, 20);
    CHECK_EQ(world_owner(&w, v), 0);
    CHECK_EQ(stat_get(&w.stats[1].sessions), 0);
    v->link = link_make(LINK_STREAM, 0, 4711); /* the same addresses by another link are another path */
    v->received_by = 0;
    world_run(&w, MP_S(6));
    by_link = v->by_link;
    frames(p, 30, 20, true);
    CHECK_EQ(v->by_link - by_link, 20);
    world_close(&w);
}

/* RFC 8656 3.1: a TURN connection carries TURN's messages. A session's datagrams do not fit its framing. */
static void turn_clients_connection_is_no_path_of_a_session(void)
{
    struct world_client *p, *v;
    for (unsigned worker = 0; worker < 2; worker++) {
        call(2, 0, 0, &p, &v);
        v->link = link_make(LINK_TURN, worker, 4711);
        v->received_by = worker;
        world_run(&w, MP_S(6)); /* its checks nominate that */
        CHECK(world_drops(&w, DROP_LINK) > 0);
        frames(p, 10, 20, true);
        CHECK_EQ(v->by_link, 0);
        CHECK_EQ(stat_get(&w.stats[0].sessions), 2);
        world_close(&w);
    }
}

static void media_waits_for_a_key_frame(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    frames(p, 10, 5, false);
    CHECK_EQ(v->rtp, 0);
    CHECK(p->pli > 0);
    frames(p, 15, 5, true);
    CHECK_EQ(v->rtp, 5);
    world_close(&w);
}

static void viewer_gets_its_own_numbers(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    struct bytes mid;
    call(1, 0, 0, &p, &v);
    frames(p, 65530, 1, true);
    CHECK(rtp_parse(&view, v->last, v->last_len));
    uint16_t first = view.seq;
    CHECK_EQ(view.ssrc, OUT);
    CHECK_EQ(view.payload_type, 120);
    CHECK_EQ(view.payload_len, 1000);
    CHECK(rtp_extension_find(&view, 1, &mid) && bytes_equal(mid, "s1", 2));
    CHECK(rtp_extension_find(&view, 2, &mid) && mid.len == 3);
    CHECK(!rtp_extension_find(&view, 3, &mid)); /* transport-wide-cc is the publisher's, not the viewer's */
    frames(p, 65531, 10, false);                /* over the source's wrap */
    CHECK(rtp_parse(&view, v->last, v->last_len));
    CHECK_EQ((uint16_t)(view.seq - first), 10);
    CHECK_EQ(v->rtp, 11);
    world_close(&w);
}

static void every_worker_has_its_replica(void)
{
    struct world_client *p, *v[3];
    world_open(&w, 4);
    p = world_join(&w, 0);
    world_connect(&w, p);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    for (unsigned i = 0; i < 3; i++) {
        v[i] = world_join(&w, i + 1);
        world_connect(&w, v[i]);
        world_subscribe(&w, v[i], p, 1, CODEC_VP8, OUT + i);
    }
    world_run(&w, MP_MS(10));
    frames(p, 100, 20, true);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(v[i]->rtp, 20);
    /* the key frame arrived before the first request: the stream had not started */
    CHECK_EQ(p->pli, 0);
    world_command(
        &w, (struct message){.type = MESSAGE_UNSUBSCRIBE, .to = 2, .session = v[1]->session, .track = 1});
    world_settle(&w);
    frames(p, 120, 5, false);
    CHECK_EQ(v[1]->rtp, 20);
    CHECK_EQ(v[2]->rtp, 25);
    CHECK_EQ(stat_get(&w.stats[2].tracks), 0);
    CHECK_EQ(stat_get(&w.stats[0].media_out), 3 * 20 + 2 * 5); /* once a worker */
    CHECK(stat_get(&w.stats[0].rtp_out) == 0 && stat_get(&w.stats[1].rtp_out) == 25);
    world_close(&w);
}

static struct {
    uint64_t packets, bytes, answers, requests;
} counted;

static bool count_datagrams(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    struct stun_view v;
    bool stun = stun_parse(&v, data, len) == STUN_OK;
    if (to_client) {
        counted.answers += stun && v.class == STUN_SUCCESS;
        return false;
    }
    counted.packets++;
    counted.bytes += len;
    counted.requests += stun && v.class == STUN_REQUEST;
    return false;
}

static void counters_tell_what_came_and_what_was_sent_again(void)
{
    struct world_client *p, *v;
    uint8_t nack[32], forged[64];
    size_t used;
    memset(&counted, 0, sizeof counted);
    world_open(&w, 1);
    w.lose = count_datagrams;
    p = world_join(&w, 0);
    v = world_join(&w, 0);
    world_connect(&w, p);
    world_connect(&w, v);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    world_subscribe(&w, v, p, 1, CODEC_VP8, OUT);
    frames(p, 10, 10, true);
    world_send(&w, p, CODEC_VP8, VIDEO, 21, 90000, false, true, 1000); /* number 20 is missing */
    world_run(&w, MP_S(1));
    const struct stats *s = &w.stats[0];
    CHECK(stat_get(&s->packets_in) == counted.packets && stat_get(&s->bytes_in) == counted.bytes);
    uint16_t missing[] = {(uint16_t)(last_seq(v) - 4), (uint16_t)(last_seq(v) - 3)};
    world_send_rtcp(&w, v, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, missing, 2, &used));
    world_settle(&w);
    CHECK(stat_get(&s->checks) == counted.requests && stat_get(&s->checks) == counted.answers);
    CHECK(p->nacked > 1 && stat_get(&s->nack_out) == p->nacked);
    CHECK(stat_get(&s->nack_in) == 2 && stat_get(&s->rtx_out) == 2);
    CHECK(stat_get(&s->rtp_in) == 11 && stat_get(&s->rtp_out) == 11 && v->rtp == 11 + 2);
    CHECK(stat_get(&s->sessions) == 2 && stat_get(&s->tracks) == 1 && stat_get(&s->subscriptions) == 1);
    CHECK_EQ(world_drops(&w, DROP_STUN_INTEGRITY), 0);
    struct stun_writer answer; /* an answer without a check */
    stun_begin(&answer, forged, sizeof forged, STUN_SUCCESS, STUN_BINDING, (const uint8_t *)"a transaction");
    stun_add_fingerprint(&answer);
    world_datagram(&w, 0, client_path(p->client), forged, stun_end(&answer));
    CHECK_EQ(world_drops(&w, DROP_STUN_INTEGRITY), 1);
    world_close(&w);
}

static void replica_may_open_before_its_origin(void)
{
    struct world_client *p, *v;
    world_open(&w, 2);
    p = world_join(&w, 0);
    v = world_join(&w, 1);
    world_connect(&w, p);
    world_connect(&w, v);
    world_subscribe(&w, v, p, 1, CODEC_VP8, OUT);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    frames(p, 5, 4, true);
    CHECK_EQ(v->rtp, 4);
    world_close(&w);
}

/* Each worker takes the other for the origin, which only a mistake of the control plane could bring about. */
static void replicas_do_not_send_to_each_other(void)
{
    struct world_client *p, *second, *v[2];
    world_open(&w, 2);
    p = world_join(&w, 0);
    second = world_join(&w, 1);
    world_connect(&w, p);
    world_connect(&w, second);
    for (unsigned i = 0; i < 2; i++) {
        v[i] = world_join(&w, i);
        world_connect(&w, v[i]);
        sfu_message(w.sfu[i],
                    &(struct message){
                        .type = MESSAGE_REPLICA_OPEN, .from = (uint8_t)!i, .to = (uint8_t)i, .track = 1},
                    w.now);
    }
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    for (unsigned i = 0; i < 2; i++)
        world_subscribe(&w, v[i], p, 1, CODEC_VP8, OUT + i);
    frames(p, 5, 4, true);
    CHECK(v[0]->rtp == 4 && v[1]->rtp == 4);
    CHECK_EQ(stat_get(&w.stats[0].media_out), 4);
    CHECK_EQ(stat_get(&w.stats[1].media_out), 0);
    world_publish(&w, second, 1, CODEC_VP8, VIDEO); /* on either worker somebody publishes it */
    frames(p, 9, 4, true);
    CHECK_EQ(v[0]->rtp, 8);
    CHECK_EQ(stat_get(&w.stats[0].media_out), 8);
    CHECK_EQ(stat_get(&w.stats[1].media_out), 0);
    world_close(&w);
}

static void media_before_the_keys_is_counted(void)
{
    const uint8_t rtp[64] = {0x80, 96}, rtcp[64] = {0x80, 200};
    world_open(&w, 1);
    w.lose = lose_dtls;
    struct world_client *c = world_join(&w, 0);
    world_run(&w, MP_MS(50));
    CHECK_EQ(world_owner(&w, c), 0);
    world_datagram(&w, 0, client_path(c->client), rtp, sizeof rtp);
    CHECK_EQ(world_drops(&w, DROP_SRTP_EARLY), 1);
    world_datagram(&w, 0, client_path(c->client), rtcp, sizeof rtcp);
    CHECK_EQ(world_drops(&w, DROP_SRTP_EARLY), 2);
    world_close(&w);
}

static size_t published_len;

static bool note_published_len(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    if (!to_client && demux(data, len) == DATAGRAM_RTP)
        published_len = len;
    return false;
}

/* The limit counts whole datagrams, and allows a second's worth at once. */
static void publisher_sends_no_more_than_its_limit(void)
{
    world_open(&w, 1);
    w.sfu[0]->config.publish_bps = 1000000;
    w.lose = note_published_len;
    struct world_client *p = world_join(&w, 0);
    world_connect(&w, p);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    for (unsigned i = 0; i < 200; i++)
        world_send(&w, p, CODEC_VP8, VIDEO, 10 + i, 3000, i == 0, false, 1000);
    uint64_t second = 125000 / published_len;
    CHECK_EQ(stat_get(&w.stats[0].rtp_in), second);
    CHECK_EQ(world_drops(&w, DROP_RTP_RATE), 200 - second);
    world_run(&w, MP_S(2));
    for (unsigned i = 0; i < 200; i++)
        world_send(&w, p, CODEC_VP8, VIDEO, 210 + i, 6000, false, false, 1000);
    CHECK_EQ(stat_get(&w.stats[0].rtp_in), 2 * second);
    world_close(&w);
}

static void key_frame_is_asked_for_when_the_viewer_can_take_it(void)
{
    world_open(&w, 2);
    struct world_client *p = world_join(&w, 0);
    world_connect(&w, p);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    frames(p, 10, 3, true);
    struct world_client *v = world_join(&w, 1);
    w.lose = lose_dtls; /* the viewer's checks pass, its handshake does not yet */
    world_run(&w, MP_MS(50));
    CHECK(world_owner(&w, v) == 1);
    world_subscribe(&w, v, p, 1, CODEC_VP8, OUT);
    frames(p, 13, 3, false);
    CHECK_EQ(p->pli, 0);
    w.lose = NULL;
    world_connect(&w, v);
    frames(p, 16, 1, false);
    CHECK_EQ(p->pli, 1);
    world_close(&w);
}

static void key_frame_waits_for_the_nomination(void)
{
    world_open(&w, 2);
    struct world_client *p = world_join(&w, 0);
    world_connect(&w, p);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    frames(p, 10, 3, true);
    struct world_client *v = world_join(&w, 1);
    client_hold_nomination(v->client, true);
    world_connect(&w, v);
    world_subscribe(&w, v, p, 1, CODEC_VP8, OUT);
    frames(p, 13, 3, false);
    CHECK_EQ(p->pli, 0);
    client_hold_nomination(v->client, false);
    world_run(&w, MP_S(2)); /* its next check */
    CHECK(p->pli >= 1);
    frames(p, 16, 2, true);
    CHECK_EQ(v->rtp, 2);
    world_close(&w);
}

static void key_frame_requests_are_one_a_second(void)
{
    struct world_client *p, *v;
    uint8_t pli[12];
    call(1, 0, 0, &p, &v);
    frames(p, 10, 3, true);
    world_run(&w, MP_S(2));
    unsigned before = p->pli;
    for (unsigned i = 0; i < 100; i++) {
        world_send_rtcp(&w, v, pli, rtcp_write_pli(pli, sizeof pli, 1, OUT));
        world_run(&w, MP_MS(50));
    }
    CHECK(p->pli - before >= 4 && p->pli - before <= 6); /* 5 s */
    world_close(&w);
}

/* RFC 4585 6.3.1 wants the media's SSRC; the server also understands 0, at the same cost for the
 * publisher. */
static void key_frame_request_that_names_nobody_is_for_all_it_watches(void)
{
    struct world_client *p, *v;
    uint8_t pli[12];
    call(2, 0, 1, &p, &v);
    world_publish(&w, p, 2, CODEC_VP8, VIDEO + 10);
    world_subscribe(&w, v, p, 2, CODEC_VP8, OUT + 10);
    frames(p, 10, 3, true);
    world_send(&w, p, CODEC_VP8, VIDEO + 10, 10, 0, true, true, 300);
    world_run(&w, MP_S(2));
    unsigned before = p->pli;
    uint64_t told = stat_get(&w.stats[1].pli_in);
    for (unsigned i = 0; i < 100; i++) {
        world_send_rtcp(&w, v, pli, rtcp_write_pli(pli, sizeof pli, 1, 0));
        world_run(&w, MP_MS(50));
    }
    CHECK(p->pli - before >= 2 * 4 && p->pli - before <= 2 * 6); /* 5 s, two tracks */
    told = stat_get(&w.stats[1].pli_in) - told;
    CHECK(told >= 4 && told <= 6);
    world_close(&w);
}

/* Viewers that send requests all the time cost the publisher's worker one message in 20 ms. */
static void key_frame_requests_are_passed_on_every_20_ms(void)
{
    struct world_client *p, *v;
    uint8_t pli[12];
    call(2, 0, 1, &p, &v);
    frames(p, 10, 3, true);
    world_run(&w, MP_S(2));
    unsigned told = w.told[MESSAGE_KEYFRAME];
    for (unsigned i = 0; i < 100; i++) {
        world_send_rtcp(&w, v, pli, rtcp_write_pli(pli, sizeof pli, 1, OUT));
        world_settle(&w);
        CHECK_EQ(w.told[MESSAGE_KEYFRAME] - told, 1 + i / 20);
        world_run(&w, MP_MS(1));
    }
    world_close(&w);
}

/* RFC 5104 4.3.1.1: an entry is the SSRC of a source, a command's number, and 24 bits that are 0. */
static size_t write_fir(uint8_t out[28], uint32_t media, uint32_t first, uint32_t second)
{
    memset(out, 0, 28);
    put32(out, 0x84u << 24 | 206 << 16 | (28 / 4 - 1));
    put32(out + 4, 1);
    put32(out + 8, media);
    put32(out + 12, first);
    put32(out + 20, second);
    return 28;
}

/* RFC 5104 4.3.1.2: a FIR's media SSRC is 0, its entries name the sources. An entry of 0 is taken as a PLI
 * for 0 is. */
static void full_intra_request_is_for_the_sources_of_its_entries(void)
{
    static const struct {
        uint32_t media, first, second;
        bool asks;
    } cases[] = {{0, OUT, OUT + 1, true},
                 {0, OUT + 1, OUT, true},
                 {OUT, OUT + 1, OUT + 1, false},
                 {0, 0, 0, true},
                 {OUT, OUT + 1, 0, true}};
    struct world_client *p, *v;
    uint8_t fir[28];
    call(1, 0, 0, &p, &v);
    frames(p, 10, 3, true);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_run(&w, MP_S(2));
        unsigned before = p->pli;
        for (int again = 0; again < 3; again++)
            world_send_rtcp(&w, v, fir, write_fir(fir, cases[i].media, cases[i].first, cases[i].second));
        world_run(&w, MP_MS(500));
        CHECK_EQ(p->pli - before, cases[i].asks);
    }
    world_close(&w);
}

static bool is_stalled(const struct world_client *c, uint32_t track)
{
    const struct message *m = world_event(&w, MESSAGE_SESSION_EVENT, c->session);
    return m && m->event.kind == EVENT_STALLED && m->event.value == track;
}

/* Viewers at both workers, which get no picture of it; one of them watches another publisher meanwhile. */
static void publisher_without_key_frames_is_asked_once_a_second_and_told_of(void)
{
    struct world_client *p, *v, *other;
    uint8_t pli[12];
    call(2, 0, 1, &p, &v);
    other = world_join(&w, 0);
    world_connect(&w, other);
    world_publish(&w, other, 2, CODEC_VP8, 100);
    world_subscribe(&w, v, other, 2, CODEC_VP8, OUT + 10);
    world_subscribe(&w, other, p, 1, CODEC_VP8, OUT);
    mp_time begin = w.now;
    unsigned sent = 0;
    for (; !is_stalled(p, 1) && sent < 300; sent++) {
        /* requests of its decoder meanwhile */
        world_send_rtcp(&w, v, pli, rtcp_write_pli(pli, sizeof pli, 1, OUT));
        world_send(&w, other, CODEC_VP8, 100, 10 + sent, 3000 * sent, sent == 0, true, 300);
        frames(p, 10 + sent, 1, false);
    }
    mp_time took = w.now - begin;
    CHECK(took > MP_S(KEYFRAME_TRIES - 2) && took < MP_S(KEYFRAME_TRIES));
    CHECK(p->pli >= KEYFRAME_TRIES && p->pli <= (unsigned)(took / MP_S(1)) + 1);
    CHECK_EQ(other->rtp, 0);
    CHECK_EQ(v->rtp, sent);
    frames(p, 400, 300, false);
    CHECK_EQ(stat_get(&w.stats[0].tracks_stalled), 1); /* said once */
    frames(p, 700, 30, true);
    CHECK_EQ(other->rtp, 30);
    world_close(&w);
}

/* A silent publisher is not stalled: its camera is off, or its screen does not change. */
static void publisher_that_is_silent_does_not_stall(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    frames(p, 10, 1, false);
    world_run(&w, MP_S(20));
    CHECK(p->pli > KEYFRAME_TRIES);
    CHECK_EQ(stat_get(&w.stats[0].tracks_stalled), 0);
    world_close(&w);
}

/* setCodecPreferences and an offer: the control plane ends the track and begins another, the client keeps
 * its SSRC. */
static void codec_that_changes_in_mid_call_begins_with_a_key_frame(void)
{
    for (int missed = 0; missed < 2; missed++) { /* its first packets are ahead of the command */
        struct world_client *p, *v;
        struct rtp_view view;
        call(2, 0, 1, &p, &v);
        frames(p, 1000, 5, true);
        CHECK_EQ(v->rtp, 5);
        for (unsigned i = 0; i < 5 && missed; i++)
            world_send(&w, p, CODEC_H264, VIDEO, 1005 + i, 3000 * i, i == 0, true, 500);
        world_settle(&w);
        world_command(
            &w, (struct message){.type = MESSAGE_UNSUBSCRIBE, .to = 1, .session = v->session, .track = 1});
        world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = 1});
        world_publish(&w, p, 2, CODEC_H264, VIDEO);
        world_subscribe(&w, v, p, 2, CODEC_H264, OUT + 10);
        mp_time begin = w.now;
        unsigned asked = p->pli;
        uint64_t seq = 1010;
        world_send(&w, p, CODEC_VP8, VIDEO, 900, 3000, true, true, 500); /* late, by another way */
        for (; missed && p->pli == asked; seq++) {
            world_send(&w, p, CODEC_H264, VIDEO, seq, (uint32_t)(3000 * seq), false, true, 500);
            world_run(&w, MP_MS(33));
        }
        CHECK_EQ(v->rtp, 5);
        world_send(&w, p, CODEC_H264, VIDEO, seq, (uint32_t)(3000 * seq), true, true, 500);
        world_settle(&w);
        CHECK_EQ(v->rtp, 6);
        CHECK(w.now - begin < MP_S(2));
        CHECK(rtp_parse(&view, v->last, v->last_len));
        CHECK(view.ssrc == OUT + 10 && view.payload_type == 122 && view.data[view.header_len] == 0x65);
        world_close(&w);
    }
}

/* Without an offer, no viewer has agreed to decode it. */
static void packets_of_another_codec_than_agreed_reach_nobody(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    call(1, 0, 0, &p, &v);
    frames(p, 1000, 5, true);
    uint16_t seq = last_seq(v);
    for (unsigned i = 0; i < 30; i++) {
        world_send(&w, p, CODEC_H264, VIDEO, 1005 + i, 3000 * i, i == 0, true, 500);
        world_run(&w, MP_MS(33));
    }
    CHECK_EQ(v->rtp, 5);
    CHECK_EQ(world_drops(&w, DROP_RTP_STREAM), 30);
    frames(p, 1035, 5, true);
    CHECK_EQ(v->rtp, 10);
    CHECK(rtp_parse(&view, v->last, v->last_len) && view.payload_type == 120);
    CHECK_EQ((uint16_t)(view.seq - seq), 35);
    world_close(&w);
}

/* A WHIP answer lists all that its publisher may send: the worker reports which one arrives, also with an
 * SSRC that no line named. */
static void codec_that_a_publisher_turns_to_is_told_of(void)
{
    struct world_client *p, *v;
    world_open(&w, 1);
    w.others = UINT64_C(1) << (98 - 64);
    p = world_join(&w, 0);
    v = world_join(&w, 0);
    world_connect(&w, p);
    world_connect(&w, v);
    world_publish(&w, p, 7, CODEC_VP8, 0); /* its SSRC is not said */
    world_subscribe(&w, v, p, 7, CODEC_VP8, 5000);
    for (unsigned i = 0; i < 2; i++)
        world_send(&w, p, CODEC_H264, VIDEO, 1000 + i, 0, i == 0, false, 500);
    world_settle(&w);
    CHECK(world_event(&w, MESSAGE_CODEC, p->session) == NULL); /* they may have been overtaken */
    world_send(&w, p, CODEC_VP8, VIDEO, 1002, 0, true, true, 500);
    for (unsigned i = 0; i < 2; i++)
        world_send(&w, p, CODEC_H264, VIDEO, 1003 + i, 3000, i == 0, false, 500);
    world_settle(&w);
    CHECK(world_event(&w, MESSAGE_CODEC, p->session) == NULL);
    world_send(&w, p, CODEC_H264, VIDEO, 1005, 3000, false, true, 500);
    world_settle(&w);
    const struct message *m = world_event(&w, MESSAGE_CODEC, p->session);
    CHECK(m && m->payload_type == 98 && m->track == 7 && m->to == TO_CONTROL);
    CHECK_EQ(v->rtp, 1); /* the viewer, whose description has another codec, got none of it */
    world_close(&w);
}

static void viewer_that_gives_transport_feedback_has_one_count_over_all_it_is_sent(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    struct bytes number;
    call(1, 0, 0, &p, &v);
    world_publish(&w, p, 2, CODEC_OPUS, AUDIO);
    for (uint32_t track = 1; track <= 2; track++) {
        world_command(&w,
                      (struct message){.type = MESSAGE_UNSUBSCRIBE, .session = v->session, .track = track});
        world_command(
            &w, (struct message){.type = MESSAGE_SUBSCRIBE,
                                 .session = v->session,
                                 .track = track,
                                 .subscribe = {.codec = track == 1 ? CODEC_VP8 : CODEC_OPUS,
                                               .payload_type = 120,
                                               .clock_rate = track == 1 ? 90000 : 48000,
                                               .ssrc = OUT + 100 + track,
                                               .extensions = {.id = {[EXT_MID] = 1, [EXT_TRANSPORT_CC] = 3}},
                                               .mid = "s1"}});
    }
    for (unsigned i = 0; i < 6; i++) {
        world_send(&w, p, i & 1 ? CODEC_OPUS : CODEC_VP8, i & 1 ? AUDIO : VIDEO, 10 + i, 3000 * i, i == 0,
                   true, 100);
        world_settle(&w);
        CHECK(rtp_parse(&view, v->last, v->last_len) && rtp_extension_find(&view, 3, &number));
        CHECK(number.len == 2 && get16(number.data) == i);
    }
    CHECK_EQ(v->rtp, 6);
    world_close(&w);
}

/* Three packets of one picture, with an audio level and a dependency descriptor. */
static void send_picture(struct world_client *p, uint64_t from, const uint8_t *level, struct bytes descriptor)
{
    uint8_t payload[200] = {0x10};
    struct world_rtp r = {.codec = CODEC_VP8, .ssrc = VIDEO, .payload = {payload, sizeof payload}};
    r.values[EXT_AUDIO_LEVEL] = (struct bytes){level, level != NULL};
    r.values[EXT_DEPENDENCY] = descriptor;
    for (uint64_t i = 0; i < 3; i++) {
        r.index = from + i;
        r.timestamp = (uint32_t)from * 3000;
        r.marker = i == 2;
        payload[0] = i ? 0 : 0x10;
        world_send_rtp(&w, p, &r);
    }
    world_settle(&w);
}

/* One subscription with these ids (0: none), mid and values; a run of several packets is read only if each of
 * them is as long as it should be. */
static void check_extensions(struct world_client *p, struct world_client *v, const uint8_t ids[EXT_COUNT],
                             const char *mid, const uint8_t *level, struct bytes descriptor)
{
    static uint32_t ssrc = OUT;
    static uint64_t number;
    struct subscribe how = {.codec = CODEC_VP8, .payload_type = 120, .clock_rate = 90000, .ssrc = ssrc += 2};
    struct rtp_view view;
    struct bytes x;
    memcpy(how.extensions.id, ids, EXT_COUNT);
    snprintf(how.mid, sizeof how.mid, "%s", mid);
    world_command(&w, (struct message){.type = MESSAGE_UNSUBSCRIBE, .session = v->session, .track = 1});
    world_command(
        &w, (struct message){.type = MESSAGE_SUBSCRIBE, .session = v->session, .track = 1, .subscribe = how});
    unsigned before = v->rtp;
    send_picture(p, number += 3, level, descriptor);
    CHECK_EQ(v->rtp - before, 3);
    CHECK(rtp_parse(&view, v->last, v->last_len) && view.payload_len == 200 && view.marker);
    CHECK(rtp_extension_find(&view, ids[EXT_MID], &x) == (ids[EXT_MID] > 0));
    CHECK(!ids[EXT_MID] || bytes_equal(x, mid, strlen(mid)));
    /* 6.18 bits of seconds */
    uint32_t time = (uint32_t)(w.now / MP_S(1) * 262144 + w.now % MP_S(1) * 262144 / 1000000000) & 0xffffff;
    CHECK(rtp_extension_find(&view, ids[EXT_ABS_SEND_TIME], &x) == (ids[EXT_ABS_SEND_TIME] > 0));
    CHECK(!ids[EXT_ABS_SEND_TIME] || (x.len == 3 && get24(x.data) == time));
    CHECK(rtp_extension_find(&view, ids[EXT_TRANSPORT_CC], &x) == (ids[EXT_TRANSPORT_CC] > 0));
    bool has = ids[EXT_AUDIO_LEVEL] && level;
    CHECK(rtp_extension_find(&view, ids[EXT_AUDIO_LEVEL], &x) == has);
    CHECK(!has || (x.len == 1 && x.data[0] == *level));
    has = ids[EXT_DEPENDENCY] && descriptor.len;
    CHECK(rtp_extension_find(&view, ids[EXT_DEPENDENCY], &x) == has);
    CHECK(!has || (x.len == descriptor.len && memcmp(x.data, descriptor.data, x.len) == 0));
}

static void extensions_reach_the_viewer_under_its_own_ids(void)
{
    static const uint8_t level = 0x91, descriptor[40] = "some forty bytes of template structures";
    static const uint8_t lengths[] = {0, 3, 16, 17, 40}; /* 16: the most that the one-byte form holds */
    static const char *const mids[] = {"7", "mid", "a-long-mid-of-1"};
    struct world_client *p = NULL, *v = NULL;
    for (unsigned set = 0; set < 5 * 2 * 32; set++) {
        uint8_t ids[EXT_COUNT] = {0};
        if (set % 16 == 0)
            call(1, 0, 0, &p, &v);
        for (uint8_t e = 0; e < EXT_COUNT; e++)
            ids[e] = set >> e & 1 ? (uint8_t)(9 + (e + set) % 5) : 0; /* 9 to 13 */
        check_extensions(p, v, ids, mids[set % 3], set / 32 & 1 ? &level : NULL,
                         (struct bytes){descriptor, lengths[set / 64]});
        world_run(&w, MP_S(4) + MP_MS(321)); /* in all beyond 64 s, where the send time begins anew */
        if (set % 16 == 15)
            world_close(&w);
    }
}

/* RFC 8285 4.3: only the two-byte form has elements without data. RFC 6464 3: the level has one byte. */
static void an_audio_level_without_data_is_none(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    struct bytes x;
    call(1, 0, 0, &p, &v);
    for (uint8_t len = 0; len < 2; len++) {
        uint8_t plain[200], out[300];
        size_t n =
            rtp_write(plain, &(struct rtp_header){.payload_type = 96, .seq = 10u + len, .ssrc = VIDEO});
        plain[0] |= 0x10;
        n += unhex(plain + n, len ? "1000 0001 04 01 91 00" : "1000 0001 04 00 00 00");
        memset(plain + n, 0, 100);
        plain[n] = 0x10; /* a VP8 key frame */
        world_datagram(&w, 0, client_path(p->client), out,
                       client_rtp(p->client, plain, n + 100, 10u + len, out));
        world_settle(&w);
        CHECK_EQ(v->rtp, len + 1);
        CHECK(rtp_parse(&view, v->last, v->last_len) && view.payload_len == 100);
        CHECK_EQ(rtp_extension_find(&view, 4, &x), len == 1);
        CHECK(!len || (x.len == 1 && x.data[0] == 0x91));
    }
    world_close(&w);
}

static void nack_is_answered_by_rtx(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    uint8_t nack[32];
    size_t used;
    call(2, 0, 1, &p, &v);
    frames(p, 10, 10, true);
    uint16_t missing = (uint16_t)(last_seq(v) - 4);
    world_send_rtcp(&w, v, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, &missing, 1, &used));
    world_settle(&w);
    CHECK(rtp_parse(&view, v->last, v->last_len));
    CHECK_EQ(view.ssrc, OUT + 1);
    CHECK_EQ(view.payload_type, 121);
    CHECK_EQ(view.payload_len, 1002);
    CHECK_EQ(get16(view.data + view.header_len), missing);
    unsigned before = v->rtp; /* again at once: within the round trip nothing more is sent */
    world_send_rtcp(&w, v, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, &missing, 1, &used));
    world_settle(&w);
    CHECK_EQ(v->rtp, before);
    world_close(&w);
}

/* --- a viewer without RTX --- */

static struct {
    uint16_t seq;
    unsigned copies;
    size_t len[3];
    uint8_t data[3][1600];
} watched; /* datagrams of one number of the viewer's, as they cross the network */

/* The first copy is lost. */
static bool lose_first_copy(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    if (!to_client || demux(data, len) != DATAGRAM_RTP || get32(data + 8) != OUT ||
        get16(data + 2) != watched.seq)
        return false;
    CHECK(watched.copies < 3);
    memcpy(watched.data[watched.copies], data, len);
    watched.len[watched.copies] = len;
    return watched.copies++ == 0;
}

static void watch_without_rtx(struct world_client *v, struct world_client *p, struct rtp_extension_ids ids)
{
    world_command(&w, (struct message){.type = MESSAGE_SUBSCRIBE,
                                       .to = (uint8_t)world_owner(&w, v),
                                       .session = v->session,
                                       .track = 7,
                                       .subscribe = {.origin = (uint8_t)world_owner(&w, p),
                                                     .codec = CODEC_VP8,
                                                     .payload_type = 120,
                                                     .clock_rate = 90000,
                                                     .ssrc = OUT,
                                                     .rtx_ssrc = OUT + 1,
                                                     .extensions = ids,
                                                     .mid = "s1"}});
    world_settle(&w);
}

/* RFC 3711 9.1, RFC 7714 8.1: under one index of one SSRC there is one packet. The retransmission has the
 * padding, transport-wide number and send time of the original. */
static void nack_without_rtx_is_answered_by_the_same_bytes(void)
{
    uint8_t nack[32];
    size_t used;
    world_open(&w, 1);
    struct world_client *p = world_join(&w, 0), *v = world_join(&w, 0);
    world_connect(&w, p);
    world_connect(&w, v);
    world_publish(&w, p, 7, CODEC_VP8, VIDEO);
    watch_without_rtx(
        v, p,
        (struct rtp_extension_ids){.id = {[EXT_MID] = 1, [EXT_ABS_SEND_TIME] = 2, [EXT_TRANSPORT_CC] = 3}});
    frames(p, 10, 1, true);
    memset(&watched, 0, sizeof watched);
    watched.seq = (uint16_t)(last_seq(v) + 1);
    w.lose = lose_first_copy;
    for (unsigned i = 0; i < 3; i++) /* a frame whose first packet is 5 bytes shorter than the second */
        world_send(&w, p, CODEC_VP8, VIDEO, 11 + i, 9000, false, i == 2, i ? 505 : 500);
    world_settle(&w);
    frames(p, 14, 3, false);
    CHECK_EQ(watched.copies, 1);
    for (unsigned i = 0; i < 2; i++) {
        world_run(&w, MP_MS(200));
        world_send_rtcp(&w, v, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, &watched.seq, 1, &used));
        world_settle(&w);
        CHECK_EQ(watched.copies, 2 + i);
        CHECK(watched.len[1 + i] == watched.len[0] &&
              memcmp(watched.data[0], watched.data[1 + i], watched.len[0]) == 0);
    }
    CHECK(watched.data[0][0] & 0x20); /* it is padded */
    CHECK_EQ(v->rtp, 7);              /* each once: the third copy is a replay */
    world_close(&w);
}

/* The viewer's receiver reports tell a round trip of so long (RFC 3550 6.4.1) until the smoothed value
 * is it. */
static void report_round_trip(struct world_client *v, mp_time rtt)
{
    uint8_t rr[64];
    for (unsigned i = 0; i < 64; i++) {
        struct rtcp_report block = {.ssrc = OUT,
                                    .lsr = (uint32_t)(mp_to_ntp(w.now + WORLD_WALL - rtt) >> 16)};
        world_send_rtcp(&w, v, rr, rtcp_write_rr(rr, sizeof rr, 1, &block, 1));
    }
    world_settle(&w);
}

static void ask_again(struct world_client *v, uint16_t seq)
{
    uint8_t nack[32];
    size_t used;
    world_send_rtcp(&w, v, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, &seq, 1, &used));
    world_settle(&w);
}

static void what_is_lost_again_and_again_is_sent_ten_times(void)
{
    struct world_client *p, *v;
    call(2, 0, 1, &p, &v);
    frames(p, 10, 10, true);
    uint16_t missing = (uint16_t)(last_seq(v) - 4);
    unsigned before = v->rtp;
    for (unsigned n = 1; n <= 12; n++) {
        world_run(&w, MP_MS(150)); /* more than a round trip */
        ask_again(v, missing);
        CHECK_EQ(v->rtp - before, n < 10 ? n : 10);
    }
    world_close(&w);
}

static void listen_to(struct world_client *v, struct world_client *p)
{
    world_publish(&w, p, 7, CODEC_OPUS, AUDIO);
    world_command(
        &w, (struct message){
                .type = MESSAGE_SUBSCRIBE,
                .to = (uint8_t)world_owner(&w, v),
                .session = v->session,
                .track = 7,
                .subscribe = {
                    .origin = (uint8_t)world_owner(&w, p),
                    .codec = CODEC_OPUS,
                    .payload_type = 111,
                    .clock_rate = 48000,
                    .ssrc = OUT,
                    .extensions = {.id = {[EXT_MID] = 1, [EXT_ABS_SEND_TIME] = 2, [EXT_TRANSPORT_CC] = 3}},
                    .mid = "s1"}});
    world_settle(&w);
}

static void sounds(struct world_client *p, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++) {
        world_send(&w, p, CODEC_OPUS, AUDIO, i, 960 * i, false, false, 80);
        world_settle(&w);
        world_run(&w, MP_MS(20));
    }
}

/* No RTX is negotiated for sound: the same bytes under the same number, or nothing (RFC 3711 9.1). The first
 * NACK begins the memory of what was sent. */
static void lost_sound_is_sent_again_as_the_same_bytes(void)
{
    world_open(&w, 2);
    struct world_client *p = world_join(&w, 0), *v = world_join(&w, 1);
    world_connect(&w, p);
    world_connect(&w, v);
    listen_to(v, p);
    sounds(p, 10, 3);
    report_round_trip(v, MP_MS(40));
    sounds(p, 13, 1);
    const _Atomic uint64_t *again = &w.stats[1].rtx_out;
    uint16_t newest = last_seq(v);
    ask_again(v, newest);
    CHECK_EQ(stat_get(again), 0);
    for (unsigned n = 0; n < 100; n++, newest += 2) { /* over the whole of the memory */
        memset(&watched, 0, sizeof watched);
        watched.seq = (uint16_t)(newest + 1);
        w.lose = lose_first_copy;
        sounds(p, 14 + 2 * n, 2);
        ask_again(v, watched.seq);
        CHECK_EQ(watched.copies, 2);
        CHECK(watched.len[1] == watched.len[0] &&
              memcmp(watched.data[0], watched.data[1], watched.len[0]) == 0);
    }
    w.lose = NULL;
    sounds(p, 214, 24); /* 480 ms */
    ask_again(v, (uint16_t)(newest + 2));
    CHECK_EQ(stat_get(again), 101);
    ask_again(v, (uint16_t)(newest - 1)); /* older than 500 ms */
    CHECK_EQ(stat_get(again), 101);
    CHECK_EQ(stat_get(&w.stats[1].drops[DROP_RTX_LATE]), 1);
    report_round_trip(v, MP_MS(150)); /* it would come after its time */
    ask_again(v, (uint16_t)(newest + 20));
    CHECK_EQ(stat_get(again), 101);
    world_close(&w);
}

/* Retransmissions have a budget of 60,000 bytes at once. */
static void viewer_that_asks_for_much_at_once_gets_60_kilobytes(void)
{
    struct world_client *p, *v;
    uint8_t nack[600];
    uint16_t seqs[100];
    size_t used;
    call(1, 0, 0, &p, &v);
    for (unsigned i = 0; i < 100; i++) { /* not longer than packets are kept */
        world_send(&w, p, CODEC_VP8, VIDEO, 10 + i, 900 * i, i == 0, true, 1000);
        world_run(&w, MP_MS(10));
    }
    for (uint16_t i = 0; i < 100; i++)
        seqs[i] = (uint16_t)(last_seq(v) - 99 + i);
    unsigned before = v->rtp;
    world_send_rtcp(&w, v, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, seqs, 100, &used));
    world_settle(&w);
    CHECK_EQ(used, 100);
    CHECK(v->rtp - before >= 56 && v->rtp - before <= 60); /* of 1,000 bytes and their headers */
    world_close(&w);
}

static int lost;
static bool lose_third(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return !to_client && len > 900 && ++lost == 3;
}

static void publisher_is_asked_for_what_is_missing(void)
{
    struct world_client *p, *v;
    uint8_t rtx[1100];
    call(1, 0, 0, &p, &v);
    lost = 0;
    w.lose = lose_third;
    frames(p, 10, 6, true);
    CHECK_EQ(v->rtp, 5);
    CHECK(p->nacked >= 1);
    /* It answers by RTX (RFC 4588): the original number in front of the payload. */
    size_t n = rtp_write(
        rtx, &(struct rtp_header){.payload_type = 97, .seq = 500, .timestamp = 36000, .ssrc = VIDEO + 1});
    put16(rtx + n, 12);
    memset(rtx + n + 2, 7, 1000);
    uint8_t out[1200];
    size_t len = client_rtp(p->client, rtx, n + 1002, 500, out);
    world_datagram(&w, 0, client_path(p->client), out, len);
    world_settle(&w);
    CHECK_EQ(v->rtp, 6);
    CHECK_EQ(v->last_len >= 1000 && v->last[v->last_len - 1] == 7, true);
    CHECK_EQ(stat_get(&w.stats[0].rtx_in), 1);
    world_datagram(&w, 0, client_path(p->client), out, len); /* replay */
    world_settle(&w);
    CHECK_EQ(v->rtp, 6);
    CHECK_EQ(stat_get(&w.stats[0].rtx_in), 1);
    unsigned asked = p->nacked;
    world_run(&w, MP_S(1));
    CHECK_EQ(p->nacked, asked);
    world_close(&w);
}

/* By RTX (RFC 4588), with the sequence number 500 + seq. */
static void send_again(struct world_client *p, uint16_t seq)
{
    uint8_t rtx[1100] = {0}, out[1200];
    size_t n = rtp_write(rtx, &(struct rtp_header){.payload_type = 97,
                                                   .seq = (uint16_t)(500 + seq),
                                                   .timestamp = 3000u * seq,
                                                   .ssrc = VIDEO + 1});
    put16(rtx + n, seq);
    world_datagram(&w, 0, client_path(p->client), out, client_rtp(p->client, rtx, n + 1002, 500u + seq, out));
    world_settle(&w);
}

/* Leaves one number out and lets time pass until the server has requested it so often. Returns the time since
 * the first request. */
static mp_time leave_out(struct world_client *p, uint64_t index, unsigned times)
{
    unsigned before = p->nacked;
    mp_time first = 0;
    world_send(&w, p, CODEC_VP8, VIDEO, index + 1, (uint32_t)(3000 * (index + 1)), false, true, 1000);
    for (int ms = 0; ms < 500 && p->nacked < before + times; ms++) {
        world_run(&w, MP_MS(1));
        first = !first && p->nacked > before ? w.now : first;
    }
    return w.now - first;
}

/* The delay before a repeated NACK is the round trip, measured by retransmissions; each moves it by an eighth
 * of the difference. */
static void round_trip_is_learned_from_what_is_sent_again(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    frames(p, 10, 2, true);
    mp_time pause = leave_out(p, 12, 2);
    CHECK(pause >= MP_MS(99) && pause <= MP_MS(102)); /* nothing is known yet */
    send_again(p, 12);                                /* requested twice: it may answer either request */
    leave_out(p, 14, 1);
    world_run(&w, MP_MS(20));
    send_again(p, 14);
    world_run(&w, MP_S(1));
    pause = leave_out(p, 16, 2);
    CHECK(pause >= MP_MS(89) && pause <= MP_MS(92));
    CHECK_EQ(v->rtp, 2 + 5);
    world_close(&w);
}

/* RFC 4585 6.3.1: PLI, where nothing else repairs the picture. */
static void a_lost_packet_that_is_given_up_brings_a_key_frame_request(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    frames(p, 10, 2, true);
    lost = 0;
    w.lose = lose_third;
    unsigned nacked = p->nacked, asked = p->pli;
    frames(p, 12, 6, false); /* the third of them is lost; all requests for it are lost */
    CHECK_EQ(p->pli, asked);
    world_run(&w, MP_S(2));
    CHECK_EQ(p->nacked - nacked, NACK_TRIES_MAX);
    CHECK(p->pli > asked);
    world_close(&w);
}

static void sound_is_never_asked_for_a_picture(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    world_command(&w, (struct message){.type = MESSAGE_PUBLISH,
                                       .session = p->session,
                                       .track = 2,
                                       .publish = {.codec = CODEC_OPUS,
                                                   .payload_type = 111,
                                                   .clock_rate = 48000,
                                                   .ssrc = {AUDIO},
                                                   .nack = true}});
    world_subscribe(&w, v, p, 2, CODEC_OPUS, 5050);
    world_send(&w, p, CODEC_OPUS, AUDIO, 10, 0, false, true, 80);
    world_send(&w, p, CODEC_OPUS, AUDIO, 12, 1920, false, true, 80);
    frames(p, 10, 1, true);
    world_run(&w, MP_S(2));
    unsigned asked = p->pli;
    CHECK(p->nacked >= NACK_TRIES_MAX); /* and given up */
    world_run(&w, MP_S(3));
    CHECK_EQ(p->pli, asked);
    CHECK_EQ(stat_get(&w.stats[0].pli_out), asked);
    CHECK_EQ(asked, 0);
    world_close(&w);
}

static void viewer_of_many_tracks_is_heard_about_each(void)
{
    enum { TRACKS = 60 };
    struct world_client *p, *v;
    uint8_t pli[16];
    call(1, 0, 0, &p, &v);
    for (uint32_t t = 100; t < 100 + TRACKS; t++)
        world_subscribe(&w, v, p, t, CODEC_VP8, 40000 + 2 * t);
    for (uint32_t t = 100; t < 100 + TRACKS; t += 2)
        world_command(&w, (struct message){.type = MESSAGE_UNSUBSCRIBE, .session = v->session, .track = t});
    for (uint32_t t = 100; t < 100 + TRACKS; t++) {
        uint64_t before = stat_get(&w.stats[0].pli_in);
        world_send_rtcp(&w, v, pli, rtcp_write_pli(pli, sizeof pli, 1, 40000 + 2 * t));
        world_settle(&w);
        CHECK_EQ(stat_get(&w.stats[0].pli_in) - before, t % 2);
    }
    world_close(&w);
}

/* Otherwise the control plane would assume a track for which its worker had no room. */
static void every_session_may_publish_all_that_it_may(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    for (size_t t = 2; t <= PUBLICATIONS_MAX * registry_size(w.registry); t++)
        world_command(
            &w, (struct message){.type = MESSAGE_PUBLISH,
                                 .session = p->session,
                                 .track = (uint32_t)t,
                                 .publish = {.codec = CODEC_OPUS, .payload_type = 111, .clock_rate = 48000}});
    CHECK_EQ(world_drops(&w, DROP_POOL), 0);
    CHECK_EQ(stat_get(&w.stats[0].tracks), PUBLICATIONS_MAX * registry_size(w.registry));
    world_close(&w);
}

static void publisher_hears_of_its_transport_and_loss(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    frames(p, 10, 60, true);
    CHECK(p->twcc > 10);
    CHECK(p->rr >= 1);
    CHECK_EQ(v->twcc, 0);
    world_close(&w);
}

/* A late worker reads many packets at once: the publisher's probe must not look like a burst. */
static void publisher_hears_when_its_packets_came_not_when_they_were_read(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    for (uint64_t i = 0; i < 4; i++) {
        w.late = MP_MS(30 - 10 * i);
        world_send(&w, p, CODEC_VP8, VIDEO, i, 3000, i == 0, i == 3, 1000);
    }
    world_settle(&w);
    world_run(&w, MP_MS(200));
    for (int i = 0; i < 3; i++)
        CHECK_EQ(p->arrivals_250us[i + 1] - p->arrivals_250us[i], 40);
    world_close(&w);
}

static void sender_report_maps_the_source_clock(void)
{
    struct world_client *p, *v;
    uint8_t sr[64];
    call(2, 0, 1, &p, &v);
    frames(p, 10, 2, true);
    struct rtcp_sr source = {.ntp = mp_to_ntp(MP_S(3000000000)), .rtp = 777777};
    mp_time at = w.now;
    world_send_rtcp(&w, p, sr, rtcp_write_sr(sr, sizeof sr, VIDEO, &source, NULL, 0));
    world_settle(&w);
    unsigned before = v->sr;
    world_run(&w, MP_MS(1500));
    CHECK(v->sr > before);
    /* The viewer's report shows our wall clock and, at that moment, the source's RTP clock. */
    mp_time then = mp_from_ntp(v->last_sr.ntp) - MP_S(3900000000);
    double expected = 777777 + (double)(then - at) * 90000 / 1e9;
    double off = (double)v->last_sr.rtp - expected;
    CHECK(off > -90 && off < 90); /* 1 ms */
    world_close(&w);
}

/* Crystals are wrong by up to 100 parts in a million; after a day that is 9 s. */
static void publishers_clock_that_runs_slow_is_followed(void)
{
    struct world_client *p, *v;
    uint8_t sr[64];
    call(1, 0, 0, &p, &v);
    frames(p, 10, 2, true);
    mp_time begin = w.now;
    for (int s = 0; s < 300; s++) {
        mp_time passed = w.now - begin;
        struct rtcp_sr source = {.ntp = mp_to_ntp(MP_S(3000000000) + passed - passed / 2000),
                                 .rtp = (uint32_t)((double)(passed - passed / 2000) * 90000 / 1e9)};
        world_send_rtcp(&w, p, sr, rtcp_write_sr(sr, sizeof sr, VIDEO, &source, NULL, 0));
        world_run(&w, MP_S(1));
    }
    mp_time passed = mp_from_ntp(v->last_sr.ntp) - MP_S(3900000000) - begin;
    double off = (double)v->last_sr.rtp - (double)(passed - passed / 2000) * 90000 / 1e9;
    CHECK(off > -1800 && off < 1800); /* 20 ms, where it has lost 150 */
    world_close(&w);
}

/* A report delayed by 100 ms in the network changes the source's clock by only 1 ms. */
static void report_that_came_late_moves_the_clock_by_a_millisecond(void)
{
    struct world_client *p, *v;
    uint8_t sr[64];
    call(1, 0, 0, &p, &v);
    frames(p, 10, 2, true);
    mp_time begin = w.now;
    for (int late = 0; late < 2; late++) {
        mp_time at = w.now - begin - (late ? MP_MS(100) : 0);
        struct rtcp_sr source = {.ntp = mp_to_ntp(MP_S(3000000000) + at),
                                 .rtp = (uint32_t)(at * 90 / MP_MS(1))};
        world_send_rtcp(&w, p, sr, rtcp_write_sr(sr, sizeof sr, VIDEO, &source, NULL, 0));
        world_run(&w, MP_MS(1500));
        mp_time then = mp_from_ntp(v->last_sr.ntp) - MP_S(3900000000) - begin;
        double behind = (double)then * 90 / 1e6 - (double)v->last_sr.rtp;
        CHECK(behind > 90 * late - 9 && behind < 90 * late + 9);
    }
    world_close(&w);
}

static void run_is_padded_to_one_length(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    /* A frame in nearly equal parts, in one batch: one run. */
    for (unsigned i = 0; i < 5; i++)
        world_send(&w, p, CODEC_VP8, VIDEO, 10 + i, 9000, i == 0, i == 4, 1000 - i % 2);
    struct transmit t[8];
    size_t n;
    unsigned runs = 0, longest = 0;
    while ((n = sfu_output(w.sfu[0], t, 8, w.now)))
        for (size_t k = 0; k < n; k++)
            if (t[k].len > 900) {
                runs++;
                longest = t[k].len / t[k].segment;
                CHECK_EQ(t[k].len % t[k].segment, 0);
                for (uint32_t at = 0; at < t[k].len; at += t[k].segment)
                    client_input(v->client, t[k].data + at, t[k].segment, w.now);
            }
    CHECK_EQ(runs, 1);
    CHECK_EQ(longest, 5);
    CHECK_EQ(v->rtp, 5);
    struct rtp_view view;
    CHECK(rtp_parse(&view, v->last, v->last_len) && view.payload_len == 1000 && view.marker);
    world_close(&w);
}

static void duplicate_and_forged_packets_are_not_forwarded(void)
{
    struct world_client *p, *v;
    uint8_t plain[200] = {0}, out[300];
    call(1, 0, 0, &p, &v);
    size_t n = rtp_write(plain, &(struct rtp_header){.payload_type = 96, .seq = 1, .ssrc = VIDEO});
    plain[n] = 0x10;
    size_t len = client_rtp(p->client, plain, 200, 1, out);
    world_datagram(&w, 0, client_path(p->client), out, len);
    world_datagram(&w, 0, client_path(p->client), out, len);
    put16(plain + 2, 2);
    len = client_rtp(p->client, plain, 200, 2, out);
    for (size_t i = 0; i < len; i++) { /* one bit of each byte, from the right place */
        out[i] ^= 4;
        world_datagram(&w, 0, client_path(p->client), out, len);
        out[i] ^= 4;
    }
    struct path other = *client_path(p->client);
    other.local.port = 1;
    out[len - 1] ^= 4;
    world_datagram(&w, 0, &other, out, len); /* nor by a stranger */
    out[len - 1] ^= 4;
    world_settle(&w);
    CHECK_EQ(w.to_strangers, 0);
    CHECK_EQ(v->rtp, 1);
    /* forgeries do not harm the genuine one */
    world_datagram(&w, 0, client_path(p->client), out, len);
    world_settle(&w);
    CHECK_EQ(v->rtp, 2);
    CHECK(world_drops(&w, DROP_SRTP_AUTH) > 150);
    CHECK(world_drops(&w, DROP_SRTP_REPLAY) >= 1);
    CHECK_EQ(world_drops(&w, DROP_UNKNOWN_PATH), 1);
    world_close(&w);
}

static void unknown_stream_is_counted(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    world_send(&w, p, CODEC_OPUS, AUDIO, 1, 0, false, false, 50);
    world_settle(&w);
    CHECK_EQ(world_drops(&w, DROP_RTP_STREAM), 1);
    CHECK_EQ(v->rtp, 0);
    world_close(&w);
}

static void audio_flows_at_once_with_its_level(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    struct bytes level;
    call(2, 0, 1, &p, &v);
    world_publish(&w, p, 2, CODEC_OPUS, AUDIO);
    world_subscribe(&w, v, p, 2, CODEC_OPUS, OUT + 10);
    world_send(&w, p, CODEC_OPUS, AUDIO, 50, 960, false, false, 80);
    world_settle(&w);
    CHECK(rtp_parse(&view, v->last, v->last_len));
    CHECK_EQ(view.payload_type, 109);
    CHECK(rtp_extension_find(&view, 4, &level) && level.len == 1 && level.data[0] == 0x85);
    world_close(&w);
}

/* RFC 6464 3: 0 is the loudest level. */
static void the_loudest_audio_level_reaches_the_viewer(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    struct bytes x;
    static const uint8_t level = 0, payload[80];
    call(1, 0, 0, &p, &v);
    world_publish(&w, p, 2, CODEC_OPUS, AUDIO);
    world_subscribe(&w, v, p, 2, CODEC_OPUS, OUT + 10);
    world_send_rtp(&w, p,
                   &(struct world_rtp){.codec = CODEC_OPUS,
                                       .ssrc = AUDIO,
                                       .index = 50,
                                       .payload = {payload, sizeof payload},
                                       .values = {[EXT_AUDIO_LEVEL] = {&level, 1}}});
    world_settle(&w);
    CHECK_EQ(v->rtp, 1);
    CHECK(rtp_parse(&view, v->last, v->last_len));
    CHECK(rtp_extension_find(&view, 4, &x) && x.len == 1 && x.data[0] == 0);
    world_close(&w);
}

/* abs-send-time has 18 bits of a second, rounded down: the last nanosecond is not the next second. */
static void the_send_time_of_the_last_nanosecond_is_of_its_second(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    struct bytes x;
    call(1, 0, 0, &p, &v);
    world_publish(&w, p, 2, CODEC_OPUS, AUDIO);
    world_subscribe(&w, v, p, 2, CODEC_OPUS, OUT + 10);
    uint32_t second = (uint32_t)(w.now / MP_S(1)) + 1;
    world_run(&w, MP_S(second + 1) - 1 - w.now);
    CHECK_EQ(w.now, MP_S(second + 1) - 1);
    world_send(&w, p, CODEC_OPUS, AUDIO, 50, 960, false, false, 80);
    world_settle(&w);
    CHECK(rtp_parse(&view, v->last, v->last_len));
    CHECK(rtp_extension_find(&view, 2, &x) && x.len == 3 &&
          get24(x.data) == (second << 18 & 0xffffff) + 0x3ffff);
    world_close(&w);
}

static void silent_session_ends_after_30_s(void)
{
    struct world_client *p, *v;
    call(2, 0, 1, &p, &v);
    w.lose = NULL;
    uint32_t session = p->session;
    client_free(p->client); /* the machine was switched off */
    w.clients[0] = w.clients[1];
    w.client_count = 1;
    world_run(&w, MP_S(29));
    CHECK(world_event(&w, MESSAGE_ENDED, session) == NULL);
    world_run(&w, MP_S(2));
    const struct message *ended = world_event(&w, MESSAGE_ENDED, session);
    CHECK(ended && ended->reason == END_CONSENT);
    CHECK_EQ(stat_get(&w.stats[0].sessions), 0);
    CHECK_EQ(stat_get(&w.stats[1].sessions), 1);
    w.clients[0].client = NULL;
    w.client_count = 0;
    client_free(w.clients[1].client);
    world_close(&w);
}

static void check_without_the_password_moves_nothing(void)
{
    uint8_t data[300];
    struct stun_writer s;
    struct hmac_sha1 key;
    char name[64];
    world_open(&w, 1);
    struct world_client *c = world_join(&w, 0);
    snprintf(name, sizeof name, "%s:abcd", c->credentials.ufrag);
    hmac_sha1_key(&key, (const uint8_t *)"wrong password of 24 char", 24);
    for (int kind = 0; kind < 3; kind++) { /* no integrity, a wrong one, an unknown ufrag */
        stun_begin(&s, data, sizeof data, STUN_REQUEST, STUN_BINDING, (const uint8_t *)"123456789012");
        if (kind == 2)
            name[5] ^= 1;
        stun_add(&s, STUN_ATTR_USERNAME, name, strlen(name));
        stun_add(&s, STUN_ATTR_USE_CANDIDATE, NULL, 0);
        if (kind)
            stun_add_integrity(&s, &key);
        stun_add_fingerprint(&s);
        struct path from = *client_path(c->client);
        from.local.port = 9;
        world_datagram(&w, 0, &from, data, stun_end(&s));
        struct transmit t[4];
        CHECK_EQ(sfu_output(w.sfu[0], t, 4, w.now), 0);
    }
    CHECK_EQ(world_owner(&w, c), OWNER_NONE);
    CHECK_EQ(stat_get(&w.stats[0].sessions), 0);
    CHECK_EQ(world_drops(&w, DROP_STUN_INTEGRITY), 2);
    CHECK_EQ(world_drops(&w, DROP_STUN_UFRAG), 1);
    world_close(&w);
}

static void plain_binding_is_answered_at_a_bounded_rate(void)
{
    uint8_t data[64];
    struct stun_writer s;
    struct path from = {0};
    struct transmit t[64];
    world_open(&w, 1);
    CHECK(address_parse(&from.local, "203.0.113.5", 5555) &&
          address_parse(&from.remote, "198.51.100.1", 8000));
    stun_begin(&s, data, sizeof data, STUN_REQUEST, STUN_BINDING, (const uint8_t *)"abcdefghijkl");
    size_t in = stun_end(&s), answers = 0, n;
    world_datagram(&w, 0, &from, data, in);
    CHECK_EQ(sfu_output(w.sfu[0], t, 64, w.now), 1);
    CHECK_EQ(t[0].len, 32);
    struct stun_view v;
    CHECK(stun_parse(&v, t[0].data, t[0].len) == STUN_OK && v.has_mapped &&
          address_equal(&v.mapped, &from.local));
    for (int i = 0; i < 1000; i++)
        world_datagram(&w, 0, &from, data, in);
    while ((n = sfu_output(w.sfu[0], t, 64, w.now)))
        answers += n;
    CHECK_EQ(answers, STUN_ANSWERS_BURST - 1);
    world_close(&w);
}

static void datagrams_of_every_first_byte_leave_no_state(void)
{
    world_open(&w, 2);
    struct path from = {0};
    struct transmit t[8];
    uint8_t data[1500];
    CHECK(address_parse(&from.local, "203.0.113.6", 6666) &&
          address_parse(&from.remote, "198.51.100.1", 8000));
    for (int first = 0; first < 256; first++)
        for (size_t len = 0; len < 1500; len += len < 64 ? 1 : 97) {
            memset(data, first, sizeof data);
            world_datagram(&w, 0, &from, data, len);
            CHECK_EQ(sfu_output(w.sfu[0], t, 8, w.now), 0);
        }
    world_settle(&w);
    CHECK_EQ(stat_get(&w.stats[0].pool_used), 0);
    world_close(&w);
}

static void port_that_is_used_again_belongs_to_the_new_session(void)
{
    world_open(&w, 1);
    struct world_client *a = world_join(&w, 0);
    world_connect(&w, a);
    struct address port = client_path(a->client)->local, elsewhere = port;
    elsewhere.port = 7;
    client_move(a->client, &elsewhere);
    struct world_client *b = world_join(&w, 0);
    client_move(b->client, &port);
    world_connect(&w, b);
    world_run(&w, MP_S(3));
    world_publish(&w, b, 1, CODEC_VP8, VIDEO);
    frames(b, 1, 3, true);
    CHECK_EQ(stat_get(&w.stats[0].rtp_in), 3);
    CHECK_EQ(world_drops(&w, DROP_SRTP_AUTH), 0);
    world_close(&w);
}

/* Two clients behind one NAT take turns at a mapping: it belongs to the session of the latest authenticated
 * check, also if that session had it before. */
static void port_that_comes_back_belongs_to_its_first_session_again(void)
{
    world_open(&w, 1);
    struct world_client *a = world_join(&w, 0), *b = world_join(&w, 0);
    world_connect(&w, a);
    world_connect(&w, b);
    world_publish(&w, a, 1, CODEC_VP8, VIDEO);
    world_publish(&w, b, 2, CODEC_VP8, VIDEO);
    struct address port = client_path(a->client)->local, elsewhere = port;
    uint64_t received = 0;
    for (int turn = 0; turn < 4; turn++) {
        struct world_client *comes = turn % 2 ? a : b, *goes = turn % 2 ? b : a;
        elsewhere.port = (uint16_t)(7 + turn);
        client_move(goes->client, &elsewhere);
        client_move(comes->client, &port);
        world_run(&w, MP_S(6)); /* a check of either's */
        frames(comes, 10 + 10 * (unsigned)turn, 3, true);
        CHECK_EQ(stat_get(&w.stats[0].rtp_in), received += 3);
        CHECK_EQ(world_drops(&w, DROP_SRTP_AUTH), 0);
        CHECK_EQ(world_drops(&w, DROP_UNKNOWN_PATH), 0);
    }
    world_close(&w);
}

/* The mapping of a session that died there: its own worker still has it. */
static void port_that_is_used_again_belongs_to_the_session_of_another_worker_too(void)
{
    struct world_client *p, *v;
    call(2, 0, 0, &p, &v);
    struct world_client *dead = world_join(&w, 1);
    world_connect(&w, dead);
    CHECK_EQ(world_owner(&w, dead), 1);
    struct address port = client_path(dead->client)->local, elsewhere = port;
    elsewhere.port = 7;
    for (int turn = 0; turn < 2; turn++) {
        client_move(dead->client, &elsewhere);
        client_move(p->client, &port);
        p->received_by = 1; /* as the kernel has it for that port */
        world_run(&w, MP_S(6));
        unsigned before = v->rtp;
        frames(p, 10 + 10 * (unsigned)turn, 3, true);
        CHECK_EQ(v->rtp - before, 3);
        elsewhere.port++;
        client_move(p->client, &elsewhere);
        client_move(dead->client, &port); /* its client was still alive */
        world_run(&w, MP_S(6));
        elsewhere.port++;
    }
    world_close(&w);
}

static void source_that_restarts_goes_on_for_its_viewers(void)
{
    for (int missed = 0; missed < 2; missed++) { /* the new one's key frame, lost on its way */
        struct world_client *p, *v;
        struct rtp_view before, after;
        call(1, 0, 0, &p, &v);
        frames(p, 1000, 5, true);
        CHECK(rtp_parse(&before, v->last, v->last_len));
        uint16_t seq = before.seq;
        uint32_t timestamp = before.timestamp;
        /* A new SSRC, told apart by its payload type and mid. */
        for (unsigned i = 0; i < 3; i++) {
            world_send(&w, p, CODEC_VP8, 0x7777, 40000 + i, 99 + 3000 * i, i == 0 && !missed, true, 500);
            world_settle(&w);
        }
        CHECK_EQ(v->rtp, 8);
        CHECK(rtp_parse(&after, v->last, v->last_len));
        CHECK_EQ(after.ssrc, OUT);
        CHECK_EQ((uint16_t)(after.seq - seq), 3 + missed);
        CHECK((uint32_t)(after.timestamp - timestamp) < 90000);
        world_close(&w);
    }
}

static bool lose_to_viewer(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return to_client && data[0] >= 128;
}

/* A receiver that misses 2^15 numbers cannot know how often they wrapped. */
static void viewer_that_was_away_hears_on_though_its_source_jumped(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    call(1, 0, 0, &p, &v);
    frames(p, 1000, 5, true);
    uint16_t seq = last_seq(v);
    w.lose = lose_to_viewer;
    for (unsigned i = 1; i < 8; i++)
        frames(p, 1000 + 30000 * i, 2, false);
    w.lose = NULL;
    unsigned asked = p->pli;
    frames(p, 1000 + 30000 * 8, 1, false);
    world_run(&w, MP_S(1));
    CHECK(p->pli > asked); /* the first picture after a jump does not refer to earlier ones */
    frames(p, 1001 + 30000 * 8, 3, true);
    CHECK_EQ(v->rtp, 9);
    CHECK(rtp_parse(&view, v->last, v->last_len));
    CHECK_EQ((uint16_t)(view.seq - seq), 7 * 3 + 2 + 3);
    world_close(&w);
}

static void what_comes_late_of_an_old_source_is_dropped(void)
{
    struct world_client *p, *v;
    struct rtp_view before, after;
    uint8_t plain[100] = {0}, out[200];
    call(1, 0, 0, &p, &v);
    frames(p, 1000, 5, true);
    for (unsigned i = 0; i < 3; i++)
        world_send(&w, p, CODEC_VP8, 0x7777, 40000 + i, 3000 * i, i == 0, true, 500);
    world_settle(&w);
    CHECK_EQ(v->rtp, 8);
    CHECK(rtp_parse(&before, v->last, v->last_len));
    uint16_t seq = before.seq;
    world_send(&w, p, CODEC_VP8, VIDEO, 1005, 3000 * 1005, false, true, 500);
    size_t n = rtp_write(plain, &(struct rtp_header){.payload_type = 97, .seq = 5, .ssrc = VIDEO + 1});
    put16(plain + n, 1003); /* asked for before */
    size_t len = client_rtp(p->client, plain, sizeof plain, 5, out);
    world_datagram(&w, 0, client_path(p->client), out, len);
    world_settle(&w);
    CHECK_EQ(v->rtp, 8);
    world_send(&w, p, CODEC_VP8, 0x7777, 40003, 9000, false, true, 500);
    world_settle(&w);
    CHECK_EQ(v->rtp, 9);
    CHECK(rtp_parse(&after, v->last, v->last_len));
    CHECK_EQ((uint16_t)(after.seq - seq), 1);
    world_run(&w, MP_S(1));
    /* the new one has fallen silent */
    world_send(&w, p, CODEC_VP8, VIDEO, 1006, 3000 * 1006, true, true, 500);
    world_settle(&w);
    CHECK_EQ(v->rtp, 10);
    world_close(&w);
}

/* A client that makes a new SSRC at each start of its microphone, and never names one. */
static void unnamed_sources_may_change_for_ever(void)
{
    for (int more = 0; more < 2; more++) { /* it also sends a named SSRC, and one of no section */
        struct world_client *p, *v;
        call(1, 0, 0, &p, &v);
        if (more)
            /* only the SSRC tells which video a packet belongs to */
            world_publish(&w, p, 2, CODEC_VP8, VIDEO + 10);
        else
            world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = 1});
        world_publish(&w, p, 3, CODEC_OPUS, 0);
        world_subscribe(&w, v, p, 3, CODEC_OPUS, OUT + 10);
        for (uint32_t i = 0; i < 3 * STREAMS_RX_MAX; i++) {
            if (more)
                world_send(&w, p, CODEC_H264, 90000 + i, 1, 0, false, false, 60);
            world_send(&w, p, CODEC_OPUS, 70000 + i, 1, 0, false, true, 100);
            world_settle(&w);
            CHECK_EQ(v->rtp, i + 1);
            world_run(&w, MP_S(2));
        }
        CHECK_EQ(world_drops(&w, DROP_SRTP_STREAMS), 0);
        frames(p, 10, 3, true); /* the named one has kept its place */
        CHECK_EQ(v->rtp, 3 * STREAMS_RX_MAX + (more ? 3 : 0));
        world_close(&w);
    }
}

/* A new source replaces only one that was silent for a second. */
static void a_source_that_is_heard_keeps_its_place(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = 1});
    world_publish(&w, p, 3, CODEC_OPUS, 0);
    world_subscribe(&w, v, p, 3, CODEC_OPUS, OUT + 10);
    mp_time first = w.now;
    for (uint32_t i = 0; i < STREAMS_RX_MAX; i++) {
        world_send(&w, p, CODEC_OPUS, 70000 + i, 1, 0, false, true, 100);
        world_settle(&w);
        world_run(&w, MP_MS(10));
    }
    CHECK_EQ(v->rtp, STREAMS_RX_MAX);
    world_run(&w, first + MP_S(1) - 1 - w.now);
    world_send(&w, p, CODEC_OPUS, 80000, 1, 0, false, true, 100);
    world_settle(&w);
    CHECK_EQ(v->rtp, STREAMS_RX_MAX);
    w.now++;
    world_send(&w, p, CODEC_OPUS, 80001, 1, 0, false, true, 100);
    world_settle(&w);
    CHECK_EQ(v->rtp, STREAMS_RX_MAX + 1);
    world_close(&w);
}

/* The time of its last packet counts, not the time when it began. */
static void a_source_that_goes_on_keeps_its_place_from_new_ones(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = 1});
    world_publish(&w, p, 3, CODEC_OPUS, 0);
    world_subscribe(&w, v, p, 3, CODEC_OPUS, OUT + 10);
    for (uint64_t time = 1; time <= 2; time++) {
        for (uint32_t i = 0; i < STREAMS_RX_MAX; i++)
            world_send(&w, p, CODEC_OPUS, 70000 + i, time, 0, false, true, 100);
        world_settle(&w);
        if (time == 1)
            world_run(&w, MP_S(1));
    }
    unsigned before = v->rtp;
    world_send(&w, p, CODEC_OPUS, 80000, 1, 0, false, true, 100);
    world_settle(&w);
    CHECK_EQ(v->rtp, before);
    world_run(&w, MP_S(1));
    world_send(&w, p, CODEC_OPUS, 80001, 1, 0, false, true, 100);
    world_settle(&w);
    CHECK_EQ(v->rtp, before + 1);
    world_close(&w);
}

/* A section ends while its stream had returned from its second source to the first. The two sources of the
 * next section are new: neither is an old one whose packets come late. */
static void sources_of_a_new_section_are_not_late(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = 1});
    for (uint32_t track = 3; track < 5; track++) {
        world_publish(&w, p, track, CODEC_OPUS, 0);
        world_subscribe(&w, v, p, track, CODEC_OPUS, OUT + 10 * track);
        unsigned before = v->rtp;
        for (uint32_t i = 0; i < 2; i++)
            world_send(&w, p, CODEC_OPUS, 70000 + 10 * track + i, 1, 0, false, true, 100);
        world_settle(&w);
        CHECK_EQ(v->rtp - before, 2);
        world_run(&w, MP_S(1));
        world_send(&w, p, CODEC_OPUS, 70000 + 10 * track, 2, 960, false, true, 100);
        world_settle(&w);
        CHECK_EQ(v->rtp - before, 3);
        world_command(&w,
                      (struct message){.type = MESSAGE_UNSUBSCRIBE, .session = v->session, .track = track});
        world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = track});
    }
    world_close(&w);
}

static void sources_may_change_for_ever(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    for (uint32_t i = 0; i < 3 * STREAMS_RX_MAX; i++) {
        world_publish(&w, p, 100 + i, CODEC_OPUS, 50000 + i);
        world_subscribe(&w, v, p, 100 + i, CODEC_OPUS, 60000 + 2 * i);
        world_send(&w, p, CODEC_OPUS, 50000 + i, 1, 0, false, false, 60);
        world_settle(&w);
        CHECK_EQ(stat_get(&w.stats[0].rtp_out), i + 1);
        world_command(&w,
                      (struct message){.type = MESSAGE_UNSUBSCRIBE, .session = v->session, .track = 100 + i});
        world_command(&w,
                      (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = 100 + i});
    }
    CHECK_EQ(world_drops(&w, DROP_SRTP_STREAMS), 0);
    world_close(&w);
}

static void leaving_gives_everything_back(void)
{
    struct world_client *p, *v;
    call(4, 1, 3, &p, &v);
    frames(p, 10, 30, true);
    uint32_t sessions[2] = {p->session, v->session};
    for (int i = 0; i < 2; i++)
        world_command(&w, (struct message){.type = MESSAGE_SESSION_CLOSE,
                                           .to = (uint8_t)registry_owner(w.registry, sessions[i]),
                                           .session = sessions[i]});
    world_settle(&w);
    for (unsigned i = 0; i < 4; i++) {
        struct transmit t[4];
        sfu_output(w.sfu[i], t, 4, w.now);
        CHECK_EQ(stat_get(&w.stats[i].sessions), 0);
        CHECK_EQ(stat_get(&w.stats[i].tracks), 0);
        CHECK_EQ(stat_get(&w.stats[i].subscriptions), 0);
        CHECK_EQ(stat_get(&w.stats[i].pool_used), 0);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(world_event(&w, MESSAGE_ENDED, sessions[i]) != NULL);
        registry_release(w.registry, sessions[i]);
    }
    world_close(&w);
}

/* A browser that stops its screen and shares it again keeps the SSRC, and its packets' numbers go on. */
static void source_that_goes_on_keeps_its_roll_over_count(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    for (unsigned i = 0; i < 4; i++)
        frames(p, 30000 + 20000 * i, 1, i == 0);
    CHECK_EQ(v->rtp, 4);
    world_command(&w, (struct message){.type = MESSAGE_UNSUBSCRIBE, .session = v->session, .track = 1});
    world_command(&w, (struct message){.type = MESSAGE_UNPUBLISH, .session = p->session, .track = 1});
    world_publish(&w, p, 2, CODEC_VP8, VIDEO);
    world_subscribe(&w, v, p, 2, CODEC_VP8, OUT + 10);
    frames(p, 90001, 3, true);
    CHECK_EQ(world_drops(&w, DROP_SRTP_AUTH), 0);
    CHECK_EQ(v->rtp, 7);
    world_close(&w);
}

static void client_of_endless_addresses_is_told_to_others_at_a_bounded_rate(void)
{
    uint8_t data[300];
    world_open(&w, 2);
    struct world_client *c = world_join(&w, 0);
    world_connect(&w, c);
    struct message stray = {.type = MESSAGE_STRAY,
                            .from = 1,
                            .session = c->session,
                            .path = *client_path(c->client)},
                   m;
    stray.payload = (struct bytes){data, check_of(c, data, sizeof data)};
    unsigned told = 0;
    for (unsigned port = 1; port <= 20000; port++) { /* one turn: nothing is drained */
        stray.path.remote.port = (uint16_t)port;
        sfu_message(w.sfu[0], &stray, w.now);
    }
    while (sfu_emit(w.sfu[0], &m))
        told++;
    CHECK(told > 64 && told < 300);
    world_close(&w);
}

static void all_sessions_may_end_in_one_turn(void)
{
    enum { SESSIONS = 20000 };
    static uint32_t sessions[SESSIONS];
    struct session_setup setup = {0};
    struct session_credentials credentials;
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {1, 2, 3}, data[300];
    struct message m;
    struct stats *stats = calloc(1, sizeof *stats);
    struct registry *registry = registry_new(SESSIONS);
    struct crypto *crypto = crypto_new(CRYPTO_OPENSSL);
    struct sfu *sfu = sfu_new(&(struct sfu_config){
        .workers = 1, .registry = registry, .crypto = crypto, .stats = stats, .packets = 64, .seed = 1});
    struct path path = {.remote.port = 1};
    for (unsigned i = 0; i < SESSIONS; i++) {
        struct transmit t[4];
        struct world_client c = {.session = sessions[i] =
                                     registry_open(registry, &setup, random, &credentials)};
        c.credentials = credentials;
        path.remote.ip[14] = (uint8_t)(i >> 8);
        path.remote.ip[15] = (uint8_t)i;
        sfu_input(sfu, &path, data, check_of(&c, data, sizeof data), 1, 1);
        while (sfu_output(sfu, t, 4, 1) || sfu_emit(sfu, &m))
            ;
    }
    CHECK_EQ(stat_get(&stats->sessions), SESSIONS);
    sfu_timeout(sfu, MP_S(40)); /* the machine was suspended */
    unsigned ended = 0;
    for (; sfu_emit(sfu, &m); ended++)
        CHECK(m.type == MESSAGE_ENDED && m.reason == END_CONSENT);
    CHECK_EQ(ended, SESSIONS);
    sfu_free(sfu);
    crypto_free(crypto);
    registry_free(registry);
    free(stats);
}

/* A worker of these tests has 4096 packets, as many as the histories of eight tracks. */
static void histories_leave_room_for_what_is_on_its_way(void)
{
    struct world_client *p, *v;
    call(1, 0, 0, &p, &v);
    for (uint32_t t = 2; t <= 12; t++) {
        world_publish(&w, p, t, CODEC_VP8, 100 * t);
        world_subscribe(&w, v, p, t, CODEC_VP8, 70000 + 2 * t);
    }
    for (unsigned i = 0; i < HISTORY_VIDEO; i++)
        for (uint32_t t = 2; t <= 12; t++) {
            world_send(&w, p, CODEC_VP8, 100 * t, 10 + i, 3000, i == 0, true, 40);
            world_settle(&w);
        }
    CHECK_EQ(v->rtp, 11 * HISTORY_VIDEO);
    CHECK_EQ(world_drops(&w, DROP_POOL), 0);
    /* that one is on its way */
    CHECK_EQ(stat_get(&w.stats[0].history_full), 11 * HISTORY_VIDEO - (4096 / 4 * 3 - 1));
    world_close(&w);
}

static void second_viewer_at_another_worker_waits_a_second_for_its_key_frame_at_most(void)
{
    struct world_client *p, *v;
    call(2, 0, 1, &p, &v);
    struct world_client *second = world_join(&w, 1);
    world_connect(&w, second);
    world_run(&w, MP_S(2));
    frames(p, 10, 3, true); /* answers the first viewer's request */
    world_command(&w, (struct message){.type = MESSAGE_KEYFRAME, .to = 0, .track = 1});
    world_run(&w, MP_S(2));
    world_send(&w, p, CODEC_VP8, VIDEO, 13, 39000, true, true, 100);
    world_settle(&w);
    uint8_t pli[12];
    world_send_rtcp(&w, v, pli, rtcp_write_pli(pli, sizeof pli, 1, OUT));
    world_run(&w, MP_MS(100));
    world_send(&w, p, CODEC_VP8, VIDEO, 14, 42000, true, true, 100);
    world_settle(&w);
    unsigned asked = p->pli;
    world_subscribe(&w, second, p, 1, CODEC_VP8, OUT + 20);
    world_run(&w, MP_MS(950));
    CHECK_EQ(p->pli, asked + 1);
    world_close(&w);
}

/* A client may say of two sections that they are sent under one SSRC, or under none. */
static void an_ssrc_that_two_sections_name_is_the_firsts(void)
{
    struct world_client *p, *v;
    struct rtp_view view;
    call(1, 0, 0, &p, &v);
    world_publish(&w, p, 2, CODEC_VP8, VIDEO);
    world_publish(&w, p, 3, CODEC_VP8, 0);
    world_subscribe(&w, v, p, 2, CODEC_VP8, OUT + 10);
    world_subscribe(&w, v, p, 3, CODEC_VP8, OUT + 20);
    for (unsigned i = 0; i < 5; i++) {
        world_send(&w, p, CODEC_VP8, VIDEO, 10 + i, 3000 * i, true, true, 100);
        world_settle(&w);
        CHECK(rtp_parse(&view, v->last, v->last_len) && view.ssrc == OUT);
        /* ambiguous */
        world_send(&w, p, CODEC_VP8, i % 2 ? 0 : 0x4444, 10 + i, 3000 * i, true, true, 100);
        world_settle(&w);
    }
    CHECK_EQ(v->rtp, 5);
    CHECK_EQ(world_drops(&w, DROP_RTP_STREAM), 5);
    world_close(&w);
}

static void publish_as(struct world_client *p, uint32_t track, const char *mid)
{
    struct message m = {.type = MESSAGE_PUBLISH,
                        .to = (uint8_t)world_owner(&w, p),
                        .session = p->session,
                        .track = track,
                        .publish = {.codec = CODEC_VP8, .payload_type = 96, .clock_rate = 90000}};
    snprintf(m.publish.mid, sizeof m.publish.mid, "%s", mid);
    world_command(&w, m);
    world_settle(&w);
}

/* RFC 9143 9.2: an SSRC that no description names is of the section whose mid its packets carry; with none,
 * of the only one that has its payload type. aiortc names no SSRC. */
static void an_unannounced_ssrc_is_of_the_section_of_its_mid(void)
{
    static const struct {
        const char *mid;
        uint32_t ssrc, out; /* 0: nobody's */
    } cases[] = {
        {"b", 0x4444, OUT + 2}, {"a", 0x5555, OUT}, {"ab", 0x6666, 0}, {"c", 0x7777, 0}, {"", 0x8888, 0}};
    struct world_client *p, *v;
    struct rtp_view view;
    const uint8_t payload[] = {0x10, 0};
    world_open(&w, 1);
    p = world_join(&w, 0);
    v = world_join(&w, 0);
    world_connect(&w, p);
    world_connect(&w, v);
    publish_as(p, 1, "a");
    publish_as(p, 2, "b");
    world_subscribe(&w, v, p, 1, CODEC_VP8, OUT);
    world_subscribe(&w, v, p, 2, CODEC_VP8, OUT + 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned before = v->rtp;
        struct world_rtp r = {
            .codec = CODEC_VP8, .ssrc = cases[i].ssrc, .index = 10, .marker = true, .payload = {payload, 2}};
        if (*cases[i].mid)
            r.values[EXT_MID] = (struct bytes){(const uint8_t *)cases[i].mid, strlen(cases[i].mid)};
        world_send_rtp(&w, p, &r);
        world_settle(&w);
        CHECK_EQ(v->rtp - before, cases[i].out != 0);
        CHECK(!cases[i].out || (rtp_parse(&view, v->last, v->last_len) && view.ssrc == cases[i].out));
    }
    world_close(&w);
}

static void wrong_fingerprint_ends_the_session(void)
{
    world_open(&w, 1);
    w.expected = dtls_identity_new(); /* the description names this certificate; the client shows its own */
    struct world_client *c = world_join(&w, 0);
    world_run(&w, MP_S(1));
    const struct message *ended = world_event(&w, MESSAGE_ENDED, c->session);
    CHECK(ended && ended->reason == END_DTLS_FAILED);
    CHECK(world_event(&w, MESSAGE_CONNECTED, c->session) == NULL);
    CHECK_EQ(stat_get(&w.stats[0].sessions), 0);
    dtls_identity_free(w.expected);
    world_close(&w);
}

static unsigned told(const struct world_client *c, enum session_event_kind kind)
{
    unsigned n = 0;
    for (size_t i = 0; i < w.event_count; i++)
        n += w.events[i].type == MESSAGE_SESSION_EVENT && w.events[i].session == c->session &&
             w.events[i].event.kind == kind;
    return n;
}

static void says_bye(struct world_client *c, uint32_t ssrc)
{
    uint8_t out[64];
    world_send_rtcp(&w, c, out, rtcp_write_bye(out, sizeof out, ssrc));
    world_settle(&w);
}

/* RFC 3550 6.6. A BYE of one stream does not mean that the client left, nor does a BYE of a stream that
 * continues. */
static void who_says_bye_with_all_its_streams_is_told_of(void)
{
    world_open(&w, 2);
    struct world_client *p = world_join(&w, 1), *v = world_join(&w, 0);
    world_connect(&w, p);
    world_connect(&w, v);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    world_publish(&w, p, 2, CODEC_OPUS, VIDEO + 2);
    world_subscribe(&w, v, p, 1, CODEC_VP8, 2000);
    frames(p, 0, 3, true);
    world_send(&w, p, CODEC_OPUS, VIDEO + 2, 1, 960, false, false, 100);
    world_settle(&w);
    says_bye(p, VIDEO);
    CHECK_EQ(told(p, EVENT_BYE), 0);
    says_bye(p, 5); /* nobody's */
    world_run(&w, MP_MS(1500));
    says_bye(p, VIDEO + 2); /* the other one said so long ago */
    CHECK_EQ(told(p, EVENT_BYE), 0);
    says_bye(p, VIDEO);
    CHECK_EQ(told(p, EVENT_BYE), 1);
    uint8_t rr[8]; /* a viewer sends only with the SSRCs of its reports */
    world_send_rtcp(&w, v, rr, rtcp_write_rr(rr, sizeof rr, 7, NULL, 0));
    says_bye(v, 8);
    CHECK_EQ(told(v, EVENT_BYE), 0);
    says_bye(v, 7);
    CHECK_EQ(told(v, EVENT_BYE), 1);
    world_close(&w);
}

static void who_closes_its_association_is_told_of(void)
{
    world_open(&w, 2);
    struct world_client *p = world_join(&w, 1), *v = world_join(&w, 0);
    world_connect(&w, p);
    world_connect(&w, v);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    frames(p, 0, 3, true);
    world_run(&w, MP_S(12)); /* nothing of the handshake is left by then */
    CHECK_EQ(told(p, EVENT_BYE), 0);
    client_goodbye(p->client);
    world_run(&w, MP_MS(100));
    CHECK_EQ(told(p, EVENT_BYE), 1);
    CHECK_EQ(told(v, EVENT_BYE), 0);
    world_close(&w);
}

static bool to_the_server(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return !to_client;
}

/* After the loss of a path, its first datagram is reported once as found. */
static void path_that_is_heard_again_is_found(void)
{
    world_open(&w, 2);
    struct world_client *p = world_join(&w, 1);
    world_connect(&w, p);
    world_publish(&w, p, 1, CODEC_VP8, VIDEO);
    frames(p, 0, 30, true);
    w.lose = to_the_server;
    world_run(&w, MP_S(12));
    CHECK(told(p, EVENT_LOST) > 0);
    CHECK_EQ(told(p, EVENT_FOUND), 0);
    w.lose = NULL;
    for (int i = 0; i < 10; i++) {
        frames(p, 30 + i, 1, true);
        world_run(&w, MP_MS(500));
    }
    CHECK_EQ(told(p, EVENT_FOUND), 1);
    world_close(&w);
}

TEST_MAIN(
    TEST(who_says_bye_with_all_its_streams_is_told_of), TEST(who_closes_its_association_is_told_of),
    TEST(path_that_is_heard_again_is_found),
    TEST(publisher_without_key_frames_is_asked_once_a_second_and_told_of),
    TEST(publisher_that_is_silent_does_not_stall),
    TEST(codec_that_changes_in_mid_call_begins_with_a_key_frame),
    TEST(packets_of_another_codec_than_agreed_reach_nobody), TEST(codec_that_a_publisher_turns_to_is_told_of),
    TEST(session_is_claimed_by_the_worker_that_hears_it), TEST(passive_client_is_begun_with),
    TEST(client_hello_of_a_passive_client_is_dropped), TEST(handshake_with_a_passive_client_is_begun_once),
    TEST(datagrams_at_another_worker_reach_the_owner), TEST(another_worker_is_told_of_a_path_once_a_second),
    TEST(session_is_reached_by_another_workers_link), TEST(turn_clients_connection_is_no_path_of_a_session),
    TEST(media_waits_for_a_key_frame), TEST(viewer_gets_its_own_numbers), TEST(every_worker_has_its_replica),
    TEST(replica_may_open_before_its_origin), TEST(replicas_do_not_send_to_each_other),
    TEST(media_before_the_keys_is_counted), TEST(publisher_sends_no_more_than_its_limit),
    TEST(key_frame_requests_are_one_a_second),
    TEST(key_frame_request_that_names_nobody_is_for_all_it_watches),
    TEST(key_frame_requests_are_passed_on_every_20_ms),
    TEST(full_intra_request_is_for_the_sources_of_its_entries), TEST(key_frame_waits_for_the_nomination),
    TEST(key_frame_is_asked_for_when_the_viewer_can_take_it),
    TEST(viewer_that_gives_transport_feedback_has_one_count_over_all_it_is_sent),
    TEST(an_audio_level_without_data_is_none), TEST(nack_is_answered_by_rtx),
    TEST(nack_without_rtx_is_answered_by_the_same_bytes), TEST(lost_sound_is_sent_again_as_the_same_bytes),
    TEST(what_is_lost_again_and_again_is_sent_ten_times),
    TEST(viewer_that_asks_for_much_at_once_gets_60_kilobytes),
    TEST(publishers_clock_that_runs_slow_is_followed),
    TEST(report_that_came_late_moves_the_clock_by_a_millisecond),
    TEST(round_trip_is_learned_from_what_is_sent_again),
    TEST(a_lost_packet_that_is_given_up_brings_a_key_frame_request),
    TEST(port_that_comes_back_belongs_to_its_first_session_again),
    TEST(counters_tell_what_came_and_what_was_sent_again),
    TEST(extensions_reach_the_viewer_under_its_own_ids), TEST(sound_is_never_asked_for_a_picture),
    TEST(viewer_of_many_tracks_is_heard_about_each), TEST(every_session_may_publish_all_that_it_may),
    TEST(publisher_is_asked_for_what_is_missing), TEST(publisher_hears_of_its_transport_and_loss),
    TEST(publisher_hears_when_its_packets_came_not_when_they_were_read),
    TEST(sender_report_maps_the_source_clock), TEST(run_is_padded_to_one_length),
    TEST(duplicate_and_forged_packets_are_not_forwarded), TEST(unknown_stream_is_counted),
    TEST(audio_flows_at_once_with_its_level), TEST(silent_session_ends_after_30_s),
    TEST(check_without_the_password_moves_nothing), TEST(plain_binding_is_answered_at_a_bounded_rate),
    TEST(datagrams_of_every_first_byte_leave_no_state),
    TEST(port_that_is_used_again_belongs_to_the_new_session),
    TEST(source_that_restarts_goes_on_for_its_viewers), TEST(what_comes_late_of_an_old_source_is_dropped),
    TEST(sources_may_change_for_ever), TEST(unnamed_sources_may_change_for_ever),
    TEST(a_source_that_is_heard_keeps_its_place),
    TEST(port_that_is_used_again_belongs_to_the_session_of_another_worker_too),
    TEST(viewer_that_was_away_hears_on_though_its_source_jumped), TEST(leaving_gives_everything_back),
    TEST(source_that_goes_on_keeps_its_roll_over_count), TEST(all_sessions_may_end_in_one_turn),
    TEST(client_of_endless_addresses_is_told_to_others_at_a_bounded_rate),
    TEST(second_viewer_at_another_worker_waits_a_second_for_its_key_frame_at_most),
    TEST(histories_leave_room_for_what_is_on_its_way), TEST(an_ssrc_that_two_sections_name_is_the_firsts),
    TEST(an_unannounced_ssrc_is_of_the_section_of_its_mid),
    TEST(a_source_that_goes_on_keeps_its_place_from_new_ones), TEST(sources_of_a_new_section_are_not_late),
    TEST(the_loudest_audio_level_reaches_the_viewer),
    TEST(the_send_time_of_the_last_nanosecond_is_of_its_second), TEST(wrong_fingerprint_ends_the_session))
