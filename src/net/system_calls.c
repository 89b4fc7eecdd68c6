#include "net/system_calls.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Allows a call only if (argument & mask) == value. A mask of 0 allows any argument. The kernel reads flags
 * as 32 bits. */
struct condition {
    unsigned argument;
    uint64_t mask, value;
};
#define WHOLE    UINT64_MAX
#define NUMBER   UINT32_MAX
#define BUT(set) (NUMBER & ~(uint64_t)(set)) /* no bits except these */

struct listed {
    const char *name;
    struct condition condition[2];
};

/* Flags of a new thread in this process: neither a new process nor a new namespace. */
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define THREAD_ALSO                                                                                          \
    (CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED)

/* Excludes MSG_FASTOPEN, which connects. */
#define SENDING (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR)

static const struct listed listed[] = {
    /* Sockets: only existing and accepted ones. The process cannot create, bind or connect a socket, or
     * listen on it. It can create a pair of stream sockets for two of its threads; a pair of datagram sockets
     * could send to any other Unix socket of this machine. */
    {"accept4", {{0}}},
    {"getsockname", {{0}}},
    {"getsockopt", {{0}}},
    {"recvfrom", {{0}}},
    {"recvmmsg", {{0}}},
    {"sendto", {{3, BUT(SENDING), 0}}},
    {"sendmsg", {{2, BUT(SENDING), 0}}},
    {"sendmmsg", {{3, BUT(SENDING), 0}}},
    {"setsockopt", {{1, NUMBER, IPPROTO_TCP}, {2, NUMBER, TCP_NODELAY}}},
    {"setsockopt", {{1, NUMBER, IPPROTO_TCP}, {2, NUMBER, TCP_NOTSENT_LOWAT}}},
    {"shutdown", {{0}}},
    {"socketpair", {{0, NUMBER, AF_UNIX}, {1, BUT(SOCK_NONBLOCK | SOCK_CLOEXEC), SOCK_STREAM}}},

    /* Files: read only, and only those that privileges.c allows. The process cannot write, truncate or rename
     * a file or change its permissions. */
    {"close", {{0}}},
    {"fcntl", {{1, NUMBER, F_GETFL}}},
    {"fcntl", {{1, NUMBER, F_SETFL}}},
    {"fcntl", {{1, NUMBER, F_GETFD}}},
    {"fcntl", {{1, NUMBER, F_SETFD}}},
    {"fstat", {{0}}},
    {"lseek", {{0}}},
    {"newfstatat", {{0}}},
    {"openat", {{2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY}}},
    {"read", {{0}}},
    {"statx", {{0}}},
    {"write", {{0}}},

    /* waiting */
    {"epoll_ctl", {{0}}},
    {"epoll_pwait", {{0}}},
    {"epoll_pwait2", {{0}}},
    {"epoll_wait", {{0}}},
    {"poll", {{0}}},
    {"ppoll", {{0}}},
    {"futex", {{0}}},
    {"clock_gettime", {{0}}},
    {"clock_nanosleep", {{0}}},
    {"restart_syscall", {{0}}},

    /* memory */
    {"brk", {{0}}},
    {"madvise", {{0}}},
    {"mmap", {{0}}},
    {"mprotect", {{0}}},
    {"mremap", {{0}}},
    {"munmap", {{0}}},

    /* this process and its threads */
    {"clone", {{0, BUT(THREAD_ALSO), THREAD}}},
    {"exit", {{0}}},
    {"exit_group", {{0}}},
    {"getpid", {{0}}},
    {"getrandom", {{0}}},
    {"gettid", {{0}}},
    {"prctl", {{0, NUMBER, PR_SET_NAME}}},
    {"prlimit64", {{0, NUMBER, 0}, {2, WHOLE, 0}}}, /* only reads the process' own limits */
    {"rseq", {{0}}},
    {"rt_sigaction", {{0}}},
    {"rt_sigprocmask", {{0}}},
    {"rt_sigreturn", {{0}}},
    {"sched_getaffinity", {{0}}},
    {"sched_yield", {{0}}},
    {"set_robust_list", {{0}}},
    {"sysinfo", {{0}}},
};

static bool allow(scmp_filter_ctx filter, const struct listed *l)
{
    struct scmp_arg_cmp arguments[2];
    unsigned count = 0;
    for (; count < 2 && l->condition[count].mask; count++) {
        const struct condition *c = &l->condition[count];
        arguments[count] = SCMP_CMP(c->argument, SCMP_CMP_MASKED_EQ, c->mask, c->value);
    }
    int number = seccomp_syscall_resolve_name(l->name);
    return number < 0 || /* this architecture does not have the call */
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, count, arguments) == 0;
}

/* Allows abort and raise, which signal a thread of this process, but no signal to another process. */
static bool allow_own_signals(scmp_filter_ctx filter)
{
    return allow(filter, &(struct listed){"tgkill", {{0, NUMBER, (uint64_t)getpid()}}});
}

/* The C library creates threads by clone3, whose flags a filter cannot see, and falls back to clone if clone3
 * is missing. */
static bool hide_clone3(scmp_filter_ctx filter)
{
    int number = seccomp_syscall_resolve_name("clone3");
    return number < 0 || seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0) == 0;
}

bool system_calls_filter(enum system_call_refusal refusal)
{
    bool kills = refusal == SYSTEM_CALL_KILLS;
    uint32_t refused = kills ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS);
    scmp_filter_ctx filter = seccomp_init(refused);
    bool done = filter && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, refused) == 0;
    /* A tree instead of a list is faster for rules with conditions on arguments, which the calls for each
     * packet have. */
    done = done && seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0;
    for (size_t i = 0; done && i < sizeof listed / sizeof *listed; i++)
        done = allow(filter, &listed[i]);
    done = done && allow_own_signals(filter) && (!kills || hide_clone3(filter)) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}
