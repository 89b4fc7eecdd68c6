/* Carries IP packets between two TUN devices, each in a network namespace, as line.h decides.
 *
 *   lab-line SEED HOST:DEVICE HOST:DEVICE DOWN UP
 *
 * `down` goes from the first to the second. DOWN and UP are settings (line_parse), or several with their
 * times in s: "rate=3M delay=20ms @20 rate=500k @40 rate=3M"; each begins with those before it. The clock of
 * that schedule starts with a line "begin" on standard input; the end of the input ends the program. Each
 * second it prints what it counted, a JSON object a line. It sleeps until a packet comes or one is due. */
#include "lab/quality/line.h"
#include "net/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define BUFFERS    (2 * LINE_FLIGHT + 1)
#define EACH_TURN  64 /* packets of one device, then the other has its turn */
#define REPORT     MP_S(1)

struct buffer {
    struct buffer *next;
    unsigned char data[PACKET_MAX];
};

struct direction {
    const char *name;
    struct line line;
    int from, to;
    mp_time late_max;   /* what this program, or the machine, added to a packet's delay */
    uint64_t unwritten; /* the device at the other end did not take it */
};

static struct buffer buffers[BUFFERS], *unused;
static struct direction directions[2] = {{.name = "down"}, {.name = "up"}};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "lab-line: %s: %s\n", what, why);
    exit(2);
}

/* --- devices --- */

static void enter(const char *host)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", host);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
        die(path, strerror(errno));
    close(fd);
}

/* "HOST:DEVICE", which is there already. */
static int attach(const char *name)
{
    char host[128];
    const char *colon = strchr(name, ':');
    if (!colon || (size_t)(colon - name) >= sizeof host || strlen(colon + 1) >= IFNAMSIZ)
        die(name, "expected HOST:DEVICE");
    snprintf(host, sizeof host, "%.*s", (int)(colon - name), name);
    enter(host);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strcpy(request.ifr_name, colon + 1);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
        die(name, strerror(errno));
    return fd;
}

/* --- schedules --- */

/* The settings up to the next @, which begins a change. */
static size_t read_schedule(struct line_change *changes, char *text)
{
    size_t count = 0;
    struct line_change change = {0};
    for (char *rest = text; rest;) {
        char *next = strchr(rest, '@');
        if (next)
            *next++ = 0;
        const char *wrong = line_parse(&change.settings, rest);
        if (wrong)
            die("no such setting", wrong);
        if (count == LINE_CHANGES)
            die(text, "too many changes");
        changes[count++] = change;
        if (!next)
            break;
        char *end;
        double at = strtod(next, &end);
        if (end == next || at <= (double)change.at / 1e9 || at > 1e6)
            die("expected a later time in s", next);
        change.at = (mp_time)(at * 1e9);
        rest = end;
    }
    return count;
}

/* --- packets --- */

static void take(struct direction *d, mp_time now)
{
    for (int i = 0; i < EACH_TURN && unused; i++) {
        struct buffer *b = unused;
        ssize_t size = read(d->from, b->data, sizeof b->data);
        if (size <= 0)
            return;
        if (line_push(&d->line, b, (uint32_t)size, now) == LINE_TAKEN)
            unused = b->next;
    }
}

static void deliver(struct direction *d, mp_time now)
{
    struct buffer *b;
    uint32_t size;
    mp_time due;
    while ((b = line_pop(&d->line, &size, &due, now))) {
        d->late_max = mp_max(d->late_max, now - due);
        if (write(d->to, b->data, size) != (ssize_t)size)
            d->unwritten++;
        b->next = unused;
        unused = b;
    }
}

/* --- report --- */

