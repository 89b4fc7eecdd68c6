/* Counters of one worker: one writer, read by any thread. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

/* Why a datagram or a packet was dropped. X(name, label) */
#define DROP_REASONS(X)                                                                                      \
    X(DROP_NOT_OURS, "unknown_kind")     /* unknown first byte, or too short */                              \
    X(DROP_UNKNOWN_PATH, "unknown_path") /* DTLS or (S)RTP by a path without a check */                      \
    X(DROP_STUN_MALFORMED, "stun_malformed")                                                                 \
    X(DROP_STUN_UFRAG, "stun_unknown_ufrag")                                                                 \
    X(DROP_STUN_INTEGRITY, "stun_integrity")                                                                 \
    X(DROP_LINK, "wrong_link")     /* a connectivity check by the TCP connection of a TURN client */         \
    X(DROP_STUN_RATE, "stun_rate") /* plain Binding requests over the source's rate */                       \
    X(DROP_DTLS, "dtls")                                                                                     \
    X(DROP_SRTP_EARLY, "srtp_before_keys")                                                                   \
    X(DROP_SRTP_SHORT, "srtp_short")                                                                         \
    X(DROP_SRTP_AUTH, "srtp_auth")                                                                           \
    X(DROP_SRTP_REPLAY, "srtp_replay")                                                                       \
    X(DROP_SRTP_STREAMS, "srtp_streams")                                                                     \
    X(DROP_RTP_MALFORMED, "rtp_malformed")                                                                   \
    X(DROP_RTP_STREAM, "rtp_unknown_stream") /* authentic, but of no published track */                      \
    X(DROP_RTP_RATE, "rtp_rate")             /* authentic, but over the session's limit */                   \
    X(DROP_RTP_DUPLICATE, "rtp_duplicate")                                                                   \
    X(DROP_RTCP_MALFORMED, "rtcp_malformed")                                                                 \
    X(DROP_POOL, "packet_pool")                                                                              \
    X(DROP_PENDING, "pending_full") /* too many packets of a track between two drains */                     \
    X(DROP_OUTBOX, "outbox_full")                                                                            \
    X(DROP_INBOX, "inbox_full") /* another worker was too slow */                                            \
    X(DROP_PATHS, "path_table_full")                                                                         \
    X(DROP_STRAY, "stray")                 /* passed to a worker without the session */                      \
    X(DROP_FEEDBACK_RATE, "feedback_rate") /* more reports of a viewer than any browser sends */             \
    X(DROP_RTX_BUDGET, "rtx_budget")                                                                         \
    X(DROP_RTX_LATE, "rtx_late")       /* sound that its viewer would get too late to play it */             \
    X(DROP_RELAY, "relay")             /* TURN: no such allocation, permission or channel; not a request */  \
    X(DROP_STREAM_FULL, "stream_full") /* a TCP client reads too slowly */                                   \
    X(DROP_STREAM_FRAME, "stream_frame") /* the connection's framing cannot carry it */                      \
    X(DROP_SEND, "send_error")                                                                               \
    X(DROP_SOCKET, "socket_full") /* by the kernel: the worker read too slowly */

#define X(name, label) name,
enum drop_reason { DROP_REASONS(X) DROP_COUNT };
#undef X

/* X(name, help) */
#define STATS_COUNTERS(X)                                                                                    \
    X(packets_in, "Datagrams received")                                                                      \
    X(bytes_in, "Bytes received, of datagrams' payloads")                                                    \
    X(packets_out, "Datagrams sent")                                                                         \
    X(bytes_out, "Bytes sent, of datagrams' payloads")                                                       \
    X(sends, "Send operations; one carries a run of datagrams")                                              \
    X(checks, "Authenticated connectivity checks")                                                           \
    X(rtp_in, "RTP packets of published tracks")                                                             \
    X(rtp_out, "RTP packets forwarded to viewers")                                                           \
    X(nack_in, "Sequence numbers that viewers reported missing")                                             \
    X(nack_out, "Sequence numbers that publishers were asked for again")                                     \
    X(rtx_in, "Packets that publishers sent again")                                                          \
    X(rtx_out, "Packets sent again to viewers")                                                              \
    X(padding_out, "Packets of padding sent to viewers, to see whether their lines bear more")               \
    X(history_full, "Packets that could not be sent again: histories had their share of the pool")           \
    X(feedback_in, "Transport-wide feedback packets of viewers")                                             \
    X(red_in, "Packets of sounds recovered from blocks in later packets (RED)")                              \
    X(red_out, "Packets sent to viewers with blocks of earlier ones (RED)")                                  \
    X(pli_in, "Key frame requests of viewers")                                                               \
    X(pli_refused, "Key frame requests over a viewer's share of a track that others watch")                  \
    X(pli_out, "Key frame requests to publishers")                                                           \
    X(tracks_stalled, "Times that a publisher went on and answered no key frame request")                    \
    X(strays_out, "Datagrams passed to the worker that owns their session")                                  \
    X(media_out, "Packets copied to other workers")                                                          \
    X(relayed_in, "Datagrams from TURN clients")                                                             \
    X(relayed_out, "Datagrams to TURN clients")                                                              \
    X(turn_errors, "TURN requests of authenticated clients that were refused")                               \
    X(streams_opened, "TCP connections that carry datagrams")                                                \
    X(streams_refused, "TCP connections for which there was no room")                                        \
    X(streams_tls_failed, "TLS handshakes that failed")                                                      \
    X(streams_malformed, "TCP connections closed for what they sent")                                        \
    X(streams_silent, "TCP connections closed as no authenticated client used them")                         \
    X(stream_frames_in, "Datagrams received by TCP")                                                         \
    X(stream_frames_out, "Datagrams sent by TCP, dropped ones included")                                     \
    X(stream_bytes_in, "Bytes received by TCP, TLS not counted")                                             \
    X(stream_bytes_out, "Bytes sent by TCP, TLS not counted")                                                \
    X(busy_ns, "CPU time of the worker's thread")

struct stats {
#define X(name, help) _Atomic uint64_t name;
    STATS_COUNTERS(X)
#undef X
    _Atomic uint64_t sessions, tracks, subscriptions, streams, pool_used, allocations; /* gauges */
    _Atomic uint64_t drops[DROP_COUNT];
};

/* One writer: a load and a store, no locked instruction. */
static inline void stat_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}
static inline void stat_set(_Atomic uint64_t *gauge, uint64_t n)
{
    atomic_store_explicit(gauge, n, memory_order_relaxed);
}
static inline uint64_t stat_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}
