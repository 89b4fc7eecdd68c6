/* A simulated client: opens a WebSocket, joins, negotiates, connects, sends and watches. When a connection
 * ends, it opens a new one, as the page does. */
#pragma once
#include "client/client.h"
#include "load/describe.h"
#include "tests/sim/media.h"
#include "tests/sim/network.h"
#include "tests/sim/roster.h"
#include "tests/sim/sim.h"

#define DECODERS_MAX 64
#define ENCODERS     3

enum guest_role { GUEST_CALL, GUEST_STREAM, GUEST_WATCH };

struct socket; /* a WebSocket, see socket.h */

struct guest {
    struct event timer;
    struct host host;
    unsigned number;

    /* What the user wants. */
    bool wanted;
    unsigned room;
    enum guest_role role;
    bool layered;     /* sends its video in two layers */
    bool without_rtx; /* does not support RTX in either direction */

    /* Its connection; a new one resets all of this. */
    uint32_t life;         /* connections so far */
    mp_time again_at;      /* next attempt; MP_NEVER: none is planned */
    struct socket *socket; /* NULL: none */
    char id[40], ufrag[9], password[33];
    struct description description;
    struct source sources[2];
    struct address server; /* the address that it chose */
    struct dtls_identity *identity;
    struct client *client; /* NULL: not answered yet */
    mp_time opened_at, heard_at, report_at;
    uint16_t twcc;
    uint32_t ssrc;                     /* of its receiver reports */
    struct encoder encoders[ENCODERS]; /* sound, pictures, the same smaller */
    struct decoder decoders[DECODERS_MAX];
    bool muted;           /* as it last reported */
    struct roster roster; /* the others */
};

struct guest *guest_new(struct sim *, unsigned number, struct nat *);
void guest_free(struct guest *);
struct host *guest_host(struct guest *);

void guest_want(struct sim *, struct guest *, unsigned room, enum guest_role, mp_time at);
enum guest_end { GUEST_LEAVES /* says so */, GUEST_CLOSES, GUEST_VANISHES };
void guest_unwant(struct sim *, struct guest *, enum guest_end);
/* Its link ended; it reconnects after a while if the user still wants to be in the room. */
void guest_lost(struct sim *, struct guest *, enum guest_end);

void guest_mute(struct sim *, struct guest *, unsigned times); /* changes it so often */

void guest_datagram(struct sim *, struct guest *, const uint8_t *, size_t len);
void guest_text(struct sim *, struct guest *, const char *, size_t len);
void guest_closed(struct sim *, struct guest *); /* its socket */
void guest_plan(struct sim *, struct guest *);   /* call after a change that may affect its next deadline */

static inline bool guest_publishes(const struct guest *g) { return g->wanted && g->role != GUEST_WATCH; }
static inline bool guest_watches(const struct guest *g) { return g->wanted && g->role != GUEST_STREAM; }
bool guest_connected(const struct guest *);
/* Its decoder for another guest's current connection; NULL: nothing received yet. */
const struct decoder *guest_sees(const struct guest *, const struct guest *publisher, bool video);
