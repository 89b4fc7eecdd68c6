#include "base/check.h"
#include "base/seq.h"
#include "tests/sim/media.h"
#include <stdlib.h>

#define LOOK_EVERY    MP_MS(20)
#define REORDERING    MP_MS(15)
#define ASK_EVERY     MP_MS(120)
#define GIVE_UP       MP_MS(800)
#define PLI_EVERY     MP_MS(400)
#define KEYFRAME_WAIT MP_MS(300) /* wait for the rest of a key frame, before it requests another */

void decoder_init(struct decoder *d, bool video, uint32_t ssrc, uint32_t rtx_ssrc)
{
    *d = (struct decoder){.used = true,
                          .video = video,
                          .ssrc = ssrc,
                          .rtx_ssrc = rtx_ssrc,
                          .next = MP_NEVER,
                          .slots = calloc(DECODER_WINDOW, sizeof *d->slots)};
    INVARIANT(d->slots != NULL);
}

void decoder_free(struct decoder *d)
{
    free(d->slots);
    *d = (struct decoder){.next = MP_NEVER};
}

static struct slot *slot_of(struct decoder *d, int64_t seq)
{
    return &d->slots[(uint64_t)seq % DECODER_WINDOW];
}

/* Gives up all packets before `seq`. */
static void skip_to(struct decoder *d, int64_t seq)
{
    if (seq - d->position >= DECODER_WINDOW)
        memset(d->slots, 0, DECODER_WINDOW * sizeof *d->slots);
    for (; d->position < seq && seq - d->position < DECODER_WINDOW; d->position++)
        memset(slot_of(d, d->position), 0, sizeof *d->slots);
    d->position = seq;
    d->max = mp_max(d->max, seq - 1);
}

static void lose(struct decoder *d)
{
    d->breaks += d->synced;
    d->synced = d->keyframe_seen = false;
}

static void decoded(struct decoder *d, const struct content *s, mp_time now)
{
    /* Frames with consecutive numbers must be neighbours at the publisher too; otherwise the decoder would
     * use the wrong reference picture. */
    if (d->video && d->synced && !s->keyframe && s->frame != d->last.frame + 1)
        d->lied = true;
    d->last = *s;
    d->decoded++;
    d->decoded_at = now;
    d->synced = true;
}

/* True: the frame at `position` is complete. Broken: its parts belong to different frames. */
static bool whole(struct decoder *d, bool *broken)
{
    const struct content *first = &slot_of(d, d->position)->stamp;
    if (!slot_of(d, d->position)->present)
        return false;
    *broken = first->part != 0;
    for (int i = 0; i < first->parts && !*broken; i++) {
        const struct slot *s = slot_of(d, d->position + i);
        if (d->position + i > d->max || !s->present)
            return false;
        *broken = s->stamp.frame != first->frame || s->stamp.part != i || s->stamp.life != first->life;
    }
    return !*broken;
}

static void advance(struct decoder *d, mp_time now)
{
    bool broken = false;
    while ((d->synced || d->keyframe_seen || !d->video) && d->position <= d->max && whole(d, &broken)) {
        struct content s = slot_of(d, d->position)->stamp;
        decoded(d, &s, now);
        d->keyframe_seen = false;
        skip_to(d, d->position + s.parts);
    }
    if (broken)
        lose(d);
}

/* Whether the layer changes after number `seq`. */
static bool mixed(struct decoder *d, int64_t seq)
{
    const struct slot *before = slot_of(d, seq), *behind = slot_of(d, seq + 1);
    if (seq < d->position || seq >= d->max || !before->present || !behind->present)
        return false;
    const struct content *s = &behind->stamp;
    return s->life == before->stamp.life && s->layer != before->stamp.layer && !(s->keyframe && s->part == 0);
}

void decoder_packet(struct decoder *d, uint16_t number, const struct content *stamp, mp_time now)
{
    int64_t seq = d->started ? seq_extend(d->max, number) : 0x10000 + number;
    if (!d->started) {
        d->started = true;
        d->position = seq;
        d->max = seq - 1;
        d->next = now + LOOK_EVERY;
    }
    if (seq < d->position)
        return;
    d->received++;
    if (seq - d->position >= DECODER_WINDOW) {
        lose(d);
        skip_to(d, seq);
    }
    d->max = mp_max(d->max, seq);
    struct slot *s = slot_of(d, seq);
    s->present = true;
    s->stamp = *stamp;
    d->mixed |= mixed(d, seq - 1) || mixed(d, seq);
    bool begins = d->video && stamp->keyframe && stamp->part == 0;
    if (begins && !d->synced &&
        (!d->keyframe_seen || now - slot_of(d, d->position)->stamp.time > KEYFRAME_WAIT)) {
        skip_to(d, seq);
        d->keyframe_seen = true;
    }
    advance(d, now);
}

size_t decoder_wants(struct decoder *d, uint16_t *seqs, size_t max, bool *pli, mp_time now)
{
    size_t n = 0;
    *pli = false;
    if (d->next > now)
        return 0;
    d->next = now + LOOK_EVERY;
    for (int64_t seq = d->position; seq < d->max; seq++) {
        struct slot *s = slot_of(d, seq);
        if (s->present)
            continue;
        s->missed = s->missed ? s->missed : now;
        if (now - s->missed > GIVE_UP) {
            if (d->video)
                lose(d);
            skip_to(d, seq + 1);
            advance(d, now);
            seq = mp_max(seq, d->position - 1);
        } else if (n < max && now - s->missed > REORDERING && now - s->asked > ASK_EVERY) {
            s->asked = now;
            seqs[n++] = (uint16_t)seq;
        }
    }
    if (d->video && !d->synced && now - d->asked_at > PLI_EVERY) {
        d->asked_at = now;
        *pli = true;
    }
    return n;
}
