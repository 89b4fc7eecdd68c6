#include "tests/unit/world.h"
#include "base/check.h"
#include "crypto/crypto.h"
#include "proto/codec.h"
#include "proto/demux.h"
#include "proto/rtcp.h"
#include "proto/rtp.h"
#include "proto/twcc.h"
#include "tests/virtual_clock.h"
#include <stdio.h>
#include <stdlib.h>

#define SERVER_PORT     8000
#define CLIENT_UFRAG    "abcd"
#define CLIENT_PASSWORD "abcdefghijklmnopqrstuvwx"

static const struct rtp_extension_ids published_ids = {.id = {[EXT_MID] = 1,
                                                              [EXT_ABS_SEND_TIME] = 2,
                                                              [EXT_TRANSPORT_CC] = 3,
                                                              [EXT_AUDIO_LEVEL] = 4,
                                                              [EXT_DEPENDENCY] = 6,
                                                              [EXT_RID] = 7,
                                                              [EXT_REPAIRED_RID] = 8,
                                                              [EXT_LAYERS] = 9}};

void world_open(struct world *w, unsigned workers) { world_open_for(w, workers, WORLD_SESSIONS); }

void world_open_for(struct world *w, unsigned workers, uint32_t sessions)
{
    memset(w, 0, sizeof *w);
    w->now = MP_S(1000);
    virtual_clock_follow(&w->now);
    w->workers = workers;
    w->registry = registry_new(sessions);
    w->identity = dtls_identity_new();
    w->client_identity = dtls_identity_new();
    w->client_crypto = crypto_new(CRYPTO_OPENSSL);
    hmac_sha1_key(&w->relay.secret, (const uint8_t *)"secret", 6);
    w->relay.port = SERVER_PORT;
    w->relay.address_count = 2;
    INVARIANT(address_parse(&w->relay.addresses[0], "198.51.100.1", SERVER_PORT));
    INVARIANT(address_parse(&w->relay.addresses[1], "2001:db8::1", SERVER_PORT));
    for (unsigned i = 0; i < workers; i++) {
        w->crypto[i] = crypto_new(CRYPTO_BEST);
        w->sfu[i] = sfu_new(&(struct sfu_config){.worker = i,
                                                 .workers = workers,
                                                 .registry = w->registry,
                                                 .crypto = w->crypto[i],
                                                 .identity = w->identity,
                                                 .stats = &w->stats[i],
                                                 .relay = &w->relay,
                                                 .packets = 4096,
                                                 .seed = 7 + i,
                                                 .wall = WORLD_WALL});
        INVARIANT(w->sfu[i] != NULL);
    }
}

void world_close(struct world *w)
{
    for (size_t i = 0; i < w->client_count; i++)
        client_free(w->clients[i].client);
    for (unsigned i = 0; i < w->workers; i++) {
        sfu_free(w->sfu[i]);
        crypto_free(w->crypto[i]);
    }
    crypto_free(w->client_crypto);
    dtls_identity_free(w->identity);
    dtls_identity_free(w->client_identity);
    registry_free(w->registry);
}

/* --- delivery --- */

static struct world_client *client_at(struct world *w, const struct address *a)
{
    for (size_t i = 0; i < w->client_count; i++)
        if (address_equal(&client_path(w->clients[i].client)->local, a))
            return &w->clients[i];
    return NULL;
}

static void send_from(struct world *w, struct world_client *c, const uint8_t *data, size_t len)
{
    struct path path = *client_path(c->client);
    if (c->outgoing) {
        c->outgoing(w, c, data, len);
        return;
    }
    path.link = c->link;
    world_datagram(w, c->received_by, &path, data, len);
}

static bool send_clients(struct world *w)
{
    uint8_t data[1500];
    bool moved = false;
    for (size_t i = 0; i < w->client_count; i++) {
        struct world_client *c = &w->clients[i];
        size_t len;
        while ((len = client_output(c->client, data, sizeof data))) {
            moved = true;
            if (!w->lose || !w->lose(w, false, data, len))
                send_from(w, c, data, len);
        }
    }
    return moved;
}

static void deliver(struct world *w, unsigned worker, const struct transmit *t)
{
    struct world_client *c = client_at(w, &t->path.remote);
    INVARIANT(t->path.link == LINK_UDP || link_worker(t->path.link) == worker);
    uint32_t step = t->segment && t->segment < t->len ? t->segment : t->len;
    for (uint32_t at = 0; at < t->len; at += step) {
        uint32_t len = t->len - at < step ? t->len - at : step;
        INVARIANT(len <= DATAGRAM_IN_MAX);
        if (c && t->path.link != LINK_UDP && t->path.link == c->link)
            c->by_link++;
        if (!c) {
            w->to_strangers++;
            if (w->stranger)
                w->stranger(w, &t->path, t->data + at, len);
        } else if (!w->lose || !w->lose(w, true, t->data + at, len))
            client_input(c->client, t->data + at, len, w->now);
    }
}

