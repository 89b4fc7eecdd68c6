/* RTP headers, their extensions, and the headers written for a viewer from them. */
#include "proto/rtp.h"
#include "fuzz/fuzz.h"

static const struct rtp_extension_ids ids = {.id = {[EXT_MID] = 1,
                                                    [EXT_ABS_SEND_TIME] = 2,
                                                    [EXT_TRANSPORT_CC] = 3,
                                                    [EXT_AUDIO_LEVEL] = 4,
                                                    [EXT_DEPENDENCY] = 12,
                                                    [EXT_RID] = 10,
                                                    [EXT_REPAIRED_RID] = 11,
                                                    [EXT_LAYERS] = 9}};

static void inside(struct bytes v, const struct rtp_view *r)
{
    INVARIANT(!v.data || (v.data >= r->data + RTP_HEADER_SIZE && v.data + v.len <= r->data + r->header_len));
}

/* Writing parsed extensions and parsing them again gives the same values, except those that the one-byte form
 * cannot hold. */
static void rewrite(const struct rtp_view *v, const struct bytes value[EXT_COUNT])
{
    uint8_t out[RTP_HEADER_SIZE + 4 + 18 * EXT_COUNT + UINT8_MAX + 4];
    struct rtp_header h = {.marker = v->marker,
                           .payload_type = v->payload_type,
                           .seq = v->seq,
                           .timestamp = v->timestamp,
                           .ssrc = v->ssrc};
    struct rtp_view again;
    struct bytes found[EXT_COUNT];
    size_t len = rtp_write(out, &h);
    len += rtp_write_extensions(out, &ids, value);
    INVARIANT(len <= sizeof out && rtp_header_len(out, len) == len);
    INVARIANT(rtp_parse(&again, out, len) && again.payload_len == 0 && again.ssrc == v->ssrc &&
              again.seq == v->seq);
    rtp_extensions_read(&again, &ids, found);
    for (int e = 0; e < EXT_COUNT; e++) {
        bool said = value[e].data && value[e].len >= 1 && (value[e].len <= 16 || e == EXT_DEPENDENCY);
        INVARIANT(said == (found[e].data != NULL));
        INVARIANT(!said || bytes_equal(found[e], value[e].data, value[e].len));
    }
}

void fuzz_rtp(const uint8_t *data, size_t len)
{
    struct rtp_view v;
    struct bytes value[EXT_COUNT], one;
    size_t header = rtp_header_len(data, len);
    INVARIANT(header <= len);
    if (len > UINT16_MAX || !rtp_parse(&v, data, len))
        return;
    INVARIANT(v.header_len == header && v.header_len + v.payload_len + v.padding == (int)len);
    rtp_extensions_read(&v, &ids, value);
    for (int e = 0; e < EXT_COUNT; e++) {
        inside(value[e], &v);
        bool there = rtp_extension_find(&v, ids.id[e], &one);
        INVARIANT(there == (value[e].data != NULL));
        INVARIANT(!there || (one.data == value[e].data && one.len == value[e].len));
    }
    for (unsigned id = 0; id < 16; id++) /* and ids of the two-byte form, chosen by the sequence number */
        if (rtp_extension_find(&v, (uint8_t)(id * (v.seq & 0x1f)), &one))
            inside(one, &v);
    rewrite(&v, value);
}