static void print_direction(struct direction *d, mp_time now)
{
    struct line_counts c = line_counts(&d->line, now);
    double mean = c.waited ? (double)c.wait_sum / (double)c.waited / 1e6 : 0;
    printf(
        ",\"%s\":{\"bps\":%llu,\"came\":%llu,\"came_bytes\":%llu,\"left\":%llu,\"left_bytes\":%llu,\"lost\":%llu,"
        "\"full\":%llu,\"queue_mean_ms\":%.2f,\"queue_max_ms\":%.2f,\"late_max_ms\":%.2f,\"unwritten\":%llu}",
        d->name, (unsigned long long)d->line.settings.bps, (unsigned long long)c.came,
        (unsigned long long)c.came_bytes, (unsigned long long)c.left, (unsigned long long)c.left_bytes,
        (unsigned long long)c.lost, (unsigned long long)c.full, mean, (double)c.wait_max / 1e6,
        (double)d->late_max / 1e6, (unsigned long long)d->unwritten);
    d->late_max = 0;
    d->unwritten = 0;
}

/* `at_ms` is the end of the second, null before the schedule has begun. */
static void print_report(mp_time begun, mp_time now)
{
    if (begun == MP_NEVER)
        printf("{\"at_ms\":null");
    else
        printf("{\"at_ms\":%lld", (long long)((now - begun) / MP_MS(1)));
    for (int i = 0; i < 2; i++)
        print_direction(&directions[i], now);
    puts("}");
    fflush(stdout);
}

/* --- the loop --- */

struct run {
    mp_time begun, report;
};

/* False: the input has ended. */
static bool obey(struct run *run, mp_time now)
{
    char text[64];
    ssize_t size = read(STDIN_FILENO, text, sizeof text);
    if (size <= 0)
        return false;
    if (size < 5 || memcmp(text, "begin", 5) != 0 || run->begun != MP_NEVER)
        return true;
    print_report(run->begun, now); /* what came before counts apart */
    for (int i = 0; i < 2; i++)
        line_begin(&directions[i].line, now);
    run->begun = now;
    run->report = now + REPORT;
    return true;
}

static void wait_until(struct pollfd *fds, mp_time at)
{
    mp_time left = mp_max(0, at - clock_now());
    struct timespec timeout = {left / MP_S(1), left % MP_S(1)};
    if (ppoll(fds, 3, &timeout, NULL) < 0 && errno != EINTR)
        die("ppoll", strerror(errno));
}

static void carry(struct run *run)
{
    struct pollfd fds[3] = {
        {directions[0].from, POLLIN, 0}, {directions[1].from, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    for (;;) {
        mp_time next = mp_min(line_next(&directions[0].line), line_next(&directions[1].line));
        wait_until(fds, mp_min(next, run->report));
        mp_time now = clock_now();
        if (fds[2].revents && !obey(run, now))
            return;
        for (int i = 0; i < 2; i++) {
            take(&directions[i], now);
            deliver(&directions[i], now);
        }
        if (now >= run->report) {
            print_report(run->begun, now);
            run->report = mp_max(run->report + REPORT, now);
        }
    }
}

int main(int argc, char **argv)
{
    static struct line_change changes[LINE_CHANGES];
    if (argc != 6) {
        fputs("usage: lab-line SEED HOST:DEVICE HOST:DEVICE DOWN UP\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < BUFFERS; i++) {
        buffers[i].next = unused;
        unused = &buffers[i];
    }
    mp_time now = clock_now();
    int first = attach(argv[2]), second = attach(argv[3]);
    uint64_t seed = strtoull(argv[1], NULL, 10);
    for (size_t i = 0; i < 2; i++) {
        size_t count = read_schedule(changes, argv[4 + i]);
        line_init(&directions[i].line, changes, count, seed, i, now);
        directions[i].from = i == 0 ? first : second;
        directions[i].to = i == 0 ? second : first;
    }
    /* Browsers share the machine: a packet that this program delays is one that the line delays. */
    setpriority(PRIO_PROCESS, 0, -15);
    prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct run run = {MP_NEVER, now + REPORT};
    puts("ready");
    fflush(stdout);
    carry(&run);
    print_report(run.begun, clock_now());
    return 0;
}
