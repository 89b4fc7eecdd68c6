/* Session descriptions (RFC 8866, JSEP RFC 9429): offers and answers of browsers in, ours out. The parser
 * yields views into the text, in one pass, with every count bounded; it knows the syntax and leaves the
 * meaning to negotiation. */
#pragma once
#include "codec.h"
#include "dtls.h"
#include "limits.h"
#include "rtp.h"
#include <stdbool.h>
#include <stddef.h>

struct text { /* a view into the description */
    const char *data;
    size_t len;
};

/* Audio and video only over RTP; what else is called so counts as SDP_OTHER. */
enum sdp_kind { SDP_AUDIO, SDP_VIDEO, SDP_APPLICATION, SDP_OTHER };
enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup { SDP_SETUP_NONE, SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

struct sdp_codec {
    uint8_t payload_type;
    enum codec codec; /* CODEC_NONE for rtx and everything unknown */
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

struct sdp_section {
    enum sdp_kind kind;
    struct text media, protocol; /* "audio", "UDP/TLS/RTP/SAVPF" */
    uint16_t port;
    char mid[MID_SIZE];
    enum sdp_direction direction;
    enum sdp_setup setup;           /* its own or the session's */
    struct text ufrag, password;    /* its own or the session's */
    struct fingerprint fingerprint; /* the strongest of its own or the session's; len 0: none usable */
    bool outside;                   /* of the BUNDLE group: it would need a transport of its own */
    uint16_t place;                 /* in the group's order, where there is one */
    bool bundle_only, rtcp_mux, rtcp_rsize, end_of_candidates, ice_lite;
    struct text stream_id, track_id;     /* of the first a=msid */
    struct rtp_extension_ids extensions; /* of the known URIs */
    uint8_t extensions_sent;             /* of them, bit by rtp_extension, those that the describer does not receive: /sendonly */
    bool extmap_mixed; /* it takes both forms of header extensions in one stream (RFC 8285 6); its own or the session's */
    uint16_t codec_count, ssrc_count;
    struct sdp_codec *codecs;             /* in the m= line's order; SDP_CODECS_MAX at the most */
    struct sdp_ssrc ssrcs[SDP_SSRCS_MAX]; /* primary SSRCs, RTX folded in */
    struct text format;                   /* of the m= line: everything behind the protocol */
    uint8_t rid_count;
    struct text rids[LAYERS_MAX]; /* layers that the describer sends (RFC 8853): of each the first alternative */
    bool layered;                 /* its SSRCs are layers of one source: by a=simulcast, or in Chromium's older way by a SIM group */
};

struct sdp {
    size_t count;
    struct sdp_section *sections;
    bool bundled; /* there is a BUNDLE group, and something in it */
    bool ice_lite, trickle, ice_renomination;
    uint16_t extension_ids; /* bit by id up to EXTENSION_ID_MAX: those that any section uses, for whatever extension */
};

enum sdp_error {
    SDP_OK,
    SDP_SYNTAX,    /* not a session description: no v=0, lines that are none, control characters, m= lines without
                      port, protocol or formats */
    SDP_TOO_MANY,  /* sections, or a line over 4096 bytes */
    SDP_DUPLICATE, /* two sections with one mid, or none where there are several */
    SDP_LONG_MID,  /* one that does not fit MID_SIZE */
    SDP_NO_MEMORY,
};
const char *sdp_error_text(enum sdp_error);

/* NULL on an error, told in *error. What one line says wrongly, or says too often, is left out. The result points into
 * `text`. Cost: linear in len. */
struct sdp *sdp_parse(const char *text, size_t len, enum sdp_error *error);
void sdp_free(struct sdp *);

/* A parameter of an fmtp ("profile-level-id"); false: not there. */
bool sdp_fmtp(struct text fmtp, const char *name, struct text *value);
/* Whether two descriptions of one codec can be exchanged without transcoding: same codec and clock rate; Opus with
 * whatever number of channels, as every decoder takes both and "/2" (RFC 7587 7) is sometimes forgotten;
 * H.264 by packetization-mode and profile (RFC 6184 8.2.2, constrained baseline in its two spellings, level
 * ignored), VP9 by profile-id, AV1 by profile. */
bool sdp_codec_matches(const struct sdp_codec *, const struct sdp_codec *);

/* --- writing --- */
struct sdp_writer { /* grows as it is written to; free `data` with free() */
    char *data;
    size_t len, size;
    bool failed; /* no memory */
};
void sdp_printf(struct sdp_writer *, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct sdp_local { /* the session part of our descriptions; ICE lite, trickle, max-bundle */
    uint64_t session_id;
    uint32_t version;
    const char *ufrag, *password;
    uint8_t fingerprint[32];         /* sha-256 */
    enum sdp_setup setup;            /* SDP_PASSIVE in answers, SDP_ACTPASS in offers */
    bool no_bundle;                  /* the offer has no BUNDLE group: its answer may have none (RFC 9143 7.3) */
    const struct address *addresses; /* host candidates by UDP and by TCP, written into the first section that has a port */
    size_t address_count;
};
struct sdp_local_codec { /* two sections' are written once where all of it is the same: see same_codec */
    uint8_t payload_type, rtx_payload_type; /* rtx 0: none */
    const char *name;                       /* "opus", "VP8" */
    uint32_t clock_rate;
    uint8_t channels; /* 0 or 1: left out */
    struct text fmtp; /* copied as it stands; may be empty */
    const char *stereo; /* Opus: what stands there instead of `stereo` and `sprop-stereo`, "" for nothing; NULL: as it stands */
    bool nack, pli, fir, transport_cc;
};
struct sdp_local_section {
    enum sdp_kind kind;
    struct text media, format; /* only for sections that are refused: copied from the offer */
    struct text rtpmap;        /* likewise, of its first format; empty: none */
    struct text protocol;      /* the offer's; empty: UDP/TLS/RTP/SAVPF */
    bool refused;              /* port 0; of it nothing else is read but mid, kind and the flags below */
    bool rtcp_mux, rtcp_rsize; /* RFC 5761 5.1.1, RFC 5506 5: an answer has what its offer has */
    char mid[MID_SIZE];
    enum sdp_direction direction;
    const struct sdp_local_codec *codecs;
    size_t codec_count;
    struct rtp_extension_ids extensions;      /* written where not 0 */
    uint8_t extensions_received;              /* of them, bit by rtp_extension, those that are /recvonly */
    const char *stream_id, *track_id, *cname; /* a=msid and a=ssrc lines of what we send; NULL: none */
    uint32_t ssrc, rtx_ssrc;                  /* 0: no a=ssrc lines; rtx 0: no FID group */
    uint8_t rid_count;
    struct text rids[LAYERS_MAX]; /* layers that we take (RFC 8853 5.3) */
};
void sdp_write_session(struct sdp_writer *, const struct sdp_local *, const struct sdp_local_section *,
                       size_t count);
