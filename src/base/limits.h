/* Every bound of the program that is not a wire constant, and how the bounds relate.
 * A full pool or table is a counted drop or a refused join, never a crash. */
#pragma once

/* Datagrams. 1500 is Ethernet's MTU; nothing that we build is larger than DATAGRAM_OUT_MAX, which fits every
 * path that IPv6 allows (1280) with room for the IPv6, UDP and TURN headers. */
#define DATAGRAM_IN_MAX    1500
#define DATAGRAM_OUT_MAX   1232
#define DTLS_MTU           1200
#define PACKET_TAIL        64 /* room behind the payload: authentication tag, ROC, padding that evens a run */
#define PACKET_SIZE        (DATAGRAM_IN_MAX + PACKET_TAIL)

/* The process, and one worker. */
#define WORKERS_MAX           64
#define WATCHED_MAX           (WORKERS_MAX + 3) /* threads: workers, front, control, probe port */
#define SESSIONS_MAX_DEFAULT  4096
#define SESSION_SLOT_BITS     20 /* of a session's id */
#define SESSIONS_MAX          ((1 << SESSION_SLOT_BITS) - 1) /* the last slot's last id is SESSION_NONE */
#define PACKET_POOL(sessions) (8192 + 4 * (size_t)(sessions)) /* packets of PACKET_SIZE a worker */
#define RX_BATCH              64        /* datagrams (or GRO bundles) a receive call */
#define TX_BATCH              64        /* messages a send call; larger batches gain nothing */
#define RUN_PACKETS_MAX       16        /* packets of one GSO run: one lost run is one viewer's burst */
#define RUN_PADDING_MAX       15        /* bytes of RTP padding that may even a run */
#define TX_ARENA_SIZE         (128 * 1024) /* written, then read by the kernel: it should still be in the cache */
#define RING_SIZE             (1 << 20) /* bytes of one direction between two threads */

/* One session. */
#define ICE_TUPLES_MAX        8
#define ICE_GENERATIONS_MAX   3   /* credentials of one session at once: those in use, and of two restarts under way */
#define UFRAG_SIZE            12 /* local ufrag: 4 characters of slot, 8 random */
#define PASSWORD_SIZE         24
#define ICE_CREDENTIAL_MAX    256 /* RFC 8445 5.3 allows 256 characters for either */
#define REMOTE_UFRAG_MAX      64  /* of a client's: browsers have 4 or 8 characters, others up to 16 */
#define MID_SIZE              64  /* of a mid with its end; Chromium's and Firefox's are 1-3 characters */
#define MID_ELEMENT_MAX       16  /* RFC 8285 4.2: longer ones are not sent with packets, where a=ssrc tells the same */
#define FINGERPRINTS_SIZE     128 /* bytes of a client's fingerprints: four of SHA-256, two of SHA-512 */
#define PUBLISH_BPS           100000000 /* bits of RTP a second that one session may publish, unless configured otherwise */
#define STREAMS_RX_MAX        32  /* SSRCs that one session may publish, RTX included */
#define STREAMS_RTCP_MAX      (256 + STREAMS_RX_MAX) /* SSRCs that its RTCP may come from: Firefox has one for each m= line */
#define DTLS_INPUT_MAX        64  /* datagrams that one handshake may take from a client */
#define DTLS_FLIGHT_MAX       256 /* bytes of a server's last flight that are kept: it has about 90 */
#define DTLS_REPEATS_MAX      16  /* times that it is sent again */
#define EXTENSION_ID_MAX      14  /* RFC 8285: ids 1-14 fit the one-byte form */

/* One track. */
#define HISTORY_VIDEO         512 /* packets kept for retransmission: about 1 s at 5 Mbit/s */
#define HISTORY_AUDIO         64
#define NACK_MISSING_MAX      256 /* sequence numbers one stream may be waiting for */
#define NACK_TRIES_MAX        10
#define LAYERS_MAX            4   /* of one source (simulcast); browsers send three */
#define PENDING_MAX           512 /* packets of a track between two drains: a quarter of a second that the worker stood still, at 20 Mbit/s */

