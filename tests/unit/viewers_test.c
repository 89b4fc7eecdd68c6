/* A drain serves every viewer once, even if viewers come and go meanwhile. */
#include "sfu/viewers.h"
#include "base/prng.h"
#include "sfu/core.h"
#include "sfu/session.h"
#include "sfu/subscription.h"
#include "tests/unit/test.h"

#define MOST 40

static struct sfu sfu;
static struct session session; /* without keys: nothing to prefetch */
static struct subscription all[MOST];
static unsigned served[MOST];
static bool there[MOST];

static unsigned number_of(const struct subscription *s) { return (unsigned)(s - all); }

static void add(struct viewers *v, unsigned i)
{
    all[i] = (struct subscription){.viewer = &session};
    CHECK(viewers_add(v, &all[i]));
    there[i] = true;
    served[i] = 0;
}

static void leave(struct viewers *v, unsigned i)
{
    viewers_remove(v, &all[i]);
    there[i] = false;
}

static void clear(struct viewers *v)
{
    for (unsigned i = 0; i < MOST; i++)
        if (there[i])
            leave(v, i);
    viewers_free(v);
}

static bool serve(struct viewers *v)
{
    struct subscription *s = viewers_current(v);
    if (!s)
        return false;
    CHECK(there[number_of(s)]);
    served[number_of(s)]++;
    viewers_next(&sfu, v);
    return true;
}

static void everyone_has_a_turn(void)
{
    struct viewers v = {0};
    for (unsigned i = 0; i < MOST; i++)
        add(&v, i);
    for (unsigned round = 1; round <= 3; round++) {
        viewers_begin(&v);
        while (serve(&v))
            ;
        for (unsigned i = 0; i < MOST; i++)
            CHECK_EQ(served[i], round);
    }
    clear(&v);
}

static void whoever_has_its_turn_keeps_its_place_in_the_packets(void)
{
    for (unsigned gone = 0; gone < 6; gone++) {
        struct viewers v = {0};
        for (unsigned i = 0; i < 6; i++)
            add(&v, i);
        viewers_begin(&v);
        serve(&v);
        serve(&v);
        v.packet = 5; /* half of the pending packets were sent */
        const struct subscription *current = viewers_current(&v);
        leave(&v, gone);
        if (&all[gone] == current) {
            CHECK(viewers_current(&v) != NULL);
            CHECK_EQ(v.packet, 0);
        } else {
            CHECK(viewers_current(&v) == current);
            CHECK_EQ(v.packet, 5);
        }
        clear(&v);
    }
}

static void last_one_may_leave_at_its_turn(void)
{
    struct viewers v = {0};
    add(&v, 0);
    viewers_begin(&v);
    leave(&v, 0);
    CHECK(viewers_current(&v) == NULL);
    clear(&v);
}

/* A drain serves each remaining viewer once. It may also serve a viewer that joined meanwhile, which decides
 * itself where it begins. */
static void coming_and_going_costs_nobody_a_turn(void)
{
    struct viewers v = {0};
    struct prng prng;
    prng_seed(&prng, 11);
    for (unsigned i = 0; i < MOST / 2; i++)
        add(&v, i);
    for (unsigned round = 0; round < 2000; round++) {
        bool stayed[MOST];
        memcpy(stayed, there, sizeof stayed);
        memset(served, 0, sizeof served);
        viewers_begin(&v);
        do {
            unsigned i = (unsigned)prng_below(&prng, MOST);
            if (prng_below(&prng, 3))
                continue;
            if (there[i])
                leave(&v, i);
            else
                add(&v, i);
            stayed[i] = false;
        } while (serve(&v));
        for (unsigned i = 0; i < MOST; i++)
            CHECK(stayed[i] ? served[i] == 1 : served[i] <= 1);
    }
    clear(&v);
}

TEST_MAIN(TEST(everyone_has_a_turn), TEST(whoever_has_its_turn_keeps_its_place_in_the_packets),
          TEST(last_one_may_leave_at_its_turn), TEST(coming_and_going_costs_nobody_a_turn))
