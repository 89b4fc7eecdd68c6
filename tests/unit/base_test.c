#include "base/heap.h"
#include "base/map.h"
#include "base/packet.h"
#include "base/path.h"
#include "base/prng.h"
#include "base/rate.h"
#include "base/ring.h"
#include "base/seq.h"
#include "base/slab.h"
#include "tests/unit/test.h"

static void ring_gives_back_what_was_pushed(void)
{
    struct ring r;
    struct prng p;
    uint8_t buffer[1500];
    unsigned pushed = 0, popped = 0;
    prng_seed(&p, 1);
    CHECK(ring_init(&r, 8192));
    for (int i = 0; i < 100000; i++) {
        size_t len = prng_below(&p, sizeof buffer - 4);
        memset(buffer, (int)(pushed & 0xff), sizeof buffer);
        if (prng_below(&p, 2) && ring_push(&r, &pushed, sizeof pushed, buffer, len))
            pushed++;
        size_t n;
        const uint8_t *m = prng_below(&p, 2) ? ring_peek(&r, &n) : NULL;
        if (m) {
            CHECK(n >= 4 && memcmp(m, &popped, 4) == 0);
            for (size_t k = 4; k < n; k++)
                if (m[k] != (popped & 0xff))
                    CHECK(false);
            ring_pop(&r);
            popped++;
        }
    }
    CHECK(popped > 10000);
    ring_free(&r);
}

static void ring_refuses_when_full(void)
{
    struct ring r;
    uint8_t data[100] = {0};
    CHECK(ring_init(&r, 1024));
    int n = 0;
    while (ring_push(&r, data, sizeof data, NULL, 0))
        n++;
    CHECK_EQ(n, 9); /* 1024 / (8 + 104) */
    CHECK(!ring_push(&r, data, 0, data, 600));
    ring_free(&r);
}

struct keys {
    uint64_t key[64];
};
static bool key_equal(const void *owner, uint32_t value, const void *key)
{
    return ((const struct keys *)owner)->key[value] == *(const uint64_t *)key;
}

static void map_agrees_with_a_plain_table(void)
{
    struct keys keys;
    bool in[64] = {0};
    struct map m;
    struct prng p;
    prng_seed(&p, 2);
    for (unsigned i = 0; i < 64; i++)
        keys.key[i] = prng_next(&p);
    CHECK(map_init(&m, 64, key_equal, &keys));
    for (int i = 0; i < 200000; i++) {
        uint32_t v = prng_below(&p, 64);
        uint64_t hash = keys.key[v] % 16; /* collisions on purpose */
        CHECK_EQ(map_find(&m, hash, &keys.key[v]), in[v] ? v : MAP_NONE);
        if (in[v])
            CHECK(map_remove(&m, hash, &keys.key[v]));
        else
            CHECK(map_add(&m, hash, v));
        in[v] = !in[v];
    }
    map_free(&m);
}

static void heap_pops_in_order(void)
{
    struct heap h;
    struct heap_node nodes[100] = {0};
    struct prng p;
    prng_seed(&p, 3);
    CHECK(heap_init(&h, 100));
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 100; i++)
            heap_set(&h, &nodes[i], prng_below(&p, 10) ? prng_below(&p, 1000) : MP_NEVER);
        mp_time last = 0;
        struct heap_node *n;
        while ((n = heap_pop(&h, 800))) {
            CHECK(n->at >= last && n->at <= 800 && n->index == 0);
            last = n->at;
        }
        CHECK(heap_next(&h) > 800);
    }
    heap_free(&h);
}

static void sequence_extends_over_the_wrap(void)
{
    CHECK_EQ(seq_extend(65535, 0), 65536);
    CHECK_EQ(seq_extend(65536, 65535), 65535);
    CHECK_EQ(seq_extend(5, 3), 3);
    CHECK_EQ(timestamp_extend(0xffffffffll, 5), 0x100000005ll);
}

static void rate_refills_to_its_burst(void)
{
    struct rate r = {0};
    int taken = 0;
    for (int i = 0; i < 100; i++)
        taken += rate_take(&r, 1, 10, 20, MP_S(5));
    CHECK_EQ(taken, 20);
    taken = 0;
    for (int i = 0; i < 100; i++)
        taken += rate_take(&r, 1, 10, 20, MP_S(6));
    CHECK_EQ(taken, 10);
}

static void address_of_either_family_is_one_identity(void)
{
    struct address a, b;
    char text[ADDRESS_TEXT_SIZE];
    CHECK(address_parse(&a, "192.0.2.1", 80) && address_parse(&b, "::ffff:192.0.2.1", 80));
    CHECK(address_equal(&a, &b));
    CHECK(strcmp(address_text(&a, text), "192.0.2.1:80") == 0);
    CHECK(address_parse(&a, "[2001:db8::1]", 443));
    CHECK(strcmp(address_text(&a, text), "[2001:db8::1]:443") == 0);
    CHECK(!address_parse(&a, "192.0.2", 1) && !address_parse(&a, "", 1) &&
          !address_parse(&a, "example.org", 1));
}

