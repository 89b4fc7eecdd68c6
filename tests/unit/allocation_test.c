/* Virtual ports, indices and bounds of the allocations, without a TURN client. */
#include "sfu/turn/allocation.h"
#include "tests/unit/test.h"

#define FIRST 1024 /* of the virtual ports */

static struct allocations t;
static const struct address local = {
    .ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 1}};

/* An allocation for client `n`, which has its own user and network. */
static struct allocation *allocate(uint32_t n, bool even, enum allocation_result expected)
{
    const struct address *ips[RELAYED_COUNT] = {&local, NULL};
    struct path client = {.remote = {.port = 5000}};
    struct allocation *a = NULL;
    char user[16];
    int len = snprintf(user, sizeof user, "%u", n);
    memcpy(client.remote.ip, &n, sizeof n);
    struct bytes name = {(const uint8_t *)user, (size_t)len};
    CHECK_EQ(allocation_new(&t, &client, name, name, ips, even, MP_S(1), &a), expected);
    return a;
}

static uint16_t port_of(const struct allocation *a) { return a ? a->relayed[RELAYED_V4].port : 0; }

/* 64 workers have 1008 ports each. */
static void ports_are_unique_and_rest_as_long_as_they_can(void)
{
    enum { COUNT = (65536 - FIRST) / 64 };
    uint16_t first = FIRST + 3 * COUNT, media = first + 49;
    struct allocation *kept[3], *a;
    CHECK(allocations_init(&t, 3, 64, media, 512, 7));
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(port_of(kept[i] = allocate(i, false, ALLOCATION_OK)), first + i);
    for (uint32_t i = 3; i < 3 * COUNT; i++) {
        /* Ports are given out in order, again from the start, except the three in use and the media port. */
        uint16_t expected = (uint16_t)(first + 3 + (i - 3) % (COUNT - 4));
        expected += expected >= media;
        CHECK_EQ(port_of(a = allocate(i, false, ALLOCATION_OK)), expected);
        allocation_end(&t, a);
    }
    for (uint32_t i = 0; i < 600; i++) {
        uint16_t port = port_of(a = allocate(90000 + i, true, ALLOCATION_OK));
        CHECK(port % 2 == 0 && port >= first && port < first + COUNT);
        CHECK(port != port_of(kept[0]) && port != port_of(kept[2]));
        allocation_end(&t, a);
    }
    for (int i = 0; i < 3; i++)
        allocation_end(&t, kept[i]);
    CHECK_EQ(t.count, 0);
    allocations_free(&t);
}

static void there_are_as_many_as_configured_and_as_have_ports(void)
{
    static struct allocation *all[RELAY_ALLOCATIONS_MAX];
    for (unsigned few = 0; few < 2; few++) {
        uint32_t most = few ? 5 : 1008 - 1; /* one port is the media's */
        CHECK(allocations_init(&t, 63, 64, FIRST + 63 * 1008, few ? 5 : RELAY_ALLOCATIONS_MAX, 7));
        for (uint32_t i = 0; i < most; i++) {
            all[i] = allocate(i, false, ALLOCATION_OK);
            CHECK(all[i] && allocation_of_link(&t, all[i]->link) == all[i]);
        }
        CHECK(allocate(most, false, ALLOCATION_FULL) == NULL);
        uint32_t link = all[2]->link;
        uint16_t port = port_of(all[2]);
        allocation_end(&t, all[2]);
        CHECK(allocation_of_link(&t, link) == NULL);
        all[2] = allocate(most, false, ALLOCATION_OK);
        CHECK(all[2] && all[2]->link != link && allocation_of_link(&t, link) == NULL);
        CHECK(few || port_of(all[2]) == port); /* the only free one */
        for (uint32_t i = 0; i < most; i++)
            allocation_end(&t, all[i]);
        allocations_free(&t);
    }
}

/* RFC 8656 9: five minutes from the last request that named the peer. */
static void permission_ends_with_its_time(void)
{
    static const struct turn_peer peer = {.address = {.ip = {[15] = 9}, .port = 4000}};
    CHECK(allocations_init(&t, 0, 1, FIRST, 5, 7));
    struct allocation *a = allocate(1, false, ALLOCATION_OK);
    allocation_permit(a, &peer.address, MP_S(1));
    allocation_permit(a, &peer.address, MP_S(2));
    mp_time end = MP_S(2) + PERMISSION_LIFETIME;
    CHECK(allocation_permits(a, &peer.address, end - 1));
    CHECK(!allocation_permits(a, &peer.address, end));
    allocation_end(&t, a);
    allocations_free(&t);
}

/* RFC 8656 12.2: a repeated request refreshes its own channel; the other one keeps its peer and its time. */
static void a_channel_that_is_bound_again_is_the_one_that_lasts_longer(void)
{
    static const struct address peers[2] = {{.ip = {[15] = 9}, .port = 4000},
                                            {.ip = {[15] = 9}, .port = 4001}};
    CHECK(allocations_init(&t, 0, 1, FIRST, 5, 7));
    struct allocation *a = allocate(1, false, ALLOCATION_OK);
    for (uint16_t i = 0; i < 2; i++)
        CHECK_EQ(allocation_bind(a, 0x4000 + i, &peers[i], MP_S(1)), BIND_OK);
    for (uint16_t i = 0; i < 2; i++) {
        CHECK_EQ(allocation_bind(a, 0x4000 + i, &peers[i], MP_S(2 + i)), BIND_OK);
        const struct channel *again = allocation_channel(a, 0x4000 + i, MP_S(3)),
                             *other = allocation_channel(a, 0x4001 - i, MP_S(3));
        CHECK(again && again == allocation_channel_to(a, &peers[i], MP_S(3)));
        CHECK(again && again->until == MP_S(2 + i) + CHANNEL_LIFETIME);
        CHECK(other && other == allocation_channel_to(a, &peers[1 - i], MP_S(3)));
        CHECK(other && other->until == MP_S(i ? 2 : 1) + CHANNEL_LIFETIME);
    }
    allocation_end(&t, a);
    allocations_free(&t);
}

TEST_MAIN(TEST(ports_are_unique_and_rest_as_long_as_they_can),
          TEST(there_are_as_many_as_configured_and_as_have_ports), TEST(permission_ends_with_its_time),
          TEST(a_channel_that_is_bound_again_is_the_one_that_lasts_longer))
