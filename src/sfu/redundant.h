/* Packets of a sound that carry earlier ones too (RED, RFC 2198), for viewers on lossy lines. They are made
 * once for all viewers, when the first one needs them, and live as long as the packet. */
#pragma once
#include "adapt/redundancy.h"
#include <stdint.h>

struct packet;
struct sfu;
struct track;

/* The packet with so many (1 to REDUNDANCY_MAX) of the track's earlier ones, all of `payload_type`. NULL:
 * there is none that can be carried, no memory, or the one that exists is for viewers with another payload
 * type. */
struct packet *redundant_packet(struct sfu *, const struct track *, struct packet *, unsigned blocks,
                                uint8_t payload_type);
