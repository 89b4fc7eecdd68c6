#include "server/config.h"
#include "tests/unit/test.h"
#include <stdlib.h>
#include <unistd.h>

static char out[8192], err[8192];
static struct config config;
static char path[] = "/tmp/monoport-config-XXXXXX";

static void read_back(FILE *f, char *text)
{
    rewind(f);
    text[fread(text, 1, 8191, f)] = 0;
    fclose(f);
}

/* The words are separated by single spaces; "" gives none. */
static size_t split(char *text, char *words[32])
{
    size_t n = 0;
    for (char *w = strtok(text, " "); w && n < 31; w = strtok(NULL, " "))
        words[n++] = w;
    words[n] = NULL;
    return n;
}

/* Runs config_load with these words as arguments and as environment, and keeps what it prints. */
static enum config_result load(const char *flags, const char *environment)
{
    char f[1024], e[1024], *argv[34] = {f}, *env[32];
    snprintf(f, sizeof f, "monoport %s", flags);
    snprintf(e, sizeof e, "%s", environment);
    size_t argc = split(f, argv);
    split(e, env);
    FILE *o = tmpfile(), *x = tmpfile();
    fflush(stdout);
    fflush(stderr);
    int stdout_was = dup(1), stderr_was = dup(2);
    dup2(fileno(o), 1);
    dup2(fileno(x), 2);
    enum config_result r = config_load(&config, (int)argc, argv, env);
    fflush(stdout);
    fflush(stderr);
    dup2(stdout_was, 1);
    dup2(stderr_was, 2);
    close(stdout_was);
    close(stderr_was);
    read_back(o, out);
    read_back(x, err);
    return r;
}

static enum config_result load_file(const char *yaml, const char *flags, const char *environment)
{
    char all[1024];
    strcpy(path + sizeof path - 7, "XXXXXX");
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, yaml, strlen(yaml)) == (ssize_t)strlen(yaml));
    close(fd);
    snprintf(all, sizeof all, "--config %s %s", path, flags);
    enum config_result r = load(all, environment);
    unlink(path);
    return r;
}

/* Checks for one line that contains this. */
static bool complains(const char *text)
{
    const char *end = strchr(err, '\n');
    bool so = end && end[1] == 0 && strstr(err, text) && strncmp(err, "monoport: ", 10) == 0 && !out[0];
    if (!so)
        printf("# said: %s\n", err);
    return so;
}

static bool announces(size_t i, const char *text)
{
    char a[ADDRESS_TEXT_SIZE];
    return i < config.announce_count && strcmp(address_text(&config.announce[i], a), text) == 0;
}

static void defaults_are_as_documented(void)
{
    static const struct address any = {.port = 8000};
    CHECK_EQ(load("", ""), CONFIG_RUN);
    CHECK_EQ(config.port, 8000);
    CHECK(address_equal(&config.listen, &any) && config.announce_count == 0);
    CHECK(config.workers >= 1 && config.workers <= WORKERS_MAX);
    CHECK_EQ(config.sessions_max, SESSIONS_MAX_DEFAULT);
    CHECK_EQ(config.log_level, LOG_LEVEL_INFO);
    CHECK(!out[0] && !err[0]);
}

/* Whether --help names this default of this option. */
static bool helps(const char *option, const char *standard)
{
    char flag[64], text[64];
    snprintf(flag, sizeof flag, "--%s ", option);
    snprintf(text, sizeof text, "default: %s", standard);
    CHECK_EQ(load("--help", ""), CONFIG_DONE);
    const char *row = strstr(out, flag), *next = row ? strstr(row + 1, "\n  --") : NULL;
    const char *found = row ? strstr(row, text) : NULL;
    return found && (!next || found < next);
}

/* README, "Limits". */
static void max_sessions_is_4096_by_default(void)
{
    CHECK_EQ(load("", ""), CONFIG_RUN);
    CHECK_EQ(config.sessions_max, 4096);
    CHECK(helps("max-sessions", "4096"));
}

static void help_names_the_defaults_that_are_set(void)
{
    CHECK_EQ(load("", ""), CONFIG_RUN);
    CHECK(config.port == 8000 && strcmp(config.user, "nobody") == 0 && config.limits.message == 262144);
    CHECK(helps("port", "8000") && helps("user", "nobody") && helps("max-message", "262144"));
}

