/* Reads a client's socket: coalesced datagrams (GRO), each message with the time when the kernel received
 * it. */
#include "load/media_internal.h"
#include "net/clock.h"
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define RECEIVE_BUFFER (2 * 1024 * 1024)
#define BUNDLES        8 /* messages of coalesced datagrams in one receive call */
#define BUNDLE_SIZE    65535

struct media_receiver {
    struct mmsghdr messages[BUNDLES];
    struct iovec iov[BUNDLES];
    struct {
        _Alignas(struct cmsghdr) uint8_t data[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec))];
    } control[BUNDLES];
    uint8_t data[BUNDLES][BUNDLE_SIZE];
};

struct media_receiver *media_receiver_new(void)
{
    struct media_receiver *r = calloc(1, sizeof *r);
    for (unsigned i = 0; r && i < BUNDLES; i++) {
        r->iov[i] = (struct iovec){r->data[i], BUNDLE_SIZE};
        r->messages[i].msg_hdr = (struct msghdr){.msg_iov = &r->iov[i], .msg_iovlen = 1};
    }
    return r;
}

void media_receiver_free(struct media_receiver *r) { free(r); }

void media_receiver_options(int fd)
{
    int one = 1, size = RECEIVE_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
}

/* The length of each coalesced datagram, and the time of receipt in our monotonic time. */
static void read_control(struct msghdr *h, mp_time wall, size_t *segment, mp_time *arrival)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;
            memcpy(&size, CMSG_DATA(c), sizeof size);
            if (size > 0)
                *segment = (size_t)size;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            *arrival = MP_S(t.tv_sec) + t.tv_nsec - wall;
        }
    }
}

bool media_receiver_read(struct media_receiver *r, int fd, mp_time wall, media_receiver_each *each,
                         void *context, mp_time now)
{
    for (unsigned i = 0; i < BUNDLES; i++) {
        r->messages[i].msg_hdr.msg_control = r->control[i].data;
        r->messages[i].msg_hdr.msg_controllen = sizeof r->control[i].data;
    }
    int n = recvmmsg(fd, r->messages, BUNDLES, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        size_t len = r->messages[i].msg_len, segment = len;
        mp_time arrival = now;
        read_control(&r->messages[i].msg_hdr, wall, &segment, &arrival);
        for (size_t at = 0; at < len; at += segment)
            each(context, r->data[i] + at, len - at < segment ? len - at : segment, arrival);
    }
    return n == BUNDLES;
}
