#include "signal/timeline.h"
#include "proto/ice.h"
#include "sfu/message.h"
#include <stdio.h>
#include <stdlib.h>

#define NTP_TO_UNIX_MS 2208988800000 /* from 1900 to 1970 */

static const char *const names[] = {
    [TIMELINE_OFFERED] = "offered",
    [TIMELINE_CLAIMED] = "claimed",
    [TIMELINE_PATH_SEEN] = "path-seen",
    [TIMELINE_CHECK_SENT] = "check-sent",
    [TIMELINE_CHECK_ANSWERED] = "check-answered",
    [TIMELINE_CHECK_FAILED] = "check-failed",
    [TIMELINE_NOMINATED] = "nominated",
    [TIMELINE_PATH_SELECTED] = "path-selected",
    [TIMELINE_PATH_LOST] = "path-lost",
    [TIMELINE_PATH_FOUND] = "path-found",
    [TIMELINE_BYE] = "bye",
    [TIMELINE_RESTART] = "restart",
    [TIMELINE_RESTARTED] = "restarted",
    [TIMELINE_DTLS_STARTED] = "dtls-started",
    [TIMELINE_DTLS_CONNECTED] = "dtls-connected",
    [TIMELINE_DTLS_FAILED] = "dtls-failed",
    [TIMELINE_DTLS_CLOSED] = "dtls-closed",
    [TIMELINE_RESTART_ASKED] = "restart-asked",
    [TIMELINE_SOCKET_LOST] = "socket-lost",
    [TIMELINE_SOCKET_RESUMED] = "socket-resumed",
    [TIMELINE_TRACK_STALLED] = "track-stalled",
    [TIMELINE_ENDED] = "ended",
};

static const char *const end_words[] = {
    [END_CLOSED] = "left",
    [END_CONSENT] = "timeout",
    [END_DTLS_FAILED] = "dtls-failed",
    [END_PEER_CLOSED] = "dtls-closed",
    [END_NO_MEMORY] = "no-memory",
};

const char *timeline_reason(uint32_t reason)
{
    return reason == ICE_BY_ROAMING ? "roamed" : reason == ICE_BY_RESTART ? "restarted" : "nominated";
}

struct timeline *timeline_new(uint32_t session, const char *peer, mp_time now)
{
    struct timeline *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->session = session;
    t->started = now;
    snprintf(t->peer, sizeof t->peer, "%s", peer);
    return t;
}

void timeline_note(struct timeline *t, enum timeline_kind kind, const struct address *address, uint32_t value,
                   mp_time at)
{
    if (!t)
        return;
    struct timeline_event *e = &t->events[t->count++ % TIMELINE_EVENTS_MAX];
    *e = (struct timeline_event){
        .at_ms = (uint32_t)(mp_max(at - t->started, 0) / MP_MS(1)), .value = value, .kind = (uint8_t)kind};
    if (address)
        e->address = *address;
}

static void add_value(json_t *event, const struct timeline_event *e)
{
    switch ((enum timeline_kind)e->kind) {
    case TIMELINE_CLAIMED: json_object_set_new(event, "worker", json_integer(e->value)); break;
    case TIMELINE_CHECK_ANSWERED: json_object_set_new(event, "ms", json_real(e->value / 1000.0)); break;
    case TIMELINE_PATH_SELECTED:
        json_object_set_new(event, "reason", json_string(timeline_reason(e->value)));
        break;
    case TIMELINE_RESTART:
    case TIMELINE_RESTARTED: json_object_set_new(event, "generation", json_integer(e->value)); break;
    case TIMELINE_TRACK_STALLED: json_object_set_new(event, "track", json_integer(e->value)); break;
    case TIMELINE_ENDED: json_object_set_new(event, "reason", json_string(end_words[e->value])); break;
    default: break;
    }
}

json_t *timeline_json(const struct timeline *t, mp_time wall)
{
    uint32_t kept = t->count < TIMELINE_EVENTS_MAX ? t->count : TIMELINE_EVENTS_MAX;
    json_int_t started = (wall + t->started) / MP_MS(1) - NTP_TO_UNIX_MS;
    json_t *events = json_array();
    for (uint32_t i = t->count - kept; i != t->count; i++) {
        const struct timeline_event *e = &t->events[i % TIMELINE_EVENTS_MAX];
        json_t *event = json_pack("{s:I, s:s}", "at", (json_int_t)e->at_ms, "event", names[e->kind]);
        char ip[ADDRESS_TEXT_SIZE];
        if (e->address.port) {
            json_object_set_new(event, "address", json_string(address_ip_text(&e->address, ip)));
            json_object_set_new(event, "port", json_integer(e->address.port));
        }
        add_value(event, e);
        json_array_append_new(events, event);
    }
    return json_pack("{s:I, s:s, s:I, s:I, s:o}", "session", (json_int_t)t->session, "peerId", t->peer,
                     "startedAt", started, "dropped", (json_int_t)t->count - kept + t->unsaid, "events",
                     events);
}