static void flags_are_read_in_both_spellings(void)
{
    char a[ADDRESS_TEXT_SIZE];
    CHECK_EQ(
        load("--port 9000 --listen=192.0.2.1 --announce 192.0.2.2,2001:db8::2 --workers=3 --max-sessions 10 "
             "--log-level debug",
             ""),
        CONFIG_RUN);
    CHECK(config.port == 9000 && config.workers == 3 && config.sessions_max == 10);
    CHECK(config.log_level == LOG_LEVEL_DEBUG &&
          strcmp(address_text(&config.listen, a), "192.0.2.1:9000") == 0);
    CHECK(config.announce_count == 2 && announces(0, "192.0.2.2:9000") && announces(1, "[2001:db8::2]:9000"));
    CHECK_EQ(load("--port 1 --port=2", ""), CONFIG_RUN);
    CHECK_EQ(config.port, 2);
    CHECK_EQ(load("--workers 0", ""), CONFIG_RUN);
    CHECK(config.workers >= 1);
}

static void every_address_has_several_spellings(void)
{
    static const struct address any = {.port = 8000};
    CHECK(load("--listen 0.0.0.0", "") == CONFIG_RUN && address_equal(&config.listen, &any));
    CHECK(load("--listen ::", "") == CONFIG_RUN && address_equal(&config.listen, &any));
    CHECK(load("--listen [::1]", "") == CONFIG_RUN && !address_equal(&config.listen, &any));
}

static void the_environment_counts_less_than_flags(void)
{
    CHECK_EQ(load("--workers 2",
                  "MONOPORT_PORT=7000 MONOPORT_WORKERS=5 MONOPORT_MAX_SESSIONS=77 MONOPORT_LOG_LEVEL= "
                  "MONOPORT_ELSE=x"),
             CONFIG_RUN);
    CHECK(config.port == 7000 && config.workers == 2 && config.sessions_max == 77);
    CHECK_EQ(load("", "MONOPORT_PORT=x"), CONFIG_ERROR);
    CHECK(complains("MONOPORT_PORT: \"x\" is not valid; expected: a number from 1 to 65535"));
}

static void the_file_counts_least(void)
{
    CHECK_EQ(
        load_file("# a comment\nport: 6000\nworkers: 4\nmax-sessions: \"12\"\nannounce:\n  - 192.0.2.9\n  - "
                  "2001:db8::9\nlog-level: warn\n",
                  "--workers 2", "MONOPORT_MAX_SESSIONS=13"),
        CONFIG_RUN);
    CHECK(config.port == 6000 && config.workers == 2 && config.sessions_max == 13);
    CHECK_EQ(config.log_level, LOG_LEVEL_WARN);
    CHECK(config.announce_count == 2 && announces(0, "192.0.2.9:6000") && announces(1, "[2001:db8::9]:6000"));
    CHECK_EQ(load("--announce 192.0.2.9,media.example.org,a-b.example", ""), CONFIG_RUN);
    CHECK(config.announce_count == 1 && config.announce_name_count == 2);
    CHECK(strcmp(config.announce_names[0], "media.example.org") == 0 &&
          strcmp(config.announce_names[1], "a-b.example") == 0);
    CHECK_EQ(load_file("announce: 192.0.2.9, 192.0.2.8\n", "", ""), CONFIG_RUN);
    CHECK(config.announce_count == 2 && announces(1, "192.0.2.8:8000"));
    CHECK_EQ(load_file("announce: [192.0.2.9]\n", "--announce 192.0.2.1", ""), CONFIG_RUN);
    CHECK(config.announce_count == 1 && announces(0, "192.0.2.1:8000"));
    CHECK_EQ(load_file("", "", ""), CONFIG_RUN);
    CHECK_EQ(load_file("# nothing\n", "", ""), CONFIG_RUN);
}

