/* A call that misbehaves in every way that a session and the control plane can, from a seed: clients send
 * authentic packets with random bytes in them, their genuine datagrams come damaged, twice or by another
 * worker, and commands come in any order while messages between workers are late. The test expects nothing of
 * the media; it relies on the sanitizers, the invariants and the empty pools at the end. CHAOS_SEED and
 * CHAOS_TURNS in the environment repeat a run or make it longer. */
#include "base/packet.h"
#include "base/prng.h"
#include "proto/codec.h"
#include "proto/demux.h"
#include "proto/rtp.h"
#include "tests/unit/test.h"
#include "tests/unit/world.h"
#include <stdlib.h>

#define WORKERS 3
#define CLIENTS 6
#define TRACKS  12
#define TURNS   6000
#define LATE    512 /* messages in flight between workers */

static struct world w;
static struct prng prng;
static struct track { /* as the control plane has it */
    uint32_t id;      /* 0: not published */
    unsigned publisher;
    enum codec codec;
    uint32_t ssrc;
    bool watched[CLIENTS];
} tracks[TRACKS];
static uint64_t index_of[CLIENTS * TRACKS]; /* by client and track */
static uint32_t next_track, next_ssrc;
static bool alive[CLIENTS];

static uint32_t below(uint32_t n) { return prng_below(&prng, n); }

static void fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)prng_next(&prng);
}

/* --- messages between workers: in order for each pair, but late --- */

struct late {
    struct message message;
    uint8_t payload[PACKET_SIZE];
};
static struct late *late[WORKERS][WORKERS];
static size_t late_head[WORKERS][WORKERS], late_tail[WORKERS][WORKERS];

static void deliver_one(unsigned from, unsigned to)
{
    struct late *l = &late[from][to][late_tail[from][to] % LATE];
    late_tail[from][to]++;
    l->message.payload.data = l->payload;
    sfu_message(w.sfu[to], &l->message, w.now);
}

static void post(const struct message *m)
{
    unsigned from = m->from, to = m->to;
    if (late_head[from][to] - late_tail[from][to] == LATE) {
        if (message_may_drop(m))
            return;
        deliver_one(from, to);
    }
    struct late *l = &late[from][to][late_head[from][to]++ % LATE];
    l->message = *m;
    if (m->payload.len)
        memcpy(l->payload, m->payload.data, m->payload.len);
}

static void event(const struct message *m)
{
    if (m->type != MESSAGE_ENDED)
        return;
    registry_release(w.registry, m->session);
    for (unsigned i = 0; i < CLIENTS; i++)
        if (w.clients[i].session == m->session)
            alive[i] = false;
}

static void to_client(const struct transmit *t)
{
    for (uint32_t at = 0, len; at < t->len; at += len) {
        len = t->segment && t->segment < t->len - at ? t->segment : t->len - at;
        for (unsigned i = 0; i < CLIENTS; i++)
            if (address_equal(&client_path(w.clients[i].client)->local, &t->path.remote))
                client_input(w.clients[i].client, t->data + at, len, w.now);
    }
}

static void drain(unsigned i)
{
    struct transmit t[8];
    struct message m;
    for (size_t n; (n = sfu_output(w.sfu[i], t, 8, w.now));)
        for (size_t k = 0; k < n; k++)
            to_client(&t[k]);
    while (sfu_emit(w.sfu[i], &m))
        if (m.to == TO_CONTROL)
            event(&m);
        else
            post(&m);
}

static void deliver_some(uint32_t most)
{
    for (unsigned from = 0; from < WORKERS; from++)
        for (unsigned to = 0; to < WORKERS; to++)
            for (uint32_t n = below(most + 1); n && late_tail[from][to] != late_head[from][to]; n--)
                deliver_one(from, to);
}

/* --- input from clients --- */

