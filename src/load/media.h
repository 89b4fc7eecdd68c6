/* A media thread for a share of the clients. Each client has a socket, an ICE + DTLS + SRTP transport, its
 * sent and its received streams. The thread owns them; other threads send it commands, read its progress, and
 * read the peers after its end. */
#pragma once
#include "base/heap.h"
#include "client/client.h"
#include "load/feedback.h"
#include "load/histogram.h"
#include "load/line.h"
#include "load/options.h"
#include "load/sink.h"
#include "load/source.h"
#include "load/turn_client.h"
#include <stdatomic.h>

struct dtls_identity;

struct media_peer {
    unsigned number; /* of the client, in the whole run */
    bool receives;
    unsigned streams_told;   /* the number of streams that the others publish for it */
    unsigned streams_wanted; /* the number of streams that it will receive */
    int fd;
    struct media_stream *stream; /* NULL: UDP */
    bool waited; /* true while joining: the thread waits for the socket; afterwards it reads at fixed
                    intervals */
    struct client *client;
    struct sink sink;
    struct source sources[1 + SIMULCAST_MAX]; /* audio first, the layers of the video in order */
    unsigned source_count;
    uint16_t twcc;
    uint32_t ssrc; /* of its receiver reports */
    struct heap_node timer;
    struct feedback *feedback; /* NULL: it sends none */
    struct line line;          /* that its packets pass */
    mp_time report_at, feedback_at;
    mp_time connected_at, media_at, complete_at; /* 0: not yet; complete: all wanted streams flow */
    bool failed;
    unsigned stay;
    /* number of the last stay that got so far; any thread may read it */
    _Atomic unsigned stay_connected, stay_complete;
};

struct media_remote { /* results of a client's signaling, for its transport */
    unsigned stay;    /* number of the client's stay */
    char ufrag[32], password[64], remote_ufrag[64], remote_password[64];
    struct fingerprint fingerprint;
    struct address server;
    struct turn_login turn; /* of ways by TURN */
};

struct media_progress {                           /* one writer, the thread */
    _Atomic uint64_t connected, complete, failed; /* clients */
    _Atomic uint64_t sent, received, gaps;        /* packets; gaps: sequence numbers missing so far */
};

enum media_phase { MEDIA_JOINING, MEDIA_MEASURING, MEDIA_DRAINING };

struct media_totals { /* of the measured time */
    uint64_t sent, received, expected, duplicates, samples, samples_bad, send_errors, ignored;
    uint64_t largest;                                      /* received datagram, bytes */
    uint64_t missing_joining;                              /* packets lost before it */
    uint64_t pli, nacks;                                   /* received by publishers */
    uint64_t feedbacks;                                    /* sent by viewers */
    uint64_t layer_streams[SIMULCAST_MAX], layer_switches; /* as samples show them */
    uint64_t line_lost, line_bytes;                        /* lost on narrow lines; delivered by them */
    struct histogram line_wait;
    struct histogram latency;
};

struct media;
/* Thread `index` of options->threads; it has the clients whose number modulo threads is `index`. NULL: no
 * memory. */
struct media *media_start(const struct options *, unsigned index, uint32_t run, struct dtls_identity *);
/* The first source's SSRCs are in the offer, so sources exist before the client connects. */
struct media_peer *media_peer(struct media *, unsigned number);
bool media_connect(struct media *, unsigned number, const struct media_remote *); /* false: no memory */
/* afterwards the client may connect again; false: no memory */
bool media_disconnect(struct media *, unsigned number);
void media_set_phase(struct media *, enum media_phase);
const struct media_progress *media_progress(const struct media *);
void media_stop(struct media *);                   /* ends the thread */
struct media_totals *media_totals(struct media *); /* after media_stop; without `expected` */
void media_free(struct media *);
