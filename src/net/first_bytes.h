/* Detects the protocol of a TCP connection by its first bytes, without reading them from the socket. All
 * protocols share one port:
 *
 *   first byte   then                                               protocol
 *   22           a TLS record (RFC 8446 5.1) with a ClientHello     TLS; first_bytes_inside detects the rest
 *   'A'..'Z'     a method (RFC 9110 9.1)                            HTTP
 *   0..5         length < 1500 (RFC 4571 2), a Binding request      ICE-TCP (RFC 6544)
 *   0, 1         a STUN header with its cookie (RFC 8489 5)         TURN, or STUN, over TCP
 *
 * A ClientHello's ALPN does not help: behind a proxy Firefox offers h2 and http/1.1, and then speaks TURN; so
 * does coturn's client. ChannelData (64..79) overlaps with letters, but a TURN client has no channel before
 * the server answered its first request. */
#pragma once
#include "base/bytes.h"

enum first_bytes {
    FIRST_MORE, /* needs more bytes */
    FIRST_HTTP,
    FIRST_TLS, /* the whole ClientHello is there */
    FIRST_ICE, /* the whole first frame is there */
    FIRST_TURN,
    FIRST_NONE, /* no known protocol */
};

enum first_bytes first_bytes(const uint8_t *, size_t len);
/* The same inside our TLS: HTTP, TURN, more or none. */
enum first_bytes first_bytes_inside(const uint8_t *, size_t len);
