#include "adapt/allocate.h"
#include "base/prng.h"
#include "tests/unit/test.h"

#define KBPS 1000u

/* 180p, 360p, 720p with two temporal layers each, of 30 frames/s. */
static const struct allocate_point camera[] = {
    {100 * KBPS, 320, 180, 15, true}, {150 * KBPS, 320, 180, 30, true},   {300 * KBPS, 640, 360, 15, true},
    {450 * KBPS, 640, 360, 30, true}, {1200 * KBPS, 1280, 720, 15, true}, {1800 * KBPS, 1280, 720, 30, true}};
static const struct allocate_point single[] = {{1000 * KBPS, 640, 360, 30, true}};

static struct allocate_source sources[ALLOCATE_SOURCES];
static struct allocate_sound sounds[ALLOCATE_SOURCES];
static size_t count, sound_count;
static struct allocate_line line;
static struct allocate_sum sum;
static mp_time now;

static void forget(void)
{
    memset(sources, 0, sizeof sources);
    memset(sounds, 0, sizeof sounds);
    memset(&line, 0, sizeof line);
    count = sound_count = 0;
    now = MP_S(100);
}

static struct allocate_source *add(const struct allocate_point *points, size_t n, uint32_t width,
                                   uint32_t height)
{
    struct allocate_source *s = &sources[count++];
    *s = (struct allocate_source){
        .points = points, .point_count = n, .visible = true, .width = width, .height = height};
    return s;
}

static struct allocate_source *add_camera(uint32_t height) { return add(camera, 6, height * 16 / 9, height); }

static void run(unsigned estimate_kbps)
{
    line.estimate_bps = estimate_kbps * KBPS;
    sum = allocate(sources, count, sounds, sound_count, &line, now);
}

static void pass(unsigned ms, unsigned estimate_kbps)
{
    for (unsigned i = 0; i < ms; i += 50) {
        now += MP_MS(50);
        run(estimate_kbps);
    }
}

static void wide_line_shows_what_the_tile_needs_and_no_more(void)
{
    forget();
    struct allocate_source *small = add_camera(180), *middle = add_camera(350), *large = add_camera(720);
    struct allocate_source *untold = add(camera, 6, 0, 0);
    pass(8000, 20000);
    CHECK_EQ(small->point, 1);
    CHECK_EQ(middle->point, 3); /* 360 >= 0.9 of 350 */
    CHECK_EQ(large->point, 5);
    CHECK_EQ(untold->point, 5);
    CHECK_EQ(large->reason, ALLOCATE_WHOLE);
    CHECK_EQ(sum.wanted_bps, 0);
    CHECK_EQ(sum.picture_bps, (150 + 450 + 1800 + 1800) * KBPS);
}

static void first_picture_comes_at_once(void)
{
    forget();
    struct allocate_source *s = add_camera(720);
    run(500);
    CHECK(s->sent);
    CHECK_EQ(s->points[s->point].height, 180);
    CHECK_EQ(s->reason, ALLOCATE_BANDWIDTH);
}

static void everyone_gets_the_least_before_anyone_gets_more(void)
{
    forget();
    for (int i = 0; i < 6; i++)
        add_camera(360);
    pass(8000, 700); /* six times 100 fit into 665 */
    for (int i = 0; i < 6; i++) {
        CHECK(sources[i].sent);
        CHECK_EQ(sources[i].point, 0);
    }
    pass(8000, 450); /* four fit */
    int sent = 0;
    for (int i = 0; i < 6; i++)
        sent += sources[i].sent;
    CHECK_EQ(sent, 4);
    CHECK_EQ(sources[5].reason, ALLOCATE_BANDWIDTH);
    CHECK(sum.picture_bps <= 450 * KBPS * 95 / 100);
}

static void sound_comes_before_pictures(void)
{
    forget();
    struct allocate_source *s = add_camera(360);
    sounds[0] = (struct allocate_sound){.bps = 64 * KBPS};
    sounds[1] = (struct allocate_sound){.bps = 64 * KBPS, .rank = 1};
    sound_count = 2;
    run(200); /* 190 less 128: 62 kbit/s for pictures */
    CHECK(sounds[0].sent && sounds[1].sent);
    CHECK(!s->sent);
    CHECK_EQ(sum.sound_bps, 128 * KBPS);
}

