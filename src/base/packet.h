/* Packets and the pool that owns them. A pool belongs to one worker; packets are counted references, so a
 * track's history and many viewers share one payload. */
#pragma once
#include "base/limits.h"
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the core parsed from an RTP packet at its arrival, so that no viewer's copy is parsed again. */
struct packet_media {
    int64_t seq; /* extended */
    uint32_t timestamp;
    uint16_t payload, payload_len; /* offset into data, length without padding */
    uint16_t dependency;           /* the dependency descriptor: its offset and … */
    uint8_t dependency_len;        /* … its length; 0: none */
    bool marker, keyframe;
    int16_t audio_level; /* the extension's byte; -1: not there */
};

#define PACKET_REDUNDANT 2

struct packet {
    struct packet *next; /* free list */
    uint32_t refs;
    uint16_t len;
    /* The same with one, two earlier packets of its track in its payload; NULL: not made. It owns them. */
    struct packet *redundant[PACKET_REDUNDANT];
    uint8_t blocks;     /* it is redundant[blocks - 1] of another packet; 0: it is none */
    uint8_t block_type; /* its blocks' payload type */
    mp_time arrival;
    struct packet_media media;
    uint8_t data[PACKET_SIZE];
};

struct packet_pool {
    struct packet *packets, *free;
    size_t size, fresh, used, used_max; /* packets[fresh..] are unused, their memory not resident */
};

bool packet_pool_init(struct packet_pool *, size_t packets); /* false: no memory */
void packet_pool_free(struct packet_pool *);                 /* every packet must be back */
struct packet *packet_take(struct packet_pool *);            /* one reference; NULL: the pool is empty */
void packet_drop(struct packet_pool *, struct packet *);     /* gives a reference back */
static inline struct packet *packet_ref(struct packet *p)
{
    p->refs++;
    return p;
}
