/* Each test is a child process, because dropped privileges cannot be restored. */
#include "net/privileges.h"
#include "base/log.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_FILTERED 0
#else
#define IS_FILTERED 1
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static char folder[] = "/tmp/privileges-XXXXXX", certificate[64], renewed[64],
            secret[] = "/tmp/privileges-XXXXXX", state[64], kept[80];

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, "secret", 6) == 6);
    close(fd);
}

static bool dumped; /* the last child left a core */
static int killed;  /* by this signal */
static const char *user = "nobody";
static enum system_call_refusal refusal = SYSTEM_CALL_FAILS;

/* Runs `can` in a process that dropped its privileges; returns its result: errno, or 0 if the action is
 * possible. */
static int tried(int (*can)(void))
{
    fflush(stdout); /* or the child prints it again */
    pid_t child = fork();
    if (child == 0) {
        const char *const reads[] = {certificate, NULL}, *const folders[] = {state, NULL};
        const char *error = privileges_drop(
            &(struct privileges){.user = user, .reads = reads, .folders = folders, .refusal = refusal});
        if (error)
            printf("# %s\n", error);
        fflush(stdout);
        _exit(error ? 255 : can());
    }
    int status = 0;
    waitpid(child, &status, 0);
    dumped = WIFSIGNALED(status) && WCOREDUMP(status);
    killed = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

static int opens(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    return fd < 0 ? errno : 0;
}

static int read_certificate(void) { return opens(certificate, O_RDONLY); }
static int read_renewed(void) { return opens(renewed, O_RDONLY); }
static int read_secret(void) { return opens(secret, O_RDONLY); }
static int read_users(void) { return opens("/etc/passwd", O_RDONLY); }
static int write_certificate(void) { return opens(certificate, O_WRONLY); }
static int read_state(void) { return opens(kept, O_RDONLY); }

static int start_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno;
}

__attribute__((unused)) static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}
static int become_root(void) { return setresuid(0, 0, 0) == 0 ? 0 : errno; }

static void *nothing(void *context) { return context; }
static int start_thread(void)
{
    pthread_t thread;
    int e = pthread_create(&thread, NULL, nothing, NULL);
    return e ? e : pthread_join(thread, NULL);
}