static void too_many_sounds_leave_the_least_loud_out_but_never_the_dominant(void)
{
    forget();
    for (unsigned i = 0; i < 5; i++)
        sounds[i] = (struct allocate_sound){.bps = 50 * KBPS, .rank = i, .dominant = i == 4};
    sound_count = 5;
    run(160); /* 152: three */
    CHECK(sounds[0].sent && sounds[1].sent && sounds[4].sent);
    CHECK(!sounds[2].sent && !sounds[3].sent);
    run(10);
    CHECK(sounds[4].sent);
    CHECK(!sounds[0].sent);
}

/* Then nothing would come to the client, which would acknowledge nothing. */
static void one_sound_is_always_sent(void)
{
    forget();
    for (unsigned i = 0; i < 3; i++)
        sounds[i] = (struct allocate_sound){.bps = 50 * KBPS, .rank = i};
    sound_count = 3;
    run(10);
    CHECK(sounds[0].sent && !sounds[1].sent && !sounds[2].sent);
}

static void sound_that_was_left_out_needs_room_to_spare(void)
{
    forget();
    for (unsigned i = 0; i < 2; i++)
        sounds[i] = (struct allocate_sound){.bps = 50 * KBPS, .left_out = i == 0};
    sound_count = 2;
    run(110); /* 104.5 */
    CHECK(!sounds[0].sent && sounds[1].sent);
    CHECK(sum.wanted_bps >= 115 * KBPS && sum.wanted_bps <= 117 * KBPS);
    run(117);
    CHECK(sounds[0].sent && sounds[1].sent);
    CHECK_EQ(sum.wanted_bps, 0);
}

static void no_picture_is_sent_while_a_sound_does_not_fit(void)
{
    forget();
    struct allocate_source *s = add(single, 1, 0, 0);
    sounds[0] = sounds[1] = (struct allocate_sound){.bps = 128 * KBPS};
    sound_count = 2;
    pass(1000, 3000);
    CHECK(s->sent);
    run(260); /* 247: one sound leaves 119 */
    CHECK(sounds[0].sent != sounds[1].sent);
    CHECK(!s->sent);
    CHECK_EQ(s->reason, ALLOCATE_BANDWIDTH);
}

/* Of a line of which nothing was heard. */
static void least_points_fit_an_unknown_line(void)
{
    forget();
    struct allocate_source *one = add(single, 1, 0, 0), *layered = add_camera(720);
    sounds[0] = sounds[1] = (struct allocate_sound){.bps = 600 * KBPS};
    sound_count = 2;
    line.unknown = true;
    pass(5000, 1000);
    CHECK(sounds[0].sent && sounds[1].sent);
    CHECK(one->sent && layered->sent);
    CHECK_EQ(layered->point, 0);
    CHECK_EQ(one->reason, ALLOCATE_WHOLE);
    line.unknown = false;
    pass(2100, 1000);
    CHECK(!one->sent);
}

static void screens_and_pinned_come_first(void)
{
    forget();
    struct allocate_source *other = add_camera(720), *pinned = add_camera(360);
    pinned->pinned = true;
    pass(8000, 700);
    CHECK_EQ(pinned->point, 3);
    CHECK_EQ(other->point, 1); /* 665 less 450 */
    struct allocate_source *screen = add(camera, 6, 1280, 720);
    screen->kind = ALLOCATE_SCREEN;
    other->visible = pinned->visible = false;
    pass(8000, 1500);
    CHECK_EQ(screen->point, 4); /* sharpness before motion: 1200 fit, 1800 do not */
    CHECK(!other->sent);
}

static void speaker_comes_before_others_of_its_size(void)
{
    forget();
    for (int i = 0; i < 4; i++)
        add_camera(180);
    add_camera(720); /* the largest tile */
    sources[3].speaker = 1;
    run(240); /* two fit: the largest tile and the speaker */
    CHECK(sources[4].sent && sources[3].sent);
    CHECK(!sources[0].sent && !sources[1].sent && !sources[2].sent);
    run(120);
    CHECK(sources[4].sent && !sources[3].sent);
}

