#include "proto/rtp.h"

/* RFC 3550 5.1:
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   |                           timestamp                           |
 *   |           synchronization source (SSRC) identifier            |
 *   |            contributing source (CSRC) identifiers ...         |
 *   | X: defined by profile         |  length in 32-bit words       |
 *   |                        header extension                       |
 */
#define VERSION        0x80
#define VERSION_MASK   0xc0
#define PADDING        0x20
#define EXTENSION      0x10
#define CSRC_COUNT     0x0f
#define MARKER         0x80
#define EXTENSION_HEAD 4

/* RFC 8285: the two forms of an extension block, and the limits of the one-byte form. */
#define PROFILE_ONE_BYTE 0xbede
#define PROFILE_TWO_BYTE 0x1000 /* and 4 application bits */
#define ONE_BYTE_ID_MAX  14

const char *const rtp_extension_uri[EXT_COUNT] = {
    [EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
    [EXT_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    [EXT_TRANSPORT_CC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    [EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    [EXT_DEPENDENCY] =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    [EXT_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    [EXT_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    [EXT_LAYERS] = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
};

static size_t csrc_end(const uint8_t *p) { return RTP_HEADER_SIZE + 4 * (size_t)(p[0] & CSRC_COUNT); }

size_t rtp_header_len(const uint8_t *p, size_t len)
{
    if (len < RTP_HEADER_SIZE || (p[0] & VERSION_MASK) != VERSION)
        return 0;
    size_t at = csrc_end(p);
    if (p[0] & EXTENSION) {
        if (at + EXTENSION_HEAD > len)
            return 0;
        at += EXTENSION_HEAD + 4 * (size_t)get16(p + at + 2);
    }
    return at <= len ? at : 0;
}

bool rtp_parse(struct rtp_view *v, const uint8_t *p, size_t len)
{
    size_t header_len = len <= UINT16_MAX ? rtp_header_len(p, len) : 0;
    if (!header_len)
        return false;
    /* The last byte counts the padding including itself: 0 is invalid, and so is more than the bytes behind
     * the header. */
    uint8_t padding = p[0] & PADDING ? p[len - 1] : 0;
    if (p[0] & PADDING && (padding == 0 || padding > len - header_len))
        return false;
    *v = (struct rtp_view){
        .data = p,
        .len = (uint16_t)len,
        .header_len = (uint16_t)header_len,
        .payload_len = (uint16_t)(len - header_len - padding),
        .padding = padding,
        .payload_type = p[1] & 0x7f,
        .marker = p[1] & MARKER,
        .seq = get16(p + 2),
        .timestamp = get32(p + 4),
        .ssrc = get32(p + 8),
    };
    if (p[0] & EXTENSION) {
        size_t at = csrc_end(p);
        v->extension_profile = get16(p + at);
        v->extensions = (struct bytes){p + at + EXTENSION_HEAD, header_len - at - EXTENSION_HEAD};
    }
    return true;
}

/* --- extension elements --- */

struct walk {
    const uint8_t *at, *end;
    bool two_byte;
};

static struct walk walk_start(const struct rtp_view *v)
{
    bool two_byte = (v->extension_profile & 0xfff0) == PROFILE_TWO_BYTE;
    if (!two_byte && v->extension_profile != PROFILE_ONE_BYTE)
        return (struct walk){0};
    return (struct walk){v->extensions.data, v->extensions.data + v->extensions.len, two_byte};
}

/* The next element; false: the end, or the rest is malformed (RFC 8285 4.1: then the rest is ignored, not the
 * packet). */
static bool walk_next(struct walk *w, uint8_t *id, struct bytes *value)
{
    while (w->at < w->end && *w->at == 0) /* padding, of one byte in both forms */
        w->at++;
    if (w->at == w->end)
        return false;
    size_t head = 1, len;
    if (w->two_byte) {
        if (w->end - w->at < 2)
            return false;
        *id = w->at[0];
        len = w->at[1];
        head = 2;
    } else {
        *id = w->at[0] >> 4;
        len = (size_t)(w->at[0] & 15) + 1;
        /* 4.2: id 15 ends the walk, and so does id 0 with a length. */
        if (*id == 0 || *id > ONE_BYTE_ID_MAX)
            return false;
    }
    if ((size_t)(w->end - w->at) < head + len)
        return false;
    *value = (struct bytes){w->at + head, len};
    w->at += head + len;
    return true;
}

bool rtp_extension_find(const struct rtp_view *v, uint8_t id, struct bytes *value)
{
    struct walk w = walk_start(v);
    struct bytes found;
    for (uint8_t at; walk_next(&w, &at, &found);)
        if (at == id) {
            *value = found;
            return true;
        }
    return false;
}

void rtp_extensions_read(const struct rtp_view *v, const struct rtp_extension_ids *ids,
                         struct bytes value[EXT_COUNT])
{
    struct walk w = walk_start(v);
    struct bytes found;
    memset(value, 0, EXT_COUNT * sizeof *value);
    for (uint8_t id; walk_next(&w, &id, &found);)
        for (int e = 0; e < EXT_COUNT; e++)
            if (ids->id[e] == id && !value[e].data)
                value[e] = found;
}

/* --- writing --- */

size_t rtp_write(uint8_t *out, const struct rtp_header *h)
{
    out[0] = VERSION | (h->padding ? PADDING : 0);
    out[1] = (uint8_t)((h->marker ? MARKER : 0) | (h->payload_type & 0x7f));
    put16(out + 2, h->seq);
    put32(out + 4, h->timestamp);
    put32(out + 8, h->ssrc);
    return RTP_HEADER_SIZE;
}

/* Values come from publishers' packets; not every value of the two-byte form fits the one-byte form. */
static bool can_say(const struct rtp_extension_ids *ids, int e, const struct bytes *v, bool wide)
{
    size_t max = wide && e == EXT_DEPENDENCY ? UINT8_MAX : RTP_ONE_BYTE_MAX;
    return v->data && ids->id[e] && ids->id[e] <= ONE_BYTE_ID_MAX && v->len && v->len <= max;
}

size_t rtp_write_extensions(uint8_t *out, const struct rtp_extension_ids *ids,
                            const struct bytes value[EXT_COUNT])
{
    uint8_t *start = out + RTP_HEADER_SIZE, *at = start + EXTENSION_HEAD;
    bool wide = ids->id[EXT_DEPENDENCY] && value[EXT_DEPENDENCY].len > RTP_ONE_BYTE_MAX;
    for (int e = 0; e < EXT_COUNT; e++) {
        const struct bytes *v = &value[e];
        if (!can_say(ids, e, v, wide))
            continue;
        if (wide) {
            *at++ = ids->id[e];
            *at++ = (uint8_t)v->len;
        } else {
            *at++ = (uint8_t)(ids->id[e] << 4 | (v->len - 1));
        }
        memcpy(at, v->data, v->len);
        at += v->len;
    }
    if (at == start + EXTENSION_HEAD)
        return 0;
    while ((at - start) % 4)
        *at++ = 0;
    put16(start, wide ? PROFILE_TWO_BYTE : PROFILE_ONE_BYTE);
    put16(start + 2, (uint16_t)((at - start - EXTENSION_HEAD) / 4));
    out[0] |= EXTENSION;
    return (size_t)(at - start);
}
