/* A room in which memory is refused: our own. jansson's texts would lack pieces then, so control.c has it abort. */
#include "refusal.h"
#include "signal_stage.h"

GUARDED_VOID(signal_text,
             (struct signaling * s, struct participant *p, const char *text, size_t len, mp_time now),
             (s, p, text, len, now))
GUARDED_VOID(signal_event, (struct signaling * s, const struct message *m, mp_time now), (s, m, now))
GUARDED_VOID(signal_timeout, (struct signaling * s, mp_time now), (s, now))
GUARDED(struct participant *, signal_opened,
        (struct signaling * s, const struct signal_client *c, mp_time now), (s, c, now))
GUARDED(char *, signal_metrics, (struct signaling * s, size_t *len, mp_time now), (s, len, now))
GUARDED(char *, signal_timeline, (struct signaling * s, uint32_t session, size_t *len), (s, session, len))

static void room(void)
{
    static struct stage s;
    memset(&s, 0, sizeof s);
    stage_open(&s, 8, "198.51.100.1");
    struct peer *people[3];
    size_t len;
    for (int i = 0; i < 3; i++) {
        struct peer *p = people[i] = peer_open(&s, "example.org", "198.51.100.1");
        if (!p->participant)
            continue;
        peer_say(p, "join-room", "{s:s, s:s}", "room", "memory", "name", "somebody");
        if (!p->participant)
            continue;
        peer_offer_golden(p, i == 1 ? "firefox-call" : "chromium-call");
        if (p->participant && peer_session(p) != SESSION_NONE)
            peer_claim(p, (unsigned)i % STAGE_WORKERS);
        for (int j = 0; j <= i; j++)
            if (people[j]->participant && !people[j]->close_code)
                peer_answer(people[j], NULL);
    }
    free(signal_metrics(s.signaling, &len, s.now));
    for (int i = 0; i < 3; i++)
        if (people[i]->participant && peer_session(people[i]) != SESSION_NONE)
            free(signal_timeline(s.signaling, peer_session(people[i]), &len));
    stage_close(&s);
}

static void a_room_survives_every_refused_allocation(void)
{
    plays(room);
}

TEST_MAIN(TEST(a_room_survives_every_refused_allocation))
