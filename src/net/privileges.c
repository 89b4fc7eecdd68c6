#include "net/privileges.h"
#include "base/log.h"
#include "net/system_calls.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/limits.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* LeakSanitizer examines its own process by ptrace, and another program makes its reports readable. */
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

#define READ         (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define READ_OF_FILE LANDLOCK_ACCESS_FS_READ_FILE

/* Rights by Landlock version, because older headers lack some: the rights that a kernel of that version can
 * refuse. */
#define FILES_1             0x1fffu /* all of the first one: execute, write, read, remove and make */
#define REFER               (1u << 13)
#define TRUNCATE            (1u << 14)
#define IOCTL               (1u << 15) /* of devices */
#define TCP                 3u         /* bind and connect */
#define ABSTRACT            1u         /* Unix sockets bound outside this process */
#define SIGNAL              2u         /* to processes outside */
#define VERSION_OF_REFER    2
#define VERSION_OF_TRUNCATE 3
#define VERSION_OF_TCP      4
#define VERSION_OF_IOCTL    5
#define VERSION_OF_SCOPES   6

struct ruleset {
    uint64_t files, tcp, scopes;
};

/* Files that the C library opens itself: for names, the time zone, and libraries that it loads late. */
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
        rule.allowed_access &= READ_OF_FILE; /* it is a file: rights of folders do not apply */
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(rule.parent_fd);
}

/* The folders of the name and of the file behind it: a certificate may be renewed by moving a link. */
static void allow_folders_of(int rules, const char *file)
{
    char path[PATH_MAX], real[PATH_MAX];
    if (strlen(file) >= sizeof path)
        return;
    allow(rules, dirname(strcpy(path, file)), READ);
    if (realpath(file, real))
        allow(rules, dirname(real), READ);
}

/* Refuses everything that this version knows. Less than 0: no Landlock. */
static int new_ruleset(void)
{
    struct ruleset set = {.files = FILES_1};
    size_t size = sizeof set.files;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return -1;
    if (version >= VERSION_OF_REFER)
        set.files |= REFER;
    if (version >= VERSION_OF_TRUNCATE)
        set.files |= TRUNCATE;
    if (version >= VERSION_OF_IOCTL)
        set.files |= IOCTL;
    if (version >= VERSION_OF_TCP) {
        set.tcp = TCP;
        size = offsetof(struct ruleset, scopes);
    }
    if (version >= VERSION_OF_SCOPES) {
        set.scopes = ABSTRACT | SIGNAL;
        size = sizeof set;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
}

/* False: this kernel does not have it. */
static bool confine(const struct privileges *p)
{
    int rules = new_ruleset();
    if (rules < 0)
        return false;
    for (const char *const *path = system_files; *path; path++)
        allow(rules, *path, READ);
    for (const char *const *path = p->reads; *path; path++)
        allow_folders_of(rules, *path);
    for (const char *const *path = p->folders; *path; path++)
        allow(rules, *path, READ);
    bool done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
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

struct account {
    uid_t uid;
    gid_t gid;
};

/* Looks the account up by name or by number. A number needs no entry in the account database; its group is
 * then the same number. Call this before confining the process, because the look-up may read files, load
 * libraries or ask a daemon. NULL: success. */
static const char *find_account(const char *name, struct account *out)
{
    char *end;
    const struct passwd *user = getpwnam(name);
    unsigned long number = strtoul(name, &end, 10);
    bool numeric = *name >= '0' && *name <= '9' && !*end && number < UINT32_MAX;
    if (!user && numeric)
        user = getpwuid((uid_t)number);
    if (!user && !numeric)
        return "no such user; a number works without an entry in /etc/passwd";
    *out =
        user ? (struct account){user->pw_uid, user->pw_gid} : (struct account){(uid_t)number, (gid_t)number};
    return NULL;
}

/* NULL: success. Without other users, as in a container's user namespace, it stays the same user. */
static const char *become(const struct account *a)
{
    if (setgroups(0, NULL) != 0 || setresgid(a->gid, a->gid, a->gid) != 0)
        return errno == EINVAL || errno == EPERM ? NULL : strerror(errno);
    if (setresuid(a->uid, a->uid, a->uid) != 0)
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
    struct account account = {0};
    bool was_root = geteuid() == 0;
    const char *error = was_root ? find_account(p->user, &account) : NULL;
    if (error)
        return error;
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return strerror(errno);
    /* Root renews its certificate, and only root may read it. If Landlock confines the process to the
     * certificate's folder, the capability to read every file is only good to read the certificate again, so
     * the process keeps it; without Landlock it keeps none. */
    bool confined = confine(p);
    bool rereads = was_root && confined && *p->reads;
    prctl(PR_SET_KEEPCAPS, rereads);
    if (was_root && (error = become(&account)))
        return error;
    set_capabilities(rereads ? 1ull << CAP_DAC_READ_SEARCH : 0);
    if (!IS_SANITIZED)
        forget_secrets_on_crash();
    unsigned uid = geteuid(); /* before the filter, which refuses this call */
    bool filtered = !IS_SANITIZED && system_calls_filter(p->refusal);
    log_line(LOG_LEVEL_INFO, "privileges dropped", "uid=%u files=%s calls=%s", uid,
             confined ? "confined" : "open", filtered ? "filtered" : "open");
    return NULL;
}
