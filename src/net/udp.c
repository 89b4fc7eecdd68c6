#include "net/udp.h"
#include "base/limits.h"
#include "net/addresses.h"
#include "net/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#define MEMINFO_DROPS 8 /* SK_MEMINFO_DROPS */
#define MEMINFO_COUNT 9

#define GRO_SIZE      65535
#define SOCKET_BUFFER (4 * 1024 * 1024) /* the default holds about 90 datagrams: one burst of a busy room */
#define OLDEST        MP_S(1)           /* no datagram waits that long: the wall clock changed meanwhile */

struct udp_control {
    _Alignas(struct cmsghdr)
        uint8_t data[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)) +
                     CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec))];
};

struct udp {
    int fd;
    bool v4_only; /* bound to an IPv4 address, or a kernel without IPv6 */
    bool gso;     /* wanted, and the kernel has not refused it so far */
    bool named;   /* bound to one address, the local address of every datagram */
    size_t batch; /* messages of one call */
    struct address listen;
    uint32_t dropped; /* the kernel's count, which wraps */
    struct mmsghdr rx[RX_BATCH];
    struct iovec rx_iov[RX_BATCH];
    struct sockaddr_in6 rx_from[RX_BATCH];
    struct udp_control rx_control[RX_BATCH];
    uint8_t *rx_data;
    struct mmsghdr tx[TX_BATCH];
    struct iovec tx_iov[TX_BATCH];
    struct sockaddr_in6 tx_to[TX_BATCH];
    struct udp_control tx_control[TX_BATCH];
};

/* --- addresses --- */

static const uint8_t any[16];
static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static socklen_t to_sockaddr(struct sockaddr_in6 *out, const struct address *a, bool v4_only)
{
    memset(out, 0, sizeof *out);
    if (v4_only) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(a->port);
        memcpy(&v4->sin_addr, a->ip + 12, 4);
        return sizeof *v4;
    }
    out->sin6_family = AF_INET6;
    out->sin6_port = htons(a->port);
    memcpy(&out->sin6_addr, a->ip, 16);
    return sizeof *out;
}

/* --- opening --- */

static int open_socket(const struct address *listen, bool reuse, bool *v4_only)
{
    int one = 1, zero = 0;
    struct sockaddr_in6 sa;
    *v4_only = address_is_v4(listen);
    int fd = *v4_only ? -1 : socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *v4_only |=
        fd < 0 && (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT) && memcmp(listen->ip, any, 16) == 0;
    if (*v4_only)
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (!*v4_only)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0)
        goto failed;
    socklen_t len = to_sockaddr(&sa, listen, *v4_only);
    if (bind(fd, (struct sockaddr *)&sa, len) != 0)
        goto failed;
    return fd;
failed:;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

bool udp_probe(const struct address *listen, const char **error)
{
    bool v4_only;
    int fd = open_socket(listen, false, &v4_only);
    if (fd < 0) {
        *error = strerror(errno);
        return false;
    }
    close(fd);
    return true;
}

