/* Sessions whose clients change their address, and attackers that try to redirect a session. */
#include "sfu/roaming.h"
#include "crypto/crypto.h"
#include "proto/codec.h"
#include "proto/dtls.h"
#include "proto/ice.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "proto/stun.h"
#include "sfu/session.h"
#include "sfu/session_data.h"
#include "sfu/subscription_data.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"
#include <stdlib.h>

#define VIDEO 0x1111
#define OUT   0x9999

static struct world w;
static struct world_client *publisher, *viewer;
static uint64_t next_index;

static void frames(unsigned count)
{
    for (unsigned i = 0; i < count; i++, next_index++) {
        world_send(&w, publisher, CODEC_VP8, VIDEO, next_index, (uint32_t)(3000 * next_index),
                   next_index == 100, true, 1000);
        world_settle(&w);
        world_run(&w, MP_MS(33));
    }
}

static size_t write_feedback(uint8_t out[64], uint32_t ssrc)
{
    size_t len = rtcp_write_rr(out, 64, ssrc, NULL, 0);
    return len + rtcp_write_sdes(out + len, 64 - len, ssrc, "a viewer's name");
}

static void feedback(struct world_client *c, uint32_t ssrc)
{
    uint8_t rr[64];
    world_send_rtcp(&w, c, rr, write_feedback(rr, ssrc));
    world_settle(&w);
}

/* A publisher and a viewer, media flowing, and the server knows the SSRC of each. */
static void call(unsigned workers, unsigned a, unsigned b)
{
    world_open(&w, workers);
    publisher = world_join(&w, a);
    viewer = world_join(&w, b);
    world_connect(&w, publisher);
    world_connect(&w, viewer);
    world_publish(&w, publisher, 1, CODEC_VP8, VIDEO);
    world_subscribe(&w, viewer, publisher, 1, CODEC_VP8, OUT);
    next_index = 100;
    frames(3);
    feedback(viewer, 1);
    CHECK_EQ(viewer->rtp, 3);
}

static struct address elsewhere(const struct world_client *c, const char *ip)
{
    struct address a = client_path(c->client)->local;
    if (ip)
        CHECK(address_parse(&a, ip, a.port));
    else
        a.port += 1000;
    return a;
}

static bool no_checks(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return !to_client && data[0] == 0 && data[1] == 1; /* the client's own: media and answers pass */
}

static void move(struct world_client *c, const char *ip)
{
    struct address a = elsewhere(c, ip);
    client_move(c->client, &a);
    w.lose = no_checks; /* or checks would move it within 2.5 s */
}

static const struct session_event *event(const struct world_client *c, enum session_event_kind kind)
{
    for (size_t i = w.event_count; i-- > 0;)
        if (w.events[i].type == MESSAGE_SESSION_EVENT && w.events[i].session == c->session &&
            w.events[i].event.kind == kind)
            return &w.events[i].event;
    return NULL;
}

static void publisher_behind_a_new_mapping_is_followed_at_once(void)
{
    const char *const ips[] = {NULL, "203.0.113.77"}; /* another port; another address altogether */
    for (int i = 0; i < 2; i++) {
        call(1, 0, 0);
        move(publisher, ips[i]);
        unsigned rr = publisher->rr;
        frames(40);
        CHECK_EQ(viewer->rtp, 43);
        CHECK_EQ(w.to_strangers, 0); /* nothing went to where it was */
        CHECK(publisher->rr > rr);   /* and feedback comes to where it is */
        const struct session_event *e = event(publisher, EVENT_SELECTED);
        CHECK(e && e->value == ICE_BY_ROAMING && e->moved &&
              address_equal(&e->path.remote, &client_path(publisher->client)->local));
        CHECK(event(publisher, EVENT_CHECK_ANSWERED) != NULL);
        world_close(&w);
    }
}

static void viewer_that_only_sends_feedback_is_followed(void)
{
    call(1, 0, 0);
    move(viewer, NULL);
    frames(2);
    CHECK_EQ(viewer->rtp, 3); /* nobody has heard of it yet */
    unsigned lost = w.to_strangers;
    CHECK(lost >= 2);
    feedback(viewer, 1);
    frames(5);
    CHECK_EQ(viewer->rtp, 8);
    CHECK_EQ(w.to_strangers, lost);
    world_close(&w);
}