static uint64_t network(const char *ip, uint16_t port)
{
    struct address a;
    CHECK(address_parse(&a, ip, port));
    return address_network_hash(&a, 7);
}

static void a_64_of_ipv6_is_one_network_and_an_ipv4_address_another(void)
{
    CHECK_EQ(network("2001:db8:0:1::1", 1), network("2001:db8:0:1:ffff:ffff:ffff:ffff", 2));
    CHECK(network("2001:db8:0:1::1", 1) != network("2001:db8:0:2::1", 1));
    CHECK_EQ(network("192.0.2.1", 1), network("::ffff:192.0.2.1", 2));
    CHECK(network("192.0.2.1", 1) != network("192.0.2.2", 1));
    CHECK(network("::", 1) != network("0.0.0.0", 1));
}

static void link_names_kind_worker_and_place(void)
{
    for (unsigned worker = 0; worker <= 0xff; worker++) {
        uint32_t link = link_make(LINK_RELAY, worker, (1u << LINK_ID_BITS) - 1 - worker);
        CHECK_EQ(link_kind(link), LINK_RELAY);
        CHECK_EQ(link_worker(link), worker);
        CHECK_EQ(link_id(link), (1u << LINK_ID_BITS) - 1 - worker);
        CHECK(link_make(LINK_STREAM, worker, 0) != LINK_UDP);
    }
    CHECK_EQ(link_kind(LINK_UDP), LINK_DATAGRAM);
    struct path a = {.remote.port = 1}, b = a;
    b.link = link_make(LINK_STREAM, 0, 1);
    CHECK(path_equal(&a, &a) && !path_equal(&a, &b));
    CHECK(path_hash(&a, 7) != path_hash(&b, 7));
}

static void pool_is_bounded_and_counts(void)
{
    struct packet_pool pool;
    struct packet *p[4];
    CHECK(packet_pool_init(&pool, 4));
    for (int i = 0; i < 4; i++)
        CHECK((p[i] = packet_take(&pool)) != NULL);
    CHECK(packet_take(&pool) == NULL);
    packet_ref(p[0]);
    packet_drop(&pool, p[0]);
    CHECK_EQ(pool.used, 4);
    for (int i = 0; i < 4; i++)
        packet_drop(&pool, p[i]);
    CHECK(packet_take(&pool) == p[3]);
    packet_drop(&pool, p[3]);
    packet_pool_free(&pool);
}

static void slab_hands_out_lines_of_its_own_all_zero(void)
{
    enum { OBJECTS = 5000, SIZE = 1000 };
    static uint8_t *taken[OBJECTS];
    struct slab s;
    slab_init(&s, SIZE);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < OBJECTS; i++) { /* more than a large chunk holds */
            taken[i] = slab_take(&s);
            CHECK(taken[i] && (uintptr_t)taken[i] % 64 == 0);
            for (int k = 0; k < SIZE; k++)
                CHECK(taken[i][k] == 0);
            memset(taken[i], i & 0xff, SIZE);
        }
        for (int i = 0; i < OBJECTS; i++) { /* none lies in another */
            for (int k = 0; k < SIZE; k++)
                CHECK(taken[i][k] == (i & 0xff));
            slab_give(&s, taken[i]);
        }
        CHECK(s.used == 0);
    }
    slab_give(&s, NULL);
    slab_free(&s);
}

static void slab_takes_what_was_given_back_before_it_grows(void)
{
    struct slab s;
    slab_init(&s, 100);
    void *a = slab_take(&s), *b = slab_take(&s);
    uint8_t *fresh = s.fresh;
    slab_give(&s, a);
    slab_give(&s, b);
    a = slab_take(&s);
    b = slab_take(&s);
    CHECK(a && b && a != b && s.fresh == fresh && s.used == 2);
    slab_give(&s, a);
    slab_give(&s, b);
    slab_free(&s);
}

static void ntp_time_round_trips(void)
{
    for (mp_time t = 0; t < MP_S(100000); t += MP_S(777) + 12345) {
        mp_time d = mp_from_ntp(mp_to_ntp(t)) - t;
        CHECK(d <= 0 && d > -2);
    }
}

TEST_MAIN(TEST(ring_gives_back_what_was_pushed), TEST(ring_refuses_when_full),
          TEST(map_agrees_with_a_plain_table), TEST(heap_pops_in_order), TEST(sequence_extends_over_the_wrap),
          TEST(rate_refills_to_its_burst), TEST(address_of_either_family_is_one_identity),
          TEST(a_64_of_ipv6_is_one_network_and_an_ipv4_address_another),
          TEST(link_names_kind_worker_and_place), TEST(pool_is_bounded_and_counts),
          TEST(slab_hands_out_lines_of_its_own_all_zero),
          TEST(slab_takes_what_was_given_back_before_it_grows), TEST(ntp_time_round_trips))