static void tile_that_lacks_more_steps_up_first(void)
{
    forget();
    struct allocate_source *small = add_camera(360), *large = add_camera(640);
    small->speaker = 1; /* both are large tiles: the speaker is first in order */
    large->width = 700;
    pass(8000, 560); /* 532: 1.1 of 300 + 150 fit, of 300 + 300 do not */
    CHECK_EQ(large->points[large->point].height, 360);
    CHECK_EQ(small->points[small->point].height, 180);
}

static void hidden_tile_costs_nothing_after_2_s(void)
{
    forget();
    struct allocate_source *s = add_camera(180);
    pass(4000, 1000);
    s->visible = false;
    s->hidden_since = now;
    pass(1950, 1000);
    CHECK(s->sent);
    pass(100, 1000);
    CHECK(!s->sent);
    CHECK_EQ(s->reason, ALLOCATE_HIDDEN);
    CHECK_EQ(sum.picture_bps, 0);
    CHECK_EQ(sum.wanted_bps, 0);
    s->visible = true;
    run(1000);
    CHECK(s->sent);
}

static void falls_at_once_and_rises_after_a_second_of_room(void)
{
    forget();
    struct allocate_source *s = add_camera(360);
    pass(8000, 1000);
    CHECK_EQ(s->point, 3);
    now += MP_MS(50);
    run(350);
    CHECK_EQ(s->point, 2);
    run(200);
    CHECK_EQ(s->point, 1);
    pass(5000, 340); /* 323 are less than 1.1 of 300 */
    CHECK_EQ(s->point, 1);
    CHECK(sum.wanted_bps > 340 * KBPS && sum.wanted_bps < 360 * KBPS);
    pass(950, 350);
    CHECK_EQ(s->point, 1);
    pass(100, 350);
    CHECK_EQ(s->point, 2);
}

static void rate_rises_where_size_does_not_fit(void)
{
    forget();
    struct allocate_source *s = add_camera(360);
    run(110);
    CHECK_EQ(s->point, 0);
    pass(4000, 200); /* 190: 1.1 of 150 fit, 300 do not */
    CHECK_EQ(s->point, 1);
}

static void probe_that_proved_the_room_spares_the_second(void)
{
    forget();
    struct allocate_source *s = add_camera(360);
    pass(8000, 200);
    CHECK_EQ(s->point, 1);
    line.proven = true;
    now += MP_MS(50);
    run(1000);
    CHECK_EQ(s->point, 3);
}

static void source_steps_up_in_size_once_in_2_s(void)
{
    forget();
    struct allocate_source *s = add_camera(720);
    pass(8000, 200);
    line.proven = true;
    mp_time first = now += MP_MS(50);
    run(5000);
    CHECK_EQ(s->points[s->point].height, 360);
    while (s->points[s->point].height < 720 && now < first + MP_S(10)) {
        now += MP_MS(50);
        run(5000);
    }
    CHECK_EQ(now - first, MP_S(2));
}

static mp_time barred_for(struct allocate_source *s)
{
    pass(3000, 1000);
    CHECK_EQ(s->point, 3);
    now += MP_S(1);
    allocate_overuse(sources, count, now);
    allocate_overuse(sources, count, now); /* counts once */
    mp_time since = now;
    run(200);
    while (s->point < 3 && now < since + MP_S(100)) {
        now += MP_MS(50);
        run(1000);
    }
    return now - since;
}

static void step_that_was_followed_by_overuse_is_barred_10_20_40_s(void)
{
    static const mp_time bars[] = {MP_S(10), MP_S(20), MP_S(40), MP_S(40)};
    forget();
    struct allocate_source *s = add_camera(360);
    pass(3000, 200);
    pass(3000, 1000);
    for (int i = 0; i < 4; i++) {
        mp_time took = barred_for(s);
        CHECK(took >= bars[i] && took <= bars[i] + MP_S(4));
        s->raised = now; /* the step has just happened again */
    }
    now += MP_S(9); /* it held: later overuse is not its fault */
    allocate_overuse(sources, count, now);
    CHECK(!s->failed);
}