static bool all(struct world *world, bool to_client, const uint8_t *data, size_t len) { return true; }

/* No history has the missed packets: without a request, the viewer would have to notice the loss itself. */
static void viewer_that_was_away_is_met_with_a_key_frame(void)
{
    const mp_time away[] = {MP_MS(200), MP_S(3)};
    for (int i = 0; i < 2; i++) {
        call(1, 0, 0);
        world_run(&w, MP_S(2)); /* the request at its join was one */
        feedback(viewer, 1);
        unsigned pli = publisher->pli;
        w.lose = all;
        world_run(&w, away[i]);
        move(viewer, NULL);
        feedback(viewer, 1);
        world_run(&w, MP_MS(50));
        CHECK(event(viewer, EVENT_SELECTED)->value == ICE_BY_ROAMING);
        CHECK_EQ(publisher->pli, pli + (away[i] >= MP_S(1)));
        world_close(&w);
    }
}

static void many_viewers_with_one_ssrc_are_told_apart(void)
{
    struct world_client *v[8];
    world_open(&w, 2);
    for (unsigned i = 0; i < 8; i++) {
        v[i] = world_join(&w, 0);
        world_connect(&w, v[i]);
        for (unsigned k = 0; k < 4 + 3 * i; k++) /* as browsers send each at its own times */
            feedback(v[i], 1);
    }
    struct world_client *who = v[5];
    move(who, NULL);
    who->received_by = 1;
    for (int i = 0; i < 3; i++)
        feedback(who, 1);
    world_run(&w, MP_MS(100));
    const struct session_event *e = event(who, EVENT_SELECTED);
    CHECK(e && e->value == ICE_BY_ROAMING);
    for (unsigned i = 0; i < 8; i++)
        CHECK(v[i] == who || event(v[i], EVENT_SELECTED)->value == ICE_BY_NOMINATION);
    world_close(&w);
}

static void session_is_followed_to_another_worker(void)
{
    call(3, 0, 1);
    move(publisher, NULL);
    publisher->received_by = 2;
    frames(10);
    CHECK_EQ(world_owner(&w, publisher), 0);
    CHECK_EQ(viewer->rtp, 13);
    CHECK_EQ(w.to_strangers, 0);
    CHECK_EQ(stat_get(&w.stats[2].sessions), 0);
    CHECK_EQ(stat_get(&w.stats[2].strays_out), w.told[MESSAGE_STRAY] - 1); /* the first went to both */
    world_close(&w);
}

static void ten_rebindings_lose_nothing(void)
{
    call(2, 0, 1);
    for (int i = 0; i < 10; i++) {
        move(publisher, NULL);
        frames(3);
        move(viewer, NULL);
        feedback(viewer, 1);
        frames(3);
    }
    CHECK_EQ(viewer->rtp, 63);
    CHECK(w.to_strangers <= 10);
    world_close(&w);
}

/* --- attacks --- */

static void forged_check(const struct world_client *of, const char *from, const char *password, bool nominate)
{
    uint8_t out[256], txid[STUN_TXID_SIZE] = {7};
    char username[64];
    struct hmac_sha1 key;
    struct stun_writer s;
    struct path path = *client_path(of->client);
    CHECK(address_parse(&path.local, from, 4444));
    snprintf(username, sizeof username, "%s:abcd", of->credentials.ufrag);
    hmac_sha1_key(&key, (const uint8_t *)password, strlen(password));
    stun_begin(&s, out, sizeof out, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&s, STUN_ATTR_USERNAME, username, strlen(username));
    stun_add_u32(&s, STUN_ATTR_PRIORITY, UINT32_MAX);
    stun_add_u64(&s, STUN_ATTR_CONTROLLING, 1);
    if (nominate)
        stun_add(&s, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&s, &key);
    stun_add_fingerprint(&s);
    world_datagram(&w, of->received_by, &path, out, stun_end(&s));
    world_settle(&w);
}

