#include "server/config.h"
#include "base/manual.h"
#include "server/config_file.h"
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING(x)          STRING_(x)
#define STRING_(x)         #x
#define ENVIRONMENT_PREFIX "MONOPORT_"
#define ENV_SIZE           MANUAL_ENVIRONMENT_SIZE

#define PORT_DEFAULT 8000
#define USER_DEFAULT "nobody"

/* --- values --- a setter returns the allowed values if the text is invalid; NULL: it took the value. */

typedef const char *setter(struct config *, const char *text);

static bool number(const char *text, unsigned long min, unsigned long max, unsigned long *v)
{
    char *end;
    if (!isdigit((unsigned char)*text) || strlen(text) > 9)
        return false;
    *v = strtoul(text, &end, 10);
    return *end == 0 && *v >= min && *v <= max;
}

static const char *set_port(struct config *c, const char *text)
{
    unsigned long v;
    if (!number(text, 1, 65535, &v))
        return "a number from 1 to 65535";
    c->port = (uint16_t)v;
    return NULL;
}

static bool is_unspecified(const struct address *a)
{
    static const uint8_t zero[16];
    return address_is_v4(a) ? memcmp(a->ip + 12, zero, 4) == 0 : memcmp(a->ip, zero, 16) == 0;
}

static const char *set_listen(struct config *c, const char *text)
{
    struct address a;
    if (!address_parse(&a, text, 0))
        return "an IPv4 or IPv6 address of this machine";
    c->listen = is_unspecified(&a) ? (struct address){.port = 0} : a;
    return NULL;
}

/* RFC 1123 2.1; a name of digits and dots only is a malformed address. */
static bool is_host_name(const char *name)
{
    size_t n = strlen(name);
    bool letter = false;
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)name[i]) && !(strchr("-.", name[i]) && i > 0 && name[i - 1] != '.'))
            return false;
        letter |= isalpha((unsigned char)name[i]) != 0;
    }
    return letter && n < RESOLVER_NAME_SIZE;
}

static bool add_announced(struct config *c, const char *entry)
{
    struct address a;
    if (address_parse(&a, entry, 0)) {
        if (is_unspecified(&a) || c->announce_count == CANDIDATES_MAX)
            return false;
        c->announce[c->announce_count++] = a;
        return true;
    }
    if (!is_host_name(entry) || c->announce_name_count == RESOLVER_NAMES_MAX)
        return false;
    snprintf(c->announce_names[c->announce_name_count++], RESOLVER_NAME_SIZE, "%s", entry);
    return true;
}

static const char *set_announce(struct config *c, const char *text)
{
    c->announce_count = c->announce_name_count = 0;
    while (*text) {
        char entry[RESOLVER_NAME_SIZE];
        size_t n = strcspn(text, ","), space = strspn(text, " ");
        snprintf(entry, sizeof entry, "%.*s", (int)(n - (space < n ? space : n)), text + space);
        entry[strcspn(entry, " ")] = 0;
        if (n >= sizeof entry || !add_announced(c, entry))
            return "up to " STRING(
                CANDIDATES_MAX) " IPv4 or IPv6 addresses and up to 8 host names, separated by commas";
        text += n + (text[n] == ',');
    }
    return NULL;
}
_Static_assert(RESOLVER_NAMES_MAX == 8, "what set_announce says");

static const char *set_probe_port(struct config *c, const char *text)
{
    unsigned long v;
    if (!number(text, 1, 65535, &v))
        return "a number from 1 to 65535";
    c->probe_port = (uint16_t)v;
    return NULL;
}

static const char *set_workers(struct config *c, const char *text)
{
    unsigned long v;
    if (!number(text, 0, WORKERS_MAX, &v))
        return "a number from 1 to " STRING(WORKERS_MAX) ", or 0 for one per core";
    c->workers = (unsigned)v;
    return NULL;
}

static const char *set_sessions(struct config *c, const char *text)
{
    unsigned long v;
    if (!number(text, 1, SESSIONS_MAX, &v))
        return "a number from 1 to 1048575";
    c->sessions_max = (unsigned)v;
    return NULL;
}
_Static_assert(SESSIONS_MAX == 1048575, "what set_sessions says");

static const char *set_log_level(struct config *c, const char *text)
{
    return log_level_parse(&c->log_level, text) ? NULL : "error, warn, info or debug";
}