static void a_bad_file_is_named_with_its_line(void)
{
    char env[128];
    CHECK_EQ(load_file("port: 1\n\nprot: 2\n", "", ""), CONFIG_ERROR);
    CHECK(complains(":3: unknown option \"prot\""));
    CHECK_EQ(load_file("port: 1\nworkers: many\n", "", ""), CONFIG_ERROR);
    CHECK(complains(":2: workers: \"many\" is not valid"));
    CHECK_EQ(load_file("port: 1\nannounce: {a: b}\n", "", ""), CONFIG_ERROR);
    CHECK(complains(":2: expected NAME: VALUE"));
    CHECK_EQ(load_file("announce:\n  - [192.0.2.1]\n", "", ""), CONFIG_ERROR);
    CHECK(complains(":1: expected NAME: VALUE"));
    CHECK_EQ(load_file("- port\n", "", ""), CONFIG_ERROR);
    CHECK(complains(":1: expected lines of NAME: VALUE"));
    CHECK_EQ(load_file("port: [1\nworkers: 2\n", "", ""), CONFIG_ERROR);
    CHECK(complains(path));
    CHECK_EQ(load_file("port:\n", "", ""), CONFIG_ERROR);
    CHECK(complains(":1: port: \"\" is not valid"));
    CHECK_EQ(load_file("config: other.yaml\n", "", ""), CONFIG_ERROR);
    CHECK(complains("unknown option \"config\""));
    CHECK_EQ(load("--config /nowhere/monoport.yaml", ""), CONFIG_ERROR);
    CHECK(complains("/nowhere/monoport.yaml: No such file"));
    CHECK_EQ(load("--config /tmp", ""), CONFIG_ERROR);
    CHECK(complains("/tmp: Is a directory"));
    snprintf(env, sizeof env, "MONOPORT_CONFIG=/nowhere/else");
    CHECK_EQ(load("", env), CONFIG_ERROR);
    CHECK(complains("/nowhere/else"));
}