static void checks_without_the_password_change_nothing(void)
{
    call(1, 0, 0);
    for (int i = 0; i < 100000; i++)
        forged_check(viewer, "203.0.113.66", "abcdefghijklmnopqrstuvwy", true);
    frames(5);
    CHECK_EQ(viewer->rtp, 8);
    CHECK_EQ(w.to_strangers, 0);
    CHECK_EQ(world_drops(&w, DROP_STUN_INTEGRITY), 100000);
    world_close(&w);
}

static unsigned told_of(const struct world_client *c, enum message_type type)
{
    unsigned n = 0;
    for (size_t i = 0; i < w.event_count; i++)
        n += w.events[i].type == type && w.events[i].session == c->session;
    return n;
}

/* A client that invents addresses for its checks costs the control plane 64 messages of a kind at once, and
 * then 4 a second. */
static void control_plane_is_told_of_paths_at_a_bounded_rate(void)
{
    char ip[32];
    call(1, 0, 0);
    world_run(&w, MP_S(20)); /* both budgets are full again */
    for (int seconds = 0; seconds <= 10; seconds += 10) {
        if (!seconds)
            w.event_count = 0;
        else
            world_run(&w, MP_S(seconds) + MP_MS(100));
        for (int i = 0; i < 100; i++) {
            snprintf(ip, sizeof ip, "203.0.%d.%d", 100 + seconds, 1 + i);
            forged_check(viewer, ip, viewer->credentials.password, true);
        }
        CHECK_EQ(told_of(viewer, MESSAGE_PATH_SEEN), 64 + 4 * seconds);
        CHECK_EQ(told_of(viewer, MESSAGE_SESSION_EVENT), 64 + 4 * seconds);
    }
    world_close(&w);
}

static unsigned events_not_told(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < w.event_count; i++)
        if (w.events[i].type == MESSAGE_SESSION_EVENT && w.events[i].session == viewer->session)
            n += w.events[i].event.unsaid;
    w.event_count = 0;
    return n;
}

/* An event carries the number of the events before it that were not told: each of them counts once. */
static void events_that_were_not_told_are_counted_once(void)
{
    char ip[32];
    call(1, 0, 0);
    for (int i = 0; i < 100; i++) {
        snprintf(ip, sizeof ip, "203.0.100.%d", 1 + i);
        forged_check(viewer, ip, viewer->credentials.password, true);
    }
    CHECK_EQ(events_not_told(), 0); /* nothing could be told after the budget was used up */
    world_run(&w, MP_S(20));
    forged_check(viewer, "203.0.101.1", viewer->credentials.password, true);
    CHECK(events_not_told() > 0);
    forged_check(viewer, "203.0.101.2", viewer->credentials.password, true);
    CHECK(event(viewer, EVENT_NOMINATED) != NULL);
    CHECK_EQ(events_not_told(), 0);
    world_close(&w);
}

static void nominated_victim_gets_no_media(void)
{
    call(1, 0, 0);
    for (int i = 0; i < 3; i++)
        forged_check(viewer, "203.0.113.66", viewer->credentials.password, true);
    frames(120);
    CHECK_EQ(viewer->rtp, 123);                                         /* it goes where it went */
    CHECK(w.to_strangers > 0 && w.to_strangers <= 3 + ICE_CHECK_TRIES); /* answers and our own checks */
    CHECK(event(viewer, EVENT_CHECK_FAILED) != NULL);
    world_close(&w);
}

/* By media: the client sends authentic media from the victim's spoofed address. */
static void victim_of_spoofed_media_gets_no_media(void)
{
    call(1, 0, 0);
    struct address home = client_path(viewer->client)->local;
    for (int i = 0; i < 50; i++) {
        struct address victim = elsewhere(viewer, "203.0.113.66");
        client_move(viewer->client, &victim);
        w.lose = no_checks;
        uint8_t rr[64], out[96];
        size_t len = client_rtcp(viewer->client, rr, write_feedback(rr, 1), out);
        world_datagram(&w, 0, client_path(viewer->client), out, len);
        client_move(viewer->client, &home);
        w.lose = NULL;
        frames(1);
    }
    CHECK_EQ(viewer->rtp, 53);
    CHECK(w.to_strangers > 0 && w.to_strangers <= 2 * ICE_CHECK_TRIES);
    world_close(&w);
}

static bool no_checks_of_the_viewer(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return !to_client && memmem(data, len, viewer->credentials.ufrag, UFRAG_SIZE) != NULL;
}