static const char *set_cipher(struct config *c, const char *text)
{
    c->cipher = strcmp(text, "openssl") == 0 ? CRYPTO_OPENSSL : CRYPTO_BEST;
    return c->cipher == CRYPTO_OPENSSL || strcmp(text, "auto") == 0 ? NULL : "auto or openssl";
}

static const char *set_sending(struct config *c, const char *text)
{
    static const char *const names[] = {[UDP_RUNS] = "gso", [UDP_BATCHES] = "batch", [UDP_SINGLY] = "single"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            c->sending = (enum udp_sending)i;
            return NULL;
        }
    return "gso, batch or single";
}

static const char *set_turn_secret(struct config *c, const char *text)
{
    size_t n = strlen(text);
    if (n < TURN_SECRET_MIN || n > TURN_SECRET_MAX)
        return STRING(TURN_SECRET_MIN) " to " STRING(TURN_SECRET_MAX) " characters";
    memcpy(c->turn_secret, text, n + 1);
    return NULL;
}

static const char *set_user(struct config *c, const char *text)
{
    if (!*text || strlen(text) >= USER_SIZE)
        return "a user's name or number";
    memcpy(c->user, text, strlen(text) + 1);
    return NULL;
}

static const char *set_path(char to[PATH_SIZE], const char *text)
{
    if (strlen(text) >= PATH_SIZE)
        return "a path of less than " STRING(PATH_SIZE) " bytes";
    memcpy(to, text, strlen(text) + 1);
    return NULL;
}

static const char *set_certificate(struct config *c, const char *text)
{
    return set_path(c->certificate, text);
}
static const char *set_key(struct config *c, const char *text) { return set_path(c->key, text); }
static const char *set_state(struct config *c, const char *text) { return set_path(c->state, text); }

static const char *set_plain(struct config *c, const char *text)
{
    c->plain = strcmp(text, "yes") == 0;
    return c->plain || strcmp(text, "no") == 0 ? NULL : "yes or no";
}

static const char *set_keep_privileges(struct config *c, const char *text)
{
    c->keep_privileges = strcmp(text, "yes") == 0;
    return c->keep_privileges || strcmp(text, "no") == 0 ? NULL : "yes or no";
}

static const char *set_refused_calls(struct config *c, const char *text)
{
    bool kills = strcmp(text, "kill") == 0;
    c->refused_calls = kills ? SYSTEM_CALL_KILLS : SYSTEM_CALL_FAILS;
    return kills || strcmp(text, "fail") == 0 ? NULL : "fail or kill";
}

#define NUMBER(setter_, field, min, max)                                                                     \
    static const char *setter_(struct config *c, const char *text)                                           \
    {                                                                                                        \
        unsigned long v;                                                                                     \
        if (!number(text, min, max, &v))                                                                     \
            return "a number from " #min " to " #max;                                                        \
        c->field = (unsigned)v;                                                                              \
        return NULL;                                                                                         \
    }
NUMBER(set_rooms, limits.rooms, 1, 1048576)
NUMBER(set_participants, limits.participants, 1, 1048576)
NUMBER(set_tracks, limits.tracks, 1, 8)
NUMBER(set_message, limits.message, 16384, 16777216)
NUMBER(set_queue, web_limits.queue, 65536, 268435456)
NUMBER(set_connections, arrivals.connections, 0, 1000000)
NUMBER(set_connection_rate, arrivals.connections_per_s, 0, 1000000)
NUMBER(set_join_rate, limits.joins_per_s, 0, 1000000)
NUMBER(set_address_sessions, limits.sessions, 0, 1000000)
NUMBER(set_bitrate, publish_bps, 0, 4000000000)
_Static_assert(PUBLICATIONS_MAX == 8, "what set_tracks says");

static const char *set_word(unsigned *to, const char *const *words, const char *text)
{
    for (*to = 0; words[*to]; ++*to)
        if (strcmp(words[*to], text) == 0)
            return NULL;
    return "";
}

static const char *set_token_algorithm(struct config *c, const char *text)
{
    static const char *const words[] = {
        [ACCESS_HS256] = "HS256", [ACCESS_RS256] = "RS256", [ACCESS_ES256] = "ES256", NULL};
    unsigned word;
    const char *wrong = set_word(&word, words, text);
    c->access.algorithm = (enum access_algorithm)word;
    return wrong ? "HS256, RS256 or ES256" : NULL;
}