/* A genuine datagram on its way: mostly as it is, at times damaged, twice, or by another worker. */
static void send(struct world_client *c, uint8_t *data, size_t len)
{
    unsigned worker = below(50) ? c->received_by : below(WORKERS);
    struct path path = *client_path(c->client);
    if (!below(10) && len)
        data[below((uint32_t)len)] ^= (uint8_t)(1 << below(8));
    if (!below(30))
        len = below((uint32_t)len + 1);
    if (!below(40))
        path.local.port = (uint16_t)(path.local.port + 1 + below(20));
    for (unsigned n = below(20) ? 1 : 2; n; n--)
        world_datagram(&w, worker, &path, data, len);
}

static void send_own(struct world_client *c)
{
    uint8_t data[1500];
    size_t len;
    while ((len = client_output(c->client, data, sizeof data)))
        send(c, data, len);
}

/* RTP of a track, or of nothing, with jumps; header bits, extensions, padding and payload are random. */
static void send_rtp(unsigned i)
{
    uint8_t plain[DATAGRAM_IN_MAX], out[PACKET_SIZE];
    unsigned k = below(TRACKS);
    for (unsigned n = 0; n < 2 * TRACKS && (!tracks[k].id || tracks[k].publisher != i) && below(40); n++)
        k = below(TRACKS); /* mostly its own */
    const struct track *t = &tracks[k];
    uint64_t *index = &index_of[i * TRACKS + k];
    size_t len =
        RTP_HEADER_SIZE + (below(20) ? below(300) : below(DATAGRAM_IN_MAX - RTP_HEADER_SIZE - 16 + 1));
    bool rtx = t->codec == CODEC_VP8 && !below(6);
    fill(plain, len);
    *index += below(30) ? 1 : below(8) ? below(600) : below(32000);
    uint64_t at = rtx || below(20) || *index < 600 ? *index : *index - below(600);
    plain[0] = (uint8_t)(0x80 | (below(3) ? 0 : plain[0] & 0x3f));
    plain[1] = (uint8_t)((plain[1] & 0x80) | (t->codec == CODEC_VP8 ? 96 + rtx : 111));
    if (plain[0] & 0x10 && !(plain[0] & 15) && len >= 16) {
        memcpy(plain + 12, below(2) ? "\xbe\xde\x00" : "\x10\x00\x00", 3);
        plain[15] = (uint8_t)below(12);
    }
    put16(plain + 2, (uint16_t)at);
    uint32_t ssrc = below(25) ? t->ssrc + rtx : below(5);
    put32(plain + 8, ssrc);
    if (len > 14 && !(plain[0] & 0x1f) && below(2)) {
        plain[12] = 0x10;
        plain[13] = 0;
    }
    if (rtx && len > 14 && !(plain[0] & 0x1f)) {
        put16(plain + 12, (uint16_t)(*index - below(40)));
    }
    size_t n = client_rtp(w.clients[i].client, plain, len, at, out);
    if (n && n <= DATAGRAM_IN_MAX)
        send(&w.clients[i], out, n);
}

/* A compound of packets whose types and lengths are mostly true, about SSRCs that mostly exist. */
static void send_rtcp(unsigned i)
{
    uint8_t plain[1400], out[1500];
    size_t len = 0;
    for (unsigned packets = 1 + below(4); packets; packets--) {
        size_t words = 1 + below(60), size = 4 + 4 * words;
        uint8_t *p = plain + len;
        if (len + size > sizeof plain - 20)
            break;
        fill(p, size);
        p[0] = (uint8_t)(0x80 | (below(8) ? p[0] & 0x1f : p[0] & 0x3f));
        p[1] = (uint8_t)(200 + below(8));
        p[2] = (uint8_t)(words >> 8);
        p[3] = (uint8_t)(below(40) ? words : words + below(3));
        if (p[1] >= 205 && below(4))
            p[0] = (uint8_t)(0x80 | (below(2) ? 1 : 4));
        uint32_t ssrc = next_ssrc - 2 * below(2 * TRACKS);
        put32(p + 4, 1 + below(4));
        size_t where = p[1] == 200 ? 4 : 8;
        if (where + 4 <= size)
            put32(p + where, ssrc);
        const uint8_t *last = w.clients[i].last;
        /* about packets that it just received */
        if (p[1] >= 205 && w.clients[i].last_len && size >= 16 && below(2)) {
            memcpy(p + 8, last + 8, 4);
            put16(p + 12, (uint16_t)(get16(last + 2) - below(30)));
        }
        len += size;
    }
    plain[0] &= (uint8_t)~0x20;
    size_t n = len >= 8 ? client_rtcp(w.clients[i].client, plain, len, out) : 0;
    if (n)
        send(&w.clients[i], out, n);
}

