/* Timer of the process: EVERY if all look-ups succeeded, AGAIN while one fails. */
#include "net/resolver.h"
#include "net/addresses.h"
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVERY  60 /* seconds */
#define AGAIN  5
#define NOBODY 65534

struct resolver_answer { /* one write; shorter than PIPE_BUF, so the pipe keeps it in one piece */
    size_t count;
    struct address addresses[CANDIDATES_MAX];
};
_Static_assert(sizeof(struct resolver_answer) <= 4096, "a pipe keeps it whole");

static bool look_up(const char *name, struct resolver_answer *a)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *list;
    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return false;
    for (struct addrinfo *i = list; i && a->count < CANDIDATES_MAX; i = i->ai_next)
        if (i->ai_family == AF_INET || i->ai_family == AF_INET6)
            addresses_from_sockaddr(&a->addresses[a->count++],
                                    (const struct sockaddr_in6 *)(const void *)i->ai_addr);
    freeaddrinfo(list);
    return true;
}

static void run(int fd, const char (*names)[RESOLVER_NAME_SIZE], size_t count)
{
    struct resolver_answer last = {0};
    for (bool first = true;; first = false) {
        struct resolver_answer now = {0};
        bool all = true;
        for (size_t i = 0; i < count; i++)
            all &= look_up(names[i], &now);
        /* A failed look-up does not remove an address: it says nothing about the address itself. */
        bool news = all ? memcmp(&now, &last, sizeof now) != 0 : now.count > last.count;
        if ((first || news) && write(fd, &now, sizeof now) != (ssize_t)sizeof now)
            return; /* the server has closed its end */
        if (first || news)
            last = now;
        if (poll(&(struct pollfd){.fd = fd}, 1, (all ? EVERY : AGAIN) * 1000) > 0)
            return; /* POLLERR: the same */
    }
}

/* Parses name servers' answers with the rights of the account "nobody". */
static void become_nobody(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
        _exit(1);
}

bool resolver_start(struct resolver *r, const char (*names)[RESOLVER_NAME_SIZE], size_t count)
{
    int ends[2];
    r->fd = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        close(ends[0]);
        signal(SIGPIPE, SIG_IGN);
        become_nobody();
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* after setuid, which clears it */
        prctl(PR_SET_NAME, "resolver");
        if (getppid() == parent)
            run(ends[1], names, count);
        _exit(0);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    r->fd = ends[0];
    return true;
}

bool resolver_read(struct resolver *r, int wait_ms, struct address out[CANDIDATES_MAX], size_t *count)
{
    struct resolver_answer a;
    bool any = false;
    if (r->fd < 0 || (wait_ms && poll(&(struct pollfd){.fd = r->fd, .events = POLLIN}, 1, wait_ms) <= 0))
        return false;
    while (read(r->fd, &a, sizeof a) == (ssize_t)sizeof a && a.count <= CANDIDATES_MAX) {
        memcpy(out, a.addresses, a.count * sizeof out[0]);
        *count = a.count;
        any = true;
    }
    return any;
}

void resolver_stop(struct resolver *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}
