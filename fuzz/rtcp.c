/* Compound RTCP: a walk over it, and every reader on every packet. */
#include "proto/rtcp.h"
#include "fuzz/fuzz.h"

static void count(void *context, uint16_t seq) { ++*(size_t *)context; }

static void read_all(const struct rtcp_view *v)
{
    struct rtcp_sr sr;
    struct rtcp_report r;
    uint32_t ssrc;
    uint8_t command;
    size_t i, calls = 0;
    rtcp_sr(v, &sr);
    for (i = 0; rtcp_report(v, i, &r); i++)
        INVARIANT(i < 31 && r.lost >= -0x800000 && r.lost <= 0x7fffff);
    for (i = 0; rtcp_bye(v, i, &ssrc); i++)
        INVARIANT(i < 31);
    for (i = 0; rtcp_fir(v, i, &ssrc, &command); i++)
        INVARIANT(8 * i < v->body.len);
    rtcp_media_ssrc(v, &ssrc);
    INVARIANT(rtcp_nack(v, count, &calls, 100) == calls && calls <= 100);
}

/* Packets that our writers make of the input's numbers must parse. */
static void write_and_read(struct bytes s)
{
    uint8_t out[512];
    uint16_t seqs[40];
    size_t n = 0, used = 0, at = 0, calls = 0, size = script_u8(&s) * 2;
    struct rtcp_view v;
    uint32_t ssrc;
    for (uint16_t seq = script_u16(&s); n < 40 && s.len; n++, seq = (uint16_t)(seq + 1 + script_u8(&s)))
        seqs[n] = seq;
    size_t len = n ? rtcp_write_nack(out, size, 1, 2, seqs, n, &used) : 0;
    INVARIANT(len <= size && used <= n);
    if (!len)
        return;
    INVARIANT(rtcp_next(&v, out, len, &at) && at == len && v.type == RTCP_RTPFB && v.count == RTPFB_NACK);
    INVARIANT(rtcp_media_ssrc(&v, &ssrc) && ssrc == 2 && rtcp_nack(&v, count, &calls, 1000) == used);
}

void fuzz_rtcp(const uint8_t *data, size_t len)
{
    struct rtcp_view v;
    size_t at = 0, before = 0, packets = 0;
    while (rtcp_next(&v, data, len, &at)) {
        INVARIANT(at > before && at <= len && v.body.data >= data && v.body.data + v.body.len <= data + at);
        before = at;
        packets++;
        read_all(&v);
    }
    INVARIANT(packets * 4 <= len);
    write_and_read((struct bytes){data, len});
}