/* --- commands of the control plane --- */

static void publish(unsigned i, struct track *t)
{
    *t = (struct track){.id = ++next_track, .publisher = i, .codec = below(3) ? CODEC_VP8 : CODEC_OPUS};
    t->ssrc = below(4) ? next_ssrc : 1000000 + 2 * below(10); /* at times one that was used before */
    next_ssrc += 2;
    world_command(&w, (struct message){.type = MESSAGE_PUBLISH,
                                       .to = (uint8_t)world_owner(&w, &w.clients[i]),
                                       .session = w.clients[i].session,
                                       .track = t->id,
                                       .publish = {.codec = t->codec,
                                                   .payload_type = t->codec == CODEC_VP8 ? 96 : 111,
                                                   .rtx_payload_type = t->codec == CODEC_VP8 ? 97 : 0,
                                                   .clock_rate = t->codec == CODEC_VP8 ? 90000 : 48000,
                                                   .ssrc = {below(5) ? t->ssrc : 0},
                                                   .rtx_ssrc = {t->codec == CODEC_VP8 ? t->ssrc + 1 : 0},
                                                   .layered = below(3) == 0,
                                                   .mid = "0",
                                                   .nack = true,
                                                   .pli = true,
                                                   .transport_cc = below(2) != 0}});
}

static void watch(unsigned viewer, struct track *t)
{
    bool video = t->codec == CODEC_VP8;
    bool unwatch = t->watched[viewer];
    struct message m = {.type = unwatch ? MESSAGE_UNSUBSCRIBE : MESSAGE_SUBSCRIBE,
                        .to = (uint8_t)world_owner(&w, &w.clients[viewer]),
                        .session = w.clients[viewer].session,
                        .track = t->id};
    t->watched[viewer] = !unwatch;
    if (!unwatch) {
        m.subscribe = (struct subscribe){.origin = (uint8_t)world_owner(&w, &w.clients[t->publisher]),
                                         .codec = t->codec,
                                         .payload_type = 120,
                                         .rtx_payload_type = video ? 121 : 0,
                                         .clock_rate = video ? 90000 : 48000,
                                         .ssrc = next_ssrc,
                                         .rtx_ssrc = next_ssrc + 1,
                                         .mid = "s1",
                                         .cname = "publisher"};
        next_ssrc += 2;
    }
    world_command(&w, m);
}

/* Ends the subscriptions before or after the publication: both orders occur, also at the same time on
 * different workers. */
static void unpublish(struct track *t)
{
    bool first = below(2);
    struct message m = {.type = MESSAGE_UNPUBLISH,
                        .to = (uint8_t)world_owner(&w, &w.clients[t->publisher]),
                        .session = w.clients[t->publisher].session,
                        .track = t->id};
    if (first && alive[t->publisher])
        world_command(&w, m);
    for (unsigned v = 0; v < CLIENTS; v++)
        if (t->watched[v] && alive[v])
            watch(v, t);
    if (!first && alive[t->publisher])
        world_command(&w, m);
    t->id = 0;
}

static void end(unsigned i)
{
    world_command(&w, (struct message){.type = MESSAGE_SESSION_CLOSE,
                                       .to = (uint8_t)world_owner(&w, &w.clients[i]),
                                       .session = w.clients[i].session});
    alive[i] = false;
    for (unsigned k = 0; k < TRACKS; k++)
        if (tracks[k].id && tracks[k].publisher == i)
            unpublish(&tracks[k]);
        else
            tracks[k].watched[i] = false;
}

static void command(void)
{
    struct track *t = &tracks[below(TRACKS)];
    unsigned i = below(CLIENTS);
    if (!alive[i])
        return;
    if (!t->id)
        publish(i, t);
    else if (!below(60))
        unpublish(t);
    else if (i != t->publisher && alive[t->publisher])
        watch(i, t);
}