static int datagrams; /* bound before, as the server's are */
static int send_datagram(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return sendto(datagrams, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1 ? 0 : errno;
}

/* For any earlier limit and any destination of core dumps. */
__attribute__((unused)) static int may_be_dumped(void)
{
    struct rlimit most;
    getrlimit(RLIMIT_CORE, &most);
    return most.rlim_cur || most.rlim_max;
}

__attribute__((unused)) static int crash(void)
{
    raise(SIGSEGV);
    return 0;
}

/* --- tests --- */

static void what_serving_needs_is_left(void)
{
    CHECK_EQ(tried(start_thread), 0);
    CHECK_EQ(tried(send_datagram), 0);
    CHECK_EQ(tried(read_certificate), 0);
}

static void a_certificate_of_root_is_read_again(void)
{
    CHECK_EQ(tried(read_renewed), 0);
    CHECK_EQ(tried(write_certificate) != 0, true);
}

static void no_other_file_is_read(void)
{
    CHECK_EQ(tried(read_secret), EACCES);
    CHECK_EQ(tried(read_users), EACCES);
}

static void what_is_in_the_state_folder_is_read(void) { CHECK_EQ(tried(read_state), 0); }

/* The filter refuses the call before the kernel looks at a file. A sanitized build has only Landlock. */
static void no_program_is_started(void) { CHECK_EQ(tried(start_program), IS_FILTERED ? ENOSYS : EACCES); }

static void nobody_else_is_traced_and_nothing_comes_back(void)
{
#if IS_FILTERED /* leak checks trace their own process */
    CHECK_EQ(tried(trace), ENOSYS);
#endif
    CHECK_EQ(tried(become_root), IS_FILTERED ? ENOSYS : EPERM);
}

static void a_crash_leaves_no_dump(void)
{
#if IS_FILTERED /* a sanitized build only writes its report */
    struct rlimit before, unlimited;
    getrlimit(RLIMIT_CORE, &before);
    unlimited = (struct rlimit){before.rlim_max, before.rlim_max};
    setrlimit(RLIMIT_CORE, &unlimited);
    CHECK_EQ(tried(may_be_dumped), 0);
    CHECK_EQ(tried(crash), 254);
    CHECK(!dumped);
    setrlimit(RLIMIT_CORE, &before);
#endif
}

/* --- actions of an attacker who controls the server --- */

#if IS_FILTERED
static int inherited, pair[2], victim; /* of the parent: what the child finds */

static int result(long r) { return r < 0 ? errno : 0; }

static const struct sockaddr_in out = {.sin_family = AF_INET};

static int make_a_socket(void) { return result(socket(AF_INET, SOCK_STREAM, 0)); }
static int make_an_mptcp_socket(void) { return result(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)); }
static int make_a_raw_socket(void) { return result(socket(AF_PACKET, SOCK_RAW, 0)); }
static int make_a_unix_socket(void) { return result(socket(AF_UNIX, SOCK_DGRAM, 0)); }
static int make_a_datagram_pair(void) { return result(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)); }
static int make_a_stream_pair(void)
{
    return result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
}
static int connect_a_socket(void)
{
    return result(connect(inherited, (const struct sockaddr *)&out, sizeof out));
}
static int bind_a_socket(void) { return result(bind(inherited, (const struct sockaddr *)&out, sizeof out)); }
static int listen_on_a_socket(void) { return result(listen(inherited, 1)); }
static int fast_open(void)
{
    return result(sendto(inherited, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&out, sizeof out));
}
static int fast_open_by_message(void)
{
    struct sockaddr_in to = out;
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof to};
    return result(sendmsg(inherited, &m, MSG_FASTOPEN | MSG_DONTWAIT));
}
static int fast_open_by_messages(void)
{
    struct sockaddr_in to = out;
    struct mmsghdr m = {.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof to}};
    return result(sendmmsg(inherited, &m, 1, MSG_FASTOPEN));
}
static int fast_open_by_option(void)
{
    return result(setsockopt(inherited, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){1}, sizeof(int)));
}

static int write_a_file(void) { return opens(certificate, O_WRONLY); }
static int make_a_file(void) { return opens(kept, O_RDONLY | O_CREAT); }
static int open_and_cut(void) { return opens(kept, O_RDONLY | O_TRUNC); }
static int cut(void) { return result(truncate(kept, 0)); }
static int change_rights(void) { return result(chmod(kept, 0777)); }
static int change_times(void) { return result(utimensat(AT_FDCWD, kept, NULL, 0)); }
static int change_owner(void) { return result(chown(kept, 0, 0)); }
static int remove_a_file(void) { return result(unlink(kept)); }
static int rename_a_file(void) { return result(rename(kept, certificate)); }