/* Sends the credentials, as the control plane does after a claim. */
static void world_credentials(struct world *w, uint32_t session, unsigned owner)
{
    for (size_t i = 0; i < w->client_count; i++)
        if (w->clients[i].session == session)
            world_restarted(w, &w->clients[i], owner);
}

void world_restarted(struct world *w, struct world_client *c, unsigned owner)
{
    struct session_ice ice = {.generation = ++c->generation};
    memcpy(ice.ufrag, c->credentials.ufrag, sizeof ice.ufrag);
    memcpy(ice.password, c->credentials.password, sizeof ice.password);
    snprintf(ice.remote_ufrag, sizeof ice.remote_ufrag, CLIENT_UFRAG);
    snprintf(ice.remote_password, sizeof ice.remote_password, "%s", CLIENT_PASSWORD);
    world_command(w, (struct message){.type = MESSAGE_CREDENTIALS,
                                      .to = (uint8_t)owner,
                                      .session = c->session,
                                      .payload = {(const uint8_t *)&ice, sizeof ice}});
}

void world_client_restarts(struct world *w, struct world_client *c)
{
    client_restart(c->client, CLIENT_UFRAG, CLIENT_PASSWORD, c->credentials.ufrag, c->credentials.password,
                   w->now);
}

static bool drain(struct world *w, unsigned i)
{
    struct transmit t[8];
    struct message m;
    size_t n;
    bool moved = false;
    while ((n = sfu_output(w->sfu[i], t, 8, w->now)))
        for (size_t k = 0; k < n; k++, moved = true)
            deliver(w, i, &t[k]);
    while (sfu_emit(w->sfu[i], &m)) {
        moved = true;
        if (m.to != TO_CONTROL) {
            w->told[m.type]++;
            sfu_message(w->sfu[m.to], &m, w->now);
        } else {
            INVARIANT(w->event_count < WORLD_EVENTS_MAX);
            w->events[w->event_count++] = m;
            if (m.type == MESSAGE_CLAIMED)
                world_credentials(w, m.session, m.from);
        }
    }
    return moved;
}

void world_settle(struct world *w)
{
    bool moved = true;
    while (moved) {
        moved = send_clients(w);
        for (unsigned i = 0; i < w->workers; i++)
            moved |= drain(w, i);
    }
}

static mp_time next(const struct world *w)
{
    mp_time at = MP_NEVER;
    for (unsigned i = 0; i < w->workers; i++)
        at = mp_min(at, sfu_deadline(w->sfu[i], w->now));
    for (size_t i = 0; i < w->client_count; i++)
        at = mp_min(at, client_deadline(w->clients[i].client));
    return at;
}

void world_run(struct world *w, mp_time duration)
{
    mp_time end = w->now + duration;
    world_settle(w);
    while (next(w) <= end) {
        w->now = mp_max(w->now, next(w)) + MP_US(1);
        for (unsigned i = 0; i < w->workers; i++)
            sfu_timeout(w->sfu[i], w->now);
        for (size_t i = 0; i < w->client_count; i++)
            client_timeout(w->clients[i].client, w->now);
        world_settle(w);
    }
    w->now = mp_max(w->now, end);
}

void world_datagram(struct world *w, unsigned worker, const struct path *from, const uint8_t *data,
                    size_t len)
{
    struct path path = {.local = from->remote, .remote = from->local, .link = from->link};
    sfu_input(w->sfu[worker], &path, data, len, w->now - w->late, w->now);
}

void world_command(struct world *w, struct message m)
{
    m.from = TO_CONTROL;
    sfu_message(w->sfu[m.to], &m, w->now);
}

/* --- clients --- */

static void count_feedback(void *context, uint16_t seq) { ++*(unsigned *)context; }

static void note_arrival(void *context, uint16_t seq, bool received, int64_t arrival_250us)
{
    struct world_client *c = context;
    if (received)
        c->arrivals_250us[seq % 16] = arrival_250us;
}

static void on_rtp(void *context, const uint8_t *data, size_t len, mp_time now)
{
    struct world_client *c = context;
    c->rtp++;
    memcpy(c->last, data, len);
    c->last_len = len;
    if (c->on_rtp)
        c->on_rtp(c, data, len);
}

