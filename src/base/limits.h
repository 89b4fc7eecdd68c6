/* Every limit of the program that is not a wire constant, and the relations between the limits. A full pool
 * or table means a counted drop or a refused join, never a crash. */
#pragma once

/* Datagrams. 1500 is Ethernet's MTU. Nothing that Monoport builds is larger than DATAGRAM_OUT_MAX, which fits
 * every path that IPv6 allows (1280) with room for the IPv6, UDP and TURN headers. */
#define DATAGRAM_IN_MAX  1500
#define DATAGRAM_OUT_MAX 1232
#define DTLS_MTU         1200
#define PACKET_TAIL      64 /* behind the payload: tag, ROC, padding for equal lengths */
#define PACKET_SIZE      (DATAGRAM_IN_MAX + PACKET_TAIL)

/* The process, and one worker. */
#define WORKERS_MAX           64
#define WATCHED_MAX           (WORKERS_MAX + 3) /* threads: workers, front, control, probe port */
#define SESSIONS_MAX_DEFAULT  4096
#define SESSION_SLOT_BITS     20                              /* of a session's id */
#define SESSIONS_MAX          ((1 << SESSION_SLOT_BITS) - 1)  /* the last slot's last id is SESSION_NONE */
#define PACKET_POOL(sessions) (8192 + 4 * (size_t)(sessions)) /* packets of PACKET_SIZE a worker */
#define RX_BATCH              64                              /* datagrams (or GRO bundles) a receive call */
#define TX_BATCH              64 /* messages a send call; larger batches gain nothing */
#define RUN_PACKETS_MAX       16 /* packets of one GSO run: one lost run is one viewer's burst */
#define RUN_PADDING_MAX       15 /* bytes of RTP padding to make a run's packets equally long */
/* Monoport writes it, then the kernel reads it: it should still be in the cache */
#define TX_ARENA_SIZE (128 * 1024)
#define RING_SIZE     (1 << 20) /* bytes of one direction between two threads */
/* bytes of droppable messages that wait for room in a ring: two large key frames */
#define MAILBOX_WAITING (256 * 1024)

/* One session. */
#define ICE_TUPLES_MAX      8
#define ICE_GENERATIONS_MAX 3  /* credentials at once: the current ones, and those of two restarts */
#define UFRAG_SIZE          12 /* local ufrag: 4 characters of slot, 8 random */
#define PASSWORD_SIZE       24
#define ICE_CREDENTIAL_MAX  256 /* RFC 8445 5.3 allows 256 characters for either */
#define REMOTE_UFRAG_MAX    64  /* characters of a client's ufrag: browsers have 4 or 8, others up to 16 */
#define MID_SIZE            64  /* a mid and its NUL; Chromium's and Firefox's have 1-3 characters */
/* RFC 8285 4.2: a longer mid is not sent with packets; a=ssrc tells it instead */
#define MID_ELEMENT_MAX   16
#define FINGERPRINTS_SIZE 128 /* bytes of a client's fingerprints: four of SHA-256, two of SHA-512 */
/* bits of RTP a second that one session may publish, unless configured otherwise */
#define PUBLISH_BPS    100000000
#define STREAMS_RX_MAX 32 /* SSRCs that one session may publish, RTX included */
/* SSRCs that may send its RTCP: Firefox has one for each m= line */
#define STREAMS_RTCP_MAX (256 + STREAMS_RX_MAX)
#define DTLS_INPUT_MAX   64  /* datagrams that one handshake may take from a client */
#define DTLS_FLIGHT_MAX  256 /* bytes kept of a server's last flight; usual: 90 */
#define DTLS_REPEATS_MAX 16  /* retransmissions of the last flight */
#define EXTENSION_ID_MAX 14  /* RFC 8285: ids 1-14 fit the one-byte form */

/* One track. */
#define HISTORY_VIDEO    512 /* packets kept for retransmission: about 1 s at 5 Mbit/s */
#define HISTORY_AUDIO    64
#define NACK_MISSING_MAX 256 /* missing sequence numbers of one stream */
#define NACK_TRIES_MAX   10
#define LAYERS_MAX       4   /* of one source (simulcast); browsers send three */
#define PENDING_MAX      512 /* packets of a track between two drains: 0.25 s at 20 Mbit/s */

