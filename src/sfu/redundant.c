#include "sfu/redundant.h"
#include "proto/red.h"
#include "proto/rtp.h"
#include "sfu/core.h"
#include "sfu/track.h"

/* With the largest header and the tag it is within DATAGRAM_OUT_MAX. */
#define PAYLOAD_MAX 1100
#define LEVEL_NONE  127 /* silence */
_Static_assert(REDUNDANCY_MAX == PACKET_REDUNDANT, "a packet holds each form of it");

static struct bytes payload_of(const struct packet *p)
{
    return (struct bytes){p->data + p->media.payload, p->media.payload_len};
}

static bool is_silent(const struct packet *p)
{
    return p->media.audio_level >= 0 && audio_level_of((uint8_t)p->media.audio_level).below == LEVEL_NONE;
}

/* The track's packet `back` before this one. False: it is gone, is silence, or is too long ago. */
static bool earlier(struct red_block *out, const struct track *t, const struct packet *p, unsigned back,
                    uint8_t payload_type)
{
    const struct packet *e = track_packet(t, p->media.seq - back);
    uint32_t offset = e ? p->media.timestamp - e->media.timestamp : 0;
    if (!offset || offset > RED_OFFSET_MAX || !e->media.payload_len ||
        e->media.payload_len > RED_LENGTH_MAX || is_silent(e))
        return false;
    *out = (struct red_block){payload_type, (uint16_t)offset, payload_of(e)};
    return true;
}

static struct packet *make(struct sfu *sfu, const struct track *t, const struct packet *p, unsigned blocks,
                           uint8_t payload_type)
{
    struct red_block list[REDUNDANCY_MAX + 1];
    size_t count = 0;
    for (unsigned back = blocks; back > 0; back--)
        count += earlier(&list[count], t, p, back, payload_type);
    struct packet *made = count && track_may_keep(sfu) ? packet_take(&sfu->pool) : NULL;
    if (!made)
        return NULL;
    list[count++] = (struct red_block){.payload_type = payload_type, .data = payload_of(p)};
    size_t len = red_write(made->data, PAYLOAD_MAX, list, count);
    if (!len) {
        packet_drop(&sfu->pool, made);
        return NULL;
    }
    made->media = p->media;
    made->media.payload = made->media.dependency_len = 0;
    made->media.payload_len = made->len = (uint16_t)len;
    made->arrival = p->arrival;
    made->blocks = (uint8_t)blocks;
    made->block_type = payload_type;
    return made;
}

struct packet *redundant_packet(struct sfu *sfu, const struct track *t, struct packet *p, unsigned blocks,
                                uint8_t payload_type)
{
    struct packet **made = &p->redundant[blocks - 1];
    if (!*made)
        *made = make(sfu, t, p, blocks, payload_type);
    return *made && (*made)->block_type == payload_type ? *made : NULL;
}
