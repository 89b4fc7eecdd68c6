/* What a worker knows of a session that it owns. Every part of src/sfu that serves sessions works on it.
 *
 * Timer: one heap node, at the earliest of ICE's (consent, our own checks), DTLS retransmission, reports (1 s), transport feedback (on the first
 * point of the grid at least TWCC_DELAY after the first packet it covers), NACKs and key frame requests of its tracks. */
#pragma once
#include "crypto/crypto.h"
#include "base/heap.h"
#include "proto/ice.h"
#include "sfu/registry.h"
#include "sfu/message.h"
#include "base/prefetch.h"
#include "base/rate.h"
#include "proto/rtp.h"
#include "sfu/incoming.h"
#include "sfu/senders.h"
#include "proto/srtp.h"
#include "sfu/touched.h"
#include "proto/twcc.h"
#include "sfu/viewed.h"
#include <stdbool.h>

struct sfu;
struct dtls;
struct subscription;

/* Where an association began: a client's other transport begins its own elsewhere. */
struct dtls_begin {
    struct path path;
    uint32_t generation; /* of our ICE credentials there */
};

struct session {
    struct heap_node timer; /* first: a timer is its session */
    struct touched touched;
    uint32_t id;
    uint16_t transport_seq; /* of the next packet to it, over all its subscriptions */
    struct srtp_tx *tx;     /* NULL until DTLS is up */
    struct ice ice;
    uint32_t generation; /* of our ICE credentials; the control plane knows that older ones have ended */
    struct {
        struct path path;
        uint8_t via;  /* worker that receives what comes by it */
        mp_time told; /* that worker, if it is another */
    } paths[ICE_TUPLES_MAX];
    uint8_t path_count;
    struct rate path_rate;  /* new paths that others are told of */
    struct rate event_rate; /* events for the timeline */
    uint8_t events_unsaid;
    struct sender senders[SENDERS_MAX]; /* SSRCs that it was heard under */
    uint8_t sender_count;
    mp_time lost_at;   /* its selected path was told to give no sign of life; 0: it does */
    struct path reply; /* where the last DTLS datagram came from: answers go there before a path is nominated */

    struct dtls *dtls; /* NULL until the first datagram, and when it has done its work */
    mp_time dtls_until;
    struct dtls_goodbye goodbye;
    struct dtls_begin dtls_begin, keys_begin; /* of `dtls`, and of the association whose keys are in use */
    bool dtls_beside;                         /* `dtls` began beside that one and has not taken its place */
    struct rate dtls_rate;                    /* associations that begin beside one */
    struct srtp_rx *rx;
    struct rtp_extension_ids extensions;
    char cname[CNAME_SIZE]; /* ours, in feedback to publishers */
    uint32_t ssrc; /* likewise */

    struct rate publish_rate; /* bits */
    struct incoming *streams;
    struct {
        uint32_t ssrc;
        bool rtx;
        bool left;  /* its stream goes on under another one */
        bool named; /* in a description */
        uint32_t repairs, rid; /* rtx, of a layered stream: whose packets it repeats, by either; 0: not known */
        mp_time heard;
        struct incoming *incoming;
    } by_ssrc[STREAMS_RX_MAX];
    uint8_t ssrc_count;
    struct twcc_record *twcc; /* publishers with the extension */
    mp_time twcc_at;
    uint32_t twcc_media;
    struct subscription *subscriptions;
    struct viewed viewed; /* the same by SSRC */
    mp_time asked_all;    /* its last request of a key frame that named no source; 0: none yet */
    mp_time report_at; /* MP_NEVER: nothing to report yet */
    mp_time rtt;       /* smoothed; 100 ms until measured */
    bool has_clock_offset;
    mp_time clock_offset; /* our time minus the publisher's NTP time, by its quickest report */
};

/* Where media for it goes: nominated and validated; NULL: nowhere yet. */
static inline const struct path *session_path(const struct session *session) { return ice_selected(&session->ice); }

/* Fetch what a packet to it needs: first what is here, then, when that has come, what it points to. */
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