static const char *set_token_key(struct config *c, const char *text)
{
    FILE *f = fopen(text, "re");
    size_t n = f ? fread(c->token_key, 1, sizeof c->token_key, f) : 0;
    bool whole = f && !ferror(f) && n > 0 && n < sizeof c->token_key;
    if (f)
        fclose(f);
    while (whole && n > 0 && (c->token_key[n - 1] == '\n' || c->token_key[n - 1] == '\r'))
        n--;
    c->token_key[whole ? n : 0] = 0;
    c->access.key_len = whole ? n : 0;
    return whole ? NULL : "a file that can be read, of at most " STRING(TOKEN_KEY_MAX) " bytes";
}

static const char *set_list(char to[LIST_SIZE], const char *text)
{
    if (strlen(text) >= LIST_SIZE)
        return "less than " STRING(LIST_SIZE) " characters";
    memcpy(to, text, strlen(text) + 1);
    return NULL;
}

static const char *set_open_rooms(struct config *c, const char *text)
{
    return set_list(c->open_rooms, text);
}
static const char *set_origins(struct config *c, const char *text) { return set_list(c->origins, text); }

static const char *set_who(enum access_who *to, const char *text)
{
    static const char *const words[] = {
        [ACCESS_ANYONE] = "anyone", [ACCESS_LOCAL] = "local", [ACCESS_TOKEN] = "token", NULL};
    unsigned word;
    const char *wrong = set_word(&word, words, text);
    *to = (enum access_who)word;
    return wrong ? "anyone, local or token" : NULL;
}

static const char *set_api(struct config *c, const char *text) { return set_who(&c->api, text); }
static const char *set_metrics(struct config *c, const char *text) { return set_who(&c->metrics, text); }

/* --- the options --- */

static const struct option {
    const char *name, *value, *standard, *help; /* value NULL: a switch, whose value is "yes" unless given */
    setter *set;                                /* NULL: --config, which is read before all others */
} options[] = {
    /* `standard` is only the text of --help: config_load sets the value */
    {"port", "N", STRING(PORT_DEFAULT), "number of the TCP and of the UDP port", set_port},
    {"listen", "ADDR", "every address", "the address to listen on", set_listen},
    {"announce", "ADDR,...", "the addresses of this machine",
     "the addresses or names that clients connect to", set_announce},
    {"probe-port", "N", "none", "a second UDP port, by which clients can measure the kind of their NAT",
     set_probe_port},
    {"workers", "N", "one per core", "number of threads that forward media", set_workers},
    {"max-sessions", "N", STRING(SESSIONS_MAX_DEFAULT), "maximum number of clients", set_sessions},
    {"max-rooms", "N", STRING(ROOMS_MAX), "maximum number of rooms", set_rooms},
    {"max-participants", "N", STRING(ROOM_PARTICIPANTS_MAX), "maximum number of clients in one room",
     set_participants},
    {"max-tracks", "N", STRING(PUBLICATIONS_MAX), "maximum number of tracks that one client may publish",
     set_tracks},
    {"max-bitrate", "BPS", STRING(PUBLISH_BPS),
     "maximum RTP bitrate of one client; packets over it are dropped; 0: no limit", set_bitrate},
    {"max-message", "BYTES", STRING(WS_MESSAGE_MAX), "maximum size of a message to the server", set_message},
    {"max-queue", "BYTES", STRING(WS_QUEUE_MAX), "close a client whose unsent data exceeds this", set_queue},
    {"address-connections", "N", STRING(ADDRESS_CONNECTIONS),
     "maximum TCP connections from one address (IPv6: /64); 0: no limit", set_connections},
    {"address-connection-rate", "N", STRING(ADDRESS_CONNECTION_RATE),
     "maximum new TCP connections a second from one address; 0: no limit", set_connection_rate},
    {"address-join-rate", "N", STRING(ADDRESS_JOIN_RATE),
     "maximum joins a second from one address; 0: no limit", set_join_rate},
    {"address-sessions", "N", STRING(ADDRESS_SESSIONS),
     "maximum number of clients from one address; 0: no limit", set_address_sessions},
    {"cipher", "NAME", "auto", "cipher implementation: auto (the fastest for this CPU) or openssl",
     set_cipher},
    {"send", "HOW", "gso", "how to send datagrams: gso (runs), batch or single", set_sending},
    {"turn-secret", "TEXT", "random",
     "secret of the TURN credentials; servers with the same name must share it", set_turn_secret},
    {"cert", "FILE", "self-signed", "the TLS certificate and its chain, PEM", set_certificate},
    {"key", "FILE", "self-signed", "private key of the certificate, PEM", set_key},
    {"state", "DIR", "the user's state directory", "directory of the self-signed certificate", set_state},
    {"plain", NULL, "no", "serve HTTP without TLS to other machines too; for use behind a proxy", set_plain},
    {"token-key", "FILE", "none: every room is open",
     "file with the key that verifies tokens: the secret, or a public key (PEM)", set_token_key},
    {"token-algorithm", "NAME", "HS256", "algorithm of the tokens: HS256, RS256 or ES256",
     set_token_algorithm},
    {"open-rooms", "ROOM,...", "none", "rooms that need no token although others do; * for all",
     set_open_rooms},
    {"allow-origins", "URL,...", "its own",
     "sites whose pages may connect without a token (https://a.example); * for all", set_origins},
    {"api", "WHO", "local", "access to /api: anyone, local (this machine, or with an admin's token) or token",
     set_api},
    {"metrics", "WHO", "local", "access to /metrics: anyone, local or token", set_metrics},
    {"user", "NAME", USER_DEFAULT, "account (name or number) to run as if root starts Monoport", set_user},
    {"keep-privileges", NULL, "no", "do not drop privileges; for debuggers", set_keep_privileges},
    {"refused-calls", "HOW", "fail", "effect of a system call that serving does not need: fail or kill",
     set_refused_calls},
    {"log-level", "LEVEL", "info", "log level: error, warn, info or debug", set_log_level},
    {"config", "FILE", "none", "YAML file with these options, without the dashes", NULL},
};
#define OPTION_COUNT (sizeof options / sizeof *options)