static void camera_is_smooth_before_it_is_large(void)
{
    static const struct allocate_point slow[] = {{100 * KBPS, 320, 180, 7, true},
                                                 {150 * KBPS, 320, 180, 15, true},
                                                 {200 * KBPS, 640, 360, 7, true},
                                                 {400 * KBPS, 640, 360, 15, true}};
    forget();
    struct allocate_source *s = add(slow, 4, 640, 360);
    pass(8000, 300);
    CHECK_EQ(s->point, 1); /* 360p of 7 frames/s would fit */
    s->kind = ALLOCATE_SCREEN;
    pass(8000, 300);
    CHECK_EQ(s->point, 2);
}

static void single_layer_is_paused_after_2_s_and_resumes_at_1_2(void)
{
    forget();
    struct allocate_source *s = add(single, 1, 0, 0);
    pass(3000, 1200);
    CHECK(s->sent);
    pass(1950, 500);
    CHECK(s->sent); /* a dip of less than 2 s does not pause */
    pass(150, 500);
    CHECK(!s->sent);
    CHECK_EQ(s->reason, ALLOCATE_BANDWIDTH);
    CHECK_EQ(sum.picture_bps, 0);
    pass(5000, 1200); /* 1140 */
    CHECK(!s->sent);
    CHECK(sum.wanted_bps >= 1263 * KBPS && sum.wanted_bps <= 1264 * KBPS);
    pass(1100, 1300);
    CHECK(s->sent);
    pass(20000, 800); /* 0.76 of it: stays */
    CHECK(s->sent);
}

static void silent_publisher_is_said(void)
{
    static const struct allocate_point dead[] = {{100 * KBPS, 320, 180, 15, false}};
    struct allocate_point top_dead[6];
    forget();
    struct allocate_source *s = add(dead, 1, 0, 0);
    memcpy(top_dead, camera, sizeof camera);
    top_dead[4].live = top_dead[5].live = false;
    struct allocate_source *t = add(top_dead, 6, 1280, 720);
    pass(8000, 10000);
    CHECK(!s->sent);
    CHECK_EQ(s->reason, ALLOCATE_PUBLISHER);
    CHECK_EQ(t->point, 3);
    add(camera, 0, 100, 100); /* no point at all */
    run(10000);
    CHECK(!sources[2].sent);
}

static void retransmissions_take_at_most_15_percent(void)
{
    forget();
    struct allocate_source *s = add_camera(360);
    line.retransmitted_bps = UINT32_MAX;
    pass(8000, 600); /* 570 less 90: 480, 1.1 of 300 fit, 1.1 of 450 do not */
    CHECK_EQ(s->point, 2);
}

static void most_frames_are_kept_to(void)
{
    forget();
    struct allocate_source *s = add_camera(360);
    s->most_fps = 15;
    pass(8000, 5000);
    CHECK_EQ(s->point, 2);
    CHECK_EQ(s->reason, ALLOCATE_WHOLE);
}

/* Whatever is asked for: what is sent fits, points are valid, and nothing rises while the estimate falls. */
static void whatever_comes_the_sum_fits(void)
{
    struct prng r;
    prng_seed(&r, 5);
    for (int round = 0; round < 300; round++) {
        forget();
        for (unsigned n = 1 + prng_below(&r, 64); count < n;) {
            struct allocate_source *s =
                add(camera, prng_below(&r, 7), (uint32_t)prng_next(&r), (uint32_t)prng_next(&r));
            s->visible = prng_below(&r, 4) > 0;
            s->pinned = prng_below(&r, 8) == 0;
            s->kind = prng_below(&r, 8) == 0 ? ALLOCATE_SCREEN : ALLOCATE_CAMERA;
            s->speaker = (uint8_t)prng_below(&r, 256);
            s->most_fps = (uint8_t)prng_below(&r, 40);
            s->height = prng_below(&r, 2) ? prng_below(&r, 1000) : s->height;
        }
        for (int i = 0; i < 40; i++) {
            now += MP_MS(500);
            line.proven = prng_below(&r, 4) == 0;
            run(prng_below(&r, 20000));
            uint32_t of = 0;
            for (size_t k = 0; k < count; k++) {
                CHECK(!sources[k].sent || sources[k].point < sources[k].point_count);
                of += sources[k].sent ? sources[k].points[sources[k].point].bps : 0;
            }
            CHECK_EQ(of, sum.picture_bps);
            bool tight = false;
            for (size_t k = 0; k < count; k++)
                tight |= sources[k].sent && sources[k].point_count == 1;
            CHECK(tight || of <= line.estimate_bps * 0.951);
        }
    }
}

