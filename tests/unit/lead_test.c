/* Packets that precede a picture and wait for it. */
#include "sfu/lead.h"
#include "base/packet.h"
#include "tests/unit/test.h"

static struct packet_pool pool;
static struct lead l;

static struct packet *of(uint32_t timestamp, bool keyframe)
{
    struct packet *p = packet_take(&pool);
    p->media = (struct packet_media){.timestamp = timestamp, .keyframe = keyframe};
    return p;
}

static void only_what_is_of_one_picture_waits_and_not_too_much_of_it(void)
{
    CHECK(packet_pool_init(&pool, 32));
    struct packet *lead = of(7, false), *other = of(8, false), *key = of(7, true), *delta = of(7, false),
                  *late = of(8, true);
    l = (struct lead){0};
    CHECK(!lead_mark(&l, 1, key)); /* nothing waits */
    for (int i = 0; i < LEAD_MAX; i++) {
        CHECK(lead_takes(&l, 1, lead));
        CHECK(i == 0 || (!lead_takes(&l, 1, other) && !lead_takes(&l, 2, lead)));
        lead_add(&l, 1, lead);
    }
    CHECK(!lead_takes(&l, 1, lead) && l.count == LEAD_MAX);
    CHECK(!lead_mark(&l, 1, delta) && !lead_mark(&l, 1, late) && !lead_mark(&l, 2, key));
    CHECK(!lead->media.keyframe);
    CHECK(lead_mark(&l, 1, key) && lead->media.keyframe);
    lead_drop(&pool, &l);
    CHECK(l.count == 0 && lead->refs == 1);
    struct packet *all[] = {lead, other, key, delta, late};
    for (int i = 0; i < 5; i++)
        packet_drop(&pool, all[i]);
    packet_pool_free(&pool);
}

TEST_MAIN(TEST(only_what_is_of_one_picture_waits_and_not_too_much_of_it))
