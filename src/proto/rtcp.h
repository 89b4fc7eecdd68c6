/* RTCP (RFC 3550 6, RFC 4585, RFC 5104): an iterator over a compound packet, and writers for the packets that
 * this server sends. */
#pragma once
#include "base/bytes.h"
#include <stdbool.h>

enum rtcp_type {
    RTCP_SR = 200,
    RTCP_RR = 201,
    RTCP_SDES = 202,
    RTCP_BYE = 203,
    RTCP_APP = 204,
    RTCP_RTPFB = 205,
    RTCP_PSFB = 206,
    RTCP_XR = 207,
};
enum { RTPFB_NACK = 1, RTPFB_TWCC = 15, PSFB_PLI = 1, PSFB_FIR = 4, PSFB_AFB = 15 };

struct rtcp_view {       /* one packet of a compound, into the datagram */
    uint8_t type, count; /* count: RC, SC or FMT */
    uint32_t ssrc;       /* the sender's; 0 if the packet is too short to have one */
    struct bytes body;   /* behind the 4-byte header, without padding */
};

/* Walks a compound: *at starts at 0. False: the end, or the rest is malformed (then *at != len). */
bool rtcp_next(struct rtcp_view *, const uint8_t *, size_t len, size_t *at);

struct rtcp_sr {
    uint64_t ntp;
    uint32_t rtp, packets, octets;
};
bool rtcp_sr(const struct rtcp_view *, struct rtcp_sr *);

struct rtcp_report { /* RFC 3550 6.4.1 */
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t lost;
    uint32_t seq_ext_max, jitter, lsr, dlsr; /* dlsr in 1/65536 s */
};
/* Report block `i` of an SR or RR. False: no such block. */
bool rtcp_report(const struct rtcp_view *, size_t i, struct rtcp_report *);

/* SSRCs of a BYE. */
bool rtcp_bye(const struct rtcp_view *, size_t i, uint32_t *ssrc);
/* Media source of a feedback packet. */
bool rtcp_media_ssrc(const struct rtcp_view *, uint32_t *ssrc);
/* Calls `lost` for each sequence number of a generic NACK (RFC 4585 6.2.1), at most `max` times. Returns
 * how many. */
size_t rtcp_nack(const struct rtcp_view *, void (*lost)(void *, uint16_t seq), void *context, size_t max);
/* Entry `i` of a FIR (RFC 5104 4.3.1). */
bool rtcp_fir(const struct rtcp_view *, size_t i, uint32_t *ssrc, uint8_t *command_seq);

/* The rate of a REMB (draft-alvestrand-rmcat-remb-03 2.2), an AFB; UINT64_MAX where it has more bits.
 * False: it is none. */
bool rtcp_remb(const struct rtcp_view *, uint64_t *bps);

/* Writers: append one packet at `out`; the return is its length, 0: it does not fit in `size`. */
size_t rtcp_write_sr(uint8_t *out, size_t size, uint32_t ssrc, const struct rtcp_sr *,
                     const struct rtcp_report *reports, size_t count /* <= 31 */);
size_t rtcp_write_rr(uint8_t *out, size_t size, uint32_t ssrc, const struct rtcp_report *reports,
                     size_t count);
size_t rtcp_write_sdes(uint8_t *out, size_t size, uint32_t ssrc, const char *cname);
size_t rtcp_write_bye(uint8_t *out, size_t size, uint32_t ssrc);
/* A NACK of ascending sequence numbers; packs (PID, BLP) pairs. *used: how many of them fitted. */
size_t rtcp_write_nack(uint8_t *out, size_t size, uint32_t sender, uint32_t media, const uint16_t *seqs,
                       size_t count, size_t *used);
size_t rtcp_write_pli(uint8_t *out, size_t size, uint32_t sender, uint32_t media);