static void set_options(struct udp *u)
{
    int one = 1, size = SOCKET_BUFFER;
    /* FORCE needs CAP_NET_ADMIN and may exceed rmem_max; otherwise the plain option sets as much as rmem_max
     * allows. */
    if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(u->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
        setsockopt(u->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (!u->named && u->v4_only)
        setsockopt(u->fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
    else if (!u->named)
        setsockopt(u->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
    setsockopt(u->fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one); /* without it, datagrams arrive one by one */
    setsockopt(u->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
}

/* Restores the sizes of the buffers, which the kernel overwrote with the used lengths. */
static void make_room(struct udp *u, size_t i)
{
    u->rx[i].msg_hdr.msg_namelen = sizeof u->rx_from[i];
    u->rx[i].msg_hdr.msg_control = u->rx_control[i].data;
    u->rx[i].msg_hdr.msg_controllen = sizeof u->rx_control[i].data;
}

struct udp *udp_open(const struct address *listen, enum udp_sending sending, const char **error)
{
    struct udp *u = calloc(1, sizeof *u);
    if (u)
        u->rx_data = malloc((size_t)RX_BATCH * GRO_SIZE);
    if (!u || !u->rx_data) {
        free(u);
        *error = strerror(ENOMEM);
        return NULL;
    }
    u->fd = open_socket(listen, true, &u->v4_only);
    if (u->fd < 0) {
        *error = strerror(errno);
        free(u->rx_data);
        free(u);
        return NULL;
    }
    u->gso = sending == UDP_RUNS;
    u->batch = sending == UDP_SINGLY ? 1 : TX_BATCH;
    u->listen = *listen;
    u->named = memcmp(listen->ip, any, sizeof any) != 0;
    set_options(u);
    for (size_t i = 0; i < RX_BATCH; i++) {
        u->rx_iov[i] = (struct iovec){u->rx_data + i * GRO_SIZE, GRO_SIZE};
        u->rx[i].msg_hdr =
            (struct msghdr){.msg_name = &u->rx_from[i], .msg_iov = &u->rx_iov[i], .msg_iovlen = 1};
        make_room(u, i);
    }
    return u;
}

void udp_close(struct udp *u)
{
    if (!u)
        return;
    close(u->fd);
    free(u->rx_data);
    free(u);
}

int udp_fd(const struct udp *u) { return u->fd; }

/* --- receiving --- */

/* Reads the datagram's destination address, the length of each coalesced datagram, and the arrival in wall
 * time. */
static void read_control(struct msghdr *m, struct address *local, size_t *segment, mp_time *stamp)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(local->ip, &info.ipi6_addr, 16);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(local->ip, v4_prefix, 12);
            memcpy(local->ip + 12, &info.ipi_addr, 4);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int size;
            memcpy(&size, CMSG_DATA(c), sizeof size);
            *segment = (size_t)size;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            *stamp = MP_S(t.tv_sec) + t.tv_nsec;
        }
    }
}

static mp_time plausible(mp_time arrival, mp_time now)
{
    return arrival <= now && now - arrival < OLDEST ? arrival : now;
}

size_t udp_receive(struct udp *u, udp_each *each, void *context, mp_time now)
{
    int n = recvmmsg(u->fd, u->rx, RX_BATCH, MSG_DONTWAIT, NULL);
    mp_time wall = n > 0 ? clock_wall_unix() : 0;
    for (int i = 0; i < n; i++) {
        struct path path = {.local = u->listen};
        size_t len = u->rx[i].msg_len, segment = len;
        mp_time stamp = wall + now;
        const uint8_t *data = u->rx_iov[i].iov_base;
        addresses_from_sockaddr(&path.remote, &u->rx_from[i]);
        read_control(&u->rx[i].msg_hdr, &path.local, &segment, &stamp);
        make_room(u, (size_t)i);
        if (u->rx[i].msg_hdr.msg_flags & MSG_TRUNC)
            continue;
        if (!segment)
            segment = len;
        do {
            size_t one = len < segment ? len : segment;
            each(context, &path, data, one, plausible(stamp - wall, now));
            data += one;
            len -= one;
        } while (len);
    }
    return n > 0 ? (size_t)n : 0;
}

uint32_t udp_dropped(struct udp *u)
{
    uint32_t info[MEMINFO_COUNT], before = u->dropped;
    socklen_t len = sizeof info;
    if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 || len < sizeof info)
        return 0;
    u->dropped = info[MEMINFO_DROPS];
    return u->dropped - before;
}

/* --- sending --- */

static void put_control(struct msghdr *m, int level, int type, const void *value, size_t len)
{
    struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)m->msg_control + m->msg_controllen);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), value, len);
    m->msg_controllen += CMSG_SPACE(len);
}

/* Sends an answer from the address that the client used, because its NAT accepts no other. Both kinds of
 * socket understand IPv4's option, and it is short enough that the kernel allocates no memory for it. */
static void put_source(struct udp *u, struct msghdr *m, const struct address *local)
{
    if (u->named || memcmp(local->ip, any, 16) == 0)
        return;
    if (address_is_v4(local)) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, local->ip + 12, 4);
        put_control(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, local->ip, 16);
        put_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
}

