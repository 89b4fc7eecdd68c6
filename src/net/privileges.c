#include "privileges.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/limits.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* LeakSanitizer looks at its own process by ptrace, and a report is made readable by another program. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* --- files and connections: Landlock --- */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                                                \
    (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define ALL                                                                                                  \
    (WRITE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |     \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |             \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define READ_OF_FILE LANDLOCK_ACCESS_FS_READ_FILE

/* What headers older than the kernel do not have yet: TCP, since the fourth version. */
struct ruleset {
    uint64_t files, tcp;
};
#define TCP_BIND_AND_CONNECT 3u
#define VERSION_WITH_TCP     4

/* What the C library opens of its own accord: to find names, the time zone, and libraries that it loads late.
 */
static const char *const system_files[] = {"/etc/resolv.conf",
                                           "/etc/hosts",
                                           "/etc/host.conf",
                                           "/etc/nsswitch.conf",
                                           "/etc/gai.conf",
                                           "/etc/services",
                                           "/etc/localtime",
                                           "/etc/ld.so.cache",
                                           "/etc/ssl/openssl.cnf",
                                           "/dev/urandom",
                                           "/dev/null",
                                           "/usr/lib",
                                           "/usr/lib64",
                                           "/usr/share/zoneinfo",
                                           "/proc/self",
                                           "/proc/meminfo",
                                           "/sys/devices/system/cpu",
                                           NULL};

static void allow(int rules, const char *path, uint64_t access)
{
    char real[PATH_MAX];
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    rule.parent_fd = realpath(path, real) ? open(real, O_PATH | O_CLOEXEC) : -1;
    if (rule.parent_fd < 0)
        return;
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        rule.allowed_access &=
            READ_OF_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE; /* it is a file: rights of folders do not apply */
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(rule.parent_fd);
}

/* The folder of the name and that of the file behind it: whoever renews a certificate may do so by moving a
 * link. */
static void allow_folders_of(int rules, const char *file)
{
    char path[PATH_MAX], real[PATH_MAX];
    if (strlen(file) >= sizeof path)
        return;
    allow(rules, dirname(strcpy(path, file)), READ);
    if (realpath(file, real))
        allow(rules, dirname(real), READ);
}

/* False: this kernel does not have it. */
static bool confine(const struct privileges *p)
{
    struct ruleset set = {.files = ALL};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version >= VERSION_WITH_TCP)
        set.tcp = TCP_BIND_AND_CONNECT;
    int rules = version < 1 ? -1
                            : (int)syscall(SYS_landlock_create_ruleset, &set,
                                           version >= VERSION_WITH_TCP ? sizeof set : sizeof set.files, 0);
    if (rules < 0)
        return false;
    for (const char *const *path = system_files; *path; path++)
        allow(rules, *path, READ);
    for (const char *const *path = p->reads; *path; path++)
        allow_folders_of(rules, *path);
    for (const char *const *path = p->writes; *path; path++)
        allow(rules, *path, WRITE);
    bool done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return done;
}

/* --- system calls: seccomp --- */

/* What no server of calls ever asks for, and what attacks on kernels begin with. */
static const char *const refused[] = {"execve",
                                      "execveat",
                                      "fork",
                                      "vfork",
                                      "ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "kcmp",
                                      "pidfd_getfd",
                                      "personality",
                                      "bpf",
                                      "perf_event_open",
                                      "userfaultfd",
                                      "io_uring_setup",
                                      "keyctl",
                                      "add_key",
                                      "request_key",
                                      "mount",
                                      "umount2",
                                      "pivot_root",
                                      "chroot",
                                      "unshare",
                                      "setns",
                                      "open_by_handle_at",
                                      "name_to_handle_at",
                                      "fsopen",
                                      "fsmount",
                                      "move_mount",
                                      "open_tree",
                                      "quotactl",
                                      "swapon",
                                      "swapoff",
                                      "acct",
                                      "reboot",
                                      "kexec_load",
                                      "kexec_file_load",
                                      "init_module",
                                      "finit_module",
                                      "delete_module",
                                      "iopl",
                                      "ioperm",
                                      "modify_ldt",
                                      "settimeofday",
                                      "clock_settime",
                                      "clock_adjtime",
                                      "adjtimex",
                                      "sethostname",
                                      "setdomainname",
                                      "syslog",
                                      "vhangup",
                                      "link",
                                      "linkat",
                                      "symlink",
                                      "symlinkat",
                                      "mknod",
                                      "mknodat",
                                      NULL};

static bool filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool done = filter != NULL;
    for (const char *const *name = refused; done && *name; name++) {
        int number = seccomp_syscall_resolve_name(*name);
        if (number != __NR_SCMP_ERROR && number >= 0)
            done = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) == 0;
    }
    done = done && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

/* --- user and capabilities --- */

static void set_capabilities(uint64_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)}};
    syscall(SYS_capset, &header, data);
}

/* NULL: good. Where there are no other users, as in a container's own user namespace, it stays who it is. */
static const char *become(const char *name)
{
    const struct passwd *user = getpwnam(name);
    if (!user)
        return "no such user";
    if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0)
        return errno == EINVAL || errno == EPERM ? NULL : strerror(errno);
    if (setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return errno == EINVAL || errno == EPERM ? NULL : strerror(errno);
    return NULL;
}

static void forget_secrets_on_crash(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    prctl(PR_SET_DUMPABLE, 0);
}

const char *privileges_drop(const struct privileges *p)
{
    bool was_root = geteuid() == 0;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return strerror(errno);
    /* Root's certificate is renewed by root, for root to read. Confined to its folder, the right to read
     * everything is that to read it again; without such confinement nothing of root is kept. */
    bool confined = confine(p);
    bool rereads = was_root && confined && *p->reads;
    prctl(PR_SET_KEEPCAPS, rereads);
    const char *error = was_root ? become(p->user) : NULL;
    if (error)
        return error;
    set_capabilities(rereads ? 1ull << CAP_DAC_READ_SEARCH : 0);
    bool filtered = !IS_SANITIZED && filter_calls();
    if (!IS_SANITIZED)
        forget_secrets_on_crash();
    log_line(LOG_LEVEL_INFO, "privileges dropped", "uid=%u files=%s calls=%s", (unsigned)geteuid(),
             confined ? "confined" : "open", filtered ? "filtered" : "open");
    return NULL;
}
