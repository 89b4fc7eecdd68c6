/* What the kernel alone takes for the load of 1 to 400: datagrams of 1200 bytes, nothing read, nothing
 * encrypted. What the server takes on the same machine is to be seen beside it.
 *
 *   bench-floor receive                  a socket for each viewer, read by the clock as monoport-load does
 *   bench-floor send ADDRESS RUN EVERY   a run of RUN datagrams for each, every EVERY µs; prints µs of CPU a
 * datagram */
#include "clock.h"
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

#define VIEWERS    400
#define BATCH      64
#define RUN_MAX    16
#define SIZE       1200
#define FIRST_PORT 20000
#define BUFFER     (4 * 1024 * 1024)
#define READ_EVERY 10000 /* µs */
#define MEASURED   MP_S(2)

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
    int fds[VIEWERS], one = 1, size = BUFFER;
    for (int i = 0; i < VIEWERS; i++) {
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
        for (int i = 0; i < VIEWERS; i++)
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
    struct sockaddr_in6 to[VIEWERS];
    uint8_t data[BATCH][RUN_MAX * SIZE];
};

static void prepare(struct batch *b, int slot, int number, unsigned run)
{
    struct msghdr *h = &b->messages[slot].msg_hdr;
    uint16_t segment = SIZE;
    b->iov[slot] = (struct iovec){b->data[slot], run * SIZE};
    *h = (struct msghdr){.msg_iov = &b->iov[slot],
                         .msg_iovlen = 1,
                         .msg_name = &b->to[number],
                         .msg_namelen = sizeof b->to[0]};
    if (run == 1)
        return;
    h->msg_control = b->control[slot].data;
    h->msg_controllen = sizeof b->control[slot].data;
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(c), &segment, sizeof segment);
}

static bool send_round(int fd, struct batch *b, unsigned run)
{
    for (int first = 0; first < VIEWERS; first += BATCH) {
        int n = VIEWERS - first < BATCH ? VIEWERS - first : BATCH;
        for (int i = 0; i < n; i++)
            prepare(b, i, first + i, run);
        for (int at = 0, sent; at < n; at += sent)
            if ((sent = sendmmsg(fd, b->messages + at, (unsigned)(n - at), 0)) <= 0)
                return false;
    }
    return true;
}

static int transmit(const char *ip, unsigned run, unsigned every_us)
{
    struct batch *b = calloc(1, sizeof *b);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), size = BUFFER;
    if (!b || fd < 0)
        return fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    for (int i = 0; i < VIEWERS; i++)
        b->to[i] = viewer(ip, i);
    mp_time used = 0, end = clock_now() + MEASURED;
    uint64_t datagrams = 0;
    while (clock_now() < end) {
        mp_time before = clock_thread_cpu();
        if (!send_round(fd, b, run))
            return fail("send");
        used += clock_thread_cpu() - before;
        datagrams += VIEWERS * run;
        usleep(every_us);
    }
    printf("%.3f\n", (double)used / 1000 / (double)datagrams);
    free(b);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "receive") == 0)
        return receive();
    unsigned run = argc == 5 ? (unsigned)atoi(argv[3]) : 0;
    if (argc == 5 && strcmp(argv[1], "send") == 0 && run >= 1 && run <= RUN_MAX)
        return transmit(argv[2], run, (unsigned)atoi(argv[4]));
    fputs("usage: bench-floor receive | send ADDRESS RUN EVERY\n", stderr);
    return 2;
}
