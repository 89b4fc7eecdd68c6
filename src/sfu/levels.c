/* Timer: on multiples of SPEAKER_DECIDES after a packet of a sound, so that the messages of all workers reach
 * the control thread together. */
#include "sfu/levels.h"
#include "sfu/core.h"
#include "sfu/incoming.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"
#include "sfu/track_data.h"

/* A paused sound that begins to speak waits for the control thread's decision. */
#define URGENT_EVERY MP_MS(200) /* of one sound */
#define URGENT_PER_S 200        /* of all sounds here */

#define LEVELS_WITHOUT 50 /* a second: a single packet may lack its level */

void levels_init(struct levels *l) { *l = (struct levels){.at = MP_NEVER}; }

static void list(struct sfu *sfu, struct incoming *in, mp_time now)
{
    struct levels *l = &sfu->levels;
    if (in->level.listed)
        return;
    in->level.listed = true;
    in->level.next = l->heard;
    l->heard = in;
    if (l->at == MP_NEVER)
        l->at = (now / SPEAKER_DECIDES + 1) * SPEAKER_DECIDES;
}

static struct sound_level level_of(struct incoming *in, mp_time now)
{
    return (struct sound_level){.session = in->track->publisher->id,
                                .track = in->track->id,
                                .scores = speaker_scores(&in->level.speaker, now)};
}

static void tell_at_once(struct sfu *sfu, struct incoming *in, mp_time now)
{
    struct message m = {.type = MESSAGE_LEVELS, .to = TO_CONTROL, .levels.count = 1};
    if (now - in->level.urgent_at < URGENT_EVERY ||
        !rate_take(&sfu->levels.urgent, 1, URGENT_PER_S, URGENT_PER_S, now))
        return;
    in->level.urgent_at = now;
    in->level.told = LEVEL_LOUD;
    m.levels.list[0] = level_of(in, now);
    outbox_emit(sfu, &m, NULL);
}

void levels_heard(struct sfu *sfu, struct incoming *in, const struct packet *p, mp_time now)
{
    struct level *l = &in->level;
    int level = p->media.audio_level;
    if (level < 0) {
        l->without += l->without < LEVELS_WITHOUT;
        if (l->without == LEVELS_WITHOUT && l->told != LEVEL_NONE)
            list(sfu, in, now);
        return;
    }
    l->without = 0;
    bool was_loud = l->speaker.loud & 1;
    speaker_heard(&l->speaker, speaker_volume(&l->speaker, (uint8_t)level, p->media.payload_len), now);
    list(sfu, in, now);
    if (in->track->quiet && (l->speaker.loud & 1) && !was_loud)
        tell_at_once(sfu, in, now);
}

void levels_forget(struct sfu *sfu, struct incoming *in)
{
    struct incoming **link = &sfu->levels.heard;
    if (!in->level.listed)
        return;
    while (*link != in)
        link = &(*link)->level.next;
    *link = in->level.next;
}

static void flush(struct sfu *sfu, struct message *m)
{
    if (m->levels.count)
        outbox_emit(sfu, m, NULL);
    m->levels.count = 0;
}

/* Adds the sound to the message if there is something to tell. False: it has become silent. */
static bool tell(struct sfu *sfu, struct incoming *in, struct message *m, mp_time now)
{
    struct sound_level told = level_of(in, now);
    bool none = in->level.without == LEVELS_WITHOUT;
    told.none = none;
    bool loud = !none && !speaker_is_silent(&told.scores);
    enum level_state state = none ? LEVEL_NONE : loud ? LEVEL_LOUD : LEVEL_SILENT;
    if (loud || in->level.told != state) {
        if (m->levels.count == SOUND_LEVELS_MAX)
            flush(sfu, m);
        m->levels.list[m->levels.count++] = told;
    }
    in->level.told = state;
    return loud;
}

void levels_timeout(struct sfu *sfu, mp_time now)
{
    struct message m = {.type = MESSAGE_LEVELS, .to = TO_CONTROL};
    struct incoming **link = &sfu->levels.heard, *in;
    if (now < sfu->levels.at)
        return;
    while ((in = *link))
        if (tell(sfu, in, &m, now)) {
            link = &in->level.next;
        } else {
            in->level.listed = false;
            *link = in->level.next;
        }
    flush(sfu, &m);
    sfu->levels.at = sfu->levels.heard ? (now / SPEAKER_DECIDES + 1) * SPEAKER_DECIDES : MP_NEVER;
}