/* Signaling. */
#define ROOM_NAME_MAX         64
#define ROOM_DEFAULT          "default" /* the room of clients that name none */
#define PARTICIPANT_NAME_MAX  64
#define PEER_ID_MAX           64
#define ROOMS_MAX             4096 /* default */
#define ROOM_PARTICIPANTS_MAX 1024 /* default */
/* listed in one room; further ones are counted, or each join would be told to all */
#define WATCHERS_LISTED_MAX  32
#define WEB_ADOPTIONS_A_TURN 64          /* connections that the web server accepts in one turn */
#define WEB_CHUNKS_A_TURN    64          /* pieces of answers that it sends in one turn */
#define WEB_CONNECTIONS_MAX  65536       /* HTTP and WebSocket, if the descriptor limit allows as many */
#define HTTP_HEAD_MAX        (16 * 1024) /* bytes of a request's line and fields */
#define HTTP_FIELDS_MAX      96
#define HTTP_HOST_SIZE       256
#define HTTP_BODY_MAX        (64 * 1024) /* a request's body: an SDP offer has 5-15 KiB */
#define WHIP_RESOURCES_MAX   4096        /* sessions made by HTTP */
#define WS_MESSAGE_MAX       262144      /* bytes of one message; --help prints the digits */
#define WS_FRAGMENTS_MAX     1024 /* fragments of one message: empty ones would not count against its size */
#define WS_QUEUE_MAX         1048576 /* unsent bytes of a socket before it is closed as too slow */
#define TOKEN_MAX            4096    /* characters */
#define TOKEN_LEEWAY_S       60      /* how far the token issuer's clock may be ahead (RFC 7519 4.1.5) */
#define JSON_DEPTH_MAX       16
#define JSON_VALUES_MAX      1000 /* values in one message: the parser allocates each */
#define SDP_SECTIONS_MAX     256
#define VIEW_SIDE_MAX        16384 /* pixels of a picture's width or height, as a client shows it */
#define VIEW_FPS_MAX         240
#define VIEWS_PER_MESSAGE    16 /* a view counts as one more message for each so many tracks */
#define SDP_CODECS_MAX       64 /* payload types of one section */
#define SDP_SSRCS_MAX        16 /* SSRCs named in one section */
#define PUBLICATIONS_MAX     8  /* sources that one participant may publish */
#define TIMELINE_EVENTS_MAX  64 /* events of one session, kept for bug reports: 2 KiB */
#define TIMELINES_ENDED_MAX  64 /* ended sessions whose timelines are kept */
#define CANDIDATES_MAX       32 /* addresses of this server in one answer */

/* One address (an IPv6 /64 counts as one): default limits, which fit an office of a thousand people behind
 * one NAT; the number of buckets; and the burst, in seconds' worth of its rates. */
#define ADDRESS_CONNECTIONS     2048
#define ADDRESS_CONNECTION_RATE 400
#define ADDRESS_JOIN_RATE       200
#define ADDRESS_SESSIONS        2048
#define CALLER_BUCKETS          4096
#define CALLER_BURST_S          5

/* Messages of one client: messages a second (a large one counts as several), offers among them, and
 * bursts. The server answers an offer with a description of everything, and tells all other members of
 * some messages. */
#define CLIENT_MESSAGES_PER_S 100
#define CLIENT_MESSAGES_BURST 400
#define CLIENT_MESSAGE_UNIT   (64 * 1024) /* a message counts once more for each so many bytes */
#define CLIENT_OFFERS_PER_S   10
#define CLIENT_OFFERS_BURST   100

/* Output of the control thread for one room, bytes a second and burst, for all members together: offers to
 * the members, and news of each other. Output over the limit waits, and then tells the state of that moment.
 * A room of 1,000 with 250 tracks takes 220 MB to describe once, one of 50 with 100 tracks 4 MB. */
#define ROOM_OFFERS_PER_S (8 * 1024 * 1024)
#define ROOM_OFFERS_BURST (64 * 1024 * 1024)
#define ROOM_NEWS_PER_S   (4 * 1024 * 1024)
#define ROOM_NEWS_BURST   (16 * 1024 * 1024)
#define UPDATES_PER_S     4 /* participant-updated of one participant */

