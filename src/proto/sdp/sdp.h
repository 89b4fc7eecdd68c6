/* Session descriptions (RFC 8866, JSEP RFC 9429): parses browsers' offers and answers, and writes ours. The
 * parser yields views into the text, in one pass, with every count bounded. It only knows the syntax;
 * negotiation interprets it. */
#pragma once
#include "base/limits.h"
#include "proto/codec.h"
#include "proto/dtls.h"
#include "proto/rtp.h"
#include <stdbool.h>
#include <stddef.h>

struct text { /* a view into the description */
    const char *data;
    size_t len;
};

/* SDP_AUDIO and SDP_VIDEO only over RTP; with other protocols they count as SDP_OTHER. */
enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_APPLICATION, SDP_OTHER };
enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

struct sdp_codec {
    uint8_t payload_type;
    enum codec codec; /* CODEC_NONE for rtx and unknown codecs */
    bool rtx;
    uint8_t apt; /* rtx: the payload type it repairs */
    uint32_t clock_rate;
    uint8_t channels;
    struct text name, fmtp; /* fmtp: the text behind the payload type; empty without */
    bool nack, pli, fir, transport_cc, remb;
};

struct sdp_ssrc {       /* one SSRC that the sender announced; FID pairs are resolved */
    uint32_t ssrc, rtx; /* rtx 0: none */
};

struct sdp_rid {         /* a layer that the describer sends (RFC 8853) */
    struct text name;    /* of letters, digits, '-' and '_'; fits a header extension's one-byte form */
    struct text formats; /* the only payload types that it may have: "96,97"; empty: all of the section */
};

struct sdp_section {
    enum sdp_kind kind;
    struct text media, protocol; /* "audio", "UDP/TLS/RTP/SAVPF" */
    uint16_t port;
    char mid[MID_SIZE];
    enum sdp_direction direction;
    enum sdp_setup setup;           /* its own or the session's */
    struct text ufrag, password;    /* its own or the session's */
    struct fingerprint fingerprint; /* the strongest of its own or the session's; len 0: none usable */
    bool outside;                   /* outside the BUNDLE group: it would need a transport of its own */
    uint16_t place;                 /* in the group's order, if there is a group */
    bool bundle_only, rtcp_mux, rtcp_rsize, end_of_candidates, ice_lite;
    struct text stream_id, track_id;     /* from the first a=msid */
    struct rtp_extension_ids extensions; /* ids of the known URIs */
    uint8_t extensions_sent;             /* bit by rtp_extension: marked /sendonly by the describer */
    bool extmap_mixed; /* mixed one- and two-byte header extensions (RFC 8285 6); own or session's */
    uint16_t codec_count, ssrc_count;
    struct sdp_codec *codecs;             /* in the m= line's order; SDP_CODECS_MAX at the most */
    struct sdp_ssrc ssrcs[SDP_SSRCS_MAX]; /* primary SSRCs, RTX folded in */
    uint8_t sim_count;  /* the first so many are those of a SIM group (layers without rids), in its order */
    struct text format; /* the m= line's text behind the protocol */
    uint8_t rid_count;
    struct sdp_rid rids[LAYERS_MAX]; /* in the order of a=simulcast; of alternatives the first */
    bool layered;                    /* it sends several layers of one source: by rids, or by a SIM group */
};

struct sdp {
    size_t count;
    struct sdp_section *sections;
    bool bundled; /* there is a BUNDLE group, and it is not empty */
    bool ice_lite, trickle, ice_renomination;
    uint16_t extension_ids; /* bit by id up to EXTENSION_ID_MAX: used by any section for any extension */
};

enum sdp_error {
    SDP_OK,
    SDP_SYNTAX,    /* not a session description: no v=0, malformed lines, control characters, m= lines
                      without port, protocol or formats */
    SDP_TOO_MANY,  /* too many sections, or a line over 4096 bytes */
    SDP_DUPLICATE, /* two sections with the same mid, or without a mid although there are several */
    SDP_LONG_MID,  /* a mid that does not fit MID_SIZE */
    SDP_NO_MEMORY,
};
const char *sdp_error_text(enum sdp_error);

