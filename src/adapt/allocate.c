#include "adapt/allocate.h"
#include "base/check.h"

#define SHARE        0.95 /* of the estimate may be used */
#define RTX_MOST     0.15
#define PICTURES     60000 /* bit/s: less is left to sound alone */
#define RISE         1.10
#define RESUME       1.20 /* of a paused source of one point */
#define RISE_AFTER   MP_S(1)
#define RISE_GAP     MP_S(2)
#define HIDDEN_AFTER MP_S(2)
#define TIGHT        0.7
#define TIGHT_FOR    MP_S(2)
#define FAILED       MP_S(8)
#define BARRED       MP_S(10)
#define BARS_MOST    3
#define FPS_LEAST    15
#define ENOUGH       0.9 /* of the tile's height */
#define NONE         (-1)

struct work {         /* of one source */
    int point;        /* NONE: paused */
    int largest;      /* the wanted size: no point is higher */
    double area;      /* wanted */
    double hunger;    /* wanted area to given area; 0: no step left */
    bool first_class; /* screen or pinned */
    bool stepped;     /* rose in size in this call */
    bool fits[2];     /* some pass had room for a rise in rate, in size */
};

struct pass {
    struct allocate_source *sources;
    size_t count;
    struct work work[ALLOCATE_SOURCES];
    uint8_t order[ALLOCATE_SOURCES];
    uint64_t key[ALLOCATE_SOURCES];
    double budget, used;
    double next; /* bit/s of the first step that did not fit; 0: none */
    double next_factor;
    bool proven, unknown;
    bool sound_lacks; /* some sound does not fit: no picture is sent */
    mp_time now;
};

/* --- sounds --- */

static uint32_t sum_of_sounds(const struct allocate_sound *s, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += s[i].sent ? s[i].bps : 0;
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* Of equal ones, one that was left out until now; NULL: none may be left out. */
static struct allocate_sound *least_loud(struct allocate_sound *s, size_t count)
{
    struct allocate_sound *least = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!s[i].sent || s[i].dominant)
            continue;
        if (!least || s[i].rank > least->rank ||
            (s[i].rank == least->rank && s[i].left_out > least->left_out))
            least = &s[i];
    }
    return least;
}

static bool any_returns(const struct allocate_sound *s, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (s[i].sent && s[i].left_out)
            return true;
    return false;
}

/* One is always sent: a client to which nothing comes says nothing of its line. A sound that comes back needs
 * room to spare. */
static void choose_sounds(struct allocate_sound *s, size_t count, double budget)
{
    struct allocate_sound *least;
    for (size_t left = count; left > 1; left--) {
        double factor = any_returns(s, count) ? RISE : 1;
        if (sum_of_sounds(s, count) * factor <= budget || !(least = least_loud(s, count)))
            return;
        least->sent = false;
    }
}

/* --- points --- */

static double area(const struct allocate_point *p) { return (double)p->width * p->height; }

static bool allowed(const struct allocate_source *s, int i)
{
    const struct allocate_point *p = &s->points[i];
    bool least = i == 0 || area(&s->points[i - 1]) < area(p);
    return p->live && (least || !s->most_fps || p->fps <= s->most_fps);
}

static int least_point(const struct allocate_source *s)
{
    for (int i = 0; i < (int)s->point_count; i++) {
        if (allowed(s, i))
            return i;
    }
    return NONE;
}

/* The highest point of the smallest live size that fills the tile. */
static int largest_point(const struct allocate_source *s)
{
    int largest = NONE;
    for (int i = 0; i < (int)s->point_count; i++) {
        bool larger = largest != NONE && area(&s->points[i]) > area(&s->points[largest]);
        if (larger && s->height && s->points[largest].height >= ENOUGH * s->height)
            break;
        if (allowed(s, i))
            largest = i;
    }
    return largest;
}

