/* Timers: `next` is when a frame, with `pace` a packet of it, or an audio packet is due. The times are
 * multiples of the interval since the stream's start, so delays do not add up. */
#include "load/source.h"
#include <string.h>

#define LAYER_STAMP_OFFSET (STAMP_OFFSET + PICTURES_DESCRIPTOR - 1)
#define LAYER_PROBES       2   /* padding packets that precede a layer's media */
#define PROBE_PADDING      224 /* bytes of each, as libwebrtc sends them */

/* RFC 7741 4.2: the X bit, which only the descriptors of layers have; no packet of sound has it (0x78). */
static bool is_extended(const uint8_t *payload) { return payload[0] & 0x80; }

bool source_stamp_read(struct stamp *s, const struct rtp_view *v, uint32_t run)
{
    const uint8_t *p = v->data + v->header_len;
    size_t at = v->payload_len && is_extended(p) ? LAYER_STAMP_OFFSET : STAMP_OFFSET;
    if (v->payload_len < at + STAMP_SIZE || get32(p + at) != run)
        return false;
    p += at;
    *s = (struct stamp){.run = run,
                        .layer = get16(p + 4),
                        .client = get16(p + 6),
                        .index = get64(p + 8),
                        .time = (mp_time)get64(p + 16)};
    return true;
}

void source_init(struct source *s, const struct source_config *c, struct prng *prng)
{
    *s = (struct source){.video = c->video,
                         .pace = c->video ? c->pace : 0,
                         .run = c->run,
                         .client = c->client,
                         .ssrc = (uint32_t)prng_next(prng) | 1,
                         .rtx_ssrc = (uint32_t)prng_next(prng) | 1,
                         .mid = {c->mid},
                         .next = MP_NEVER,
                         .keyframe_every = MP_S(c->keyframe_interval),
                         .keyframe_wanted = true,
                         .layer = c->layer,
                         .turns = c->turns,
                         .turn = c->client,
                         .probes = c->layer ? LAYER_PROBES : 0,
                         .frame_bytes = c->video ? (double)c->video_bps / 8 / FRAME_RATE : AUDIO_SIZE,
                         .index = prng_below(prng, 0x8000),
                         .timestamp = (uint32_t)prng_next(prng)};
    if (!c->layer)
        return;
    s->rtx_index = prng_below(prng, 0x8000);
    pictures_init(&s->pictures, prng);
}

static mp_time tick_length(const struct source *s) { return MP_S(1) / (s->video ? FRAME_RATE : AUDIO_RATE); }

void source_start(struct source *s, mp_time now)
{
    s->begun = s->next = now;
    s->keyframe_at = now + s->keyframe_every;
}

uint32_t source_clock(const struct source *s, mp_time now)
{
    mp_time since = now - s->begun;
    return s->timestamp + (uint32_t)(since / 1000 * (s->video ? VIDEO_CLOCK : AUDIO_CLOCK) / 1000000);
}

/* A layer's frame has the size of its kind, in packets of equal length, as libwebrtc splits it. What a key
 * frame takes beyond its share, later frames save. */
static void open_picture(struct source *s)
{
    pictures_next(&s->pictures, s->keyframe);
    double size = s->frame_bytes * pictures_share(&s->pictures);
    if (s->keyframe)
        s->owed -= size - s->frame_bytes;
    else
        size = pictures_save(size, &s->owed);
    s->left = (unsigned)((size + PACKET_MAX - 1) / PACKET_MAX);
    s->size = (uint16_t)(size / s->left);
}

/* A frame consists of as many whole packets of PACKET_MAX as its share of the bitrate fills; the remainder
 * adds to the next frame. A smaller frame is one packet of its own size. */
static void open_plain(struct source *s)
{
    s->owed += s->frame_bytes;
    s->left = s->video ? (unsigned)(s->owed / PACKET_MAX) : 1;
    s->size = PACKET_MAX;
    if (s->left == 0 || !s->video) {
        s->left = 1;
        s->size = (uint16_t)s->owed;
    }
    s->owed -= (double)s->left * s->size;
}

static void open_frame(struct source *s, mp_time now)
{
    s->keyframe = s->keyframe_wanted || (s->keyframe_every && now >= s->keyframe_at);
    if (s->keyframe) {
        s->keyframe_wanted = false;
        s->keyframe_at = now + s->keyframe_every;
    }
    if (s->layer)
        open_picture(s);
    else
        open_plain(s);
    s->in_frame = s->left;
}

static void schedule(struct source *s, mp_time now)
{
    mp_time tick = tick_length(s), frame = s->begun + (mp_time)s->ticks * tick;
    if (s->left == 0) {
        s->next = s->begun + (mp_time)++s->ticks * tick;
        if (s->next < now - MP_MS(500)) { /* the process was stopped: to catch up would flood the server */
            s->ticks = (uint64_t)((now - s->begun) / tick) + 1;
            s->next = s->begun + (mp_time)s->ticks * tick;
        }
    } else {
        s->next = frame + s->pace * (s->in_frame - s->left) / s->in_frame;
    }
}

static const struct rtp_extension_ids extension_ids = {.id = {[EXT_MID] = SEND_MID,
                                                              [EXT_TRANSPORT_CC] = SEND_TRANSPORT_CC,
                                                              [EXT_AUDIO_LEVEL] = SEND_AUDIO_LEVEL,
                                                              [EXT_RID] = SEND_RID,
                                                              [EXT_REPAIRED_RID] = SEND_REPAIRED_RID}};

