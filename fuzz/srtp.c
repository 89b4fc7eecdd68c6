/* SRTP and SRTCP: unprotect accepts only protected packets, each once, and none with a changed bit. The input
 * is a script: the parameters, then packets. */
#include "proto/srtp.h"
#include "base/limits.h"
#include "crypto/crypto.h"
#include "fuzz/fuzz.h"
#include "proto/rtp.h"

struct ends {
    struct srtp_tx *tx;
    struct srtp_rx *rx;
};

static void raw(struct ends *e, struct bytes p)
{
    uint8_t out[PACKET_SIZE];
    uint64_t index;
    if (p.len > DATAGRAM_IN_MAX)
        return;
    INVARIANT(srtp_unprotect(e->rx, p.data, p.len, out, &index) < 0);
    INVARIANT(srtcp_unprotect(e->rx, p.data, p.len, out) < 0);
}

static void sealed_rtp(struct ends *e, struct bytes p, uint64_t index, uint16_t change)
{
    uint8_t out[PACKET_SIZE], plain[PACKET_SIZE];
    uint64_t found;
    size_t header = rtp_header_len(p.data, p.len);
    if (!header || p.len > DATAGRAM_IN_MAX - SRTP_OVERHEAD_MAX)
        return;
    memcpy(out, p.data, header);
    put16(out + 2, (uint16_t)index);
    size_t len = srtp_protect(e->tx, out, header, p.data + header, p.len - header, index);
    INVARIANT(len == p.len + srtp_tx_overhead(e->tx));
    size_t at = change % len;
    out[at] ^= 1;
    if (at != 2 && at != 3) /* another number may be an old one */
        INVARIANT(srtp_unprotect(e->rx, out, len, plain, &found) < 0);
    out[at] ^= 1;
    int n = srtp_unprotect(e->rx, out, len, plain, &found);
    INVARIANT(n < 0 || ((size_t)n == p.len && found == index &&
                        memcmp(plain + header, p.data + header, p.len - header) == 0));
    INVARIANT(n < 0 || srtp_unprotect(e->rx, out, len, plain, &found) == SRTP_REPLAY);
}

static void sealed_rtcp(struct ends *e, struct bytes p)
{
    uint8_t out[PACKET_SIZE], plain[PACKET_SIZE];
    if (p.len < 8 || p.len > DATAGRAM_OUT_MAX || p.data[0] >> 6 != 2)
        return;
    memcpy(out, p.data, p.len);
    size_t len = srtcp_protect(e->tx, out, p.len);
    int n = srtcp_unprotect(e->rx, out, len, plain);
    INVARIANT(n == SRTP_STREAMS || ((size_t)n == p.len && memcmp(plain, p.data, p.len) == 0));
    INVARIANT(n < 0 || srtcp_unprotect(e->rx, out, len, plain) == SRTP_REPLAY);
}

static void source_changes(struct srtp_rx *rx, uint32_t ssrc, bool ended)
{
    if (ended)
        srtp_rx_ended(rx, ssrc);
    else
        srtp_rx_goes_on(rx, ssrc);
}

void fuzz_srtp(const uint8_t *data, size_t len)
{
    static struct crypto *crypto;
    struct bytes s = {data, len};
    struct srtp_master master = {.profile =
                                     script_u8(&s) & 1 ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_SHA1_80,
                                 .key = "sixteen bytes..",
                                 .salt = "and fourteen."};
    if (!crypto)
        crypto = crypto_new(CRYPTO_OPENSSL);
    struct ends e = {srtp_tx_new(crypto, &master), srtp_rx_new(crypto, &master)};
    uint64_t index = 0;
    INVARIANT(e.tx && e.rx);
    while (s.len) {
        uint8_t how = script_u8(&s);
        struct bytes p = script_bytes(&s);
        index += how >> 4;
        if (how % 4 == 0)
            raw(&e, p);
        else if (how % 4 == 1)
            sealed_rtcp(&e, p);
        else if (how % 4 == 2 && p.len >= RTP_HEADER_SIZE)
            source_changes(e.rx, get32(p.data + 8), how & 8);
        else
            sealed_rtp(&e, p, index++, script_u16(&s));
    }
    srtp_tx_free(e.tx);
    srtp_rx_free(e.rx);
}