static int next_rate(const struct allocate_source *s, const struct work *w)
{
    int i = w->point + 1;
    while (i <= w->largest && !allowed(s, i))
        i++;
    return i <= w->largest && area(&s->points[i]) == area(&s->points[w->point]) ? i : NONE;
}

/* Smooth enough for its size: screens prefer sharpness, cameras motion. */
static bool smooth(const struct allocate_source *s, int i)
{
    return s->kind == ALLOCATE_SCREEN || s->points[i].fps >= FPS_LEAST;
}

static int next_size(const struct allocate_source *s, const struct work *w)
{
    if (!smooth(s, w->point) && next_rate(s, w) != NONE)
        return next_rate(s, w);
    int best = NONE;
    for (int i = w->point + 1; i <= w->largest; i++) {
        if (!allowed(s, i) || area(&s->points[i]) <= area(&s->points[w->point]))
            continue;
        if (best != NONE && area(&s->points[i]) > area(&s->points[best]))
            break;
        best = i;
        if (smooth(s, i))
            break;
    }
    return best;
}

/* --- steps --- */

static bool rises(const struct allocate_source *s, int to) { return !s->sent || to > s->point; }

static bool is_barred(const struct allocate_source *s, int to, mp_time now)
{
    return s->barred_until > now && to >= s->barred_point;
}

static double factor_of(const struct allocate_source *s)
{
    return !s->sent && s->raised && s->point_count == 1 ? RESUME : RISE;
}

static void note_next(struct pass *p, double sum, double factor)
{
    if (p->next <= 0) {
        p->next = sum;
        p->next_factor = factor;
    }
}

/* A rise beyond what is sent now needs room, and room for a second. The first picture needs no waiting. */
static bool may_rise(struct pass *p, size_t i, int to, double sum, bool larger)
{
    struct allocate_source *s = &p->sources[i];
    mp_time *since = &s->fits_since[larger];
    double factor = factor_of(s);
    if (is_barred(s, to, p->now) || (s->sent && s->raised && p->now - s->raised < RISE_GAP))
        return false;
    if (sum * (p->proven ? 1 : factor) > p->budget) {
        note_next(p, sum, factor);
        return false;
    }
    p->work[i].fits[larger] = true;
    bool first = !s->sent && !s->raised;
    *since = *since ? *since : p->now;
    return first || p->proven || p->now - *since >= RISE_AFTER;
}

static bool step(struct pass *p, size_t i, int to)
{
    const struct allocate_source *s = &p->sources[i];
    struct work *w = &p->work[i];
    double from = w->point == NONE ? 0 : s->points[w->point].bps, sum = p->used + s->points[to].bps - from;
    if (rises(s, to)) {
        bool larger = w->point == NONE || area(&s->points[to]) > area(&s->points[w->point]);
        if ((larger && w->stepped) || !may_rise(p, i, to, sum, larger))
            return false;
        w->stepped |= larger;
    } else if (sum > p->budget) {
        note_next(p, sum, 1);
        return false;
    }
    p->used = sum;
    w->point = to;
    return true;
}

/* A publisher of one point: a line that carries most of it, or has carried it until now, keeps it a
 * little. */
static void tight(struct pass *p, size_t i, int least)
{
    struct allocate_source *s = &p->sources[i];
    if (!s->sent || s->point_count != 1 || p->sound_lacks)
        return;
    if (!s->tight_since)
        s->tight_since = p->now;
    double room = p->budget - p->used, bps = s->points[least].bps;
    if (room < TIGHT * bps && p->now - s->tight_since >= TIGHT_FOR)
        return;
    p->used += bps;
    p->work[i].point = least;
}

/* --- order --- */

static bool is_out_of_sight(const struct allocate_source *s, mp_time now)
{
    return !s->visible && now - s->hidden_since >= HIDDEN_AFTER;
}

static double wanted_area(const struct allocate_source *s)
{
    int largest = largest_point(s);
    if (!s->visible || largest == NONE)
        return 0;
    return s->height ? (double)s->width * s->height : area(&s->points[largest]);
}

