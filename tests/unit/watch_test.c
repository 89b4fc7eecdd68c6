#include "base/watch.h"
#include "base/log.h"
#include "tests/unit/test.h"
#include <stdlib.h>

static char said[1024];

static void keep(enum log_level level, const char *line)
{
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%s\n", line);
}

static struct watch watch;
static struct pulse one, two;
static mp_time now;

static void begin(void)
{
    memset(&watch, 0, sizeof watch);
    now = MP_S(100);
    pulse_turn(&one, now);
    pulse_turn(&two, now);
    watch_add(&watch, "worker 0", &one);
    watch_add(&watch, "worker 1", &two);
    *said = 0;
}

/* Calls the watch at its interval for so long; `turns` beats meanwhile. */
static void pass(mp_time time, struct pulse *turns)
{
    for (mp_time end = now + time; now < end;) {
        now += WATCH_LOOK;
        if (turns)
            pulse_turn(turns, now);
        watch_look(&watch, now);
    }
}

static void a_thread_that_stands_still_is_told_once_and_when_it_goes_on(void)
{
    begin();
    pass(MP_S(5), &one);
    CHECK(strstr(said, "event=\"thread stalled\" thread=\"worker 1\" ms=500\n"));
    CHECK(!strstr(strstr(said, "worker 1") + 1, "worker"));
    *said = 0;
    pulse_turn(&two, now);
    pass(WATCH_LOOK, &one);
    CHECK(strstr(said, "event=\"thread running again\" thread=\"worker 1\" ms=5250\n"));
    *said = 0;
    pulse_turn(&two, now + MP_S(10));
    pass(MP_S(5), &one);
    CHECK_EQ(*said, 0);
}

static void who_sleeps_is_not_late_before_its_time(void)
{
    begin();
    pulse_turn(&two, now + MP_S(1));
    pass(MP_S(1) + WATCH_LATE - WATCH_LOOK, &one);
    CHECK_EQ(*said, 0);
    pass(WATCH_LOOK, &one);
    CHECK(strstr(said, "worker 1"));
}

static void who_has_not_begun_or_has_ended_is_not_watched(void)
{
    begin();
    pulse_turn(&two, 0);
    pass(MP_S(10), &one);
    CHECK_EQ(*said, 0);
}

static void a_process_that_was_stopped_blames_nobody(void)
{
    begin();
    pass(MP_S(1), &one);
    pulse_turn(&two, now);
    pass(WATCH_LOOK, &one);
    *said = 0;
    now += MP_S(30);
    watch_look(&watch, now);
    CHECK(strcmp(said, "level=warn event=\"process was stalled\" ms=29750\n") == 0);
    CHECK(!watch_sick(&watch, now));
    pulse_turn(&one, now);
    pass(WATCH_LOOK, &one);
    CHECK(strstr(said, "thread=\"worker 1\"")); /* this one still does not turn */
    CHECK(!strstr(said, "thread=\"worker 0\""));
}

static void sick_is_who_stands_still_for_long(void)
{
    begin();
    pass(WATCH_SICK - WATCH_LOOK, &one);
    CHECK(!watch_sick(&watch, now));
    pass(WATCH_LOOK, &one);
    CHECK(watch_sick(&watch, now) && strcmp(watch_sick(&watch, now), "worker 1") == 0);
    pulse_turn(&two, now);
    pass(WATCH_LOOK, &one);
    CHECK(!watch_sick(&watch, now));
}

static void the_metrics_name_each_thread(void)
{
    char *text = NULL;
    size_t len;
    begin();
    pass(MP_S(3), &one);
    now += MP_S(10);
    watch_look(&watch, now);
    FILE *f = open_memstream(&text, &len);
    watch_metrics(&watch, f, now);
    fclose(f);
    CHECK(strstr(text, "monoport_thread_late_seconds{thread=\"worker 0\"} 10.000\n"));
    CHECK(strstr(text, "monoport_thread_late_seconds{thread=\"worker 1\"} 13.000\n"));
    CHECK(strstr(text, "monoport_thread_stalls_total{thread=\"worker 0\"} 0\n"));
    CHECK(strstr(text, "monoport_thread_stalls_total{thread=\"worker 1\"} 1\n"));
    CHECK(strstr(text, "\nmonoport_process_stalls_total 1\n"));
    free(text);
}

int main(void)
{
    static const struct test tests[] = {TEST(a_thread_that_stands_still_is_told_once_and_when_it_goes_on),
                                        TEST(who_sleeps_is_not_late_before_its_time),
                                        TEST(who_has_not_begun_or_has_ended_is_not_watched),
                                        TEST(a_process_that_was_stopped_blames_nobody),
                                        TEST(sick_is_who_stands_still_for_long),
                                        TEST(the_metrics_name_each_thread)};
    log_setup(LOG_LEVEL_WARN, keep);
    return run_tests(tests, sizeof tests / sizeof *tests);
}
