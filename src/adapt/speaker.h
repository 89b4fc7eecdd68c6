/* Who speaks: Volfin and Cohen's dominant speaker identification (2013), from the levels that publishers tell
 * (RFC 6464), and the loudness of each sound.
 *
 * The worker of a publisher calls speaker_heard for each packet of a sound, and speaker_scores each 300 ms.
 * The control thread compares the scores of a room with speaker_choose, each 300 ms.
 *
 * A level counts as far as it varies: a sound that tells one level all the time, however loud, is silent. So
 * is one whose packets hold nothing, and a level that changes many times within a step counts as its mean. A
 * sound without levels has no scores. A publisher can lie no more than to seem to speak. */
#pragma once
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEAKER_STEP    MP_MS(20)
#define SPEAKER_DECIDES MP_MS(300)
#define SPEAKER_NONE    SIZE_MAX

/* Steps of the volume that are reached; loud steps in 100 ms; loud tenths of the last second. */
enum speaker_interval { SPEAKER_IMMEDIATE, SPEAKER_MEDIUM, SPEAKER_LONG, SPEAKER_INTERVALS };

struct speaker_scores {
    uint8_t interval[SPEAKER_INTERVALS]; /* at most 12, 5, 10 */
    uint8_t loudness;                    /* smoothed volume; 0 if no packet came for 150 ms */
};

struct speaker {         /* of one sound; zero: nothing was heard */
    mp_time until;       /* end of the present step; 0: nothing was heard */
    uint32_t sum, count; /* volumes of its packets */
    uint64_t loud;       /* bit n: the step n steps ago was loud */
    uint32_t steps;      /* with packets, ever */
    uint8_t idle;        /* steps since the last one with packets */
    uint8_t immediate, loudness;
    uint8_t least, least_before; /* volume, in two windows: the sound's own silence is not below it */
    bool tells_voice;            /* it has set the V bit */
};

/* 0 to 127, from the extension's byte |V| level |. A packet of Opus without a frame, or without the V bit if
 * its client uses that bit, is silent. */
static inline uint32_t speaker_volume(struct speaker *s, uint8_t level, size_t payload_len)
{
    s->tells_voice |= level >> 7;
    bool silent = payload_len <= 2 || (s->tells_voice && !(level & 0x80));
    return silent ? 0 : 127u - (level & 0x7f);
}

void speaker_pass(struct speaker *, mp_time now); /* ends the steps until now */

static inline void speaker_heard(struct speaker *s, uint32_t volume, mp_time now)
{
    if (now >= s->until)
        speaker_pass(s, now);
    s->sum += volume;
    s->count++;
}

struct speaker_scores speaker_scores(struct speaker *, mp_time now);
static inline bool speaker_is_silent(const struct speaker_scores *s)
{
    return !s->loudness && !s->interval[SPEAKER_IMMEDIATE] && !s->interval[SPEAKER_MEDIUM] &&
           !s->interval[SPEAKER_LONG];
}

/* The dominant speaker of a room: `dominant`, until he pauses and another one has spoken more within the last
 * second. Both are indices, or SPEAKER_NONE. */
size_t speaker_choose(const struct speaker_scores *, size_t count, size_t dominant);
