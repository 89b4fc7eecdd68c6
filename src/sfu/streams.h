/* What a session publishes and what it watches, as the control plane commands it. */
#pragma once
#include "base/time.h"
#include <stdint.h>

struct message;
struct peer;
struct sfu;

void streams_publish(struct sfu *, struct peer *, const struct message *, mp_time now);
void streams_unpublish(struct sfu *, struct peer *, uint32_t track);
void streams_subscribe(struct sfu *, struct peer *, const struct message *, mp_time now);
void streams_unsubscribe(struct sfu *, struct peer *, uint32_t track);
