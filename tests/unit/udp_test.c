#include "net/udp.h"
#include "base/limits.h"
#include "net/clock.h"
#include "tests/unit/test.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Replaces the system calls (linked with --wrap) to return errors of the test's choice. */
int __real_sendmmsg(int, struct mmsghdr *, unsigned, int);
ssize_t __real_sendmsg(int, const struct msghdr *, int);
int __wrap_sendmmsg(int, struct mmsghdr *, unsigned, int);
ssize_t __wrap_sendmsg(int, const struct msghdr *, int);

/* errno for messages with control data of GSO; every n-th message: EAGAIN */
static int refuse_runs_with, refuse_every;
static unsigned calls, messages, offered; /* offered: messages of all calls */

static int refused(const struct msghdr *m)
{
    messages++;
    if (refuse_every && messages % (unsigned)refuse_every == 0)
        return EAGAIN;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c && refuse_runs_with;
         c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)m, c))
        if (c->cmsg_level == 17)
            return refuse_runs_with;
    return 0;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
    calls++;
    offered += n;
    for (unsigned i = 0; i < n; i++) {
        int e = refused(&m[i].msg_hdr);
        if (e && i == 0) {
            errno = e;
            return -1;
        }
        if (e)
            return __real_sendmmsg(fd, m, i, flags);
    }
    return __real_sendmmsg(fd, m, n, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
    int e = refused(m);
    calls++;
    offered++;
    if (e) {
        errno = e;
        return -1;
    }
    return __real_sendmsg(fd, m, flags);
}

/* --- two sockets on loopback --- */

#define DATAGRAMS_MAX 512

static struct {
    size_t len;
    uint8_t first;
    struct path path;
    mp_time arrival;
} got[DATAGRAMS_MAX];
static size_t got_count;

static void note(void *context, const struct path *path, const uint8_t *data, size_t len, mp_time arrival)
{
    if (got_count == DATAGRAMS_MAX)
        return;
    got[got_count].len = len;
    got[got_count].first = data[0];
    got[got_count].arrival = arrival;
    got[got_count++].path = *path;
}

static void receive(struct udp *u, size_t wanted)
{
    struct pollfd p = {.fd = udp_fd(u), .events = POLLIN};
    while (got_count < wanted && poll(&p, 1, 2000) > 0)
        udp_receive(u, note, NULL, clock_now());
}

static struct udp *open_at(const char *ip, uint16_t port, enum udp_sending sending, struct address *a)
{
    const char *error = "";
    CHECK(address_parse(a, ip, port));
    struct udp *u = udp_open(a, sending, &error);
    if (!u)
        printf("# %s\n", error);
    CHECK(u != NULL);
    return u;
}

static uint8_t data[8][20000];

/* Runs of different lengths: 5 x 1000, one of 200, 16 x 1200 and a shorter last, 3 x 50. */
static size_t runs(struct transmit *t, const struct address *from, const struct address *to)
{
    static const struct {
        uint32_t len;
        uint16_t segment;
    } shapes[] = {{5000, 1000}, {200, 200}, {16 * 1200 - 700, 1200}, {150, 50}};
    uint8_t number = 0;
    for (size_t i = 0; i < 4; i++) {
        for (uint32_t at = 0; at < shapes[i].len; at += shapes[i].segment)
            data[i][at] = number++;
        t[i] = (struct transmit){.path = {.local = *from, .remote = *to},
                                 .data = data[i],
                                 .len = shapes[i].len,
                                 .segment = shapes[i].segment};
    }
    return number;
}

static void check_all_arrive(enum udp_sending sending, const char *ip, size_t lost)
{
    struct address a, b;
    struct transmit t[4];
    struct udp_sent sent = {0};
    struct udp *from = open_at(ip, 45001, sending, &a), *to = open_at(ip, 45002, UDP_RUNS, &b);
    calls = messages = offered = 0;
    got_count = 0;
    size_t total = runs(t, &a, &b);
    CHECK_EQ(total, 25);
    udp_send(from, t, 4, &sent);
    receive(to, total - lost);
    CHECK_EQ(got_count, total - lost);
    CHECK_EQ(sent.datagrams, total - lost);
    CHECK_EQ(sent.errors, lost);
    for (size_t i = 0; i < got_count && !lost; i++) {
        CHECK_EQ(got[i].first, i);
        CHECK_EQ(got[i].len, i < 5 ? 1000 : i == 5 ? 200 : i < 21 ? 1200 : i == 21 ? 500 : 50);
        CHECK(address_equal(&got[i].path.remote, &a) && address_equal(&got[i].path.local, &b));
    }
    udp_close(from);
    udp_close(to);
}

static void runs_arrive_as_their_datagrams(void)
{
    refuse_runs_with = refuse_every = 0;
    check_all_arrive(UDP_RUNS, "127.0.0.1", 0);
    CHECK_EQ(calls, 1);
    check_all_arrive(UDP_RUNS, "::1", 0);
}

static void without_segmentation_the_same_arrive(void)
{
    check_all_arrive(UDP_BATCHES, "127.0.0.1", 0);
    CHECK_EQ(calls, 1);
    check_all_arrive(UDP_SINGLY, "127.0.0.1", 0);
    CHECK_EQ(calls, 25);
}

static void refused_segmentation_falls_back(void)
{
    static const int reasons[] = {EIO, EINVAL, EMSGSIZE, EOPNOTSUPP};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        refuse_runs_with = reasons[i];
        check_all_arrive(UDP_RUNS, "127.0.0.1", 0);
    }
    refuse_runs_with = 0;
}