/* Sounds of a large room. */
#define LOUDEST_FROM   8  /* participants: from so many on, only the loudest sounds flow */
#define LOUDEST_MAX    5  /* … and the dominant speaker's */
#define LOUDEST_HELD   5  /* those that were among them a moment ago */
#define UNCOMPARED_MAX 20 /* sounds without levels, of screens, and music, which always flow */

/* Unauthenticated answers (plain Binding requests): answers a second to one source (network), and the number
 * of buckets for sources. */
#define STUN_ANSWERS_PER_S 50
#define STUN_ANSWERS_BURST 100
#define STUN_BUCKETS       4096

/* The TURN server inside one worker. A browser makes an allocation for each of its interfaces and each
 * transport (UDP, TCP, TLS), and as many again during an ICE restart; one address may be a whole office. */
#define RELAY_ALLOCATIONS_MAX         4096
#define RELAY_USER_ALLOCATIONS_MAX    24
#define RELAY_NETWORK_ALLOCATIONS_MAX 1024 /* an IPv4 address, or a /64 of IPv6 */
#define RELAY_PERMISSIONS_MAX         16   /* of one allocation: its only peers are this server's addresses */
#define RELAY_CHANNELS_MAX            16
/* heads of the lists that count a user's and a network's allocations */
#define RELAY_BUCKETS     1024
#define TURN_PEERS_MAX    RELAY_PERMISSIONS_MAX /* peers named in one request */
#define TURN_CREDENTIAL_S 86400                 /* how long a credential opens new allocations */
#define TURN_SECRET_MIN   16                    /* characters of the configured secret */
#define TURN_SECRET_MAX   128

/* TCP connections: before their first bytes tell the protocol, and as carriers of datagrams. */
#define FRONT_PENDING_MAX    8192  /* connections without a complete first message; the oldest makes room */
#define FRONT_PENDING_SOURCE 256   /* the same, of one address (IPv6: one /64) */
#define FIRST_BYTES_MAX      8192  /* bytes of a ClientHello; browsers' have about 2000 */
#define STREAM_TABLE_MAX     16384 /* of one worker; the index in a link has 14 bits */
#define STREAM_STRANGERS_MAX 2048  /* without an authenticated client; the oldest makes room */
/* TLS handshake steps a turn of a worker: each signs once, up to a millisecond */
#define STREAM_HANDSHAKES 4
#define STREAM_TLS_CHUNK  16384 /* bytes handed to TLS at once: one record */
/* in a frame: forwarding may lengthen a packet, TURN adds a header */
#define STREAM_DATAGRAM_MAX (PACKET_SIZE + 64)
#define STREAM_FRAME_MAX    (4 + STREAM_DATAGRAM_MAX)
/* queued for a slow connection: a large key frame, 0.8 s of 2.5 Mbit/s */
#define STREAM_QUEUE_SIZE (256 * 1024)
#define STREAM_UNSENT_MAX (64 * 1024) /* bytes queued in the kernel, which cannot be dropped any more */
#define H2_STREAMS_MAX    32          /* requests of one connection at a time */
#define H2_PATH_MAX       (TOKEN_MAX + 512)
#define H2_HEADERS_MAX    8192                      /* bytes of one request's headers, written as HTTP/1.1 */
#define H2_HELD_MAX       (256 * 1024)              /* bytes of unanswered requests of one connection */
#define H2_RESPONSE_CHUNK 8192                      /* bytes of a response that are translated in one step */
#define H2_OUTPUT_MIN     (H2_RESPONSE_CHUNK + 512) /* room for the largest frame sent */
#define STREAM_READ_SIZE  (32 * 1024) /* bytes read from one connection in a turn; holds a TLS record */

_Static_assert(DTLS_MTU <= DATAGRAM_OUT_MAX, "a DTLS flight's datagrams fit the path");
_Static_assert(RUN_PACKETS_MAX <= 128, "the kernel takes at most 128 segments a send");
_Static_assert(RUN_PACKETS_MAX *PACKET_SIZE <= 65507, "a run fits one UDP send");
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
_Static_assert(VIEW_FPS_MAX <= 255, "it fits a view's byte");
_Static_assert(PENDING_MAX <= HISTORY_VIDEO, "what is pending is still in the history");