static void silent_client_gets_nothing_after_30_s(void)
{
    call(1, 0, 0);
    struct address gone = elsewhere(viewer, "203.0.113.5"); /* counts datagrams to the old address */
    client_move(viewer->client, &gone);
    w.lose = no_checks_of_the_viewer;
    for (int s = 0; s < 33; s++)
        frames(31);
    w.lose = NULL;
    CHECK(world_event(&w, MESSAGE_ENDED, viewer->session) &&
          world_event(&w, MESSAGE_ENDED, viewer->session)->reason == END_CONSENT);
    unsigned before = w.to_strangers;
    frames(30);
    CHECK_EQ(w.to_strangers, before);
    CHECK_EQ(stat_get(&w.stats[0].sessions), 1);
    world_close(&w);
}

/* Media with any content from unknown addresses. */
static void spray_from_strangers_learns_and_answers_nothing(void)
{
    uint8_t data[200];
    call(2, 0, 1);
    struct path from = *client_path(publisher->client);
    uint64_t used = stat_get(&w.stats[0].pool_used);
    for (unsigned i = 0; i < 100000; i++) {
        memset(data, (int)i, sizeof data);
        data[0] = 0x80;
        data[1] = i & 1 ? 96 : 201; /* RTP, RTCP */
        put16(data + 2, (uint16_t)(next_index + i % 100));
        put32(data + (i & 1 ? 8 : 4), i % 3 ? VIDEO : i);
        CHECK(
            address_parse(&from.local, i & 2 ? "203.0.113.66" : "192.0.2.10", (uint16_t)(1024 + i % 50000)));
        world_datagram(&w, 0, &from, data, sizeof data);
        if (i % 1000 == 0)
            world_settle(&w);
    }
    world_settle(&w);
    CHECK_EQ(w.to_strangers, 0);
    CHECK(world_drops(&w, DROP_SRTP_AUTH) < 200); /* two sources: as many as their rates allow */
    CHECK_EQ(stat_get(&w.stats[0].pool_used), used);
    world_run(&w, MP_S(1));
    frames(5);
    CHECK_EQ(viewer->rtp, 8);
    world_close(&w);
}

/* With a known SSRC, from a new address of one /64 each time: the worker handles as many as one network's
 * rate allows. */
static void an_ipv6_network_is_looked_at_as_one_sender(void)
{
    uint8_t data[200] = {0x80, 96};
    call(1, 0, 0);
    struct path from = *client_path(publisher->client);
    put16(data + 2, (uint16_t)next_index);
    put32(data + 8, VIDEO);
    CHECK(address_parse(&from.local, "2001:db8:0:1::", 4444));
    for (unsigned i = 0; i < 1000; i++) {
        put64(from.local.ip + 8, (uint64_t)i << 32 | i);
        world_datagram(&w, 0, &from, data, sizeof data);
    }
    CHECK_EQ(world_drops(&w, DROP_SRTP_AUTH), (uint64_t)ROAM_BURST);
    world_close(&w);
}

static void all_senders_together_are_looked_at_at_a_bounded_rate(void)
{
    uint8_t data[200] = {0x80, 96};
    call(1, 0, 0);
    struct path from = *client_path(publisher->client);
    put16(data + 2, (uint16_t)next_index);
    put32(data + 8, VIDEO);
    CHECK(address_parse(&from.local, "10.0.0.0", 4444));
    for (unsigned i = 0; i < 3000; i++) {
        put16(from.local.ip + 14, (uint16_t)i);
        world_datagram(&w, 0, &from, data, sizeof data);
    }
    CHECK_EQ(world_drops(&w, DROP_SRTP_AUTH), (uint64_t)ROAM_TOTAL_BURST);
    world_close(&w);
}

