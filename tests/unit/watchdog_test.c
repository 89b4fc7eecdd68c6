/* The watchdog's thread and its messages to a service manager. */
#include "server/watchdog.h"
#include "base/log.h"
#include "net/clock.h"
#include "net/notify.h"
#include "tests/unit/counter.h"
#include "tests/unit/test.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager;

static void open_manager(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t len = sizeof a;
    char name[64];
    struct timeval patience = {.tv_sec = 20};
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(bind(manager, (struct sockaddr *)&a, sizeof a.sun_family) ==
          0); /* the kernel chooses an abstract name */
    CHECK(getsockname(manager, (struct sockaddr *)&a, &len) == 0);
    snprintf(name, sizeof name, "@%.*s", (int)(len - sizeof a.sun_family - 1), a.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static const char *told(void)
{
    static char text[64];
    ssize_t n = recv(manager, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static _Atomic int stood, went_on;

static void keep(enum log_level level, const char *line)
{
    if (strstr(line, "thread stalled"))
        counter_raise(&stood);
    if (strstr(line, "thread running again"))
        counter_raise(&went_on);
}

static void the_manager_is_told_of_life_only_while_all_is_well(void)
{
    struct pulse pulse = {0};
    open_manager();
    log_setup(LOG_LEVEL_WARN, keep);
    struct watchdog *d = watchdog_new();
    CHECK(d != NULL);
    watch_add(watchdog_watch(d), "worker 0", &pulse);
    pulse_turn(&pulse, clock_now() - WATCH_SICK);
    CHECK(watchdog_start(d));
    CHECK(strcmp(told(), "READY=1") == 0);
    CHECK(counter_reaches(&stood, 1));
    CHECK(watch_sick(watchdog_watch(d), clock_now()) != NULL);
    pulse_turn(&pulse, clock_now() + MP_S(100));
    CHECK(strcmp(told(), "WATCHDOG=1") == 0);
    CHECK_EQ(went_on, 1);
    CHECK(strcmp(told(), "WATCHDOG=1") == 0);
    watchdog_stop(d);
    CHECK(strcmp(told(), "STOPPING=1") == 0);
    watchdog_free(d);
    close(manager);
    log_setup(LOG_LEVEL_WARN, NULL);
}

static void a_manager_that_is_gone_or_never_was_changes_nothing(void)
{
    int fd;
    open_manager();
    CHECK((fd = notify_open()) >= 0);
    close(manager);
    notify_say(fd, "READY=1");
    close(fd);
    CHECK_EQ(notify_open(), -1);
    setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
    CHECK_EQ(notify_open(), -1);
    unsetenv("NOTIFY_SOCKET");
    CHECK_EQ(notify_open(), -1);
    notify_say(-1, "READY=1");
}

TEST_MAIN(TEST(the_manager_is_told_of_life_only_while_all_is_well),
          TEST(a_manager_that_is_gone_or_never_was_changes_nothing))
