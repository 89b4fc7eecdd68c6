/* A session's published streams and its subscriptions, as the control plane commands them. */
#pragma once
#include "base/time.h"
#include <stdint.h>

struct message;
struct session;
struct sfu;

void streams_publish(struct sfu *, struct session *, const struct message *, mp_time now);
void streams_republish(struct session *, const struct message *); /* with fewer layers */
void streams_unpublish(struct sfu *, struct session *, uint32_t track);
void streams_subscribe(struct sfu *, struct session *, const struct message *, mp_time now);
void streams_unsubscribe(struct sfu *, struct session *, uint32_t track);
/* A sound stops for all viewers but those of every sound, or flows again. */
void streams_quiet(struct sfu *, const struct message *, mp_time now);