/* --- bounds: 0.95 of 1 Mbit/s are 950 kbit/s --- */

static const struct allocate_point sizes[] = {
    {100 * KBPS, 320, 180, 30, true}, {300 * KBPS, 640, 360, 30, true}, {1200 * KBPS, 1280, 720, 30, true}};

static void add_sound(uint32_t bps, uint32_t rank, bool left_out)
{
    sounds[sound_count++] = (struct allocate_sound){.bps = bps, .rank = rank, .left_out = left_out};
}

/* It has been sent for long. */
static struct allocate_source *add_sent(const struct allocate_point *points, size_t n, uint8_t point)
{
    struct allocate_source *s = add(points, n, 0, 0);
    s->sent = true;
    s->point = point;
    s->raised = now - MP_S(60);
    return s;
}

static void pictures_need_60_kbit(void)
{
    static const struct allocate_point tiny[] = {{50 * KBPS, 320, 180, 30, true}};
    for (uint32_t more = 0; more < 2; more++) {
        forget();
        struct allocate_source *s = add(tiny, 1, 0, 0);
        add_sound(35 * KBPS + more, 0, false);
        run(100);
        CHECK_EQ(s->sent, !more);
    }
}

static void sounds_that_fit_exactly_are_sent(void)
{
    forget();
    add_sound(47500, 0, false);
    add_sound(47500, 0, false);
    run(100);
    CHECK(sounds[0].sent && sounds[1].sent);
    CHECK_EQ(sum.sound_bps, 95000);
    sounds[0].bps++;
    run(100);
    CHECK(!sounds[0].sent && sounds[1].sent); /* the first of equals */
    CHECK_EQ(sum.sound_bps, 47500);
}

static void rank_counts_before_what_was_left_out(void)
{
    forget();
    add_sound(50 * KBPS, 1, false);
    add_sound(40 * KBPS, 0, true);
    run(60);
    CHECK(!sounds[0].sent && sounds[1].sent);
    forget();
    add_sound(50 * KBPS, 1, false);
    add_sound(50 * KBPS, 1, true);
    run(60);
    CHECK(sounds[0].sent && !sounds[1].sent);
}

static void frame_rate_bounds_only_what_has_a_slower_point_of_its_size(void)
{
    forget();
    struct allocate_source *large = add_camera(720), *small = add_camera(180);
    large->most_fps = 10;
    small->most_fps = 30;
    pass(8000, 20000);
    CHECK_EQ(large->point, 4);
    CHECK_EQ(small->point, 1);
}

static void picture_of_nine_tenths_of_the_tile_is_enough(void)
{
    forget();
    struct allocate_source *enough = add_camera(200), *more = add_camera(201);
    pass(8000, 20000);
    CHECK_EQ(enough->point, 1);
    CHECK_EQ(more->point, 3);
}

static void fourteen_frames_are_not_smooth(void)
{
    static const struct allocate_point slow[] = {
        {100 * KBPS, 320, 180, 15, true}, {200 * KBPS, 640, 360, 14, true}, {400 * KBPS, 640, 360, 30, true}};
    forget();
    struct allocate_source *s = add(slow, 3, 640, 360);
    pass(8000, 300);
    CHECK_EQ(s->point, 0);
    forget();
    s = add(slow, 3, 640, 360);
    pass(8000, 600);
    CHECK_EQ(s->point, 2);
}

static void smoothness_comes_before_size_where_both_would_fit(void)
{
    static const struct allocate_point slow[] = {
        {100 * KBPS, 320, 180, 7, true}, {150 * KBPS, 320, 180, 15, true}, {200 * KBPS, 640, 360, 15, true}};
    forget();
    struct allocate_source *s = add_sent(slow, 3, 0);
    run(1000);
    CHECK(s->fits_since[0] == now && s->fits_since[1] == 0);
}

static void size_next_to_the_least_is_a_step(void)
{
    forget();
    struct allocate_source *s = add(sizes, 3, 1280, 720);
    pass(8000, 400);
    CHECK_EQ(s->point, 1);
}