static uint64_t class_of(const struct allocate_source *s, double of, double most)
{
    if (s->kind == ALLOCATE_SCREEN || s->pinned)
        return 1;
    return of > most / 2 ? 2 : 3;
}

static void sort(struct pass *p)
{
    for (size_t i = 0; i < p->count; i++) {
        size_t at = i;
        for (; at > 0 && p->key[p->order[at - 1]] > p->key[i]; at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = (uint8_t)i;
    }
}

static void put_in_order(struct pass *p)
{
    double most = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct allocate_source *s = &p->sources[i];
        p->work[i] = (struct work){.point = NONE, .largest = largest_point(s), .area = wanted_area(s)};
        most = p->work[i].area > most ? p->work[i].area : most;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct allocate_source *s = &p->sources[i];
        double share = most > 0 ? p->work[i].area / most : 0;
        uint64_t class = class_of(s, p->work[i].area, most);
        p->work[i].first_class = class == 1;
        p->key[i] = class << 40 | (uint64_t)(s->speaker ? s->speaker : 256) << 24 |
                    (uint64_t)((1 - share) * 0xffffff);
    }
    sort(p);
}

/* --- passes --- */

static bool give(struct pass *p, size_t i, int point)
{
    p->used += p->sources[i].points[point].bps;
    p->work[i].point = point;
    return true;
}

static bool begin(struct pass *p, size_t i, int least)
{
    if (p->unknown)
        return give(p, i, least);
    if (p->budget >= PICTURES)
        return step(p, i, least);
    note_next(p, p->used + p->sources[i].points[least].bps, factor_of(&p->sources[i]));
    return false;
}

static void give_least(struct pass *p)
{
    for (size_t k = 0; k < p->count; k++) {
        size_t i = p->order[k];
        const struct allocate_source *s = &p->sources[i];
        int least = least_point(s);
        if (least == NONE || is_out_of_sight(s, p->now))
            continue;
        if (begin(p, i, least))
            p->sources[i].tight_since = 0;
        else
            tight(p, i, least); /* smaller ones behind it may still fit */
    }
}

static void give_rates(struct pass *p, size_t i)
{
    int to;
    while (p->work[i].point != NONE && (to = next_rate(&p->sources[i], &p->work[i])) != NONE) {
        if (!step(p, i, to))
            return;
    }
}

static void give_first_class(struct pass *p)
{
    for (size_t k = 0; k < p->count; k++) {
        size_t i = p->order[k];
        struct work *w = &p->work[i];
        int to;
        if (!w->first_class || w->point == NONE)
            continue;
        while ((to = next_size(&p->sources[i], w)) != NONE && step(p, i, to)) {
        }
        give_rates(p, i);
    }
}

static void measure_hunger(struct pass *p, size_t i)
{
    struct work *w = &p->work[i];
    double given = w->point == NONE ? 0 : area(&p->sources[i].points[w->point]);
    w->hunger = given > 0 && next_size(&p->sources[i], w) != NONE ? (w->area + 1) / given : 0;
}

static size_t hungriest(const struct pass *p)
{
    size_t best = p->order[0];
    for (size_t k = 1; k < p->count; k++) {
        if (p->work[p->order[k]].hunger > p->work[best].hunger)
            best = p->order[k];
    }
    return best;
}

static void give_in_turn(struct pass *p)
{
    for (size_t i = 0; i < p->count; i++)
        measure_hunger(p, i);
    for (size_t i = hungriest(p); p->work[i].hunger > 0; i = hungriest(p)) {
        if (step(p, i, next_size(&p->sources[i], &p->work[i])))
            measure_hunger(p, i);
        else
            p->work[i].hunger = 0;
    }
    for (size_t k = 0; k < p->count; k++)
        give_rates(p, p->order[k]);
}

/* --- results --- */

