/* Stands between the server and the C library (LD_PRELOAD) and makes calls fail as the test asks, while it
 * runs: the file that FAULTS names holds numbers that both sides map.
 *
 *   0  seconds by which the wall clock is wrong
 *   1  errno with which sends of datagrams fail, 2: of how many one (0: none)
 *   3  sends that failed so far */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
    _Atomic int clock_s, send_errno, send_one_of, sends_failed;
};

static struct faults *faults(void)
{
    static struct faults none, *_Atomic mapped;
    struct faults *f = mapped;
    if (f)
        return f;
    const char *name = getenv("FAULTS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    f = memory == MAP_FAILED ? &none : memory;
    mapped = f;
    return f;
}

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

/* These errors are UDP's: of an established TCP connection none but EAGAIN would leave it as it was. */
static int is_datagram(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
}

/* Scattered: if each third one failed, it could be the same viewer's each time, as a turn of the server
 * may take three. */
static int send_fails(int fd)
{
    static _Atomic unsigned count;
    unsigned one_of = (unsigned)faults()->send_one_of;
    if (!one_of || !is_datagram(fd) || (atomic_fetch_add(&count, 1) * 2654435761u >> 16) % one_of)
        return 0;
    atomic_fetch_add(&faults()->sends_failed, 1);
    errno = faults()->send_errno;
    return 1;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    static int (*next)(int, struct mmsghdr *, unsigned, int);
    if (!next)
        next = (int (*)(int, struct mmsghdr *, unsigned, int))real("sendmmsg");
    return send_fails(fd) ? -1 : next(fd, messages, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*next)(int, const struct msghdr *, int);
    if (!next)
        next = (ssize_t(*)(int, const struct msghdr *, int))real("sendmsg");
    return send_fails(fd) ? -1 : next(fd, message, flags);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        next = (int (*)(clockid_t, struct timespec *))real("clock_gettime");
    int result = next(id, t);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
        t->tv_sec += faults()->clock_s;
    return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}
