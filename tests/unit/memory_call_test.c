/* A call with failing allocations. */
#include "tests/unit/refusal.h"
#include "tests/unit/world.h"

GUARDED_VOID(sfu_input,
             (struct sfu * s, const struct path *path, const uint8_t *data, size_t len, mp_time arrival,
              mp_time now),
             (s, path, data, len, arrival, now))
GUARDED_VOID(sfu_message, (struct sfu * s, const struct message *m, mp_time now), (s, m, now))
GUARDED_VOID(sfu_timeout, (struct sfu * s, mp_time now), (s, now))
GUARDED(size_t, sfu_output, (struct sfu * s, struct transmit *t, size_t max, mp_time now), (s, t, max, now))
/* False: an allocation failed for it, or it is late; the call continues without it. */
static bool connects(struct world *w, struct world_client *c)
{
    for (int i = 0; i < 100 && client_state(c->client) < CLIENT_CONNECTED; i++)
        world_run(w, MP_MS(20));
    return client_state(c->client) == CLIENT_CONNECTED && world_owner(w, c) != OWNER_NONE;
}

static void sends(struct world *w, struct world_client *c, uint64_t from)
{
    for (uint64_t i = from; i < from + 12; i++) {
        if (i % 5 != 3) /* lost: it is asked for again */
            world_send(w, c, CODEC_VP8, 100, i, (uint32_t)i * 3000, i == from, true, 300);
        world_send(w, c, CODEC_OPUS, 300, i, (uint32_t)i * 960, false, false, 80);
        world_run(w, MP_MS(20));
    }
}

static void call(void)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    world_open(&w, 2);
    struct world_client *a = world_join(&w, 0), *b = world_join(&w, 1), *c = world_join(&w, 0);
    bool talks = connects(&w, a), hears[] = {connects(&w, b), connects(&w, c)};
    if (talks) {
        world_publish(&w, a, 7, CODEC_VP8, 100);
        world_publish(&w, a, 8, CODEC_OPUS, 300);
        sends(&w, a, 0);
    }
    for (int i = 0; talks && i < 2; i++)
        if (hears[i]) {
            world_subscribe(&w, i ? c : b, a, 7, CODEC_VP8, 900);
            world_subscribe(&w, i ? c : b, a, 8, CODEC_OPUS, 901);
        }
    if (talks)
        sends(&w, a, 20);
    struct world_client *all[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (world_owner(&w, all[i]) != OWNER_NONE)
            world_command(&w, (struct message){.type = MESSAGE_SESSION_CLOSE,
                                               .to = (uint8_t)world_owner(&w, all[i]),
                                               .session = all[i]->session});
    world_run(&w, MP_MS(100));
    for (unsigned i = 0; i < w.workers; i++) {
        CHECK_EQ(stat_get(&w.stats[i].sessions), 0);
        CHECK_EQ(stat_get(&w.stats[i].tracks), 0);
        CHECK_EQ(stat_get(&w.stats[i].pool_used), 0);
    }
    world_close(&w);
}

static void a_call_survives_every_refused_allocation(void) { plays(call); }

/* To the client the handshake is complete by then, until the server says goodbye. */
static void a_session_without_memory_for_its_keys_ends(void)
{
    static struct world w;
    unsigned without_keys = 0;
    memory.failed = true;
    for (unsigned long n = 1; memory.failed; n++) {
        memset(&w, 0, sizeof w);
        memory.count = 0;
        memory.fail_at = n;
        memory.failed = false;
        world_open(&w, 1);
        struct world_client *c = world_join(&w, 0);
        bool connected = connects(&w, c);
        memory.fail_at = 0;
        const struct message *ended = world_event(&w, MESSAGE_ENDED, c->session);
        if (connected) {
            world_publish(&w, c, 7, CODEC_OPUS, 300);
            world_send(&w, c, CODEC_OPUS, 300, 0, 0, false, false, 80);
            world_run(&w, MP_MS(20));
            CHECK_EQ(stat_get(&w.stats[0].rtp_in), 1);
        } else if (client_state(c->client) > CLIENT_HANDSHAKE) {
            CHECK(ended && ended->reason == END_NO_MEMORY);
            without_keys++;
        }
        world_close(&w);
    }
    CHECK(without_keys >= 2); /* for each direction */
}

TEST_MAIN(TEST(a_call_survives_every_refused_allocation), TEST(a_session_without_memory_for_its_keys_ends))
