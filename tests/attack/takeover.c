/* Makes a running server make system calls, as whoever took it over would: it stops one of its threads by
 * ptrace, which the machine's root may, and has it call what no code of the server calls, with the server's
 * own descriptors.
 *
 *   takeover PID THREAD VICTIM_PID VICTIM_FILE   prints a line for each attempt: "NAME RESULT", which is less
 *   than 0 for an errno
 *
 * The thread must be waiting in a system call: there its instruction is. It goes on with that afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void) { return 77; }
#else

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define SCRATCH                8192 /* bytes below the thread's stack, beyond what a leaf function may use */

struct held { /* a thread that is stopped */
    pid_t thread;
    struct user_regs_struct registers;
};

static int fail(const char *what)
{
    fprintf(stderr, "takeover: %s: %s\n", what, strerror(errno));
    return 2;
}

static bool stopped(const struct held *h)
{
    int status;
    return waitpid(h->thread, &status, __WALL) == h->thread && WIFSTOPPED(status);
}

static bool hold(struct held *h)
{
    return ptrace(PTRACE_SEIZE, h->thread, 0, 0) == 0 && ptrace(PTRACE_INTERRUPT, h->thread, 0, 0) == 0 &&
           stopped(h) && ptrace(PTRACE_GETREGS, h->thread, 0, &h->registers) == 0;
}

/* Puts it into the server's memory; the address there. */
static long place(const struct held *h, unsigned slot, const void *data, size_t len)
{
    uintptr_t at = (h->registers.rsp - SCRATCH + slot * 1024) & ~(uintptr_t)63;
    for (size_t i = 0; i < len; i += sizeof(long)) {
        long word = 0;
        memcpy(&word, (const char *)data + i, len - i < sizeof word ? len - i : sizeof word);
        ptrace(PTRACE_POKEDATA, h->thread, at + i, word);
    }
    return (long)at;
}

/* One call, from its instruction to behind it. */
static long call(const struct held *h, long number, const long a[6])
{
    struct user_regs_struct r = h->registers;
    r.rip -= 2; /* the instruction by which the thread waits */
    r.rax = (unsigned long long)number;
    r.orig_rax = (unsigned long long)-1;
    r.rdi = (unsigned long long)a[0];
    r.rsi = (unsigned long long)a[1];
    r.rdx = (unsigned long long)a[2];
    r.r10 = (unsigned long long)a[3];
    r.r8 = (unsigned long long)a[4];
    r.r9 = (unsigned long long)a[5];
    if (ptrace(PTRACE_SETREGS, h->thread, 0, &r) != 0)
        exit(fail("PTRACE_SETREGS"));
    for (int i = 0; i < 2; i++)
        if (ptrace(PTRACE_SYSCALL, h->thread, 0, 0) != 0 || !stopped(h))
            exit(fail("PTRACE_SYSCALL"));
    ptrace(PTRACE_GETREGS, h->thread, 0, &r);
    return (long)r.rax;
}

static void try(const struct held *h, const char *name, long number, const long a[6])
{
    printf("%s %ld\n", name, call(h, number, a));
}
#define TRY(name, number, ...) try(h, name, number, (const long[6]){__VA_ARGS__})

/* A descriptor of this server that is of this kind, -1: none. */
static long descriptor(const struct held *h, int kind)
{
    for (long fd = 3; fd < 64; fd++) {
        int out[2] = {0, sizeof(int)};
        long at = place(h, 4, out, sizeof out);
        if (call(h, SYS_getsockopt, (const long[6]){fd, SOL_SOCKET, SO_TYPE, at, at + 4}) == 0 &&
            (int)ptrace(PTRACE_PEEKDATA, h->thread, at, 0) == kind)
            return fd;
    }
    return -1;
}

static void network(const struct held *h)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/tmp/takeover-nowhere"};
    long tcp = descriptor(h, SOCK_STREAM), udp = descriptor(h, SOCK_DGRAM);
    long in = place(h, 0, &to, sizeof to), un = place(h, 1, &local, sizeof local);
    struct iovec one = {(void *)(uintptr_t)in, 1};
    long v = place(h, 2, &one, sizeof one);
    struct mmsghdr m = {.msg_hdr = {.msg_name = (void *)(uintptr_t)in,
                                    .msg_namelen = sizeof to,
                                    .msg_iov = (void *)(uintptr_t)v,
                                    .msg_iovlen = 1}};
    long message = place(h, 3, &m, sizeof m);
    printf("descriptors %d\n", tcp < 0 || udp < 0 ? -1 : 0);
    TRY("socket-tcp", SYS_socket, AF_INET, SOCK_STREAM, 0);
    TRY("socket-mptcp", SYS_socket, AF_INET6, SOCK_STREAM, IPPROTO_MPTCP);
    TRY("socket-udp", SYS_socket, AF_INET, SOCK_DGRAM, 0);
    TRY("socket-unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    TRY("socket-vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0);
    TRY("pair-datagram", SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, in);
    TRY("pair-seqpacket", SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, in);
    TRY("fast-open-sendto", SYS_sendto, tcp, in, 1, MSG_FASTOPEN, in, sizeof to);
    TRY("fast-open-sendto-high-bits", SYS_sendto, tcp, in, 1, MSG_FASTOPEN | 1l << 40, in, sizeof to);
    TRY("fast-open-sendmsg", SYS_sendmsg, tcp, message, MSG_FASTOPEN | MSG_NOSIGNAL);
    TRY("fast-open-sendmmsg", SYS_sendmmsg, tcp, message, 1, MSG_FASTOPEN);
    TRY("connect-unix", SYS_connect, tcp, un, sizeof local);
    TRY("connect-udp", SYS_connect, udp, in, sizeof to);
    TRY("bind", SYS_bind, udp, in, sizeof to);
    TRY("listen", SYS_listen, tcp, 1);
    TRY("filter-socket", SYS_setsockopt, udp, SOL_SOCKET, SO_ATTACH_FILTER, in, 16);
    TRY("fast-open-option", SYS_setsockopt, tcp, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, in, 4);
}

