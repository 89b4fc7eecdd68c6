#include "adapt/speaker.h"

/* Volfin and Cohen evaluate sub-bands of the spectrum. With levels alone, a "sub-band" is a thirteenth of the
 * range of volumes (as in Jitsi's and mediasoup's implementations, whose constants these are). */
#define SUBBAND      10 /* (127 + 12) / 13 */
#define LOUD         7  /* more sub-bands make a step loud */
#define MEDIUM_STEPS 5
#define LONG_BLOCKS  10
#define LONG_STEPS   (MEDIUM_STEPS * LONG_BLOCKS)

#define HELD_STEPS   2   /* a packet may hold 60 ms of sound */
#define EXPIRE_STEPS 7   /* 150 ms */
#define FLOOR_STEPS  250 /* of one window: speech is never so long without a pause between words */

static uint8_t least(uint8_t a, uint8_t b) { return a < b ? a : b; }

/* The volume above the sound's own silence, which differs by microphone and room; 0: silence. */
static uint8_t above_floor(struct speaker *s, uint8_t volume)
{
    if (s->steps % FLOOR_STEPS == 0) {
        s->least_before = s->steps ? s->least : volume;
        s->least = volume;
    }
    s->steps++;
    s->least = least(s->least, volume);
    return volume < least(s->least, s->least_before) + SUBBAND ? 0 : volume;
}

static void pass_step(struct speaker *s)
{
    if (s->count) {
        uint8_t volume = above_floor(s, (uint8_t)(s->sum / s->count));
        s->immediate = volume / SUBBAND;
        s->loudness = (uint8_t)((s->loudness + volume) / 2);
        s->sum = s->count = 0;
        s->idle = 0;
    } else {
        s->idle = s->idle < UINT8_MAX ? s->idle + 1 : s->idle;
        s->immediate = s->idle <= HELD_STEPS ? s->immediate : 0;
        s->loudness = s->idle <= EXPIRE_STEPS ? s->loudness : 0;
    }
    s->loud = s->loud << 1 | (s->immediate > LOUD);
    s->until += SPEAKER_STEP;
}

void speaker_pass(struct speaker *s, mp_time now)
{
    if (!s->until) {
        s->until = now + SPEAKER_STEP;
        return;
    }
    for (int i = 0; i <= LONG_STEPS && s->until <= now; i++)
        pass_step(s);
    if (s->until <= now) /* a long pause: what was before it has left all intervals */
        s->until = now + SPEAKER_STEP;
}

/* Blocks of the last second all of whose steps are loud. */
static uint8_t loud_blocks(uint64_t loud)
{
    uint64_t first_steps = 0;
    for (int i = 0; i < LONG_BLOCKS; i++)
        first_steps |= 1ull << (i * MEDIUM_STEPS);
    for (int i = 1; i < MEDIUM_STEPS; i++)
        first_steps &= loud >> i;
    return (uint8_t)__builtin_popcountll(first_steps & loud);
}

struct speaker_scores speaker_scores(struct speaker *s, mp_time now)
{
    if (s->until && s->until <= now)
        speaker_pass(s, now);
    uint64_t medium = s->loud & ((1 << MEDIUM_STEPS) - 1);
    return (struct speaker_scores){.interval = {[SPEAKER_IMMEDIATE] = s->immediate,
                                                [SPEAKER_MEDIUM] = (uint8_t)__builtin_popcountll(medium),
                                                [SPEAKER_LONG] = loud_blocks(s->loud)},
                                   .loudness = s->loudness};
}

/* --- the decision --- */

/* Activity by the number k of active parts of n: the log-likelihood ratio of speech, where they are binomial
 * with p = 1/2, and silence, where they are exponential with rate L, at least 1e-10:
 *
 *     log(n! / (k! (n-k)!)) + n log(1/2) - log(L) + L k
 *
 * The core links no mathematics library. */
#define NONE 1e-10
/* n = 13, L = 0.78 */
static const double immediate_activity[] = {NONE,  NONE,  NONE, NONE,  0.9298, 2.298, 3.365,
                                            4.145, 4.638, 4.83, 4.694, 4.174,  3.162, 1.378};
/* n = 5, L = 24 */
static const double medium_activity[] = {NONE, 18.97, 43.66, 67.66, 90.97, 113.4};
/* n = 10, L = 47 */
static const double long_activity[] = {NONE,  38.52, 87.03, 135.0, 182.6, 229.7,
                                       276.6, 323.0, 369.0, 414.5, 459.2};

static const struct {
    const double *activity;
    double margin; /* e^C1, e^C2, e^C3: what it takes to take over */
} intervals[SPEAKER_INTERVALS] = {{immediate_activity, 20.09}, {medium_activity, 7.389}, {long_activity, 1}};

static bool takes_over(const struct speaker_scores *s, const struct speaker_scores *dominant)
{
    for (int i = 0; i < SPEAKER_INTERVALS; i++)
        if (intervals[i].activity[s->interval[i]] <=
            intervals[i].activity[dominant->interval[i]] * intervals[i].margin)
            return false;
    return true;
}

size_t speaker_choose(const struct speaker_scores *all, size_t count, size_t dominant)
{
    static const struct speaker_scores silence;
    const struct speaker_scores *before = dominant == SPEAKER_NONE ? &silence : &all[dominant];
    size_t chosen = dominant;
    uint8_t most = 0; /* of several, the one with the most activity in the medium interval */
    for (size_t i = 0; i < count; i++)
        if (takes_over(&all[i], before) && all[i].interval[SPEAKER_MEDIUM] > most) {
            most = all[i].interval[SPEAKER_MEDIUM];
            chosen = i;
        }
    return chosen;
}