static const struct option *find_option(const char *name, size_t len)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0)
            return &options[i];
    return NULL;
}

static const char *environment_name(const struct option *o, char name[ENV_SIZE])
{
    return manual_environment(ENVIRONMENT_PREFIX, o->name, name);
}

static bool is_secret(const struct option *o) { return o->set == set_turn_secret; }

static bool take(struct config *c, const struct option *o, const char *where, const char *text)
{
    char quoted[128];
    const char *allowed = *text ? o->set(c, text) : "a value";
    if (!allowed)
        return true;
    config_complain(where, "%s is not valid; expected: %s",
                    is_secret(o) ? "this value" : log_quote(quoted, sizeof quoted, text), allowed);
    return false;
}

static bool take_entry(void *context, const char *where, const char *key, const char *value)
{
    const struct option *o = find_option(key, strlen(key));
    char place[1200], quoted[128];
    if (!o || !o->set) {
        config_complain(where, "unknown option %s", log_quote(quoted, sizeof quoted, key));
        return false;
    }
    snprintf(place, sizeof place, "%s: %s", where, key);
    return take(context, o, place, value);
}

/* --- flags and environment --- */

/* --help, or the manual page. */
static void print_manual(void print(const struct manual *, FILE *))
{
    struct manual_option rows[OPTION_COUNT];
    struct manual manual = {
        .program = "monoport",
        .version = MONOPORT_VERSION,
        .purpose = "WebRTC SFU on one port",
        .synopsis = "[OPTION]...",
        .description = "Forwards calls and streams of web browsers (WebRTC) over one TCP and one UDP port.",
        .environment_prefix = ENVIRONMENT_PREFIX,
        .notes = "A flag takes precedence over the environment, the environment over the file of --config.",
        .options = rows,
        .count = OPTION_COUNT,
    };
    for (size_t i = 0; i < OPTION_COUNT; i++)
        rows[i] = (struct manual_option){.name = options[i].name,
                                         .value = options[i].value,
                                         .standard = options[i].standard,
                                         .help = options[i].help};
    print(&manual, stdout);
}

static const char *environment_value(char *const *environment, const struct option *o)
{
    char name[ENV_SIZE];
    size_t n = strlen(environment_name(o, name));
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
            return (*environment)[n + 1] ? *environment + n + 1 : NULL; /* empty counts as not set */
    return NULL;
}