static void note_rise(struct allocate_source *s, int to, mp_time now)
{
    if (to >= s->barred_point) {
        s->bars = s->failed ? s->bars : 0;
        s->failed = false;
    }
    s->raised = now;
    s->fits_since[0] = s->fits_since[1] = 0;
}

static enum allocate_reason reason(const struct pass *p, const struct allocate_source *s,
                                   const struct work *w)
{
    if (w->largest == NONE)
        return ALLOCATE_PUBLISHER;
    if (w->point == NONE && is_out_of_sight(s, p->now))
        return ALLOCATE_HIDDEN;
    return w->point == w->largest ? ALLOCATE_WHOLE : ALLOCATE_BANDWIDTH;
}

static void decide(struct pass *p, size_t i)
{
    struct allocate_source *s = &p->sources[i];
    const struct work *w = &p->work[i];
    s->reason = reason(p, s, w);
    for (int larger = 0; larger < 2; larger++)
        s->fits_since[larger] = w->fits[larger] ? s->fits_since[larger] : 0;
    if (w->point == NONE) {
        s->tight_since = 0;
        if (s->sent && s->reason != ALLOCATE_BANDWIDTH)
            s->raised = 0; /* back in sight, it comes at once */
        s->sent = false;
        return;
    }
    if (rises(s, w->point))
        note_rise(s, w->point, p->now);
    s->sent = true;
    s->point = (uint8_t)w->point;
}

static uint32_t bits(double bps) { return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX; }

/* Returns what all of them take; `sum`: those that are sent. */
static double allocate_sounds(struct allocate_sound *s, size_t count, double room, struct allocate_sum *sum)
{
    for (size_t i = 0; i < count; i++)
        s[i].sent = true;
    double all = sum_of_sounds(s, count);
    choose_sounds(s, count, room);
    sum->sound_bps = sum_of_sounds(s, count);
    return all;
}

static void allocate_pictures(struct pass *p)
{
    put_in_order(p);
    give_least(p);
    give_first_class(p);
    give_in_turn(p);
    for (size_t i = 0; i < p->count; i++)
        decide(p, i);
}

struct allocate_sum allocate(struct allocate_source *sources, size_t count, struct allocate_sound *sounds,
                             size_t sound_count, const struct allocate_line *line, mp_time now)
{
    INVARIANT(count <= ALLOCATE_SOURCES);
    double rtx = line->retransmitted_bps, most = RTX_MOST * line->estimate_bps;
    rtx = rtx < most ? rtx : most;
    double room = SHARE * line->estimate_bps;
    struct allocate_sum sum = {0};
    double all = allocate_sounds(sounds, sound_count, line->unknown ? UINT32_MAX : room, &sum);
    struct pass p = {.sources = sources,
                     .count = count,
                     .proven = line->proven,
                     .unknown = line->unknown,
                     .sound_lacks = sum.sound_bps < all,
                     .now = now};
    p.budget = p.sound_lacks ? 0 : room - sum.sound_bps - rtx;
    if (count > 0)
        allocate_pictures(&p);
    sum.picture_bps = bits(p.used);
    double needs = p.next * p.next_factor;
    if (p.sound_lacks)
        sum.wanted_bps = bits((RISE * all + rtx) / SHARE + 1);
    else if (p.next > 0)
        sum.wanted_bps = bits(((needs > PICTURES ? needs : PICTURES) + sum.sound_bps + rtx) / SHARE + 1);
    return sum;
}

void allocate_overuse(struct allocate_source *sources, size_t count, mp_time now)
{
    for (size_t i = 0; i < count; i++) {
        struct allocate_source *s = &sources[i];
        if (!s->sent || !s->raised || s->blamed == s->raised || now - s->raised >= FAILED)
            continue;
        s->failed = true;
        s->blamed = s->raised;
        s->barred_point = s->point;
        s->barred_until = now + (BARRED << s->bars);
        s->bars = s->bars < BARS_MOST - 1 ? (uint8_t)(s->bars + 1) : s->bars;
    }
}
