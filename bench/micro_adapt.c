#include "adapt/allocate.h"
#include "adapt/estimate.h"
#include "adapt/probe.h"
#include "adapt/speaker.h"
#include "base/check.h"
#include "bench/micro.h"
#include "proto/twcc.h"
#include <stdlib.h>

#define VIEWERS 500
#define ROUNDS  60 /* of 50 ms: long enough for the window of losses to fill */
#define TRACKS  50

/* --- feedback --- */

struct viewer {
    struct estimate estimate;
    struct probe probe;
};

struct feedback {
    uint8_t bytes[256];
    size_t len;
};

struct receipts {
    struct viewer *viewer;
    struct groups groups;
};

static void receipt(void *context, uint16_t seq, bool received, int64_t arrival)
{
    struct receipts *r = context;
    runs_receipt(&r->viewer->estimate.runs, &r->groups, seq, received, (uint32_t)arrival);
}

static void input(struct viewer *v, const struct feedback *f, mp_time now)
{
    struct twcc_feedback head;
    struct receipts r;
    r.viewer = v;
    runs_begin(&r.groups, now);
    INVARIANT(twcc_parse((struct bytes){f->bytes + 12, f->len - 12}, &head, receipt, &r));
    estimate_feedback(&v->estimate, &r.groups, MP_MS(40), now);
    probe_feedback(&v->probe, &r.groups, estimate_overuse(&v->estimate, now), MP_MS(40), now);
}

/* 10 packets in 5 runs, 10 ms apart; with `loss` each 20th does not arrive. */
static void send(struct viewer *all, struct feedback *f, struct twcc_record *record, uint16_t first,
                 bool loss, mp_time now)
{
    for (unsigned run = 0; run < 5; run++) {
        mp_time at = now + MP_MS(10) * run;
        for (unsigned v = 0; v < VIEWERS; v++)
            estimate_sent(&all[v].estimate, (uint16_t)(first + 2 * run), 2, 1200, 600, 0, at);
        for (unsigned i = 0; i < 2; i++) {
            uint16_t number = (uint16_t)(first + 2 * run + i);
            if (!loss || number % 20 != 7)
                twcc_arrived(record, number, at + MP_MS(20) + MP_US(300) * (number % 5));
        }
    }
    f->len = twcc_write(record, f->bytes, sizeof f->bytes, 1, 2);
    INVARIANT(f->len > 0);
}

static void measure_feedback(const char *how, bool loss)
{
    struct viewer *all = calloc(VIEWERS, sizeof *all);
    static struct twcc_record record;
    struct micro m = {0};
    INVARIANT(all != NULL);
    record = (struct twcc_record){0};
    for (unsigned v = 0; v < VIEWERS; v++) {
        estimate_begin(&all[v].estimate, 10000000);
        probe_init(&all[v].probe);
    }
    double sum = 0;
    for (unsigned round = 0; round < ROUNDS + MICRO_REPEAT; round++) {
        struct feedback f;
        struct micro each = {0};
        mp_time now = MP_S(1) + MP_MS(50) * round;
        send(all, &f, &record, (uint16_t)(10 * round + 1), loss, now);
        micro_begin(&each);
        for (unsigned v = 0; v < VIEWERS; v++)
            input(&all[v], &f, now + MP_MS(80));
        micro_end(&each, VIEWERS);
        sum += round >= ROUNDS ? each.least : 0;
    }
    m.least = sum / MICRO_REPEAT; /* the mean: one feedback in five ends an observation of losses */
    micro_print(&m, "feedback of a viewer", how);
    free(all);
}

/* --- allocation --- */

static const struct allocate_point points[] = {
    {100000, 320, 180, 15, true}, {150000, 320, 180, 30, true},   {300000, 640, 360, 15, true},
    {450000, 640, 360, 30, true}, {1200000, 1280, 720, 15, true}, {1800000, 1280, 720, 30, true}};

static void measure_allocation(const char *how, uint32_t bps)
{
    static struct allocate_source sources[TRACKS];
    struct micro m = {0};
    mp_time now = MP_S(1);
    for (uint32_t i = 0; i < TRACKS; i++)
        sources[i] = (struct allocate_source){.points = points,
                                              .point_count = sizeof points / sizeof *points,
                                              .width = 320 + 20 * i,
                                              .height = 180 + 11 * i,
                                              .visible = true,
                                              .speaker = (uint8_t)(i % 7)};
    struct allocate_line line = {.estimate_bps = bps};
    for (int repeat = 0; repeat < 3 * MICRO_REPEAT; repeat++) {
        micro_begin(&m);
        for (int i = 0; i < 20; i++)
            allocate(sources, TRACKS, NULL, 0, &line, now += MP_GRID);
        micro_end(&m, 20);
    }
    micro_print(&m, "allocate 50 tracks", how);
}

/* --- levels of sounds --- */

#define SOUNDS 500

/* 50 packets a second of each sound, then a decision among all of them. */
static void measure_levels(void)
{
    static struct speaker sounds[SOUNDS];
    static struct speaker_scores scores[SOUNDS];
    struct micro heard = {0}, scored = {0}, chosen = {0};
    size_t dominant = SPEAKER_NONE;
    mp_time now = MP_S(1);
    for (int repeat = 0; repeat < MICRO_REPEAT; repeat++) {
        micro_begin(&heard);
        for (unsigned packet = 0; packet < 15; packet++, now += MP_MS(20))
            for (size_t i = 0; i < SOUNDS; i++) {
                uint8_t level = (uint8_t)(0x80 | ((packet + i) % 10 < 8 ? 25 : 65));
                speaker_heard(&sounds[i], speaker_volume(&sounds[i], level, 80), now);
            }
        micro_end(&heard, 15ul * SOUNDS);
        micro_begin(&scored);
        for (size_t i = 0; i < SOUNDS; i++)
            scores[i] = speaker_scores(&sounds[i], now);
        micro_end(&scored, SOUNDS);
        micro_begin(&chosen);
        dominant = speaker_choose(scores, SOUNDS, dominant);
        micro_end(&chosen, SOUNDS);
    }
    INVARIANT(dominant != SPEAKER_NONE);
    micro_print(&heard, "level of a packet", "a step of 20 ms");
    micro_print(&scored, "scores of a sound", "each 300 ms");
    micro_print(&chosen, "dominant speaker", "each 300 ms, a sound of the room");
}

void micro_adapt(void)
{
    measure_levels();
    measure_feedback("10 packets in 5 runs", false);
    measure_feedback("10 packets in 5 runs, 5 % lost", true);
    measure_allocation("8 Mbit/s", 8000000);
    measure_allocation("100 Mbit/s, all as large as wanted", 100000000);
}