static void on_rtcp(void *context, const uint8_t *data, size_t len, mp_time now)
{
    struct world_client *c = context;
    struct rtcp_view v;
    struct twcc_feedback feedback;
    size_t at = 0;
    unsigned reports = c->sr + c->rr, names = 0;
    c->rtcp++;
    while (rtcp_next(&v, data, len, &at)) {
        if (v.type == RTCP_PSFB && v.count == PSFB_PLI && rtcp_media_ssrc(&v, &c->last_pli))
            c->pli++;
        if (v.type == RTCP_RTPFB && v.count == RTPFB_TWCC)
            c->twcc +=
                twcc_parse((struct bytes){v.body.data + 8, v.body.len - 8}, &feedback, note_arrival, c);
        c->sr += v.type == RTCP_SR && rtcp_sr(&v, &c->last_sr);
        c->rr += v.type == RTCP_RR;
        names += v.type == RTCP_SDES && v.count == 1 && v.body.len > 6 && v.body.data[4] == 1; /* a CNAME */
        if (v.type == RTCP_RTPFB && v.count == RTPFB_NACK)
            rtcp_nack(&v, count_feedback, &c->nacked, 1000);
    }
    INVARIANT(at == len);
    INVARIANT(c->sr + c->rr - reports == names); /* RFC 3550 6.1: each reporter names itself */
}

/* Its transport, number `n` of the world: with the server's present credentials for it. */
static struct client *transport(struct world *w, struct world_client *c, unsigned n)
{
    char ip[32];
    struct client_config config = {.ufrag = CLIENT_UFRAG,
                                   .password = CLIENT_PASSWORD,
                                   .remote_ufrag = c->credentials.ufrag,
                                   .remote_password = c->credentials.password,
                                   .remote_fingerprint = {.hash = "sha-256", .len = 32},
                                   .identity = w->client_identity,
                                   .passive = w->passive,
                                   .crypto = w->client_crypto,
                                   .seed = 99 + n,
                                   .context = c,
                                   .rtp = on_rtp,
                                   .rtcp = on_rtcp};
    dtls_identity_fingerprint(w->identity, config.remote_fingerprint.value);
    snprintf(ip, sizeof ip, "192.0.2.%zu", (size_t)(c - w->clients) + 10);
    INVARIANT(address_parse(&config.path.local, ip, (uint16_t)(40000 + n)));
    INVARIANT(address_parse(&config.path.remote, "198.51.100.1", SERVER_PORT));
    return client_new(&config, w->now);
}

void world_another_transport(struct world *w, struct world_client *c)
{
    client_free(c->client);
    c->client = transport(w, c, WORLD_CLIENTS_MAX + (unsigned)(c - w->clients));
}

struct world_client *world_join(struct world *w, unsigned received_by)
{
    struct world_client *c = &w->clients[w->client_count];
    struct session_setup setup = {.fingerprint = {.hash = "sha-256", .len = 32}, .active = w->passive};
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE];
    memset(c, 0, sizeof *c);
    c->received_by = received_by;
    dtls_identity_fingerprint(w->expected ? w->expected : w->client_identity, setup.fingerprint.value);
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(w->client_count * 31 + i * 7);
    c->session = registry_open(w->registry, &setup, random, &c->credentials);
    c->client = transport(w, c, (unsigned)w->client_count++);
    return c;
}

void world_connect(struct world *w, struct world_client *c)
{
    for (int i = 0; i < 200 && client_state(c->client) < CLIENT_CONNECTED; i++)
        world_run(w, MP_MS(10));
    INVARIANT(client_state(c->client) == CLIENT_CONNECTED);
    world_command(w, (struct message){.type = MESSAGE_EXTENSIONS,
                                      .to = (uint8_t)world_owner(w, c),
                                      .session = c->session,
                                      .extensions = published_ids});
}

unsigned world_owner(const struct world *w, const struct world_client *c)
{
    return registry_owner(w->registry, c->session);
}

const struct message *world_event(const struct world *w, enum message_type type, uint32_t session)
{
    for (size_t i = w->event_count; i-- > 0;)
        if (w->events[i].type == type && w->events[i].session == session)
            return &w->events[i];
    return NULL;
}

uint64_t world_drops(const struct world *w, enum drop_reason reason)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < w->workers; i++)
        n += stat_get(&w->stats[i].drops[reason]);
    return n;
}

/* As publishers number them; viewers' numbers are others. Those of retransmissions are the next ones. */
static uint8_t payload_type(enum codec codec, bool viewer)
{
    return (uint8_t)(codec == CODEC_OPUS ? viewer ? 109 : 111
                                         : (viewer ? 120 : 96) + 2 * (codec != CODEC_VP8));
}

