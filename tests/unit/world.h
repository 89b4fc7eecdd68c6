/* A server of several workers and its clients, in memory: it delivers datagrams and messages at once; time
 * passes only on command. The control plane is the test itself. */
#pragma once
#include "client/client.h"
#include "proto/rtcp.h"
#include "sfu/message.h"
#include "sfu/registry.h"
#include "sfu/sfu.h"
#include "sfu/turn/relay_config.h"

#define WORLD_WORKERS_MAX 4
#define WORLD_CLIENTS_MAX 128
#define WORLD_WALL        MP_S(3900000000) /* NTP time less the world's */
#define WORLD_SESSIONS    64               /* of the registry, unless world_open_for says more */
#define WORLD_EVENTS_MAX  2048

struct world;

struct world_client {
    struct client *client;
    uint32_t session;
    struct session_credentials credentials;
    uint32_t generation;  /* of the credentials that the server was told */
    unsigned received_by; /* worker that its datagrams reach */
    uint32_t link;        /* link of these datagrams; LINK_UDP unless a test sets another */
    unsigned by_link;     /* datagrams received by that link */
    unsigned rtp, rtcp, pli, nacked, twcc, sr, rr;
    struct rtcp_sr last_sr;
    /* that feedback told, by the number's last 4 bits, since its reference time of 0 */
    int64_t arrivals_250us[16];
    uint32_t last_pli;  /* the SSRC that the last one named */
    uint8_t last[1600]; /* the last RTP packet, plain */
    size_t last_len;
    void (*on_rtp)(struct world_client *, const uint8_t *, size_t);
    void *user;
    /* If set, takes its datagrams instead of the network (a tunnel). */
    void (*outgoing)(struct world *, struct world_client *, const uint8_t *, size_t);
};

struct world {
    mp_time now;
    mp_time late; /* delay between a datagram's arrival and its reading */
    unsigned workers;
    struct registry *registry;
    struct dtls_identity *identity, *client_identity;
    struct dtls_identity *expected; /* whose fingerprint the descriptions name, if not client_identity's */
    struct crypto *crypto[WORLD_WORKERS_MAX], *client_crypto;
    struct stats stats[WORLD_WORKERS_MAX];
    struct sfu *sfu[WORLD_WORKERS_MAX];
    struct world_client clients[WORLD_CLIENTS_MAX];
    size_t client_count;
    struct message events[WORLD_EVENTS_MAX]; /* to the control plane */
    size_t event_count;
    unsigned told[MESSAGE_TRANSMIT + 1]; /* messages of a worker to a worker, by type */
    /* publish.others[1] of world_publish: payload types from 64 on that the client may send instead */
    uint64_t others;
    uint8_t red;  /* publish.red_payload_type of world_publish */
    bool passive; /* joining clients are passive, and the server begins the DTLS handshake */
    bool (*lose)(struct world *, bool to_client, const uint8_t *, size_t); /* true: this datagram is lost */
    unsigned to_strangers; /* datagrams to an address without a client */
    /* may be NULL; is given those */
    void (*stranger)(struct world *, const struct path *, const uint8_t *, size_t);
    struct relay_config relay;
};

void world_open(struct world *, unsigned workers);
void world_open_for(struct world *, unsigned workers, uint32_t sessions);
void world_close(struct world *); /* checks that every pool is back */
/* A session, and a client that talks to it by worker `received_by`. */
struct world_client *world_join(struct world *, unsigned received_by);
void world_connect(struct world *, struct world_client *); /* until DTLS is up: at most 2 s of the world */
/* lets time pass and runs everything that is due */
void world_run(struct world *, mp_time duration);
void world_settle(struct world *);                  /* delivers until no datagram or message is left */
void world_command(struct world *, struct message); /* to the worker `to` */
/* tells the owner c->credentials and the client's */
void world_restarted(struct world *, struct world_client *, unsigned owner);
void world_client_restarts(struct world *, struct world_client *); /* the client's side of it */
/* the client replaces its transport: another port, new ICE and DTLS */
void world_another_transport(struct world *, struct world_client *);
/* forged */
void world_datagram(struct world *, unsigned worker, const struct path *from_client, const uint8_t *, size_t);
unsigned world_owner(const struct world *, const struct world_client *);
/* the last; NULL: none */
const struct message *world_event(const struct world *, enum message_type, uint32_t session);
uint64_t world_drops(const struct world *, enum drop_reason);

/* Commands. */
void world_publish(struct world *, struct world_client *, uint32_t track, enum codec, uint32_t ssrc);
void world_subscribe(struct world *, struct world_client *viewer, struct world_client *publisher,
                     uint32_t track, enum codec, uint32_t ssrc);
/* Sends one packet of a published stream: VP8 or H.264 (a key frame's first packet or not) or Opus, of
 * `size` payload bytes. */
void world_send(struct world *, struct world_client *, enum codec, uint32_t ssrc, uint64_t index,
                uint32_t timestamp, bool keyframe, bool marker, size_t size);
/* The same with bytes of the test's choice. Ids are the publisher's: see world_connect. */
struct world_rtp {
    enum codec codec;
    uint32_t ssrc, timestamp;
    uint64_t index;
    bool marker, rtx;
    struct bytes payload, values[EXT_COUNT]; /* values: extensions beside the transport-wide number */
    uint8_t payload_type;                    /* 0: the codec's */
};
void world_send_rtp(struct world *, struct world_client *, const struct world_rtp *);
void world_send_rtcp(struct world *, struct world_client *, const uint8_t *, size_t);