static void bar_ends_at_its_time(void)
{
    forget();
    struct allocate_source *s = add(sizes, 3, 0, 0);
    s->barred_until = now + 1;
    run(1000);
    CHECK(!s->sent);
    s->barred_until = now;
    run(1000);
    CHECK(s->sent);
}

static void proven_room_needs_nothing_to_spare(void)
{
    static const struct allocate_point all[] = {{950 * KBPS, 640, 360, 30, true}};
    forget();
    struct allocate_source *s = add(all, 1, 0, 0);
    run(1000);
    CHECK(!s->sent);
    CHECK_EQ(sum.wanted_bps, 1100001);
    line.proven = true;
    add_sound(1, 0, false);
    run(1000);
    CHECK(!s->sent);
    sound_count = 0;
    run(1000);
    CHECK(s->sent);
}

static void picture_that_was_paused_waits_a_second_and_what_rose_two(void)
{
    forget();
    struct allocate_source *s = add(sizes, 1, 0, 0);
    s->raised = now - MP_S(60);
    run(1000);
    now += MP_S(1) - 1;
    run(1000);
    CHECK(!s->sent);
    now += 1;
    run(1000);
    CHECK(s->sent && s->raised == now);
    CHECK(s->fits_since[0] == 0 && s->fits_since[1] == 0);
    s->point_count = 2;
    line.proven = true;
    now += MP_S(2) - 1;
    run(1000);
    CHECK_EQ(s->point, 0);
    now += 1;
    run(1000);
    CHECK_EQ(s->point, 1);
}

static void what_is_sent_stays_where_it_fits_exactly(void)
{
    static const struct allocate_point two[] = {{500 * KBPS, 320, 180, 30, true},
                                                {950 * KBPS, 640, 360, 30, true}};
    forget();
    struct allocate_source *s = add_sent(two, 2, 1);
    run(1000);
    CHECK_EQ(s->point, 1);
    run(800);
    CHECK_EQ(s->point, 0);
    CHECK_EQ(sum.wanted_bps, 1000001); /* it needs nothing to spare */
}

/* Else no probe would ever show that the line bears more. */
static void picture_on_a_line_for_sound_alone_is_wanted(void)
{
    forget();
    add(single, 1, 640, 360);
    run(60);
    CHECK(!sources[0].sent);
    CHECK_EQ(sum.wanted_bps, (uint32_t)(1.1 * 1000 * KBPS / 0.95 + 1));
}

static void room_of_0_7_of_a_single_point_keeps_it(void)
{
    forget();
    struct allocate_source *s = add_sent(single, 1, 0);
    add_sound(250 * KBPS, 0, false);
    run(1000);
    CHECK_EQ(s->tight_since, now);
    now += MP_S(3);
    run(1000);
    CHECK(s->sent);
    run(2000); /* there is room */
    CHECK(s->sent && s->tight_since == 0);
    sounds[0].bps++;
    run(1000);
    now += MP_S(2) - 1;
    run(1000);
    CHECK(s->sent);
    CHECK_EQ(sum.picture_bps, 1000 * KBPS);
    now += 1;
    run(1000);
    CHECK(!s->sent && s->tight_since == 0 && s->raised);
    CHECK_EQ(s->reason, ALLOCATE_BANDWIDTH);
}

static void least_points_of_an_unknown_line_are_summed(void)
{
    forget();
    struct allocate_source *s = add_sent(single, 1, 0);
    s->tight_since = now - 1;
    add(sizes, 3, 640, 360);
    line.unknown = true;
    run(100);
    CHECK_EQ(sum.picture_bps, 1100 * KBPS);
    CHECK(s->sent && s->tight_since == 0);
}

static void tile_is_out_of_sight_after_2_s(void)
{
    forget();
    struct allocate_source *s = add_sent(sizes, 3, 0);
    s->visible = false;
    s->hidden_since = now - MP_S(2) + 1;
    run(1000);
    CHECK(s->sent && s->raised);
    s->hidden_since -= 1;
    run(1000);
    CHECK(!s->sent && s->reason == ALLOCATE_HIDDEN && s->raised == 0);
}

