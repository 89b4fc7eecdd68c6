/* The control plane: rooms, participants and their negotiation, spoken as JSON over WebSockets (docs/signaling.md). One
 * thread; it never touches a media packet. Like the core it knows no socket and no clock: texts, events and time go in; texts
 * and commands go out through `signal_io`. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include "sfu/message.h"
#include "sfu/registry.h"
#include "sfu/stats.h"
#include "signal/access.h"
#include <stdbool.h>
#include <stddef.h>

/* The version of docs/signaling.md that is spoken: "protocol" in `joined`. RELEASE.md says when it changes. */
#define SIGNAL_PROTOCOL 1

struct hmac_sha1;
struct participant;

struct signal_io {
    void *context;
    void (*send)(void *context, void *socket, const char *text, size_t len);
    void (*close)(void *context, void *socket, uint16_t code, const char *reason); /* `signal_closed` follows later */
    void (*doubt)(void *context, void *socket); /* asks it for a sign of life, and ends it soon without one; may be NULL */
    /* From now on the socket is this participant's; NULL: nobody's. What it does is told with that. */
    void (*attach)(void *context, void *socket, struct participant *);
    void (*command)(void *context, const struct message *);                        /* to the worker `to` */
    void (*random)(void *context, uint8_t *, size_t);                              /* secret */
    int64_t (*wall)(void *context); /* s since 1970: tokens are valid by it; may be NULL where there are none */
};

struct signal_limits { /* 0: what limits.h says */
    size_t rooms;
    size_t participants; /* of a room */
    size_t tracks;       /* that one participant publishes, at most PUBLICATIONS_MAX */
    size_t message;      /* bytes: what clients are told, the web server sees to it */
    unsigned joins_per_s; /* of one address; 0: as many as it likes */
    unsigned sessions;    /* of one address; 0: as many as there is room for */
};

struct signal_config {
    struct registry *registry;
    const struct stats *const *stats; /* by worker */
    unsigned workers;
    uint8_t fingerprint[32];          /* of our certificate */
    const struct address *addresses;  /* candidates: what was announced, or what the machine has */
    size_t address_count;
    bool announced;                   /* `addresses` is all; else the address that a client reached us by comes first */
    uint16_t port, probe_port;        /* probe_port: a second one that answers plain STUN; 0: none */
    const struct hmac_sha1 *turn_secret; /* clients are given credentials for our TURN server; NULL: there is none */
    mp_time wall;                     /* NTP time (ns since 1900) at mp_time 0: credentials expire by it */
    const struct access *access;      /* NULL: everybody may join every room */
    struct signal_limits limits;
    const char *version;
    size_t packets;                   /* each worker's pool, for /metrics */
};

struct signaling;
struct signaling *signal_new(const struct signal_config *, const struct signal_io *); /* NULL: no memory */
/* Every socket must be closed (signal_closed) before. */
void signal_free(struct signaling *);

/* The addresses are others now: of a name that was looked up. They stay where they are. */
void signal_addresses(struct signaling *, const struct address *, size_t count);

struct signal_client { /* a new WebSocket */
    void *socket;         /* given back to signal_io */
    struct address local, remote; /* the address that it reached, and its own */
    bool forwarded;       /* a proxy is between: `remote` is its address */
    const char *host;     /* its Host header */
    bool guest;           /* a page of an origin that is neither ours nor listed: a token lets it in, and nothing else */
};
struct participant *signal_opened(struct signaling *, const struct signal_client *, mp_time now); /* NULL: no memory */
/* What it says is heard in its turn, see signal_go_on. */
void signal_text(struct signaling *, struct participant *, const char *, size_t len, mp_time now);
/* It is heard at once: the participant may be gone afterwards. */
void signal_heard(struct signaling *, struct participant *, const char *, size_t len, mp_time now);
/* Does the next piece of what waits: hears a text, tells a room a piece of news, makes an offer. The caller, who has a clock,
 * goes on while it has time, and looks after its sockets in between. False: nothing waits any more. */
bool signal_go_on(struct signaling *, mp_time now);
void signal_too_large(struct signaling *, struct participant *, mp_time now);
/* The participant is gone afterwards, for whom the caller cares: one that may resume is kept for a while. */
void signal_closed(struct signaling *, struct participant *, mp_time now);
void signal_event(struct signaling *, const struct message *, mp_time now); /* from a worker */
void signal_timeout(struct signaling *, mp_time now);
mp_time signal_deadline(const struct signaling *); /* MP_NEVER: no need; 0: it must go on */
/* Says `bye` to everyone and closes their sockets; further joins are refused. */
void signal_shutdown(struct signaling *, mp_time now);

/* A session's timeline as JSON, also of the last ones that ended; malloc'ed. NULL: no such session, or no memory. Who may read it
 * is the caller's to know. */
char *signal_timeline(struct signaling *, uint32_t session, size_t *len);
/* What a page may ask before it joins, as JSON, malloc'ed: where this server takes STUN, and where the page came from. NULL:
 * no memory. `all`: every address and port; else what it knows already, the address that it reached. */
char *signal_network(const struct signaling *, const struct signal_client *, bool all, size_t *len);
/* Prometheus text, malloc'ed; NULL: no memory. */
char *signal_metrics(struct signaling *, size_t *len, mp_time now);
