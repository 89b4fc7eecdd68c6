/* Flags, MONOPORT_… environment variables and a YAML file, in this order of precedence, into one validated
 * struct. */
#pragma once
#include "base/limits.h"
#include "base/log.h"
#include "base/path.h"
#include "crypto/crypto.h"
#include "http/web.h"
#include "net/arrivals.h"
#include "net/resolver.h"
#include "net/system_calls.h"
#include "net/udp.h"
#include "signal/access.h"
#include "signal/signaling.h"
#include <stdbool.h>
#include <stddef.h>

#define PATH_SIZE     1024
#define TOKEN_KEY_MAX 16384 /* bytes of the file of --token-key */
#define LIST_SIZE     4096
#define USER_SIZE     33

struct config {
    uint16_t port;                           /* --port, 8000 */
    struct address listen;                   /* --listen, ip all zero: every address; port filled in */
    struct address announce[CANDIDATES_MAX]; /* --announce; port filled in */
    size_t announce_count;
    char announce_names[RESOLVER_NAMES_MAX][RESOLVER_NAME_SIZE]; /* --announce: the names */
    size_t announce_name_count; /* no addresses and no names: use the machine's */
    /* --workers; 0 given or default: one per core; 1..WORKERS_MAX after parsing */
    unsigned workers;
    unsigned sessions_max;                       /* --max-sessions */
    unsigned publish_bps;                        /* --max-bitrate; 0: no limit */
    enum crypto_kind cipher;                     /* --cipher auto|openssl */
    enum udp_sending sending;                    /* --send gso|batch|single */
    char turn_secret[TURN_SECRET_MAX + 1];       /* --turn-secret; empty: random */
    char certificate[PATH_SIZE], key[PATH_SIZE]; /* --cert, --key: both or neither; "": self-signed */
    char state[PATH_SIZE];                       /* --state: directory for files that outlive the process */
    uint16_t probe_port;                         /* --probe-port; 0: none */
    bool plain;                                  /* --plain: HTTP without TLS for all machines */
    struct access access;                        /* --token-algorithm; its texts are those below */
    char token_key[TOKEN_KEY_MAX + 1]; /* contents of the file of --token-key, without a final newline */
    char open_rooms[LIST_SIZE];        /* --open-rooms */
    char origins[LIST_SIZE];           /* --allow-origins */
    /* --max-rooms, --max-participants, --max-tracks, --max-message, --address-join-rate,
     * --address-sessions */
    struct signal_limits limits;
    struct web_limits web_limits;           /* --max-message, --max-queue */
    struct arrivals_limits arrivals;        /* --address-connections, --address-connection-rate */
    enum access_who api, metrics;           /* --api, --metrics */
    char user[USER_SIZE];                   /* --user: account to run as, if started by root */
    bool keep_privileges;                   /* --keep-privileges: for a debugger */
    enum system_call_refusal refused_calls; /* --refused-calls fail|kill */
    enum log_level log_level;               /* --log-level error|warn|info|debug, info */
};

enum config_result {
    CONFIG_RUN,
    CONFIG_DONE /* --help, --version: printed, exit 0 */,
    CONFIG_ERROR /* one line on stderr, exit 2 */
};
enum config_result config_load(struct config *, int argc, char **argv, char *const *environ_);
