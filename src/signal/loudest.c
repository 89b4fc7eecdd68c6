/* Which sounds of a large room flow. The loudest and the dominant speaker's do, and for a while those that
 * were among them a moment ago; workers pause the others for all viewers. Nobody can follow more voices at
 * once, and a room of a hundred would have 9,900 sounds.
 *
 * A sound whose level nobody knows cannot be compared: it flows, as do the sound of a screen and music. */
#include "signal/state.h"

#define HELD_FOR MP_S(2)

/* The first few by some order. */
struct top {
    size_t size, count;
    struct rank {
        struct publication *pub;
        uint8_t loudness;
        mp_time until; /* of those that are equally loud, the one that was chosen last */
    } list[LOUDEST_MAX];
};
_Static_assert(LOUDEST_MAX >= LOUDEST_HELD, "the list holds those that were chosen before");

static bool is_before(const struct rank *a, const struct rank *b)
{
    return a->loudness != b->loudness ? a->loudness > b->loudness : a->until > b->until;
}

static void top_add(struct top *top, const struct rank *rank)
{
    size_t i = top->count;
    if (i == top->size && (!i || !is_before(rank, &top->list[i - 1])))
        return;
    for (i -= i == top->size; i > 0 && is_before(rank, &top->list[i - 1]); i--)
        top->list[i] = top->list[i - 1];
    top->list[i] = *rank;
    top->count += top->count < top->size;
}

static bool is_sound(const struct publication *pub) { return pub->kind == SDP_AUDIO; }

static bool is_music(const struct publication *pub)
{
    struct text stereo;
    return sdp_fmtp(pub->capability.codec.fmtp, "sprop-stereo", &stereo) && stereo.len == 1 &&
           *stereo.data == '1';
}

static bool always_flows(const struct publication *pub)
{
    return pub->source == SOURCE_SCREEN_AUDIO || pub->level.none || is_music(pub);
}

static bool is_compared(const struct publication *pub)
{
    return is_sound(pub) && pub->level.told_at && !always_flows(pub);
}

static void choose(const struct top *top)
{
    for (size_t i = 0; i < top->count; i++)
        top->list[i].pub->level.chosen = true;
}

static struct rank rank_of(struct publication *pub, mp_time now)
{
    return (struct rank){pub, speakers_scores(pub, now).loudness, pub->level.flows_until};
}

static void choose_loudest(const struct signaling *s, struct room *room, mp_time now)
{
    struct top top = {.size = s->config.limits.loudest};
    for (struct publication *pub = room->publications; pub; pub = pub->room_next) {
        struct rank rank = rank_of(pub, now);
        pub->level.chosen = pub == room->speakers.dominant;
        if (is_compared(pub))
            top_add(&top, &rank);
    }
    choose(&top);
}

/* Returns how many. */
static size_t choose_held(struct room *room, mp_time now)
{
    struct top top = {.size = LOUDEST_HELD};
    for (struct publication *pub = room->publications; pub; pub = pub->room_next) {
        if (pub->level.chosen)
            pub->level.flows_until = now + HELD_FOR;
        else if (is_compared(pub) && pub->level.flows_until > now)
            top_add(&top, &(struct rank){pub, 0, pub->level.flows_until});
    }
    choose(&top);
    return top.count;
}

static void set_quiet(struct publication *pub, bool quiet)
{
    if (pub->level.quiet == quiet)
        return;
    pub->level.quiet = quiet;
    session_command(pub->publisher,
                    &(struct message){.type = MESSAGE_QUIET, .track = pub->track, .quiet = quiet});
}

static size_t count_always(const struct room *room)
{
    size_t count = 0;
    for (const struct publication *pub = room->publications; pub; pub = pub->room_next)
        count += is_sound(pub) && always_flows(pub);
    return count;
}

static void stop_others(struct room *room)
{
    size_t always = count_always(room), over = always > UNCOMPARED_MAX ? always - UNCOMPARED_MAX : 0;
    for (struct publication *pub = room->publications; pub; pub = pub->room_next) { /* the newest first */
        if (!is_sound(pub))
            continue;
        bool later = always_flows(pub) && over > 0;
        over -= later;
        set_quiet(pub, later || (is_compared(pub) && !pub->level.chosen));
    }
}

bool loudest_decide(struct signaling *s, struct room *room, mp_time now)
{
    if (room->count < s->config.limits.loudest_from) {
        for (struct publication *pub = room->publications; pub; pub = pub->room_next)
            set_quiet(pub, false);
        return false;
    }
    choose_loudest(s, room, now);
    size_t held = choose_held(room, now);
    stop_others(room);
    return held > 0;
}
