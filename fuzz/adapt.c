/* The estimate of a viewer's line with its probes, under whatever a client acknowledges, and the
 * allocation. */
#include "adapt/allocate.h"
#include "adapt/estimate.h"
#include "adapt/probe.h"
#include "fuzz/fuzz.h"

#define MOST 20000000

static struct estimate estimate;
static struct probe probe;
static mp_time now;
static uint16_t number;

/* --- the line --- */

static void send(struct bytes *s)
{
    unsigned count = 1 + script_u8(s) % 40;
    uint16_t size = (uint16_t)(1 + script_u16(s) % 1500), last = (uint16_t)(1 + script_u8(s) % size);
    enum probe_kind kind = script_u8(s) % 4 ? PROBE_MEDIA : PROBE_PADDING;
    unsigned flags = probe_sent(&probe, kind, count, (count - 1) * size + last, now) ? RUN_PROBE : 0;
    estimate_sent(&estimate, number, count, size, last, flags, now);
    number = (uint16_t)(number + count);
    if (script_u8(s) == 255)
        number = (uint16_t)(number + script_u16(s)); /* begins anew */
}

static void answer(struct bytes *s)
{
    struct groups g;
    uint16_t from = (uint16_t)(number - script_u8(s));
    unsigned count = script_u16(s) % 3000;
    uint32_t arrival = script_u8(s) % 8 ? (uint32_t)(now / MP_US(250)) : script_u32(s);
    uint8_t pattern = script_u8(s), step = script_u8(s);
    runs_begin(&g, now);
    for (unsigned i = 0; i < count; i++) {
        bool received = pattern >> i % 8 & 1;
        arrival += step < 250 ? step : (uint32_t)(step - 256);
        runs_receipt(&estimate.runs, &g, (uint16_t)(from + i), received, arrival);
    }
    INVARIANT(g.count <= RUNS_KEPT);
    mp_time rtt = MP_MS(script_u16(s));
    estimate_feedback(&estimate, &g, rtt, now);
    uint32_t proven = probe_feedback(&probe, &g, estimate_overuse(&estimate, now), rtt, now);
    if (proven)
        estimate_probed(&estimate, proven);
}

static void tick(void)
{
    estimate_tick(&estimate, now);
    const struct estimate_result *r = &estimate.result;
    INVARIANT(r->bps >= ESTIMATE_LEAST && r->bps <= MOST);
    INVARIANT(estimate_probe_most(&estimate, now) <= MOST);
    INVARIANT(estimate.loss.average >= 0 && estimate.loss.average <= 1);
    INVARIANT(estimate.trend.threshold >= 0 && estimate.trend.threshold <= 600);
    INVARIANT(probe.credit >= -60000 && probe.credit <= 60000);
}

static void pad(void)
{
    uint32_t due = probe_due(&probe, now);
    if (due == 0)
        return;
    uint16_t size = (uint16_t)(due < 1200 ? due : 1200);
    bool flagged = probe_sent(&probe, PROBE_PADDING, 1, size, now);
    estimate_sent(&estimate, number++, 1, size, size, flagged ? RUN_PROBE : 0, now);
}

static void line_step(struct bytes *s)
{
    uint8_t what = script_u8(s);
    now += MP_US(100) * script_u8(s) * (what >> 4);
    switch (what & 15) {
    case 0: estimate_remb(&estimate, (uint64_t)script_u32(s) << script_u8(s) % 33); break;
    case 1: estimate_report(&estimate, script_u8(s), MP_MS(script_u16(s)), now); break;
    case 2:
        if (script_u8(s) > 200) /* for ever */
            estimate_queue(&estimate, script_u32(s), script_u32(s), now);
        break;
    case 3:
        probe_want(&probe, estimate.result.bps, script_u32(s), estimate_probe_most(&estimate, now), now);
        break;
    case 4: probe_changed(&probe, now); break;
    case 5: now += MP_MS(script_u16(s)); break;
    case 6:
    case 7: pad(); break;
    case 8:
    case 9:
    case 10: answer(s); break;
    default: send(s);
    }
    tick();
}