static void tile_that_was_just_hidden_comes_last(void)
{
    forget();
    struct allocate_source *hidden = add_camera(720), *shown = add_camera(180);
    hidden->visible = false;
    hidden->hidden_since = now;
    run(130);
    CHECK(shown->sent && !hidden->sent);
}

static void half_of_the_largest_tile_is_not_large(void)
{
    forget();
    struct allocate_source *half = add(camera, 6, 320, 360), *large = add(camera, 6, 640, 360),
                           *speaks = add_camera(180);
    speaks->speaker = 1;
    run(240);
    CHECK(large->sent && speaks->sent && !half->sent);
    forget();
    half = add(camera, 6, 321, 360);
    large = add(camera, 6, 640, 360);
    speaks = add_camera(180);
    speaks->speaker = 1;
    run(240);
    CHECK(large->sent && !speaks->sent && half->sent);
}

static void speakers_come_in_their_order_whatever_their_size(void)
{
    static const uint8_t order[] = {3, 1, 4, 2, 255, 0};
    static const uint32_t heights[] = {170, 90, 110, 180, 100, 180};
    for (unsigned fit = 1; fit <= 6; fit++) {
        forget();
        add_camera(720); /* the largest tile is first */
        for (int i = 0; i < 6; i++)
            add_camera(heights[i])->speaker = order[i];
        run((fit + 1) * 116);
        CHECK(sources[0].sent);
        for (unsigned i = 0; i < 6; i++) {
            unsigned place = order[i] == 0 ? 6 : order[i] == 255 ? 5 : order[i];
            CHECK_EQ(sources[i + 1].sent, place <= fit);
        }
    }
}

static void first_of_equals_comes_first(void)
{
    forget();
    add_camera(180)->speaker = 255;
    add_camera(180);
    sources[0].speaker = 0;
    sources[1].speaker = 255;
    run(130);
    CHECK(!sources[0].sent && sources[1].sent);
    sources[1].speaker = 0;
    sources[1].sent = false;
    sources[1].raised = 0;
    run(130);
    CHECK(sources[0].sent && !sources[1].sent);
    forget();
    add_sent(sizes, 3, 0);
    add_sent(sizes, 3, 0);
    pass(3000, 500); /* 475: 1.1 of 300 and 100 fit */
    CHECK_EQ(sources[0].point, 1);
    CHECK_EQ(sources[1].point, 0);
}

static void narrow_tile_gets_its_height(void)
{
    forget();
    struct allocate_source *s = add(sizes, 3, 10, 720), *other = add_camera(720);
    pass(12000, 20000);
    CHECK_EQ(s->point, 2);
    CHECK_EQ(other->point, 5);
}

static void rise_that_holds_ends_the_count_of_failures(void)
{
    for (int failed = 0; failed < 2; failed++) {
        forget();
        struct allocate_source *s = add_sent(sizes, 3, 0);
        line.proven = true;
        s->bars = 2;
        s->barred_point = 2;
        s->failed = failed;
        s->barred_until = now;
        run(5000);
        CHECK_EQ(s->point, 1); /* below the bar: says nothing */
        CHECK(s->bars == 2 && s->failed == failed);
        now += MP_S(2);
        run(5000);
        CHECK_EQ(s->point, 2);
        CHECK_EQ(s->bars, failed ? 2 : 0);
        CHECK(!s->failed);
    }
}

static void overuse_within_8_s_bars_the_point(void)
{
    static const mp_time lasts[] = {MP_S(10), MP_S(20), MP_S(40)};
    for (uint8_t bars = 0; bars < 3; bars++) {
        forget();
        struct allocate_source *s = add_sent(sizes, 3, 2);
        s->bars = bars;
        s->raised = now - MP_S(8);
        allocate_overuse(sources, count, now);
        CHECK(!s->failed && s->barred_until == 0);
        s->raised += 1;
        allocate_overuse(sources, count, now);
        CHECK(s->failed && s->barred_point == 2 && s->blamed == s->raised);
        CHECK_EQ(s->barred_until - now, lasts[bars]);
        CHECK_EQ(s->bars, bars < 2 ? bars + 1 : 2);
        s->barred_until = 0;
        allocate_overuse(sources, count, now); /* the same rise is not blamed twice */
        CHECK_EQ(s->barred_until, 0);
        s->blamed = 0;
        s->sent = false;
        allocate_overuse(sources, count, now);
        CHECK_EQ(s->barred_until, 0);
    }
}

