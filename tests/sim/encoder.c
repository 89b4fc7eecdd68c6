#include "base/check.h"
#include "tests/sim/media.h"
#include <stdlib.h>

#define KEYFRAME_TIMES 3 /* as large as other frames */

static const struct rtp_extension_ids ids = {
    .id = {[EXT_MID] = SEND_MID, [EXT_TRANSPORT_CC] = SEND_TRANSPORT_CC}};

void encoder_init(struct encoder *e, bool video, bool rtx, const struct content *who, struct prng *prng)
{
    *e = (struct encoder){.on = true,
                          .video = video,
                          .stamp = *who,
                          .ssrc = (uint32_t)prng_next(prng) | 1,
                          .rtx_ssrc = video && rtx ? (uint32_t)prng_next(prng) | 1 : 0,
                          .timestamp = (uint32_t)prng_next(prng),
                          .index = prng_below(prng, 0x8000),
                          .rtx_index = prng_below(prng, 0x8000),
                          .next = MP_NEVER,
                          .interval =
                              video ? MP_MS(50 + prng_below(prng, 150)) : MP_MS(40 + prng_below(prng, 40)),
                          .parts_max = video ? 1 + prng_below(prng, 4) : 1,
                          .size_max = video ? 200 + prng_below(prng, PAYLOAD_MAX - 200) : 120,
                          .keyframe_wanted = true,
                          .kept = calloc(SENT_KEPT, sizeof *e->kept)};
    INVARIANT(e->kept != NULL);
    e->stamp.video = video;
}

void encoder_free(struct encoder *e)
{
    free(e->kept);
    *e = (struct encoder){.next = MP_NEVER};
}

void encoder_start(struct encoder *e, mp_time now) { e->begun = e->next = now; }

uint32_t encoder_clock(const struct encoder *e, mp_time now)
{
    return e->timestamp + (uint32_t)((now - e->begun) / 1000 * (e->video ? 90000 : 48000) / 1000000);
}

static void open_frame(struct encoder *e, struct prng *prng, mp_time now)
{
    e->stamp.frame++;
    e->stamp.part = 0;
    e->stamp.time = now;
    e->stamp.keyframe = e->video && e->keyframe_wanted;
    e->stamp.parts = (uint8_t)(1 + prng_below(prng, e->parts_max));
    if (e->stamp.keyframe)
        e->stamp.parts = (uint8_t)(e->stamp.parts * KEYFRAME_TIMES);
    e->keyframe_wanted = false;
}

size_t encoder_packet(struct encoder *e, uint8_t *out, uint64_t *index, uint16_t *twcc, struct prng *prng,
                      mp_time now)
{
    struct content *s = &e->stamp;
    struct sent *kept = &e->kept[e->index % SENT_KEPT];
    if (!e->on || e->next > now)
        return 0;
    if (s->part == s->parts)
        open_frame(e, prng, now);
    bool last = s->part + 1 == s->parts;
    uint8_t number[2], mid = e->video ? '1' : '0';
    put16(number, (*twcc)++);
    struct bytes values[EXT_COUNT] = {[EXT_MID] = {&mid, 1}, [EXT_TRANSPORT_CC] = {number, 2}};
    size_t len = rtp_write(out, &(struct rtp_header){.marker = e->video && last,
                                                     .payload_type = e->video ? VIDEO_TYPE : AUDIO_TYPE,
                                                     .seq = (uint16_t)e->index,
                                                     .timestamp = encoder_clock(e, s->time),
                                                     .ssrc = e->ssrc});
    len += rtp_write_extensions(out, &ids, values);
    size_t payload = PAYLOAD_MIN + prng_below(prng, e->size_max - PAYLOAD_MIN + 1);
    content_write(out + len, payload, s);
    len += payload;
    *index = kept->index = e->index++;
    kept->len = (uint16_t)len;
    memcpy(kept->data, out, len);
    e->packets++;
    e->octets += payload;
    s->part++;
    if (last)
        e->next = mp_max(now + e->interval, e->silent_until);
    return len;
}

size_t encoder_repeat(struct encoder *e, uint16_t seq, uint8_t *out, uint64_t *index)
{
    const struct sent *kept = e->on ? &e->kept[seq % SENT_KEPT] : NULL;
    struct rtp_view v;
    if (!kept || !e->video || !kept->len || (uint16_t)kept->index != seq ||
        !rtp_parse(&v, kept->data, kept->len))
        return 0;
    *index = kept->index;
    memcpy(out, kept->data, kept->len);
    if (!e->rtx_ssrc)
        return kept->len;
    out[1] = (uint8_t)((out[1] & 0x80) | VIDEO_RTX_TYPE);
    put16(out + 2, (uint16_t)e->rtx_index);
    put32(out + 8, e->rtx_ssrc);
    put16(out + v.header_len, seq);
    memcpy(out + v.header_len + 2, v.data + v.header_len, v.payload_len);
    *index = e->rtx_index++;
    return (size_t)v.header_len + 2 + v.payload_len;
}