/* NULL: an error, see *error. Ignores a malformed or repeated line. The result points into `text`. Cost:
 * linear in len. */
struct sdp *sdp_parse(const char *text, size_t len, enum sdp_error *error);
void sdp_free(struct sdp *);

/* A parameter of an fmtp ("profile-level-id"); false: absent. */
bool sdp_fmtp(struct text fmtp, const char *name, struct text *value);
/* Whether the layer may have this payload type (RFC 8851 4). */
bool sdp_rid_takes(const struct sdp_rid *, uint8_t payload_type);
/* Whether two descriptions of one codec can be exchanged without transcoding: same codec and clock rate; Opus
 * with any number of channels, because every decoder accepts both and some offers lack "/2" (RFC 7587 7);
 * H.264 by packetization-mode and profile (RFC 6184 8.2.2, constrained baseline in both spellings, without
 * the level); VP9 by profile-id; AV1 by profile. */
bool sdp_codec_matches(const struct sdp_codec *, const struct sdp_codec *);

/* --- writing --- */
struct sdp_writer { /* grows while writing; free `data` with free() */
    char *data;
    size_t len, size;
    bool failed; /* no memory */
};
void sdp_printf(struct sdp_writer *, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct sdp_local { /* session part of our descriptions; ICE lite, trickle, max-bundle */
    uint64_t session_id;
    uint32_t version;
    const char *ufrag, *password;
    uint8_t fingerprint[32]; /* sha-256 */
    enum sdp_setup setup;    /* SDP_PASSIVE in answers, SDP_ACTPASS in offers */
    /* the offer has no BUNDLE group: its answer may have none (RFC 9143 7.3) */
    bool no_bundle;
    const struct address *addresses; /* host candidates (UDP and TCP), written into the first section with
                                        a port */
    size_t address_count;
};
struct sdp_local_codec { /* equal codecs of two sections are written once: see same_codec */
    uint8_t payload_type, rtx_payload_type; /* rtx 0: none */
    const char *name;                       /* "opus", "VP8" */
    uint32_t clock_rate;
    uint8_t channels;   /* 0 or 1: not written */
    struct text fmtp;   /* copied unchanged; may be empty */
    const char *stereo; /* Opus: replaces `stereo` and `sprop-stereo`; "": removes them; NULL: unchanged */
    bool nack, pli, fir, transport_cc;
};
struct sdp_local_section {
    enum sdp_kind kind;
    struct text media, format; /* only for refused sections: copied from the offer */
    struct text rtpmap;        /* the same, rtpmap of the first format; empty: none */
    struct text protocol;      /* the offer's; empty: UDP/TLS/RTP/SAVPF */
    bool refused;              /* port 0; only mid, kind and the flags below are used */
    bool rtcp_mux, rtcp_rsize; /* RFC 5761 5.1.1, RFC 5506 5: an answer has what its offer has */
    char mid[MID_SIZE];
    enum sdp_direction direction;
    const struct sdp_local_codec *codecs;
    size_t codec_count;
    struct rtp_extension_ids extensions;      /* written if not 0 */
    uint8_t extensions_received;              /* bit by rtp_extension: marked /recvonly */
    const char *stream_id, *track_id, *cname; /* a=msid and a=ssrc lines of sent media; NULL: none */
    uint32_t ssrc, rtx_ssrc;                  /* 0: no a=ssrc lines; rtx 0: no FID group */
    uint8_t rid_count;
    struct text rids[LAYERS_MAX]; /* layers that we receive (RFC 8853 5.3) */
};
void sdp_write_session(struct sdp_writer *, const struct sdp_local *, const struct sdp_local_section *,
                       size_t count);
