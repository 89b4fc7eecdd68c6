#include "adapt/trend.h"

#define SMOOTHING       0.9
#define GAIN            4.0
#define COUNT_MOST      60 /* the modified trend grows with the count of differences up to here */
#define THRESHOLD_FIRST 12.5
#define THRESHOLD_LEAST 6.0
#define THRESHOLD_MOST  600.0
#define GROWS           0.0087
#define FALLS           0.039
#define OUTLIER         15.0 /* ms above the threshold: a single jump must not raise it */
#define OVERUSE_MS      10.0
#define TOGETHER        MP_MS(5)
#define TOGETHER_MOST   MP_MS(100)

static double ms(mp_time t) { return (double)t / 1e6; }

/* Least squares over the window. 0: no two arrivals differ. */
static double slope(const struct trend *t)
{
    double at = 0, delay = 0, above = 0, below = 0;
    for (int i = 0; i < TREND_WINDOW; i++) {
        at += t->at[i] / TREND_WINDOW;
        delay += t->delay[i] / TREND_WINDOW;
    }
    for (int i = 0; i < TREND_WINDOW; i++) {
        above += (t->at[i] - at) * (t->delay[i] - delay);
        below += (t->at[i] - at) * (t->at[i] - at);
    }
    return below > 0 ? above / below : 0;
}

static void adapt_threshold(struct trend *t, double size, mp_time now)
{
    double elapsed = t->adapted ? ms(now - t->adapted) : 0;
    t->adapted = now;
    if (size > t->threshold + OUTLIER)
        return;
    double k = size < t->threshold ? FALLS : GROWS;
    t->threshold += k * (size - t->threshold) * (elapsed < 100 ? elapsed : 100);
    t->threshold = t->threshold < THRESHOLD_LEAST ? THRESHOLD_LEAST : t->threshold;
    t->threshold = t->threshold > THRESHOLD_MOST ? THRESHOLD_MOST : t->threshold;
}

static void detect_overuse(struct trend *t, double modified, double sent_ms)
{
    t->over_ms += t->over_count ? sent_ms : sent_ms / 2; /* it began somewhere within the first difference */
    t->over_count++;
    if (t->over_ms <= OVERUSE_MS || t->over_count < 2 || modified < t->previous)
        return;
    t->over_ms = 0;
    t->over_count = 0;
    t->state = TREND_OVERUSE;
}

static void detect(struct trend *t, double sent_ms, mp_time now)
{
    double modified = (t->count < COUNT_MOST ? t->count : COUNT_MOST) * slope(t) * GAIN;
    if (modified > t->threshold) {
        detect_overuse(t, modified, sent_ms);
    } else {
        t->over_ms = 0;
        t->over_count = 0;
        t->state = modified < -t->threshold ? TREND_UNDERUSE : TREND_NORMAL;
    }
    t->previous = modified;
    adapt_threshold(t, modified < 0 ? -modified : modified, now);
}

static void add_difference(struct trend *t, mp_time sent, mp_time arrival, mp_time now)
{
    t->arrived += arrival;
    t->accumulated += ms(arrival - sent);
    t->smoothed = SMOOTHING * t->smoothed + (1 - SMOOTHING) * t->accumulated;
    t->at[t->count % TREND_WINDOW] = ms(t->arrived);
    t->delay[t->count % TREND_WINDOW] = t->smoothed;
    t->count++;
    if (t->count >= TREND_WINDOW)
        detect(t, ms(sent), now);
}

static void open_group(struct trend *t, const struct group *g)
{
    t->open_sent = g->sent;
    t->open_arrival = t->open_began = g->arrival;
}

static void begin(struct trend *t, const struct group *g)
{
    *t = (struct trend){.threshold = THRESHOLD_FIRST, .heard = true};
    open_group(t, g);
}

static mp_time between(uint32_t from, uint32_t to) { return (int32_t)(to - from) * MP_US(250); }

/* The open group is whole: another one begins. */
static void close_group(struct trend *t, mp_time now)
{
    if (t->whole)
        add_difference(t, t->open_sent - t->sent, between(t->arrival, t->open_arrival), now);
    t->whole = true;
    t->sent = t->open_sent;
    t->arrival = t->open_arrival;
}

static bool joins(const struct trend *t, const struct group *g)
{
    mp_time arrival = between(t->open_arrival, g->arrival);
    return g->sent == t->open_sent || (arrival <= TOGETHER && arrival < g->sent - t->open_sent &&
                                       between(t->open_began, g->arrival) < TOGETHER_MOST);
}

static void add(struct trend *t, const struct group *g, mp_time now)
{
    if (!t->heard) {
        begin(t, g);
        return;
    }
    if (g->sent < t->open_sent) /* a later run overtook it */
        return;
    if (joins(t, g)) {
        t->open_sent = g->sent;
        if (between(t->open_arrival, g->arrival) > 0)
            t->open_arrival = g->arrival;
        return;
    }
    close_group(t, now);
    open_group(t, g);
}

void trend_add(struct trend *t, const struct groups *groups, mp_time now)
{
    if (groups->restarted)
        t->heard = false;
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->list[i].arrived > 0)
            add(t, &groups->list[i], now);
    }
}

enum trend_state trend_state(const struct trend *t) { return t->state; }