void world_publish(struct world *w, struct world_client *c, uint32_t track, enum codec codec, uint32_t ssrc)
{
    bool video = codec_is_video(codec);
    world_command(w,
                  (struct message){.type = MESSAGE_PUBLISH,
                                   .to = (uint8_t)world_owner(w, c),
                                   .session = c->session,
                                   .track = track,
                                   .publish = {.codec = codec,
                                               .payload_type = payload_type(codec, false),
                                               .rtx_payload_type = video ? payload_type(codec, false) + 1 : 0,
                                               .clock_rate = video ? 90000 : 48000,
                                               .ssrc = {ssrc},
                                               .rtx_ssrc = {video ? ssrc + 1 : 0},
                                               .mid = "0",
                                               .others = {0, w->others},
                                               .red_payload_type = w->red,
                                               .nack = video,
                                               .pli = video,
                                               .transport_cc = true}});
    world_settle(w);
}

void world_subscribe(struct world *w, struct world_client *viewer, struct world_client *publisher,
                     uint32_t track, enum codec codec, uint32_t ssrc)
{
    bool video = codec_is_video(codec);
    world_command(
        w, (struct message){
               .type = MESSAGE_SUBSCRIBE,
               .to = (uint8_t)world_owner(w, viewer),
               .session = viewer->session,
               .track = track,
               .subscribe = {
                   .origin = (uint8_t)world_owner(w, publisher),
                   .codec = codec,
                   .payload_type = payload_type(codec, true),
                   .rtx_payload_type = video ? payload_type(codec, true) + 1 : 0,
                   .clock_rate = video ? 90000 : 48000,
                   .ssrc = ssrc,
                   .rtx_ssrc = ssrc + 1,
                   .extensions = {.id = {[EXT_MID] = 1, [EXT_ABS_SEND_TIME] = 2, [EXT_AUDIO_LEVEL] = 4}},
                   .mid = "s1",
                   .cname = "publisher"}});
    world_settle(w);
}

void world_send_rtp(struct world *w, struct world_client *c, const struct world_rtp *r)
{
    uint8_t plain[1500], out[1600], twcc[2] = {(uint8_t)(r->index >> 8), (uint8_t)r->index};
    struct bytes values[EXT_COUNT];
    memcpy(values, r->values, sizeof values);
    values[EXT_TRANSPORT_CC] = (struct bytes){twcc, 2};
    size_t n = rtp_write(
        plain, &(struct rtp_header){
                   .marker = r->marker,
                   .payload_type =
                       (uint8_t)(r->payload_type ? r->payload_type : payload_type(r->codec, false) + r->rtx),
                   .seq = (uint16_t)r->index,
                   .timestamp = r->timestamp,
                   .ssrc = r->ssrc});
    n += rtp_write_extensions(plain, &published_ids, values);
    memcpy(plain + n, r->payload.data, r->payload.len);
    size_t len = client_rtp(c->client, plain, n + r->payload.len, r->index, out);
    INVARIANT(len > 0);
    if (!w->lose || !w->lose(w, false, out, len))
        send_from(w, c, out, len);
}

void world_send(struct world *w, struct world_client *c, enum codec codec, uint32_t ssrc, uint64_t index,
                uint32_t timestamp, bool keyframe, bool marker, size_t size)
{
    uint8_t payload[1500], level = 0x85;
    struct world_rtp r = {codec, ssrc, timestamp, index, marker, false, {payload, size}, {{NULL, 0}}, 0};
    memset(payload, (int)(index & 0xff), size);
    if (codec == CODEC_OPUS)
        r.values[EXT_AUDIO_LEVEL] = (struct bytes){&level, 1};
    if (codec == CODEC_VP8 && size >= 4) {
        payload[0] = 0x10;             /* VP8 descriptor: start of partition 0 */
        payload[1] = keyframe ? 0 : 1; /* P bit */
    } else if (codec == CODEC_H264 && size >= 4) {
        payload[0] = keyframe ? 0x65 : 0x41; /* a slice of an IDR picture, or of another */
        payload[1] = 0x80;                   /* the picture's first */
    }
    world_send_rtp(w, c, &r);
}

void world_send_rtcp(struct world *w, struct world_client *c, const uint8_t *packet, size_t n)
{
    uint8_t out[1600];
    size_t len = client_rtcp(c->client, packet, n, out);
    INVARIANT(len > 0);
    send_from(w, c, out, len);
}
