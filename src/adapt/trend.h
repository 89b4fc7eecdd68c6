/* Whether the delay of a viewer's line grows: the slope of the smoothed one-way delay over the last 20
 * groups, against a threshold that follows the line's jitter (Google congestion control, draft-ietf-rmcat-
 * gcc-02 5; window, gain and threshold as in libwebrtc's trendline estimator). Groups that arrive together
 * although they were sent apart count as one (5.1: a channel held them back), or else a jump of the delay
 * would be followed by a row of falls. The slope alone takes strong jitter for a queue now and then:
 * estimate.c asks adapt/standing.h too. estimate.c calls trend_add once a feedback, after runs_receipt saw
 * all of its statuses, and reads trend_state. */
#pragma once
#include "adapt/runs.h"

#define TREND_WINDOW 20

enum trend_state { TREND_NORMAL, TREND_OVERUSE, TREND_UNDERUSE };

struct trend {                                    /* zero: nothing was acknowledged */
    double at[TREND_WINDOW], delay[TREND_WINDOW]; /* ms: arrival since the first group, smoothed delay */
    double accumulated, smoothed;                 /* ms, against the first group */
    double threshold;                             /* ms, 6 to 600; 0: not begun */
    double previous;                              /* the last modified trend */
    double over_ms;                               /* time of sending spent above the threshold */
    mp_time adapted;                              /* when the threshold changed last */
    mp_time arrived;                              /* of the last whole group, since the first */
    mp_time sent, open_sent;        /* of the last whole group; of the one that may still grow */
    uint32_t arrival, open_arrival; /* 250 us, modulo 2^32 */
    uint32_t open_began;            /* first arrival of the one that may grow */
    uint32_t count;                 /* differences between groups, ever */
    uint32_t over_count;
    bool heard, whole; /* a group is open; one before it is whole */
    enum trend_state state;
};

void trend_add(struct trend *, const struct groups *, mp_time now);
enum trend_state trend_state(const struct trend *);
