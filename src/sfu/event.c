#include "sfu/event.h"
#include "sfu/core.h"
#include "sfu/outbox.h"
#include "sfu/session_data.h"

/* A client may nominate two paths in turn for ever; each event costs a message to the control plane. */
#define EVENTS_PER_S 4
#define EVENTS_BURST 64

void event_add(struct sfu *sfu, struct session *session, const struct session_event *e)
{
    bool must = e->kind == EVENT_RESTARTED || e->kind == EVENT_FOUND;
    if (!rate_take(&session->event_rate, 1, EVENTS_PER_S, EVENTS_BURST, e->at) && !must) {
        session->events_unsaid += session->events_unsaid < UINT8_MAX;
        return;
    }
    struct message m = {.type = MESSAGE_SESSION_EVENT, .to = TO_CONTROL, .session = session->id, .event = *e};
    m.event.unsaid = session->events_unsaid;
    session->events_unsaid = 0;
    outbox_emit(sfu, &m, NULL);
}

void event_tell(struct sfu *sfu, struct session *session, enum session_event_kind kind,
                const struct path *path, uint32_t value, mp_time now)
{
    struct session_event e = {.kind = (uint8_t)kind, .value = value, .at = now};
    if (path)
        e.path = *path;
    event_add(sfu, session, &e);
}
