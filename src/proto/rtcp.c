#include "proto/rtcp.h"
#include "base/check.h"

/* RFC 3550 6.4.1:
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |V=2|P|  count  |      type     |   length: 32-bit words - 1    |
 *   |                         SSRC of sender                        |
 *   |                              ...                              | */
#define VERSION     0x80
#define PADDING     0x20
#define HEADER_SIZE 4
#define COUNT_MAX   31

#define SENDER_INFO_SIZE 20
#define REPORT_SIZE      24
#define NACK_SIZE        4
#define FIR_SIZE         8

bool rtcp_next(struct rtcp_view *v, const uint8_t *p, size_t len, size_t *at)
{
    if (*at > len || len - *at < HEADER_SIZE)
        return false;
    p += *at;
    size_t size = HEADER_SIZE + 4 * (size_t)get16(p + 2);
    if ((p[0] & 0xc0) != VERSION || size > len - *at)
        return false;
    /* 6.4.1 asks for whole words of padding, in the last packet only. libwebrtc ends each transport-wide
     * feedback packet with 1 to 3 bytes of it and puts several into one compound, so only the count is
     * verified. */
    size_t padding = p[0] & PADDING ? p[size - 1] : 0;
    if (p[0] & PADDING && (padding == 0 || padding > size - HEADER_SIZE))
        return false;
    *v = (struct rtcp_view){
        .type = p[1],
        .count = p[0] & COUNT_MAX,
        .body = {p + HEADER_SIZE, size - HEADER_SIZE - padding},
    };
    v->ssrc = v->body.len >= 4 ? get32(v->body.data) : 0;
    *at += size;
    return true;
}

bool rtcp_sr(const struct rtcp_view *v, struct rtcp_sr *sr)
{
    const uint8_t *p = v->body.data;
    if (v->type != RTCP_SR || v->body.len < 4 + SENDER_INFO_SIZE)
        return false;
    *sr = (struct rtcp_sr){
        .ntp = get64(p + 4), .rtp = get32(p + 12), .packets = get32(p + 16), .octets = get32(p + 20)};
    return true;
}

bool rtcp_report(const struct rtcp_view *v, size_t i, struct rtcp_report *r)
{
    if ((v->type != RTCP_SR && v->type != RTCP_RR) || i >= v->count)
        return false;
    size_t at = 4 + (v->type == RTCP_SR ? SENDER_INFO_SIZE : 0) + i * REPORT_SIZE;
    if (v->body.len < at + REPORT_SIZE)
        return false;
    const uint8_t *p = v->body.data + at;
    uint32_t lost = get24(p + 5);
    *r = (struct rtcp_report){
        .ssrc = get32(p),
        .fraction_lost = p[4],
        .lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost, /* 24 bits, signed */
        .seq_ext_max = get32(p + 8),
        .jitter = get32(p + 12),
        .lsr = get32(p + 16),
        .dlsr = get32(p + 20),
    };
    return true;
}

bool rtcp_bye(const struct rtcp_view *v, size_t i, uint32_t *ssrc)
{
    if (v->type != RTCP_BYE || i >= v->count || v->body.len < 4 * (i + 1))
        return false;
    *ssrc = get32(v->body.data + 4 * i);
    return true;
}

bool rtcp_media_ssrc(const struct rtcp_view *v, uint32_t *ssrc)
{
    if ((v->type != RTCP_RTPFB && v->type != RTCP_PSFB) || v->body.len < 8)
        return false;
    *ssrc = get32(v->body.data + 4);
    return true;
}

size_t rtcp_nack(const struct rtcp_view *v, void (*lost)(void *, uint16_t seq), void *context, size_t max)
{
    size_t told = 0;
    if (v->type != RTCP_RTPFB || v->count != RTPFB_NACK)
        return 0;
    for (size_t at = 8; at + NACK_SIZE <= v->body.len; at += NACK_SIZE) {
        uint16_t pid = get16(v->body.data + at);
        uint32_t mask = (uint32_t)get16(v->body.data + at + 2) << 1 | 1; /* bit n: PID + n */
        for (uint16_t n = 0; mask; n++, mask >>= 1) {
            if (!(mask & 1))
                continue;
            if (told == max)
                return told;
            lost(context, (uint16_t)(pid + n));
            told++;
        }
    }
    return told;
}

bool rtcp_fir(const struct rtcp_view *v, size_t i, uint32_t *ssrc, uint8_t *command_seq)
{
    if (v->type != RTCP_PSFB || v->count != PSFB_FIR || v->body.len < 8 || i >= (v->body.len - 8) / FIR_SIZE)
        return false;
    const uint8_t *p = v->body.data + 8 + i * FIR_SIZE;
    *ssrc = get32(p);
    *command_seq = p[4];
    return true;
}

