#include "lab/quality/line.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>

#define UNIT 1000000000u /* of head_left in a bit */

void line_init(struct line *l, const struct line_change *changes, size_t count, uint64_t seed,
               uint64_t stream, mp_time now)
{
    INVARIANT(count >= 1 && count <= LINE_CHANGES);
    memset(l, 0, sizeof *l);
    memcpy(l->changes, changes, count * sizeof *changes);
    l->change_count = count;
    l->change_next = 1;
    l->settings = changes[0].settings;
    l->begun = MP_NEVER;
    l->clock = now;
    /* apart, so that another loss does not change the jitter of the packets that are left */
    prng_seed(&l->loss_prng, seed * 4 + stream * 2);
    prng_seed(&l->jitter_prng, seed * 4 + stream * 2 + 1);
}

static double share(struct prng *p) { return (double)(prng_next(p) >> 11) * 0x1p-53; }

/* --- loss --- */

/* Between bursts, a burst of exactly n begins at a packet with this chance: a cycle is n lost and, in the
 * mean, (1 - q) / q that pass. */
static double burst_begins(double loss, double n) { return loss / (loss + n * (1 - loss)); }

static bool lost_in_burst(struct line *l, const struct line_settings *s)
{
    if (l->losing == 0) {
        if (share(&l->loss_prng) >= burst_begins(s->loss, s->burst))
            return false;
        l->losing = s->burst;
    }
    l->losing--;
    return true;
}

/* Gilbert's two states: everything passes in one, nothing in the other. */
static bool lost_by_state(struct line *l, const struct line_settings *s)
{
    double end = 1.0 / s->burst, begin = s->loss >= 1 ? 1 : end * s->loss / (1 - s->loss);
    l->bad = share(&l->loss_prng) < (l->bad ? 1 - end : begin);
    return l->bad;
}

static bool is_lost(struct line *l)
{
    const struct line_settings *s = &l->settings;
    if (s->loss <= 0)
        return false;
    if (s->loss >= 1)
        return true;
    switch (s->kind) {
    case LINE_BURSTS: return lost_in_burst(l, s);
    case LINE_GEOMETRIC: return lost_by_state(l, s);
    default: return share(&l->loss_prng) < s->loss;
    }
}

/* --- delay --- */

static bool before(const struct line_flying *a, const struct line_flying *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct line *l, uint32_t a, uint32_t b)
{
    struct line_flying other = l->flight[a];
    l->flight[a] = l->flight[b];
    l->flight[b] = other;
}

static void flight_add(struct line *l, struct line_flying f)
{
    uint32_t at = l->flight_count++;
    l->flight[at] = f;
    for (; at > 0 && before(&l->flight[at], &l->flight[(at - 1) / 2]); at = (at - 1) / 2)
        swap(l, at, (at - 1) / 2);
}

static struct line_flying flight_take(struct line *l)
{
    struct line_flying first = l->flight[0];
    l->flight[0] = l->flight[--l->flight_count];
    for (uint32_t at = 0;;) {
        uint32_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < l->flight_count && before(&l->flight[left], &l->flight[least]))
            least = left;
        if (right < l->flight_count && before(&l->flight[right], &l->flight[least]))
            least = right;
        if (least == at)
            return first;
        swap(l, at, least);
        at = least;
    }
}

static mp_time leaves_at(struct line *l)
{
    const struct line_settings *s = &l->settings;
    mp_time jitter = s->jitter ? (mp_time)(share(&l->jitter_prng) * (double)s->jitter) : 0;
    mp_time at = l->clock + s->delay + jitter;
    if (!s->reorder)
        at = mp_max(at, l->last_leave);
    l->last_leave = mp_max(at, l->last_leave);
    return at;
}

/* --- rate --- */

static struct line_waiting *head(struct line *l) { return &l->queue[l->queue_first]; }

