/* Links: how a path's datagrams travel where that is not the worker's own UDP socket. A link belongs to one
 * worker, which alone can send by it; the number is unique in the process, so it names the way wherever the
 * path is known.
 *
 *   31 30 | 29 .. 22 | 21 .. 0
 *   kind  | worker   | id within the worker, of its owner's making: an index and a generation
 */
#pragma once
#include <stdint.h>

#define LINK_UDP     0u /* path.link of what the worker's socket receives and sends */
#define LINK_ID_BITS 22

enum link_kind {
    LINK_DATAGRAM, /* LINK_UDP */
    LINK_STREAM,   /* an ICE-TCP connection (net/stream.h): carries any datagram, behind its length */
    LINK_RELAY,    /* an allocation of the TURN server inside the core */
    /* a TCP or TLS connection of a TURN client (net/stream.h): carries STUN, TURN and ChannelData alone */
    LINK_TURN,
};

static inline uint32_t link_make(enum link_kind kind, unsigned worker, uint32_t id)
{
    return (uint32_t)kind << 30 | (uint32_t)(worker & 0xff) << LINK_ID_BITS |
           (id & ((1u << LINK_ID_BITS) - 1));
}
static inline enum link_kind link_kind(uint32_t link) { return (enum link_kind)(link >> 30); }
static inline unsigned link_worker(uint32_t link) { return link >> LINK_ID_BITS & 0xff; }
static inline uint32_t link_id(uint32_t link) { return link & ((1u << LINK_ID_BITS) - 1); }