/* Linux before 6.14 says EINVAL to a run of datagrams over the MTU. */
static void run_of_oversized_datagrams_takes_no_runs_away(void)
{
    struct address a, b;
    struct udp_sent sent = {0};
    struct udp *from = open_at("127.0.0.1", 45006, UDP_RUNS, &a),
               *to = open_at("127.0.0.1", 45007, UDP_RUNS, &b);
    struct transmit t = {
        .path = {.local = a, .remote = b}, .data = data[0], .len = 3 * 1500, .segment = 1500};
    refuse_runs_with = EINVAL;
    got_count = 0;
    udp_send(from, &t, 1, &sent);
    receive(to, 3);
    CHECK_EQ(sent.datagrams, 3);
    refuse_runs_with = 0;
    t.segment = 1000;
    sent.operations = 0;
    udp_send(from, &t, 1, &sent);
    CHECK_EQ(sent.operations, 1);
    udp_close(from);
    udp_close(to);
}

static void full_buffers_are_loss_and_nothing_waits(void)
{
    refuse_every = 5; /* 25 datagrams, each fifth message refused */
    check_all_arrive(UDP_SINGLY, "127.0.0.1", 5);
    refuse_every = 1;
    check_all_arrive(UDP_BATCHES, "127.0.0.1", 25);
    CHECK(offered <= 2 * 25); /* messages behind a refused one are not prepared again each time */
    refuse_every = 0;
}

static void answers_leave_from_the_address_that_was_asked(void)
{
    struct address any, loop, to;
    struct udp_sent sent = {0};
    memset(&any, 0, sizeof any);
    struct udp *client = open_at("127.0.0.1", 45003, UDP_RUNS, &loop);
    const char *error;
    any.port = 45004;
    struct udp *server = udp_open(&any, UDP_RUNS, &error);
    CHECK(address_parse(&to, "127.0.0.7", 45004));
    CHECK(server != NULL);
    struct transmit t = {.path = {.local = loop, .remote = to}, .data = data[0], .len = 40, .segment = 40};
    got_count = 0;
    udp_send(client, &t, 1, &sent);
    receive(server, 1);
    CHECK(got_count == 1 && address_equal(&got[0].path.local, &to));
    t.path = got[0].path;
    got_count = 0;
    udp_send(server, &t, 1, &sent);
    receive(client, 1);
    CHECK(got_count == 1 && address_equal(&got[0].path.remote, &to));
    udp_close(client);
    udp_close(server);
}

static void count_one(void *context, const struct path *path, const uint8_t *bytes, size_t len,
                      mp_time arrival)
{
    ++*(size_t *)context;
}

/* The kernel drops and counts datagrams for a full socket: received and dropped add up. */
static void what_the_socket_has_no_room_for_is_counted(void)
{
    struct address a, b;
    struct transmit flood[64];
    struct udp_sent sent = {0};
    struct udp *from = open_at("127.0.0.1", 45008, UDP_BATCHES, &a),
               *to = open_at("127.0.0.1", 45009, UDP_RUNS, &b);
    size_t received = 0;
    CHECK_EQ(udp_dropped(to), 0);
    for (size_t i = 0; i < 64; i++)
        flood[i] = (struct transmit){
            .path = {.local = a, .remote = b}, .data = data[0], .len = 1200, .segment = 1200};
    for (int i = 0; i < 300; i++)
        udp_send(from, flood, 64, &sent);
    uint32_t dropped = udp_dropped(to);
    CHECK(dropped > 0);
    while (udp_receive(to, count_one, &received, clock_now()))
        ;
    CHECK_EQ(received + dropped, sent.datagrams);
    CHECK_EQ(udp_dropped(to), 0);
    udp_close(from);
    udp_close(to);
}

static void datagrams_that_wait_are_told_to_have_come_before(void)
{
    struct address a, b;
    struct udp_sent sent = {0};
    struct udp *from = open_at("127.0.0.1", 45010, UDP_RUNS, &a),
               *to = open_at("127.0.0.1", 45011, UDP_RUNS, &b);
    mp_time begun[2], done[2];
    for (int i = 0; i < 2; i++) { /* different lengths: not coalesced */
        begun[i] = clock_now();
        uint32_t len = 100 + 10 * (uint32_t)i;
        udp_send(
            from,
            &(struct transmit){
                .path = {.local = a, .remote = b}, .data = data[0], .len = len, .segment = (uint16_t)len},
            1, &sent);
        done[i] = clock_now();
        while (clock_now() < done[i] + MP_MS(20))
            ;
    }
    got_count = 0;
    receive(to, 2);
    CHECK_EQ(got_count, 2);
    for (int i = 0; i < 2; i++) /* within the error of reading the two clocks one after the other */
        CHECK(got[i].arrival > begun[i] - MP_MS(5) && got[i].arrival < done[i] + MP_MS(5));
    udp_close(from);
    udp_close(to);
}

static void port_in_use_is_told(void)
{
    struct address a;
    const char *error = NULL;
    struct udp *u = open_at("127.0.0.1", 45005, UDP_RUNS, &a);
    CHECK(!udp_probe(&a, &error) && error && *error);
    udp_close(u);
    CHECK(udp_probe(&a, &error));
}

TEST_MAIN(TEST(runs_arrive_as_their_datagrams), TEST(without_segmentation_the_same_arrive),
          TEST(refused_segmentation_falls_back), TEST(run_of_oversized_datagrams_takes_no_runs_away),
          TEST(full_buffers_are_loss_and_nothing_waits), TEST(answers_leave_from_the_address_that_was_asked),
          TEST(what_the_socket_has_no_room_for_is_counted),
          TEST(datagrams_that_wait_are_told_to_have_come_before), TEST(port_in_use_is_told))