static int make_a_process(void) { return result(fork()); }
static int make_a_process_by_clone(void) { return result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static int make_a_process_by_clone3(void)
{
    uint64_t arguments[11] = {[4] = SIGCHLD};
    return result(syscall(SYS_clone3, arguments, sizeof arguments));
}
static int signal_another(void) { return result(kill(victim, 0)); }
static int signal_all(void) { return result(kill(-1, 0)); }
static int signal_its_thread(void) { return result(syscall(SYS_tgkill, victim, victim, 0)); }
static int limit_another(void)
{
    struct rlimit none = {0, 0};
    return result(prlimit(victim, RLIMIT_CPU, &none, NULL));
}
static int limit_itself(void) { return result(setrlimit(RLIMIT_NOFILE, &(struct rlimit){1, 1})); }
static int own_a_signal(void) { return result(fcntl(inherited, F_SETOWN, victim)); }

static const struct {
    const char *what;
    int (*can)(void);
} attempts[] = {
#define A(f)                                                                                                 \
    {                                                                                                        \
#f, f                                                                                                \
    }
    A(make_a_socket),
    A(make_an_mptcp_socket),
    A(make_a_raw_socket),
    A(make_a_unix_socket),
    A(make_a_datagram_pair),
    A(connect_a_socket),
    A(bind_a_socket),
    A(listen_on_a_socket),
    A(fast_open),
    A(fast_open_by_message),
    A(fast_open_by_messages),
    A(fast_open_by_option),
    A(write_a_file),
    A(make_a_file),
    A(open_and_cut),
    A(cut),
    A(change_rights),
    A(change_times),
    A(change_owner),
    A(remove_a_file),
    A(rename_a_file),
    A(make_a_process),
    A(make_a_process_by_clone),
    A(make_a_process_by_clone3),
    A(signal_another),
    A(signal_all),
    A(signal_its_thread),
    A(limit_another),
    A(limit_itself),
    A(own_a_signal),
#undef A
};
#define ATTEMPTS (sizeof attempts / sizeof *attempts)

/* ENOSYS, whatever kernel this is: the filter refuses each before the kernel looks at anything. */
static void a_server_that_was_taken_over_can_do_nothing_else(void)
{
    for (size_t i = 0; i < ATTEMPTS; i++) {
        int e = tried(attempts[i].can);
        if (e != ENOSYS)
            printf("# %s: %s\n", attempts[i].what, e ? strerror(e) : "done");
        CHECK_EQ(e, ENOSYS);
    }
    CHECK_EQ(tried(make_a_stream_pair), 0);
}

/* So that a test sees which call is missing in the list. */
static void a_refused_call_kills_where_that_is_wanted(void)
{
    refusal = SYSTEM_CALL_KILLS;
    CHECK_EQ(tried(start_thread), 0);
    CHECK_EQ(tried(make_a_socket), 254);
    CHECK_EQ(killed, SIGSYS);
    CHECK_EQ(tried(open_and_cut), 254);
    CHECK_EQ(killed, SIGSYS);
    refusal = SYSTEM_CALL_FAILS;
}
#endif

static void quiet(enum log_level level, const char *line) {}

int main(void)
{
    int fd = mkstemp(secret);
    log_setup(LOG_LEVEL_ERROR, quiet);
    if (!mkdtemp(folder) || fd < 0)
        return 1;
    close(fd);
    snprintf(certificate, sizeof certificate, "%s/certificate", folder);
    snprintf(renewed, sizeof renewed, "%s/renewed", folder);
    snprintf(state, sizeof state, "%s/state", folder);
    snprintf(kept, sizeof kept, "%s/kept", state);
    write_file(certificate);
    write_file(renewed);
    mkdir(state, 0777);
    write_file(kept);
    chmod(folder, 0755);
    chmod(state, 0777); /* as if they were the user's */
    chmod(kept, 0666);
    datagrams = socket(AF_INET, SOCK_DGRAM, 0);
#if IS_FILTERED
    inherited = socket(AF_INET, SOCK_STREAM, 0);
    victim = fork();
    if (victim == 0) {
        (void)!setuid(65534); /* of the same user */
        pause();
        _exit(0);
    }
#endif
    static const struct test tests[] = {
        TEST(what_serving_needs_is_left),
        TEST(a_certificate_of_root_is_read_again),
        TEST(no_other_file_is_read),
        TEST(what_is_in_the_state_folder_is_read),
        TEST(no_program_is_started),
        TEST(nobody_else_is_traced_and_nothing_comes_back),
#if IS_FILTERED
        TEST(a_server_that_was_taken_over_can_do_nothing_else),
        TEST(a_refused_call_kills_where_that_is_wanted),
#endif
        TEST(a_crash_leaves_no_dump)
    };
    int result_ = run_tests(tests, sizeof tests / sizeof *tests);
#if IS_FILTERED
    kill(victim, SIGKILL);
    waitpid(victim, NULL, 0);
#endif
    unlink(kept);
    rmdir(state);
    unlink(certificate);
    unlink(renewed);
    rmdir(folder);
    unlink(secret);
    return result_;
}