static void rises_that_fit_no_longer_begin_to_wait_anew(void)
{
    forget();
    struct allocate_source *s = add_sent(camera, 6, 0);
    s->fits_since[0] = s->fits_since[1] = now - 1;
    run(110);
    CHECK(s->sent && s->fits_since[0] == 0 && s->fits_since[1] == 0);
}

static void wanted_is_the_next_step_with_sounds_and_retransmissions(void)
{
    forget();
    struct allocate_source *s = add(single, 1, 0, 0);
    add_sound(50 * KBPS, 0, false);
    line.retransmitted_bps = 10 * KBPS;
    run(500);
    CHECK_EQ(sum.wanted_bps, (1100 + 50 + 10) * KBPS / 0.95 + 1);
    s->raised = now;
    run(500);
    CHECK_EQ(sum.wanted_bps, (1200 + 50 + 10) * KBPS / 0.95 + 1);
    add_sound(600 * KBPS, 1, false);
    run(500);
    CHECK_EQ(sum.wanted_bps, (uint32_t)((715 + 10) * KBPS / 0.95 + 1));
}

TEST_MAIN(TEST(wide_line_shows_what_the_tile_needs_and_no_more), TEST(first_picture_comes_at_once),
          TEST(everyone_gets_the_least_before_anyone_gets_more), TEST(sound_comes_before_pictures),
          TEST(too_many_sounds_leave_the_least_loud_out_but_never_the_dominant),
          TEST(one_sound_is_always_sent), TEST(sound_that_was_left_out_needs_room_to_spare),
          TEST(no_picture_is_sent_while_a_sound_does_not_fit), TEST(least_points_fit_an_unknown_line),
          TEST(screens_and_pinned_come_first), TEST(speaker_comes_before_others_of_its_size),
          TEST(tile_that_lacks_more_steps_up_first), TEST(hidden_tile_costs_nothing_after_2_s),
          TEST(falls_at_once_and_rises_after_a_second_of_room), TEST(rate_rises_where_size_does_not_fit),
          TEST(probe_that_proved_the_room_spares_the_second), TEST(source_steps_up_in_size_once_in_2_s),
          TEST(step_that_was_followed_by_overuse_is_barred_10_20_40_s),
          TEST(camera_is_smooth_before_it_is_large),
          TEST(single_layer_is_paused_after_2_s_and_resumes_at_1_2), TEST(silent_publisher_is_said),
          TEST(retransmissions_take_at_most_15_percent), TEST(most_frames_are_kept_to),
          TEST(whatever_comes_the_sum_fits), TEST(pictures_need_60_kbit),
          TEST(sounds_that_fit_exactly_are_sent), TEST(rank_counts_before_what_was_left_out),
          TEST(frame_rate_bounds_only_what_has_a_slower_point_of_its_size),
          TEST(picture_of_nine_tenths_of_the_tile_is_enough), TEST(fourteen_frames_are_not_smooth),
          TEST(smoothness_comes_before_size_where_both_would_fit), TEST(size_next_to_the_least_is_a_step),
          TEST(bar_ends_at_its_time), TEST(proven_room_needs_nothing_to_spare),
          TEST(picture_that_was_paused_waits_a_second_and_what_rose_two),
          TEST(what_is_sent_stays_where_it_fits_exactly), TEST(picture_on_a_line_for_sound_alone_is_wanted),
          TEST(room_of_0_7_of_a_single_point_keeps_it), TEST(least_points_of_an_unknown_line_are_summed),
          TEST(tile_is_out_of_sight_after_2_s), TEST(tile_that_was_just_hidden_comes_last),
          TEST(half_of_the_largest_tile_is_not_large), TEST(speakers_come_in_their_order_whatever_their_size),
          TEST(first_of_equals_comes_first), TEST(narrow_tile_gets_its_height),
          TEST(rise_that_holds_ends_the_count_of_failures), TEST(overuse_within_8_s_bars_the_point),
          TEST(rises_that_fit_no_longer_begin_to_wait_anew),
          TEST(wanted_is_the_next_step_with_sounds_and_retransmissions))
