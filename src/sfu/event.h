/* Events of a session for its timeline in the control plane, at a bounded rate. */
#pragma once
#include "sfu/message.h"

struct session;
struct sfu;

void event_add(struct sfu *, struct session *, const struct session_event *);
/* The same from parts; `path` may be NULL. */
void event_tell(struct sfu *, struct session *, enum session_event_kind, const struct path *, uint32_t value,
                mp_time now);