/* Stores the value of each flag; the last one counts. */
static enum config_result read_flags(int argc, char **argv, const char *given[OPTION_COUNT])
{
    char quoted[128];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_manual(manual_help);
            return CONFIG_DONE;
        }
        if (strcmp(argv[i], "--man") == 0) {
            print_manual(manual_page);
            return CONFIG_DONE;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("monoport " MONOPORT_VERSION "\n");
            return CONFIG_DONE;
        }
        size_t n = strcspn(argv[i], "=");
        const struct option *o =
            n > 2 && strncmp(argv[i], "--", 2) == 0 ? find_option(argv[i] + 2, n - 2) : NULL;
        if (!o) {
            fprintf(stderr, "monoport: unknown option %s; --help lists them\n",
                    log_quote(quoted, sizeof quoted, argv[i]));
            return CONFIG_ERROR;
        }
        const char *value = argv[i][n] == '=' ? argv[i] + n + 1 : o->value ? argv[++i] : "yes";
        if (!value) {
            fprintf(stderr, "monoport: --%s needs a value: %s\n", o->name, o->value);
            return CONFIG_ERROR;
        }
        given[o - options] = value;
    }
    return CONFIG_RUN;
}

static bool read_file(struct config *c, const char *const given[OPTION_COUNT], char *const *environment)
{
    const struct option *o = find_option("config", strlen("config"));
    const char *path = given[o - options] ? given[o - options] : environment_value(environment, o);
    return !path || config_file_read(path, take_entry, c);
}

static bool apply(struct config *c, const char *const given[OPTION_COUNT], char *const *environment)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char where[ENV_SIZE];
        const char *value = environment_value(environment, &options[i]);
        if (!options[i].set)
            continue;
        if (value && !take(c, &options[i], environment_name(&options[i], where), value))
            return false;
        snprintf(where, sizeof where, "--%s", options[i].name);
        if (given[i] && !take(c, &options[i], where, given[i]))
            return false;
    }
    return true;
}

static unsigned cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

/* The default of --state: systemd's directory, else the user's (XDG), else the system's. */
static void default_state(struct config *c, char *const *environment)
{
    static const struct {
        const char *name, *below;
    } places[] = {
        {"STATE_DIRECTORY=", ""}, {"XDG_STATE_HOME=", "/monoport"}, {"HOME=", "/.local/state/monoport"}};
    snprintf(c->state, sizeof c->state, "/var/lib/monoport");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (char *const *e = environment; e && *e; e++) {
            size_t n = strlen(places[i].name);
            if (strncmp(*e, places[i].name, n) != 0 || (*e)[n] != '/')
                continue;
            snprintf(c->state, sizeof c->state, "%.900s%s", *e + n, places[i].below);
            return;
        }
}

enum config_result config_load(struct config *c, int argc, char **argv, char *const *environ_)
{
    const char *given[OPTION_COUNT] = {NULL};
    *c = (struct config){
        .port = PORT_DEFAULT,
        .sessions_max = SESSIONS_MAX_DEFAULT,
        .publish_bps = PUBLISH_BPS,
        .api = ACCESS_LOCAL,
        .metrics = ACCESS_LOCAL,
        .user = USER_DEFAULT,
        .limits = {.joins_per_s = ADDRESS_JOIN_RATE, .sessions = ADDRESS_SESSIONS, .message = WS_MESSAGE_MAX},
        .arrivals = {.connections = ADDRESS_CONNECTIONS, .connections_per_s = ADDRESS_CONNECTION_RATE},
        .log_level = LOG_LEVEL_INFO};
    default_state(c, environ_);
    enum config_result r = read_flags(argc, argv, given);
    if (r != CONFIG_RUN)
        return r;
    if (!read_file(c, given, environ_) || !apply(c, given, environ_))
        return CONFIG_ERROR;
    if (!*c->certificate != !*c->key) {
        config_complain(*c->key ? "--cert" : "--key", "--cert and --key must be given together");
        return CONFIG_ERROR;
    }
    c->web_limits.message = c->limits.message;
    if (c->probe_port == c->port) {
        config_complain("--probe-port", "%u is the main port; choose another one", c->port);
        return CONFIG_ERROR;
    }
    c->access.key = c->token_key;
    c->access.open_rooms = c->open_rooms;
    c->access.origins = c->origins;
    if (c->workers == 0)
        c->workers = cores();
    c->listen.port = c->port;
    for (size_t i = 0; i < c->announce_count; i++)
        c->announce[i].port = c->port;
    return CONFIG_RUN;
}