static void viewer_that_takes_another_address_of_its_ipv6_network_is_told_apart(void)
{
    struct world_client *v[80]; /* more of one SSRC than a look-up passes */
    struct address a;
    world_open_for(&w, 1, 128);
    for (unsigned i = 0; i < 80; i++) {
        v[i] = world_join(&w, 0);
        CHECK(address_parse(&a, "2001:db8:0:1::7", 40000));
        a.ip[7] = (uint8_t)i;
        client_move(v[i]->client, &a);
        world_connect(&w, v[i]);
        feedback(v[i], 1);
    }
    struct world_client *who = v[3];
    move(who, "2001:db8:0:3::8");
    feedback(who, 1);
    world_run(&w, MP_MS(100));
    const struct session_event *e = event(who, EVENT_SELECTED);
    CHECK(e && e->value == ICE_BY_ROAMING);
    world_close(&w);
}

/* A captured packet sent again from another address. */
static void replayed_packet_does_not_move_the_path(void)
{
    uint8_t plain[1200] = {0}, out[1300];
    call(1, 0, 0);
    size_t n = rtp_write(
        plain, &(struct rtp_header){.payload_type = 96, .seq = (uint16_t)next_index, .ssrc = VIDEO});
    size_t len = client_rtp(publisher->client, plain, n + 100, next_index, out);
    world_datagram(&w, 0, client_path(publisher->client), out, len);
    struct path other = *client_path(publisher->client);
    other.local.port = 9;
    for (int i = 0; i < 30; i++)
        world_datagram(&w, 0, &other, out, len);
    world_settle(&w);
    CHECK_EQ(w.to_strangers, 0);
    CHECK(world_drops(&w, DROP_SRTP_REPLAY) > 0);
    world_close(&w);
}

/* --- ICE restart --- */

static void restart(struct world_client *c)
{
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(c->generation * 13 + i);
    registry_restart(w.registry, c->session, c->generation + 1, random, &c->credentials);
    world_restarted(&w, c, world_owner(&w, c));
    world_client_restarts(&w, c);
    world_settle(&w);
}

/* Chromium stops the section that carries its bundle, and offers: it then uses a new transport (RFC 9143
 * 7.6), with a new socket and the same ICE credentials. */
static void another_transport(struct world_client *c)
{
    world_another_transport(&w, c);
    world_connect(&w, c);
}

static void another_transport_with_a_restart(struct world_client *c)
{
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(c->generation * 13 + i);
    registry_restart(w.registry, c->session, c->generation + 1, random, &c->credentials);
    world_restarted(&w, c, world_owner(&w, c));
    another_transport(c);
}

static void goes_on_after(void another(struct world_client *))
{
    call(2, 0, 1);
    for (int i = 0; i < 30; i++) { /* both sides' numbers have wrapped */
        next_index += 2900;
        frames(1);
    }
    unsigned rtp = viewer->rtp;
    another(viewer);
    world_run(&w, MP_S(1));
    frames(10);
    CHECK_EQ(viewer->rtp - rtp, 10);
    next_index &= 0xffff; /* RFC 3711 3.3.1: a new context, whose roll-over counter is 0 */
    another(publisher);
    rtp = viewer->rtp;
    unsigned pli = publisher->pli;
    frames(10);
    CHECK_EQ(viewer->rtp - rtp, 10);
    CHECK(publisher->pli > pli); /* no history has the packets lost meanwhile */
    feedback(viewer, 1);
    CHECK(!world_event(&w, MESSAGE_ENDED, viewer->session) &&
          !world_event(&w, MESSAGE_ENDED, publisher->session));
    CHECK_EQ(stat_get(&w.stats[0].sessions) + stat_get(&w.stats[1].sessions), 2);
    world_close(&w);
}

static void another_transport_in_mid_session_goes_on_under_its_own_keys(void)
{
    goes_on_after(another_transport);
    goes_on_after(another_transport_with_a_restart);
}

/* RFC 3711 3.3.1: in a new context the roll-over counter is 0, also that of the RTX stream. */
static void rtx_beyond_65536_packets_is_read_under_other_keys(void)
{
    struct rtp_view view;
    uint8_t nack[32];
    size_t used;
    call(2, 0, 1);
    struct subscription *s = session_find(w.sfu[1], viewer->session)->subscriptions;
    s->rtx_next += 0x10000; /* as after so many retransmissions */
    uint16_t next = (uint16_t)s->rtx_next;
    another_transport(viewer);
    world_run(&w, MP_S(1));
    frames(10);
    CHECK(rtp_parse(&view, viewer->last, viewer->last_len) && view.ssrc == OUT);
    uint16_t missing = (uint16_t)(view.seq - 4);
    world_send_rtcp(&w, viewer, nack, rtcp_write_nack(nack, sizeof nack, 1, OUT, &missing, 1, &used));
    world_settle(&w);
    CHECK(rtp_parse(&view, viewer->last, viewer->last_len) && view.ssrc == OUT + 1);
    CHECK_EQ(view.seq, next);
    CHECK_EQ(get16(view.data + view.header_len), missing);
    world_close(&w);
}