static void files(const struct held *h, const char *victim)
{
    long path = place(h, 0, victim, strlen(victim) + 1), users = place(h, 1, "/etc/passwd", 12);
    long times = place(h, 2, (long[4]){0}, 4 * sizeof(long)), how = place(h, 3, (uint64_t[3]){O_WRONLY}, 24);
    TRY("read-users", SYS_openat, AT_FDCWD, users, O_RDONLY);
    TRY("read-file", SYS_openat, AT_FDCWD, path, O_RDONLY);
    TRY("open", SYS_open, path, O_WRONLY);
    TRY("openat2", SYS_openat2, AT_FDCWD, path, how, 24);
    TRY("creat", SYS_creat, path, 0600);
    TRY("open-cut", SYS_openat, AT_FDCWD, path, O_RDONLY | O_TRUNC);
    TRY("open-unnamed", SYS_openat, AT_FDCWD, path, O_RDWR | O_TMPFILE, 0600);
    TRY("truncate", SYS_truncate, path, 0);
    TRY("chmod", SYS_chmod, path, 0777);
    TRY("fchmodat", SYS_fchmodat, AT_FDCWD, path, 0777);
    TRY("fchmodat2", 452, AT_FDCWD, path, 0777, 0);
    TRY("chown", SYS_chown, path, 0, 0);
    TRY("utimensat", SYS_utimensat, AT_FDCWD, path, times, 0);
    TRY("setxattr", SYS_setxattr, path, users, path, 1, 0);
    TRY("unlink", SYS_unlink, path);
    TRY("rename", SYS_renameat2, AT_FDCWD, path, AT_FDCWD, users, 0);
    TRY("link", SYS_link, path, users);
    TRY("mkdir", SYS_mkdir, path, 0777);
    TRY("mknod", SYS_mknod, path, 010600, 0);
    TRY("inotify", SYS_inotify_init1, 0);
}

static void processes(const struct held *h, pid_t victim)
{
    struct clone_args c = {.exit_signal = SIGCHLD};
    long args = place(h, 0, &c, sizeof c), none = place(h, 1, (long[2]){0}, 2 * sizeof(long));
    long program = place(h, 2, "/bin/true", 10);
    TRY("fork", SYS_fork, 0);
    TRY("vfork", SYS_vfork, 0);
    TRY("clone", SYS_clone, SIGCHLD);
    TRY("clone-namespace", SYS_clone, CLONE_NEWUSER | SIGCHLD);
    TRY("clone-shared", SYS_clone, CLONE_VM | CLONE_FILES | SIGCHLD);
    TRY("clone3", SYS_clone3, args, sizeof c);
    TRY("execve", SYS_execve, program, 0, 0);
    TRY("kill", SYS_kill, victim, SIGKILL);
    TRY("kill-all", SYS_kill, -1, 0); /* 0: where it is possible, nobody is harmed */
    TRY("tkill", SYS_tkill, victim, SIGKILL);
    TRY("tgkill", SYS_tgkill, victim, victim, SIGKILL);
    TRY("queue", SYS_rt_sigqueueinfo, victim, SIGKILL, none);
    TRY("pidfd", SYS_pidfd_open, victim, 0);
    TRY("own-descriptor", SYS_fcntl, 0, F_SETOWN, victim);
    TRY("limit", SYS_prlimit64, victim, RLIMIT_CPU, none, 0);
    TRY("priority", SYS_setpriority, PRIO_PROCESS, victim, 19);
    TRY("scheduler", SYS_sched_setaffinity, victim, 8, none);
    TRY("trace", SYS_ptrace, PTRACE_ATTACH, victim, 0, 0);
    TRY("memory", SYS_process_vm_readv, victim, none, 1, none, 1, 0);
}

static void kernel(const struct held *h)
{
    long none = place(h, 0, (long[16]){0}, 16 * sizeof(long));
    TRY("user", SYS_setuid, 0);
    TRY("dumpable", SYS_prctl, 4, 1);
    TRY("namespace", SYS_unshare, CLONE_NEWUSER);
    TRY("io-uring", SYS_io_uring_setup, 1, none);
    TRY("bpf", SYS_bpf, 0, none, 128);
    TRY("perf", SYS_perf_event_open, none, 0, -1, -1, 0);
    TRY("keys", SYS_keyctl, 0, 0, 0);
    TRY("faults", SYS_userfaultfd, 1);
    TRY("memory-file", SYS_memfd_create, none, 0);
    TRY("mount", SYS_mount, none, none, none, 0, 0);
    TRY("new-in-later-kernels", 600, 0);
    TRY("x32", 0x40000000 | SYS_getpid, 0);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return fail("usage");
    struct held held = {.thread = (pid_t)atoi(argv[2])};
    if (!hold(&held))
        return fail("cannot hold it");
    network(&held);
    files(&held, argv[4]);
    processes(&held, (pid_t)atoi(argv[3]));
    kernel(&held);
    long own = call(&held, SYS_getpid, (const long[6]){0});
    printf("itself %d\n", own == atoi(argv[1]) ? 0 : -1);
    ptrace(PTRACE_SETREGS, held.thread, 0, &held.registers);
    ptrace(PTRACE_DETACH, held.thread, 0, 0);
    return 0;
}
#endif
