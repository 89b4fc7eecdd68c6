#include "tests/sim/numbers.h"
#include "proto/rtp.h"
#include "sfu/core.h"
#include "sfu/session_data.h"
#include "sfu/subscription.h"
#include "sfu/track_data.h"
#include "tests/sim/server.h"

#define STREAMS_SEEN 4096

/* A reason that no part of the server takes back. */
#define PAUSE_BY_SIMULATION ((enum pause_reason)0x80)

/* The linker puts these before the server's, which it calls for reasons of its own, too. */
void __real_subscription_pause(struct sfu *, struct subscription *, enum pause_reason, mp_time now);
void __wrap_subscription_pause(struct sfu *, struct subscription *, enum pause_reason, mp_time now);
void __real_subscription_resume(struct sfu *, struct subscription *, enum pause_reason, mp_time now);
void __wrap_subscription_resume(struct sfu *, struct subscription *, enum pause_reason, mp_time now);

enum state { FLOWS, PAUSED, RESUMED };

/* One stream to a viewer, as its datagrams show it. */
struct stream {
    enum state state;
    bool sent, video, ended; /* ended: the packet with the highest number ended its picture */
    uint16_t highest;
};

static struct stream streams[STREAMS_SEEN];
static struct set places; /* by SSRC: index of `streams`, + 1 */

void numbers_open(void) { memset(streams, 0, sizeof streams); }
void numbers_close(void) { set_free(&places); }

/* NULL: there are too many. */
static struct stream *stream_of(uint32_t ssrc)
{
    bool added;
    struct set_entry *e = set_put(&places, ssrc + 1ull, &added);
    if (added)
        e->value = places.count;
    return e->value <= STREAMS_SEEN ? &streams[e->value - 1] : NULL;
}

static void enter(uint32_t ssrc, enum state state, bool video)
{
    struct stream *stream = stream_of(ssrc);
    if (stream) {
        stream->state = state;
        stream->video = video;
    }
}

static void note(const struct subscription *sub)
{
    enter(sub->ssrc, sub->paused ? PAUSED : RESUMED, sub->track->video);
    if (sub->rtx_payload_type) /* its numbers are others */
        enter(sub->rtx_ssrc, sub->paused ? PAUSED : FLOWS, true);
}

void __wrap_subscription_pause(struct sfu *sfu, struct subscription *sub, enum pause_reason why, mp_time now)
{
    __real_subscription_pause(sfu, sub, why, now);
    note(sub);
}

void __wrap_subscription_resume(struct sfu *sfu, struct subscription *sub, enum pause_reason why, mp_time now)
{
    bool paused = sub->paused;
    __real_subscription_resume(sfu, sub, why, now);
    if (paused)
        note(sub);
}

static void set_state(struct sim *s, unsigned worker, struct subscription *sub, bool pause)
{
    (pause ? subscription_pause : subscription_resume)(server_sfu(s, worker), sub, PAUSE_BY_SIMULATION,
                                                       s->now);
    if (pause && sabotaged(s, SABOTAGE_NUMBERS))
        sub->delta += 3;
    server_wake(s, worker);
}

/* Calls for the nth stream of all, or for each paused one. Returns the number of streams. */
static unsigned walk(struct sim *s, unsigned nth, bool paused)
{
    unsigned count = 0;
    for (unsigned w = 0; w < server_workers(s); w++)
        for (uint32_t slot = 0; slot < registry_size(server_registry(s)); slot++) {
            const struct session *session = server_sfu(s, w)->sessions[slot];
            struct subscription *sub = session ? session->subscriptions : NULL;
            for (; sub; sub = sub->next_of_session)
                if (paused ? sub->paused & PAUSE_BY_SIMULATION : count++ == nth)
                    set_state(s, w, sub, !paused && !(sub->paused & PAUSE_BY_SIMULATION));
        }
    return count;
}

void numbers_toggle(struct sim *s)
{
    unsigned count = walk(s, UINT32_MAX, false);
    if (!count)
        return;
    unsigned which = below(s, count);
    tell(s, "stream %u of %u pauses or resumes", which, count);
    walk(s, which, false);
}

void numbers_resume_all(struct sim *s) { walk(s, 0, true); }

void check_numbers(struct sim *s, const uint8_t *data, size_t len)
{
    struct stream *stream = rtp_header_len(data, len) ? stream_of(get32(data + 8)) : NULL;
    uint16_t seq = get16(data + 2), ahead;
    if (!stream)
        return;
    ahead = (uint16_t)(seq - stream->highest);
    if (stream->state == PAUSED)
        violated(s, "numbers", "SSRC %08x is paused and sends %u", get32(data + 8), seq);
    else if (stream->state == RESUMED && stream->sent && ahead != 1 && !(ahead == 2 && stream->video))
        violated(s, "numbers", "SSRC %08x goes on with %u behind %u", get32(data + 8), seq, stream->highest);
    else if (stream->state == RESUMED && stream->sent && ahead == 1 && stream->video && !stream->ended)
        violated(s, "numbers", "SSRC %08x goes on with %u behind half a picture", get32(data + 8), seq);
    stream->state = FLOWS;
    if (stream->sent && ahead > 0x7fff)
        return;
    stream->sent = true;
    stream->highest = seq;
    stream->ended = data[1] & 0x80;
}