static unsigned associations_begun(const struct world_client *c)
{
    unsigned begun = 0;
    for (size_t i = 0; i < w.event_count; i++)
        begun += w.events[i].type == MESSAGE_SESSION_EVENT && w.events[i].session == c->session &&
                 w.events[i].event.kind == EVENT_DTLS_STARTED;
    return begun;
}

/* A ClientHello of another association, from the client's address. */
static void another_hello(const struct world_client *c)
{
    uint8_t hello[1500];
    struct fingerprint any = {.hash = "sha-256", .len = 32};
    struct dtls *stranger = dtls_new(w.client_identity, DTLS_CLIENT, DTLS_GCM_OR_CM, &any, w.now);
    size_t len = dtls_output(stranger, hello, sizeof hello);
    dtls_free(stranger);
    world_datagram(&w, 0, client_path(c->client), hello, len);
}

/* A handshake costs the server a signature: it takes up three at once, then one in 2 s. */
static void associations_beside_begin_at_a_bounded_rate(void)
{
    call(1, 0, 0);
    unsigned begun = associations_begun(publisher);
    CHECK_EQ(begun, 1);
    for (unsigned i = 1; i <= 5; i++) {
        restart(publisher);
        another_hello(publisher);
        frames(1); /* media under the keys in use: the server drops the association beside */
        CHECK_EQ(associations_begun(publisher) - begun, i < 3 ? i : 3);
    }
    world_run(&w, MP_S(2));
    for (unsigned i = 0; i < 2; i++) {
        restart(publisher);
        another_hello(publisher);
        frames(1);
        CHECK_EQ(associations_begun(publisher) - begun, 4);
    }
    world_close(&w);
}

/* DTLS' first flight is not authentic, whoever sends it. */
static void strangers_client_hello_after_a_restart_ends_nothing(void)
{
    call(1, 0, 0);
    restart(publisher);
    world_run(&w, MP_S(3));
    for (int i = 0; i < 20; i++) {
        another_hello(publisher);
        unsigned before = viewer->rtp;
        frames(60);
        CHECK_EQ(viewer->rtp - before, 60);
    }
    CHECK(world_event(&w, MESSAGE_ENDED, publisher->session) == NULL);

    another_hello(publisher);
    /* the client sends nothing under the keys, and the second handshake does not complete */
    world_run(&w, MP_S(30));
    CHECK(world_event(&w, MESSAGE_ENDED, publisher->session) == NULL);
    world_run(&w, MP_S(10));
    const struct message *ended = world_event(&w, MESSAGE_ENDED, publisher->session);
    CHECK(ended && ended->reason == END_DTLS_FAILED);
    world_close(&w);
}

/* An association may also fail beside the one in use: its alert is no more authentic than its ClientHello.
 * The session goes on while media comes under the keys in use; without any, it ends after 6 s. */
