/* State of a session on the worker that owns it. Every part of src/sfu that serves sessions works on it.
 *
 * Timer: one heap node, at the earliest of ICE's (consent, our own checks), DTLS retransmission, reports (1
 * s), transport feedback (on the first point of the grid at least TWCC_DELAY after the first packet it
 * covers), NACKs and key frame requests of its tracks, the line to it (downlink.h). */
#pragma once
#include "base/heap.h"
#include "base/prefetch.h"
#include "base/rate.h"
#include "crypto/crypto.h"
#include "proto/ice.h"
#include "proto/rtp.h"
#include "proto/srtp.h"
#include "proto/twcc.h"
#include "sfu/incoming.h"
#include "sfu/message.h"
#include "sfu/registry.h"
#include "sfu/senders.h"
#include "sfu/touched.h"
#include "sfu/viewed.h"
#include <stdbool.h>

struct downlink;
struct sfu;
struct dtls;
struct subscription;

/* The path and credentials that an association began with; an association of another transport of the client
 * has others. */
struct dtls_begin {
    struct path path;
    uint32_t generation; /* of our ICE credentials there */
};

struct session {
    struct heap_node timer; /* first: a timer is its session */
    struct touched touched;
    uint32_t id;
    uint16_t transport_seq;    /* of the next packet to it, across its subscriptions */
    struct srtp_tx *tx;        /* NULL until DTLS is up */
    struct downlink *downlink; /* NULL: it never had a subscription */
    struct ice ice;
    uint32_t generation; /* of our ICE credentials; told to the control plane, which drops older ones */
    struct {
        struct path path;
        uint8_t via;  /* the worker that receives its datagrams */
        mp_time told; /* when that worker was told, if it is another */
    } paths[ICE_TUPLES_MAX];
    uint8_t path_count;
    struct rate path_rate;  /* new paths told to other workers */
    struct rate event_rate; /* events for the timeline */
    uint8_t events_unsaid;
    struct sender senders[SENDERS_MAX]; /* SSRCs that it sent */
    uint8_t sender_count;
    mp_time lost_at;   /* time when its path was reported as silent; 0: not silent */
    struct path reply; /* source of the last DTLS datagram: answers go there before a path is nominated */

    struct dtls *dtls; /* NULL before the first datagram, and once the handshake is complete */
    mp_time dtls_until;
    struct dtls_goodbye goodbye;
    struct dtls_begin dtls_begin, keys_begin; /* start of `dtls`, and of the association whose keys are in
                                                 use */
    /* `dtls` is a second association and has not replaced the first yet */
    bool dtls_beside;
    struct rate dtls_rate; /* second associations begun */
    struct srtp_rx *rx;
    struct rtp_extension_ids extensions;
    char cname[CNAME_SIZE]; /* ours, in feedback to publishers */
    uint32_t ssrc;          /* ours, in feedback to publishers */

    struct rate publish_rate; /* bits */
    struct incoming *streams;
    struct {
        uint32_t ssrc;
        bool rtx;
        bool left;  /* its stream continues with another SSRC */
        bool named; /* named by a description */
        /* rtx of a layered stream: SSRC or rid of the packets that it repeats; 0: not known */
        uint32_t repairs, rid;
        mp_time heard;
        struct incoming *incoming;
    } by_ssrc[STREAMS_RX_MAX];
    uint8_t ssrc_count;
    struct twcc_record *twcc; /* publishers with the extension */
    mp_time twcc_at;
    uint32_t twcc_media;
    struct subscription *subscriptions;
    struct viewed viewed; /* the same by SSRC */
    mp_time asked_all;    /* its last key frame request without a source; 0: none */
    mp_time report_at;    /* MP_NEVER: nothing to report yet */
    mp_time rtt;          /* smoothed; 100 ms until measured */
    bool has_clock_offset;
    mp_time clock_offset; /* our time minus the publisher's NTP time, from the fastest report */
};

/* The path for media to the client: nominated and validated; NULL: none yet. */
static inline const struct path *session_path(const struct session *session)
{
    return ice_selected(&session->ice);
}

/* Prefetches the memory for a packet to the client: first the struct, and once that is in the cache, the
 * memory that it points to. */
static inline void session_prefetch(const struct session *session)
{
    prefetch(session, offsetof(struct session, ice.selected) + 1);
}
static inline void session_prefetch_transport(const struct session *session)
{
    if (session_path(session))
        prefetch(session_path(session), sizeof(struct path));
    if (session->tx)
        srtp_tx_prefetch(session->tx);
}
