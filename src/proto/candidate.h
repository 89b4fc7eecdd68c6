/* Candidates: the value of an a=candidate line, RFC 8839 5.1
 * ("candidate:1 1 udp 2130706431 192.0.2.1 8000 typ host"). */
#pragma once
#include "base/address.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum candidate_type { CANDIDATE_HOST, CANDIDATE_SRFLX, CANDIDATE_PRFLX, CANDIDATE_RELAY };
struct candidate {
    char foundation[33];
    uint16_t component;
    bool tcp;
    uint32_t priority;
    struct address address; /* all zero if the client hides it behind an mDNS name (".local") */
    bool hidden;            /* an mDNS name */
    enum candidate_type type;
};
/* Accepts text with or without the leading "a=" and "candidate:". `text` need not end in 0. False: malformed.
 * Empty text (end of candidates) is malformed too; callers test for it first. */
bool candidate_parse(struct candidate *, const char *text, size_t len);
/* Whether the text is a well-formed candidate line with an unknown transport, type or address. RFC 8839 5.1:
 * such candidates are ignored. */
bool candidate_is_line(const char *text, size_t len);
/* Writes "candidate:…" for host and srflx (with raddr 0.0.0.0 or ::, rport 0) candidates. Returns the length;
 * 0: it does not fit. */
size_t candidate_write(const struct candidate *, char *out, size_t size);
/* RFC 8445 5.1.2.1: type preference (host 126, prflx 110, srflx 100, relay 0), local preference,
 * component. */
uint32_t candidate_priority(enum candidate_type, uint16_t local_preference, uint16_t component);
/* The server's candidate for its address number `i`, by UDP or by passive TCP (RFC 6544). All TCP candidates
 * rank below all UDP ones. */
struct candidate candidate_host(const struct address *, size_t i, bool tcp);
