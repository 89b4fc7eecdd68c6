/* RTCP that a client sends: sender reports of its own streams; receiver reports, NACKs and key frame requests
 * of its subscriptions. A viewer's feedback changes only the packets to that viewer; requests to the
 * publisher are merged and throttled. */
#pragma once
#include "base/time.h"
#include <stdbool.h>

struct arrival;
struct session;
struct sfu;

/* True: the packet is authentic. It may still be dropped. */
bool feedback_input(struct sfu *, struct session *, const struct arrival *, mp_time now);
