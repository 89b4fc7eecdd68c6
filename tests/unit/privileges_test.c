/* Each test is a child process: what is dropped does not come back. */
#include "log.h"
#include "privileges.h"
#include "test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/privileges-XXXXXX", certificate[64], renewed[64],
            secret[] = "/tmp/privileges-XXXXXX", state[64];

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && write(fd, "secret", 6) == 6);
    close(fd);
}

static bool dumped; /* the last child left a core */

/* Runs `can` in a process that dropped its privileges; what it returns comes back: errno, or 0 for what is
 * possible. */
static int tried(int (*can)(void))
{
    fflush(stdout); /* or the child prints it again */
    pid_t child = fork();
    if (child == 0) {
        const char *const reads[] = {certificate, NULL}, *const writes[] = {state, NULL};
        const char *error =
            privileges_drop(&(struct privileges){.user = "nobody", .reads = reads, .writes = writes});
        if (error)
            printf("# %s\n", error);
        fflush(stdout);
        _exit(error ? 255 : can());
    }
    int status = 0;
    waitpid(child, &status, 0);
    dumped = WIFSIGNALED(status) && WCOREDUMP(status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

static int opens(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    return fd < 0 ? errno : 0;
}

static int read_certificate(void)
{
    return opens(certificate, O_RDONLY);
}
static int read_renewed(void)
{
    return opens(renewed, O_RDONLY);
}
static int read_secret(void)
{
    return opens(secret, O_RDONLY);
}
static int read_users(void)
{
    return opens("/etc/passwd", O_RDONLY);
}
static int write_certificate(void)
{
    return opens(certificate, O_WRONLY);
}
static int write_state(void)
{
    char path[80];
    snprintf(path, sizeof path, "%s/new", state);
    return opens(path, O_WRONLY | O_CREAT);
}

static int start_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return errno;
}

__attribute__((unused)) static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}
static int become_root(void)
{
    return setresuid(0, 0, 0) == 0 ? 0 : errno;
}

static int connect_out(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? 0 : errno;
}

static void *nothing(void *context)
{
    return context;
}
static int start_thread(void)
{
    pthread_t thread;
    int e = pthread_create(&thread, NULL, nothing, NULL);
    return e ? e : pthread_join(thread, NULL);
}

static int send_datagram(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    return sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1 ? 0 : errno;
}

/* Whatever the limit was before, and wherever the machine puts its dumps. */
__attribute__((unused)) static int may_be_dumped(void)
{
    struct rlimit most;
    getrlimit(RLIMIT_CORE, &most);
    return most.rlim_cur || most.rlim_max || prctl(PR_GET_DUMPABLE) != 0;
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

static void the_state_is_written(void)
{
    CHECK_EQ(tried(write_state), 0);
}

static void no_program_is_started(void)
{
    int e = tried(start_program); /* Landlock has no word on it, or refuses first */
    CHECK_EQ(e == EPERM || e == EACCES, true);
}

static void nobody_else_is_traced_and_nothing_comes_back(void)
{
#if !defined __SANITIZE_ADDRESS__ &&                                                                         \
    !defined __SANITIZE_THREAD__ /* whose leak checks trace their own process */
    CHECK_EQ(tried(trace), EPERM);
#endif
    CHECK_EQ(tried(become_root), EPERM);
}

static void a_crash_leaves_no_dump(void)
{
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* whose reports are all that is left of one */
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

static void it_connects_nowhere(void)
{
    CHECK_EQ(tried(connect_out), EACCES);
}

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
    write_file(certificate);
    write_file(renewed);
    mkdir(state, 0777);
    chmod(state, 0777); /* as if it were the user's */
    static const struct test tests[] = {
        TEST(what_serving_needs_is_left), TEST(a_certificate_of_root_is_read_again),
        TEST(no_other_file_is_read),      TEST(the_state_is_written),
        TEST(no_program_is_started),      TEST(nobody_else_is_traced_and_nothing_comes_back),
        TEST(it_connects_nowhere), TEST(a_crash_leaves_no_dump)};
    int result = run_tests(tests, sizeof tests / sizeof *tests);
    char path[96];
    snprintf(path, sizeof path, "%s/new", state);
    unlink(path);
    rmdir(state);
    unlink(certificate);
    unlink(renewed);
    rmdir(folder);
    unlink(secret);
    return result;
}
