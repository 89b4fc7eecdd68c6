/* Sounds with any levels at any times: scores stay in their ranges, a level that does not vary is silent, and
 * nobody takes over without having spoken. */
#include "adapt/speaker.h"
#include "fuzz/fuzz.h"
#include <string.h>

#define SOUNDS 4 /* the last one tells one level all the time */

static struct speaker sounds[SOUNDS];
static size_t dominant;
static mp_time now;

static void hear(size_t who, uint8_t level, size_t len)
{
    speaker_heard(&sounds[who], speaker_volume(&sounds[who], level, len), now);
    INVARIANT(sounds[who].until > now && sounds[who].until <= now + SPEAKER_STEP);
}

static void decide(void)
{
    struct speaker_scores s[SOUNDS];
    for (size_t i = 0; i < SOUNDS; i++) {
        s[i] = speaker_scores(&sounds[i], now);
        INVARIANT(s[i].loudness <= 127);
        INVARIANT(s[i].interval[SPEAKER_IMMEDIATE] <= 12);
        INVARIANT(s[i].interval[SPEAKER_MEDIUM] <= 5);
        INVARIANT(s[i].interval[SPEAKER_LONG] <= 10);
    }
    INVARIANT(speaker_is_silent(&s[SOUNDS - 1]));
    size_t next = speaker_choose(s, SOUNDS, dominant);
    INVARIANT(next == SPEAKER_NONE || next < SOUNDS - 1);
    INVARIANT(next == dominant || s[next].interval[SPEAKER_LONG] > 0);
    INVARIANT(next != SPEAKER_NONE || dominant == SPEAKER_NONE);
    dominant = next;
}

static void speaker_step(struct bytes *s)
{
    uint8_t what = script_u8(s), level = script_u8(s);
    now += (what & 0xc0) == 0xc0 ? MP_MS(script_u16(s)) * (what & 15) : MP_US(script_u8(s) * 100);
    if ((what & 7) == 7)
        decide();
    else
        hear(what % (SOUNDS - 1), level, what >> 3 & 7);
    hear(SOUNDS - 1, 0x80, 80);
}

void fuzz_speaker(const uint8_t *data, size_t len)
{
    memset(sounds, 0, sizeof sounds);
    dominant = SPEAKER_NONE;
    now = MP_S(1);
    script_play(data, len, 4000, speaker_step);
    decide();
}
