/* The rate that a viewer's line bears as far as loss tells. Loss that does not depend on the rate is
 * inherent and no reason to send less; loss that comes with a higher rate is congestion. The model has
 * these two unknowns, the inherent loss and a rate above which the line loses the excess; each quarter of
 * a second it takes the candidate rate whose likelihood, given the last 15 observations, is greatest (the
 * model and its weights as in libwebrtc's LossBasedBweV2). Other than there, 10 to 15 % of loss without a
 * queue cost nothing: a wireless line loses as much at any rate. estimate.c calls loss_add once a
 * feedback, and loss_update when that returns true. */
#pragma once
#include "adapt/runs.h"

#define LOSS_KEPT 15

struct loss_seen {
    float kb, lost; /* 1000 bytes sent; of them lost */
    float kbps;     /* rate of sending */
};

struct loss { /* zero: nothing was acknowledged */
    struct loss_seen ring[LOSS_KEPT];
    uint32_t count;      /* observations, ever */
    double bytes, lost;  /* of the observation that goes on */
    mp_time since, last; /* times of sending: its beginning; the newest told */
    double average;      /* share that was lost lately */
    double inherent;
    double bps; /* 0: not known */
    mp_time reduced, hold;
    double offset; /* loss up to here may be inherent */
};

/* True: a quarter of a second was observed. */
bool loss_add(struct loss *, const struct groups *);
/* `delay_bps`: what the line bears as far as delay tells. `queue`: packets wait on the line all the time.
 * Returns the bound, at most `delay_bps`. */
double loss_update(struct loss *, double delay_bps, double acked_bps, bool queue, mp_time now);
/* A probe showed that the line bears `bps`. */
void loss_raise(struct loss *, double bps);