static void prepare(struct udp *u, size_t i, const struct path *path, const uint8_t *data, size_t len,
                    uint16_t segment)
{
    struct msghdr *m = &u->tx[i].msg_hdr;
    union {
        uint8_t *out;
        const uint8_t *in;
    } unqualified = {.in = data}; /* struct iovec serves both directions and knows no const */
    u->tx_iov[i] = (struct iovec){unqualified.out, len};
    *m = (struct msghdr){.msg_name = &u->tx_to[i],
                         .msg_namelen = to_sockaddr(&u->tx_to[i], &path->remote, u->v4_only),
                         .msg_iov = &u->tx_iov[i],
                         .msg_iovlen = 1,
                         .msg_control = u->tx_control[i].data};
    put_source(u, m, &path->local);
    if (len > segment)
        put_control(m, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
    if (!m->msg_controllen)
        m->msg_control = NULL;
}

/* Progress of sending: transmit `i`, byte `at` of it. */
struct cursor {
    const struct transmit *t;
    size_t count, i;
    uint32_t at;
    bool split; /* the kernel refused this transmit as a run: send its datagrams one by one */
};

static uint32_t next_len(const struct udp *u, const struct cursor *c)
{
    const struct transmit *t = &c->t[c->i];
    uint32_t rest = t->len - c->at;
    return (u->gso && !c->split) || rest < t->segment ? rest : t->segment;
}

static void advance(struct cursor *c, uint32_t len)
{
    c->at += len;
    if (c->at < c->t[c->i].len)
        return;
    c->i++;
    c->at = 0;
    c->split = false;
}

/* Prepares at most `most` messages. */
static size_t fill(struct udp *u, struct cursor c, size_t most)
{
    size_t n = 0;
    while (c.i < c.count && n < most) {
        const struct transmit *t = &c.t[c.i];
        uint32_t len = next_len(u, &c);
        prepare(u, n++, &t->path, t->data + c.at, len, t->segment);
        advance(&c, len);
    }
    return n;
}

static uint32_t datagrams(uint32_t len, uint16_t segment)
{
    return len > segment ? (len + segment - 1u) / segment : 1;
}

/* The first message failed. If it was a run, tries it again as single datagrams. Either the kernel or the
 * interface cannot segment, then it never sends runs again; or a datagram was over the path's MTU, which is
 * EINVAL too before Linux 6.14. Only a publisher causes datagrams that long, and it must not disable runs for
 * everybody. All other errors, also EAGAIN, count as loss; sending never waits. */
static void failed(struct udp *u, struct cursor *c, int error, struct udp_sent *sent)
{
    uint32_t len = next_len(u, c);
    uint16_t segment = c->t[c->i].segment;
    if (len > segment && (error == EMSGSIZE || (error == EINVAL && segment > DATAGRAM_OUT_MAX))) {
        c->split = true;
    } else if (len > segment &&
               (error == EIO || error == EINVAL || error == EOPNOTSUPP || error == ENOPROTOOPT)) {
        u->gso = false;
    } else {
        sent->errors += datagrams(len, segment);
        advance(c, len);
    }
}

void udp_send(struct udp *u, const struct transmit *t, size_t count, struct udp_sent *sent)
{
    struct cursor c = {.t = t, .count = count};
    /* smaller batches after an error: each error makes it prepare all later messages again */
    size_t most = u->batch;
    while (c.i < count) {
        size_t n = fill(u, c, most);
        int ok = n == 1 ? (sendmsg(u->fd, &u->tx[0].msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1)
                        : sendmmsg(u->fd, u->tx, (unsigned)n, MSG_DONTWAIT);
        /* sendmmsg hides the error after a partial success: the next call starts with the failed message and
         * reports it */
        if (ok < 0)
            failed(u, &c, errno, sent);
        most = ok < 0 ? 1 : 2 * most < u->batch ? 2 * most : u->batch;
        for (int i = 0; i < ok; i++) {
            uint32_t len = next_len(u, &c);
            sent->datagrams += datagrams(len, t[c.i].segment);
            sent->bytes += len;
            sent->operations++;
            advance(&c, len);
        }
    }
}