static void play_line(const uint8_t *data, size_t len)
{
    now = MP_S(1);
    number = 0;
    estimate_begin(&estimate, MOST);
    probe_init(&probe);
    script_play(data, len, 2000, line_step);
}

/* --- the allocation --- */

static struct allocate_point points[4][ALLOCATE_POINTS];
static struct allocate_source sources[ALLOCATE_SOURCES];
static struct allocate_sound sounds[16];

static void make_points(struct bytes *s)
{
    for (int i = 0; i < 4; i++) {
        uint16_t height = 0;
        for (int k = 0; k < ALLOCATE_POINTS; k++) {
            uint8_t v = script_u8(s);
            height = (uint16_t)(height + (v & 3 ? 0 : script_u8(s)));
            points[i][k] = (struct allocate_point){.bps = (uint32_t)script_u8(s) << (v >> 3),
                                                   .width = height,
                                                   .height = height,
                                                   .fps = script_u8(s) % 64,
                                                   .live = v % 7 != 0};
        }
    }
}

static void wish(struct bytes *s)
{
    struct allocate_source *of = &sources[script_u8(s) % ALLOCATE_SOURCES];
    uint8_t v = script_u8(s);
    if (!of->points) {
        of->points = points[v % 4];
        of->point_count = script_u8(s) % (ALLOCATE_POINTS + 1);
    }
    of->kind = v & 4 ? ALLOCATE_SCREEN : ALLOCATE_CAMERA;
    of->pinned = v & 8;
    of->hidden_since = of->visible && !(v & 16) ? now : of->hidden_since;
    of->visible = v & 16;
    of->speaker = v & 32 ? script_u8(s) : 0;
    of->most_fps = v & 64 ? script_u8(s) : 0;
    of->width = v & 128 ? script_u32(s) : script_u16(s);
    of->height = v & 128 ? script_u32(s) : script_u16(s);
}

static void allocation_step(struct bytes *s)
{
    uint8_t what = script_u8(s);
    now += MP_MS(script_u8(s)) * (what >> 5);
    if (what % 4 == 0) {
        wish(s);
        return;
    }
    if (what % 16 == 1)
        allocate_overuse(sources, ALLOCATE_SOURCES, now);
    for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++)
        sounds[i] = (struct allocate_sound){.bps = what * 500u,
                                            .rank = script_u8(s),
                                            .dominant = i == what % 32,
                                            .left_out = !sounds[i].sent};
    struct allocate_line line = {.estimate_bps = script_u32(s) >> (what & 15),
                                 .retransmitted_bps = script_u16(s)};
    uint8_t flags = script_u8(s);
    line.proven = flags & 1;
    line.unknown = flags & 2;
    struct allocate_sum sum =
        allocate(sources, ALLOCATE_SOURCES, sounds, sizeof sounds / sizeof *sounds, &line, now);
    uint64_t sent = 0;
    for (size_t i = 0; i < ALLOCATE_SOURCES; i++) {
        const struct allocate_source *of = &sources[i];
        INVARIANT(!of->sent || (of->point < of->point_count && of->points[of->point].live));
        sent += of->sent ? of->points[of->point].bps : 0;
    }
    INVARIANT(sum.picture_bps == (sent < UINT32_MAX ? sent : UINT32_MAX));
    size_t heard = 0;
    for (size_t i = 0; i < sizeof sounds / sizeof *sounds; i++) {
        heard += sounds[i].sent;
        INVARIANT(sounds[i].sent || !sounds[i].dominant);
        INVARIANT(sounds[i].sent || sent == 0);
    }
    INVARIANT(heard > 0);
}

static void play_allocation(const uint8_t *data, size_t len)
{
    struct bytes s = {data, len};
    memset(sources, 0, sizeof sources);
    now = MP_S(1);
    make_points(&s);
    script_play(s.data, s.len, 500, allocation_step);
}

void fuzz_adapt(const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    if (data[0] & 1)
        play_line(data + 1, len - 1);
    else
        play_allocation(data + 1, len - 1);
}