/* The mantissa has 18 bits. */
bool rtcp_remb(const struct rtcp_view *v, uint64_t *bps)
{
    if (v->type != RTCP_PSFB || v->count != PSFB_AFB || v->body.len < 16 ||
        memcmp(v->body.data + 8, "REMB", 4) != 0)
        return false;
    uint32_t rate = get24(v->body.data + 13);
    unsigned exponent = rate >> 18;
    uint64_t mantissa = rate & 0x3ffff;
    *bps = mantissa << exponent >> exponent == mantissa ? mantissa << exponent : UINT64_MAX;
    return true;
}

/* --- writing --- */

/* The header of a packet of `size` bytes (a multiple of 4), and the sender. */
static void write_head(uint8_t *out, uint8_t count, uint8_t type, size_t size, uint32_t ssrc)
{
    out[0] = VERSION | count;
    out[1] = type;
    put16(out + 2, (uint16_t)(size / 4 - 1));
    put32(out + 4, ssrc);
}

static void write_report(uint8_t *p, const struct rtcp_report *r)
{
    /* 6.4.1: the count of lost packets is clamped to what 24 bits hold. */
    int32_t lost = r->lost > 0x7fffff ? 0x7fffff : r->lost < -0x800000 ? -0x800000 : r->lost;
    put32(p, r->ssrc);
    p[4] = r->fraction_lost;
    put24(p + 5, (uint32_t)lost & 0xffffff);
    put32(p + 8, r->seq_ext_max);
    put32(p + 12, r->jitter);
    put32(p + 16, r->lsr);
    put32(p + 20, r->dlsr);
}

size_t rtcp_write_sr(uint8_t *out, size_t size, uint32_t ssrc, const struct rtcp_sr *sr,
                     const struct rtcp_report *reports, size_t count)
{
    INVARIANT(count <= COUNT_MAX);
    size_t head = HEADER_SIZE + 4 + SENDER_INFO_SIZE, len = head + count * REPORT_SIZE;
    if (len > size)
        return 0;
    write_head(out, (uint8_t)count, RTCP_SR, len, ssrc);
    put64(out + 8, sr->ntp);
    put32(out + 16, sr->rtp);
    put32(out + 20, sr->packets);
    put32(out + 24, sr->octets);
    for (size_t i = 0; i < count; i++)
        write_report(out + head + i * REPORT_SIZE, &reports[i]);
    return len;
}

size_t rtcp_write_rr(uint8_t *out, size_t size, uint32_t ssrc, const struct rtcp_report *reports,
                     size_t count)
{
    INVARIANT(count <= COUNT_MAX);
    size_t head = HEADER_SIZE + 4, len = head + count * REPORT_SIZE;
    if (len > size)
        return 0;
    write_head(out, (uint8_t)count, RTCP_RR, len, ssrc);
    for (size_t i = 0; i < count; i++)
        write_report(out + head + i * REPORT_SIZE, &reports[i]);
    return len;
}

/* One chunk with a CNAME item (RFC 3550 6.5), ended by at least one zero byte. */
size_t rtcp_write_sdes(uint8_t *out, size_t size, uint32_t ssrc, const char *cname)
{
    enum { ITEM_CNAME = 1 };
    size_t n = strlen(cname);
    INVARIANT(n <= 255);
    size_t len = (HEADER_SIZE + 4 + 2 + n + 1 + 3) & ~(size_t)3;
    if (len > size)
        return 0;
    memset(out, 0, len);
    write_head(out, 1, RTCP_SDES, len, ssrc);
    out[8] = ITEM_CNAME;
    out[9] = (uint8_t)n;
    memcpy(out + 10, cname, n);
    return len;
}

size_t rtcp_write_bye(uint8_t *out, size_t size, uint32_t ssrc)
{
    if (size < 8)
        return 0;
    write_head(out, 1, RTCP_BYE, 8, ssrc);
    return 8;
}

size_t rtcp_write_nack(uint8_t *out, size_t size, uint32_t sender, uint32_t media, const uint16_t *seqs,
                       size_t count, size_t *used)
{
    size_t len = 12, i = 0;
    *used = 0;
    while (i < count && len + NACK_SIZE <= size) {
        uint16_t pid = seqs[i++], mask = 0;
        for (; i < count; i++) { /* the 16 numbers after the PID share its entry (RFC 4585 6.2.1) */
            uint16_t distance = (uint16_t)(seqs[i] - pid);
            if (distance > 16)
                break;
            if (distance > 0)
                mask |= (uint16_t)(1u << (distance - 1));
        }
        put16(out + len, pid);
        put16(out + len + 2, mask);
        len += NACK_SIZE;
    }
    if (i == 0)
        return 0;
    *used = i;
    write_head(out, RTPFB_NACK, RTCP_RTPFB, len, sender);
    put32(out + 8, media);
    return len;
}

size_t rtcp_write_pli(uint8_t *out, size_t size, uint32_t sender, uint32_t media)
{
    if (size < 12)
        return 0;
    write_head(out, PSFB_PLI, RTCP_PSFB, 12, sender);
    put32(out + 8, media);
    return 12;
}
