/* The control plane: rooms, participants and their negotiation, as JSON over WebSockets (docs/signaling.md).
 * For one thread. It never sees a media packet. Like the core, it calls no socket and no clock: texts, events
 * and time go in; texts and commands go out through `signal_io`. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include "sfu/message.h"
#include "sfu/registry.h"
#include "sfu/stats.h"
#include "signal/access.h"
#include <stdbool.h>
#include <stddef.h>

/* The version of docs/signaling.md: "protocol" in `joined`. RELEASE.md says when it changes. */
#define SIGNAL_PROTOCOL 1

struct hmac_sha1;
struct participant;

struct signal_io {
    void *context;
    void (*send)(void *context, void *socket, const char *text, size_t len);
    /* `signal_closed` follows later */
    void (*close)(void *context, void *socket, uint16_t code, const char *reason);
    void (*doubt)(void *context, void *socket); /* sends a ping and soon ends the socket if nothing comes
                                                   back; may be NULL */
    /* From now on the socket belongs to this participant; NULL: to none. Its events name the participant. */
    void (*attach)(void *context, void *socket, struct participant *);
    void (*command)(void *context, const struct message *); /* to the worker `to` */
    void (*random)(void *context, uint8_t *, size_t);       /* secret */
    int64_t (*wall)(void *context); /* s since 1970, for the validity of tokens; may be NULL without tokens */
};

struct signal_limits { /* 0: the default of limits.h */
    size_t rooms;
    size_t participants;  /* of a room */
    size_t loudest_from;  /* participants: from so many on, a room forwards only … */
    size_t loudest;       /* … so many sounds, at most LOUDEST_MAX, and the dominant speaker's */
    size_t tracks;        /* of one participant, at most PUBLICATIONS_MAX */
    size_t message;       /* bytes, as told to clients; the web server enforces it */
    unsigned joins_per_s; /* of one address; 0: no limit */
    unsigned sessions;    /* of one address; 0: no limit but the server's */
};

struct signal_config {
    struct registry *registry;
    const struct stats *const *stats; /* by worker */
    unsigned workers;
    uint8_t fingerprint[32];         /* of our certificate */
    const struct address *addresses; /* candidates: the announced addresses, or the machine's */
    size_t address_count;
    bool announced;                      /* true: `addresses` only; false: first the address by which the
                                         client reached us */
    uint16_t port, probe_port;           /* probe_port: a second port that answers plain STUN; 0: none */
    const struct hmac_sha1 *turn_secret; /* signs the clients' credentials for our TURN server; NULL: no
                                            TURN server */
    mp_time wall;                        /* NTP time (ns since 1900) at mp_time 0, for the expiry of
                                         credentials */
    const struct access *access;         /* NULL: any client may join any room */
    struct signal_limits limits;
    const char *version;
    size_t packets; /* each worker's pool, for /metrics */
};

struct signaling;
struct signaling *signal_new(const struct signal_config *, const struct signal_io *); /* NULL: no memory */
/* Every socket must be closed (signal_closed) before. */
void signal_free(struct signaling *);

/* The addresses changed: a name was looked up again. The array stays in place. */
void signal_addresses(struct signaling *, const struct address *, size_t count);

struct signal_client {            /* a new WebSocket */
    void *socket;                 /* passed to signal_io */
    struct address local, remote; /* the address that it reached, and the client's */
    bool forwarded;               /* a proxy forwards: `remote` is the proxy's address */
    const char *host;             /* its Host header */
    bool guest;                   /* a page of an unlisted foreign origin: needs a valid token */
};
/* NULL: no memory */
struct participant *signal_opened(struct signaling *, const struct signal_client *, mp_time now);
/* Queues the text for the room's turn, see signal_go_on. */
void signal_text(struct signaling *, struct participant *, const char *, size_t len, mp_time now);
/* Handles the text at once: the participant may be gone afterwards. */
void signal_heard(struct signaling *, struct participant *, const char *, size_t len, mp_time now);
/* Does the next piece of waiting work: handles a text, tells a room a piece of news, makes an offer. The
 * caller has a clock; it calls again while it has time, and serves its sockets in between. False: nothing
 * waits. */
bool signal_go_on(struct signaling *, mp_time now);
void signal_too_large(struct signaling *, struct participant *, mp_time now);
/* The caller must not use the participant afterwards. One that may resume is kept for a while. */
void signal_closed(struct signaling *, struct participant *, mp_time now);
void signal_event(struct signaling *, const struct message *, mp_time now); /* from a worker */
void signal_timeout(struct signaling *, mp_time now);
mp_time signal_deadline(const struct signaling *); /* MP_NEVER: nothing to do; 0: it must go on at once */
/* Sends `bye` to everyone and closes their sockets; refuses further joins. */
void signal_shutdown(struct signaling *, mp_time now);

/* A session's timeline as JSON, also for recently ended ones; malloc'ed. NULL: no such session, or no memory.
 * The caller checks access. */
char *signal_timeline(struct signaling *, uint32_t session, size_t *len);
/* The answer to a page's question before it joins, as JSON, malloc'ed: where this server takes STUN, and the
 * page's own address. NULL: no memory. `all`: every address and port; otherwise only the address that the
 * page reached, which it knows already. */
char *signal_network(const struct signaling *, const struct signal_client *, bool all, size_t *len);
/* Prometheus text, malloc'ed; NULL: no memory. */
char *signal_metrics(struct signaling *, size_t *len, mp_time now);