static void strangers_association_that_fails_beside_ends_nothing(void)
{
    static const uint8_t handshake_failure[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    call(1, 0, 0);
    for (int i = 0; i < 2; i++) {
        restart(publisher);
        world_run(&w, MP_S(3));
        another_hello(publisher);
        world_datagram(&w, 0, client_path(publisher->client), handshake_failure, sizeof handshake_failure);
        CHECK(world_event(&w, MESSAGE_ENDED, publisher->session) == NULL);
        if (i == 0) {
            unsigned before = viewer->rtp;
            frames(300); /* 10 s */
            CHECK_EQ(viewer->rtp - before, 300);
            CHECK(world_event(&w, MESSAGE_ENDED, publisher->session) == NULL);
        }
    }
    world_run(&w, MP_S(5));
    CHECK(world_event(&w, MESSAGE_ENDED, publisher->session) == NULL);
    world_run(&w, MP_S(2));
    const struct message *ended = world_event(&w, MESSAGE_ENDED, publisher->session);
    CHECK(ended && ended->reason == END_DTLS_FAILED);
    world_close(&w);
}

static bool found(const char *ufrag)
{
    struct session_credentials credentials;
    uint32_t session;
    unsigned owner;
    return registry_find(w.registry, (struct bytes){(const uint8_t *)ufrag, UFRAG_SIZE}, &session, &owner,
                         &credentials);
}

static void restart_keeps_the_call_and_ends_the_old_credentials(void)
{
    call(2, 0, 1);
    struct session_credentials old = viewer->credentials;
    move(viewer, "203.0.113.80"); /* another network; its checks are lost until it restarts */
    w.lose = NULL;
    viewer->received_by = 0;
    restart(viewer);
    CHECK(event(viewer, EVENT_RESTARTED) && event(viewer, EVENT_RESTARTED)->value == 2);
    CHECK(found(old.ufrag) && found(viewer->credentials.ufrag));
    registry_retire(w.registry, viewer->session, viewer->generation);
    CHECK(!found(old.ufrag) && found(viewer->credentials.ufrag));
    frames(10);
    CHECK_EQ(viewer->rtp, 13);
    CHECK(world_event(&w, MESSAGE_ENDED, viewer->session) == NULL);
    world_close(&w);
}

static unsigned restarts_told(uint32_t generation)
{
    unsigned n = 0;
    for (size_t i = 0; i < w.event_count; i++)
        n += w.events[i].type == MESSAGE_SESSION_EVENT && w.events[i].event.kind == EVENT_RESTARTED &&
             w.events[i].event.value == generation;
    return n;
}

/* A client restarts ICE before its first check: the control plane learns that the first credentials have
 * ended. */
static void restart_before_the_claim_comes_to_its_end_too(void)
{
    /* by which a path is selected before the owner knows of any restart */
    for (int tcp = 0; tcp < 2; tcp++) {
        world_open(&w, 1);
        struct world_client *c = world_join(&w, 0);
        uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {1, 2, 3};
        struct session_credentials old = c->credentials;
        c->link = tcp ? link_make(LINK_STREAM, 0, 1) : LINK_UDP;
        c->generation = 1; /* the world tells the owner of the next, with its claim */
        registry_restart(w.registry, c->session, 2, random, &c->credentials);
        world_client_restarts(&w, c);
        world_connect(&w, c);
        CHECK_EQ(restarts_told(2), 1);
        registry_retire(w.registry, c->session, 2);
        CHECK(!found(old.ufrag) && found(c->credentials.ufrag));
        world_close(&w);
    }
}

/* The credentials in use stay, and so do those of the two restarts that the client has not used yet. */
static void restarts_keep_the_credentials_in_use(void)
{
    char ufrags[6][UFRAG_SIZE + 1];
    call(1, 0, 0);
    restart(viewer);
    registry_retire(w.registry, viewer->session, 2);
    memcpy(ufrags[2], viewer->credentials.ufrag, sizeof *ufrags);
    for (uint32_t g = 3; g <= 5; g++) { /* the client uses none of these */
        uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {(uint8_t)g};
        registry_restart(w.registry, viewer->session, g, random, &viewer->credentials);
        memcpy(ufrags[g], viewer->credentials.ufrag, sizeof *ufrags);
        CHECK(found(ufrags[2]) && found(ufrags[g]));
        CHECK(found(ufrags[3]) == (g < 5)); /* the third restart replaces the first */
    }
    CHECK(found(ufrags[4]));
    world_close(&w);
}

static void hundred_restarts_leave_one_pair_of_credentials(void)
{
    call(1, 0, 0);
    char first[UFRAG_SIZE + 1], before[UFRAG_SIZE + 1];
    memcpy(first, viewer->credentials.ufrag, sizeof first);
    for (unsigned i = 0; i < 100; i++) {
        memcpy(before, viewer->credentials.ufrag, sizeof before);
        w.event_count = 0;
        restart(viewer);
        CHECK(event(viewer, EVENT_RESTARTED) != NULL);
        registry_retire(w.registry, viewer->session, viewer->generation);
        CHECK(!found(before) && found(viewer->credentials.ufrag));
        world_run(&w, MP_MS(500));
    }
    CHECK(!found(first));
    frames(5);
    CHECK_EQ(viewer->rtp, 8);
    world_close(&w);
}

static bool no_dtls_of_ours(struct world *world, bool to_client, const uint8_t *data, size_t len)
{
    return to_client && data[0] >= 20 && data[0] < 64;
}

/* Lost flights are retransmitted (RFC 6347 4.2.4), and the next check gives the client's new address. */
static void rebinding_in_the_handshake_delays_it_and_no_more(void)
{
    world_open(&w, 2);
    viewer = world_join(&w, 0);
    w.lose = no_dtls_of_ours;
    world_run(&w, MP_MS(300));
    CHECK_EQ(client_state(viewer->client), CLIENT_HANDSHAKE);
    struct address a = elsewhere(viewer, "203.0.113.90");
    client_move(viewer->client, &a);
    viewer->received_by = 1;
    w.lose = NULL;
    world_run(&w, MP_S(5));
    CHECK_EQ(client_state(viewer->client), CLIENT_CONNECTED);
    CHECK(world_event(&w, MESSAGE_ENDED, viewer->session) == NULL);
    world_close(&w);
}

static void rebinding_in_a_restart_ends_where_the_client_is(void)
{
    call(2, 0, 1);
    w.lose = no_checks;
    restart(viewer);
    CHECK(event(viewer, EVENT_RESTARTED) == NULL);
    move(viewer, "203.0.113.91");
    viewer->received_by = 0;
    w.lose = NULL;
    world_run(&w, MP_S(3));
    const struct session_event *e = event(viewer, EVENT_RESTARTED);
    CHECK(e && address_equal(&e->path.remote, &client_path(viewer->client)->local));
    frames(10);
    CHECK_EQ(viewer->rtp, 13);
    CHECK(event(publisher, EVENT_SELECTED)->value == ICE_BY_NOMINATION); /* nobody else's path moved */
    world_close(&w);
}

static void credentials_of_nobody_are_not_zero(void)
{
    call(1, 0, 0);
    uint8_t zero[UFRAG_SIZE] = {0};
    memcpy(zero, viewer->credentials.ufrag, 4);
    CHECK(!found((const char *)zero));
    world_close(&w);
}

TEST_MAIN(TEST(strangers_association_that_fails_beside_ends_nothing),
          TEST(publisher_behind_a_new_mapping_is_followed_at_once),
          TEST(viewer_that_only_sends_feedback_is_followed),
          TEST(viewer_that_was_away_is_met_with_a_key_frame), TEST(many_viewers_with_one_ssrc_are_told_apart),
          TEST(session_is_followed_to_another_worker), TEST(ten_rebindings_lose_nothing),
          TEST(checks_without_the_password_change_nothing),
          TEST(control_plane_is_told_of_paths_at_a_bounded_rate),
          TEST(events_that_were_not_told_are_counted_once), TEST(nominated_victim_gets_no_media),
          TEST(victim_of_spoofed_media_gets_no_media), TEST(silent_client_gets_nothing_after_30_s),
          TEST(spray_from_strangers_learns_and_answers_nothing), TEST(replayed_packet_does_not_move_the_path),
          TEST(an_ipv6_network_is_looked_at_as_one_sender),
          TEST(all_senders_together_are_looked_at_at_a_bounded_rate),
          TEST(viewer_that_takes_another_address_of_its_ipv6_network_is_told_apart),
          TEST(restart_keeps_the_call_and_ends_the_old_credentials),
          TEST(restart_before_the_claim_comes_to_its_end_too), TEST(restarts_keep_the_credentials_in_use),
          TEST(hundred_restarts_leave_one_pair_of_credentials),
          TEST(rebinding_in_the_handshake_delays_it_and_no_more),
          TEST(rebinding_in_a_restart_ends_where_the_client_is), TEST(credentials_of_nobody_are_not_zero),
          TEST(another_transport_in_mid_session_goes_on_under_its_own_keys),
          TEST(rtx_beyond_65536_packets_is_read_under_other_keys),
          TEST(associations_beside_begin_at_a_bounded_rate),
          TEST(strangers_client_hello_after_a_restart_ends_nothing))