/* Signaling. */
#define ROOM_NAME_MAX         64
#define ROOM_DEFAULT          "default" /* of clients that name none */
#define PARTICIPANT_NAME_MAX  64
#define PEER_ID_MAX           64
#define ROOMS_MAX             4096 /* unless configured otherwise … */
#define ROOM_PARTICIPANTS_MAX 1024 /* … this too */
#define WATCHERS_LISTED_MAX   32   /* of a room: further ones are only counted, or each join would be told to everybody */
#define WEB_ADOPTIONS_A_TURN  64 /* connections that the web server takes in before it looks around … */
#define WEB_CHUNKS_A_TURN     64 /* … and pieces of answers that it sends */
#define WEB_CONNECTIONS_MAX   65536 /* of HTTP and WebSocket, where the limit of descriptors allows as many */
#define HTTP_HEAD_MAX         (16 * 1024) /* bytes of a request's line and fields */
#define HTTP_FIELDS_MAX       96
#define HTTP_HOST_SIZE        256
#define HTTP_BODY_MAX         (64 * 1024) /* of a request: an SDP offer has 5-15 KiB */
#define WHIP_RESOURCES_MAX    4096 /* sessions that were made by HTTP */
#define WS_MESSAGE_MAX        (256 * 1024)
#define WS_FRAGMENTS_MAX      1024 /* of one message: they may be empty, so that its size says nothing */
#define WS_QUEUE_MAX          (1024 * 1024) /* bytes a socket may owe before it is closed as too slow */
#define TOKEN_MAX             4096 /* characters */
#define TOKEN_LEEWAY_S        60   /* that the clock of whoever signs tokens may be ahead (RFC 7519 4.1.5) */
#define JSON_DEPTH_MAX        16
#define JSON_VALUES_MAX       1000 /* of one message, each of which is an allocation of the parser's */
#define SDP_SECTIONS_MAX      256
#define SDP_CODECS_MAX        64 /* payload types of one section */
#define SDP_SSRCS_MAX         16 /* SSRCs named in one section */
#define PUBLICATIONS_MAX      8   /* sources that one participant may publish */
#define TIMELINE_EVENTS_MAX   64  /* of a session, kept for bug reports: 2 KiB */
#define TIMELINES_ENDED_MAX   64  /* sessions that ended, whose timelines are kept */
#define CANDIDATES_MAX        32 /* addresses of this server in one answer */

/* One address: what it may have and do unless configured otherwise (an office of a thousand behind one NAT may), buckets,
 * and how many seconds of its rates it may spend at once. */
#define ADDRESS_CONNECTIONS     2048
#define ADDRESS_CONNECTION_RATE 400
#define ADDRESS_JOIN_RATE       200
#define ADDRESS_SESSIONS        2048
#define CALLER_BUCKETS        4096
#define CALLER_BURST_S        5

/* What one client may say: messages a second (a large one counts for several) and offers among them, and how many at once. An
 * offer is answered with a description of everything, and of some messages all others are told. */
#define CLIENT_MESSAGES_PER_S 100
#define CLIENT_MESSAGES_BURST 400
#define CLIENT_MESSAGE_UNIT   (64 * 1024) /* bytes for which a message counts once more */
#define CLIENT_OFFERS_PER_S   10
#define CLIENT_OFFERS_BURST   100

/* What one room may make the control thread say, bytes a second and at once, all its members together: the offers that it makes to
 * them, and what it tells them of each other. What is over waits, and is told as things are then. A room of 1,000 with 250 tracks
 * takes 220 MB to describe once, one of 50 with 100 tracks 4 MB. */
#define ROOM_OFFERS_PER_S     (8 * 1024 * 1024)
#define ROOM_OFFERS_BURST     (64 * 1024 * 1024)
#define ROOM_NEWS_PER_S       (4 * 1024 * 1024)
#define ROOM_NEWS_BURST       (16 * 1024 * 1024)
#define UPDATES_PER_S         4 /* participant-updated of one participant */

/* Unauthenticated answers (plain Binding requests): answers a second and source (network), and buckets for sources. */
#define STUN_ANSWERS_PER_S    50
#define STUN_ANSWERS_BURST    100
#define STUN_BUCKETS          4096

/* The TURN server inside, a worker. One client's browser makes an allocation for each of its interfaces and each way (UDP, TCP,
 * TLS), and as many again while it restarts ICE; an address may be a whole office. */
#define RELAY_ALLOCATIONS_MAX      4096
#define RELAY_USER_ALLOCATIONS_MAX 24
#define RELAY_NETWORK_ALLOCATIONS_MAX 1024 /* an IPv4 address, or a /64 of IPv6 */
#define RELAY_PERMISSIONS_MAX      16 /* of one allocation: its only peers are this server's own addresses */
#define RELAY_CHANNELS_MAX         16
#define RELAY_BUCKETS              1024 /* heads of the lists that count a user's and a network's allocations */
#define TURN_PEERS_MAX             RELAY_PERMISSIONS_MAX /* of one request */
#define TURN_CREDENTIAL_S          86400 /* how long a credential opens new allocations */
#define TURN_SECRET_MIN            16 /* characters of the configured secret */
#define TURN_SECRET_MAX            128

