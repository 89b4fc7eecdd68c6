/* The ICE and DTLS events of one session (docs/signaling.md): the last TIMELINE_EVENTS_MAX ones. */
#pragma once
#include "base/limits.h"
#include "base/path.h"
#include "base/time.h"
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum timeline_kind {
    TIMELINE_OFFERED,
    TIMELINE_CLAIMED, /* value: worker */
    TIMELINE_PATH_SEEN,
    TIMELINE_CHECK_SENT,
    TIMELINE_CHECK_ANSWERED, /* value: us */
    TIMELINE_CHECK_FAILED,
    TIMELINE_NOMINATED,
    TIMELINE_PATH_SELECTED, /* value: enum ice_reason */
    TIMELINE_PATH_LOST,
    TIMELINE_PATH_FOUND,
    TIMELINE_BYE,
    TIMELINE_RESTART,   /* value: generation */
    TIMELINE_RESTARTED, /* value: generation */
    TIMELINE_DTLS_STARTED,
    TIMELINE_DTLS_CONNECTED,
    TIMELINE_DTLS_FAILED,
    TIMELINE_DTLS_CLOSED,
    TIMELINE_RESTART_ASKED,
    TIMELINE_SOCKET_LOST,
    TIMELINE_SOCKET_RESUMED,
    TIMELINE_TRACK_STALLED, /* value: track */
    TIMELINE_ENDED,         /* value: enum end_reason */
};

struct timeline_event {
    uint32_t at_ms; /* since the start */
    uint32_t value;
    struct address address; /* port 0: none */
    uint8_t kind;
};

struct timeline {
    uint32_t session;
    char peer[PEER_ID_MAX + 1];
    mp_time started;
    uint32_t count;  /* number of all events; event i is at i % TIMELINE_EVENTS_MAX */
    uint32_t unsaid; /* events that were rate-limited */
    struct timeline_event events[TIMELINE_EVENTS_MAX];
};

struct timeline *timeline_new(uint32_t session, const char *peer, mp_time now); /* NULL: no memory */
/* `timeline` may be NULL (no memory); `address` too. */
void timeline_note(struct timeline *, enum timeline_kind, const struct address *, uint32_t value, mp_time at);
/* `wall`: NTP time at mp_time 0. NULL: no memory. */
json_t *timeline_json(const struct timeline *, mp_time wall);
const char *timeline_reason(uint32_t ice_reason); /* "nominated", "roamed", "restarted" */
