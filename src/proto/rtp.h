/* RTP packets (RFC 3550 5.1) and header extensions (RFC 8285): a view over a plain packet, and the header
 * writer. */
#pragma once
#include "base/bytes.h"
#include <stdbool.h>

#define RTP_HEADER_SIZE 12

/* Header extensions that this server reads or writes. */
enum rtp_extension {
    EXT_MID,           /* urn:ietf:params:rtp-hdrext:sdes:mid */
    EXT_ABS_SEND_TIME, /* http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time */
    EXT_TRANSPORT_CC,  /* http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01 */
    EXT_AUDIO_LEVEL,   /* urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464) */
    EXT_DEPENDENCY,    /* AOM's dependency descriptor: the frames and layers that a frame needs (AV1,
                            VP9) */
    EXT_RID,           /* urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id (RFC 8852): the layer */
    EXT_REPAIRED_RID,  /* …:sdes:repaired-rtp-stream-id: the layer repaired; publishers only */
    EXT_LAYERS,        /* video-layers-allocation00 (vla.h): what each layer may take; publishers only */
    EXT_COUNT
};
extern const char *const rtp_extension_uri[EXT_COUNT];

/* Ids of the extensions in one direction of one session; 0: not negotiated. */
struct rtp_extension_ids {
    uint8_t id[EXT_COUNT];
};

struct rtp_view { /* a view into the packet */
    const uint8_t *data;
    uint16_t len;         /* of the whole packet */
    uint16_t header_len;  /* fixed header, CSRCs and extensions */
    uint16_t payload_len; /* without padding */
    uint8_t padding;      /* RTP padding bytes behind the payload */
    uint8_t payload_type;
    bool marker;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    uint16_t extension_profile; /* 0xbede, 0x1000-0x100f, other: opaque; 0: none */
    struct bytes extensions;
};

/* Parses header, extension block and padding of a *plain* packet. Every length is checked. False:
 * malformed. */
bool rtp_parse(struct rtp_view *, const uint8_t *, size_t len);
/* Length of the header with CSRCs and extensions, before decryption; 0: malformed. */
size_t rtp_header_len(const uint8_t *, size_t len);
/* The element with this id (one- or two-byte form). False: absent. An element of length 0 is present. */
bool rtp_extension_find(const struct rtp_view *, uint8_t id, struct bytes *value);
/* Reads all known extensions in one pass: value[e].data is NULL if absent. */
void rtp_extensions_read(const struct rtp_view *, const struct rtp_extension_ids *,
                         struct bytes value[EXT_COUNT]);

/* The value of EXT_AUDIO_LEVEL (RFC 6464 3): |V| level |, in dB below the loudest sample; 127: silence. */
struct audio_level {
    bool voice; /* V: the sender takes it for speech; 0 may also mean that it does not look */
    uint8_t below;
};
static inline struct audio_level audio_level_of(uint8_t value)
{
    return (struct audio_level){.voice = value & 0x80, .below = value & 0x7f};
}

/* The header fields of a viewer's packet. */
struct rtp_header {
    bool padding, marker;
    uint8_t payload_type;
    uint16_t seq;
    uint32_t timestamp, ssrc;
};
/* Writes the fixed header; returns 12. */
size_t rtp_write(uint8_t *out, const struct rtp_header *);
#define RTP_ONE_BYTE_MAX 16 /* bytes of a value in the one-byte form */
/* Writes an extension block behind the fixed header and sets its X bit. It uses the one-byte form (RFC 8285
 * 4.2); or the two-byte form for a dependency descriptor that is too long for the other, which is only
 * negotiated with receivers of both (RFC 8285 6). Omits elements with NULL data or id 0, and elements that do
 * not fit the one-byte form (an id over 14, or 0 or more than 16 bytes of another extension: a publisher can
 * send both). If none is left, writes nothing and returns 0. `out` is the packet's start. Returns the block's
 * length in bytes (a multiple of 4). */
size_t rtp_write_extensions(uint8_t *out, const struct rtp_extension_ids *,
                            const struct bytes value[EXT_COUNT]);