/* RFC 6464 3: V and the level. A voice varies; a publisher whose turn it is not is silent. */
static uint8_t audio_level(const struct source *s, mp_time now)
{
    if (!s->turns)
        return 0x80 | 40;
    if ((uint64_t)(now / TURN_LENGTH) % s->turns != s->turn)
        return 127;
    return 0x80 | (25 + s->ticks * 7 % 23);
}

static size_t write_header(const struct source *s, uint8_t *out, uint32_t timestamp, uint16_t twcc,
                           bool marker, mp_time now)
{
    uint8_t number[2];
    uint8_t level = audio_level(s, now);
    put16(number, twcc);
    struct bytes values[EXT_COUNT] = {[EXT_TRANSPORT_CC] = {number, 2}};
    if (!s->known)
        values[EXT_MID] = (struct bytes){(const uint8_t *)s->mid, 1};
    if (s->layer && !s->known)
        values[EXT_RID] = (struct bytes){(const uint8_t *)s->layer->rid, 1};
    if (!s->video)
        values[EXT_AUDIO_LEVEL] = (struct bytes){&level, 1};
    size_t n = rtp_write(out, &(struct rtp_header){.marker = marker,
                                                   .payload_type = s->video ? VIDEO_TYPE : AUDIO_TYPE,
                                                   .seq = (uint16_t)s->index,
                                                   .timestamp = timestamp,
                                                   .ssrc = s->ssrc});
    return n + rtp_write_extensions(out, &extension_ids, values);
}

/* What a browser sends first: padding under the SSRC for retransmissions, which names the layer. */
static size_t write_probe(struct source *s, uint8_t *out, uint16_t twcc, uint64_t *index)
{
    uint8_t number[2];
    put16(number, twcc);
    struct bytes values[EXT_COUNT] = {[EXT_MID] = {(const uint8_t *)s->mid, 1},
                                      [EXT_TRANSPORT_CC] = {number, 2},
                                      [EXT_REPAIRED_RID] = {(const uint8_t *)s->layer->rid, 1}};
    size_t n = rtp_write(out, &(struct rtp_header){.padding = true,
                                                   .payload_type = VIDEO_RTX_TYPE,
                                                   .seq = (uint16_t)s->rtx_index,
                                                   .timestamp = s->timestamp,
                                                   .ssrc = s->rtx_ssrc});
    n += rtp_write_extensions(out, &extension_ids, values);
    memset(out + n, 0, PROBE_PADDING);
    out[n + PROBE_PADDING - 1] = PROBE_PADDING;
    *index = s->rtx_index++;
    s->probes--;
    return n + PROBE_PADDING;
}

/* RFC 7741 4.2 and 4.3: the descriptor, with the S bit in a frame's first packet; then the frame tag, whose
 * lowest bit is 0 in a key frame; a key frame continues with a start code and the picture's size. */
static void write_video_start(const struct source *s, uint8_t *p, bool first)
{
    static const struct simulcast_layer single = {.width = 640, .height = 360};
    const struct simulcast_layer *l = s->layer ? s->layer : &single;
    const uint8_t key[] = {0x10,
                           0x02,
                           0x00,
                           0x9d,
                           0x01,
                           0x2a,
                           (uint8_t)l->width,
                           (uint8_t)(l->width >> 8),
                           (uint8_t)l->height,
                           (uint8_t)(l->height >> 8)};
    size_t n = s->layer ? pictures_write(&s->pictures, p) : 1;
    memset(p + n, 0, STAMP_OFFSET - 1);
    if (!s->layer)
        p[0] = 0;
    p[0] |= first ? 0x10 : 0;
    if (first && s->keyframe)
        memcpy(p + n, key, sizeof key);
    else if (first)
        p[n] = 0x11;
}

void source_reported(struct source *s, uint32_t ssrc) { s->known |= s->layer && s->ssrc == ssrc; }

void source_stop(struct source *s)
{
    s->next = MP_NEVER;
    s->index &= 0xffff;
    s->rtx_index &= 0xffff;
    s->probes = s->layer ? LAYER_PROBES : 0;
    s->known = false;
    s->left = 0;
    s->owed = 0;
    s->ticks = 0;
}

size_t source_packet(struct source *s, uint8_t *out, size_t tag, uint16_t *twcc, mp_time now, mp_time time,
                     uint64_t *index)
{
    if (s->next > now)
        return 0;
    if (s->probes)
        return write_probe(s, out, (*twcc)++, index);
    if (s->left == 0)
        open_frame(s, now);
    uint32_t step = s->video ? VIDEO_CLOCK / FRAME_RATE : AUDIO_CLOCK / AUDIO_RATE;
    bool first = s->left == s->in_frame, last = s->left == 1;
    size_t header =
        write_header(s, out, s->timestamp + (uint32_t)s->ticks * step, (*twcc)++, s->video && last, now);
    size_t stamp = s->layer ? LAYER_STAMP_OFFSET : STAMP_OFFSET;
    size_t least = header + stamp + STAMP_SIZE, size = s->size > least + tag ? s->size - tag : least;
    uint8_t *p = out + header;
    memset(p, 0xf8, size - header);
    if (s->video)
        write_video_start(s, p, first);
    else
        p[0] = 0x78; /* RFC 6716 3.1: CELT, 20 ms */
    p += stamp;
    put32(p, s->run);
    put16(p + 4, s->layer ? (uint16_t)(s->layer - simulcast) : 0);
    put16(p + 6, (uint16_t)s->client);
    put64(p + 8, s->index);
    put64(p + 16, (uint64_t)time);
    *index = s->index++;
    s->packets++;
    s->octets += size - header;
    s->left--;
    schedule(s, now);
    return size;
}