static void rebind(struct world_client *c)
{
    struct address moved = client_path(c->client)->local;
    moved.port++;
    client_move(c->client, &moved);
    c->received_by = below(WORKERS);
}

static void turn(void)
{
    for (unsigned n = 1 + below(12); n; n--) {
        unsigned i = below(CLIENTS);
        send_own(w.clients[i].client ? &w.clients[i] : &w.clients[0]);
        if (below(8))
            send_rtp(i);
        else
            send_rtcp(i);
        if (!below(20))
            command();
        if (!below(2000) && alive[i]) /* a rebinding */
            rebind(&w.clients[i]);
    }
    w.now += MP_US(below(4000));
    for (unsigned i = 0; i < CLIENTS; i++)
        if (client_deadline(w.clients[i].client) <= w.now)
            client_timeout(w.clients[i].client, w.now);
    for (unsigned i = 0; i < WORKERS; i++) {
        if (sfu_deadline(w.sfu[i], w.now) <= w.now)
            sfu_timeout(w.sfu[i], w.now);
        CHECK(sfu_deadline(w.sfu[i], w.now) > w.now); /* else the worker would spin */
        drain(i);
    }
    deliver_some(40);
}

static void chaos(uint64_t seed, unsigned turns)
{
    prng_seed(&prng, seed);
    memset(tracks, 0, sizeof tracks);
    memset(index_of, 0, sizeof index_of);
    next_track = 0;
    next_ssrc = 1000000;
    world_open(&w, WORKERS);
    for (unsigned i = 0; i < CLIENTS; i++)
        world_join(&w, i % WORKERS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        world_connect(&w, &w.clients[i]);
        alive[i] = true;
    }
    w.event_count = 0;
    for (unsigned n = 0; n < turns; n++) {
        turn();
        if (n > turns / 2 && !below(turns / 4) && alive[n % CLIENTS])
            end(n % CLIENTS);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        if (alive[i])
            end(i);
    for (unsigned i = 0; i < 4 * LATE; i++) {
        for (unsigned k = 0; k < WORKERS; k++)
            drain(k);
        deliver_some(40);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        struct transmit t[1];
        sfu_output(w.sfu[i], t, 1, w.now);
        CHECK_EQ(stat_get(&w.stats[i].sessions), 0);
        CHECK_EQ(stat_get(&w.stats[i].tracks), 0);
        CHECK_EQ(stat_get(&w.stats[i].subscriptions), 0);
        CHECK_EQ(stat_get(&w.stats[i].pool_used), 0);
    }
    for (unsigned i = 0; getenv("CHAOS_VERBOSE") && i < WORKERS; i++) {
#define X(name, help)                                                                                        \
    printf("# worker %u " #name " %llu\n", i, (unsigned long long)stat_get(&w.stats[i].name));
        STATS_COUNTERS(X)
#undef X
#define X(name, label)                                                                                       \
    printf("# worker %u drop " label " %llu\n", i, (unsigned long long)stat_get(&w.stats[i].drops[name]));
        DROP_REASONS(X)
#undef X
    }
    CHECK(stat_get(&w.stats[0].rtp_out) > turns / 10);
    CHECK(world_drops(&w, DROP_SRTP_AUTH) > 0);
    world_close(&w);
}

static void calls_survive_chaos(void)
{
    const char *seed = getenv("CHAOS_SEED"), *turns = getenv("CHAOS_TURNS");
    for (unsigned from = 0; from < WORKERS; from++)
        for (unsigned to = 0; to < WORKERS; to++)
            late[from][to] = calloc(LATE, sizeof *late[from][to]);
    for (uint64_t i = 0; i < (seed ? 1 : 4); i++)
        chaos(seed ? strtoull(seed, NULL, 0) : 1 + i, turns ? (unsigned)atoi(turns) : TURNS);
    for (unsigned from = 0; from < WORKERS; from++)
        for (unsigned to = 0; to < WORKERS; to++)
            free(late[from][to]);
}

TEST_MAIN(TEST(calls_survive_chaos))