/* TCP connections: until their first bytes tell what they are, and those that carry datagrams. */
#define FRONT_PENDING_MAX     8192  /* connections that said nothing useful yet; the oldest makes room */
#define FRONT_PENDING_SOURCE  256   /* of one address (IPv6: one /64), likewise */
#define FIRST_BYTES_MAX       8192  /* of a ClientHello; browsers' have about 2000 */
#define STREAM_TABLE_MAX      16384 /* of one worker; the index in a link has 14 bits */
#define STREAM_STRANGERS_MAX  2048  /* of them, that no authenticated client uses yet; the oldest makes room */
#define STREAM_HANDSHAKES     4     /* steps of TLS handshakes a turn of a worker: each signs once, for up to a millisecond */
#define STREAM_TLS_CHUNK      16384 /* bytes handed to TLS at once: one record */
#define STREAM_DATAGRAM_MAX   (PACKET_SIZE + 64) /* in a frame: what is forwarded may be longer than what came in, TURN adds a header */
#define STREAM_FRAME_MAX      (4 + STREAM_DATAGRAM_MAX)
#define STREAM_QUEUE_SIZE     (256 * 1024) /* bytes that wait for a slow one: a large key frame, 0.8 s of 2.5 Mbit/s */
#define STREAM_UNSENT_MAX     (64 * 1024)  /* bytes that wait in the kernel: what is there cannot be dropped any more */
#define H2_STREAMS_MAX        32   /* requests of one connection at a time */
#define H2_PATH_MAX           (TOKEN_MAX + 512)
#define H2_HEADERS_MAX        8192 /* bytes of one request's headers, as HTTP/1.1 has them */
#define H2_HELD_MAX           (256 * 1024) /* bytes of requests that one connection has not been answered */
#define H2_RESPONSE_CHUNK     8192 /* bytes of a response that are translated at once */
#define H2_OUTPUT_MIN         (H2_RESPONSE_CHUNK + 512) /* room for the largest frame that is sent */
#define STREAM_READ_SIZE      (32 * 1024)  /* bytes of one connection a turn; holds a TLS record */

_Static_assert(DTLS_MTU <= DATAGRAM_OUT_MAX, "a DTLS flight's datagrams fit the path");
_Static_assert(RUN_PACKETS_MAX <= 128, "the kernel takes at most 128 segments a send");
_Static_assert(RUN_PACKETS_MAX * PACKET_SIZE <= 65507, "a run fits one UDP send");
_Static_assert(RUN_PACKETS_MAX *PACKET_SIZE <= TX_ARENA_SIZE, "a run fits the arena");
_Static_assert(PACKET_TAIL >= RUN_PADDING_MAX + 16 + 4, "padding, tag and ROC fit behind the payload");
_Static_assert(PACKET_SIZE * 4 <= RING_SIZE, "a ring holds more than one message");
_Static_assert((HISTORY_VIDEO & (HISTORY_VIDEO - 1)) == 0, "a history is indexed by mask");
_Static_assert((HISTORY_AUDIO & (HISTORY_AUDIO - 1)) == 0, "a history is indexed by mask");
_Static_assert(PUBLICATIONS_MAX * 2 <= STREAMS_RX_MAX, "every source and its retransmissions have an SSRC");
_Static_assert(STREAMS_RTCP_MAX >= SDP_SECTIONS_MAX + STREAMS_RX_MAX, "feedback of every section is heard");
_Static_assert((STREAM_QUEUE_SIZE & (STREAM_QUEUE_SIZE - 1)) == 0, "a queue is indexed by mask");
_Static_assert(STREAM_QUEUE_SIZE >= RUN_PACKETS_MAX * STREAM_FRAME_MAX, "a queue holds a run");
_Static_assert(STREAM_TLS_CHUNK >= H2_OUTPUT_MIN, "a frame fits a TLS record");
_Static_assert(H2_HELD_MAX > HTTP_BODY_MAX + H2_HEADERS_MAX, "a connection holds the largest request");
_Static_assert(HTTP_HEAD_MAX >= H2_PATH_MAX + H2_HEADERS_MAX + 512, "a head of HTTP/2 is one of HTTP/1.1");
_Static_assert(STREAM_READ_SIZE >= 16384 + STREAM_FRAME_MAX, "a TLS record fits behind a partial frame");
_Static_assert(2 * ADDRESS_SESSIONS <= SESSIONS_MAX_DEFAULT, "one address does not fill the server");
_Static_assert(PENDING_MAX <= HISTORY_VIDEO, "what is pending is still in the history");