static mp_time head_ends(const struct line *l)
{
    if (l->queue_count == 0)
        return MP_NEVER;
    if (l->settings.bps == 0)
        return l->clock;
    return l->clock + (mp_time)((l->head_left + l->settings.bps - 1) / l->settings.bps);
}

static void head_begins(struct line *l)
{
    if (l->queue_count)
        l->head_left = (uint64_t)head(l)->size * 8 * UNIT;
}

/* Its last bit is on the line, at l->clock. */
static void head_done(struct line *l)
{
    struct line_waiting done = *head(l);
    l->queue_first = (l->queue_first + 1) % LINE_QUEUE;
    l->queue_count--;
    l->queued_bytes -= done.size;
    head_begins(l);
    mp_time waited = l->clock - done.came;
    l->counts.wait_sum += waited;
    l->counts.wait_max = mp_max(l->counts.wait_max, waited);
    l->counts.waited++;
    flight_add(l, (struct line_flying){done.packet, done.size, leaves_at(l), l->order++});
}

static mp_time change_at(const struct line *l)
{
    if (l->begun == MP_NEVER || l->change_next == l->change_count)
        return MP_NEVER;
    return l->begun + l->changes[l->change_next].at;
}

/* The clock goes to `at`, before the head ends. */
static void go_to(struct line *l, mp_time at)
{
    if (at <= l->clock)
        return;
    if (l->queue_count && l->settings.bps) {
        uint64_t sent = (uint64_t)(at - l->clock) * l->settings.bps;
        l->head_left -= sent < l->head_left ? sent : l->head_left;
    }
    l->clock = at;
}

static void advance(struct line *l, mp_time now)
{
    for (;;) {
        mp_time change = change_at(l), end = head_ends(l);
        if (mp_min(change, end) > now)
            break;
        if (change <= end) {
            go_to(l, change);
            l->settings = l->changes[l->change_next++].settings;
            continue;
        }
        l->clock = end;
        head_done(l);
    }
    go_to(l, now);
}

static bool has_room(const struct line *l, uint32_t size)
{
    const struct line_settings *s = &l->settings;
    if (l->queue_count == LINE_QUEUE || l->queue_count + l->flight_count >= LINE_FLIGHT)
        return false;
    if (l->queue_count == 0 || s->bps == 0)
        return true; /* a packet longer than the bound passes alone */
    /* `queued_bytes` counts the head whole */
    uint64_t bits = (l->queued_bytes - l->queue[l->queue_first].size) * 8 + l->head_left / UNIT;
    if (s->queue_bytes && bits / 8 + size > s->queue_bytes)
        return false;
    return !s->queue_time || (bits + size * 8) * UNIT <= (uint64_t)s->queue_time * s->bps;
}

/* --- the surface --- */

void line_begin(struct line *l, mp_time now)
{
    advance(l, now);
    l->begun = now;
}

enum line_verdict line_push(struct line *l, void *packet, uint32_t size, mp_time now)
{
    advance(l, now);
    l->counts.came++;
    l->counts.came_bytes += size;
    if (is_lost(l)) {
        l->counts.lost++;
        return LINE_LOST;
    }
    if (!has_room(l, size)) {
        l->counts.full++;
        return LINE_FULL;
    }
    l->queue[(l->queue_first + l->queue_count) % LINE_QUEUE] = (struct line_waiting){packet, size, l->clock};
    l->queued_bytes += size;
    if (l->queue_count++ == 0)
        head_begins(l);
    advance(l, now);
    return LINE_TAKEN;
}

void *line_pop(struct line *l, uint32_t *size, mp_time *due, mp_time now)
{
    advance(l, now);
    if (l->flight_count == 0 || l->flight[0].at > now)
        return NULL;
    struct line_flying f = flight_take(l);
    l->counts.left++;
    l->counts.left_bytes += f.size;
    *size = f.size;
    if (due)
        *due = f.at;
    return f.packet;
}

