/* What the kernel alone takes for a load: nothing read, nothing encrypted. What the server takes on the same
 * machine is to be seen beside it.
 *
 *   bench-floor receive      a socket for each viewer, read by the clock as monoport-load does
 *   bench-floor send ADDRESS VIEWERS RUN SIZE EVERY
 *                            a run of RUN datagrams of SIZE bytes for each, every EVERY µs; prints µs of CPU
 *                            a
 *                            datagram */
#include "net/clock.h"
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define VIEWERS_MAX 400
#define BATCH       64
#define RUN_MAX     16
#define PACKET_MAX  1200
#define FIRST_PORT  20000
#define BUFFER      (4 * 1024 * 1024)
#define READ_EVERY  10000 /* µs */
#define MEASURED    MP_S(2)

static struct sockaddr_in6 viewer(const char *ip, int number)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(FIRST_PORT + number))};
    char mapped[64];
    snprintf(mapped, sizeof mapped, "::ffff:%s", ip);
    if (inet_pton(AF_INET6, mapped, &a.sin6_addr) != 1) {
        fprintf(stderr, "bench-floor: %s is no IPv4 address\n", ip);
        exit(2);
    }
    return a;
}

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static int receive(void)
{
    static char data[65535];
    int fds[VIEWERS_MAX], one = 1, size = BUFFER;
    for (int i = 0; i < VIEWERS_MAX; i++) {
        struct sockaddr_in6 a = viewer("0.0.0.0", i);
        fds[i] = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&a, sizeof a) != 0)
            return fail("bind");
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        setsockopt(fds[i], IPPROTO_UDP, UDP_GRO, &one, sizeof one);
        setsockopt(fds[i], SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    }
    puts("ready");
    fflush(stdout);
    for (;;) { /* until it is killed */
        usleep(READ_EVERY);
        for (int i = 0; i < VIEWERS_MAX; i++)
            while (recv(fds[i], data, sizeof data, 0) > 0)
                ;
    }
}

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec iov[BATCH];
    struct {
        _Alignas(struct cmsghdr) uint8_t data[CMSG_SPACE(sizeof(uint16_t))];
    } control[BATCH];
    struct sockaddr_in6 to[VIEWERS_MAX];
    uint8_t data[BATCH][RUN_MAX * PACKET_MAX];
};

struct load {
    unsigned viewers, run, size, every_us;
};

static void prepare(struct batch *b, unsigned slot, unsigned number, const struct load *l)
{
    struct msghdr *h = &b->messages[slot].msg_hdr;
    uint16_t segment = (uint16_t)l->size;
    b->iov[slot] = (struct iovec){b->data[slot], l->run * l->size};
    *h = (struct msghdr){.msg_iov = &b->iov[slot],
                         .msg_iovlen = 1,
                         .msg_name = &b->to[number],
                         .msg_namelen = sizeof b->to[0]};
    if (l->run == 1)
        return;
    h->msg_control = b->control[slot].data;
    h->msg_controllen = sizeof b->control[slot].data;
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(c), &segment, sizeof segment);
}

static bool send_round(int fd, struct batch *b, const struct load *l)
{
    for (unsigned first = 0; first < l->viewers; first += BATCH) {
        unsigned n = l->viewers - first < BATCH ? l->viewers - first : BATCH;
        for (unsigned i = 0; i < n; i++)
            prepare(b, i, first + i, l);
        for (unsigned at = 0; at < n;) {
            int sent = sendmmsg(fd, b->messages + at, n - at, 0);
            if (sent <= 0)
                return false;
            at += (unsigned)sent;
        }
    }
    return true;
}

static int transmit(const char *ip, const struct load *l)
{
    struct batch *b = calloc(1, sizeof *b);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), size = BUFFER;
    if (!b || fd < 0)
        return fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    for (unsigned i = 0; i < l->viewers; i++)
        b->to[i] = viewer(ip, (int)i);
    mp_time used = 0, end = clock_now() + MEASURED;
    uint64_t datagrams = 0;
    while (clock_now() < end) {
        mp_time before = clock_thread_cpu();
        if (!send_round(fd, b, l))
            return fail("send");
        used += clock_thread_cpu() - before;
        datagrams += l->viewers * l->run;
        usleep(l->every_us);
    }
    printf("%.3f\n", (double)used / 1000 / (double)datagrams);
    free(b);
    close(fd);
    return 0;
}

static unsigned number(const char *text) { return (unsigned)strtoul(text, NULL, 10); }

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "receive") == 0)
        return receive();
    struct load l = {0};
    if (argc == 7 && strcmp(argv[1], "send") == 0)
        l = (struct load){number(argv[3]), number(argv[4]), number(argv[5]), number(argv[6])};
    if (l.viewers >= 1 && l.viewers <= VIEWERS_MAX && l.run >= 1 && l.run <= RUN_MAX && l.size >= 1 &&
        l.size <= PACKET_MAX)
        return transmit(argv[2], &l);
    fputs("usage: bench-floor receive | send ADDRESS VIEWERS RUN SIZE EVERY\n", stderr);
    return 2;
}
