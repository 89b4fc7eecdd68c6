/* A seed's story has four parts: guests come and faults happen at random; then the network heals, everybody
 * must be connected within CONNECT_MAX, decode everybody SETTLE_MAX later and go on so for STEADY; then all
 * leave, in various ways; EMPTY_AFTER later the server must hold nothing of them.
 *
 * CONNECT_MAX is that long because DTLS does not authenticate a handshake before its end: one changed bit can
 * make both sides wait, until the client tries again after 20 s. */
#include "tests/sim/scenario.h"
#include "tests/sim/faults.h"
#include "tests/sim/guest.h"
#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/numbers.h"
#include "tests/sim/server.h"
#include <stdio.h>

#define CONNECT_MAX MP_S(24)
#define SETTLE_MAX  MP_S(5)
#define FRESH       MP_MS(1500) /* maximal age of a decoded frame: the slowest encoder makes five a second */
#define STEADY      MP_S(3)
#define EMPTY_AFTER MP_S(90) /* consent ends after 30 s, a socket of a vanished client after 50 */

static void build(struct sim *s)
{
    unsigned nats = 1 + below(s, 3);
    s->network = network_new(s, nats);
    for (unsigned i = 0; i < nats; i++)
        nat_setup(network_nat(s->network, i), (enum nat_kind)below(s, 3), below(s, 2) ? MP_S(30) : MP_S(300));
    server_open(s, 1 + below(s, WORKERS), 32);
    s->guest_count = 2 + below(s, GUESTS_MAX - 1);
    unsigned rooms = 1 + below(s, ROOMS_COUNT);
    for (unsigned i = 0; i < s->guest_count; i++) {
        struct nat *nat = below(s, 4) ? network_nat(s->network, below(s, nats)) : NULL;
        s->guests[i] = guest_new(s, i, nat);
        s->guests[i]->without_rtx = below(s, 4) == 0;
        s->guests[i]->layered = below(s, 3) == 0;
        fault_links(s, s->guests[i], false);
        fault_join(s, s->guests[i], rooms);
    }
}

static void heal(struct sim *s)
{
    numbers_resume_all(s);
    for (unsigned i = 0; i < s->guest_count; i++) {
        s->guests[i]->host.out_until = 0;
        fault_links(s, s->guests[i], true);
    }
}

/* Runs until the condition holds, which must take no longer than `most`. */
static void wait_for(struct sim *s, const char *invariant,
                     bool (*holds)(struct sim *, mp_time since, char *, size_t), mp_time most)
{
    char why[160];
    mp_time begun = s->now;
    while (!s->stopped && !holds(s, mp_max(s->now - FRESH, begun), why, sizeof why)) {
        if (s->now - begun > most)
            violated(s, invariant, "%lld s after the last fault %s", (long long)(most / MP_S(1)), why);
        sim_until(s, s->now + MP_MS(50));
    }
}

static void settle(struct sim *s)
{
    char why[160];
    mp_time begun = s->now;
    wait_for(s, "decoding", all_connected, CONNECT_MAX);
    wait_for(s, "decoding", all_decode, SETTLE_MAX);
    wait_for(s, "news", all_know, SETTLE_MAX);
    s->result.settled = s->now - begun;
    for (mp_time end = s->now + STEADY; s->now < end && !s->stopped;) {
        sim_until(s, s->now + MP_MS(100));
        if (!all_connected(s, s->now, why, sizeof why) || !all_decode(s, s->now - FRESH, why, sizeof why))
            violated(s, "decoding", "without any fault %s", why);
    }
}

static void everybody_leaves(struct sim *s)
{
    for (unsigned i = 0; i < s->guest_count; i++) {
        guest_unwant(s, s->guests[i], (enum guest_end)below(s, 3));
        if (below(s, 2))
            sim_until(s, s->now + between(s, 0, MP_MS(300)));
    }
    sim_until(s, s->now + EMPTY_AFTER);
    if (!s->stopped)
        check_empty(s);
}

void scenario_run(struct sim *s)
{
    build(s);
    mp_time end = s->now + between(s, MP_S(5), MP_S(60));
    while (s->now < end && !s->stopped) {
        sim_until(s, s->now + between(s, MP_MS(50), MP_S(4)));
        if (!s->stopped)
            fault_one(s);
    }
    tell(s, "the faults end");
    heal(s);
    sim_until(s, s->now + FAULT_LASTS);
    settle(s);
    if (!s->stopped)
        everybody_leaves(s);
}

/* --- link quality --- */

#define LOSS_GUESTS 3
#define LOSS_SPAN   MP_S(60)

/* Adds the frames that each viewer decoded of each publisher so far, and those that were sent; `sign`: 1 or
 * -1. */
static void tally(struct sim *s, int sign)
{
    for (unsigned v = 0; v < LOSS_GUESTS; v++)
        for (unsigned p = 0; p < LOSS_GUESTS; p++)
            for (unsigned video = 0; video < 2 && v != p; video++) {
                const struct decoder *d = guest_sees(s->guests[v], s->guests[p], video);
                uint64_t *due = video ? &s->result.pictures_due : &s->result.sounds_due;
                uint64_t *seen = video ? &s->result.pictures : &s->result.sounds;
                *due += (uint64_t)sign * s->guests[p]->encoders[video].stamp.frame;
                *seen += (uint64_t)sign * (d ? d->decoded : 0);
            }
}

/* Gilbert's model: bursts of four on average, in which seven of eight are lost; begun so often that it
 * comes to `percent`. */
static void lose_in_bursts(struct link_profile *p, unsigned percent)
{
    unsigned share = percent * 10000 / 100 * 8 / 7;
    p->burst_end = 2500;
    p->burst_begin = p->burst_end * share / (10000 - share);
}

static void spoil(struct link_profile *p, const struct sim_options *o)
{
    p->loss = o->loss_percent * 100;
    p->reorder = p->duplicate = o->reorder_percent * 100;
    if (o->reorder_percent)
        p->jitter = MP_MS(30);
    if (o->burst_percent)
        lose_in_bursts(p, o->burst_percent);
}

void scenario_links(struct sim *s)
{
    s->network = network_new(s, 1);
    server_open(s, 2, 32);
    s->guest_count = LOSS_GUESTS;
    for (unsigned i = 0; i < LOSS_GUESTS; i++) {
        struct host *h = &(s->guests[i] = guest_new(s, i, NULL))->host;
        h->up.profile = h->down.profile = (struct link_profile){.delay = MP_MS(20), .jitter = MP_MS(5)};
        guest_want(s, s->guests[i], 0, GUEST_CALL, s->now);
    }
    wait_for(s, "decoding", all_connected, CONNECT_MAX);
    wait_for(s, "decoding", all_decode, SETTLE_MAX);
    for (unsigned i = 0; i < LOSS_GUESTS; i++) {
        spoil(&s->guests[i]->host.up.profile, &s->options);
        spoil(&s->guests[i]->host.down.profile, &s->options);
    }
    tally(s, -1);
    sim_until(s, s->now + LOSS_SPAN);
    tally(s, 1);
}