mp_time line_next(const struct line *l)
{
    mp_time leaves = l->flight_count ? l->flight[0].at : MP_NEVER;
    return mp_min(leaves, head_ends(l));
}

struct line_counts line_counts(struct line *l, mp_time now)
{
    advance(l, now);
    struct line_counts counts = l->counts;
    l->counts = (struct line_counts){0};
    return counts;
}

/* --- settings as text --- */

/* A number ≥ 0 at *text, which then stands behind it. */
static bool number(const char **text, double *value)
{
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    *value = strtod(*text, &end);
    *text = end;
    return true;
}

static bool is_word_end(const char *text) { return *text == 0 || *text == ' '; }

static bool rate(struct line_settings *s, const char *text)
{
    double value;
    if (strncmp(text, "unlimited", 9) == 0 && is_word_end(text + 9)) {
        s->bps = 0;
        return true;
    }
    if (!number(&text, &value))
        return false;
    double unit = *text == 'k' ? 1e3 : *text == 'M' ? 1e6 : 1;
    text += *text == 'k' || *text == 'M';
    /* 10 Gbit/s: an hour of it still fits into the arithmetic */
    if (!is_word_end(text) || value * unit < 1 || value * unit > 1e10)
        return false;
    s->bps = (uint64_t)(value * unit + 0.5);
    return true;
}

static bool milliseconds(mp_time *time, const char *text)
{
    double value;
    if (!number(&text, &value) || strncmp(text, "ms", 2) != 0 || !is_word_end(text + 2) || value > 60000)
        return false;
    *time = (mp_time)(value * 1e6 + 0.5);
    return true;
}

static bool queue(struct line_settings *s, const char *text)
{
    mp_time time;
    double value;
    if (milliseconds(&time, text)) {
        s->queue_time = time;
        s->queue_bytes = 0;
        return true;
    }
    if (!number(&text, &value) || *text != 'B' || !is_word_end(text + 1) || value < 1 || value > 1e9)
        return false;
    s->queue_bytes = (uint32_t)value;
    s->queue_time = 0;
    return true;
}

static bool loss(struct line_settings *s, const char *text)
{
    double value;
    if (!number(&text, &value) || *text != '%' || !is_word_end(text + 1) || value > 100)
        return false;
    s->loss = value / 100;
    return true;
}

static bool bursts(struct line_settings *s, enum line_loss kind, const char *text)
{
    double value;
    if (!number(&text, &value) || !is_word_end(text) || value < 1 || value > 1e6)
        return false;
    s->kind = kind;
    s->burst = (uint32_t)value;
    return true;
}

static bool word(struct line_settings *s, const char *text)
{
#define VALUE(name) (strncmp(text, name "=", sizeof name) == 0)
#define WORD(name)  (strncmp(text, name, sizeof name - 1) == 0 && is_word_end(text + sizeof name - 1))
    const char *value = strchr(text, '=');
    value = value ? value + 1 : text;
    if (VALUE("rate"))
        return rate(s, value);
    if (VALUE("queue"))
        return queue(s, value);
    if (VALUE("delay"))
        return milliseconds(&s->delay, value);
    if (VALUE("jitter"))
        return milliseconds(&s->jitter, value);
    if (VALUE("loss"))
        return loss(s, value);
    if (VALUE("bursts"))
        return bursts(s, LINE_BURSTS, value);
    if (VALUE("geometric"))
        return bursts(s, LINE_GEOMETRIC, value);
    if (WORD("random"))
        return s->kind = LINE_RANDOM, true;
    if (WORD("reorder"))
        return s->reorder = true;
    if (WORD("in-order"))
        return s->reorder = false, true;
    return false;
#undef VALUE
#undef WORD
}

const char *line_parse(struct line_settings *s, const char *text)
{
    while (*text) {
        if (*text == ' ') {
            text++;
            continue;
        }
        if (!word(s, text))
            return text;
        text += strcspn(text, " ");
    }
    return NULL;
}