static void a_bad_flag_is_one_clear_line(void)
{
    static const struct {
        const char *flags, *says;
    } bad[] = {
        {"--prot 1", "unknown option \"--prot\""},
        {"port", "unknown option \"port\""},
        {"--", "unknown option \"--\""},
        {"-p 1", "unknown option \"-p\""},
        {"--help=x", "unknown option \"--help=x\""},
        {"--port", "--port needs a value: N"},
        {"--port=", "--port: \"\" is not valid"},
        {"--port 0", "--port: \"0\" is not valid; expected: a number from 1 to 65535"},
        {"--port 65536", "--port:"},
        {"--port -1", "--port:"},
        {"--port 80x", "--port:"},
        {"--port 99999999999999999999", "--port:"},
        {"--listen localhost", "--listen: \"localhost\" is not valid; expected: an IPv4 or IPv6 address"},
        {"--announce 192.0.2.1,", NULL},
        {"--announce ,192.0.2.1", "--announce:"},
        {"--announce 192.0.2.1,,192.0.2.2", "--announce:"},
        {"--announce 0.0.0.0", "--announce:"},
        {"--announce 192.0.2.256", "--announce:"},
        {"--announce -example.org", "--announce:"},
        {"--announce example..org", "--announce:"},
        {"--announce a_b.example", "--announce:"},
        {"--announce a.example,b.example,c.example,d.example,e.example,f.example,g.example,h.example,i.example",
         "--announce:"},
        {"--announce ::", "--announce:"},
        {"--announce 192.0.2.1:8000", "--announce:"},
        {"--workers 65", "--workers:"},
        {"--max-sessions 0", "--max-sessions:"},
        {"--max-sessions 1048576", "--max-sessions:"},
        {"--turn-secret too-short", "this value is not valid; expected: 16 to 128 characters"},
        {"--log-level loud", "expected: error, warn, info or debug"},
        {"--log-level \"\n\x1b[31m", "--log-level: \"\\\"??[31m\" is not valid"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum config_result r = load(bad[i].flags, "");
        CHECK_EQ(r, bad[i].says ? CONFIG_ERROR : CONFIG_RUN);
        CHECK(!bad[i].says || complains(bad[i].says));
    }
    char many[1024] = "--announce 192.0.2.1";
    for (int i = 1; i < CANDIDATES_MAX; i++)
        strcat(many, ",192.0.2.1");
    CHECK(load(many, "") == CONFIG_RUN && config.announce_count == CANDIDATES_MAX);
    CHECK_EQ(load(strcat(many, ",192.0.2.1"), ""), CONFIG_ERROR);
}

static void tls_and_its_certificate(void)
{
    static const struct {
        const char *environment, *state;
    } places[] = {{"", "/var/lib/monoport"},
                  {"HOME=/home/x", "/home/x/.local/state/monoport"},
                  {"HOME=/home/x XDG_STATE_HOME=/x/state", "/x/state/monoport"},
                  {"HOME=/home/x STATE_DIRECTORY=/var/lib/service", "/var/lib/service"},
                  {"XDG_STATE_HOME=relative", "/var/lib/monoport"},
                  {"HOME=/home/x MONOPORT_STATE=/there", "/there"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        CHECK_EQ(load("", places[i].environment), CONFIG_RUN);
        CHECK(strcmp(config.state, places[i].state) == 0);
    }
    CHECK(!*config.certificate && !*config.key && !config.plain);
    CHECK(load("--cert a.pem --key=b.pem --plain --workers 3", "") == CONFIG_RUN && config.plain &&
          config.workers == 3);
    CHECK(strcmp(config.certificate, "a.pem") == 0 && strcmp(config.key, "b.pem") == 0);
    CHECK(load("--plain=no", "MONOPORT_PLAIN=yes") == CONFIG_RUN && !config.plain);
    CHECK(load("--plain", "MONOPORT_PLAIN=no") == CONFIG_RUN && config.plain);
    CHECK(load("--plain=maybe", "") == CONFIG_ERROR && complains("yes or no"));
    CHECK(load("--cert a.pem", "") == CONFIG_ERROR && complains("must be given together"));
    CHECK(load("", "MONOPORT_KEY=b.pem") == CONFIG_ERROR && complains("must be given together"));
    CHECK(load_file("plain: yes\ncert: x\nkey: y\n", "", "") == CONFIG_RUN && config.plain &&
          *config.key == 'y');
}

static void a_probe_port_is_another_one(void)
{
    CHECK_EQ(load("", ""), CONFIG_RUN);
    CHECK_EQ(config.probe_port, 0);
    CHECK_EQ(load("--port 9000 --probe-port 9001", ""), CONFIG_RUN);
    CHECK_EQ(config.probe_port, 9001);
    CHECK_EQ(load("--port 9000", "MONOPORT_PROBE_PORT=9000"), CONFIG_ERROR);
    CHECK(complains("--probe-port: 9000 is the main port"));
}

static void help_and_version_are_printed(void)
{
    CHECK_EQ(load("--version", ""), CONFIG_DONE);
    CHECK(strcmp(out, "monoport " MONOPORT_VERSION "\n") == 0 && !err[0]);
    CHECK_EQ(load("--port 1 --help --nonsense", "MONOPORT_PORT=nonsense"), CONFIG_DONE);
    CHECK(strstr(out, "--max-sessions N") && strstr(out, "MONOPORT_MAX_SESSIONS") &&
          strstr(out, "default: 8000"));
    CHECK_EQ(load("--man", ""), CONFIG_DONE);
    CHECK(strstr(out, ".TH MONOPORT 1") == out && strstr(out, "MONOPORT_MAX_SESSIONS") && !err[0]);
    CHECK_EQ(load("--help", ""), CONFIG_DONE);
    CHECK(strstr(out, "default: 4096") && strstr(out, "MONOPORT_CONFIG") && !err[0]);
    for (const char *line = out; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        CHECK(strcspn(line, "\n") <= 100);
}

TEST_MAIN(TEST(defaults_are_as_documented), TEST(max_sessions_is_4096_by_default),
          TEST(help_names_the_defaults_that_are_set), TEST(flags_are_read_in_both_spellings),
          TEST(every_address_has_several_spellings), TEST(the_environment_counts_less_than_flags),
          TEST(the_file_counts_least), TEST(a_bad_file_is_named_with_its_line),
          TEST(a_bad_flag_is_one_clear_line), TEST(tls_and_its_certificate),
          TEST(a_probe_port_is_another_one), TEST(help_and_version_are_printed))
